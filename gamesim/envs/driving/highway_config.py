"""What a scenario may say of highway-env's roads: kinds ``highway_merge`` (two drivers) and ``highway_two_way`` (one).

=========== ======================================================================================================
observation ``place``, ``speed``, ``side`` (m along and across, m/s) of one's own car, ``others`` (3, 3): the same of the
            three nearest others, NaN where there are fewer; ``time`` (s), ``index``
action      slower, keep, faster: 0 to 2; on the two-way road also left, right
reward      -``crash_cost`` to who crashed; 1 - arrival time / horizon on arrival; 0 at time-out
outcome     ``crash``, ``timeout`` (0 or 1), ``arrived_0`` (and ``arrived_1``), ``duration`` (s)
=========== ======================================================================================================

They need ``pip install 'gamesim[driving]'``; ``gamesim check`` does not. What differs from highway-env: ``highway``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from gamesim.envs.config import EnvironmentConfig

if TYPE_CHECKING:
    from gamesim.envs.base import Environment


class HighwayRoad(EnvironmentConfig):
    """Keys that both roads share."""

    pictured: ClassVar[Literal["", "scenes", "frames"]] = "frames"
    scene: ClassVar[Literal["merge", "two_way"]]
    players: int
    crash_cost: float = Field(10.0, ge=0, description="What a crash costs; arriving at once would earn 1.")
    horizon: float = Field(40.0, ge=1, le=600, description="Seconds until time-out.")

    def seats(self) -> tuple[str, ...]:
        return tuple(f"car_{i}" for i in range(self.players))

    def build(self) -> Environment:
        from .highway_environment import HighwayEnvironment

        return HighwayEnvironment(self)


class HighwayMerge(HighwayRoad):
    """Two cars merge in highway-env (extra driving), choosing speeds; see gamesim/envs/driving/highway.py."""

    kind: Literal["highway_merge"] = "highway_merge"
    scene: ClassVar[Literal["merge", "two_way"]] = "merge"
    players: int = Field(2, ge=1, le=10, description="Drivers; the road has two.")


class HighwayTwoWay(HighwayRoad):
    """One car behind traffic on highway-env's two-way road (extra driving); see gamesim/envs/driving/highway.py."""

    kind: Literal["highway_two_way"] = "highway_two_way"
    scene: ClassVar[Literal["merge", "two_way"]] = "two_way"
    players: int = Field(1, ge=1, le=10, description="Drivers; the road has one.")
