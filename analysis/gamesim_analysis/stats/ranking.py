"""Ranking several groups whose observations are paired: joint bootstrap, probabilities of ranks, and what n can detect.

Observations are societies. All groups of one stratum (a scenario) share their seeds, so a resample draws seeds, and draws
them for all groups at once: differences between groups keep their pairing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike
from scipy import stats

from gamesim.core.arrays import FloatArray
from gamesim.core.errors import MetricError


def joint_bootstrap(
    strata: Mapping[str, ArrayLike], rng_of: Callable[[str], Generator], resamples: int = 10_000
) -> FloatArray:
    """Resampled mean scores: the mean over strata of the mean over drawn seeds.

    Parameters
    ----------
    strata : by name, shape (M, ..., n): M groups, n seeds that they share; axes between are averaged (as wordings are).
    rng_of : gives the stream of a stratum, so that adding one changes nobody else's draws.

    Returns
    -------
    Shape (M, resamples).

    Examples
    --------
    >>> scores = joint_bootstrap({"s": [[1.0, 2.0, 3.0], [2.0, 3.0, 4.0]]}, lambda name: np.random.default_rng(0), 50)
    >>> bool(np.allclose(scores[1] - scores[0], 1.0))  # the difference has no spread, so neither have its resamples
    True
    """
    if not strata:
        raise MetricError("there is nothing to resample.", path="strata")
    total: FloatArray | None = None
    for name in strata:
        values = np.asarray(strata[name], dtype=np.float64)
        n = values.shape[-1]
        if n == 0:
            raise MetricError("no seed is shared by all.", path=f"strata.{name}")
        counts = rng_of(name).multinomial(n, np.full(n, 1 / n), size=resamples)
        flat = values.reshape(values.shape[0], -1, n).mean(axis=1)
        centre = flat.mean(axis=1, keepdims=True)  # resamples of a constant row are then that constant exactly
        means = centre + (flat - centre) @ counts.T / n
        total = means if total is None else total + means
    assert total is not None
    return total / len(strata)


def rank_probabilities(scores: ArrayLike) -> FloatArray:
    """How often each group has each rank.

    Parameters
    ----------
    scores : shape (M, B), the higher the better; groups that tie share their ranks evenly.

    Returns
    -------
    Shape (M, M): row m, column k is the probability of rank k + 1. Rows and columns sum to 1.

    Examples
    --------
    >>> rank_probabilities([[3.0, 1.0], [2.0, 1.0]]).tolist()
    [[0.75, 0.25], [0.25, 0.75]]
    """
    draws = np.asarray(scores, dtype=np.float64)
    m = len(draws)
    # Scores that differ by rounding only are equal.
    scale = np.maximum(np.abs(draws).max(axis=0), 1.0) * 1e-12
    above = np.zeros(draws.shape, dtype=np.int64)
    equal = np.zeros(draws.shape, dtype=np.int64)
    for other in draws:
        above += other > draws + scale
        equal += np.abs(other - draws) <= scale
    out = np.empty((m, m))
    for k in range(m):
        out[:, k] = (((above <= k) & (k < above + equal)) / equal).mean(axis=1)
    return out


def detectable_difference(
    spreads: Sequence[float], n: int, *, power: float = 0.8, alpha: float = 0.05, paired: float = 0.0
) -> float:
    """The smallest difference of two mean scores that n seeds a scenario find with this power.

    Parameters
    ----------
    spreads : standard deviation of a society's score in each scenario.
    n : seeds a scenario.
    paired : correlation of two models' scores on the same seed; 0 is the careful guess.

    Notes
    -----
    Normal approximation of a two-sided test: (z(1 - alpha/2) + z(power)) times the standard error of the difference of
    means over scenarios.

    Examples
    --------
    >>> round(detectable_difference([1.0], 16), 4)
    0.9905
    """
    if n < 1 or not spreads:
        raise MetricError("a difference is detected with at least one seed and one scenario.")
    error = np.sqrt(2 * (1 - paired) * np.sum(np.square(spreads)) / n) / len(spreads)
    return float((stats.norm.ppf(1 - alpha / 2) + stats.norm.ppf(power)) * error)
