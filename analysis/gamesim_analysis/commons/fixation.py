"""Whether one imitator's behaviour takes over: fixation under pairwise comparison with the Fermi rule."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike

from gamesim.core.errors import MetricError
from gamesim_analysis.stats.intervals import wilson
from gamesim_analysis.stats.results import Interval


def fermi_fixation(players: int, advantage: float, *, mutants: int = 1) -> float:
    """Fixation probability of mutants with a constant payoff advantage (already multiplied by the selection strength).

    Parameters
    ----------
    players : N >= 1
    advantage : d, any finite number; 0 is neutral
    mutants : how many there are at the start, in [0, N]

    Notes
    -----
    One random i at a time meets a random j != i and copies it with probability 1/(1 + exp(-(pi_j - pi_i))). The ratio of the
    chances to lose and to gain a mutant is exp(-d) whatever their number, hence (1 - e^-id)/(1 - e^-Nd).

    References
    ----------
    .. [1] Szabo, Fath, "Evolutionary games on graphs", Physics Reports 446, 2007, eq. 71 for the rule; derived again.

    Examples
    --------
    >>> round(fermi_fixation(6, 0.3), 6), round(fermi_fixation(8, 0.2), 6), round(fermi_fixation(6, 0.0), 6)
    (0.310508, 0.227125, 0.166667)
    """
    _check(players, mutants, advantage)
    if advantage == 0 or mutants in (0, players):
        return mutants / players
    if advantage > 0:
        return math.expm1(-mutants * advantage) / math.expm1(-players * advantage)
    # The same number, written so that neither exponential overflows.
    d = -advantage
    return math.exp(-(players - mutants) * d) * math.expm1(-mutants * d) / math.expm1(-players * d)


def fixation(advantages: ArrayLike, *, mutants: int = 1) -> float:
    """Fixation when the advantage depends on the number of mutants: ``advantages[k - 1]`` with k = 1..N-1 of them.

    Notes
    -----
    Birth-death chain with loss over gain exp(-d_k): (sum of the first i terms)/(sum of all N terms) of 1, g_1, g_1 g_2, ...

    Examples
    --------
    >>> round(fixation([0.3] * 5), 6)
    0.310508
    """
    d = np.asarray(advantages, dtype=np.float64)
    if d.ndim != 1 or not np.isfinite(d).all():
        raise MetricError("advantages must be a one-dimensional array of finite numbers, one for each k = 1..N-1.")
    _check(d.size + 1, mutants, 0.0)
    logs = np.concatenate(([0.0], -np.cumsum(d)))
    terms = np.exp(logs - logs.max())
    return float(terms[:mutants].sum() / terms.sum())


@dataclass(frozen=True)
class FixationRuns:
    """Simulated fixations: the share with its Wilson interval, and the mean number of copying steps until one kind is left."""

    share: Interval
    fixed: int
    runs: int
    mean_steps: float


def simulate_fixation(
    players: int, advantage: float, runs: int, rng: Generator, *, mutants: int = 1, max_steps: int = 10_000_000
) -> FixationRuns:
    """Play the process of ``fermi_fixation`` many times, all runs at once, one meeting a step.

    Raises
    ------
    MetricError
        If a run has not ended after ``max_steps`` meetings.

    Examples
    --------
    >>> simulate_fixation(6, 0.3, 2_000, np.random.default_rng(1)).share.estimate
    0.324
    """
    _check(players, mutants, advantage)
    if runs < 1:
        raise MetricError(f"runs must be at least 1, not {runs}.")
    gain = _fermi(advantage)
    count = np.full(runs, mutants)
    live = np.flatnonzero((count > 0) & (count < players))
    fixed, met = int((count == players).sum()), 0
    for _ in range(max_steps):
        if not live.size:
            break
        k = count[live]
        u = rng.random((3, live.size))
        focal = u[0] * players < k  # is i a mutant?
        model = u[1] * (players - 1) < np.where(focal, k - 1, k)  # is j, one of the others?
        copies = u[2] < np.where(model, gain, 1 - gain)
        k = k + np.where(focal == model, 0, np.where(model, 1, -1)) * copies
        count[live] = k
        met += int(live.size)
        fixed += int((k == players).sum())
        live = live[(k > 0) & (k < players)]
    if live.size:
        raise MetricError(f"{live.size} of {runs} runs did not end within {max_steps} meetings.")
    return FixationRuns(wilson(fixed, runs), fixed, runs, met / runs)


def _fermi(advantage: float) -> float:
    """1/(1 + e^-d), the exponent clamped to +-50 as in the environment."""
    return 1 / (1 + math.exp(-min(50.0, max(-50.0, advantage))))


def _check(players: int, mutants: int, advantage: float) -> None:
    if players < 1 or not 0 <= mutants <= players:
        raise MetricError(f"{mutants} mutants among {players} players; at least one player and 0..players mutants.")
    if not math.isfinite(advantage):
        raise MetricError(f"advantage must be finite, not {advantage}.")
