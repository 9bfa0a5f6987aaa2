"""Rules of repeated matrix games as vector policies. Action 0 is read as cooperation, the last action as defection."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gamesim.core.arrays import AnyArray, Arrays, BoolArray, FloatArray, IntArray
from gamesim.core.memory_strategy import MemoryStrategy


@dataclass(frozen=True, eq=False)
class MatrixRule:
    """What the rules share: ``sizes[i]`` is the number of actions of seat i."""

    sizes: IntArray
    columns: int = field(default=0, init=False)

    def initial_state(self, rows: int, seats: int, u: FloatArray) -> Any:
        return None

    def act(self, observation: Arrays, state: Any, u: FloatArray) -> tuple[AnyArray, Any]:
        index = np.asarray(observation["index"])
        return self.choose(observation, index, self.sizes[index] - 1).astype(np.float64), state

    def choose(self, observation: Arrays, index: IntArray, most: IntArray) -> AnyArray:
        """Actions (B, n) of the seats ``index``, whose last actions are ``most``."""
        raise NotImplementedError


class Cooperator(MatrixRule):
    def choose(self, observation: Arrays, index: IntArray, most: IntArray) -> AnyArray:
        return np.zeros_like(most)


class Defector(MatrixRule):
    def choose(self, observation: Arrays, index: IntArray, most: IntArray) -> AnyArray:
        return most


class Alternator(MatrixRule):
    """Cooperates in odd rounds and defects in even ones."""

    def choose(self, observation: Arrays, index: IntArray, most: IntArray) -> AnyArray:
        return np.where(observation["round"] % 2 == 1, 0, most)


class TitForTat(MatrixRule):
    """Cooperates first, then does what the others did: of several, the largest action, of those it has."""

    def choose(self, observation: Arrays, index: IntArray, most: IntArray) -> AnyArray:
        return np.asarray(
            np.clip(_others(observation, index).max(axis=-1), 0, most)
        )  # -1 stands for "nothing yet" and for itself


class Grim(MatrixRule):
    """Cooperates until anybody else has once not cooperated, then defects for ever."""

    def initial_state(self, rows: int, seats: int, u: FloatArray) -> BoolArray:
        return np.zeros((rows, seats), dtype=bool)

    def act(self, observation: Arrays, state: Any, u: FloatArray) -> tuple[AnyArray, Any]:
        index = np.asarray(observation["index"])
        angry = state | (_others(observation, index) > 0).any(axis=-1)
        return np.where(angry, self.sizes[index] - 1, 0).astype(np.float64), angry


@dataclass(frozen=True, eq=False)
class Mixed(MatrixRule):
    """Plays each action with a fixed probability; ``cumulative[i]`` is seat i's distribution, summed up."""

    cumulative: FloatArray
    columns: int = field(default=1, init=False)

    def act(self, observation: Arrays, state: Any, u: FloatArray) -> tuple[AnyArray, Any]:
        index = np.asarray(observation["index"])
        below = (self.cumulative[index] <= u).sum(axis=-1)
        return np.minimum(below, self.sizes[index] - 1).astype(np.float64), state


@dataclass(frozen=True, eq=False)
class WithMemory(MatrixRule):
    """Follows an automaton: any action but the first counts as D, of its own as of the others'; it plays its first or last."""

    strategy: MemoryStrategy
    columns: int = field(default=1, init=False)

    def initial_state(self, rows: int, seats: int, u: FloatArray) -> IntArray:
        return np.zeros((rows, seats), dtype=np.int64)

    def act(self, observation: Arrays, state: Any, u: FloatArray) -> tuple[AnyArray, Any]:
        index = np.asarray(observation["index"])
        last = np.broadcast_to(observation["last"], (*index.shape, np.shape(observation["last"])[-1]))
        own = np.take_along_axis(last, index[..., None], axis=-1)[..., 0]
        outcome = 2 * (own > 0) + (_others(observation, index) > 0).any(axis=-1)
        now = np.where(own < 0, state, self.strategy.after[state, outcome])
        cooperates = u[..., 0] < self.strategy.cooperation[now]
        return np.where(cooperates, 0, self.sizes[index] - 1).astype(np.float64), now


def _others(observation: Arrays, index: IntArray) -> IntArray:
    """Last actions as each seat sees those of the others, (B, n, N); its own place holds -1."""
    last = np.asarray(observation["last"])
    mine = index[..., None] == np.arange(last.shape[-1])
    return np.where(mine, -1, last)
