"""Two cars over many episodes at once. Randomness enters at the start alone: places, speeds, biases of perception."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from gamesim.core.arrays import AnyArray, Arrays, FloatArray, IntArray
from gamesim.core.seeds import Seeds
from gamesim.envs.base import Batch, Environment, illegal

from . import rules
from .actions import Pedals

if TYPE_CHECKING:
    from .config import ConflictPoint

PHASE = "drive"


class BatchedConflictPoint:
    """All rows are at the same time; a row is done when its cars have crashed or are all gone, or at time-out."""

    def __init__(self, config: ConflictPoint, rows: int) -> None:
        self.config = config
        self.rows = rows
        self.phase = ""
        self.count = 0
        self.specs = tuple(Pedals(config.variant == "two_way" and i == 0) for i in range(2))
        self._cars: rules.Cars | None = None
        self._seeds: IntArray = np.zeros(rows, dtype=np.int64)
        self._ended: FloatArray = np.zeros(rows)

    @property
    def cars(self) -> rules.Cars:
        assert self._cars is not None, "reset comes first"
        return self._cars

    def reset(self, seeds: IntArray, options: Mapping[str, Any] | None = None) -> Batch:
        self._seeds = np.asarray(seeds, dtype=np.int64)
        normals = np.empty((self.rows, 2, 3))
        for b, seed in enumerate(self._seeds.tolist()):
            Seeds(seed).normals("environment", "start", shape=(2, 3), out=normals[b])
        seats: Any = (options or {}).get("seats") or ({}, {})
        bias = np.array([float(seat.get("bias_sd", self.config.bias_sd)) for seat in seats])
        self._cars = rules.starts(self.config.variant, normals, bias)
        self.phase, self.count = PHASE, 0
        self._ended = np.full(self.rows, np.nan)
        return self._batch(np.zeros((self.rows, 2)), {})

    @property
    def moving(self) -> AnyArray:
        """Who still drives, (B, 2)."""
        return ~self.cars.arrived & ~self.cars.crashed[:, None]

    def step(self, actions: AnyArray | Arrays) -> Batch:
        given = np.asarray(actions["acceleration"] if isinstance(actions, Mapping) else actions, dtype=np.float64)
        before, moving = self.cars, self.moving
        for i, spec in enumerate(self.specs):
            bad = moving[:, i] & ~spec.allows(given[:, i])
            if bad.any():
                raise illegal(self.config.seats()[i], self.phase, float(given[bad.argmax(), i]), spec)
        self.count += 1
        time = self.count * self.config.dt
        cars = self._cars = rules.advance(
            self.config.variant, before, np.where(moving, given, 0.0), time, self.config.dt
        )
        crash = cars.crashed & ~before.crashed
        there = cars.arrived & ~before.arrived
        reward = np.where(there, 1.0 - time / self.config.seconds, 0.0) - np.where(
            crash[:, None], self.config.crash_cost, 0.0
        )
        facts: dict[str, AnyArray] = {
            "time": np.where(moving, time, np.nan),
            "place": np.where(moving, cars.p, np.nan),
            "speed": np.where(moving, cars.v, np.nan),
        }
        over = self.count >= self.config.steps
        done = ~self.moving.any(axis=1) | over
        self._ended = np.where(done & np.isnan(self._ended), time, self._ended)
        if done.all():
            self.phase = ""
        return self._batch(reward, facts)

    def _batch(self, reward: FloatArray, facts: dict[str, AnyArray]) -> Batch:
        over = self.count >= self.config.steps
        moving = self.moving
        return Batch(
            phase=self.phase,
            observation=self.observation(),
            reward=reward,
            terminated=~moving,
            truncated=np.full(self.rows, over) & moving.any(axis=1),
            needs_action=moving & (not over),
            facts=facts,
            outcome=self.outcome(),
        )

    def observation(self) -> dict[str, AnyArray]:
        cars, shape = self.cars, (self.rows, 2)
        gone = cars.arrived[:, ::-1]
        return {
            "place": cars.p,
            "speed": cars.v,
            "other_place": np.where(gone, np.nan, cars.p[:, ::-1]),
            "other_speed": np.where(gone, np.nan, cars.v[:, ::-1]),
            "gap": np.where(gone, np.inf, rules.gaps(self.config.variant, cars)),
            "time": np.full((self.rows, 1), self.count * self.config.dt),
            "truck": cars.truck[:, None],
            "out": cars.out[:, None].astype(np.float64),
            "index": np.broadcast_to(np.arange(2), shape),
        }

    def outcome(self) -> dict[str, AnyArray]:
        cars = self.cars
        waiting = self.moving.any(axis=1) & (self.count >= self.config.steps)
        return {
            "crash": cars.crashed.astype(np.float64),
            "timeout": np.asarray(waiting, dtype=np.float64),
            "arrived_0": cars.arrived[:, 0].astype(np.float64),
            "arrived_1": cars.arrived[:, 1].astype(np.float64),
            "duration": np.where(np.isnan(self._ended), self.count * self.config.dt, self._ended),
        }

    def row(self, b: int) -> Environment:
        """Row b, as it stands, as an environment of its own."""
        from .environment import ConflictPointEnvironment

        single = BatchedConflictPoint(self.config, 1)
        single._seeds = self._seeds[b : b + 1].copy()
        single._cars = rules.Cars(**{f.name: getattr(self.cars, f.name)[b : b + 1].copy() for f in fields(rules.Cars)})
        single._ended, single.count = self._ended[b : b + 1].copy(), self.count
        single.phase = PHASE if single.moving.any() and self.count < self.config.steps else ""
        return ConflictPointEnvironment(self.config, single)
