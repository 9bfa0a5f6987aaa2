"""The lighthouse. Each night the keepers decide one after the other to pay 1 for oil or not, seeing what was paid so far.

With at least ``needed`` payments, and no storm, the light burns and everybody earns 2. A step is one keeper's decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces

from gamesim.core.errors import IllegalActionError
from gamesim.core.seeds import Seeds
from gamesim.envs.base import Environment, Event

if TYPE_CHECKING:
    from .config import Lighthouse


class PayOrNot:
    def legal(self, action: Any) -> bool:
        return (
            isinstance(action, (int, float, np.number, np.ndarray))
            and np.size(action) == 1
            and float(action) in (0.0, 1.0)
        )

    def sample(self, rng: np.random.Generator) -> int:
        return int(rng.integers(2))

    def text(self) -> str:
        return "0 (keep) or 1 (pay)"

    def json_schema(self) -> Mapping[str, Any]:
        return {"type": "integer", "enum": [0, 1]}

    def parse(self, value: Any) -> int:
        if not self.legal(value):
            raise IllegalActionError(f"{value!r} is neither to pay nor to keep.", hint=f"Legal: {self.text()}.")
        return int(value)


class LighthouseEnvironment(Environment):
    metadata = {"name": "lighthouse_v0", "render_modes": ["ansi"], "is_parallelizable": True}

    def __init__(self, config: Lighthouse) -> None:
        self.config = config
        self.render_mode = "ansi"
        self.possible_agents = list(config.seats())
        self.agents = []
        count = spaces.Box(0, np.iinfo(np.int64).max, (), np.int64)
        self._seen = spaces.Dict({"night": count, "paid": count, "turn": count})
        self._moves = spaces.Discrete(2)

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        return self._seen

    def action_space(self, agent: str) -> spaces.Space[Any]:
        return self._moves

    def movers(self) -> tuple[str, ...]:
        return (self.possible_agents[self._turn],) if self.agents else ()

    def action_spec(self, agent: str) -> PayOrNot:
        return PayOrNot()

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        self.agents, self.phase = list(self.possible_agents), "pay"
        self._night, self._turn, self._paid, self._lit = 1, 0, 0, 0
        self._storms = Seeds(seed or 0).block("environment", "storm", shape=(self.config.nights,))
        self._events: list[Event] = []
        return self._observations(), {agent: {} for agent in self.agents}

    def step(self, actions: Mapping[str, Any]) -> Any:
        self.check_actions(actions)
        agents, mover = list(self.agents), self.movers()[0]
        pays = PayOrNot().parse(actions[mover])
        rewards = dict.fromkeys(agents, 0.0)
        rewards[mover] -= pays
        self._paid += pays
        self._turn += 1
        self._events = []
        if self._turn == len(agents):
            lit = self._paid >= self.config.needed and self._storms[self._night - 1] >= self.config.storm
            self._lit += int(lit)
            rewards = {agent: reward + 2.0 * lit for agent, reward in rewards.items()}
            self._events = [Event("light" if lit else "dark", None, {"night": self._night, "paid": self._paid})]
            self._night, self._turn, self._paid = self._night + 1, 0, 0
        over = self._night > self.config.nights
        observations = self._observations()
        if over:
            self.agents, self.phase = [], ""
        return observations, rewards, dict.fromkeys(agents, False), dict.fromkeys(agents, over), {a: {} for a in agents}

    def events(self) -> list[Event]:
        happened, self._events = self._events, []
        return happened

    def facts(self) -> dict[str, Any]:
        return {"night": np.array(float(self._night))}

    def outcome(self) -> dict[str, float | str | None]:
        return {"nights": float(self._night - 1), "nights_lit": float(self._lit)}

    def _observations(self) -> dict[str, Any]:
        return {
            agent: {
                key: np.array(value)
                for key, value in (("night", self._night), ("paid", self._paid), ("turn", self._turn))
            }
            for agent in self.possible_agents
        }
