"""How unequally gains are shared: Gini, equality, Theil, Atkinson, coefficient of variation, top share.

All need gains >= 0 that are not all zero; otherwise the value is None with a reason, never 0 or 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from gamesim.core.arrays import FloatArray
from gamesim.core.errors import MetricError

from .results import Measure, sample


def _shares(gains: ArrayLike) -> tuple[FloatArray | None, str]:
    x = sample(gains, "gains")
    if (x < 0).any():
        return None, "some gains are negative"
    total = float(x.sum())
    if total == 0:
        return None, "total gain is zero"
    if not np.isfinite(total):
        raise MetricError("the gains sum to more than a float can hold.")
    return x / x.mean(), ""


def gini(gains: ArrayLike) -> Measure:
    """Gini coefficient, sum_ij |x_i - x_j| / (2 N sum x): 0 for equal gains, (N-1)/N when one takes all.

    Examples
    --------
    >>> gini([1, 1, 1, 1]).value, gini([0, 0, 0, 8]).value, gini([0, 0]).reason
    (0.0, 0.75, 'total gain is zero')
    """
    x, why = _shares(gains)
    return Measure.null(why) if x is None else Measure(float(_gini_sorted(np.sort(x))))


def equality(gains: ArrayLike) -> Measure:
    """One minus Gini: GovSim's equality (printed there times 100) and Perolat et al.'s E.

    Examples
    --------
    >>> equality([12, 12, 12, 12, 12]).value
    1.0
    """
    found = gini(gains)
    return found if found.value is None else Measure(1.0 - found.value)


def theil(gains: ArrayLike) -> Measure:
    """Theil's T, mean of (x/mean) ln(x/mean): 0 for equal gains, ln N when one takes all.

    Examples
    --------
    >>> round(theil([0, 2]).value, 6)
    0.693147
    """
    x, why = _shares(gains)
    if x is None:
        return Measure.null(why)
    held = x[x > 0]  # 0 ln 0 = 0
    return Measure(max(0.0, float((held * np.log(held)).sum() / x.size)))


def mean_log_deviation(gains: ArrayLike) -> Measure:
    """Theil's L, mean of ln(mean/x); undefined as soon as somebody gains nothing."""
    x, why = _shares(gains)
    if x is None:
        return Measure.null(why)
    if (x == 0).any():
        return Measure.null("somebody gained nothing")
    return Measure(max(0.0, float(-np.log(x).mean())))


def atkinson(gains: ArrayLike, aversion: float = 0.5) -> Measure:
    """Atkinson's index: the share of all gain that could be given up if the rest were shared equally.

    ``aversion`` >= 0 is epsilon; 0 gives 0, 1 gives one minus geometric over arithmetic mean.
    """
    if not (aversion >= 0 and np.isfinite(aversion)):
        raise MetricError(f"aversion must be a finite number >= 0, not {aversion}.")
    x, why = _shares(gains)
    if x is None:
        return Measure.null(why)
    if aversion >= 1 and (x == 0).any():
        return Measure(1.0)  # the limit: one empty hand weighs infinitely
    if aversion == 1:
        equivalent = float(np.exp(np.log(x).mean()))
    else:
        equivalent = float((x ** (1 - aversion)).mean() ** (1 / (1 - aversion)))
    return Measure(min(1.0, max(0.0, 1 - equivalent)))


def coefficient_of_variation(gains: ArrayLike) -> Measure:
    """Standard deviation (of the population, ddof 0) over the mean."""
    x, why = _shares(gains)
    return Measure.null(why) if x is None else Measure(float(x.std()))


def top_share(gains: ArrayLike) -> Measure:
    """The largest gain's share of all gain: 1/N when equal, 1 when one takes all."""
    x, why = _shares(gains)
    return Measure.null(why) if x is None else Measure(float(x.max() / x.size))


def gini_rows(gains: ArrayLike) -> FloatArray:
    """Gini of each row of (B, N) gains. NaN is this table column's null: negative gains, or no gain at all."""
    x = np.asarray(gains, dtype=np.float64)
    if x.ndim != 2 or x.shape[1] == 0:
        raise MetricError(f"gains must have shape (rows, agents); it is {x.shape}.")
    if not np.isfinite(x).all():
        raise MetricError("gains hold numbers that are not finite.")
    totals = x.sum(axis=1, keepdims=True)
    defined = (x >= 0).all(axis=1) & (totals[:, 0] > 0)
    out = np.full(x.shape[0], np.nan)
    kept = np.sort(x[defined], axis=1)
    out[defined] = _gini_sorted(kept * x.shape[1] / totals[defined])
    return out


def _gini_sorted(x: FloatArray) -> FloatArray:
    """Gini of ascending values whose mean is one, along the last axis, without the N x N differences."""
    n = x.shape[-1]
    weights = 2 * np.arange(1, n + 1) - n - 1
    return np.asarray(np.clip((x * weights).sum(axis=-1) / n**2, 0.0, 1.0))
