"""How drivers choose speeds in highway-env's merge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from gamesim.core.arrays import Arrays, FloatArray
from gamesim.envs.driving.highway import MERGE

SLOWER, KEEP, FASTER = 0.0, 1.0, 2.0
DECISION = 0.5  # s


@dataclass(frozen=True)
class CruisePolicy:
    """See ``highway.Cruise``."""

    faster: int
    columns: ClassVar[int] = 0

    def initial_state(self, rows: int, seats: int, u: FloatArray) -> Any:
        return None

    def act(self, observation: Arrays, state: Any, u: FloatArray) -> tuple[FloatArray, Any]:
        step = np.round(np.asarray(observation["time"]) / DECISION)
        busy = step < abs(self.faster)
        return np.where(busy, FASTER if self.faster > 0 else SLOWER, KEEP), None


@dataclass(frozen=True)
class GapPolicy:
    """See ``highway.HighwayGap``. The gap is the other's time to the merge less one's own, at present speeds."""

    threshold: float
    columns: ClassVar[int] = 0

    def initial_state(self, rows: int, seats: int, u: FloatArray) -> Any:
        return None

    def act(self, observation: Arrays, state: Any, u: FloatArray) -> tuple[FloatArray, Any]:
        p, v = np.asarray(observation["place"]), np.asarray(observation["speed"])
        other = np.asarray(observation["others"])[..., 0, :]
        with np.errstate(invalid="ignore"):  # the other may be gone: every comparison with NaN is false
            gap = _seconds(other[..., 0], other[..., 1]) - _seconds(p, v)
            gives_way = (gap < self.threshold) & (p < MERGE) & (other[..., 0] < MERGE)
        return np.where(gives_way, SLOWER, FASTER), None


def _seconds(place: FloatArray, speed: FloatArray) -> FloatArray:
    return np.asarray((MERGE - place) / np.maximum(speed, 0.5))
