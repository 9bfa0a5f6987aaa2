"""Closed forms of a logistically growing stock: yield, steady states, extinction, and the fishery game of Gordon and Schaefer.

Two orders of a round. ``harvest_then_grow``: R' = g(R - h); ``grow_net``: R' = g(R) - h, with g(S) = S + r S (1 - S/K).
The taken fraction is a = h / R, R being the stock before the harvest. What holds for every growth law, and the best
harvest over a finite horizon, stand in ``growth_theory`` and ``horizon``; both are re-exported here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gamesim.core.errors import MetricError

from .growth_theory import FixedPoint, collapse_threshold, fixed_points, law_extinction_fraction, law_yield, long_run
from .horizon import HorizonOptimum, ValueTable, horizon_optimum, horizon_values, value_table
from .removal import LeastRemoval, least_removal
from .yields import Order, Yield

__all__ = [
    "FixedPoint", "GordonSchaefer", "HorizonOptimum", "LeastRemoval", "Order", "SteadyState", "ValueTable", "Yield",
    "collapse_threshold", "extinction_fraction", "fixed_points", "gordon_schaefer", "horizon_optimum", "horizon_values",
    "law_extinction_fraction", "law_yield", "least_removal", "long_run", "maximum_sustainable_yield", "steady_point",
    "steady_state", "value_table",
]  # fmt: skip


def maximum_sustainable_yield(growth: float, capacity: float, order: Order = "harvest_then_grow") -> Yield:
    """The largest harvest that a logistic stock gives every round for ever.

    Parameters
    ----------
    growth, capacity : r per round and K in fish, both > 0

    Examples
    --------
    >>> y = maximum_sustainable_yield(0.4, 100)
    >>> y.harvest, y.escapement, y.stock, round(y.fraction, 6), round(y.effort(0.05), 6)
    (10.0, 50.0, 60.0, 0.166667, 3.333333)
    >>> y = maximum_sustainable_yield(0.4, 100, "grow_net")
    >>> y.stock, y.harvest, y.fraction
    (50.0, 10.0, 0.2)
    """
    _positive(growth=growth, capacity=capacity)
    if order == "grow_net":
        # With r > 2 half the capacity would give more than stands there; the whole stock is taken where g(S) = 2 S.
        fraction = min(1.0, growth / 2)
        stock = capacity / 2 if growth <= 2 else capacity * (1 - 1 / growth)
        return Yield(stock, fraction * stock, fraction, stock, order)
    _order(order)
    # Growth above K is cut: with r > 2 the smallest rest that refills the lake leaves most to take.
    rest = capacity / 2 if growth <= 2 else capacity / growth
    harvest = growth * rest * (1 - rest / capacity)
    return Yield(rest + harvest, harvest, harvest / (rest + harvest), rest, order)


@dataclass(frozen=True)
class SteadyState:
    """Where a constant fraction holds the stock: stock before harvest, harvest, and the slope of the map there.

    ``stable``: small disturbances die out, |slope| < 1. ``capped``: the stock stands at the capacity, growth being cut there.
    """

    stock: float
    harvest: float
    slope: float
    capped: bool = False

    @property
    def stable(self) -> bool:
        return abs(self.slope) < 1


def steady_point(fraction: float, growth: float, capacity: float, order: Order = "harvest_then_grow") -> SteadyState:
    """The steady state under a constant fraction; the empty lake from the extinction fraction on.

    Parameters
    ----------
    fraction : a in [0, 1]
    growth, capacity : r per round and K in fish, both > 0

    Growth is cut at K: before the harvest acts on it for ``harvest_then_grow`` (it matters for r > 1), after it for
    ``grow_net``, whose textbook point K (1 - a/r) lies inside anyway.

    Examples
    --------
    >>> round(steady_point(0.1, 0.4, 100).stock, 4), round(steady_point(0.2, 0.4, 100).stock, 4)
    (80.2469, 46.875)
    >>> s = steady_point(0.2, 0.4, 100, "grow_net")
    >>> round(s.stock, 9), round(s.slope, 9), s.stable
    (50.0, 0.8, True)
    """
    _positive(growth=growth, capacity=capacity)
    _order(order)
    if not 0 <= fraction <= 1:
        raise MetricError(f"fraction must lie in 0..1, not {fraction}.")
    r, k, a = float(growth), float(capacity), float(fraction)
    if order == "grow_net":
        if a >= r:
            return SteadyState(0.0, 0.0, 1 + r - a)
        stock = k * (1 - a / r)
        return SteadyState(stock, a * stock, 1 - (r - a))
    if a >= extinction_fraction(r):
        return SteadyState(0.0, 0.0, (1 - a) * (1 + r))
    if r * (1 - a) > 1:
        return SteadyState(k, a * k, 0.0, capped=True)
    stock = k * (1 - a / (r * (1 - a))) / (1 - a)
    return SteadyState(stock, a * stock, 1 + a - r * (1 - a))


def steady_state(fraction: float, growth: float, capacity: float, order: Order = "harvest_then_grow") -> float:
    """The stock before harvest at which ``steady_point`` stands, fish.

    Examples
    --------
    >>> round(steady_state(0.3, 0.6, 300), 4)
    122.449
    """
    return steady_point(fraction, growth, capacity, order).stock


def extinction_fraction(growth: float, order: Order = "harvest_then_grow") -> float:
    """The constant fraction from which on a logistic stock dies out: r/(1+r), or r for ``grow_net`` (above 1: never).

    Examples
    --------
    >>> round(extinction_fraction(0.4), 6), round(extinction_fraction(0.6), 6), extinction_fraction(0.4, "grow_net")
    (0.285714, 0.375, 0.4)
    """
    _positive(growth=growth)
    _order(order)
    return growth if order == "grow_net" else growth / (1 + growth)


@dataclass(frozen=True)
class GordonSchaefer:
    """The static fishery game at the steady state of ``grow_net``: efforts are totals, rents fish a round.

    Attributes
    ----------
    margin, slope : rent of total effort E is ``margin * E - slope * E**2``
    effort_optimum, effort_nash, effort_open_access : maximal joint rent; symmetric equilibrium; rent gone
    ratio : rent at the equilibrium over the best, 4N/(N+1)**2; None where fishing cannot pay at all
    """

    players: int
    margin: float
    slope: float
    effort_optimum: float
    effort_nash: float
    effort_open_access: float
    rent_optimum: float
    rent_nash: float
    stock_optimum: float
    stock_nash: float
    stock_open_access: float
    ratio: float | None
    reason: str | None = None

    def rent(self, effort: float) -> float:
        """Joint rent of a total effort between 0 and that which empties the lake."""
        return self.margin * effort - self.slope * effort**2

    def best_reply(self, others: float) -> float:
        """One player's best effort when the others' efforts sum to ``others``."""
        return max(0.0, self.effort_open_access - others) / 2


def gordon_schaefer(
    players: int, growth: float, capacity: float, catchability: float, effort_cost: float, *, price: float = 1.0
) -> GordonSchaefer:
    """Rents of a fishery whose stock has settled at K (1 - alpha E / r).

    Parameters
    ----------
    players : N >= 1
    catchability : alpha, share of the stock caught per unit of effort
    effort_cost : c >= 0 per unit of effort, in the units of ``price`` times fish

    References
    ----------
    .. [1] Gordon, "The economic theory of a common-property resource: the fishery", JPE 62, 1954. Formulas derived again.

    Examples
    --------
    >>> g = gordon_schaefer(8, 0.4, 100, 0.05, 1)
    >>> [round(x, 6) for x in (g.effort_optimum, g.effort_nash, g.effort_open_access, g.rent_optimum, g.rent_nash)]
    [3.2, 5.688889, 6.4, 6.4, 2.528395]
    """
    _positive(growth=growth, capacity=capacity, catchability=catchability, price=price)
    if players < 1 or effort_cost < 0:
        raise MetricError(f"players must be at least 1 and effort_cost at least 0, not {players} and {effort_cost}.")
    margin = price * catchability * capacity - effort_cost
    slope = price * catchability**2 * capacity / growth
    n, why = players, None
    if margin <= 0:
        why = f"a unit of effort costs {effort_cost:g} and catches {price * catchability * capacity:g} even in a full lake"
    open_access = max(0.0, margin / slope)
    optimum, nash = open_access / 2, open_access * n / (n + 1)

    def left(effort: float) -> float:
        return capacity * (1 - catchability * effort / growth)

    best, reached = (margin * e - slope * e * e for e in (optimum, nash))
    return GordonSchaefer(
        n, margin, slope, optimum, nash, open_access, best, reached, left(optimum), left(nash), left(open_access),
        None if why else reached / best, why,
    )  # fmt: skip


def _positive(**numbers: float) -> None:
    for name, value in numbers.items():
        if not 0 < value < float("inf"):
            raise MetricError(f"{name} must be a finite number above 0, not {value}.")


def _order(order: str) -> Literal[True]:
    if order not in ("harvest_then_grow", "grow_net"):
        raise MetricError(f"no order '{order}'.", hint="Possible: harvest_then_grow, grow_net.")
    return True
