"""Playing one unit: the same book is written whether it is played at once, or step by step with somebody outside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gamesim.core.arrays import AnyArray
from gamesim.core.canonical import jsonable
from gamesim.core.policy import AgentSpec, AsyncPolicy
from gamesim.core.seeds import Seeds
from gamesim.scenario.scenario import Scenario

from .contracts import Context, Rollout, Unit, UnitResult
from .episode import Episode
from .play import Status, member_labels
from .rollout import concatenated, rollout
from .seating import Seated, seat_members, seated
from .speaking import VALID, asked_for, attached, listening, on_invalid

if TYPE_CHECKING:
    from gamesim.envs.base import EnvironmentConfig


def play_block(unit: Unit, context: Context) -> UnitResult:
    """Play a block of replicates at once where environment and policies allow it."""
    book = _Book(unit, context)
    for part in book.parts():
        book.write(part, rollout(part.environment, part.specs, part.episodes, steps=book.keeps_steps))
    return UnitResult(unit.key, "complete", tuple(book.outcomes))


async def play_journalled(unit: Unit, context: Context) -> UnitResult:
    """Play step by step, every step in the journal; agents may wait for somebody outside."""
    book = _Book(unit, context)
    status: Status = "complete"
    for part in book.parts():
        played, answers = await _journalled(unit, context, part)
        book.write(part, played)
        if any(asked and asked == invalid for asked, invalid in answers.values()):
            status = "invalid"  # a model never gave a valid answer: nothing may be concluded
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
    """Episodes one after the other, every step in the journal; and per model that was asked: asked, invalid."""
    scenario = context.scenario
    groups = [attached(group, context.broker, scenario.language) for group in seated(part.environment, part.specs)]
    returns, outcomes, tables = [], [], []
    names, answers = part.environment.seats(), dict[str, list[int]]()
    for row, seed in enumerate(part.episodes):
        episode = Episode(
            listening(part.environment.build(), scenario.language),
            groups,
            Seeds(seed),
            on_invalid=on_invalid(part.environment, scenario.language),
            unit=unit.key,
            journal=context.writer,
            steps=scenario.record.steps == "all",
        )
        counted = {names[seat]: _asked_of(group) for group in groups if _asks(group) for seat in group.seats}
        while (step := await episode.advance()) is not None:
            for agent in [agent for agent in counted if agent in step.decisions and asked_for(step.decisions[agent])]:
                count = answers.setdefault(counted[agent], [0, 0])
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


def _asked_of(group: Seated) -> str:
    """The model that answers for a group; its answers are judged together."""
    return str(group.spec.params.get("model", group.spec.id))


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
