"""One episode on the PettingZoo face, step by step: ask the movers, apply the rule for failed answers, step, journal."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gamesim.core.arrays import AnyArray, Arrays, FloatArray
from gamesim.core.canonical import digest, jsonable
from gamesim.core.errors import LimitReached, ModelError
from gamesim.core.model_errors import InvalidAnswerAbort
from gamesim.core.policy import ActionSpec, AsyncPolicy, Coordinates, Decision, Question, VectorPolicy
from gamesim.core.seeds import Seeds
from gamesim.envs.base import Environment, Event, stacked

from .contracts import UnitWriter
from .seating import Seated, seat_profiles
from .steps import StepLog
from .uniforms import PolicyUniforms


@dataclass(frozen=True)
class Step:
    """What one call of ``advance`` did. Mappings are by agent."""

    number: int
    phase: str
    decisions: Mapping[str, Decision]
    actions: Mapping[str, Any]
    rewards: Mapping[str, float]
    events: Sequence[Event]
    facts: Arrays = field(default_factory=dict)
    forfeits: frozenset[str] = frozenset()  # whose decision was forfeited: no valid answer, and none to repeat


class Episode:
    """A steppable episode.

    Parameters
    ----------
    environment : fresh, not yet reset.
    groups : who sits where (``seated(config, specs)``).
    seeds : the episode's streams; its root is what ``reset(seed=)`` gets.
    on_invalid : what a decision without an action becomes: ``abort_run``, ``repeat_last``, ``abstain`` or ``action:<label>``.
    unit : name of the unit, for coordinates of model calls.
    journal : where actions, texts, events and rewards are written, each step with a commit; None writes nothing.
    steps : keep a step table in ``log``.
    """

    def __init__(
        self,
        environment: Environment,
        groups: Sequence[Seated],
        seeds: Seeds,
        *,
        on_invalid: str = "abort_run",
        unit: str = "",
        journal: UnitWriter | None = None,
        steps: bool = False,
    ) -> None:
        self.environment = environment
        self.seeds = seeds
        self.number = 0
        self._groups = groups
        self._on_invalid = on_invalid
        self._unit = unit
        self._journal = journal
        names = list(environment.possible_agents)
        self._names = names
        self._index = {name: index for index, name in enumerate(names)}
        self.log = StepLog(names) if steps else None
        self.returns: FloatArray = np.zeros(len(names))
        self._uniforms = PolicyUniforms([seeds.root], len(names))
        self._rngs = {name: seeds.stream("agent", name) for name in names}
        self._last: dict[tuple[str, str], Any] = {}
        self._vector_states: dict[int, Any] = {}
        self._states: dict[str, Any] = {}
        observations, infos = environment.reset(seed=seeds.root, options={"seats": seat_profiles(groups, len(names))})
        self.observations: dict[str, Any] = dict(observations)
        self.infos: dict[str, Mapping[str, Any]] = dict(infos)
        self.decided = 0  # decisions of the game itself; talk draws no numbers from rules
        for number, group in enumerate(groups):
            if isinstance(group.policy, VectorPolicy):
                u = self._uniforms.initial(group.policy.columns)[:, list(group.seats)]
                self._vector_states[number] = group.policy.initial_state(1, len(group.seats), u)
            else:
                for seat in group.seats:
                    self._states[names[seat]] = group.policy.initial_state(self._rngs[names[seat]])

    @property
    def done(self) -> bool:
        return not self.environment.agents

    def outcome(self) -> Mapping[str, Any]:
        return self.environment.outcome()

    async def run(self, max_steps: int | None = None) -> Mapping[str, Any]:
        """Play to the end, or ``max_steps`` steps; returns the outcome."""
        while not self.done and (max_steps is None or self.number < max_steps):
            await self.advance()
        return self.outcome()

    async def advance(self) -> Step | None:
        """Play one phase; None when the episode is over."""
        if self.done:
            return None
        environment, phase, before = self.environment, self.environment.phase, tuple(self.environment.agents)
        movers = environment.movers()
        decisions = await self._decide(movers, phase)
        forfeits: set[str] = set()
        actions = {agent: self._settled(agent, phase, decisions[agent], forfeits) for agent in movers}
        texts = {agent: dict(decisions[agent].text) for agent in movers if decisions[agent].text}
        if texts:
            environment.hear(texts)
        aside = environment.aside
        observations, rewards, _, _, infos = environment.step(actions)
        self.observations.update(observations)
        self.infos.update(infos)
        for agent, reward in rewards.items():
            self.returns[self._index[agent]] += reward
        events, facts = environment.events(), environment.facts()
        step = Step(self.number, phase, decisions, actions, rewards, events, facts, frozenset(forfeits))
        if self.log is not None:
            self._note(step, before)
        if self._journal is not None:
            self._write(step)
        self.number += 1
        self.decided += not aside
        return step

    async def _decide(self, movers: Sequence[str], phase: str) -> dict[str, Decision]:
        moving, decisions, waiting = set(movers), {}, []
        for number, group in enumerate(self._groups):
            names = [self._names[seat] for seat in group.seats]
            if isinstance(group.policy, VectorPolicy):
                if self.environment.aside and not moving.intersection(names):
                    continue
                if any(name in self.observations for name in names):
                    u = self._uniforms.at(self.decided, group.policy.columns)[:, list(group.seats)]
                    chosen, self._vector_states[number] = group.policy.act(
                        stacked(self._seen(name) for name in names), self._vector_states[number], u
                    )
                    decisions.update({n: Decision(_row(chosen, i)) for i, n in enumerate(names) if n in moving})
                continue
            for name in names:
                if name not in moving:
                    continue
                if isinstance(group.policy, AsyncPolicy):
                    at = Coordinates(self._unit, self.number, phase, name)
                    given = self.observations[name], self._states[name], self._rngs[name], at
                    more = (self._question(name),) if getattr(group.policy, "reads_question", False) else ()
                    waiting.append((name, group.policy.act_async(*given, *more)))
                else:
                    action, self._states[name] = group.policy.act(
                        self.observations[name], self._states[name], self._rngs[name]
                    )
                    decisions[name] = Decision(action)
        answers = await _all(call for _, call in waiting)
        for (name, _), (decision, state) in zip(waiting, answers, strict=True):
            decisions[name], self._states[name] = decision, state
        return {name: decisions[name] for name in movers}

    def _question(self, name: str) -> Question:
        spec, info = self.environment.action_spec(name), self.infos.get(name, {})
        return Question(spec, tuple(self._names), self.seeds, self.decided, info)

    def _seen(self, name: str) -> Any:
        """What an agent sees; of a seat that does not play now, what it would see."""
        now = None if name in self.environment.agents else self.environment.observation_of(name)
        return self.observations[name] if now is None else now

    def _settled(self, agent: str, phase: str, decision: Decision, forfeits: set[str]) -> Any:
        """The action played for a decision; the only place where a failed answer becomes something else."""
        key = (agent, phase)
        if decision.action is not None:
            self._last[key] = decision.action
            return decision.action
        failed = f"{agent} gave no valid action ({decision.outcome}) in phase '{phase}'"
        if self._on_invalid == "abort_run":
            raise InvalidAnswerAbort(f"{failed} of step {self.number}.", hint="on_invalid: abort_run.")
        spec = self.environment.action_spec(agent)
        if self._on_invalid.startswith("action:"):
            return spec.parse(_label(self._on_invalid.removeprefix("action:"), spec))
        repeats = self.environment.repeats
        last = self._last.get(key) if repeats is None or phase in repeats else None
        if self._on_invalid == "repeat_last" and last is not None and spec.legal(last):
            return last
        abstain = getattr(self.environment, "abstain", None)
        if abstain is None:
            raise ModelError(f"{failed} and this game has no way to abstain.", path=phase)
        forfeits.add(agent)
        return abstain(agent)

    def _note(self, step: Step, before: Sequence[str]) -> None:
        assert self.log is not None
        count, alive = len(self._names), set(self.environment.agents)
        ended = not alive
        survivors = alive if not ended else self._survivors(before)
        action, reward = np.full((1, count), np.nan), np.zeros((1, count))
        for agent, value in step.actions.items():
            action[0, self._index[agent]] = _number(value)
        for agent, value in step.rewards.items():
            reward[0, self._index[agent]] = value
        mask = np.array([[name in before for name in self._names]])
        living = np.array([[name in survivors for name in self._names]])
        facts = {key: np.asarray(value)[None] for key, value in step.facts.items()}
        imputed = [agent for agent, decision in step.decisions.items() if decision.action is None]
        if imputed:  # what is not the agent's own choice is left out of its statistics
            facts["imputed"] = np.array([[float(name in imputed) for name in self._names]])
        self.log.add(step.phase, mask, action, reward, living, facts)

    def _survivors(self, before: Sequence[str]) -> set[str]:
        """Who is alive when the episode ends: PettingZoo empties ``agents``, so the environment may say who died."""
        living = getattr(self.environment, "alive_agents", None)
        return set(living()) if living is not None else set(before)

    def _write(self, step: Step) -> None:
        assert self._journal is not None
        at: dict[str, Any] = {"step": step.number, "phase": step.phase}
        for agent, decision in step.decisions.items():
            data: dict[str, Any] = {"action": jsonable(step.actions[agent])}
            if decision.text:
                data["text"] = dict(decision.text)
            if decision.outcome != "ok":
                data |= {"outcome": decision.outcome, "imputed": decision.action is None}
            if decision.calls:
                data["calls"] = list(decision.calls)
            if decision.notes:
                data["notes"] = jsonable(decision.notes)
            self._journal.event("action", agent=agent, **at, **data)
            if agent in step.forfeits:
                self._journal.event("forfeit", agent=agent, **at, outcome=decision.outcome)
            if decision.notes.get("memory_shortened"):
                self._journal.event("memory_shortened", agent=agent, **at, rounds=decision.notes["memory_shortened"])
        for event in step.events:
            self._journal.event(
                event.type, agent=event.agent, **at, **{key: jsonable(value) for key, value in event.data.items()}
            )
        if any(step.rewards.values()):
            self._journal.event("reward", **at, rewards={agent: float(value) for agent, value in step.rewards.items()})
        seen = {agent: jsonable(observation) for agent, observation in self.observations.items()}
        positions = {agent: str(rng.bit_generator.state["state"]) for agent, rng in self._rngs.items()}
        self._journal.commit(state=digest({"phase": self.environment.phase, "seen": seen}), rng=digest(positions))


async def _all(calls: Iterable[Awaitable[tuple[Decision, Any]]]) -> list[tuple[Decision, Any]]:
    """Every answer, even if one fails: answers that are on their way are paid for, and are kept before the failure is told."""
    found = await asyncio.gather(*calls, return_exceptions=True)
    failures = [one for one in found if isinstance(one, BaseException)]
    if failures:  # one that is no limit says more than the limit that parks the others
        raise next((error for error in failures if not isinstance(error, LimitReached)), failures[0])
    return [one for one in found if not isinstance(one, BaseException)]


def _row(chosen: AnyArray | Arrays, index: int) -> Any:
    if isinstance(chosen, Mapping):
        return {key: value[0, index] for key, value in chosen.items()}
    return float(chosen[0, index]) if chosen.ndim == 2 else chosen[0, index]


def _label(text: str, spec: ActionSpec) -> Any:
    """The value that ``action:<label>`` means: the label, or a number."""
    labels = spec.json_schema().get("enum", ())
    if text in labels:
        return text
    try:
        number = json.loads(text)
    except ValueError:
        return text
    return number


def _number(action: Any) -> float:
    """The step table's ``action``: the number itself; NaN where an action is more than one number."""
    if isinstance(action, Mapping):
        return np.nan
    array = np.asarray(action, dtype=object).ravel()
    return float(array[0]) if array.size == 1 and not isinstance(array[0], str) else np.nan
