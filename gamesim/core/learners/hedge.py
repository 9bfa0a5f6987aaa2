"""Hedge (exponential weights) and its optimistic form.

References
----------
.. [1] Freund and Schapire, "A Decision-Theoretic Generalization of On-Line Learning", JCSS 55, 1997.
.. [2] Rakhlin and Sridharan, "Optimization, Learning, and Games with Predictable Sequences", NeurIPS 2013.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.random import Generator

from gamesim.core.arrays import FloatArray

from .feedback import Bound, checked_eta, known_horizon, only_full, softmax


@dataclass(frozen=True, eq=False)
class Weights:
    """Sums of utilities (..., K), the last ones, and the step size."""

    total: FloatArray
    last: FloatArray
    eta: float


@dataclass(frozen=True)
class Hedge:
    """Exponential weights on summed utilities; external regret at most sqrt(T ln K / 2) against anybody.

    Parameters
    ----------
    eta : step size; by default sqrt(8 ln K / T).
    """

    eta: float | None = None
    name: ClassVar[str] = "hedge"
    bandit: ClassVar[bool] = False
    rows: ClassVar[bool] = True

    def __post_init__(self) -> None:
        checked_eta(self.eta)

    def initial_state(self, actions: int, horizon: int | None, rng: Generator) -> Weights:
        eta = self.eta or math.sqrt(8 * math.log(actions) / known_horizon(self.name, horizon))
        return Weights(np.zeros(actions), np.zeros(actions), eta)

    def probabilities(self, state: Weights) -> FloatArray:
        return softmax(state.eta * state.total)

    def update(self, state: Weights, feedback: Any) -> Weights:
        utilities = only_full(self.name, feedback)
        return Weights(state.total + utilities, utilities, state.eta)

    def bound(self, actions: int, horizon: int) -> Bound | None:
        if self.eta is None:
            return Bound("external", math.sqrt(horizon * math.log(actions) / 2))
        return Bound("external", math.log(actions) / self.eta + self.eta * horizon / 8)


@dataclass(frozen=True)
class OptimisticHedge(Hedge):
    """Hedge that counts the last utilities twice; in zero-sum self-play its regrets stay bounded.

    Parameters
    ----------
    eta : step size.
    """

    eta: float | None = 0.5
    name: ClassVar[str] = "optimistic_hedge"

    def probabilities(self, state: Weights) -> FloatArray:
        return softmax(state.eta * (state.total + state.last))

    def bound(self, actions: int, horizon: int) -> Bound | None:
        return None  # the sum of regrets is bounded in zero-sum self-play; nothing so small holds against anybody
