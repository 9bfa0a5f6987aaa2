"""Levine's hats over many rows at once; see ``config`` for what is seen and kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gamesim.core.arrays import AnyArray, Arrays, FloatArray, IntArray
from gamesim.core.seeds import CHUNK, Seeds
from gamesim.envs.base import Batch, Environment, illegal
from gamesim.envs.repeated.actions import Choice
from gamesim.envs.simultaneous import running

if TYPE_CHECKING:
    from .config import LevineHats

PHASE = "choose"


class BatchedHats:
    """All rows are in the same round; they differ by their hats and by what is named."""

    def __init__(self, config: LevineHats, rows: int) -> None:
        self.config = config
        self.rows = rows
        self.phase = ""
        self.round = 1
        self.specs = (Choice(tuple(str(a + 1) for a in range(config.hats))),) * config.players
        self._seeds: IntArray = np.zeros(rows, dtype=np.int64)
        self._drawn: IntArray | None = None
        self._state: dict[str, AnyArray] = {}

    def reset(self, seeds: IntArray, options: Mapping[str, Any] | None = None) -> Batch:
        shape = (self.rows, self.config.players)
        self._seeds, self._drawn = np.asarray(seeds, dtype=np.int64), None
        self.phase, self.round = PHASE, 1
        self._state = {
            "last": np.full(shape, -1, dtype=np.int64),
            "shown": np.full(shape, -1, dtype=np.int64),
            "payoff": np.full(shape, np.nan),
            "wins": np.zeros(self.rows),
        }
        return self._batch(np.zeros(shape), {})

    def worn(self) -> IntArray:
        """The stacks of this round, shape (B, N, h), 1 for black."""
        chunk, within = divmod(self.round - 1, CHUNK)
        if within == 0 or self._drawn is None:
            shape = (self.config.players, CHUNK, self.config.hats)
            blocks = [
                Seeds(int(seed)).block("environment", "hats", "chunk", chunk, shape=shape) for seed in self._seeds
            ]
            self._drawn = (np.stack(blocks) < self.config.black).astype(np.int64)
        return self._drawn[:, :, within]

    def step(self, actions: AnyArray | Arrays) -> Batch:
        given = np.asarray(actions["choice"] if isinstance(actions, Mapping) else actions, dtype=np.float64)
        bad = ~((given >= 0) & (given < self.config.hats) & (given == np.floor(given)))
        if bad.any():
            row, seat = np.argwhere(bad)[0]
            raise illegal(self.config.seats()[seat], self.phase, float(given[row, seat]), self.specs[seat])
        named = given.astype(np.int64)
        black = np.take_along_axis(self.worn(), named[..., None], axis=2)[..., 0]
        won = black.min(axis=1).astype(np.float64)
        payoff = np.repeat(won[:, None], self.config.players, axis=1)
        self._state = {"last": named, "shown": black, "payoff": payoff, "wins": self._state["wins"] + won}
        facts: dict[str, AnyArray] = {
            "round": np.full(named.shape, float(self.round)),
            "black": black.astype(np.float64),
            "payoff": payoff,
        }
        if self.round == self.config.horizon:
            self.phase = ""
        else:
            self.round += 1
        return self._batch(payoff, facts)

    def _batch(self, reward: FloatArray, facts: dict[str, AnyArray]) -> Batch:
        return Batch(
            phase=self.phase,
            observation=self.observation(),
            reward=reward,
            facts=facts,
            outcome=self.outcome(),
            **running(self.phase, self.rows, self.config.players),
        )

    def observation(self) -> dict[str, AnyArray]:
        n = self.config.players
        stacks = np.repeat(self.worn()[:, None], n, axis=1)
        stacks[:, np.arange(n), np.arange(n)] = -1
        return {
            "phase": np.zeros((self.rows, 1), dtype=np.int64),
            "round": np.full((self.rows, 1), self.round),
            "last": self._state["last"][:, None],
            "shown": self._state["shown"][:, None],
            "index": np.broadcast_to(np.arange(n), (self.rows, n)),
            "stacks": stacks,
            "payoff": self._state["payoff"],
        }

    def outcome(self) -> dict[str, AnyArray]:
        rounds = self.round if self.phase == "" else self.round - 1
        wins = self._state["wins"]
        return {
            "rounds": np.full(self.rows, float(rounds)),
            "wins": wins,
            "score": wins / max(1, rounds),
            "welfare": wins * self.config.players,
        }

    def row(self, b: int) -> Environment:
        """Row b, as it stands, as an environment of its own."""
        from .environment import HatsEnvironment

        single = BatchedHats(self.config, 1)
        single.reset(self._seeds[b : b + 1])
        single._state = {key: value[b : b + 1] for key, value in self._state.items()}
        single._drawn = None if self._drawn is None else self._drawn[b : b + 1]
        single.phase, single.round = self.phase, self.round
        return HatsEnvironment(self.config, single)
