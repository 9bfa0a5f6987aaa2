"""A repeated matrix game as a PettingZoo environment: one row of ``BatchedMatrix``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces

from gamesim.core.arrays import Arrays
from gamesim.core.policy import EMPTY, ActionSpec
from gamesim.envs.base import Batch, Environment, Event

from .batched import BatchedMatrix

if TYPE_CHECKING:
    from .config import Matrix


class MatrixEnvironment(Environment):
    """All players choose at once; an action is the index of one's own action.

    Parameters
    ----------
    config : which game.
    batched : a row already under way; by default a new one, to be reset.
    """

    metadata = {"name": "matrix_v0", "render_modes": ["ansi"], "is_parallelizable": True}

    def __init__(self, config: Matrix, batched: BatchedMatrix | None = None) -> None:
        self.config = config
        self.render_mode = "ansi"
        self.possible_agents = list(config.seats())
        self._row = batched if batched is not None else BatchedMatrix(config, 1)
        self._index = {agent: i for i, agent in enumerate(self.possible_agents)}
        self.phase = self._row.phase
        self.agents = list(self.possible_agents) if self.phase else []
        self._facts: Arrays = EMPTY
        self._events: list[Event] = []
        stage = config.table
        numbers = spaces.Box(-np.inf, np.inf, (), np.float64)
        largest = np.iinfo(np.int64).max
        parts = {key: spaces.Box(0, largest, (), np.int64) for key in ("phase", "round", "index")}
        last = spaces.Box(-1, np.array(stage.shape) - 1, dtype=np.int64)
        self._seen = {a: spaces.Dict({**parts, "payoff": numbers, "last": last}) for a in self.possible_agents}
        self._moves = {a: spaces.Discrete(k) for a, k in zip(self.possible_agents, stage.shape, strict=True)}

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        return self._seen[agent]

    def action_space(self, agent: str) -> spaces.Space[Any]:
        return self._moves[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        batch = self._row.reset(np.array([seed or 0]), options)
        self.phase, self.agents = batch.phase, list(self.possible_agents)
        self._facts, self._events = EMPTY, []
        return self._observations(batch), {agent: {} for agent in self.agents}

    def action_spec(self, agent: str) -> ActionSpec:
        return self._row.specs[self._index[agent]]

    def step(
        self, actions: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        self.check_actions(actions)
        agents = list(self.agents)
        chosen = np.array([[self._row.specs[i].parse(actions[agent]) for i, agent in enumerate(agents)]])
        batch = self._row.step(chosen)
        self.phase, self._facts = batch.phase, {key: value[0] for key, value in batch.facts.items()}
        played = batch.facts["played"][0]
        self._events = [
            Event("slip", agent, {"chose": int(chosen[0, i]), "played": int(played[i])})
            for i, agent in enumerate(agents)
            if chosen[0, i] != played[i]
        ]
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

    def events(self) -> list[Event]:
        happened, self._events = self._events, []
        return happened

    def facts(self) -> Arrays:
        return self._facts

    def outcome(self) -> Mapping[str, float | str | None]:
        return {key: float(value[0]) for key, value in self._row.outcome().items()}

    def render(self) -> str:
        last = self._row.observation()["last"][0, 0]
        labels = [actions[a] if a >= 0 else "-" for actions, a in zip(self.config.table.actions, last, strict=True)]
        return f"round {self._row.round} {self.phase or 'over'}: {' '.join(labels)}"
