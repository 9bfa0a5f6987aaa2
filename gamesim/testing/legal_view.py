"""An environment as PettingZoo's own tests and random players can use it.

PettingZoo lets every live agent act in every step and samples from ``action_space``; ours asks only the movers, and
``action_spec`` says what is legal now. The view joins them: its action spaces sample from ``action_spec``, the actions of
those who do not move are dropped, and an observation's NaN ("no value") becomes -1, because PettingZoo compares with ``==``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gymnasium import spaces
from pettingzoo import ParallelEnv

from gamesim.core.policy import ActionSpec
from gamesim.envs.base import Environment

from .compare import without_nan


class LegalSpace(spaces.Space[Any]):
    """What one agent may do now; None for one who does not move."""

    def __init__(self, environment: Environment, agent: str) -> None:
        super().__init__()
        self._environment = environment
        self._agent = agent

    @property
    def is_np_flattenable(self) -> bool:
        return False

    def _spec(self) -> ActionSpec | None:
        return self._environment.action_spec(self._agent) if self._agent in self._environment.movers() else None

    def sample(self, mask: Any = None, probability: Any = None) -> Any:
        spec = self._spec()
        return None if spec is None else spec.sample(self.np_random)

    def contains(self, x: Any) -> bool:
        spec = self._spec()
        return x is None if spec is None else spec.legal(x)

    def __repr__(self) -> str:
        return f"LegalSpace({self._agent})"


class LegalView(ParallelEnv[str, Any, Any]):
    """See the module."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.metadata = environment.metadata
        self.render_mode = getattr(environment, "render_mode", None)
        self.possible_agents = list(environment.possible_agents)
        self._seen: dict[str, Any] = {}
        self._spaces = {agent: LegalSpace(environment, agent) for agent in self.possible_agents}
        self.agents: list[str] = list(getattr(environment, "agents", []))

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        if agent not in self._seen:
            self._seen[agent] = self.environment.observation_space(agent)
        space: spaces.Space[Any] = self._seen[agent]
        return space

    def action_space(self, agent: str) -> spaces.Space[Any]:
        return self._spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Options other than ``seats`` are PettingZoo's test's own and are left out."""
        known = {key: value for key, value in (options or {}).items() if key == "seats"}
        observations, infos = self.environment.reset(seed=seed, options=known or None)
        self.agents = list(self.environment.agents)
        return without_nan(observations), without_nan(infos)

    def step(
        self, actions: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        moving = self.environment.movers()
        result = self.environment.step({agent: action for agent, action in actions.items() if agent in moving})
        self.agents = list(self.environment.agents)
        observations, rewards, terminations, truncations, infos = result
        return without_nan(observations), rewards, terminations, truncations, without_nan(infos)

    def render(self) -> Any:
        return self.environment.render()

    def close(self) -> None:
        self.environment.close()

    def state(self) -> Any:
        return self.environment.state()


def legal_view(environment: Environment) -> LegalView:
    """The environment with action spaces that sample what is legal now."""
    return LegalView(environment)
