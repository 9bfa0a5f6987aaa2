"""A batched game in which all act at once, as a PettingZoo environment: one row of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from gymnasium import spaces

from gamesim.core.arrays import AnyArray, Arrays, IntArray
from gamesim.core.policy import EMPTY, ActionSpec

from .base import Batch, Environment
from .config import EnvironmentConfig

LARGEST = np.iinfo(np.int64).max


class Row(Protocol):
    """What is asked of the batched face."""

    phase: str
    round: int

    @property
    def specs(self) -> tuple[ActionSpec, ...]: ...
    def reset(self, seeds: IntArray, options: Mapping[str, Any] | None = None) -> Batch: ...
    def step(self, actions: AnyArray | Arrays) -> Batch: ...
    def observation(self) -> dict[str, AnyArray]: ...
    def outcome(self) -> dict[str, AnyArray]: ...


class Simultaneous(Environment):
    """All act in every step, and the episode ends for all at the horizon.

    Parameters
    ----------
    config : which game.
    row : one row of its batched face, new or already under way.
    seen, moves : spaces of each agent, in agent order.
    """

    def __init__(
        self, config: EnvironmentConfig, row: Row, seen: list[spaces.Space[Any]], moves: list[spaces.Space[Any]]
    ) -> None:
        self.config = config
        self.metadata = {"name": f"{config.kind}_v0", "render_modes": ["ansi"], "is_parallelizable": True}
        self.render_mode = "ansi"
        self.possible_agents = list(config.seats())
        self._row = row
        self._index = {agent: i for i, agent in enumerate(self.possible_agents)}
        self._spaces = (seen, moves)
        self.phase = row.phase
        self.agents = list(self.possible_agents) if self.phase else []
        self._facts: Arrays = EMPTY

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        return self._spaces[0][self._index[agent]]

    def action_space(self, agent: str) -> spaces.Space[Any]:
        return self._spaces[1][self._index[agent]]

    def action_spec(self, agent: str) -> ActionSpec:
        return self._row.specs[self._index[agent]]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        batch = self._row.reset(np.array([seed or 0]), options)
        self.phase, self.agents, self._facts = batch.phase, list(self.possible_agents), EMPTY
        return self._observations(batch), {agent: {} for agent in self.agents}

    def step(
        self, actions: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        self.check_actions(actions)
        agents = list(self.agents)
        chosen = [float(spec.parse(actions[agent])) for agent, spec in zip(agents, self._row.specs, strict=True)]
        batch = self._row.step(np.array([chosen]))
        self.phase, self._facts = batch.phase, {key: value[0] for key, value in batch.facts.items()}
        over = bool(batch.truncated[0])
        observations = self._observations(batch)
        self.agents = [] if over else agents
        return (
            observations,
            {agent: float(batch.reward[0, i]) for i, agent in enumerate(agents)},
            dict.fromkeys(agents, False),
            dict.fromkeys(agents, over),
            {agent: {} for agent in agents},
        )

    def _observations(self, batch: Batch) -> dict[str, Any]:
        seen = batch.observation
        return {
            agent: {key: np.array(value[0, 0 if value.shape[1] == 1 else i]) for key, value in seen.items()}
            for i, agent in enumerate(self.possible_agents)
        }

    def facts(self) -> Arrays:
        return self._facts

    def outcome(self) -> Mapping[str, float | str | None]:
        values = {key: float(value[0]) for key, value in self._row.outcome().items()}
        return {key: None if np.isnan(value) else value for key, value in values.items()}


def whole(*keys: str) -> dict[str, spaces.Space[Any]]:
    """Spaces of whole numbers from 0 on."""
    return {key: spaces.Box(0, LARGEST, (), np.int64) for key in keys}


def running(phase: str, rows: int, agents: int) -> dict[str, AnyArray]:
    """The parts of a Batch that only say whether it is over."""
    over = phase == ""
    return {
        "terminated": np.zeros((rows, agents), dtype=bool),
        "truncated": np.full(rows, over),
        "needs_action": np.full((rows, agents), not over),
    }
