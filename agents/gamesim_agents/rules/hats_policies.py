"""Rules of Levine's hats as vector policies; strategies and what they are worth: ``gamesim.envs.team.levine_hats``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from gamesim.core.arrays import AnyArray, Arrays, FloatArray, IntArray
from gamesim.envs.team.levine_hats import block_tables, kept_blocks


@dataclass(frozen=True, eq=False)
class HatsRule:
    """What the rules share: they remember nothing."""

    columns: ClassVar[int] = 0

    def initial_state(self, rows: int, seats: int, u: FloatArray) -> Any:
        return None

    def act(self, observation: Arrays, state: Any, u: FloatArray) -> tuple[AnyArray, Any]:
        return self.named(np.asarray(observation["stacks"]), np.asarray(observation["index"]), u).astype(
            np.float64
        ), state

    def named(self, stacks: IntArray, index: IntArray, u: FloatArray) -> AnyArray:
        """Positions (B, n) named by the seats ``index`` (B, n), who see ``stacks`` (B, n, N, h)."""
        raise NotImplementedError


class FirstBlack(HatsRule):
    def named(self, stacks: IntArray, index: IntArray, u: FloatArray) -> AnyArray:
        black = (stacks != 0).all(axis=2)  # one's own stack holds -1
        return np.asarray(black.argmax(axis=-1))  # 0 where there is no such place


@dataclass(frozen=True, eq=False)
class BlockReset(HatsRule):
    block: int = 3

    def named(self, stacks: IntArray, index: IntArray, u: FloatArray) -> AnyArray:
        size, seen = self.block, stacks.max(axis=2)  # of two stacks one is -1 throughout
        count = seen.shape[-1] // size
        if not count:
            return np.zeros(index.shape)
        blocks = seen[..., : count * size].reshape(*index.shape, count, size)
        codes = blocks @ (2 ** np.arange(size)[::-1])
        tables = np.zeros((2, 2**size), dtype=np.int64)
        tables[:, kept_blocks(size) @ (2 ** np.arange(size)[::-1])] = block_tables(size)
        kept = (codes > 0) & (codes < 2**size - 1)
        first = kept.argmax(axis=-1)
        code = np.take_along_axis(codes, first[..., None], axis=-1)[..., 0]
        return np.where(kept.any(axis=-1), first * size + tables[index, code], 0)


@dataclass(frozen=True, eq=False)
class Random(HatsRule):
    hats: int = 1
    columns: ClassVar[int] = 1

    def named(self, stacks: IntArray, index: IntArray, u: FloatArray) -> AnyArray:
        return np.minimum(np.floor(u[..., 0] * self.hats), self.hats - 1)


@dataclass(frozen=True, eq=False)
class Table(HatsRule):
    """``tables[i]`` holds seat i's position, from 0, for every sight."""

    tables: IntArray

    def named(self, stacks: IntArray, index: IntArray, u: FloatArray) -> AnyArray:
        players = stacks.shape[2]
        others = np.argsort(np.arange(players) == index[..., None], axis=-1, kind="stable")[..., :-1]
        seen = np.take_along_axis(stacks, others[..., None], axis=2).reshape(*index.shape, -1)
        return np.asarray(self.tables[index, seen @ (2 ** np.arange(seen.shape[-1])[::-1])])
