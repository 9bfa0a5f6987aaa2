"""Two cars over many episodes at once. Randomness enters at the start alone: places, speeds, biases of perception."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from gamesim.core.arrays import AnyArray, Arrays, BoolArray, FloatArray, IntArray, Lazy
from gamesim.core.policy import EMPTY
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
        return self._batch(np.zeros((self.rows, 2)), EMPTY)

    @property
    def moving(self) -> BoolArray:
        """Who still drives, (B, 2)."""
        return np.asarray(~self.cars.arrived & ~self.cars.crashed[:, None])

    def step(self, actions: AnyArray | Arrays) -> Batch:
        given = np.asarray(
            actions["acceleration"] if isinstance(actions, Mapping) else actions, dtype=np.float64, order="F"
        )
        before, moving = self.cars, self.moving
        self._check(given, moving)
        self.count += 1
        config, time = self.config, self.count * self.config.dt
        cars = self._cars = rules.advance(config.variant, before, given, time, config.dt)
        reward = np.zeros((self.rows, 2))
        if cars.arrived is not before.arrived:
            reward[cars.arrived & ~before.arrived] = 1.0 - time / config.seconds
        if cars.crashed is not before.crashed:
            reward[cars.crashed & ~before.crashed] -= config.crash_cost
        facts = Lazy(
            {
                "time": lambda: np.where(moving, time, np.nan),
                "place": lambda: np.where(moving, cars.p, np.nan),
                "speed": lambda: np.where(moving, cars.v, np.nan),
            }
        )
        return self._batch(reward, facts)

    def _check(self, given: FloatArray, moving: BoolArray) -> None:
        """Refuse what a car that moves may not do.

        Raises
        ------
        IllegalActionError
            Naming the car and what it may do.
        """
        for i, spec in enumerate(self.specs):
            bad = ~spec.allows(given[:, i])
            if bad.any() and (bad := bad & moving[:, i]).any():
                raise illegal(self.config.seats()[i], self.phase, float(given[bad.argmax(), i]), spec)

    def _batch(self, reward: FloatArray, facts: Arrays) -> Batch:
        over = self.count >= self.config.steps
        moving = self.moving
        driving = moving[:, 0] | moving[:, 1]
        ended = np.isnan(self._ended) & (True if over else ~driving)
        if ended.any():
            self._ended = np.where(ended, self.count * self.config.dt, self._ended)
        if over or not driving.any():
            self.phase = ""
        return Batch(
            phase=self.phase,
            observation=self.observation(),
            reward=reward,
            terminated=~moving,
            truncated=driving if over else np.zeros(self.rows, dtype=bool),
            needs_action=np.zeros_like(moving) if over else moving,
            facts=facts,
            outcome=self.outcome(),
        )

    def observation(self) -> Arrays:
        cars, time, variant = self.cars, self.count * self.config.dt, self.config.variant
        gone = cars.arrived[:, ::-1]
        return Lazy(
            {
                "place": lambda: cars.p,
                "speed": lambda: cars.v,
                "other_place": lambda: np.where(gone, np.nan, cars.p[:, ::-1]),
                "other_speed": lambda: np.where(gone, np.nan, cars.v[:, ::-1]),
                "gap": lambda: np.where(gone, np.inf, rules.gaps(variant, cars)),
                "time": lambda: np.full((len(gone), 1), time),
                "truck": lambda: cars.truck[:, None],
                "out": lambda: cars.out[:, None].astype(np.float64),
                "index": lambda: np.broadcast_to(np.arange(2), (len(gone), 2)),
            }
        )

    def outcome(self) -> Arrays:
        cars, moving, time, ended = self.cars, self.moving, self.count * self.config.dt, self._ended
        over = self.count >= self.config.steps
        return Lazy(
            {
                "crash": lambda: cars.crashed.astype(np.float64),
                "timeout": lambda: np.asarray(moving.any(axis=1) & over, dtype=np.float64),
                "arrived_0": lambda: cars.arrived[:, 0].astype(np.float64),
                "arrived_1": lambda: cars.arrived[:, 1].astype(np.float64),
                "duration": lambda: np.where(np.isnan(ended), time, ended),
            }
        )

    def row(self, b: int) -> Environment:
        """Row b, as it stands, as an environment of its own."""
        from .environment import ConflictPointEnvironment

        single = BatchedConflictPoint(self.config, 1)
        single._seeds = self._seeds[b : b + 1].copy()
        single._cars = rules.Cars(**{f.name: getattr(self.cars, f.name)[b : b + 1].copy() for f in fields(rules.Cars)})
        single._ended, single.count = self._ended[b : b + 1].copy(), self.count
        single.phase = PHASE if single.moving.any() and self.count < self.config.steps else ""
        return ConflictPointEnvironment(self.config, single)
