"""A growth law as numbers, and the two figures of it that a scenario is checked with; loads no numpy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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
    import numpy as np

    from .growth import grow

    stock = np.linspace(0.0, capacity, 100_001)
    return float((grow(stock, law) - stock).max())


def extinction_fraction(law: GrowthLaw) -> float | None:
    """Share of the stock that, taken every round, drives it to nothing; None where no single share is the border."""
    if law.law == "logistic":
        return law.rate if law.order == "grow_net" else law.rate / (1.0 + law.rate)
    if law.law == "doubling_cap":
        return law.factor - 1.0 if law.order == "grow_net" else 1.0 - 1.0 / law.factor
    return None
