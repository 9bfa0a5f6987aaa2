"""Correlations that say why when there is none: Pearson, Spearman, Kendall (ties handled by scipy's tau-b)."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.typing import ArrayLike
from scipy import stats

from gamesim.core.errors import MetricError

from .results import choose, sample, spread

CORRELATIONS = ("pearson", "spearman", "kendall")


@dataclass(frozen=True)
class Correlation:
    """A coefficient in [-1, 1] with its two-sided p, or None for both and the reason."""

    coefficient: float | None
    p: float | None
    n: int
    method: str
    reason: str | None = None


def correlation(x: ArrayLike, y: ArrayLike, method: str = "pearson") -> Correlation:
    """Correlation of two samples taken on the same units.

    Examples
    --------
    >>> round(correlation([1, 2, 3, 4], [1, 4, 9, 16], "kendall").coefficient, 12)
    1.0
    >>> correlation([1, 1, 1], [1, 2, 3]).reason
    'the first sample does not vary'
    """
    choose(method, CORRELATIONS, "correlation")
    a, b = sample(x, "x"), sample(y, "y")
    if a.size != b.size:
        raise MetricError(f"x holds {a.size} numbers and y {b.size}; a correlation needs pairs.")
    n = int(a.size)
    if n < 3:
        return Correlation(None, None, n, method, f"{n} {'pair' if n == 1 else 'pairs'}; at least 3 are needed")
    for values, which in ((a, "first"), (b, "second")):
        if not spread(values):
            return Correlation(None, None, n, method, f"the {which} sample does not vary")
    test = {"pearson": stats.pearsonr, "spearman": stats.spearmanr, "kendall": stats.kendalltau}[method]
    found = test(a, b)
    return Correlation(float(found.statistic), float(found.pvalue), n, method)
