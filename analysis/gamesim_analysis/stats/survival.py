"""How long societies last: Kaplan-Meier curves, restricted means and log-rank tests, with runs that reach the horizon censored.

``observed`` is True where the collapse was seen and False where the run ended first; a censored run leaves the risk set
after its last round and never counts as a collapse.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from gamesim.core.arrays import BoolArray, FloatArray, IntArray
from gamesim.core.errors import MetricError

from .multiple import holm
from .results import Interval, Measure, choose, level, sample

BANDS = ("log-log", "linear")


@dataclass(frozen=True)
class SurvivalCurve:
    """Kaplan-Meier's estimate; arrays run over the distinct times, collapses and censorings alike.

    Attributes
    ----------
    survival : S(t), the share still alive just after each time
    low, high : pointwise band, within 0..1. Before the first collapse it is [1, 1], as nothing has been lost. Where S has
        reached 0 Greenwood's variance does not exist: low is 0 and high stays at the last one there was (1 if there was none)
    variance : Greenwood's, of S(t); NaN once S is 0
    """

    times: FloatArray
    at_risk: IntArray
    events: IntArray
    censored: IntArray
    survival: FloatArray
    variance: FloatArray
    low: FloatArray
    high: FloatArray
    confidence: float
    band: str

    @property
    def n(self) -> int:
        return int(self.at_risk[0])

    @property
    def censored_share(self) -> float:
        return float(self.censored.sum() / self.n)

    def at(self, time: float) -> float:
        """S(time): 1 before the first time; beyond the last one only if everybody has collapsed."""
        if time < self.times[0]:
            return 1.0
        if time > self.times[-1] and self.survival[-1] > 0:
            raise MetricError(f"nobody was followed to {time:g}; the longest run ends at {self.times[-1]:g}.")
        return float(self.survival[np.searchsorted(self.times, time, side="right") - 1])

    def band_at(self, time: float) -> tuple[float, float]:
        """The band at a time, as ``at``."""
        self.at(time)
        if time < self.times[0]:
            return 1.0, 1.0
        place = np.searchsorted(self.times, time, side="right") - 1
        return float(self.low[place]), float(self.high[place])

    def median(self) -> Measure:
        """The first time at which S <= 1/2."""
        below = np.flatnonzero(self.survival <= 0.5 + 1e-12)
        if not below.size:
            return Measure.null(f"more than half survive to {self.times[-1]:g}")
        return Measure(float(self.times[below[0]]))

    def restricted_mean(self, limit: float | None = None) -> Interval:
        """Mean of min(T, limit): the area under S up to ``limit`` (default: the last time), normal interval.

        A MetricError if nobody was followed that far and some survived, as the area is then unknown.
        """
        limit = float(self.times[-1] if limit is None else limit)
        if not limit > 0:
            raise MetricError(f"limit must be above 0, not {limit:g}.")
        self.at(limit)
        inside = self.times < limit
        edges = np.concatenate(([0.0], self.times[inside], [limit]))
        areas = np.concatenate(([1.0], self.survival[inside])) * np.diff(edges)
        mean = float(areas.sum())
        left = mean - np.cumsum(areas)[:-1]  # area still to come after each time inside
        d, n = self.events[inside].astype(float), self.at_risk[inside].astype(float)
        last = d == n  # S is 0 from here on, and so is the area to come: 0 * inf = 0
        terms = np.divide(left**2 * d, n * (n - d), out=np.zeros_like(d), where=~last)
        if self.n == 1:
            return Interval(mean, None, None, self.confidence, "restricted mean", "one observation has no spread")
        half = float(stats.norm.ppf((1 + self.confidence) / 2) * np.sqrt(max(0.0, terms.sum())))
        return Interval(mean, mean - half, mean + half, self.confidence, "restricted mean")


@dataclass(frozen=True)
class LogRank:
    """Log-rank test of k groups; chi2 and p are None where there is nothing to compare, and ``reason`` says why."""

    chi2: float | None
    df: int
    p: float | None
    observed: tuple[float, ...]
    expected: tuple[float, ...]
    reason: str | None = None


Lifetimes = tuple[ArrayLike, ArrayLike]  # times, observed


def kaplan_meier(
    times: ArrayLike, observed: ArrayLike, confidence: float = 0.95, band: str = "log-log"
) -> SurvivalCurve:
    """Kaplan and Meier's product-limit estimate with Greenwood's variance.

    Parameters
    ----------
    times : shape (n,), >= 0: round of collapse, or of the last round seen
    observed : shape (n,), True where the collapse was seen
    band : ``log-log`` (normal for ln(-ln S), stays inside 0..1) or ``linear`` (S plus or minus z s.e., cut to 0..1)

    References
    ----------
    .. [1] Kaplan, Meier, "Nonparametric estimation from incomplete observations", JASA 53, 1958.

    Examples
    --------
    >>> curve = kaplan_meier([3, 5, 5, 8], [True, True, False, False])
    >>> curve.times.tolist(), curve.survival.tolist(), curve.at_risk.tolist()
    ([3.0, 5.0, 8.0], [0.75, 0.5, 0.5], [4, 3, 1])
    """
    confidence = level(confidence)
    choose(band, BANDS, "band")
    t, seen = _lifetimes(times, observed)
    found = stats.ecdf(stats.CensoredData.right_censored(t, ~seen)).sf
    points = found.quantiles
    events = np.array([int((seen & (t == x)).sum()) for x in points])
    gone = np.array([int((t == x).sum()) for x in points])
    at_risk = t.size - np.concatenate(([0], np.cumsum(gone)[:-1]))
    survival = np.asarray(found.probabilities, dtype=np.float64)
    variance, low, high = _band(survival, at_risk, events, float(stats.norm.ppf((1 + confidence) / 2)), band)
    return SurvivalCurve(points, at_risk, events, gone - events, survival, variance, low, high, confidence, band)


def logrank(*groups: Lifetimes) -> LogRank:
    """Log-rank test that k groups share one survival curve; with two it is ``scipy.stats.logrank`` squared.

    Parameters
    ----------
    groups : each ``(times, observed)``

    References
    ----------
    .. [1] Mantel, "Evaluation of survival data and two new rank order statistics", Cancer Chemotherapy Reports 50, 1966.

    Examples
    --------
    >>> result = logrank(([1, 2, 3], [1, 1, 1]), ([4, 5, 6], [1, 1, 0]))
    >>> round(result.chi2, 4), result.df
    (5.0517, 1)
    """
    if len(groups) < 2:
        raise MetricError(f"a log-rank test compares at least 2 groups, not {len(groups)}.")
    k = len(groups)
    lifetimes = [_lifetimes(times, seen) for times, seen in groups]
    points = np.unique(np.concatenate([t[seen] for t, seen in lifetimes]))
    died = np.array([[(seen & (t == x)).sum() for x in points] for t, seen in lifetimes], dtype=float).reshape(k, -1)
    risk = np.array([[(t >= x).sum() for x in points] for t, seen in lifetimes], dtype=float).reshape(k, -1)
    observed = tuple(float(x) for x in died.sum(axis=1))
    if not points.size:
        return LogRank(None, 0, None, observed, (0.0,) * k, "no collapse in any group")
    n, d = risk.sum(axis=0), died.sum(axis=0)
    share = risk / n
    expected = (share * d).sum(axis=1)
    # Hypergeometric covariance; with one at risk nothing can vary.
    factor = np.divide(d * (n - d), n - 1, out=np.zeros_like(d), where=n > 1)
    covariance = np.diag((factor * share).sum(axis=1)) - (factor * share) @ share.T
    rank = int(np.linalg.matrix_rank(covariance, tol=1e-10 * max(1.0, float(np.abs(covariance).max()))))
    if rank == 0:
        why = "the groups are never at risk together"
        return LogRank(None, 0, None, observed, tuple(map(float, expected)), why)
    gap = np.array(observed) - expected
    chi2 = max(0.0, float(gap @ np.linalg.pinv(covariance, rcond=1e-10, hermitian=True) @ gap))
    return LogRank(chi2, rank, float(stats.chi2.sf(chi2, rank)), observed, tuple(map(float, expected)))


def stratified_logrank(strata: Sequence[tuple[Lifetimes, Lifetimes]]) -> LogRank:
    """Log-rank test that two groups share their survival curve in every stratum (a scenario); what differs between strata is left out.

    Parameters
    ----------
    strata : the two groups' lifetimes in each; with one stratum this is ``logrank``.
    """
    observed, expected, variance = np.zeros(2), np.zeros(2), 0.0
    for first, second in strata:
        lifetimes = [_lifetimes(times, seen) for times, seen in (first, second)]
        for x in np.unique(np.concatenate([t[seen] for t, seen in lifetimes])):
            died = np.array([(seen & (t == x)).sum() for t, seen in lifetimes], dtype=float)
            risk = np.array([(t >= x).sum() for t, seen in lifetimes], dtype=float)
            n, d = risk.sum(), died.sum()
            observed += died
            expected += d * risk / n
            variance += d * (risk[0] / n) * (risk[1] / n) * (n - d) / (n - 1) if n > 1 else 0.0
    told = tuple(map(float, observed)), tuple(map(float, expected))
    if variance <= 0:
        why = "no collapse in any group" if not observed.sum() else "the groups are never at risk together"
        return LogRank(None, 0, None, *told, why)
    chi2 = float((observed[0] - expected[0]) ** 2 / variance)
    return LogRank(chi2, 1, float(stats.chi2.sf(chi2, 1)), *told)


def pairwise_logrank(groups: Mapping[str, Lifetimes]) -> FloatArray:
    """Holm-adjusted log-rank p of every pair, shape (k, k), ready for ``compact_letters``.

    A pair that cannot be told apart, as when nobody collapsed in either, counts as p = 1.
    """
    names = list(groups)
    pairs = [(i, j) for i in range(len(names)) for j in range(i + 1, len(names))]
    adjusted = holm([logrank(groups[names[i]], groups[names[j]]).p for i, j in pairs])
    out = np.ones((len(names), len(names)))
    for (i, j), p in zip(pairs, adjusted, strict=True):
        out[i, j] = out[j, i] = 1.0 if p is None else p
    return out


def _lifetimes(times: ArrayLike, observed: ArrayLike) -> tuple[FloatArray, BoolArray]:
    t = sample(times, "times")
    flags = np.asarray(observed)
    if flags.shape != t.shape:
        raise MetricError(f"times has shape {t.shape} and observed {flags.shape}; they must agree.")
    if not np.isin(flags, (0, 1)).all():
        raise MetricError("observed must hold only true (collapse seen) and false (censored).")
    if (t < 0).any():
        raise MetricError(f"times holds {t.min():g}; a lifetime is at least 0.")
    return t, flags.astype(bool)


def _band(
    survival: FloatArray, at_risk: IntArray, events: IntArray, z: float, band: str
) -> tuple[FloatArray, FloatArray, FloatArray]:
    d, n = events.astype(float), at_risk.astype(float)
    steps = np.divide(d, n * (n - d), out=np.zeros_like(d), where=n > d)
    rate = np.cumsum(steps)  # Greenwood's sum
    variance = np.where(survival > 0, survival**2 * rate, np.nan)
    low, high = np.ones_like(survival), np.ones_like(survival)
    inner = (survival > 0) & (survival < 1)
    s = survival[inner]
    if band == "log-log":
        width = z * np.sqrt(rate[inner]) / np.abs(np.log(s))
        low[inner], high[inner] = s ** np.exp(width), s ** np.exp(-width)
    else:
        half = z * np.sqrt(variance[inner])
        low[inner], high[inner] = np.clip(s - half, 0, 1), np.clip(s + half, 0, 1)
    over = np.flatnonzero(survival <= 0)
    if over.size:
        low[over] = 0.0
        high[over] = high[over[0] - 1] if over[0] > 0 and survival[over[0] - 1] < 1 else 1.0
    return variance, low, high
