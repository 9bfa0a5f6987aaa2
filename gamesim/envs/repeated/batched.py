"""Repeated matrix games over many rows at once.

Observation: ``phase``, ``round`` (1-based) (B, 1); ``last`` (B, 1, N), everybody's action in the last round as it was
played, -1 before the first; own ``index`` and last ``payoff`` (B, N), NaN before the first.
Facts: ``round``, ``played`` (the action after noise), ``payoff``. Outcome: ``rounds``, ``welfare`` (sum over players and
rounds), ``first_action_share`` (share of decisions that came out as the first action: cooperation in the named games),
``equilibrium_share`` (share of rounds in a pure equilibrium of the stage game).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gamesim.core.arrays import AnyArray, Arrays, FloatArray, IntArray
from gamesim.core.seeds import CHUNK, Seeds
from gamesim.envs.base import Batch, Environment, illegal
from gamesim.envs.simultaneous import running

from .actions import Choice

if TYPE_CHECKING:
    from .config import Matrix

PHASE = "choose"


class BatchedMatrix:
    """All rows are in the same round; they differ by what is played and by the noise."""

    def __init__(self, config: Matrix, rows: int) -> None:
        self.config = config
        self.rows = rows
        self.stage = config.table
        self.phase = ""
        self.round = 1
        self.specs = tuple(Choice(labels) for labels in self.stage.actions)
        self._sizes = np.array(self.stage.shape)
        self._stable = np.zeros(self.stage.shape, dtype=bool)
        for cell in self.stage.pure_equilibria():
            self._stable[cell] = True
        self._seeds: IntArray = np.zeros(rows, dtype=np.int64)
        self._noise: FloatArray | None = None
        self._state: dict[str, AnyArray] = {}

    def reset(self, seeds: IntArray, options: Mapping[str, Any] | None = None) -> Batch:
        shape = (self.rows, self.stage.n)
        self._seeds = np.asarray(seeds, dtype=np.int64)
        self._noise = None
        self.phase, self.round = PHASE, 1
        self._state = {
            "last": np.full(shape, -1, dtype=np.int64),
            "payoff": np.full(shape, np.nan),
            "welfare": np.zeros(self.rows),
            "first": np.zeros(self.rows),
            "stable": np.zeros(self.rows),
        }
        return self._batch(np.zeros(shape), {})

    def step(self, actions: AnyArray | Arrays) -> Batch:
        given = np.asarray(actions["choice"] if isinstance(actions, Mapping) else actions, dtype=np.float64)
        bad = ~((given >= 0) & (given < self._sizes) & (given == np.floor(given)))
        if bad.any():
            row, seat = np.argwhere(bad)[0]
            raise illegal(self.stage.players[seat], self.phase, float(given[row, seat]), self.specs[seat])
        played = self._slip(given.astype(np.int64))
        places = tuple(played.T)
        payoff = np.ascontiguousarray(self.stage.payoffs[(slice(None), *places)].T)
        before = self._state
        self._state = {
            "last": played,
            "payoff": payoff,
            "welfare": before["welfare"] + payoff.sum(axis=1),
            "first": before["first"] + (played == 0).sum(axis=1),
            "stable": before["stable"] + self._stable[places],
        }
        facts: dict[str, AnyArray] = {
            "round": np.full(played.shape, float(self.round)),
            "played": played.astype(np.float64),
            "payoff": payoff,
        }
        if self.round == self.config.horizon:
            self.phase = ""
        else:
            self.round += 1
        return self._batch(payoff, facts)

    def _slip(self, chosen: IntArray) -> IntArray:
        """The actions after noise: with probability e another of the player's actions, each alike."""
        if self.config.noise == 0:
            return chosen
        chunk, within = divmod(self.round - 1, CHUNK)
        if within == 0 or self._noise is None:
            shape = (self.stage.n, CHUNK, 2)
            self._noise = np.stack(
                [Seeds(int(seed)).block("environment", "noise", "chunk", chunk, shape=shape) for seed in self._seeds]
            )
        u = self._noise[:, :, within]
        others = self._sizes - 1
        jump = 1 + np.minimum((u[..., 1] * others).astype(np.int64), np.maximum(others - 1, 0))
        return np.where((u[..., 0] < self.config.noise) & (others > 0), (chosen + jump) % self._sizes, chosen)

    def _batch(self, reward: FloatArray, facts: dict[str, AnyArray]) -> Batch:
        return Batch(
            phase=self.phase,
            observation=self.observation(),
            reward=reward,
            facts=facts,
            outcome=self.outcome(),
            **running(self.phase, self.rows, self.stage.n),
        )

    def observation(self) -> dict[str, AnyArray]:
        shape = (self.rows, self.stage.n)
        return {
            "phase": np.zeros((self.rows, 1), dtype=np.int64),
            "round": np.full((self.rows, 1), self.round),
            "last": self._state["last"][:, None],
            "index": np.broadcast_to(np.arange(shape[1]), shape),
            "payoff": self._state["payoff"],
        }

    def outcome(self) -> dict[str, AnyArray]:
        rounds = self.round if self.phase == "" else self.round - 1
        played = max(1, rounds)
        return {
            "rounds": np.full(self.rows, float(rounds)),
            "welfare": self._state["welfare"],
            "first_action_share": self._state["first"] / (played * self.stage.n),
            "equilibrium_share": self._state["stable"] / played,
        }

    def row(self, b: int) -> Environment:
        """Row b, as it stands, as an environment of its own."""
        from .environment import MatrixEnvironment

        single = BatchedMatrix(self.config, 1)
        single.reset(self._seeds[b : b + 1])
        single._state = {key: value[b : b + 1] for key, value in self._state.items()}
        single._noise = None if self._noise is None else self._noise[b : b + 1]
        single.phase, single.round = self.phase, self.round
        return MatrixEnvironment(self.config, single)
