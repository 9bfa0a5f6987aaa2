"""How far play of a game tree is from its equilibria: regret, exploitability, coverage, distance, empty threats, rationality.

Frequencies at each information set stand for the strategies that were played; choices filled in for a failed answer are left
out and counted. Where nobody was seen, nothing is filled in: deviations that would lead to another player's set without data
are left out, and the regret is then a lower bound.

    >>> from gamesim.core.registry import entry
    >>> kuhn = entry("games", "kuhn")()
    >>> score = play_score([[1] * len(s.actions) for s in kuhn.sets], kuhn)       # uniform play
    >>> round(score.nash_conv, 9), score.coverage
    (0.916666667, 1.0)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from gamesim.core.arrays import FloatArray, IntArray
from gamesim.core.behaviour import node_values, reach
from gamesim.core.errors import GamesimError, MetricError, SolverError
from gamesim.core.extensive_form import ExtensiveFormGame
from gamesim.core.seeds import Seeds
from gamesim.core.sequence_form import SequenceForm, sequence_form
from gamesim.core.solution import Limits, Solution
from gamesim_analysis.metrics.base import metric
from gamesim_analysis.metrics.cells import CellOf, cells, dense, once

if TYPE_CHECKING:
    from gamesim.run.record import Record
    from gamesim_analysis.empirical.quantal_response import RationalityFit

DRAWS, FEWER = 2_000, 400  # bootstrap resamples of episodes; in trees of more than ``SMALL`` nodes
SMALL, LARGE = 300, 3_000  # nodes; above ``LARGE`` no interval is drawn
PLANS = 40  # of each of two players, up to which all extreme equilibria are listed; otherwise one, or the pure ones
BRANCH = 120  # nodes up to which rationality is fitted along the branch of quantal response equilibria too
SECONDS = 10.0  # for the equilibria that play is compared with


@dataclass(frozen=True)
class PlayScore:
    """Scores of one tree.

    Attributes
    ----------
    moves : valid choices counted.  excluded : choices filled in for failed answers.
    payoffs, regrets : of each player under the observed frequencies; None where they cannot be had (``reason``).
    lower_bound : per player, whether deviations had to be left out.
    nash_conv, exploitability, relative : sum of the regrets; over n; exploitability over the payoff range.
    coverage : share of information sets with data; ``weighted`` by how often the reference equilibrium comes there.
    distance : total variation to the nearest listed equilibrium, sets weighted by its reach; ``complete`` whether its list is whole.
    non_credible : share of moves that are best in no subgame-perfect equilibrium found; None outside perfect information.
    low, high : 95 % bootstrap interval of the exploitability over episodes.
    """

    moves: int
    excluded: int
    payoffs: tuple[float | None, ...]
    regrets: tuple[float | None, ...]
    lower_bound: tuple[bool, ...]
    nash_conv: float | None
    exploitability: float | None
    relative: float | None
    coverage: float
    weighted: float | None = None
    distance: float | None = None
    nearest: int | None = None
    complete: bool | None = None
    non_credible: float | None = None
    low: float | None = None
    high: float | None = None
    reason: str | None = None


def play_score(
    counts: Sequence[Any], game: ExtensiveFormGame, solution: Solution | None = None, *, excluded: int = 0,
    episodes: Sequence[Sequence[Any]] = (), seed: int = 0,
) -> PlayScore:  # fmt: skip
    """Score counts of actions.

    Parameters
    ----------
    counts : one vector an information set, in the order of ``game.sets``.
    solution : equilibria to compare with; of trees with perfect information the subgame-perfect ones.
    episodes : counts of each episode, whose sum is ``counts``; intervals resample them.

    Raises
    ------
    MetricError
        If counts do not fit the game, or nothing was counted.
    """
    held = [np.asarray(c, dtype=np.float64) for c in counts]
    if [len(c) for c in held] != [len(s.actions) for s in game.sets]:
        raise MetricError("counts do not fit the information sets of the game.", path="counts")
    moves = int(sum(c.sum() for c in held))
    if not moves:
        raise MetricError("no valid choice was counted.", path="counts")
    seen = np.array([c.sum() > 0 for c in held])
    reason = None
    payoffs: tuple[float | None, ...] = (None,) * game.n
    regrets, bound = payoffs, (False,) * game.n
    low = high = None
    if game.perfect_recall:
        form = sequence_form(game)
        payoffs, regrets, bound, reason = _regrets(form, held)
        if episodes and game.size <= LARGE and all(r is not None for r in regrets):
            low, high = _interval(form, episodes, seed)
    else:
        reason = "a player forgets"
    known = [r for r in regrets if r is not None]
    conv = float(sum(known)) if len(known) == game.n else None
    weighted = distance = nearest = complete = None
    if solution is not None and solution.equilibria:
        weighted, distance, nearest = _beside(game, held, seen, solution)
        complete = False if solution.covers.startswith("pure") else solution.complete
    return PlayScore(
        moves, excluded, payoffs, regrets, bound, conv, None if conv is None else conv / game.n,
        None if conv is None else conv / game.n / game.payoff_range, float(seen.mean()), weighted, distance, nearest,
        complete, _non_credible(game, held, solution), low, high, reason,
    )  # fmt: skip


def _plans(form: SequenceForm, counts: Sequence[FloatArray]) -> list[FloatArray]:
    """Realisation plans of the frequencies; NaN behind a set without data that the player's own play reaches."""
    plans = []
    for plex in form.plexes:
        behaviour = np.ones(plex.sequences)
        for h, first, size in zip(plex.sets, plex.first, plex.size, strict=True):
            c = counts[int(h)]
            behaviour[first : first + size] = c / c.sum() if c.sum() > 0 else np.nan
        plan = np.ones(plex.sequences)
        for group in plex.depths:
            for k in group:
                led, own = plan[plex.parent[k]], slice(plex.first[k], plex.first[k] + plex.size[k])
                plan[own] = 0.0 if led == 0 else led * behaviour[own]
        plans.append(plan)
    return plans


def _regrets(
    form: SequenceForm, counts: Sequence[FloatArray]
) -> tuple[tuple[float | None, ...], tuple[float | None, ...], tuple[bool, ...], str | None]:
    plans, n = _plans(form, counts), form.game.n
    at = [plan[ends] for plan, ends in zip(plans, form.leaf_sequences, strict=True)]  # (n, leaves)
    payoffs: list[float | None] = []
    regrets: list[float | None] = []
    bounds: list[bool] = []
    reason = None
    whole = _product(at)
    for i in range(n):
        others = _product([a for j, a in enumerate(at) if j != i]) if n > 1 else np.ones(len(form.weights))
        open_ends = np.isnan(whole) & (form.weights[:, i] != 0)
        got = None if open_ends.any() else float(np.nan_to_num(whole) @ form.weights[:, i])
        dark = np.isnan(others) & (form.weights[:, i] != 0)
        plex = form.plexes[i]
        gradient = np.zeros(plex.sequences)
        np.add.at(gradient, form.leaf_sequences[i], np.where(dark, 0.0, np.nan_to_num(others)) * form.weights[:, i])
        gradient[np.unique(form.leaf_sequences[i][dark])] = -np.inf
        best = plex.best(gradient)[0]
        payoffs.append(got)
        bounds.append(bool(dark.any()))
        if got is None or not np.isfinite(best):
            regrets.append(None)
            reason = "play comes to information sets without data"
        else:
            regrets.append(max(best - got, 0.0))
    return tuple(payoffs), tuple(regrets), tuple(bounds), reason


def _product(parts: Sequence[FloatArray]) -> FloatArray:
    """Products in which zero times unknown is zero."""
    zero = np.any([p == 0 for p in parts], axis=0)
    with np.errstate(invalid="ignore"):
        return np.where(zero, 0.0, np.prod(parts, axis=0))


def _interval(form: SequenceForm, episodes: Sequence[Sequence[Any]], seed: int) -> tuple[float | None, float | None]:
    rng = Seeds(seed).stream("bootstrap", "play_score")
    stacked = [np.array([e[h] for e in episodes], dtype=np.float64) for h in range(len(form.game.sets))]
    values = []
    draws = DRAWS if form.game.size <= SMALL else FEWER
    for _ in range(draws):
        weights = rng.multinomial(len(episodes), np.full(len(episodes), 1.0 / len(episodes))).astype(np.float64)
        regrets = _regrets(form, [weights @ s for s in stacked])[1]
        if all(r is not None for r in regrets):
            values.append(sum(r for r in regrets if r is not None) / form.game.n)
    if len(values) < draws / 2:
        return None, None
    return float(np.quantile(values, 0.025)), float(np.quantile(values, 0.975))


def _beside(
    game: ExtensiveFormGame, counts: Sequence[FloatArray], seen: Any, solution: Solution
) -> tuple[float | None, float | None, int | None]:
    """Coverage by the first equilibrium's reach; distance to the nearest of all."""
    weighted, nearest, least = None, None, None
    for number, equilibrium in enumerate(solution.equilibria):
        odds = [float(p) for p in reach(game, equilibrium.play)]
        mass = np.array([sum(odds[node] for node in nodes) for nodes in game.members])
        if number == 0 and mass.sum() > 0:
            weighted = float(mass[seen].sum() / mass.sum())
        away, total = 0.0, 0.0
        for h, c in enumerate(counts):
            if seen[h] and mass[h] > 0:
                away += (
                    mass[h] * 0.5 * float(np.abs(c / c.sum() - np.asarray(equilibrium.play[h], dtype=np.float64)).sum())
                )
                total += mass[h]
        if total > 0 and (least is None or away / total < least):
            least, nearest = away / total, number
    return weighted, least, nearest


def _non_credible(game: ExtensiveFormGame, counts: Sequence[FloatArray], solution: Solution | None) -> float | None:
    """Share of moves that are best in no subgame-perfect equilibrium of the list, given how it goes on."""
    if solution is None or solution.concept != "spe" or not game.perfect_information or not solution.equilibria:
        return None
    best = [np.zeros(len(s.actions), dtype=bool) for s in game.sets]
    for equilibrium in solution.equilibria:
        values = node_values(game, equilibrium.play)
        for h, (information, (node, *_)) in enumerate(zip(game.sets, game.members, strict=True)):
            worth = np.array([float(values[child][information.player]) for child in game.children[node]])
            best[h] |= worth >= worth.max() - 1e-9 * game.payoff_range
    total = sum(c.sum() for c in counts)
    return float(sum(c[~m].sum() for c, m in zip(counts, best, strict=True)) / total)


# ---- from records -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Played:
    """Choices of a cell by information set.

    Attributes
    ----------
    counts : one vector a set.  episodes : the same of each replicate.  excluded : imputed choices, left out.
    """

    cell: CellOf
    game: ExtensiveFormGame
    counts: list[IntArray]
    episodes: list[list[IntArray]]
    excluded: int


def played(record: Record) -> list[Played]:
    """What was chosen at each information set, cell by cell.

    Raises
    ------
    MetricError
        If no tree was played, or no steps were kept.
    """
    steps = record.sql("SELECT * FROM steps LIMIT 0").columns
    if "set" not in steps or "role" not in steps:
        raise MetricError("no moves of a game tree were kept.", path="record.steps")
    imputed = '"imputed"' if "imputed" in steps else "NULL"
    found = []
    for cell in cells(record):
        tree = getattr(cell.environment(), "tree", None)
        if not isinstance(tree, ExtensiveFormGame):
            raise MetricError("play is scored in game trees.", path="environment.kind")
        rows = record.sql(
            f'SELECT seed, "set" AS at, action, {imputed} AS imputed FROM steps '
            f'WHERE cell = {cell.index} AND "set" IS NOT NULL AND NOT isnan("set") ORDER BY seed, step'
        ).columns
        columns = {name: dense(values).astype(np.float64) for name, values in rows.items()}
        valid = np.nan_to_num(columns["imputed"]) == 0
        episodes = []
        for seed in np.unique(columns["seed"]):
            here = (columns["seed"] == seed) & valid
            mine = [np.zeros(len(s.actions), dtype=np.int64) for s in tree.sets]
            for h, action in zip(columns["at"][here].astype(int), columns["action"][here].astype(int), strict=True):
                mine[h][action] += 1
            episodes.append(mine)
        counts = [np.sum([e[h] for e in episodes], axis=0) for h in range(len(tree.sets))]
        found.append(Played(cell, tree, counts, episodes, int((~valid).sum())))
    return found


def equilibria_of(game: ExtensiveFormGame) -> Solution | None:
    """What play is compared with: subgame-perfect under perfect information, else Nash; None where none was found in time.

    All extreme Nash equilibria where two players have few plans, the pure ones of three or more, one otherwise: choices by the
    game's size, so that a report does not hang on the speed of a machine.
    """
    from gamesim_analysis.equilibrium.router import solve

    try:
        concept = "spe" if game.perfect_information and game.perfect_recall else "nash"
        few = game.n == 2 and game.perfect_recall and max(map(game.strategy_count, range(2))) <= PLANS
        return solve(game, concept, every=few and concept == "nash", limits=Limits(seconds=SECONDS))
    except (GamesimError, SolverError):
        return None


@dataclass(frozen=True)
class Scored:
    """A cell's play with its scores and the equilibria that it is held against."""

    part: Played
    score: PlayScore
    solution: Solution | None

    @property
    def nearest(self) -> Any:
        """The behaviour profile of the nearest equilibrium found; None where there is none."""
        if self.solution is None or self.score.nearest is None:
            return None
        return self.solution.equilibria[self.score.nearest].play


def scored(record: Record) -> list[Scored]:
    """Play of each cell, scored; done once for a record. Errors as in ``played``."""

    def made() -> list[Scored]:
        solutions: dict[ExtensiveFormGame, Solution | None] = {}
        found = []
        for part in played(record):
            if not any(c.sum() for c in part.counts):
                continue
            if part.game not in solutions:
                solutions[part.game] = equilibria_of(part.game)
            solution = solutions[part.game]
            score = play_score(part.counts, part.game, solution, excluded=part.excluded, episodes=part.episodes)
            found.append(Scored(part, score, solution))
        return found

    return once(record, "play of trees, scored", made)


def rationality(
    part: Played, players: Sequence[int] | None = None, belief: Literal["empirical", "equilibrium"] = "empirical"
) -> RationalityFit | str:
    """The fitted lambda of some players, or why there is none."""
    from gamesim_analysis.empirical.quantal_response import fit_logit

    if belief == "equilibrium" and part.game.size > BRANCH:
        return f"not fitted: more than {BRANCH} nodes"
    try:
        return fit_logit(
            part.counts, part.game, belief=belief, players=players, clusters=part.episodes or None, resamples=200
        )
    except GamesimError as error:
        return str(error)


@metric(
    "play_score",
    main={
        "exploitability": "mean over players of what the best deviation from the observed frequencies gains (payoff)",
        "distance": "total variation to the nearest equilibrium found, sets weighted by its reach",
        "coverage": "share of information sets at which somebody was seen to choose",
    },
)
def score(record: Record) -> Mapping[str, Any]:
    """Regret, exploitability, coverage, distance to equilibrium and rationality of play of a game tree, a row a player.

    ``rationality`` is lambda in 1/payoff with frequencies as beliefs, of the player and (``_of_all``) of one lambda for all;
    ``rationality_at_equilibrium`` is one for all along the branch of quantal response equilibria. The words give lambda
    times the payoff range, with its interval over episodes.
    """
    rows: dict[str, list[Any]] = {}

    def add(**values: Any) -> None:
        for key, value in values.items():
            rows.setdefault(key, []).append(value)

    for one in scored(record):
        part, found = one.part, one.score
        together = [rationality(part), rationality(part, belief="equilibrium")]
        for i, player in enumerate(part.game.players):
            fits = [rationality(part, [i]), *together]
            values = {
                f"{name}{end}": how(fit)
                for name, fit in zip(
                    ("rationality", "rationality_of_all", "rationality_at_equilibrium"), fits, strict=True
                )
                for end, how in (("", _lambda), ("_in_words", str))
            }
            add(
                cell=part.cell.index, player=player, moves=int(sum(part.counts[h].sum() for h in part.game.sets_of[i])),
                excluded=found.excluded, payoff=found.payoffs[i], regret=found.regrets[i], lower_bound=found.lower_bound[i],
                exploitability=found.exploitability, low=found.low, high=found.high, relative=found.relative,
                coverage=found.coverage, weighted_coverage=found.weighted, distance=found.distance,
                equilibria_complete=found.complete, non_credible=found.non_credible, **values, reason=found.reason,
            )  # fmt: skip
    return rows


def _lambda(fit: RationalityFit | str) -> float | None:
    return None if isinstance(fit, str) else fit.value


@metric("play_by_set", order=110)
def by_set(record: Record) -> Mapping[str, Any]:
    """What was chosen at each information set of a game tree, beside the nearest equilibrium found."""
    rows: dict[str, list[Any]] = {
        key: [] for key in ("cell", "player", "set", "action", "count", "share", "equilibrium")
    }
    for one in scored(record):
        part, play = one.part, one.nearest
        for h, information in enumerate(part.game.sets):
            total = int(part.counts[h].sum())
            for a, action in enumerate(information.actions):
                values = (
                    part.cell.index, part.game.players[information.player], part.game.set_names[h], action,
                    int(part.counts[h][a]), part.counts[h][a] / total if total else None,
                    None if play is None else float(play[h][a]),
                )  # fmt: skip
                for key, value in zip(rows, values, strict=True):
                    rows[key].append(value)
    return rows
