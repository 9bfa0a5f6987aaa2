"""highway-env's cars under our rewards: two who merge, or one who overtakes. Needs the extra ``driving`` (highway-env, MIT).

The physics, the roads and the pictures are highway-env's; who drives, what is earned and when it ends is ours. It costs about
half a CPU-second an episode, where ``conflict_point`` plays tens of thousands: this is for validation and for looking at.

*merge*: car 0 comes on the right lane of the main road and car 1 on the ramp, both 60 m + N(0, 8) from where their ways begin
at 20 + N(0, 1) m/s. They choose speeds only (0, 5, ..., 30 m/s, one step up or down twice a second). As soon as the ramp car is
beside the main road it changes to it, before every decision, and its route is kept such that it can: the car that highway-env
lets drive by speed alone never merges, and ends at the ramp's end. *two_way*: one car behind slower traffic, with more of it
coming; speeds and lanes. Reward: minus ``crash_cost`` to each car that crashed; ``1 - time / horizon`` on arrival past
``ARRIVAL``; 0 at time-out. Who arrived is taken off the road.

highway-env gives fewer cars than asked for without a word where a road has one driver; ``require_drivers`` raises instead.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from gamesim.core.arrays import FloatArray
from gamesim.core.errors import EnvironmentConfigError, MissingExtraError

ARRIVAL = 370.0  # m
MERGE = 230.0  # m, where ramp and main road run side by side
START, START_SD, SPEED, SPEED_SD = 60.0, 8.0, 20.0, 1.0
SPEEDS = tuple(float(v) for v in range(0, 31, 5))
SIMULATION, POLICY = 10, 2  # Hz
MIDDLE = (220.0, 7.0)  # m, of the picture of the merge
WHOLE = {"screen_width": 1200, "screen_height": 110, "scaling": 2.7, "centering_position": [0.5, 0.5]}  # px, px / m
RAMP, MAIN = ("b", "c", 2), ("b", "c", 1)  # where both run side by side


def require() -> None:
    """
    Raises
    ------
    MissingExtraError
        Where highway-env is not installed.
    """
    from importlib.util import find_spec

    if find_spec("highway_env") is None:
        raise MissingExtraError.of("these cars drive in highway-env", "driving")


def require_drivers(simulator: Any, players: int) -> None:
    """
    Raises
    ------
    EnvironmentConfigError
        Unless as many cars of the simulator are driven as there are players.
    """
    driven = len(simulator.controlled_vehicles)
    if driven != players:
        raise EnvironmentConfigError(f"{players} players were asked for, and {type(simulator).__name__} lets {driven} drive.", path="players", hint="Two drive in highway_merge.")  # fmt: skip


def simulator(scene: str, crash_cost: float, seconds: float, render_mode: str | None = None) -> Any:
    """highway-env's environment of a scene, ``merge`` or ``two_way``, under our rewards: one a driver, in a tuple.

    Raises
    ------
    MissingExtraError
        Where highway-env is not installed.
    """
    require()
    lateral = scene == "two_way"
    each = {"type": "DiscreteMetaAction", "longitudinal": True, "lateral": lateral, "target_speeds": list(SPEEDS)}
    config: dict[str, Any] = {
        "action": {"type": "MultiAgentAction", "action_config": each},
        "observation": {"type": "MultiAgentObservation", "observation_config": {"type": "Kinematics"}},
        "simulation_frequency": SIMULATION, "policy_frequency": POLICY, "crash_cost": crash_cost, "seconds": seconds,
        **(WHOLE if scene == "merge" else {}),
    }  # fmt: skip
    return _scenes()[scene](config=config, render_mode=render_mode)


@cache
def _scenes() -> dict[str, Any]:
    """The subclasses; made when first asked for, because highway-env is imported here."""
    from highway_env.envs.merge_env import MergeEnv
    from highway_env.envs.two_way_env import TwoWayEnv

    class Scored:
        """Rewards of each driver, and when an episode ends."""

        config: Any
        controlled_vehicles: list[Any]
        road: Any
        time: float

        def _reward(self, action: Any) -> tuple[float, ...]:
            earned = []
            for vehicle in self.controlled_vehicles:
                crash = vehicle.crashed and not vehicle.done
                there = not vehicle.crashed and not vehicle.done and vehicle.position[0] > ARRIVAL
                gain = 1.0 - self.time / self.config["seconds"] if there else 0.0
                earned.append(gain - (self.config["crash_cost"] if crash else 0.0))
                vehicle.arrived = vehicle.arrived or there
                if there:
                    self.road.vehicles.remove(vehicle)
                vehicle.done = vehicle.done or crash or there
            return tuple(earned)

        def _rewards(self, action: Any) -> dict[str, float]:
            raise NotImplementedError  # highway-env's own parts of a reward

        def _is_terminated(self) -> bool:
            cars = self.controlled_vehicles
            return any(car.crashed for car in cars) or all(car.done for car in cars)

        def _is_truncated(self) -> bool:
            return not self._is_terminated() and self.time >= self.config["seconds"] - 1e-9

        def _make_vehicles(self) -> None:
            super()._make_vehicles()  # type: ignore[misc]
            for vehicle in self.controlled_vehicles:
                vehicle.done = vehicle.arrived = False

    class Meeting(MergeEnv):
        """Two drivers, and nobody else."""

        normals: FloatArray | None = None  # (2, 2): place and speed of each car, set before reset

        def _make_vehicles(self) -> None:
            drawn = [[0.0, 0.0]] * 2 if self.normals is None else self.normals.tolist()
            ways = ((("a", "b", 1), MAIN, ("c", "d", 1)), (("j", "k", 0), ("k", "b", 0), MAIN, ("c", "d", 1)))
            cars = []
            for way, (place, speed) in zip(ways, drawn, strict=True):
                lane = self.road.network.get_lane(way[0])
                along = START + START_SD * place
                car = self.action_type.vehicle_class(
                    self.road, lane.position(along, 0.0), heading=lane.heading_at(along), speed=SPEED + SPEED_SD * speed,
                    route=list(way),
                )  # fmt: skip
                self.road.vehicles.append(car)
                cars.append(car)
            self.controlled_vehicles = cars

        def step(self, action: Any) -> Any:
            ramp = self.controlled_vehicles[1]
            if ramp.lane_index == RAMP:
                ramp.target_lane_index, ramp.route = MAIN, [MAIN, ("c", "d", 1)]
            return super().step(action)

    class TwoAgentMerge(Scored, Meeting):
        pass

    class OvertakingEnv(Scored, TwoWayEnv):
        pass

    return {"merge": TwoAgentMerge, "two_way": OvertakingEnv}
