"""The repeated stage games as PettingZoo environments: one row of ``BatchedStageGame``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces

from gamesim.core.arrays import AnyArray, Arrays
from gamesim.core.policy import EMPTY, ActionSpec
from gamesim.envs.base import Batch, Environment, Event

from .stage_actions import decode_fines
from .stage_batched import KEYS, BatchedStageGame

if TYPE_CHECKING:
    from .stage_config import StageGame


class StageEnvironment(Environment):
    """One repeated stage game.

    An action is the phase's number (in ``sanction`` also a list of fines by player), an array of one, or, where a round
    has several phases, the dictionary of ``action_space`` of which the phase's key is read.

    Parameters
    ----------
    config : which game.
    batched : a row already under way; by default a new one, to be reset.
    """

    def __init__(self, config: StageGame, batched: BatchedStageGame | None = None) -> None:
        self.config = config
        self.metadata = {"name": f"{config.kind}_v0", "render_modes": ["ansi"], "is_parallelizable": True}
        self.render_mode = "ansi"
        self.possible_agents = list(config.seats())
        self._index = {agent: i for i, agent in enumerate(self.possible_agents)}
        self._row = batched if batched is not None else BatchedStageGame(config, 1)
        self.phase = self._row.phase
        self.agents = list(self.possible_agents) if self.phase else []
        self._facts: Arrays = EMPTY
        self._events: list[Event] = []

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        n = self.config.players
        one = {key: spaces.Box(-np.inf, np.inf, (), np.float64) for key in ("norm", "choice", "payoff", "fines")}
        boards = {key: spaces.Box(-np.inf, np.inf, (n,), np.float64) for key in ("board_choice", "board_payoff")}
        whole = {key: spaces.Box(0, np.iinfo(np.int64).max, (), np.int64) for key in ("phase", "round", "index")}
        parts: dict[str, spaces.Space[Any]] = {**whole, **one, **boards}
        if self._row.rules.next_stock is not None:
            parts["stock"] = spaces.Box(0, np.inf, (), np.float64)
        if self.config.fining is not None:
            parts["fined_by"] = spaces.Box(0, np.inf, (n,), np.float64)
        return spaces.Dict(parts)

    def action_space(self, agent: str) -> spaces.Space[Any]:
        rules, n = self._row.rules, self.config.players
        amount = spaces.Box(rules.low, rules.high, (1,), np.float64)
        choice: spaces.Space[Any] = spaces.Discrete(int(rules.high) + 1) if rules.integer else amount
        if self._row.phases == ("choose",):
            return choice
        parts = {KEYS["choose"]: choice}
        if self.config.fining is not None:
            most = [0 if i == self._index[agent] else self.config.fining.most for i in range(n)]
            parts[KEYS["sanction"]] = spaces.MultiDiscrete([m + 1 for m in most])
        if self.config.voting is not None:
            parts[KEYS["norm"]] = amount
        return spaces.Dict(parts)

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        batch = self._row.reset(np.array([seed or 0]), options)
        self.agents, self._facts, self._events = list(self.possible_agents), EMPTY, []
        self.phase = batch.phase
        return self._observations(batch), {agent: {} for agent in self.agents}

    def action_spec(self, agent: str) -> ActionSpec:
        return self._row.spec(self._index[agent])

    def abstain(self, agent: str) -> float:
        """What a forfeited decision counts as: the least one may choose, no fines, the lowest norm."""
        return 0.0 if self.phase == "sanction" else self._row.rules.low

    def step(
        self, actions: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        self.check_actions(actions)
        agents, phase = list(self.agents), self.phase
        played = np.array([[self._row.spec(i).parse(actions[agent]) for i, agent in enumerate(agents)]])
        batch = self._row.step(played)
        self.phase, self._facts = batch.phase, {key: value[0] for key, value in batch.facts.items()}
        self._note(phase, played[0])
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

    def events(self) -> list[Event]:
        happened, self._events = self._events, []
        return happened

    def facts(self) -> Arrays:
        return self._facts

    def outcome(self) -> Mapping[str, float | str | None]:
        values = {key: float(value[0]) for key, value in self._row.outcome().items()}
        return {key: None if np.isnan(value) else value for key, value in values.items()}

    def render(self) -> str:
        seen = self._row.observation()
        return f"round {self._row.round} {self.phase or 'over'}: {np.array2string(seen['board_choice'][0, 0], precision=3)}"

    def _note(self, phase: str, played: AnyArray) -> None:
        if phase == "sanction" and self.config.fining is not None:
            fines = decode_fines(played, self.config.players, self.config.fining.most)
            for giver, target in np.argwhere(fines > 0):
                data = {
                    "target": self.possible_agents[target],
                    "fine": float(fines[giver, target] * self.config.fining.fine),
                }
                self._events.append(Event("sanction", self.possible_agents[giver], data))
        elif phase == "norm":
            self._events.append(Event("norm", None, {"G": float(self._facts["norm_next"][0])}))

    def _observations(self, batch: Batch) -> dict[str, Any]:
        seen = batch.observation
        return {
            agent: {
                key: np.array(value[0, 0] if value.shape[1] == 1 and key not in OWN else value[0, i])
                for key, value in seen.items()
            }
            for i, agent in enumerate(self.possible_agents)
        }


OWN = frozenset({"index", "choice", "payoff", "fines", "fined_by"})  # by seat even where there is one seat
