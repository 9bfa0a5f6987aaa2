"""The least work that keeps a growing nuisance in check: the benchmark of the inverse game, where removing is a cost."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gamesim.core.errors import MetricError
from gamesim.envs.commons.growth import GrowthLaw, grow


@dataclass(frozen=True)
class LeastRemoval:
    """The least total work that keeps a growing nuisance at or below a limit for the whole horizon."""

    total: float
    removed: tuple[float, ...]
    stocks: tuple[float, ...]


def least_removal(law: GrowthLaw, stock: float, horizon: int, *, limit: float = 95.0) -> LeastRemoval:
    """The cheapest way to keep what remains after each removal <= ``limit`` under a law that only adds.

    Removing exactly the excess is optimal: growth is non-decreasing in what remains by at most as much (slope <= 1), so a
    unit removed early never saves more than one later.

    Examples
    --------
    >>> least_removal(GrowthLaw("inverse", capacity=100.0), 100, 12).total
    60.0
    """
    if law.law != "inverse":
        raise MetricError(f"law '{law.law}' has no nuisance to remove.", hint="Use horizon_optimum.")
    if horizon < 1 or not 0 <= stock <= law.capacity or not limit >= 0:
        raise MetricError(
            f"horizon {horizon}, stock {stock}, limit {limit}: at least 1, in 0..{law.capacity:g}, at least 0."
        )
    removed, stocks, s = [], [], float(stock)
    for _ in range(horizon):
        removed.append(max(0.0, s - limit))
        stocks.append(s)
        s = float(grow(np.array(min(s, limit)), law))
    return LeastRemoval(math.fsum(removed), tuple(removed), tuple(stocks))
