"""What follows from any growth law: best yield, steady states, the fraction that extinguishes, the stock below which it collapses.

All of it reads the very functions the environment simulates (``gamesim.envs.commons.growth``), cut at the capacity and
without noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq, minimize_scalar

from gamesim.core.arrays import FloatArray
from gamesim.core.errors import MetricError
from gamesim.envs.commons.growth import GrowthLaw, advance, before_harvest, grow, sustainable_harvest

from .yields import Yield

SCAN = 20_001  # stocks looked at before roots are refined


def law_yield(law: GrowthLaw) -> Yield:
    """The largest harvest the law sustains for ever, and the stock that gives it.

    Examples
    --------
    >>> law_yield(GrowthLaw("doubling_cap", capacity=100.0))
    Yield(stock=100.0, harvest=50.0, fraction=0.5, escapement=50.0, order='harvest_then_grow')
    >>> round(law_yield(GrowthLaw("allee", rate=0.5, capacity=100.0, allee=20.0)).harvest, 4)
    26.2569
    """
    rest = _best_rest(law)
    grown = _grown(rest, law)
    harvest = max(0.0, grown - rest)
    stock = rest if law.order == "grow_net" else grown
    if law.order == "grow_net" and harvest > stock:  # nobody can take more than stands there
        rest = stock = harvest = float(brentq(lambda s: _grown(s, law) - 2 * s, rest, law.capacity))
    return Yield(stock, harvest, harvest / stock if stock > 0 else 0.0, rest, law.order)


def _grown(stock: float, law: GrowthLaw) -> float:
    """What growth makes of a stock: cut at K, but not before a harvest that comes after it."""
    return float(_growths(np.array(stock), law))


def _growths(stock: FloatArray, law: GrowthLaw) -> FloatArray:
    return before_harvest(stock, law) if law.order == "grow_net" else grow(stock, law)


def _best_rest(law: GrowthLaw) -> float:
    """Where g(S) - S is largest; the smallest such stock."""
    k, r = law.capacity, law.rate
    if law.law == "logistic":
        return k / 2 if r <= 2 or law.order == "grow_net" else k / r
    if law.law == "doubling_cap":
        return k / law.factor
    if law.law == "inverse":
        return max(0.0, k - law.addition)
    if law.law == "allee":
        a = law.allee
        peak = (a + k + np.sqrt((a + k) ** 2 - 3 * a * k)) / 3
        raw = peak + r * peak * (1 - peak / k) * (peak / a - 1)
        return float(peak if raw <= k or law.order == "grow_net" else k - float(sustainable_harvest(np.array(k), law)))
    return 0.0  # chemostat: the emptier, the more flows in; none: nothing ever grows


def law_extinction_fraction(law: GrowthLaw) -> float | None:
    """The constant fraction above which no stock persists: 1 - 1/max g(S)/S (max g(S)/S - 1 for ``grow_net``).

    None where no fraction does it, as fish flow into an empty lake (chemostat, inverse).

    Examples
    --------
    >>> round(law_extinction_fraction(GrowthLaw(rate=0.4, capacity=100.0)), 6)
    0.285714
    >>> law_extinction_fraction(GrowthLaw("doubling_cap")), law_extinction_fraction(GrowthLaw("none"))
    (0.5, 0.0)
    """
    if law.law in ("chemostat", "inverse"):
        return None
    best = {"logistic": 1 + law.rate, "doubling_cap": law.factor, "none": 1.0}.get(law.law)
    if best is None:
        stocks = np.linspace(0, law.capacity, SCAN)[1:]
        at = int(np.argmax(_growths(stocks, law) / stocks))
        low, high = stocks[max(0, at - 1)], stocks[min(stocks.size - 1, at + 1)]
        found = minimize_scalar(
            lambda s: -_grown(s, law) / s, bounds=(low, high), method="bounded", options={"xatol": 1e-12 * law.capacity}
        )
        best = max(float(-found.fun), _grown(float(stocks[at]), law) / float(stocks[at]))
    return best - 1 if law.order == "grow_net" else 1 - 1 / best


@dataclass(frozen=True)
class FixedPoint:
    """A stock before harvest that repeats itself; ``slope`` is the map's there, taken from the side that exists."""

    stock: float
    slope: float

    @property
    def stable(self) -> bool:
        return abs(self.slope) < 1


def _next(stock: FloatArray, law: GrowthLaw, fraction: float, quota: float) -> FloatArray:
    taken = np.minimum(fraction * stock + quota, stock)
    return advance(stock, stock - taken, taken, law)


def fixed_points(law: GrowthLaw, *, fraction: float = 0.0, quota: float = 0.0) -> tuple[FixedPoint, ...]:
    """All steady stocks under a constant fraction and a constant total quota (cut to the stock), from the lowest up.

    Raises
    ------
    MetricError
        When a whole stretch of stocks is steady, as under law ``none`` without a harvest.

    Examples
    --------
    >>> law = GrowthLaw("allee", rate=0.5, capacity=100.0, allee=20.0)
    >>> [(round(p.stock, 6), p.stable) for p in fixed_points(law)]
    [(0.0, True), (20.0, False), (100.0, True)]
    """
    _take(fraction, quota)
    stocks = np.linspace(0.0, law.capacity, SCAN)
    # The quota's kink: below it everything is taken, above it the rest grows.
    kinks = [quota / (1 - fraction)] if fraction < 1 else []
    stocks = np.unique(np.concatenate((stocks, [x for x in kinks if x <= law.capacity])))
    gap = _next(stocks, law, fraction, quota) - stocks
    tiny = 1e-13 * law.capacity
    gap[np.abs(gap) <= tiny] = 0.0
    zero = gap == 0
    if (zero[:-1] & zero[1:]).sum() > 2:
        first = int(np.flatnonzero(zero[:-1] & zero[1:])[0])
        raise MetricError(
            f"a whole stretch of stocks is steady, from {stocks[first]:g} fish on; no single one stands out."
        )
    roots = list(stocks[zero])
    for i in np.flatnonzero(gap[:-1] * gap[1:] < 0):
        roots.append(brentq(
            lambda s: float(_next(np.array(s), law, fraction, quota)) - s, stocks[i], stocks[i + 1], xtol=1e-14 * law.capacity
        ))  # fmt: skip
    return tuple(FixedPoint(float(s), _slope(float(s), law, fraction, quota)) for s in sorted(roots))


def _slope(stock: float, law: GrowthLaw, fraction: float, quota: float) -> float:
    step = 1e-6 * law.capacity
    low, high = max(0.0, stock - step), min(law.capacity, stock + step)
    ends = _next(np.array([low, high]), law, fraction, quota)
    return float((ends[1] - ends[0]) / (high - low))


def collapse_threshold(law: GrowthLaw, *, fraction: float = 0.0, quota: float = 0.0) -> float | None:
    """The stock below which the lake empties for good under that harvest.

    Returns
    -------
    0 if any stock above nothing recovers, None if none does (everything collapses), else the highest unstable steady stock
    that has the empty lake as its lower neighbour.

    Examples
    --------
    >>> law = GrowthLaw("allee", rate=0.5, capacity=100.0, allee=20.0)
    >>> round(collapse_threshold(law), 6), round(collapse_threshold(law, fraction=0.2), 3)
    (20.0, 44.381)
    >>> collapse_threshold(GrowthLaw(rate=0.4, capacity=100.0), fraction=0.1)
    0.0
    >>> round(collapse_threshold(GrowthLaw(rate=0.4, capacity=100.0), quota=8.0), 4), collapse_threshold(GrowthLaw(rate=0.4, capacity=100.0), quota=10.1)
    (35.6393, None)
    """
    points = fixed_points(law, fraction=fraction, quota=quota)
    near = 1e-9 * law.capacity
    above = [p for p in points if p.stock > near]
    emptied = len(above) < len(points)  # the empty lake stays empty
    if not emptied:
        return 0.0
    if not above:
        return None
    small = np.array(above[0].stock / 2)
    recovers = float(_next(small, law, fraction, quota)) > float(small)
    return 0.0 if recovers else above[0].stock


def long_run(
    law: GrowthLaw, stock: ArrayLike, *, fraction: ArrayLike = 0.0, quota: ArrayLike = 0.0, rounds: int = 4_000
) -> FloatArray:
    """The stock before harvest after that many rounds of a constant harvest; all arguments broadcast.

    Examples
    --------
    >>> long_run(GrowthLaw(rate=0.4, capacity=100.0), 100.0, fraction=[0.1, 0.2]).round(4).tolist()
    [80.2469, 46.875]
    """
    s, a, q = (np.asarray(x, dtype=np.float64) for x in np.broadcast_arrays(stock, fraction, quota))
    if ((a < 0) | (a > 1) | (q < 0)).any():
        raise MetricError("fraction must lie in 0..1 and quota must be at least 0.")
    if ((s < 0) | (s > law.capacity)).any():
        raise MetricError(f"stock must lie in 0..{law.capacity:g}.")
    for _ in range(rounds):
        taken = np.minimum(a * s + q, s)
        s = advance(s, s - taken, taken, law)
    return np.asarray(s, dtype=np.float64)


def _take(fraction: float, quota: float) -> None:
    if not (0 <= fraction <= 1 and 0 <= quota < float("inf")):
        raise MetricError(
            f"fraction must lie in 0..1 and quota must be finite and at least 0, not {fraction} and {quota}."
        )
