"""What theory says of one scenario's stock, as the few numbers that metrics compare a society with."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

from gamesim.core.errors import MetricError
from gamesim.envs.commons.growth import GrowthLaw, maximum_sustainable_yield

from .bioeconomics import gordon_schaefer, horizon_optimum


def best_sustained(environment: Any) -> float | None:
    """The best harvest a round that lasts for ever (r K / 4 under logistic growth), fish; None where the stock sustains none."""
    best = maximum_sustainable_yield(environment.growth.law_object())
    if environment.second_stock is not None:
        best += maximum_sustainable_yield(environment.second_stock.law_object())
    return best or None


def feasible_fraction(environment: Any) -> float:
    """The largest share of the stock that all agents together can take in one round."""
    rules = environment.harvest
    if rules.catch == "effort":
        return float(min(1.0, rules.productivity * environment.players))
    if rules.catch == "shuffled":
        return float(1.0 - max(0.0, 1.0 - rules.productivity) ** environment.players)
    return float(min(1.0, environment.limit * environment.players / environment.growth.capacity))


def optimum_harvest(environment: Any) -> float:
    """The most that can be harvested over the horizon, fish.

    Raises
    ------
    MetricError
        With two stocks, whose joint optimum is not computed.
    """
    if environment.second_stock is not None:
        raise MetricError(
            "the optimum of two stocks fished with one effort is not computed.", path="environment.second_stock"
        )
    growth = environment.growth
    whole = (
        environment.harvest.catch == "request"
        and environment.harvest.integer
        and growth.law in ("doubling_cap", "none")
    )
    ends = growth.minimum * growth.capacity, "after_harvest" if growth.after_harvest else "after_growth"
    asked = environment.harvest.catch == "request"
    fraction = 1.0 if asked else feasible_fraction(environment)
    most = float(environment.limit * environment.players) if asked else math.inf
    return _optimum(growth.law_object(), growth.start, environment.horizon, fraction, most, whole, ends)


@lru_cache(maxsize=256)
def _optimum(
    law: GrowthLaw, stock: float, horizon: int, fraction: float, most: float, integer: bool, ends: tuple[float, Any]
) -> float:
    best = horizon_optimum(
        law,
        stock,
        horizon,
        max_fraction=fraction,
        max_harvest=most,
        integer=integer,
        collapse=ends[0],
        tested=ends[1],
    )
    return best.total


def effort_targets(environment: Any) -> tuple[float, float]:
    """Effort of one agent at the static Nash equilibrium and at the best sustained harvest, both in [0, 1].

    Nash is Gordon and Schaefer's for free effort, r / (alpha (N + 1)), held to full effort where that is out of reach; the
    optimum takes the fraction of the best sustained harvest, shared equally.

    Raises
    ------
    MetricError
        Unless growth is logistic and agents choose efforts.
    """
    growth, players = environment.growth, environment.players
    if growth.law != "logistic" or environment.harvest.catch == "request" or environment.second_stock is not None:
        raise MetricError(
            "the static Nash effort is known for one stock under logistic growth, fished by effort.",
            path="environment.growth.law",
        )
    reach = environment.harvest.productivity * players
    # harvest_then_grow: escapement K/2 out of K/2 + rK/4 before the harvest; grow_net: r/2 of the stock
    best = growth.rate / 2 if growth.order == "grow_net" else growth.rate / (2 + growth.rate)
    static = gordon_schaefer(players, growth.rate, growth.capacity, environment.harvest.productivity, 0.0)
    return min(1.0, static.effort_nash / players), min(1.0, best / reach)
