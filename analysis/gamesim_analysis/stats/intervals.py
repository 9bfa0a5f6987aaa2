"""Intervals for a mean (Student's t), a rate (Wilson) and any statistic (bootstrap).

Every interval has a defined answer on poor data: one observation gives the estimate and no interval, with the reason;
a constant sample gives an interval of no width.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike

from gamesim.core.errors import MetricError

from .results import Interval, choose, level, sample, spread

Statistic = Callable[..., Any]  # (sample, axis=) -> the statistic along that axis
BOOTSTRAPS = ("percentile", "basic", "BCa")


def mean_interval(values: ArrayLike, confidence: float = 0.95) -> Interval:
    """Student's t interval for a mean.

    Parameters
    ----------
    values : shape (n,), finite
    confidence : in (0, 1)

    Examples
    --------
    >>> i = mean_interval([1.0, 2.0, 3.0, 4.0])
    >>> round(i.low, 4), i.estimate, round(i.high, 4)
    (0.4457, 2.5, 4.5543)
    >>> mean_interval([7.0]).reason
    'one observation has no spread'
    """
    from scipy import stats  # half a second, which checking a scenario's `analysis:` does without

    x, confidence = sample(values), level(confidence)
    mean = float(x.mean())
    if x.size == 1:
        return Interval(mean, None, None, confidence, "t", "one observation has no spread")
    if not spread(x):
        return Interval(mean, mean, mean, confidence, "t")
    half = float(stats.t.ppf((1 + confidence) / 2, x.size - 1) * x.std(ddof=1) / np.sqrt(x.size))
    return Interval(mean, mean - half, mean + half, confidence, "t")


def wilson(successes: float, trials: int, confidence: float = 0.95) -> Interval:
    """Wilson's score interval for a rate.

    Parameters
    ----------
    successes : in [0, trials]; fractions are welcome (half a point for a draw), which only widens the interval
    trials : 0 gives no rate and no interval

    References
    ----------
    .. [1] Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22, 1927.

    Examples
    --------
    >>> i = wilson(5, 100)
    >>> round(i.low, 4), round(i.high, 4)
    (0.0215, 0.1118)
    """
    from scipy import stats

    confidence = level(confidence)
    if trials < 0 or not 0 <= successes <= trials:  # a NaN fails the comparison too
        raise MetricError(f"{successes} successes in {trials} trials; successes must lie in 0..trials.")
    if trials == 0:
        return Interval(None, None, None, confidence, "wilson", "no trials")
    rate, z = successes / trials, float(stats.norm.ppf((1 + confidence) / 2))
    weight = z * z / trials
    centre = (rate + weight / 2) / (1 + weight)
    half = z * np.sqrt(rate * (1 - rate) / trials + weight / (4 * trials)) / (1 + weight)
    low = 0.0 if successes == 0 else float(max(0.0, centre - half))
    high = 1.0 if successes == trials else float(min(1.0, centre + half))
    return Interval(rate, low, high, confidence, "wilson")


def bootstrap(
    values: ArrayLike,
    rng: Generator,
    *,
    statistic: Statistic = np.mean,
    method: str = "percentile",
    resamples: int = 10_000,
    confidence: float = 0.95,
) -> Interval:
    """Bootstrap interval for any statistic of independent units (societies, never decisions).

    Parameters
    ----------
    values : shape (n,)
    rng : draws the resamples; the same generator state gives the same interval
    statistic : called as ``statistic(array, axis=-1)``
    method : ``percentile``, ``basic`` or ``BCa`` (bias-corrected and accelerated)
    resamples : at least 1

    Examples
    --------
    >>> i = bootstrap([3.0, 1.0, 4.0, 1.0, 5.0], np.random.default_rng(1), statistic=np.median)
    >>> i.low, i.estimate, i.high
    (1.0, 3.0, 5.0)
    """
    from scipy import stats

    x, confidence = sample(values), level(confidence)
    choose(method, BOOTSTRAPS, "bootstrap method")
    if resamples < 1:
        raise MetricError(f"resamples must be at least 1, not {resamples}.")
    estimate = float(statistic(x, axis=-1))
    if x.size == 1:
        return Interval(estimate, None, None, confidence, method, "one observation cannot be resampled")
    if not spread(x):
        return Interval(estimate, estimate, estimate, confidence, method)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        result = stats.bootstrap(
            (x,), statistic, n_resamples=resamples, confidence_level=confidence, method=method, rng=rng,
            batch=max(1, min(resamples, 4_000_000 // x.size)), vectorized=True,
        )  # fmt: skip
    low, high = float(result.confidence_interval.low), float(result.confidence_interval.high)
    if np.isfinite(low) and np.isfinite(high):
        return Interval(estimate, low, high, confidence, method)
    drawn = result.bootstrap_distribution
    if np.ptp(drawn) == 0:  # every resample agrees, as the maximum of {0, 1, 1, ..., 1} nearly does
        return Interval(estimate, float(drawn[0]), float(drawn[0]), confidence, method)
    return Interval(estimate, None, None, confidence, method, f"{method} correction is undefined on this sample")
