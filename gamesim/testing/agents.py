"""``check_agent``: the whole contract of an agent, in the environments it is made for.

from gamesim.testing import check_agent

def test_contract():
    check_agent("my_agent", environments=[{"kind": "matrix", "horizon": 20}])
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from gamesim.core.config import AgentConfig
from gamesim.core.errors import GamesimError, named_cause
from gamesim.core.policy import AgentSpec, AsyncPolicy, Coordinates, Decision, VectorPolicy
from gamesim.core.registry import build, names
from gamesim.core.seeds import Seeds
from gamesim.envs.base import Environment, EnvironmentConfig, SeatView, stacked
from gamesim.run.seating import agent_config
from gamesim.run.uniforms import PolicyUniforms

from .compare import difference
from .environments import environment_config
from .playing import Broken, broken

Build = Callable[[], Any]


@dataclass
class Call:
    """One question to a policy, with copies of what it was given and what it answered."""

    observation: Any
    state: Any
    draw: Any  # a bit generator's state, or uniforms
    answer: Any


def check_agent(
    agent: AgentConfig | AgentSpec | Mapping[str, Any] | str,
    environments: Sequence[EnvironmentConfig | Mapping[str, Any] | str] | None = None,
    *,
    seeds: Sequence[int] = (0, 1),
    max_steps: int = 500,
) -> None:
    """Raise unless an agent keeps its promises in every given environment; see ``check_policy``.

    Parameters
    ----------
    agent : a configuration, a spec, ``{"kind": ..., parameters}``, or a registered kind.
    environments : what it is made to play; give configurations that reach every phase. By default the installed kinds it
        can be built for, see ``playable``.

    Raises
    ------
    PluginError
        With the first promise that is not kept.
    """
    config = _agent(agent)
    what = f"agent '{agent if isinstance(agent, str) else getattr(config, 'kind', type(config).__name__)}'"
    if environments is None:
        environments = playable(config, agent if isinstance(agent, str) else getattr(config, "kind", ""))
    if not environments:
        raise broken(what, "there is no environment it can play in; name some")
    try:
        if not (type(config).__doc__ or "").strip() or type(config).__doc__ == AgentConfig.__doc__:
            raise Broken(f"{type(config).__name__} has no docstring; `gamesim list` shows its first line")
        if type(config)(**config.model_dump(mode="json")) != config:
            raise Broken("the configuration changes when it is written as JSON and read again")
        type(config).model_json_schema()
    except Broken as problem:
        raise broken(what, problem) from problem
    for given in environments:
        environment = environment_config(given)
        check_policy(
            partial(config.build, environment),
            environment,
            seat_profile=config.seat_profile(),
            seeds=seeds,
            max_steps=max_steps,
            what=f"{what} in '{environment.kind}'",
        )


def playable(config: AgentConfig, kind: str = "") -> list[EnvironmentConfig]:
    """Installed environments, with their defaults, that an agent can be built for.

    That of the family it is named after (``commons.greedy``: commons), if it takes it; else those in which it finds its
    way for a few steps; else all that it can be built for, so that the first fault is shown.
    """
    family = kind.split(".")[0]
    found = {name: environment for name in names("environments") if (environment := _taken(config, name)) is not None}
    if family in found:
        return [found[family]]
    return [environment for environment in found.values() if _at_home(config, environment)] or list(found.values())


def _at_home(config: AgentConfig, environment: EnvironmentConfig) -> bool:
    try:
        _Seats(config.build(environment), environment, 0, config.seat_profile()).play(5)
    except Exception:  # as above
        return False
    return True


def _taken(config: AgentConfig, kind: str) -> EnvironmentConfig | None:
    try:
        environment = environment_config(kind)
        config.build(environment)
    except Exception:  # whatever it raises says that this is not its game
        return None
    return environment


def _agent(agent: AgentConfig | AgentSpec | Mapping[str, Any] | str) -> AgentConfig:
    if isinstance(agent, AgentConfig):
        return agent
    if isinstance(agent, AgentSpec):
        return agent_config(agent)
    built: AgentConfig = build("agents", agent)
    return built


def check_policy(
    policy: Build | Any,
    environment: EnvironmentConfig | Mapping[str, Any] | str,
    *,
    seat_profile: Mapping[str, Any] | None = None,
    seeds: Sequence[int] = (0, 1),
    max_steps: int = 500,
    what: str = "policy",
) -> None:
    """Raise unless a policy, sitting in every seat, keeps its promises to the episode's end.

    Every action is legal in every phase; observations, states and uniforms it is given stay as they were; the same
    observation, state and draws give the same answer, also asked again in reverse order and from a policy built anew, so
    nothing is remembered outside ``state``. For a vector policy besides: B rows at once equal B single rows, and any
    subset of seats decides as it does among all.

    Parameters
    ----------
    policy : a function or class that builds it, or the policy itself.
    seat_profile : what the environment should know of every seat before play.
    max_steps : the play is cut there.
    """
    config = environment_config(environment)
    builds = isinstance(policy, type) or (callable(policy) and not hasattr(policy, "initial_state"))
    make: Build = policy if builds else lambda: policy
    try:
        for seed in seeds:
            try:
                calls = _Seats(make(), config, seed, seat_profile or {}).play(max_steps)
                _remembers_nothing(make, calls)
            except Broken as problem:
                raise broken(what, problem, seed) from problem
        if isinstance(make(), VectorPolicy):
            _rows_alike(make, config, [*seeds, 97], seat_profile or {}, max_steps)
    except Broken as problem:
        raise broken(what, problem) from problem
    except GamesimError:
        raise
    except Exception as error:
        raise broken(what, f"raised {named_cause(error)}") from error


class _Seats:
    """One policy in all seats of one environment."""

    def __init__(self, policy: Any, config: EnvironmentConfig, seed: int, profile: Mapping[str, Any]) -> None:
        self.policy = policy
        self.config = config
        self.seeds = Seeds(seed)
        self.names = list(config.seats())
        self.environment: Environment = config.build()
        self.options = {"seats": [dict(profile) for _ in self.names]}
        self.calls: list[Call] = []

    def play(self, max_steps: int) -> list[Call]:
        seen = dict(self.environment.reset(seed=self.seeds.root, options=self.options)[0])
        uniforms = PolicyUniforms([self.seeds.root], len(self.names))
        rngs = {name: self.seeds.stream("agent", name) for name in self.names}
        vector = isinstance(self.policy, VectorPolicy)
        if vector:
            state = self.policy.initial_state(1, len(self.names), uniforms.initial(self.policy.columns))
        states = {} if vector else {name: self.policy.initial_state(rngs[name]) for name in self.names}
        step = 0
        while self.environment.agents and step < max_steps:
            movers = self.environment.movers()
            if vector:
                u = uniforms.at(step, self.policy.columns).copy()
                chosen, state = self._ask(stacked(self._seen(seen, name) for name in self.names), state, u)
                actions = {name: _cell(chosen, i) for i, name in enumerate(self.names) if name in movers}
            else:
                actions = {}
                for name in movers:
                    at = Coordinates("check", step, self.environment.phase, name)
                    actions[name], states[name] = self._ask(seen[name], states[name], rngs[name], at)
            for name, action in actions.items():
                spec = self.environment.action_spec(name)
                if not spec.legal(action):
                    raise Broken(f"{name} played {action!r} in phase '{self.environment.phase}'; legal: {spec.text()}")
            seen.update(self.environment.step(actions)[0])
            step += 1
        return self.calls

    def _seen(self, seen: Mapping[str, Any], name: str) -> Any:
        now = None if name in self.environment.agents else self.environment.observation_of(name)
        return seen[name] if now is None else now

    def _ask(self, observation: Any, state: Any, draw: Any, at: Coordinates | None = None) -> tuple[Any, Any]:
        before = Call(deepcopy(observation), deepcopy(state), _copy(draw), None)
        answer = _answer(self.policy, observation, state, draw, at)
        for name, now, then in (("observation", observation, before.observation), ("state", state, before.state)):
            if found := difference(now, then, name):
                raise Broken(f"the policy changed the {name} it was given: {found}")
        if isinstance(draw, np.ndarray) and (found := difference(draw, before.draw, "u")):
            raise Broken(f"the policy changed the uniforms it was given: {found}")
        before.answer = deepcopy(answer)
        if len(self.calls) < 200:  # enough to replay; keeps a long episode's copies small
            self.calls.append(before)
        action, after = answer
        if isinstance(action, Decision):
            if action.action is None:
                raise Broken(f"the agent gave no action ({action.outcome})")
            action = action.action
        return action, after


def _answer(policy: Any, observation: Any, state: Any, draw: Any, at: Coordinates | None) -> tuple[Any, Any]:
    if isinstance(policy, AsyncPolicy):
        where = at or Coordinates("check", 0, "", "")
        answer = asyncio.run(policy.act_async(observation, state, draw, where))
    else:
        answer = policy.act(observation, state, draw)
    if not isinstance(answer, tuple) or len(answer) != 2:
        raise Broken(f"act returned {type(answer).__name__}, not (action, state)")
    return answer[0], answer[1]


def _copy(draw: Any) -> Any:
    return draw.copy() if isinstance(draw, np.ndarray) else deepcopy(draw.bit_generator.state)


def _restored(draw: Any) -> Any:
    if isinstance(draw, np.ndarray):
        return draw.copy()
    kind = getattr(np.random, draw["bit_generator"])
    rng = np.random.Generator(kind(0))
    rng.bit_generator.state = draw
    return rng


def _remembers_nothing(make: Build, calls: Sequence[Call]) -> None:
    """The recorded questions again, last first: asked of a policy that has played nothing, and then of it once more."""
    policy = make()
    for attempt in ("a fresh policy", "the same policy asked again"):
        for number in reversed(range(len(calls))):
            call = calls[number]
            try:
                answer = _answer(policy, deepcopy(call.observation), deepcopy(call.state), _restored(call.draw), None)
            except Broken:
                raise
            except Exception as error:
                raise Broken(
                    f"{attempt} raised {type(error).__name__} on question {number}: {error}".rstrip(".")
                ) from error
            if found := difference(answer, call.answer, "answer"):
                raise Broken(
                    f"{attempt} answers question {number} otherwise, so something is kept outside its state: {found}"
                )


def _cell(chosen: Any, i: int) -> Any:
    if isinstance(chosen, Mapping):
        return {key: value[0, i] for key, value in chosen.items()}
    return float(chosen[0, i])


def _rows_alike(
    make: Build, config: EnvironmentConfig, seeds: Sequence[int], profile: Mapping[str, Any], max_steps: int
) -> None:
    """B rows against single rows, and all seats against every other seat, in lockstep on the batched face."""
    batched = config.batched(len(seeds))
    if batched is None:
        return
    policy, n, columns = make(), len(config.seats()), make().columns
    uniforms = PolicyUniforms(seeds, n)
    batch = batched.reset(np.asarray(seeds, dtype=np.int64), {"seats": [dict(profile) for _ in range(n)]})
    some = np.arange(0, n, 2)
    first = uniforms.initial(columns)
    state = policy.initial_state(len(seeds), n, first)
    apart = [policy.initial_state(1, n, first[b : b + 1]) for b in range(len(seeds))]
    part = policy.initial_state(len(seeds), len(some), first[:, some])
    for step in range(max_steps):
        if not batch.needs_action.any():
            return
        seen = {key: np.asarray(batch.observation[key]) for key in batch.observation}
        u = uniforms.at(step, columns)
        chosen, state = policy.act(SeatView(seen, slice(0, n)), state, u)
        whole = _filled(chosen, (len(seeds), n))
        for b in range(len(seeds)):
            row = {key: value[b : b + 1] if value.shape[0] > 1 else value for key, value in seen.items()}
            alone, apart[b] = policy.act(SeatView(row, slice(0, n)), apart[b], u[b : b + 1])
            _moves_alike(
                _filled(alone, (1, n))[0], whole[b], batch.needs_action[b], f"row {b} decides otherwise alone", step
            )
        few, part = policy.act(SeatView(seen, some), part, u[:, some])
        for b in range(len(seeds)):
            problem = "every second seat decides otherwise than among all"
            _moves_alike(
                _filled(few, (len(seeds), len(some)))[b], whole[b, some], batch.needs_action[b, some], problem, step
            )
        batch = batched.step(chosen if isinstance(chosen, Mapping) else whole)


def _filled(chosen: Any, shape: tuple[int, int]) -> Any:
    """Actions as an array (B, n) or (B, n, keys)."""
    if isinstance(chosen, Mapping):
        return np.stack(
            [np.broadcast_to(np.asarray(chosen[key], dtype=np.float64), shape) for key in sorted(chosen)], axis=-1
        )
    array = np.asarray(chosen)
    if array.dtype != np.float64:
        raise Broken(f"actions are {array.dtype}, not float64")
    return np.broadcast_to(array, shape)


def _moves_alike(here: Any, there: Any, moving: Any, problem: str, step: int) -> None:
    if found := difference(here[moving], there[moving], "actions"):
        raise Broken(f"{problem}: step {step}: {found}")
