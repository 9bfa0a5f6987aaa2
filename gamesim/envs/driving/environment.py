"""Two cars as a PettingZoo environment: one row of ``BatchedConflictPoint``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces

from gamesim.core.arrays import Arrays
from gamesim.core.policy import EMPTY, ActionSpec
from gamesim.envs.base import Environment, Event
from gamesim.envs.scene import Scene

from . import picture
from .batched import BatchedConflictPoint
from .rules import HARDEST, PULL_OUT, SOFTEST

if TYPE_CHECKING:
    from .config import ConflictPoint

WIDTH = 72  # characters of the road when it is rendered


class ConflictPointEnvironment(Environment):
    """Both cars choose an acceleration at once, ten times a second.

    Parameters
    ----------
    config : which road.
    batched : a row already under way; by default a new one, to be reset.
    """

    metadata = {"name": "conflict_point_v0", "render_modes": ["ansi"], "is_parallelizable": True}

    def __init__(self, config: ConflictPoint, batched: BatchedConflictPoint | None = None) -> None:
        self.config = config
        self.render_mode = "ansi"
        self.possible_agents = list(config.seats())
        self._index = {agent: i for i, agent in enumerate(self.possible_agents)}
        self._row = batched if batched is not None else BatchedConflictPoint(config, 1)
        self.phase = self._row.phase
        self.agents = [a for i, a in enumerate(self.possible_agents) if self.phase and self._row.moving[0, i]]
        self._facts: Arrays = EMPTY
        self._events: list[Event] = []
        numbers = ("place", "speed", "other_place", "other_speed", "gap", "time", "truck", "out")
        parts: dict[str, spaces.Space[Any]] = {key: spaces.Box(-np.inf, np.inf, (), np.float64) for key in numbers}
        self._seen = spaces.Dict({**parts, "index": spaces.Box(0, 1, (), np.int64)})

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        return self._seen

    def action_space(self, agent: str) -> spaces.Space[Any]:
        top = PULL_OUT if self._row.specs[self._index[agent]].overtakes else SOFTEST
        return spaces.Box(HARDEST, top, (1,), np.float64)

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        batch = self._row.reset(np.array([seed or 0]), options)
        self.phase, self.agents = batch.phase, list(self.possible_agents)
        self._facts, self._events = EMPTY, []
        return self._observations(batch.observation, self.agents), {agent: {} for agent in self.agents}

    def action_spec(self, agent: str) -> ActionSpec:
        return self._row.specs[self._index[agent]]

    def observation_of(self, agent: str) -> Any:
        return self._observations(self._row.observation(), [agent])[agent]

    def step(
        self, actions: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        self.check_actions(actions)
        agents = list(self.agents)
        played = np.full((1, 2), np.nan)
        for agent in agents:
            played[0, self._index[agent]] = self.action_spec(agent).parse(actions[agent])
        crashed, arrived = bool(self._row.cars.crashed[0]), self._row.cars.arrived[0].copy()
        batch = self._row.step(played)
        self.phase, self._facts = batch.phase, {key: value[0] for key, value in batch.facts.items()}
        cars = self._row.cars
        self._events = [Event("crash")] if cars.crashed[0] and not crashed else []
        self._events += [
            Event("arrival", agent, {"time": float(cars.arrival[0, i])})
            for i, agent in enumerate(self.possible_agents)
            if cars.arrived[0, i] and not arrived[i]
        ]
        over = bool(batch.truncated[0])
        terminations = {agent: bool(batch.terminated[0, self._index[agent]]) for agent in agents}
        self.agents = [] if over else [agent for agent in agents if not terminations[agent]]
        return (
            self._observations(batch.observation, agents),
            {agent: float(batch.reward[0, self._index[agent]]) for agent in agents},
            terminations,
            {agent: over and not terminations[agent] for agent in agents},
            {agent: {} for agent in agents},
        )

    def _observations(self, seen: Arrays, agents: list[str]) -> dict[str, Any]:
        return {
            agent: {
                key: np.array(value[0, 0 if value.shape[1] == 1 else self._index[agent]]) for key, value in seen.items()
            }
            for agent in agents
        }

    def events(self) -> list[Event]:
        happened, self._events = self._events, []
        return happened

    def facts(self) -> Arrays:
        return self._facts

    def outcome(self) -> Mapping[str, float | str | None]:
        return {key: float(value[0]) for key, value in self._row.outcome().items()}

    def alive_agents(self) -> list[str]:
        """Who still drives, at the end too: those whose time was up."""
        return [agent for i, agent in enumerate(self.possible_agents) if self._row.moving[0, i]]

    def scene(self) -> Scene:
        """The road from above, in metres and seconds."""
        return picture.scene(
            self.config.variant, self.possible_agents, self._row.cars, self._row.count * self.config.dt
        )

    def render(self) -> str:
        """The road as text: cars A and B, the truck T, the conflict point +, a crash X."""
        cars, two_way = self._row.cars, self.config.variant == "two_way"
        low, high = (-10.0, 200.0) if two_way else (-65.0, 55.0)
        lanes = [["."] * WIDTH, ["."] * WIDTH]

        def put(lane: int, place: float, mark: str) -> None:
            cell = round((place - low) / (high - low) * (WIDTH - 1))
            if 0 <= cell < WIDTH:
                lanes[lane][cell] = mark

        for lane in () if two_way else (0, 1):
            put(lane, 0.0, "+")
        if two_way:
            put(0, float(cars.truck[0]), "T")
        for i, mark in enumerate("AB"):
            lane = i if not two_way else (1 if i == 1 or cars.out[0] else 0)
            if not cars.arrived[0, i]:
                put(lane, float(cars.p[0, i]), "X" if cars.crashed[0] else mark)
        time = self._row.count * self.config.dt
        return f"{time:5.1f} s {self.config.variant}\n" + "\n".join("".join(lane) for lane in lanes)
