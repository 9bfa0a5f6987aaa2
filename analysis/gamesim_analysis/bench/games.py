"""Rationality and regret of a board's players on the formal games of their scenarios, from what was chosen there.

Only choices of the stage game count: valid, not imputed, and among the actions that the formal game knows. Play is
repeated, so a fit describes the stage game. In a game whose players are all alike they are counted together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gamesim.core.arrays import FloatArray
from gamesim.core.errors import GamesimError, MetricError
from gamesim.core.seeds import Seeds
from gamesim.core.symmetric import SymmetricGame
from gamesim_analysis.empirical.counts import Table, index_of, labels_of
from gamesim_analysis.empirical.quantal_response import RationalityFit, fit_pooled
from gamesim_analysis.empirical.society_regret import SocietyRegret, society_regret

from .results import Results

CHOICE = "choose"  # the phase of the stage game in the environments that have one


@dataclass(frozen=True)
class Rationality:
    """A player's fit over all formal games it played, and its regret in each.

    Attributes
    ----------
    fit : None with ``reason`` where there is nothing to fit.
    regrets : by scenario.
    """

    fit: RationalityFit | None = None
    regrets: Mapping[str, SocietyRegret] = field(default_factory=dict)
    reason: str | None = None

    @property
    def nash_conv(self) -> float | None:
        """Mean over games of NashConv over the payoff range."""
        found = [r.normalised for r in self.regrets.values() if r.normalised is not None]
        return float(np.mean(found)) if found else None

    @property
    def regret(self) -> float | None:
        """Mean over games and players of the regret, in payoff ranges."""
        found = [r.normalised / len(r.regrets) for r in self.regrets.values() if r.normalised is not None]
        return float(np.mean(found)) if found else None


def rationality(results: Results, *, seed: int = 0) -> dict[str, Rationality]:
    """For every player of the board; empty where no scenario has a formal game."""
    games = {name: game for name in results.plan.scales if (game := _game(results, name)) is not None}
    if not games:
        return {}
    found = {}
    for player in (p.name for p in results.plan.config.players):
        samples: list[tuple[list[FloatArray], Table]] = []
        societies: list[list[list[FloatArray] | None]] = []
        regrets: dict[str, SocietyRegret] = {}
        reasons = []
        for name, game in games.items():
            try:
                each = _counts(results, name, player, game)
            except MetricError as error:
                reasons.append(str(error))
                continue
            if not each:
                continue
            total = [np.sum([society[i] for society in each], axis=0) for i in range(len(each[0]))]
            regrets[name] = society_regret(_as_given(total, game), game)
            for society in societies:
                society.append(None)
            societies += [[*([None] * len(samples)), society] for society in each]
            samples.append((total, game))
        if not samples:
            found[player] = Rationality(reason=reasons[0] if reasons else "it played no formal game")
            continue
        fit, reason = _fitted(samples, societies, seed)
        found[player] = Rationality(fit, regrets, reason)
    return found


def _fitted(
    samples: Sequence[tuple[list[FloatArray], Table]], societies: Sequence[Sequence[Any]], seed: int
) -> tuple[RationalityFit | None, str | None]:
    clusters = [
        [
            None if counts is None else _as_given(counts, game)
            for counts, (_, game) in zip(society, samples, strict=True)
        ]
        for society in societies
    ]
    try:
        fit = fit_pooled(
            [(_as_given(total, game), game) for total, game in samples],
            belief="empirical",
            clusters=clusters,
            rng=Seeds(seed).stream("bootstrap", "rationality"),
        )
    except GamesimError as error:
        return None, str(error)
    return replace(fit, label="stage-game description"), fit.reason


def _as_given(counts: Sequence[FloatArray], game: Table) -> Any:
    """One vector where players are alike, as ``as_counts`` wants it."""
    return counts[0] if isinstance(game, SymmetricGame) else list(counts)


def _game(results: Results, scenario: str) -> Table | None:
    from gamesim.core.normal_form import NormalFormGame

    cells = [entry.cell for entry in results.plan.entries if entry.scenario == scenario]
    environment = results.plan.cells[cells[0]].scenario.environment
    assert environment is not None
    game = environment.game()
    return game if isinstance(game, (NormalFormGame, SymmetricGame)) else None


def _counts(results: Results, scenario: str, player: str, game: Table) -> list[list[FloatArray]]:
    """For every society its counts by player (one vector where players are alike); wordings are societies of their own."""
    cells = sorted({entry.cell for entry in results.plan.find("pure", scenario, player=player)})
    alike = isinstance(game, SymmetricGame)
    sizes = game.shape[:1] if alike else game.shape
    found = []
    for cell in cells:
        environment = results.plan.cells[cell].scenario.environment
        assert environment is not None
        seats = {name: i for i, name in enumerate(environment.seats())}
        columns = results.record.sql(
            f"select seed, agent, action, count(*) as n from steps where cell = {cell} and phase = '{CHOICE}' "
            "and action is not null group by seed, agent, action order by seed, agent, action"
        ).fetch()
        if not len(columns["seed"]):
            continue
        imputed: dict[tuple[int, str, float], int] = {}
        for decision in results.decisions({cell}):
            if decision.imputed and decision.phase == CHOICE and decision.seed is not None:
                at = (decision.seed, decision.agent, float(decision.action))
                imputed[at] = imputed.get(at, 0) + 1
        societies: dict[int, list[FloatArray]] = {}
        for seed, agent, action, n in zip(
            *(np.asarray(columns[c]).tolist() for c in ("seed", "agent", "action", "n")), strict=True
        ):
            own = societies.setdefault(int(seed), [np.zeros(k) for k in sizes])
            place = _place(float(action), game, seats[agent], environment.kind)
            own[0 if alike else seats[agent]][place] += int(n) - imputed.get((int(seed), agent, float(action)), 0)
        found += [societies[seed] for seed in sorted(societies)]
    return found


def _place(action: float, game: Table, seat: int, kind: str) -> int:
    """The formal game's index of an action: the index itself in a matrix game, else the label that is this number."""
    if kind == "matrix":
        return int(action)
    return index_of(action, labels_of(game)[seat])
