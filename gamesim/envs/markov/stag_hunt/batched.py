"""The stag hunt over many rows at once; see ``config`` for what is seen and kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gamesim.core.arrays import AnyArray, Arrays, FloatArray, IntArray
from gamesim.core.seeds import CHUNK, Seeds
from gamesim.envs.base import Batch, Environment, illegal
from gamesim.envs.repeated.actions import Choice
from gamesim.envs.simultaneous import running

from . import rules

if TYPE_CHECKING:
    from .config import StagHunt

PHASE = "move"


class BatchedStagHunt:
    """All rows are at the same step; they differ by where everything stands."""

    def __init__(self, config: StagHunt, rows: int) -> None:
        self.config = config
        self.rows = rows
        self.phase = ""
        self.round = 1
        self.specs = (Choice(rules.MOVES),) * 2
        self.pay = rules.Payoffs(config.catch, config.maul, config.plant)
        self.grid = rules.starts(config.size, rows)
        self._seeds: IntArray = np.zeros(rows, dtype=np.int64)
        self._drawn: FloatArray | None = None
        self._payoff = np.full((rows, 2), np.nan)
        self._sums: dict[str, FloatArray] = {}

    def reset(self, seeds: IntArray, options: Mapping[str, Any] | None = None) -> Batch:
        self._seeds, self._drawn = np.asarray(seeds, dtype=np.int64), None
        self.phase, self.round = PHASE, 1
        self.grid = rules.starts(self.config.size, self.rows)
        self._payoff = np.full((self.rows, 2), np.nan)
        self._sums = {key: np.zeros(self.rows) for key in ("catches", "maulings", "plants", "welfare")}
        return self._batch(np.zeros((self.rows, 2)), {})

    def _uniforms(self) -> FloatArray:
        """Those of this step, shape (B, DRAWS)."""
        chunk, within = divmod(self.round - 1, CHUNK)
        if within == 0 or self._drawn is None:
            shape = (rules.DRAWS, CHUNK)
            self._drawn = np.stack(
                [Seeds(int(seed)).block("environment", "grid", "chunk", chunk, shape=shape) for seed in self._seeds]
            )
        return self._drawn[:, :, within]

    def step(self, actions: AnyArray | Arrays) -> Batch:
        given = np.asarray(actions["move"] if isinstance(actions, Mapping) else actions, dtype=np.float64)
        bad = ~((given >= 0) & (given < len(rules.MOVES)) & (given == np.floor(given)))
        if bad.any():
            row, seat = np.argwhere(bad)[0]
            raise illegal(self.config.seats()[seat], self.phase, float(given[row, seat]), self.specs[seat])
        config = self.config
        self.grid, happened = rules.advance(
            self.grid, given.astype(np.int64), self._uniforms(), config.size, config.chase, self.pay
        )
        reward = self._payoff = happened.reward
        new = {
            "catches": happened.caught, "maulings": happened.mauled.sum(axis=1), "plants": happened.eaten,
            "welfare": reward.sum(axis=1),
        }  # fmt: skip
        self._sums = {key: value + new[key] for key, value in self._sums.items()}
        facts: dict[str, AnyArray] = {
            "round": np.full((self.rows, 2), float(self.round)),
            "own_row": self.grid.hunters[..., 0].astype(np.float64),
            "own_column": self.grid.hunters[..., 1].astype(np.float64),
            "payoff": reward,
            "stag_row": self.grid.stag[:, 0].astype(np.float64),
            "stag_column": self.grid.stag[:, 1].astype(np.float64),
        }
        if self.round == config.horizon:
            self.phase = ""
        else:
            self.round += 1
        return self._batch(reward, facts)

    def _batch(self, reward: FloatArray, facts: dict[str, AnyArray]) -> Batch:
        return Batch(
            phase=self.phase,
            observation=self.observation(),
            reward=reward,
            facts=facts,
            outcome=self.outcome(),
            **running(self.phase, self.rows, 2),
        )

    def observation(self) -> dict[str, AnyArray]:
        grid = self.grid
        return {
            "own": grid.hunters,
            "other": grid.hunters[:, ::-1],
            "stag": grid.stag[:, None],
            "plants": grid.plants[:, None],
            "round": np.full((self.rows, 1), self.round),
            "payoff": self._payoff,
            "index": np.broadcast_to(np.arange(2), (self.rows, 2)),
        }

    def outcome(self) -> dict[str, AnyArray]:
        rounds = self.round if self.phase == "" else self.round - 1
        return {**self._sums, "rounds": np.full(self.rows, float(rounds))}

    def row(self, b: int) -> Environment:
        """Row b, as it stands, as an environment of its own."""
        from .environment import StagHuntEnvironment

        single = BatchedStagHunt(self.config, 1)
        single.reset(self._seeds[b : b + 1].copy())
        grid = self.grid
        single.grid = rules.Grid(*(part[b : b + 1].copy() for part in (grid.hunters, grid.stag, grid.plants)))
        single._payoff = self._payoff[b : b + 1].copy()
        single._sums = {key: value[b : b + 1].copy() for key, value in self._sums.items()}
        single._drawn = None if self._drawn is None else self._drawn[b : b + 1].copy()
        single.phase, single.round = self.phase, self.round
        return StagHuntEnvironment(self.config, single)
