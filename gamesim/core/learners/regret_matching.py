"""Regret matching: actions in proportion to how much they are regretted, without a step size.

References
----------
.. [1] Hart and Mas-Colell, "A Simple Adaptive Procedure Leading to Correlated Equilibrium", Econometrica 68, 2000.
.. [2] Tammelin, Burch, Johanson, Bowling, "Solving Heads-up Limit Texas Hold'em", IJCAI 2015 (RM+).
.. [3] Farina, Kroer, Sandholm, "Faster Game Solving via Predictive Blackwell Approachability", AAAI 2021 (PRM+).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.random import Generator

from gamesim.core.arrays import FloatArray

from .feedback import Bound, only_full


@dataclass(frozen=True, eq=False)
class Regrets:
    """Summed regrets (..., K), and those of the last round."""

    total: FloatArray
    last: FloatArray


@dataclass(frozen=True)
class RegretMatching:
    """RM: play in proportion to positive regret; external regret at most sqrt(T K)."""

    name: ClassVar[str] = "regret_matching"
    bandit: ClassVar[bool] = False
    rows: ClassVar[bool] = True
    floor: ClassVar[float] = -math.inf  # of summed regrets
    predicts: ClassVar[bool] = False

    def initial_state(self, actions: int, horizon: int | None, rng: Generator) -> Regrets:
        return Regrets(np.zeros(actions), np.zeros(actions))

    def probabilities(self, state: Regrets) -> FloatArray:
        positive: FloatArray = np.maximum(state.total + state.last if self.predicts else state.total, 0.0)
        total = positive.sum(axis=-1, keepdims=True)
        if (total > 0).all():
            return np.asarray(positive / total)
        even = 1 / positive.shape[-1]
        return np.where(total > 0, positive / np.where(total > 0, total, 1.0), even)

    def update(self, state: Regrets, feedback: Any) -> Regrets:
        utilities = only_full(self.name, feedback)
        got = (self.probabilities(state) * utilities).sum(axis=-1, keepdims=True)
        gain = utilities - got
        return Regrets(np.maximum(state.total + gain, self.floor), gain)

    def bound(self, actions: int, horizon: int) -> Bound | None:
        return Bound("external", math.sqrt(horizon * actions))


@dataclass(frozen=True)
class RegretMatchingPlus(RegretMatching):
    """RM+: regret matching whose sums never fall below zero; external regret at most sqrt(T K)."""

    name: ClassVar[str] = "regret_matching_plus"
    floor: ClassVar[float] = 0.0


@dataclass(frozen=True)
class PredictiveRegretMatchingPlus(RegretMatchingPlus):
    """PRM+: RM+ that expects the last regrets once more; fast in self-play."""

    name: ClassVar[str] = "predictive_regret_matching_plus"
    predicts: ClassVar[bool] = True

    def bound(self, actions: int, horizon: int) -> Bound | None:
        return None
