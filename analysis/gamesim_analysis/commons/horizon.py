"""The most a society could have harvested over a finite horizon: dynamic programming on the stock, for every growth law.

In each round a rest is chosen; the value of a stock is the harvest now plus the value of what grows from the rest. One
round's choice over a whole grid of stocks is a range maximum, so a table of T rounds costs T n log n, in numpy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from gamesim.core.arrays import BoolArray, FloatArray, IntArray
from gamesim.core.errors import MetricError
from gamesim.envs.commons.growth import GrowthLaw, before_harvest, grow

from .growth_theory import law_yield

POINTS = 2_221  # odd multiples keep K/2 on the grid; K = 100, r = .4 is then solved within .01
Tested = Literal["after_growth", "after_harvest"]


@dataclass(frozen=True)
class ValueTable:
    """Values of all stocks with 0..T rounds to go.

    Attributes
    ----------
    grid : stocks, ascending, shape (n,).  values : shape (T + 1, n), ``values[k]`` with k rounds to go
    collapse, tested : the run ends when the stock is at or below ``collapse`` after growth, or below it after the harvest
    """

    law: GrowthLaw
    grid: FloatArray
    values: FloatArray
    max_fraction: float
    max_harvest: float
    integer: bool
    collapse: float
    tested: Tested
    discount: float

    @property
    def horizon(self) -> int:
        return len(self.values) - 1

    def value(self, stock: ArrayLike, left: int | None = None) -> FloatArray:
        """Best total from those stocks with ``left`` rounds to go (default all), fish; interpolated between grid stocks."""
        k = self.horizon if left is None else left
        return np.asarray(np.interp(self._checked(stock), self.grid, self.values[k]))

    def harvest(self, stock: ArrayLike, left: int | None = None) -> FloatArray:
        """Best total harvest now from those stocks with ``left`` >= 1 rounds to go, fish; the smallest of equally good ones."""
        k = self.horizon if left is None else left
        if not 1 <= k <= self.horizon:
            raise MetricError(f"rounds to go must lie in 1..{self.horizon}, not {k}.")
        stocks = self._checked(stock)
        taken = [self._decide(float(s), k)[0] for s in stocks.ravel()]
        return np.array(taken, dtype=np.float64).reshape(stocks.shape)

    def _decide(self, stock: float, left: int) -> tuple[float, float]:
        """Harvest and next stock of the best choice (NaN: the run is over)."""
        low, high = (float(x) for x in _bounds(np.array(stock), self))
        if self.integer:
            rests = np.arange(low, high + 1)
        else:
            inside = self.grid[np.searchsorted(self.grid, low, "right") : np.searchsorted(self.grid, high, "left")]
            rests = np.concatenate(([low], inside, [high]))
        following, alive = _after(rests, self)
        worth = (
            high - rests + self.discount * np.where(alive, np.interp(following, self.grid, self.values[left - 1]), 0.0)
        )
        slack = 1e-12 * max(1.0, abs(float(worth.max())))
        best = int(np.flatnonzero(worth >= worth.max() - slack)[-1])
        taken = high - float(rests[best])
        if best == 0:
            taken = float(_cap(stock, self))  # grow_net may catch more than is left after a shrinking round
        return taken, float(following[best]) if alive[best] else math.nan

    def _checked(self, stock: ArrayLike) -> FloatArray:
        stocks = np.asarray(stock, dtype=np.float64)
        if not ((stocks >= 0) & (stocks <= self.grid[-1])).all():
            raise MetricError(f"stock must lie in 0..{self.grid[-1]:g}.")
        return stocks


@dataclass(frozen=True)
class HorizonOptimum:
    """The best plan from one stock.

    Attributes
    ----------
    total : sum of ``harvests``, played forward, hence attainable, fish.  value : what the table promised (discounted)
    harvests, stocks : of each round played, the stock before its harvest; shorter than the horizon if a collapse paid
    """

    total: float
    value: float
    harvests: tuple[float, ...]
    stocks: tuple[float, ...]
    table: ValueTable

    @property
    def per_round(self) -> float:
        return self.total / len(self.harvests)


def horizon_optimum(
    law: GrowthLaw,
    stock: float,
    horizon: int,
    *,
    max_fraction: float = 1.0,
    max_harvest: float = math.inf,
    integer: bool = False,
    collapse: float = 0.0,
    tested: Tested = "after_harvest",
    discount: float = 1.0,
    points: int = POINTS,
) -> HorizonOptimum:
    """The largest total harvest over ``horizon`` rounds; growth noise is left out.

    Parameters
    ----------
    stock : before the first harvest, in [0, K], fish
    max_fraction : the most that can be taken of a stock in one round, such as alpha times the number of players
    max_harvest : the most fish that can be taken in one round, such as what all players may ask for
    integer : whole units, exact; needs a law that keeps whole stocks whole
    collapse, tested : no more rounds after the stock is at or below ``collapse`` after growth, or below it after the
        harvest; the harvest of that round still counts
    discount : weight of a round's harvest relative to the one before
    points : size of the grid of stocks (continuous case)

    Raises
    ------
    MetricError
        For law ``inverse``, where harvesting is a cost: see ``least_removal`` and the metric ``shortfall``.

    Examples
    --------
    >>> best = horizon_optimum(GrowthLaw("doubling_cap", capacity=100.0), 100, 12, integer=True, collapse=5)
    >>> best.total, best.harvests[0], best.harvests[-1]
    (650.0, 50.0, 100.0)
    >>> round(horizon_optimum(GrowthLaw(rate=0.4, capacity=100.0), 100, 10).total, 6)
    190.0
    """
    table = value_table(
        law, horizon, max_fraction=max_fraction, max_harvest=max_harvest, integer=integer, collapse=collapse, tested=tested,
        discount=discount, points=points,
    )  # fmt: skip
    s = float(table._checked(stock))
    if integer and s != round(s):
        raise MetricError(f"stock {s:g} is not a whole number; integer plans need one.")
    value = float(table.value(s))
    harvests, stocks = [], []
    for left in range(horizon, 0, -1):
        taken, following = table._decide(s, left)
        harvests.append(taken)
        stocks.append(s)
        s = following
        if math.isnan(s):
            break
    return HorizonOptimum(math.fsum(harvests), value, tuple(harvests), tuple(stocks), table)


def horizon_values(law: GrowthLaw, stocks: ArrayLike, horizon: int, **options: object) -> FloatArray:
    """Optima of many starting stocks from one table, fish; options as for ``horizon_optimum``.

    Examples
    --------
    >>> horizon_values(GrowthLaw(rate=0.4, capacity=100.0), [50.0, 60.0, 100.0], 10).round(4).tolist()
    [140.0, 150.0, 190.0]
    """
    return value_table(law, horizon, **options).value(stocks)  # type: ignore[arg-type]


def value_table(
    law: GrowthLaw,
    horizon: int,
    *,
    max_fraction: float = 1.0,
    max_harvest: float = math.inf,
    integer: bool = False,
    collapse: float = 0.0,
    tested: Tested = "after_harvest",
    discount: float = 1.0,
    points: int = POINTS,
) -> ValueTable:
    """Values of every stock with 0..horizon rounds to go; arguments as for ``horizon_optimum``."""
    if law.law == "inverse":
        raise MetricError(
            "law 'inverse' has no harvest to maximise.", hint="Use the metric shortfall, or least_removal."
        )
    if (
        horizon < 1
        or not 0 < max_fraction <= 1
        or not 0 < discount <= 1
        or points < 2
        or not (collapse >= 0 and max_harvest >= 0)
    ):
        raise MetricError(
            f"horizon {horizon}, max_fraction {max_fraction}, discount {discount}, points {points}, collapse {collapse}, "
            f"max_harvest {max_harvest}: at least 1, in (0, 1], in (0, 1], at least 2, at least 0, at least 0."
        )
    grid = _grid(law, integer, points, collapse, tested)
    empty = np.zeros((horizon + 1, grid.size))
    table = ValueTable(
        law, grid, empty, float(max_fraction), float(max_harvest), integer, float(collapse), tested, float(discount)
    )
    low, high = _bounds(grid, table)
    following, alive = _after(grid, table)
    at_low, alive_low = _after(low, table)
    most = _cap(grid, table)
    first = np.searchsorted(grid, low, "left")
    last = np.searchsorted(grid, high, "right") - 1
    at_high, alive_high = _after(high, table)
    spans = None if max_fraction == 1 and not first.any() else _spans(first, last)
    for k in range(1, horizon + 1):
        before = empty[k - 1]
        gain = discount * np.where(alive, np.interp(following, grid, before), 0.0) - grid
        # Rests on the grid, then the two ends of the range, which need not be on it.
        best = high + (np.maximum.accumulate(gain)[last] if spans is None else _range_max(gain, *spans))
        best = np.maximum(best, most + discount * np.where(alive_low, np.interp(at_low, grid, before), 0.0))
        best = np.maximum(best, discount * np.where(alive_high, np.interp(at_high, grid, before), 0.0))
        empty[k] = best
    return table


def _grid(law: GrowthLaw, integer: bool, points: int, collapse: float, tested: Tested) -> FloatArray:
    k = law.capacity
    if not integer:
        extra = [law_yield(law).escapement, law_yield(law).stock]
        if collapse > 0:
            extra += [collapse, np.nextafter(collapse, 0), np.nextafter(collapse, np.inf)]
        return np.unique(np.concatenate((np.linspace(0.0, k, points), [x for x in extra if 0 <= x <= k])))
    grid = np.arange(0.0, k + 1) if k == round(k) else np.array([0.5])
    if (grow(grid, law) % 1).any() or (grid % 1).any():
        raise MetricError(f"law '{law.law}' does not keep whole stocks whole.", hint="Leave integer off.")
    return grid


def _bounds(stock: FloatArray, t: ValueTable) -> tuple[FloatArray, FloatArray]:
    """Least and greatest rest one round can leave (of the stock, or of the grown stock for ``grow_net``)."""
    high = before_harvest(stock, t.law)
    return np.maximum(0.0, high - _cap(stock, t)), high


def _cap(stock: ArrayLike, t: ValueTable) -> FloatArray:
    most = np.minimum(t.max_fraction * np.asarray(stock, dtype=np.float64), t.max_harvest)
    return np.floor(most + 1e-9) if t.integer else most


def _after(rest: FloatArray, t: ValueTable) -> tuple[FloatArray, BoolArray]:
    """The next stock, and whether there is a next round."""
    following = np.minimum(rest, t.law.capacity) if t.law.order == "grow_net" else grow(rest, t.law)
    if t.collapse == 0:
        return following, np.ones(rest.shape, dtype=bool)
    return following, np.asarray(rest >= t.collapse if t.tested == "after_harvest" else following > t.collapse)


def _spans(first: IntArray, last: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Each range first..last as two overlapping blocks of length 2**level; level -1 where it is empty."""
    width = last - first + 1
    level = np.where(width > 0, np.log2(np.maximum(width, 1)).astype(np.int64), -1)
    return level, first, last


def _range_max(values: FloatArray, level: IntArray, first: IntArray, last: IntArray) -> FloatArray:
    out = np.full(first.shape, -np.inf)
    block = values
    for k in range(int(level.max()) + 1):
        at = level == k
        out[at] = np.maximum(block[first[at]], block[last[at] - (1 << k) + 1])
        step = 1 << k
        if block.size > step:
            block = np.maximum(block[:-step], block[step:])
    return out
