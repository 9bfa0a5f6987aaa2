"""highway-env's roads as PettingZoo environments of gamesim."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces

from gamesim.core.arrays import AnyArray, Arrays, FloatArray
from gamesim.core.policy import EMPTY, ActionSpec
from gamesim.core.seeds import Seeds
from gamesim.envs.base import Environment, Event
from gamesim.envs.repeated.actions import Choice

from . import highway

if TYPE_CHECKING:
    from .highway_config import HighwayRoad

PHASE = "drive"
# Our actions, and what highway-env calls them.
SPEED_ACTIONS = {"slower": "SLOWER", "keep": "IDLE", "faster": "FASTER"}
LANE_ACTIONS = {**SPEED_ACTIONS, "left": "LANE_LEFT", "right": "LANE_RIGHT"}
SEEN = 3  # others


class HighwayEnvironment(Environment):
    """All drivers choose twice a second; who arrived is gone, and a crash ends the episode.

    Raises
    ------
    MissingExtraError
        Without highway-env.
    EnvironmentConfigError
        If the road does not let as many drive as the configuration has players.
    """

    def __init__(self, config: HighwayRoad) -> None:
        self.config = config
        self.metadata = {
            "name": f"{config.kind}_v0",
            "render_modes": ["rgb_array"],
            "render_fps": highway.SIMULATION,
            "is_parallelizable": True,
        }
        self.render_mode = "rgb_array"
        self.possible_agents = list(config.seats())
        self.agents: list[str] = []
        self.simulator = highway.simulator(config.scene, config.crash_cost, config.horizon, "rgb_array")
        highway.require_drivers(self.simulator, config.players)
        self._actions = LANE_ACTIONS if config.scene == "two_way" else SPEED_ACTIONS
        self._spec = Choice(tuple(self._actions))
        codes = self.simulator.action_type.agents_action_types[0].actions_indexes
        self._codes = [codes[name] for name in self._actions.values()]
        self._index = {agent: i for i, agent in enumerate(self.possible_agents)}
        self._facts: Arrays = EMPTY
        self._events: list[Event] = []
        self._over = ""
        self._film: _Film | None = None
        numbers = {key: spaces.Box(-np.inf, np.inf, (), np.float64) for key in ("place", "speed", "side", "time")}
        others = spaces.Box(-np.inf, np.inf, (SEEN, 3), np.float64)
        self._seen = spaces.Dict({**numbers, "others": others, "index": spaces.Box(0, 9, (), np.int64)})

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        return self._seen

    def action_space(self, agent: str) -> spaces.Space[Any]:
        return spaces.Discrete(len(self._actions))

    def action_spec(self, agent: str) -> ActionSpec:
        return self._spec

    @property
    def cars(self) -> list[Any]:
        """Those that are driven, in seat order; highway-env's objects."""
        return list(self.simulator.controlled_vehicles)

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        seeds = Seeds(seed or 0)
        self.simulator.normals = seeds.normals("environment", "start", shape=(self.config.players, 2))
        self.simulator.reset(seed=int(seeds.stream("environment", "traffic").integers(2**31)))
        highway.require_drivers(self.simulator, self.config.players)
        self.phase, self.agents = PHASE, list(self.possible_agents)
        self._facts, self._events, self._over = EMPTY, [], ""
        return self._observations(self.agents), {agent: {} for agent in self.agents}

    def step(
        self, actions: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        self.check_actions(actions)
        movers, arrived = list(self.agents), [car.arrived for car in self.cars]
        keep = list(self._actions).index("keep")
        chosen = tuple(
            self._codes[self._spec.parse(actions[agent]) if agent in actions else keep]
            for agent in self.possible_agents
        )
        _, rewards, terminated, truncated, _ = self.simulator.step(chosen)
        cars, time = self.cars, float(self.simulator.time)
        moving = np.array([agent in movers for agent in self.possible_agents])
        self._facts = {
            "time": np.where(moving, time, np.nan),
            "place": np.where(moving, [car.position[0] for car in cars], np.nan),
            "speed": np.where(moving, [car.speed for car in cars], np.nan),
        }
        self._events = [Event("crash", agent) for agent, car in zip(self.possible_agents, cars, strict=True) if car.crashed]  # fmt: skip
        self._events += [
            Event("arrival", agent, {"time": time})
            for agent, car, before in zip(self.possible_agents, cars, arrived, strict=True)
            if car.arrived and not before
        ]
        ends = {agent: bool(terminated or self.cars[self._index[agent]].done) for agent in movers}
        self.agents = [] if truncated else [agent for agent in movers if not ends[agent]]
        self._over = "" if self.agents else ("timeout" if truncated else "end")
        self.phase = PHASE if self.agents else ""
        return (
            self._observations(movers),
            {agent: float(rewards[self._index[agent]]) for agent in movers},
            ends,
            {agent: bool(truncated) and not ends[agent] for agent in movers},
            {agent: {} for agent in movers},
        )

    def observation_of(self, agent: str) -> Any:
        return self._observations([agent])[agent]

    def _observations(self, agents: list[str]) -> dict[str, Any]:
        cars, road = self.cars, self.simulator.road
        found = {}
        for agent in agents:
            me = cars[self._index[agent]]
            rest = [car for car in road.vehicles if car is not me]
            near = sorted(rest, key=lambda car, x=me.position[0]: abs(float(car.position[0]) - x))[:SEEN]  # type: ignore[misc]
            others: FloatArray = np.full((SEEN, 3), np.nan)
            for row, car in enumerate(near):
                others[row] = _state(car)
            place, speed, side = _state(me)
            found[agent] = {
                "place": np.array(place), "speed": np.array(speed), "side": np.array(side), "others": others,
                "time": np.array(float(self.simulator.time)), "index": np.array(self._index[agent]),
            }  # fmt: skip
        return found

    def events(self) -> list[Event]:
        happened, self._events = self._events, []
        return happened

    def facts(self) -> Arrays:
        return self._facts

    def alive_agents(self) -> list[str]:
        """Who still drives, at the end too: those whose time was up."""
        return [agent for agent, car in zip(self.possible_agents, self.cars, strict=True) if not car.done]

    def outcome(self) -> Mapping[str, float | str | None]:
        cars = self.cars
        return {
            "crash": float(any(car.crashed for car in cars)),
            "timeout": float(self._over == "timeout"),
            **{f"arrived_{i}": float(car.arrived) for i, car in enumerate(cars)},
            "duration": float(self.simulator.time),
        }

    def render(self) -> AnyArray:
        """The road as highway-env draws it: an RGB frame, (height, width, 3), uint8."""
        if self.simulator.viewer is None:
            with _without_screen():
                self.simulator.render()
            if self.config.scene == "merge":  # the whole road is seen; else the picture goes with the car
                viewer: Any = self.simulator.viewer
                viewer.observer_vehicle = _Spot(np.array(highway.MIDDLE))
        return np.asarray(self.simulator.render())

    def frames(self) -> list[AnyArray]:
        """Pictures of every simulated tenth of a second since the last call."""
        if self._film is None:
            self._film = _Film(self)
            self.simulator.set_record_video_wrapper(self._film)
        between, self._film.frames = self._film.frames, []
        return [*between, self.render()]

    def close(self) -> None:
        self.simulator.close()


@dataclass(frozen=True)
class _Spot:
    """Where highway-env's camera stands; it looks for a vehicle."""

    position: FloatArray


@contextmanager
def _without_screen() -> Iterator[None]:
    """pygame looks for a screen when it begins, and complains where there is none; these pictures need none."""
    before = os.environ.get("SDL_VIDEODRIVER")
    os.environ["SDL_VIDEODRIVER"] = "offscreen"
    try:
        yield
    finally:
        if before is None:
            del os.environ["SDL_VIDEODRIVER"]
        else:
            os.environ["SDL_VIDEODRIVER"] = before


class _Film:
    """Keeps what highway-env paints between two decisions; it asks for it as for gymnasium's RecordVideo."""

    def __init__(self, environment: HighwayEnvironment) -> None:
        self.environment = environment
        self.frames: list[AnyArray] = []
        self.frames_per_sec = highway.SIMULATION

    def _capture_frame(self) -> None:
        self.frames.append(self.environment.render())


def _state(car: Any) -> tuple[float, float, float]:
    """Place along the road, speed along it (oncoming traffic has a negative one), place across it."""
    return float(car.position[0]), float(car.velocity[0]), float(car.position[1])
