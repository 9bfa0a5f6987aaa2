"""The statistics of a board, from scores alone: who stands where, how surely, and who cannot be told apart.

The unit is a society. A player's score is the mean over scenarios of the mean over seeds (and over wordings). Players
share their seeds, so seeds are resampled for all of them together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import stats as scipy_stats

from gamesim.core.arrays import FloatArray
from gamesim.core.errors import MetricError
from gamesim.core.seeds import Seeds
from gamesim_analysis.stats.anova import AnovaTable, levene, two_way
from gamesim_analysis.stats.multiple import holm
from gamesim_analysis.stats.ranking import joint_bootstrap, rank_probabilities
from gamesim_analysis.stats.results import Interval, Measure
from gamesim_analysis.stats.survival import Lifetimes, pairwise_logrank, stratified_logrank
from gamesim_analysis.stats.tukey import compact_letters, tukey_hsd

CENSORED = 0.2  # share of a cell that only the horizon ended, above which lifetimes are compared instead of means
TAU = 0.8

Scores = Mapping[int, Mapping[int, float]]  # wording -> seed -> score


@dataclass(frozen=True)
class Cell:
    """What one player did in one scenario.

    Attributes
    ----------
    scores : by wording and seed.
    lives : lifetimes and whether their end was seen, of the first wording; None where the score is no lifetime.
    """

    scores: Scores
    lives: Lifetimes | None = None

    @property
    def censored(self) -> float:
        """Share of societies that reached the horizon."""
        if self.lives is None:
            return 0.0
        seen = np.asarray(self.lives[1], dtype=bool)
        return float(1 - seen.mean()) if seen.size else 0.0


Table = Mapping[str, Mapping[str, Cell]]  # player -> scenario -> cell


@dataclass(frozen=True)
class Letters:
    """Who shares a letter is not told apart at 0.05; None with a reason where no test is possible."""

    letters: Mapping[str, str] | None
    method: str
    reason: str | None = None


@dataclass(frozen=True)
class Standing:
    """One player's place.

    Attributes
    ----------
    rank : by score among those ranked, 1 is best; ties share the better rank.  low, high : 95 % of its bootstrap ranks.
    probabilities : of rank 1, 2, ... among those ranked.
    """

    player: str
    score: Interval
    by_scenario: Mapping[str, Interval]
    rank: int | None = None
    low: int | None = None
    high: int | None = None
    probabilities: tuple[float, ...] = ()
    letters: str | None = None


@dataclass(frozen=True)
class Wording:
    """How far a player's score depends on the wording of the prompts."""

    player: str
    means: tuple[float, ...]
    spread: Interval
    share: float | None  # of the variance of scores


@dataclass(frozen=True)
class Statistics:
    """See the module; players from best to worst, those not ranked after them."""

    standings: tuple[Standing, ...]
    letters: Letters
    by_scenario: Mapping[str, Letters]
    anova: AnovaTable | None
    levene: Measure
    wordings: tuple[Wording, ...]
    tau: float | None
    notes: tuple[str, ...] = ()

    @property
    def depends_on_wording(self) -> bool:
        return self.tau is not None and self.tau < TAU


def statistics(table: Table, ranked: Sequence[str], *, seed: int = 0, resamples: int = 10_000) -> Statistics:
    """Compare players.

    Parameters
    ----------
    table : every player has every scenario that it plays; one that lacks some is listed and cannot be ranked.
    ranked : who may be ranked; the others are listed.
    seed : of stream ``("bootstrap",)``.

    Raises
    ------
    MetricError
        If somebody to be ranked lacks a scenario, or nobody has a score.
    """
    scenarios = sorted({scenario for cells in table.values() for scenario in cells})
    whole = sorted(player for player, cells in table.items() if set(cells) == set(scenarios))
    for player in ranked:
        if player not in whole:
            raise MetricError(f"'{player}' is ranked and did not play every scenario.", path="board")
    if not scenarios:
        raise MetricError("nobody has a score.", path="board")
    notes: list[str] = []
    strata: dict[str, FloatArray] = {}
    seeds: dict[str, list[int]] = {}
    for scenario in scenarios:
        seeds[scenario], note = _shared(table, whole, scenario)
        notes += [note] if note else []
        strata[scenario] = _array(table, whole, scenario, seeds[scenario])
    draws = _draws(strata, seed, resamples) if whole else np.zeros((0, resamples))
    scores = {player: float(np.mean([strata[s][i].mean() for s in scenarios])) for i, player in enumerate(whole)}
    single = {s: _draws({s: strata[s]}, seed, resamples) for s in scenarios} if whole else {}
    inside = sorted(ranked, key=lambda player: (-scores[player], player))
    rows = [whole.index(player) for player in inside]
    chances = rank_probabilities(draws[rows]) if rows else np.zeros((0, 0))
    letters, by_scenario = _letters(table, inside, scenarios, strata, whole, seeds)
    standings = []
    for place, player in enumerate(inside):
        better = sum(scores[other] > scores[player] + 1e-12 * max(1, abs(scores[player])) for other in inside)
        low, high = _span(chances[place])
        standings.append(
            Standing(
                player,
                _interval(scores[player], draws[whole.index(player)]),
                {
                    s: _interval(float(strata[s][whole.index(player)].mean()), single[s][whole.index(player)])
                    for s in scenarios
                },
                better + 1,
                low,
                high,
                tuple(float(p) for p in chances[place]),
                None if letters.letters is None else letters.letters[player],
            )
        )
    for player in sorted(set(table) - set(inside), key=lambda name: (-scores.get(name, -np.inf), name)):
        standings.append(_listed(player, table[player], whole, scores, draws, single, strata, seed, resamples))
    return Statistics(
        tuple(standings),
        letters,
        by_scenario,
        _anova(table, inside, scenarios, seeds),
        _levene(table, inside, scenarios, seeds),
        _wordings(strata, whole, inside, seed, resamples),
        _agreement(strata, whole, inside),
        tuple(notes),
    )


# ---- arrays --------------------------------------------------------------------------------------------------------


def _shared(table: Table, players: Sequence[str], scenario: str) -> tuple[list[int], str]:
    """Seeds that every complete player has in every wording, and a note where some had to go."""
    sets = [set(by_seed) for player in players for by_seed in table[player][scenario].scores.values()]
    if not sets:
        return [], ""
    common, every = set.intersection(*sets), set.union(*sets)
    if not common:
        raise MetricError(f"no seed of '{scenario}' was finished by all players.", path="board")
    lost = len(every) - len(common)
    return sorted(
        common
    ), f"{lost} of {len(every)} seeds of {scenario} are left out: not everybody finished them" if lost else ""


def _array(table: Table, players: Sequence[str], scenario: str, seeds: Sequence[int]) -> FloatArray:
    """Shape (players, wordings, seeds)."""
    return np.array(
        [
            [[by_seed[s] for s in seeds] for _, by_seed in sorted(table[player][scenario].scores.items())]
            for player in players
        ]
    ).reshape(len(players), -1, len(seeds))


def _draws(strata: Mapping[str, FloatArray], seed: int, resamples: int) -> FloatArray:
    return joint_bootstrap(strata, lambda name: Seeds(seed).stream("bootstrap", name), resamples)


def _interval(estimate: float, draws: FloatArray) -> Interval:
    if np.ptp(draws) <= 1e-12 * max(1.0, abs(estimate)):
        return Interval(estimate, estimate, estimate, 0.95, "percentile")
    low, high = np.quantile(draws, [0.025, 0.975])
    return Interval(estimate, float(low), float(high), 0.95, "percentile")


def _span(chances: FloatArray) -> tuple[int, int]:
    """The central 95 % of the ranks, at least."""
    below = np.cumsum(chances)
    low = int(np.searchsorted(below, 0.025, side="right"))
    high = int(np.searchsorted(below, 0.975 - 1e-12, side="left"))
    return min(low, len(chances) - 1) + 1, min(high, len(chances) - 1) + 1


def _listed(
    player: str,
    cells: Mapping[str, Cell],
    whole: Sequence[str],
    scores: Mapping[str, float],
    draws: FloatArray,
    single: Mapping[str, FloatArray],
    strata: Mapping[str, FloatArray],
    seed: int,
    resamples: int,
) -> Standing:
    """A player without a rank: its score where it played everything, and what it did where it played."""
    if player in whole:
        at = whole.index(player)
        parts = {s: _interval(float(strata[s][at].mean()), single[s][at]) for s in strata}
        return Standing(player, _interval(scores[player], draws[at]), parts)
    parts = {}
    for scenario, cell in sorted(cells.items()):
        seeds = sorted(set.intersection(*(set(by_seed) for by_seed in cell.scores.values())))
        if seeds:
            own = np.array([[[by_seed[s] for s in seeds] for _, by_seed in sorted(cell.scores.items())]])
            parts[scenario] = _interval(float(own.mean()), _draws({scenario: own}, seed, resamples)[0])
    return Standing(player, Interval(None, None, None, 0.95, "percentile", "did not play every scenario"), parts)


# ---- tests ---------------------------------------------------------------------------------------------------------


def _letters(
    table: Table,
    players: Sequence[str],
    scenarios: Sequence[str],
    strata: Mapping[str, FloatArray],
    whole: Sequence[str],
    seeds: Mapping[str, Sequence[int]],
) -> tuple[Letters, dict[str, Letters]]:
    if len(players) < 2:
        alone = Letters(None, "none", "fewer than two players are ranked")
        return alone, dict.fromkeys(scenarios, alone)
    each = {s: strata[s].mean(axis=1) for s in scenarios}
    by_scenario = {}
    for scenario in scenarios:
        means = [float(each[scenario][whole.index(p)].mean()) for p in players]
        if _lifetimes_matter(table, players, scenario):
            lives = {p: table[p][scenario].lives for p in players}
            p_values = pairwise_logrank({p: life for p, life in lives.items() if life is not None})
            found = compact_letters(p_values, means=means)
            by_scenario[scenario] = Letters(dict(zip(players, found, strict=True)), LOG_RANK)
        else:
            by_scenario[scenario] = _tukey({p: each[scenario][whole.index(p)] for p in players})
    if len(scenarios) == 1:
        return by_scenario[scenarios[0]], by_scenario
    if all(table[p][s].lives is not None for p in players for s in scenarios) and any(
        _lifetimes_matter(table, players, s) for s in scenarios
    ):
        return _stratified(table, players, scenarios, each, whole), by_scenario
    common = sorted(set.intersection(*(set(seeds[s]) for s in scenarios)))
    if not common:
        return Letters(None, "Tukey HSD", "scenarios share no seed number"), by_scenario
    means_of = {}
    for player in players:
        rows = [each[s][whole.index(player)][[seeds[s].index(seed) for seed in common]] for s in scenarios]
        means_of[player] = np.mean(rows, axis=0)
    return _tukey(means_of), by_scenario


LOG_RANK = "log-rank, Holm"


def _lifetimes_matter(table: Table, players: Sequence[str], scenario: str) -> bool:
    cells = [table[player][scenario] for player in players]
    return all(cell.lives is not None for cell in cells) and any(cell.censored > CENSORED for cell in cells)


def _tukey(groups: Mapping[str, FloatArray]) -> Letters:
    found = tukey_hsd(groups)
    letters = None if found.letters is None else dict(zip(groups, found.letters, strict=True))
    return Letters(letters, "Tukey HSD", found.reason)


def _stratified(
    table: Table,
    players: Sequence[str],
    scenarios: Sequence[str],
    each: Mapping[str, FloatArray],
    whole: Sequence[str],
) -> Letters:
    pairs = list(combinations(range(len(players)), 2))
    raw = []
    for i, j in pairs:
        lives = [(table[players[i]][s].lives, table[players[j]][s].lives) for s in scenarios]
        raw.append(stratified_logrank([(a, b) for a, b in lives if a is not None and b is not None]).p)
    p_values = np.ones((len(players), len(players)))
    for (i, j), p in zip(pairs, holm(raw), strict=True):
        p_values[i, j] = p_values[j, i] = 1.0 if p is None else p
    means = [float(np.mean([each[s][whole.index(p)].mean() for s in scenarios])) for p in players]
    found = compact_letters(p_values, means=means)
    return Letters(dict(zip(players, found, strict=True)), f"{LOG_RANK}, stratified by scenario")


def _rows(
    table: Table, players: Sequence[str], scenarios: Sequence[str], seeds: Mapping[str, Sequence[int]]
) -> list[tuple[str, str, float]]:
    """(player, scenario, score) of every society; wordings of one seed are one observation, their mean."""
    return [
        (p, s, float(np.mean([by_seed[seed] for by_seed in table[p][s].scores.values()])))
        for p in players
        for s in scenarios
        for seed in sorted(set.intersection(*(set(by_seed) for by_seed in table[p][s].scores.values())))
    ]


def _anova(
    table: Table, players: Sequence[str], scenarios: Sequence[str], seeds: Mapping[str, Sequence[int]]
) -> AnovaTable | None:
    rows = _rows(table, players, scenarios, seeds)
    if len(players) < 2 or len(rows) < 3:
        return None
    return two_way([v for _, _, v in rows], [p for p, _, _ in rows], [s for _, s, _ in rows], ("model", "scenario"))


def _levene(
    table: Table, players: Sequence[str], scenarios: Sequence[str], seeds: Mapping[str, Sequence[int]]
) -> Measure:
    groups: dict[str, list[float]] = {}
    for player, scenario, value in _rows(table, players, scenarios, seeds):
        groups.setdefault(f"{player} / {scenario}", []).append(value)
    return levene(groups) if len(groups) > 1 else Measure.null("fewer than 2 groups")


# ---- wordings ------------------------------------------------------------------------------------------------------


def _wordings(
    strata: Mapping[str, FloatArray], whole: Sequence[str], players: Sequence[str], seed: int, resamples: int
) -> tuple[Wording, ...]:
    count = {array.shape[1] for array in strata.values()}
    if count == {1} or len(count) != 1 or not players:
        return ()
    (words,) = count
    drawn = np.array([_draws({s: a[:, w] for s, a in strata.items()}, seed, resamples) for w in range(words)])
    found = []
    for player in players:
        at = whole.index(player)
        means = tuple(float(np.mean([a[at, w].mean() for a in strata.values()])) for w in range(words))
        spreads = np.ptp(drawn[:, at], axis=0)
        found.append(
            Wording(player, means, _interval(float(np.ptp(means)), spreads), _share([a[at] for a in strata.values()]))
        )
    return tuple(found)


def _share(arrays: Sequence[FloatArray]) -> float | None:
    """Part of the sum of squares within scenarios that the wording explains; each array has shape (wordings, seeds)."""
    explained = sum(a.shape[1] * float(((a.mean(axis=1) - a.mean()) ** 2).sum()) for a in arrays)
    total = sum(float(((a - a.mean()) ** 2).sum()) for a in arrays)
    return explained / total if total > 1e-24 else None


def _agreement(strata: Mapping[str, FloatArray], whole: Sequence[str], players: Sequence[str]) -> float | None:
    """The smallest Kendall's tau between the boards of two wordings."""
    words = min((array.shape[1] for array in strata.values()), default=1)
    if words < 2 or len(players) < 2:
        return None
    at = [whole.index(player) for player in players]
    boards = [np.mean([a[at, w].mean(axis=1) for a in strata.values()], axis=0) for w in range(words)]
    return min(_tau(a, b) for a, b in combinations(boards, 2))


def _tau(a: FloatArray, b: FloatArray) -> float:
    found = float(scipy_stats.kendalltau(a, b).statistic)
    if np.isfinite(found):
        return found
    return (
        1.0 if np.ptp(a) == np.ptp(b) == 0 else 0.0
    )  # all alike on one board: an order that says nothing about the other's
