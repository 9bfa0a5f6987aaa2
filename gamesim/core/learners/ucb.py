"""UCB1: optimism in the face of uncertainty, for rewards that are independent draws of fixed distributions.

References
----------
.. [1] Auer, Cesa-Bianchi, Fischer, "Finite-time Analysis of the Multiarmed Bandit Problem", Machine Learning 47, 2002.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.random import Generator

from gamesim.core.arrays import FloatArray

from .feedback import Bound, one_hot, only_bandit


@dataclass(frozen=True, eq=False)
class Arms:
    """How often each action was played and what it paid in all, both (..., K)."""

    counts: FloatArray
    sums: FloatArray


@dataclass(frozen=True)
class Ucb1:
    """The action with the largest mean + sqrt(2 ln t / n); for independent rewards only, linear regret against adversaries."""

    name: ClassVar[str] = "ucb1"
    bandit: ClassVar[bool] = True
    rows: ClassVar[bool] = True
    warning: ClassVar[str] = (
        "ucb1 is made for independent rewards from fixed distributions. Opponents who adapt can make its regret grow "
        "linearly, and its averages are no equilibrium."
    )

    def initial_state(self, actions: int, horizon: int | None, rng: Generator) -> Arms:
        return Arms(np.zeros(actions), np.zeros(actions))

    def probabilities(self, state: Arms) -> FloatArray:
        n = state.counts
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.maximum(n.sum(axis=-1, keepdims=True), 1.0)
            index = np.where(n > 0, state.sums / n + np.sqrt(2 * np.log(t) / n), np.inf)
        return one_hot(index.argmax(axis=-1), n.shape[-1])

    def update(self, state: Arms, feedback: Any) -> Arms:
        action, utility = only_bandit(self.name, feedback)
        played = np.arange(state.counts.shape[-1]) == action[..., None]
        return Arms(state.counts + played, state.sums + np.where(played, utility[..., None], 0.0))

    def bound(self, actions: int, horizon: int) -> Bound | None:
        return None
