"""Equilibria of the game that was played, as a metric; the scenario asks ``analysis: [{solve: {concept: all}}]``.

What was played stands beside them: payoffs of a round, regret at the frequencies of choices, and how far these are from the
nearest equilibrium that is listed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field, field_validator

from gamesim.core.arrays import FloatArray
from gamesim.core.behaviour import BehaviourProfile
from gamesim.core.config import Config
from gamesim.core.errors import GamesimError, MetricError, UnknownKindError
from gamesim.core.extensive_form import ExtensiveFormGame
from gamesim.core.profiles import Joint
from gamesim.core.registry import names
from gamesim.core.solution import Limits, Ranking, Solution
from gamesim.core.symmetric import SymmetricGame
from gamesim.scenario.quantities import Duration, Size

from .asked import parameters_of
from .base import Columns, metric
from .cells import CellOf, cells, once, outcomes
from .generic import returns_of

if TYPE_CHECKING:
    from gamesim.run.record import Record
    from gamesim.scenario.scenario import Scenario
    from gamesim_analysis.empirical.observed import Observed
    from gamesim_analysis.equilibrium.cross_check import CrossCheck


class SolveKeys(Config):
    """What ``analysis: [{solve: ...}]`` may say: the flags of ``gamesim solve``."""

    concept: str | None = Field(
        None, description="nash, all, pure, spe, value, correlated, coarse, ...; by default what suits the game."
    )
    method: str = Field("auto", description="A solver, or auto.")
    exact: bool = Field(False, description="Only equilibria proved in fractions count.")
    cross_check: bool = Field(False, description="Ask every method that takes the game.")
    stop_after: int | None = Field(None, ge=1, description="List at most so many equilibria.")
    limit_wall: Duration = Field(60.0, validate_default=False, description="Stop after this long.")
    limit_cpu: Duration | None = Field(None, description="Most processor time of a solver in its own process.")
    limit_memory: Size = Field(2 << 30, validate_default=False, description="Its most memory.")
    parameters: dict[str, Any] = Field({}, description="Parameters of the method, such as {objective: egalitarian}.")

    @field_validator("concept")
    @classmethod
    def _known_concept(cls, value: str | None) -> str | None:
        from gamesim_analysis.equilibrium.concepts import concept_named

        if value is not None and value != "all":
            concept_named(value)
        return value

    @field_validator("method")
    @classmethod
    def _known_method(cls, value: str) -> str:
        if value != "auto" and value not in names("solvers"):
            raise UnknownKindError.named("method", value, ["auto", *names("solvers")])
        return value

    @property
    def limits(self) -> Limits:
        own = {} if self.stop_after is None else {"equilibria": self.stop_after}
        return Limits(self.limit_wall, self.limit_cpu or self.limit_wall, self.limit_memory, **own)


@dataclass(frozen=True, eq=False)
class Solved:
    """One cell's game with its answer.

    Attributes
    ----------
    group : number of the game; cells that play the same share its answer.
    answer : None with ``reason``.
    check : the table of ``cross_check``.
    payoffs : of each player a round, shape (episodes, n); None where seats went round.
    regrets : most that each could have gained at the frequencies of choices; None where they are not known.
    distances : from the frequencies to each listed equilibrium, in total variation; None where it is not measured.
    """

    cell: CellOf
    group: int
    game: Any
    answer: Solution | Ranking | None
    check: CrossCheck | None
    notes: tuple[str, ...]
    reason: str
    payoffs: FloatArray | None
    regrets: tuple[float | None, ...]
    distances: tuple[float | None, ...]

    @property
    def nearest(self) -> int | None:
        known = [(distance, place) for place, distance in enumerate(self.distances) if distance is not None]
        return min(known)[1] if known else None


def solved_of(record: Record) -> list[Solved]:
    """The game of every cell, solved as the scenario asks, and what was played in it; made once for a record.

    Raises
    ------
    MetricError
        If no cell has a formal game.
    """
    keys = parameters_of(record, "solve", SolveKeys)
    return once(record, f"solved {keys}", lambda: _solved(record, keys))


def _solved(record: Record, keys: SolveKeys) -> list[Solved]:
    from gamesim_analysis.equilibrium.concepts import meant, solved
    from gamesim_analysis.equilibrium.sources import of_one_round
    from gamesim_analysis.equilibrium.told import digest_of

    known: dict[str, tuple[int, Any, Solution | Ranking | None, CrossCheck | None, str]] = {}
    found, choices = [], _choices(record)
    for cell in cells(record):
        environment = cell.environment()
        game = environment.game()
        if game is None:
            continue
        key = digest_of(game)
        if key not in known:
            answer, check, reason = None, None, ""
            try:
                concept, every = meant(keys.concept, game, method=keys.method)
                answer, check = solved(
                    game, concept, keys.method, every=every, limits=keys.limits, cross_check=keys.cross_check,
                    exact=keys.exact, **keys.parameters,
                )  # fmt: skip
            except GamesimError as error:
                reason = str(error)
            known[key] = (len(known), game, answer, check, reason)
        group, game, answer, check, reason = known[key]
        seen = choices.get(cell.index)
        regrets = _regrets(game, seen)
        distances = _distances(game, seen, answer)
        found.append(Solved(cell, group, game, answer, check, of_one_round(environment), reason, _payoffs(record, cell, game), regrets, distances))  # fmt: skip
    if not found:
        raise MetricError("no cell of this run has a formal game.", path="environment.kind")
    return found


def _choices(record: Record) -> dict[int, Observed]:
    """What was chosen, by cell; nothing where steps were not kept or a game is neither table nor tree."""
    from gamesim_analysis.empirical.observed import observed

    try:
        return {one.cell.index: one for one in observed(record)}
    except MetricError:
        return {}


def _payoffs(record: Record, cell: CellOf, game: Any) -> FloatArray | None:
    columns = outcomes(record)
    rounds = columns.get("rounds", columns.get("plays"))
    if rounds is None or cell.get("environment.rotate", False):
        return None
    here = columns["cell"] == cell.index
    returns = returns_of(columns)[1][here][:, : len(game.players)]
    return np.asarray(returns / rounds[here].astype(np.float64)[:, None])


def _regrets(game: Any, seen: Observed | None) -> tuple[float | None, ...]:
    if seen is None:
        return (None,) * len(game.players)
    try:
        if isinstance(game, ExtensiveFormGame):
            from gamesim_analysis.text2game.play_score import play_score

            return play_score(seen.counts(), game).regrets
        from gamesim_analysis.empirical.society_regret import society_regret

        counts = seen.counts()
        return society_regret(counts[0] if isinstance(game, SymmetricGame) else counts, game).regrets
    except MetricError:  # nothing valid was chosen
        return (None,) * len(game.players)


def _distances(game: Any, seen: Observed | None, answer: Solution | Ranking | None) -> tuple[float | None, ...]:
    """Total variation from what was chosen to each equilibrium: the largest over players; over the whole society where
    players are alike; over sets weighted by the equilibrium's reach in a tree."""
    if not isinstance(answer, Solution):
        return ()
    if seen is None:
        return (None,) * len(answer.equilibria)
    shares = [c / c.sum() if c.any() else None for c in seen.counts()]
    return tuple(_distance(game, shares, equilibrium.play) for equilibrium in answer.equilibria)


def _distance(game: Any, shares: Sequence[FloatArray | None], play: Any) -> float | None:
    if isinstance(play, Joint):
        return None
    vectors = list(play.probabilities) if isinstance(play, BehaviourProfile) else list(play)
    points = [np.asarray(vector, dtype=np.float64) for vector in vectors]
    if isinstance(game, SymmetricGame):
        points = [np.mean(points, axis=0)]
    weights = np.ones(len(points))
    if isinstance(game, ExtensiveFormGame):
        from gamesim.core.behaviour import reach

        likely = [float(p) for p in reach(game, play)]
        weights = np.array([sum(likely[node] for node in nodes) for nodes in game.members])
    away = np.array([np.nan if share is None else np.abs(share - point).sum() / 2 for share, point in zip(shares, points, strict=True)])  # fmt: skip
    known = np.isfinite(away) & (weights > 0)
    if not known.any() or (not known.all() and not isinstance(game, ExtensiveFormGame)):
        return None
    if isinstance(game, ExtensiveFormGame):
        return float(weights[known] @ away[known] / weights[known].sum())
    return float(away.max())


def _misfit(scenario: Scenario) -> str:
    environment = scenario.environment
    if environment is None:
        return "nothing with a formal game is played"
    return "" if environment.game() is not None else f"'{environment.kind}' has no formal game of these parameters"


@metric("solve", default=False, keys=SolveKeys, misfit=_misfit)
def solve(record: Record) -> Columns:
    """Equilibria of the game that was played, with certificates, a row for each and each player, beside what was played.

    ``payoff``, ``gap`` and ``regret`` are of the equilibrium; ``welfare`` is its sum of payoffs and ``optimum`` the largest
    of pure play. ``payoff_played`` is the mean payoff of a round, ``regret_played`` what the best other strategy would have
    gained at the frequencies of choices, ``distance`` how far these are from the equilibrium (0 to 1).
    """
    from gamesim_analysis.equilibrium.told import words
    from gamesim_analysis.equilibrium.welfare import welfare

    rows: dict[str, list[Any]] = {}

    def add(**values: Any) -> None:
        for key, value in values.items():
            rows.setdefault(key, []).append(value)

    for one in solved_of(record):
        answer = one.answer
        listed = answer.equilibria if isinstance(answer, Solution) else ()
        best = welfare(one.game, answer).optimum if isinstance(answer, Solution) else None
        reason = one.reason or ("" if listed else "a ranking lists no equilibria" if isinstance(answer, Ranking) else "none was found")  # fmt: skip
        for place in range(max(1, len(listed))):
            equilibrium = listed[place] if listed else None
            certificate = None if equilibrium is None else equilibrium.certificate
            for i, player in enumerate(one.game.players):
                add(
                    cell=one.cell.index, equilibrium=None if equilibrium is None else place + 1, player=player,
                    payoff=None if equilibrium is None else float(equilibrium.payoffs[i]),
                    gap=None if certificate is None else float(certificate.gap),
                    regret=float(certificate.regrets[i]) if certificate is not None and len(certificate.regrets) else None,
                    grade=None if certificate is None else certificate.grade,
                    concept=None if answer is None or isinstance(answer, Ranking) else answer.concept,
                    method=None if answer is None else answer.method,
                    complete=answer.complete if isinstance(answer, Solution) else None,
                    welfare=None if equilibrium is None else float(sum(equilibrium.payoffs)),
                    optimum=None if best is None else float(best),
                    payoff_played=None if one.payoffs is None or not len(one.payoffs) else float(one.payoffs[:, i].mean()),
                    regret_played=one.regrets[i],
                    distance=one.distances[place] if one.distances else None, nearest=bool(listed) and one.nearest == place,
                    words=None if equilibrium is None else words(one.game, equilibrium), reason=reason,
                )  # fmt: skip
    return rows
