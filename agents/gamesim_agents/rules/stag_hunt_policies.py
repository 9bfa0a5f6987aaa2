"""Rules of the stag hunt as vector policies. A coin decides between two shortest ways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from gamesim.core.arrays import Arrays, FloatArray, IntArray
from gamesim.envs.markov.stag_hunt.rules import MOVES, STAY, distance, moved, towards


@dataclass(frozen=True)
class HuntRule:
    """What the rules share: they remember nothing and toss one coin a step."""

    size: int
    columns: ClassVar[int] = 1

    def initial_state(self, rows: int, seats: int, u: FloatArray) -> Any:
        return None

    def act(self, observation: Arrays, state: Any, u: FloatArray) -> tuple[FloatArray, Any]:
        return np.asarray(self.moves(observation, u[..., 0])).astype(np.float64), state

    def moves(self, seen: Arrays, coin: FloatArray) -> IntArray:
        """Moves (B, n) of hunters on ``own`` (B, n, 2), who see the stag, (B, 1, 2), and the plants, (B, 1, 2, 2)."""
        raise NotImplementedError


class Hunt(HuntRule):
    def moves(self, seen: Arrays, coin: FloatArray) -> IntArray:
        return towards(seen["own"], seen["stag"], coin)


class Guard(HuntRule):
    def moves(self, seen: Arrays, coin: FloatArray) -> IntArray:
        waits = (distance(seen["own"], seen["stag"]) == 1) & (distance(seen["other"], seen["stag"]) > 1)
        return np.where(waits, STAY, towards(seen["own"], seen["stag"], coin))


class Forage(HuntRule):
    def moves(self, seen: Arrays, coin: FloatArray) -> IntArray:
        own, plants = seen["own"], seen["plants"]
        nearest = distance(own[..., None, :], plants).argmin(axis=-1)
        goal = np.where((nearest == 0)[..., None], plants[..., 0, :], plants[..., 1, :])
        move = towards(own, goal, coin)
        return np.where((moved(own, move, self.size) == seen["stag"]).all(axis=-1), STAY, move)


class Random(HuntRule):
    def moves(self, seen: Arrays, coin: FloatArray) -> IntArray:
        return np.minimum((coin * len(MOVES)).astype(np.int64), len(MOVES) - 1)
