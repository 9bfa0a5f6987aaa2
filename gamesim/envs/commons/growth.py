"""Growth laws of a stock, and what follows from a law alone: sustainable harvest, maximum yield, extinction fraction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from gamesim.core.arrays import FloatArray

Law = Literal["logistic", "doubling_cap", "inverse", "chemostat", "allee", "none"]


@dataclass(frozen=True)
class GrowthLaw:
    """One law with its numbers.

    Attributes
    ----------
    law : which g.  rate : r of logistic and allee, d of chemostat, per round.  capacity : K, fish.
    factor : what doubling_cap multiplies by.  addition : fish that inverse adds.  allee : threshold A, fish.
    order : whether growth acts on what the harvest left, or the harvest is taken from the grown stock.
    """

    law: Law = "logistic"
    rate: float = 0.6
    capacity: float = 300.0
    factor: float = 2.0
    addition: float = 50.0
    allee: float = 0.0
    order: Literal["harvest_then_grow", "grow_net"] = "harvest_then_grow"


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


def maximum_sustainable_yield(law: GrowthLaw) -> float:
    """The most a stock can yield every round for ever, max over S of g(S) - S, fish a round.

    Examples
    --------
    >>> maximum_sustainable_yield(GrowthLaw(rate=0.2, capacity=300.0))
    15.0
    """
    capacity, rate = law.capacity, law.rate
    if law.law == "logistic":
        return rate * capacity / 4.0 if rate <= 2.0 or law.order == "grow_net" else capacity * (1.0 - 1.0 / rate)
    if law.law == "doubling_cap":
        return capacity * (1.0 - 1.0 / law.factor)
    if law.law == "inverse":
        return min(law.addition, capacity)
    if law.law == "chemostat":
        return rate * capacity
    if law.law == "none":
        return 0.0
    stock = np.linspace(0.0, capacity, 100_001)
    return float((grow(stock, law) - stock).max())


def extinction_fraction(law: GrowthLaw) -> float | None:
    """Share of the stock that, taken every round, drives it to nothing; None where no single share is the border."""
    if law.law == "logistic":
        return law.rate if law.order == "grow_net" else law.rate / (1.0 + law.rate)
    if law.law == "doubling_cap":
        return law.factor - 1.0 if law.order == "grow_net" else 1.0 - 1.0 / law.factor
    return None
