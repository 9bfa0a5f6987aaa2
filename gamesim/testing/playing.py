"""One legal random play of an environment, written down step by step, so that two plays can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gamesim.core.canonical import canonical, jsonable
from gamesim.core.errors import IllegalActionError, PluginError
from gamesim.core.seeds import Seeds
from gamesim.envs.base import Environment, Event
from gamesim.run.steps import RESERVED

from .compare import difference, spoil

# What no careful spec calls legal; those that are legal after all are skipped.
NONSENSE: tuple[Any, ...] = (float("nan"), -1e9, 1e18, "no such action", None, [], {}, object(), float("inf"), True)


@dataclass
class Moment:
    """One step, with copies of everything that was returned."""

    phase: str
    movers: tuple[str, ...]
    actions: Mapping[str, Any]
    observations: Mapping[str, Any]
    rewards: Mapping[str, float]
    terminations: Mapping[str, bool]
    truncations: Mapping[str, bool]
    events: list[Event]
    facts: Mapping[str, Any]


@dataclass
class Play:
    """A whole episode."""

    first: Mapping[str, Any]
    moments: list[Moment] = field(default_factory=list)
    outcome: Mapping[str, Any] = field(default_factory=dict)


class Broken(Exception):
    """A contract that does not hold, in words; the caller adds the place."""


def play(
    environment: Environment,
    seed: int,
    *,
    max_steps: int,
    options: dict[str, Any] | None = None,
    careless: bool = False,
    probing: bool = False,
) -> Play:
    """Play legal random actions to the end, checking every promise of one step on the way.

    Parameters
    ----------
    careless : overwrite every returned array after use, as a bad agent might; the play must not notice.
    probing : in every phase first try what must be refused; the play must not notice.
    """
    observations, infos = environment.reset(seed=seed, options=options)
    seats = list(environment.possible_agents)
    _given(observations, environment.agents, "reset gave no observation")
    _given(infos, environment.agents, "reset gave no info")
    over = not environment.agents and environment.phase == "" and bool(environment.outcome())  # nobody has a choice
    if list(environment.agents) != [seat for seat in seats if seat in environment.agents] or not (
        environment.agents or over
    ):
        raise Broken(f"agents after reset are {environment.agents}, seats are {seats}")
    draws = {agent: Seeds(seed).stream("agent", agent) for agent in seats}
    record = Play(deepcopy(observations))
    held: list[tuple[Any, Any]] = [(observations, deepcopy(observations))]
    seen_phases: set[str] = set()
    dead: set[str] = set()
    lived = set(environment.agents)
    while environment.agents:
        if len(record.moments) >= max_steps:
            raise Broken(f"the episode had not ended after {max_steps} steps")
        phase, before, movers = environment.phase, list(environment.agents), tuple(environment.movers())
        if not isinstance(phase, str) or not phase:
            raise Broken(f"phase is {phase!r} while agents are alive; it names what is decided now")
        if not movers or not set(movers) <= set(before):
            raise Broken(f"movers {movers} are not some of the live agents {tuple(before)}")
        actions = {agent: _choose(environment, agent, draws[agent], phase not in seen_phases) for agent in movers}
        if probing and phase not in seen_phases:
            _probe(environment, actions, before)
        seen_phases.add(phase)
        given = deepcopy(actions)
        observations, rewards, terminations, truncations, infos = environment.step(actions)
        if found := difference(actions, given, "actions"):
            raise Broken(f"step changed the actions it was given: {found}")
        for what, mapping in (("reward", rewards), ("termination", terminations), ("truncation", truncations)):
            _given(mapping, before, f"step in phase '{phase}' gave no {what}")
        _given(observations, environment.agents, f"step in phase '{phase}' gave no observation")
        _given(infos, environment.agents, f"step in phase '{phase}' gave no info")
        for agent, reward in rewards.items():
            if not np.isfinite(reward):
                raise Broken(f"the reward of {agent} in phase '{phase}' is {reward}")
        dead |= {agent for agent in before if terminations[agent] or truncations[agent]}
        joined = {agent for agent in environment.agents if agent not in lived}
        expected = [agent for agent in seats if (agent in before and agent not in dead) or agent in joined]
        if list(environment.agents) != expected:
            raise Broken(
                f"live agents are {environment.agents}, but those neither terminated nor truncated are {expected}"
            )
        lived |= joined
        record.moments.append(
            Moment(
                phase, movers, given, deepcopy(observations), dict(rewards), dict(terminations), dict(truncations),
                _events(environment, phase), _facts(environment, len(seats)),
            )
        )  # fmt: skip
        for returned, copy in held if not careless else ():
            if found := difference(returned, copy, "observation"):
                raise Broken(f"an observation already handed out was changed by the step in phase '{phase}': {found}")
        if careless:
            spoil(observations)
            spoil(infos)
        held = [*held[-3:], (observations, record.moments[-1].observations)]  # a ring: buffers are reused soon or never
    record.outcome = dict(environment.outcome())
    for key, value in record.outcome.items():
        if value is not None and not isinstance(value, (str, int, float, np.generic)):
            raise Broken(f"outcome '{key}' is a {type(value).__name__}, not a number, text or None")
    if environment.events():
        raise Broken("events() handed out the same events twice")
    return record


def _given(mapping: Any, agents: Any, problem: str) -> None:
    missing = [agent for agent in agents if agent not in mapping]
    if missing:
        raise Broken(f"{problem} for {', '.join(missing)}")


def _choose(environment: Environment, agent: str, rng: Any, thorough: bool) -> Any:
    spec = environment.action_spec(agent)
    action = spec.sample(rng)
    if not spec.legal(action):
        raise Broken(
            f"action_spec('{agent}').sample gave {action!r}, which its legal() refuses in '{environment.phase}'"
        )
    if thorough:
        text = spec.text()
        if not text or "\n" in text:
            raise Broken(f"action_spec('{agent}').text() is {text!r}; one line says what is legal")
        canonical(spec.json_schema())
        if not spec.legal(spec.parse(jsonable(action))):
            raise Broken(f"action_spec('{agent}').parse turned {jsonable(action)!r} into something illegal")
    return action


def _probe(environment: Environment, actions: Mapping[str, Any], alive: list[str]) -> None:
    """Everything that must be refused, and leave the environment as it was."""
    mover = next(iter(actions))
    spec = environment.action_spec(mover)
    _refused(environment, {a: x for a, x in actions.items() if a != mover}, f"no action from {mover}, who must act")
    stranger = next((agent for agent in alive if agent not in actions), "nobody_of_that_name")
    _refused(environment, {**actions, stranger: actions[mover]}, f"an action from {stranger}, who does not move")
    for nonsense in NONSENSE:
        if not spec.legal(nonsense):
            _refused(environment, {**actions, mover: nonsense}, f"the illegal action {nonsense!r}")


def _refused(environment: Environment, actions: Mapping[str, Any], what: str) -> None:
    phase = environment.phase
    try:
        environment.step(actions)
    except IllegalActionError:
        return
    except Exception as error:
        raise Broken(f"{what} raised {type(error).__name__} in phase '{phase}', not IllegalActionError") from error
    raise Broken(f"{what} was accepted in phase '{phase}'; it must raise IllegalActionError")


def _events(environment: Environment, phase: str) -> list[Event]:
    events = list(environment.events())
    for event in events:
        if not isinstance(event, Event):
            raise Broken(f"an event of phase '{phase}' is a {type(event).__name__}, not an Event")
        try:
            canonical(jsonable(event.data))
        except (TypeError, ValueError) as error:
            raise Broken(f"event '{event.type}' holds what JSON cannot: {error}") from error
    return deepcopy(events)


def _facts(environment: Environment, seats: int) -> dict[str, Any]:
    facts = {key: np.array(value) for key, value in environment.facts().items()}
    for key, value in facts.items():
        if key in RESERVED:
            raise Broken(f"fact '{key}' has the name of a column of every step table; give it another")
        if value.shape not in ((seats,), ()):
            raise Broken(f"fact '{key}' has shape {value.shape}; expected ({seats},) by seat, or ()")
    return facts


def same(first: Play, second: Play) -> str | None:
    """Where two plays first differ, in words."""
    if found := difference(first.first, second.first, "first observation"):
        return found
    for number, (a, b) in enumerate(zip(first.moments, second.moments, strict=False)):
        for name in vars(a):
            if found := difference(getattr(a, name), getattr(b, name), name):
                return f"step {number} ({a.phase}): {found}"
    if len(first.moments) != len(second.moments):
        return f"{len(first.moments)} and {len(second.moments)} steps"
    return difference(first.outcome, second.outcome, "outcome")


def broken(what: str, problem: object, seed: int | None = None) -> PluginError:
    """The error of a contract that does not hold."""
    return PluginError(f"{problem}.", where=what, path=None if seed is None else f"seed {seed}")
