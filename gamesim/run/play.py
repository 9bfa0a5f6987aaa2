"""The default experiment: every cell of a scenario, played for every replicate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from gamesim.core.arrays import AnyArray
from gamesim.core.canonical import jsonable
from gamesim.core.config import Config
from gamesim.core.policy import AgentSpec, AsyncPolicy
from gamesim.core.registry import entry
from gamesim.core.seeds import Seeds
from gamesim.scenario.scenario import Scenario
from gamesim.scenario.sweep import cells

from .contracts import Context, Mode, Rollout, Unit, UnitResult
from .seating import Seated, seat_members, seated
from .units import make_unit

if TYPE_CHECKING:
    from gamesim.envs.base import EnvironmentConfig

Status = Literal["complete", "invalid", "failed"]
VALID = ("ok", "repaired", "injected")  # outcomes whose action the agent chose


class PlayConfig(Config):
    """Playing has no keys of its own."""


class Play:
    """One unit is one cell and a block of replicates: ``record.block`` of them, or one where somebody outside answers."""

    config: ClassVar[type[Config]] = PlayConfig
    version: ClassVar[int] = 1

    def units(self, scenario: Scenario, done: Mapping[str, UnitResult]) -> Sequence[Unit]:
        if done:
            return ()
        units = []
        for cell in cells(scenario):
            external = is_external(cell.scenario)
            mode: Mode = _mode(cell.scenario.record.journal, external)
            block = 1 if mode == "step" else cell.scenario.record.block
            for start in range(0, scenario.replicates, block):
                replicates = tuple(range(start, min(start + block, scenario.replicates)))
                units.append(make_unit(cell, replicates, task={"steps": cell.scenario.record.steps}, mode=mode))
        return units

    def run_unit(self, unit: Unit, context: Context) -> UnitResult:
        if unit.mode == "step":
            import asyncio

            return asyncio.run(self.run_unit_async(unit, context))
        from .rollout import rollout  # with the environments' ground, which `gamesim check` does without

        book = _Book(unit, context)
        for part in book.parts():
            book.write(part, rollout(part.environment, part.specs, part.episodes, steps=book.keeps_steps))
        return UnitResult(unit.key, "complete", tuple(book.outcomes))

    async def run_unit_async(self, unit: Unit, context: Context) -> UnitResult:
        """Play beside other units: agents may wait for somebody outside, asked through ``context.broker``."""
        book = _Book(unit, context)
        status: Status = "complete"
        for part in book.parts():
            played, answers = await _journalled(unit, context, part)
            book.write(part, played)
            if any(asked and asked == invalid for asked, invalid in answers.values()):
                status = "invalid"  # somebody never gave a valid answer: nothing may be concluded
        return UnitResult(unit.key, status, tuple(book.outcomes))


@dataclass(frozen=True)
class _Part:
    """Replicates of a unit in which the same members sit in the same seats."""

    environment: EnvironmentConfig
    members: tuple[int, ...]
    replicates: list[int]
    specs: list[AgentSpec]
    episodes: list[int]


class _Book:
    """What a unit writes, the same for every way of playing it."""

    def __init__(self, unit: Unit, context: Context) -> None:
        self._unit, self._context = unit, context
        self.keeps_steps = context.scenario.record.steps == "all"
        self.outcomes: list[dict[str, Any]] = []

    def parts(self) -> Iterator[_Part]:
        scenario, seeds = self._context.scenario, self._context.seeds
        environment = scenario.environment
        assert environment is not None
        for members, replicates in _seatings(scenario, self._unit.seeds, seeds):
            specs = [scenario.population[index].agent for index in members]
            episodes = [seeds.episode(replicate) for replicate in replicates]
            seats = dict(zip(environment.seats(), members, strict=True))
            self._context.writer.event("begin", replicates=list(replicates), seats=seats)
            yield _Part(environment, members, replicates, specs, episodes)

    def write(self, part: _Part, played: Rollout) -> None:
        for row, replicate in enumerate(part.replicates):
            outcome = {
                "seed": replicate,
                "episode": part.episodes[row],
                "returns": jsonable(played.returns[row]),
                **{key: jsonable(value[row]) for key, value in played.outcome.items()},
            }
            self._context.writer.event("outcome", **outcome)
            self.outcomes.append(outcome)
        if played.steps is not None:
            labels = member_labels(self._context.scenario, part.members)
            seats = dict(zip(part.environment.seats(), labels, strict=True))
            self._context.writer.steps(_labelled(played.steps, part.replicates, seats))


def is_external(scenario: Scenario) -> bool:
    """Whether the environment or any member is answered from outside this process."""
    agents = (entry("agents", member.agent.kind) for member in scenario.population)
    return bool(scenario.environment is not None and scenario.environment.external) or any(
        agent.external for agent in agents
    )


def member_labels(scenario: Scenario, members: Sequence[int] | None = None) -> list[str]:
    """Names of members for tables: the label, or the kind and, where kinds repeat, the parameters that differ."""
    population = scenario.population
    labels = []
    for member in population:
        twins = [other for other in population if other.agent.kind == member.agent.kind]
        differing = [
            f"{key}={value}"
            for key, value in member.agent.params.items()
            if any(other.agent.params.get(key) != value for other in twins)
        ]
        labels.append(member.label or " ".join([member.agent.kind, *differing]))
    return labels if members is None else [labels[index] for index in members]


def _mode(journal: str, external: bool) -> Mode:
    if journal == "auto":
        return "step" if external else "unit"
    return "step" if journal == "step" else "unit"


def _seatings(
    scenario: Scenario, replicates: Sequence[int], seeds: Seeds
) -> Iterator[tuple[tuple[int, ...], list[int]]]:
    """Replicates grouped by who sits where; one group unless members are drawn by probability."""
    assert scenario.environment is not None
    names = scenario.environment.seats()
    groups: dict[tuple[int, ...], list[int]] = {}
    for replicate in replicates:
        members = seat_members(
            scenario.population, names, seeds, seating=scenario.seating, episode=seeds.episode(replicate)
        )
        groups.setdefault(members, []).append(replicate)
    yield from groups.items()


async def _journalled(unit: Unit, context: Context, part: _Part) -> tuple[Rollout, dict[str, list[int]]]:
    """Episodes one after the other, every step in the journal; and per agent that was asked outside: asked, invalid."""
    from .episode import Episode
    from .rollout import concatenated

    scenario = context.scenario
    groups = [_attached(group, context) for group in seated(part.environment, part.specs)]
    returns, outcomes, tables = [], [], []
    answers: dict[str, list[int]] = {}
    for row, seed in enumerate(part.episodes):
        episode = Episode(
            part.environment.build(),
            groups,
            Seeds(seed),
            on_invalid=str(scenario.language.get("on_invalid") or "abort_run"),
            unit=unit.key,
            journal=context.writer,
            steps=scenario.record.steps == "all",
        )
        counted = {part.environment.seats()[seat] for group in groups if _asks(group) for seat in group.seats}
        while (step := await episode.advance()) is not None:
            for agent in counted.intersection(step.decisions):
                count = answers.setdefault(agent, [0, 0])
                count[0] += 1
                count[1] += step.decisions[agent].outcome not in VALID
        outcome = dict(episode.outcome())
        if counted:
            asked, invalid = (sum(counts) for counts in zip(*answers.values(), strict=True)) if answers else (0, 0)
            outcome |= {"decisions": asked, "invalid": invalid, "invalid_rate": invalid / asked if asked else None}
        outcomes.append(outcome)
        returns.append(episode.returns)
        if episode.log is not None:
            table = episode.log.columns()
            table["row"] = np.full(len(table["row"]), row)
            tables.append(table)
    keys = list(dict.fromkeys(key for outcome in outcomes for key in outcome))
    columns: dict[str, AnyArray] = {
        key: np.array([outcome.get(key) for outcome in outcomes], dtype=object) for key in keys
    }
    steps = concatenated(tables) if tables else None
    return Rollout(np.array(part.episodes), np.array(returns), columns, steps), answers


def _attached(group: Seated, context: Context) -> Seated:
    """A policy that asks somebody outside gets the Broker to ask through; it stays a value."""
    attach = getattr(group.policy, "attach", None)
    return replace(group, policy=attach(context.broker, context.scenario.language)) if attach is not None else group


def _asks(group: Seated) -> bool:
    return isinstance(group.policy, AsyncPolicy)


def _labelled(
    steps: Mapping[str, AnyArray], replicates: Sequence[int], members: Mapping[str, str]
) -> dict[str, AnyArray]:
    """Step columns as the record keeps them: ``seed`` is the replicate, ``member`` who sits in the agent's seat."""
    columns = {
        "seed": np.asarray(replicates)[steps["row"].astype(int)],
        **{k: v for k, v in steps.items() if k != "row"},
    }
    columns["member"] = np.array([members[name] for name in columns["agent"]], dtype=object)
    return columns
