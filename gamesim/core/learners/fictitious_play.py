"""Fictitious play: the best reply to how often the others played what.

References
----------
.. [1] Brown, "Iterative Solution of Games by Fictitious Play", Activity Analysis of Production and Allocation, 1951.
.. [2] Shapley, "Some Topics in Two-Person Games", Advances in Game Theory, 1964 (where it cycles for ever).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.random import Generator

from gamesim.core.arrays import FloatArray

from .feedback import Bound, one_hot, only_full

TIE = 1e-12  # relative to the sum: what rounding of a sum of utilities may make of equal ones


@dataclass(frozen=True, eq=False)
class Sums:
    """Sums of utilities, (..., K)."""

    total: FloatArray


@dataclass(frozen=True)
class FictitiousPlay:
    """A best reply to the empirical average, ties to the first action; no bound in general."""

    name: ClassVar[str] = "fictitious_play"
    bandit: ClassVar[bool] = False
    rows: ClassVar[bool] = True

    def initial_state(self, actions: int, horizon: int | None, rng: Generator) -> Sums:
        return Sums(np.zeros(actions))

    def probabilities(self, state: Sums) -> FloatArray:
        best = state.total.max(axis=-1, keepdims=True)
        return one_hot((state.total >= best * (1 - TIE)).argmax(axis=-1), state.total.shape[-1])

    def update(self, state: Sums, feedback: Any) -> Sums:
        return Sums(state.total + only_full(self.name, feedback))

    def bound(self, actions: int, horizon: int) -> Bound | None:
        return None
