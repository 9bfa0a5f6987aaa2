"""GovSim's months: what a stock that doubles can give, and what is each agent's share of it."""

from __future__ import annotations

import numpy as np

from gamesim.core.arrays import AnyArray, FloatArray

from .growth import GrowthLaw, sustainable_harvest


def threshold_per_agent(stock: FloatArray, law: GrowthLaw, agents: AnyArray | int, *, integer: bool) -> FloatArray:
    """What each agent may take so that the stock grows back: floor(floor(R/2)/N) for whole units.

    Parameters
    ----------
    stock : (B,), fish.
    agents : how many are present, (B,) or one number; GovSim's released code keeps the number of round 1.

    Examples
    --------
    >>> threshold_per_agent(np.array([100.0, 60.0]), GrowthLaw("doubling_cap", capacity=100.0), 5, integer=True)
    array([10.,  6.])
    """
    each = sustainable_harvest(stock, law, integer=integer) / np.maximum(agents, 1)
    return np.floor(each) if integer else np.asarray(each)
