"""A game tree as a PettingZoo environment: one row of ``BatchedTree``, and a turn-based face of its own beside it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces
from pettingzoo import AECEnv

from gamesim.core.arrays import Arrays
from gamesim.core.extensive_form import CHANCE
from gamesim.core.policy import EMPTY, ActionSpec
from gamesim.core.seeds import CHUNK, Seeds
from gamesim.envs.base import Batch, Environment, illegal

from .batched import PHASE, BatchedTree, Tables

if TYPE_CHECKING:
    from .config import ExtensiveForm


class TreeEnvironment(Environment):
    """One player moves at a time; an action is the index of one of the actions of the mover's information set.

    Parameters
    ----------
    config : which tree.
    batched : a row already under way; by default a new one, to be reset.
    """

    metadata = {"name": "efg_v0", "render_modes": ["ansi"], "is_parallelizable": True}

    def __init__(self, config: ExtensiveForm, batched: BatchedTree | None = None) -> None:
        self.config = config
        self.render_mode = "ansi"
        self.possible_agents = list(config.seats())
        self._row = batched if batched is not None else BatchedTree(config, 1)
        self._index = {agent: i for i, agent in enumerate(self.possible_agents)}
        self.phase = self._row.phase
        self.agents = list(self.possible_agents) if self.phase else []
        self._facts: Arrays = EMPTY
        t = self._row.tables
        self._seen = spaces.Dict(
            {
                "set": spaces.Box(-1, max(len(t.game.sets) - 1, 0), (), np.int64),
                "play": spaces.Box(1, config.repeat, (), np.int64),
                "role": spaces.Box(0, len(self.possible_agents), (), np.int64),
                "action_mask": spaces.Box(0, 1, (t.most,), np.int8),
            }
        )
        self._moves = spaces.Discrete(t.most)

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        return self._seen

    def action_space(self, agent: str) -> spaces.Space[Any]:
        return self._moves

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        batch = self._row.reset(np.array([seed or 0]), options)
        self.phase, self._facts = batch.phase, EMPTY
        self.agents = list(self.possible_agents) if self.phase else []
        return self._observations(batch, self.possible_agents), {agent: {} for agent in self.possible_agents}

    def movers(self) -> tuple[str, ...]:
        seat = int(self._row.mover()[0]) if self.phase else -1
        return (self.possible_agents[seat],) if seat >= 0 else ()

    def action_spec(self, agent: str) -> ActionSpec:
        t = self._row.tables
        return t.specs[int(t.at[self._row._node[0]])]

    def observation_of(self, agent: str) -> Any:
        return self._observations(self._row._batch(np.zeros((1, self._row.n)), {}), [agent])[agent]

    def step(
        self, actions: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        self.check_actions(actions)
        agents = list(self.agents)
        played = np.full((1, self._row.n), np.nan)
        for agent, action in actions.items():
            played[0, self._index[agent]] = float(self.action_spec(agent).parse(action))
        batch = self._row.step(played)
        self.phase, self._facts = batch.phase, {key: value[0] for key, value in batch.facts.items()}
        over = not self.phase
        exact = self._exact() if over else None
        self.agents = [] if over else agents
        return (
            self._observations(batch, agents),
            {agent: float(batch.reward[0, self._index[agent]]) for agent in agents},
            dict.fromkeys(agents, over),
            dict.fromkeys(agents, False),
            {agent: {} if exact is None else {"payoff": exact[self._index[agent]]} for agent in agents},
        )

    def _exact(self) -> list[str] | None:
        """The last leaf's payoffs by seat, as exact text."""
        t, row = self._row.tables, self._row
        payoffs = t.game.payoffs[int(t.at[row._node[0]])]
        return [str(payoffs[int(role)]) for role in row._roles()[0]]

    def _observations(self, batch: Batch, agents: list[str]) -> dict[str, Any]:
        seen = batch.observation
        return {
            agent: {
                key: np.array(value[0, 0 if value.shape[1] == 1 else self._index[agent]]) for key, value in seen.items()
            }
            for agent in agents
        }

    def facts(self) -> Arrays:
        return self._facts

    def outcome(self) -> Mapping[str, float | str | None]:
        return {key: float(value[0]) for key, value in self._row.outcome().items()}

    def render(self) -> str:
        t, node = self._row.tables, int(self._row._node[0])
        path = " > ".join(t.game.history(node)) or "the beginning"
        return f"play {int(self._row._play[0])}: {path}" + ("" if self.phase else " (over)")


class ExtensiveFormEnv(AECEnv[str, Any, Any]):
    """The same, turn by turn, as PettingZoo's AEC tools want it: one node walked through plain lists.

    A tree in which nobody decides is over after ``reset``: every agent is terminated with its payoff. Equal seeds and moves
    give what ``TreeEnvironment`` gives.
    """

    metadata = {"name": "efg_v0", "render_modes": ["ansi"], "is_parallelizable": False}

    def __init__(self, config: ExtensiveForm) -> None:
        super().__init__()
        self.config = config
        self.render_mode = "ansi"
        self.possible_agents = list(config.seats())
        t = Tables(config.tree)
        self._tree, self._specs, self._most = t.game, t.specs, t.most
        self._kind, self._at = t.kind.tolist(), t.at.tolist()
        self._children, self._bounds, self._payoffs = t.game.children, t.bounds.tolist(), t.payoffs.tolist()
        self._sizes = t.sizes.tolist()
        self._seen = spaces.Dict(
            {
                "observation": spaces.Box(-1, max(len(t.game.sets) - 1, 0), (1,), np.int32),
                "action_mask": spaces.Box(0, 1, (t.most,), np.int8),
            }
        )
        self._moves = spaces.Discrete(t.most)
        self._views = [
            (np.array([h], dtype=np.int32), (np.arange(t.most) < len(s.actions)).astype(np.int8))
            for h, s in enumerate(t.game.sets)
        ]
        self._blind = np.array([-1], dtype=np.int32), np.zeros(t.most, dtype=np.int8)

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        return self._seen

    def action_space(self, agent: str) -> spaces.Space[Any]:
        return self._moves

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        self._seed = seed or 0
        self._node, self._play, self._drawn = 0, 1, 0
        self._uniforms: list[float] = []
        self._over = False
        self.agents = list(self.possible_agents)
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self.infos: dict[str, dict[str, Any]] = {a: {} for a in self.agents}
        self._settle()
        self._cumulative_rewards = dict(self.rewards)
        self.terminations = dict.fromkeys(self.agents, self._over)
        self.truncations = dict.fromkeys(self.agents, False)
        self.agent_selection = self.agents[0] if self._over else self._mover()

    def _seat(self, role: int) -> int:
        return (role - (self._play - 1)) % len(self.possible_agents) if self.config.rotate else role

    def _mover(self) -> str:
        return self.possible_agents[self._seat(self._kind[self._node])]

    def _settle(self) -> None:
        """Let chance move and leaves pay until somebody must choose or the episode is over."""
        while (kind := self._kind[self._node]) < 0:
            at = self._at[self._node]
            if kind == CHANCE:
                self._node = self._children[self._node][bisect_right(self._bounds[at], self._uniform())]
                continue
            for role, payoff in enumerate(self._payoffs[at]):
                self.rewards[self.possible_agents[self._seat(role)]] += payoff
            if self._play >= self.config.repeat:
                self._over = True
                exact = self._tree.payoffs[at]
                self.infos = {self.possible_agents[self._seat(r)]: {"payoff": str(u)} for r, u in enumerate(exact)}
                return
            self._node = 0
            self._play += 1

    def _uniform(self) -> float:
        if self._drawn == len(self._uniforms):
            chunk = self._drawn // CHUNK
            more = Seeds(self._seed).block("environment", "chance", "chunk", chunk, shape=(CHUNK,))
            self._uniforms += more.tolist()
        self._drawn += 1
        return self._uniforms[self._drawn - 1]

    def observe(self, agent: str) -> Any:
        """The agent's information set, -1 where it does not move, and which actions there are."""
        moves = not self._over and agent == self.agent_selection
        seen, mask = self._views[self._at[self._node]] if moves else self._blind
        return {"observation": seen.copy(), "action_mask": mask.copy()}

    def step(self, action: Any) -> None:
        agent = self.agent_selection
        if self.terminations[agent] or self.truncations[agent]:
            self._was_dead_step(action)
            return
        at = self._at[self._node]
        if type(action) is not int or not 0 <= action < self._sizes[at]:
            spec = self._specs[at]
            if not spec.legal(action):
                raise illegal(agent, PHASE, action, spec)
            action = int(spec.parse(action))
        self._node = self._children[self._node][action]
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self._cumulative_rewards[agent] = 0.0
        self._settle()
        if self._over:
            self.terminations = dict.fromkeys(self.agents, True)
        else:
            self.agent_selection = self._mover()
        self._accumulate_rewards()
        if self._over:
            self._deads_step_first()

    def render(self) -> str:
        path = " > ".join(self._tree.history(self._node)) or "the beginning"
        return f"play {self._play}: {path}" + (" (over)" if self._over else "")

    def close(self) -> None:
        """Nothing is held open."""
