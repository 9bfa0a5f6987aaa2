"""What a scenario may say of two cars whose ways meet: kind ``conflict_point``.

=========== ======================================================================================================
observation ``place``, ``speed``, ``other_place``, ``other_speed`` (m, m/s; the other's NaN once it is gone), ``gap`` (s,
            as the driver believes it; see ``rules.gaps``), ``time`` (s), ``truck`` (m, NaN where there is none), ``out`` (1
            while the overtaker is in the other lane), ``index``
action      an acceleration in m/s^2 from -6 to 2.5; on the two-way road car 0 may also play 3: pull out and accelerate
reward      -``crash_cost`` to both at a crash; 1 - arrival time / horizon on arrival; 0 at time-out
outcome     ``crash``, ``timeout`` (0 or 1), ``arrived_0``, ``arrived_1``, ``duration`` (s)
=========== ======================================================================================================

The numbers are gamesim's (``rules``); no published simulator is reproduced.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from gamesim.envs.config import EnvironmentConfig

if TYPE_CHECKING:
    from gamesim.envs.base import BatchedEnvironment, Environment

    from .describer import DrivingDescriber

HORIZONS = {"crossing": 12.0, "merge": 15.0, "two_way": 15.0}


class ConflictPoint(EnvironmentConfig):
    """Two cars at a crossing, a merge, or overtaking on a two-way road; see gamesim/envs/driving/rules.py."""

    kind: Literal["conflict_point"] = "conflict_point"
    pictured: ClassVar[Literal["", "scenes", "frames"]] = "scenes"
    variant: Literal["crossing", "merge", "two_way"] = Field("crossing", description="Where the ways meet.")
    crash_cost: float = Field(10.0, ge=0, description="What a crash costs each car; arriving at once would earn 1.")
    bias_sd: float = Field(
        0.5, ge=0, le=60, description="Standard deviation of a driver's misjudgement of gaps, in seconds."
    )
    dt: float = Field(0.1, gt=0, le=1, description="Length of a step, in seconds.")
    horizon: float | None = Field(
        None, gt=0, le=600, description="Seconds until time-out; default 12 (crossing) or 15."
    )

    @property
    def seconds(self) -> float:
        return HORIZONS[self.variant] if self.horizon is None else self.horizon

    @property
    def steps(self) -> int:
        return max(1, round(self.seconds / self.dt))

    def seats(self) -> tuple[str, ...]:
        return ("overtaker", "oncoming") if self.variant == "two_way" else ("car_0", "car_1")

    def build(self) -> Environment:
        from .environment import ConflictPointEnvironment

        return ConflictPointEnvironment(self)

    def batched(self, rows: int) -> BatchedEnvironment:
        from .batched import BatchedConflictPoint

        return BatchedConflictPoint(self, rows)

    def describer(self) -> DrivingDescriber:
        from .describer import DrivingDescriber

        return DrivingDescriber(self)

    def warnings(self) -> list[str]:
        if self.dt > 0.25:
            return [f"with steps of {self.dt:g} s cars may pass through one another between two steps."]
        return []
