"""Adversarial bandits: EXP3, and EXP3-IX, whose regret is small with high probability and not only on average.

References
----------
.. [1] Auer, Cesa-Bianchi, Freund, Schapire, "The Nonstochastic Multiarmed Bandit Problem", SIAM J. Computing 32, 2002.
.. [2] Neu, "Explore No More: Improved High-Probability Regret Bounds for Non-Stochastic Bandits", NeurIPS 2015, theorem 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.random import Generator

from gamesim.core.arrays import FloatArray

from .feedback import Bound, checked_eta, known_horizon, only_bandit, softmax


@dataclass(frozen=True, eq=False)
class Losses:
    """Sums of estimated losses (..., K) and the step size."""

    total: FloatArray
    eta: float


@dataclass(frozen=True)
class Exp3:
    """Exponential weights on estimated losses (1 - u)/p; regret at most sqrt(2 T K ln K), in expectation only.

    Parameters
    ----------
    eta : step size; by default sqrt(2 ln K / (T K)).
    """

    eta: float | None = None
    name: ClassVar[str] = "exp3"
    bandit: ClassVar[bool] = True
    rows: ClassVar[bool] = True
    implicit: ClassVar[float] = 0.0  # share of eta added to the divisor

    def __post_init__(self) -> None:
        checked_eta(self.eta)

    def initial_state(self, actions: int, horizon: int | None, rng: Generator) -> Losses:
        eta = self.eta or math.sqrt(2 * math.log(actions) / (known_horizon(self.name, horizon) * actions))
        return Losses(np.zeros(actions), eta)

    def probabilities(self, state: Losses) -> FloatArray:
        return softmax(-state.eta * state.total)

    def update(self, state: Losses, feedback: Any) -> Losses:
        action, utility = only_bandit(self.name, feedback)
        chances = self.probabilities(state)
        played = np.arange(chances.shape[-1]) == action[..., None]
        loss = (1 - utility[..., None]) / np.maximum(chances + self.implicit * state.eta, 1e-300)
        return Losses(state.total + np.where(played, loss, 0.0), state.eta)

    def bound(self, actions: int, horizon: int) -> Bound | None:
        if self.eta is not None:
            return None
        return Bound("external", math.sqrt(2 * horizon * actions * math.log(actions)), "in expectation")


@dataclass(frozen=True)
class Exp3IX(Exp3):
    """EXP3 with implicit exploration: losses are divided by p + eta/2, so that single runs are safe too.

    Parameters
    ----------
    eta : step size; by default sqrt(2 ln K / (T K)).
    """

    name: ClassVar[str] = "exp3_ix"
    implicit: ClassVar[float] = 0.5

    def bound(self, actions: int, horizon: int) -> Bound | None:
        if self.eta is not None or actions == 1:
            return None
        root = math.sqrt(2 * horizon * actions / math.log(actions))
        value = 2 * math.sqrt(2 * horizon * actions * math.log(actions)) + (root + 1) * math.log(2 / 0.05)
        return Bound("external", value, "with probability .95")
