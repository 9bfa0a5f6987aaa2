"""Swap regret: a learner that in hindsight would not even exchange one action for another wherever it played it.

References
----------
.. [1] Blum and Mansour, "From External to Internal Regret", JMLR 8, 2007.
.. [2] Grassmann, Taksar, Heyman, "Regenerative Analysis and Steady State Distributions for Markov Chains", Operations
   Research 33, 1985 (elimination without subtraction).
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
class Copies:
    """For each action its own Hedge: sums of utilities and the last ones, (..., K, K), and what is played, (..., K)."""

    total: FloatArray
    last: FloatArray
    chances: FloatArray
    eta: float


@dataclass(frozen=True)
class BlumMansour:
    """K Hedges, one an action, and the play they leave unchanged; swap regret at most sqrt(T K ln K / 2).

    Parameters
    ----------
    eta : step size of each Hedge; by default sqrt(8 K ln K / T).
    optimistic : each Hedge counts its last utilities twice, which converges faster in self-play; no bound is then stated.
    """

    eta: float | None = None
    optimistic: bool = False
    name: ClassVar[str] = "blum_mansour"
    bandit: ClassVar[bool] = False
    rows: ClassVar[bool] = True
    swap: ClassVar[bool] = True

    def __post_init__(self) -> None:
        checked_eta(self.eta)

    def initial_state(self, actions: int, horizon: int | None, rng: Generator) -> Copies:
        eta = self.eta or math.sqrt(8 * actions * math.log(actions) / known_horizon(self.name, horizon))
        nothing = np.zeros((actions, actions))
        return Copies(nothing, nothing, np.full(actions, 1 / actions), eta)

    def probabilities(self, state: Copies) -> FloatArray:
        return state.chances

    def update(self, state: Copies, feedback: Any) -> Copies:
        utilities = only_full(self.name, feedback)
        last = state.chances[..., :, None] * utilities[..., None, :]
        total = state.total + last
        expected = total + last if self.optimistic else total
        return Copies(total, last, stationary(softmax(state.eta * expected)), state.eta)

    def bound(self, actions: int, horizon: int) -> Bound | None:
        if self.optimistic:
            return None
        if self.eta is None:
            return Bound("swap", math.sqrt(horizon * actions * math.log(actions) / 2))
        return Bound("swap", actions * math.log(actions) / self.eta + self.eta * horizon / 8)


def stationary(chain: FloatArray) -> FloatArray:
    """The stationary distributions of irreducible Markov chains, by elimination without subtraction.

    Parameters
    ----------
    chain : shape (..., K, K), each row a distribution; zeros are read as 1e-300, so that every chain is irreducible.

    Examples
    --------
    >>> stationary(np.array([[0.5, 0.5], [0.25, 0.75]])).round(6)
    array([0.333333, 0.666667])
    """
    k = chain.shape[-1]
    q = np.maximum(chain, 1e-300)
    out = np.ones(chain.shape[:-1])
    for state in range(k - 1, 0, -1):
        leaving = q[..., state, :state].sum(axis=-1)
        out[..., state] = leaving
        into = q[..., :state, state] / leaving[..., None]
        q[..., :state, state] = into
        q[..., :state, :state] += into[..., :, None] * q[..., state, None, :state]
    chances = np.empty(chain.shape[:-1])
    chances[..., 0] = 1.0
    for state in range(1, k):
        chances[..., state] = (chances[..., :state] * q[..., :state, state]).sum(axis=-1)
    return np.asarray(chances / chances.sum(axis=-1, keepdims=True))
