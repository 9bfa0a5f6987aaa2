"""A stock that grows: one round of growth, the next round's stock, and what can be taken for ever."""

from __future__ import annotations

import numpy as np

from gamesim.core.arrays import FloatArray

from .growth_law import GrowthLaw, Law, extinction_fraction, maximum_sustainable_yield

__all__ = [
    "GrowthLaw", "Law", "advance", "before_harvest", "extinction_fraction", "grow", "maximum_sustainable_yield",
    "sustainable_harvest",
]  # fmt: skip


def grow(stock: FloatArray, law: GrowthLaw) -> FloatArray:
    """The stock after one round of growth, clipped to [0, K].

    Parameters
    ----------
    stock : any shape, fish, >= 0.

    Examples
    --------
    >>> grow(np.array([50.0]), GrowthLaw(rate=0.4, capacity=100.0))
    array([60.])
    >>> grow(np.array([30.0, 80.0]), GrowthLaw("doubling_cap", capacity=100.0))
    array([ 60., 100.])
    """
    grown = _raw(stock, law)
    return np.minimum(np.maximum(grown, 0.0), law.capacity)


def before_harvest(stock: FloatArray, law: GrowthLaw) -> FloatArray:
    """What the harvest is taken from: the stock itself, or for order grow_net the grown stock, not yet cut at K."""
    return stock if law.order == "harvest_then_grow" else np.maximum(_raw(stock, law), 0.0)


def _raw(stock: FloatArray, law: GrowthLaw) -> FloatArray:
    capacity = law.capacity
    if law.law == "logistic":
        return stock + law.rate * stock * (1.0 - stock / capacity)
    if law.law == "doubling_cap":
        return np.minimum(law.factor * stock, capacity)  # the cap is this law itself, whatever the order
    if law.law == "inverse":
        return np.minimum(stock + law.addition, capacity)
    if law.law == "chemostat":
        return stock + law.rate * (capacity - stock)
    if law.law == "allee":
        return stock + law.rate * stock * (1.0 - stock / capacity) * (stock / law.allee - 1.0)
    return stock + 0.0


def advance(
    stock: FloatArray, rest: FloatArray, harvested: FloatArray, law: GrowthLaw, noise: FloatArray | None = None
) -> FloatArray:
    """The next round's stock.

    Parameters
    ----------
    stock, rest, harvested : (B,), before the harvest, after it, and what was taken, fish.
    noise : (B,), what growth is multiplied by, or None.

    For order grow_net the harvest is taken before the clip, so that a stock near the capacity rests where theory says it
    does also for r > 1.
    """
    if law.order == "harvest_then_grow":
        grown = grow(rest, law)
        return grown if noise is None else np.minimum(grown * noise, law.capacity)
    grown = before_harvest(stock, law)
    if noise is not None:
        grown = grown * noise
    return np.minimum(np.maximum(grown - harvested, 0.0), law.capacity)


def sustainable_harvest(stock: FloatArray, law: GrowthLaw, *, integer: bool = False) -> FloatArray:
    """f(S): the most that can be taken such that growth restores the stock, max{x >= 0 : g(S - x) >= S}.

    For order grow_net it is what growth adds, g(S) - S. Zero where nothing can be taken.

    Parameters
    ----------
    stock : any shape, fish, within [0, K].
    integer : whole units, rounded down (GovSim: floor(R/2)).

    Examples
    --------
    >>> sustainable_harvest(np.array([100.0, 61.0]), GrowthLaw("doubling_cap", capacity=100.0), integer=True)
    array([50., 30.])
    """
    stock = np.asarray(stock, dtype=np.float64)
    if law.order == "grow_net":
        most = np.maximum(_raw(stock, law) - stock, 0.0)
    else:
        most = np.clip(stock - _least_restoring(stock, law), 0.0, stock)
    return np.floor(most + 1e-9) if integer else most


def _least_restoring(stock: FloatArray, law: GrowthLaw) -> FloatArray:
    """The smallest rest y in [0, S] with g(y) >= S; S itself where there is none."""
    capacity, rate = law.capacity, law.rate
    if law.law == "logistic":
        b = 1.0 + rate
        root = np.sqrt(np.maximum(b * b - 4.0 * rate * stock / capacity, 0.0))
        return 2.0 * stock / (b + root)  # the smaller root, without cancellation
    if law.law == "doubling_cap":
        return stock / law.factor
    if law.law == "inverse":
        return np.maximum(stock - law.addition, 0.0)
    if law.law == "chemostat":
        return np.zeros_like(stock) if rate == 1.0 else np.maximum((stock - rate * capacity) / (1.0 - rate), 0.0)
    if law.law == "none":
        return stock
    # Allee: a cubic that need not be monotone, so the first crossing on a fine grid is bisected.
    share = np.linspace(0.0, 1.0, 4097)
    enough = grow(stock[..., None] * share, law) >= stock[..., None]
    first = enough.argmax(axis=-1)
    found = enough.any(axis=-1)
    low, high = stock * share[np.maximum(first - 1, 0)], stock * share[first]
    for _ in range(60):
        middle = 0.5 * (low + high)
        restores = grow(middle, law) >= stock
        low, high = np.where(restores, low, middle), np.where(restores, middle, high)
    return np.where(found, high, stock)
