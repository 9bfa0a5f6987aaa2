"""DATASHEET"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces

from gamesim.core.arrays import AnyArray, Arrays
from gamesim.core.errors import IllegalActionError
from gamesim.core.policy import EMPTY, ActionSpec
from gamesim.core.seeds import Seeds
from gamesim.envs.base import Batch, Environment, Event, illegal, require_movers

from .actions import CommonsAction, number, pair
from .batched import BatchedCommons
from .happenings import happenings
from .observe import OWN
from .texts import Texts

if TYPE_CHECKING:
    from .config import Commons

Returned = tuple[dict[str, Any], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]


class CommonsEnv(Environment):
    """One society. Observations are dicts of copies; see the module for keys, actions and rewards."""

    metadata: dict[str, Any] = {"name": "commons_v0", "render_modes": ["ansi"]}

    def __init__(self, config: Commons) -> None:
        self.config = config
        self.possible_agents = list(config.seats())
        self.agents: list[str] = []
        self.render_mode = "ansi"
        self._index = {agent: seat for seat, agent in enumerate(self.possible_agents)}
        self._society = BatchedCommons(config, 1)
        self._batch: Batch | None = None
        self._seed = 0
        self._events: list[Event] = []
        self._texts = Texts(config)

    @classmethod
    def under_way(cls, society: BatchedCommons) -> CommonsEnv:
        """The face of a society of one row that is already playing."""
        environment = cls(society.config)
        environment._society = society
        environment._arrive(society._batch(np.zeros(society.state.alive.shape), {}))
        return environment

    # -- PettingZoo ------------------------------------------------------------------------------------------------

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Start an episode. Without a seed, the next one of a fixed sequence.

        ``options["seats"]``: one profile a seat, ``{"init": {"effort": [lo, hi], "belief": ..., "punish": ...}}``.
        """
        self._seed = Seeds(self._seed).episode(1) if seed is None else int(seed)
        self._events = []
        self._texts = Texts(self.config)
        self._arrive(self._society.reset([self._seed], options))
        return self._observations(self.agents), {agent: self._info(agent) for agent in self.agents}

    def step(self, actions: Mapping[str, Any]) -> Returned:
        before, batch, acted = self._society.state, self._current, list(self.agents)
        require_movers(self.movers(), actions, self.phase)
        played = self._decoded(actions)
        batch = self._society.step(played)
        after = self._society.state
        self._events += happenings(before, after, self._society.institutions, self.possible_agents, self._texts)
        self._texts.turn(after)
        self._arrive(batch)
        told = [*acted, *(agent for agent in self.agents if agent not in acted)]
        seats = [self._index[agent] for agent in told]
        return (
            self._observations(told),
            {agent: float(batch.reward[0, seat]) for agent, seat in zip(told, seats, strict=True)},
            {agent: bool(batch.terminated[0, seat]) for agent, seat in zip(told, seats, strict=True)},
            {
                agent: bool(batch.truncated[0] and not batch.terminated[0, seat])
                for agent, seat in zip(told, seats, strict=True)
            },
            {agent: self._info(agent) for agent in told},
        )

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        return self._spaces[0]

    def action_space(self, agent: str) -> spaces.Space[Any]:
        return self._spaces[1][agent]

    def render(self) -> str:
        """One line: round, phase, stock, norm, who is alive."""
        state = self._society.state
        norm = "no norm" if np.isnan(state.norm[0]) else f"norm {state.norm[0]:.2f}"
        alive = int(state.alive[0].sum())
        return f"round {state.round} {self.phase or 'over'}: stock {state.stock[0]:.2f}, {norm}, {alive} alive"

    def close(self) -> None:
        pass

    # -- ours ------------------------------------------------------------------------------------------------------

    def movers(self) -> tuple[str, ...]:
        if self._batch is None:
            return ()
        return tuple(agent for agent, seat in self._index.items() if self._batch.needs_action[0, seat])

    def alive_agents(self) -> tuple[str, ...]:
        """Who lives, also when the play is over."""
        return tuple(agent for agent, seat in self._index.items() if self._society.state.alive[0, seat])

    def observation_of(self, agent: str) -> dict[str, Any]:
        """What a seat would see now, also one that has yet to join or has died."""
        return dict(self._observations([agent])[agent])

    def action_spec(self, agent: str) -> ActionSpec:
        return CommonsAction(self._society.state, self._society.institutions, self._index[agent])

    def abstain(self, agent: str) -> Any:
        """What an agent does that gives no valid answer and has none to repeat: takes nothing, fines nobody, keeps its
        belief, casts no ballot."""
        state, seat = self._society.state, self._index[agent]
        if state.phase == "harvest":
            return 0.0
        if state.phase == "norm":
            return float("nan") if self.config.institutions.text else float(state.belief[0, seat])
        return float(self.config.players)

    def hear(self, texts: Mapping[str, Mapping[str, str]]) -> None:
        """Proposals of this norm phase in words: ``{agent: {"community": sentence}}``; read where norms are texts."""
        if self.phase == "norm":
            self._texts.hear({self._index[agent]: dict(said) for agent, said in texts.items()})

    @property
    def norm_text(self) -> str | None:
        """The norm in force in words, where norms are texts."""
        return self._texts.norm

    def proposal_texts(self) -> tuple[str, ...]:
        """The distinct proposals of a vote, in the order of the ballots, where norms are texts."""
        return self._texts.shown(self._society.state)

    def events(self) -> list[Event]:
        drained, self._events = self._events, []
        return drained

    def facts(self) -> Arrays:
        return {key: np.array(value[0]) for key, value in self._current.facts.items()} if self._batch else EMPTY

    def outcome(self) -> Mapping[str, float | str | None]:
        values = {key: value[0].item() for key, value in self._current.outcome.items()}
        return {key: None if isinstance(value, float) and np.isnan(value) else value for key, value in values.items()}

    # -- within ----------------------------------------------------------------------------------------------------

    @property
    def _current(self) -> Batch:
        if self._batch is None:
            raise IllegalActionError("reset the environment before the first step.")
        return self._batch

    def _arrive(self, batch: Batch) -> None:
        self._batch = batch
        self.phase = batch.phase
        playing = batch.needs_action[0]
        self.agents = [agent for agent, seat in self._index.items() if playing[seat]]

    def _decoded(self, actions: Mapping[str, Any]) -> AnyArray | Arrays:
        players, phase = self.config.players, self.phase
        played, second = np.full((1, players), np.nan), np.full((1, players), np.nan)
        two = phase == "harvest" and self.config.second_stock is not None
        for agent, action in actions.items():
            seat = self._index[agent]
            try:
                if two:
                    played[0, seat], second[0, seat] = pair(action)
                else:
                    played[0, seat] = number(action, phase)
            except (TypeError, ValueError, KeyError, OverflowError):
                raise illegal(agent, phase, action, self.action_spec(agent)) from None
        if phase == "norm":
            return self._texts.proposals(self._society.state, played)
        if not two or np.isnan(second[~np.isnan(played)]).all():
            return played
        # Some gave the split and some a total: a total follows the catches, as it does when everybody gives one.
        return {"effort": played, "effort_2": second}

    def _observations(self, agents: Sequence[str]) -> dict[str, Any]:
        seen = self._current.observation
        arrays = {key: np.asarray(seen[key])[0] for key in seen}
        visible = arrays.get("visible")
        found: dict[str, Any] = {}
        for agent in agents:
            seat = self._index[agent]
            own = {key: np.array(array[seat] if key in OWN else array[0]) for key, array in arrays.items()}
            if visible is not None:
                hidden = np.ones(self.config.players, dtype=bool)
                hidden[[seat, *(int(i) for i in visible[seat] if i >= 0)]] = False
                for key in ("board_effort", "board_harvest", "board_wealth"):
                    own[key] = np.where(hidden, np.nan, own[key])
            found[agent] = own
        return found

    def _info(self, agent: str) -> dict[str, Any]:
        state = self._society.state
        times = {"T_stock": state.T_stock, "T_first_death": state.T_first_death, "T_all_dead": state.T_all_dead}
        info: dict[str, Any] = {"round": state.round}
        info |= {name: int(value[0]) for name, value in times.items() if not np.isnan(value[0])}
        if self.config.institutions.text:
            info["norm_text"] = self.norm_text
            info["proposals"] = list(self.proposal_texts()) if self.phase == "vote" else []
        return info

    @cached_property
    def _spaces(self) -> tuple[spaces.Space[Any], dict[str, spaces.Space[Any]]]:
        return observation_space(self.config), {agent: action_space(self.config) for agent in self.possible_agents}


def observation_space(config: Commons) -> spaces.Dict:
    """Boxes of the observation's shapes; NaN stands for "no value" and lies in none of them."""
    seen = BatchedCommons(config, 1).reset([0]).observation
    made: dict[str, spaces.Space[Any]] = {}
    for key in seen:
        array = np.asarray(seen[key])[0, 0]
        if array.dtype == np.bool_:
            made[key] = spaces.Box(0, 1, array.shape, np.bool_)
        elif array.dtype.kind == "i":
            made[key] = spaces.Box(-1, np.iinfo(np.int64).max, array.shape, np.int64)
        else:
            made[key] = spaces.Box(-np.inf, np.inf, array.shape, np.float64)
    return spaces.Dict(made)


def action_space(config: Commons) -> spaces.Space[Any]:
    """``Box(0, 1, (1,))`` where only the harvest is ever decided, else a Dict of which the phase's key is read."""
    efforts = 2 if config.second_stock is not None else 1
    harvest = spaces.Box(0.0, config.limit, (efforts,), np.float64)
    rules = config.institutions
    fining = rules.sanctions is not None and rules.sanctions.kind != "pool"
    if not fining and rules.voting is None and rules.leader is None:
        return harvest
    return spaces.Dict(
        {
            "effort": harvest,
            "target": spaces.Discrete(config.players + 1),
            "cap": spaces.Box(0.0, np.inf, (1,), np.float64),
            "ballot": spaces.Discrete(config.players + 1),
        }
    )
