"""The default experiment: every cell of a scenario, played for every replicate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from gamesim.core.arrays import AnyArray
from gamesim.core.canonical import jsonable
from gamesim.core.config import Config
from gamesim.core.registry import entry
from gamesim.core.seeds import Seeds
from gamesim.scenario.scenario import Scenario
from gamesim.scenario.sweep import cells

from .contracts import Context, Mode, Rollout, Unit, UnitResult
from .seating import seat_members, seated
from .units import make_unit


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
        from .rollout import rollout  # with the environments' ground, which `gamesim check` does without

        scenario, writer = context.scenario, context.writer
        environment = scenario.environment
        assert environment is not None
        names = environment.seats()
        outcomes: list[dict[str, Any]] = []
        for members, replicates in _seatings(scenario, unit.seeds, context.seeds):
            specs = [scenario.population[index].agent for index in members]
            episodes = [context.seeds.episode(replicate) for replicate in replicates]
            writer.event("begin", replicates=list(replicates), seats=dict(zip(names, members, strict=True)))
            if unit.mode == "step":
                played = _journalled(unit, scenario, specs, episodes, writer)
            else:
                played = rollout(environment, specs, episodes, steps=scenario.record.steps == "all")
            for row, replicate in enumerate(replicates):
                outcome = {
                    "seed": replicate,
                    "episode": episodes[row],
                    "returns": jsonable(played.returns[row]),
                    **{key: jsonable(value[row]) for key, value in played.outcome.items()},
                }
                writer.event("outcome", **outcome)
                outcomes.append(outcome)
            if played.steps is not None:
                writer.steps(
                    _labelled(played.steps, replicates, dict(zip(names, member_labels(scenario, members), strict=True)))
                )
        return UnitResult(unit.key, "complete", tuple(outcomes))


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


def _journalled(unit: Unit, scenario: Scenario, specs: Sequence[Any], episodes: Sequence[int], writer: Any) -> Rollout:
    """Episodes one after the other, every step in the journal."""
    import asyncio

    from .episode import Episode
    from .rollout import concatenated

    environment = scenario.environment
    assert environment is not None
    groups = seated(environment, specs)
    returns, outcomes, tables = [], [], []
    for row, seed in enumerate(episodes):
        episode = Episode(
            environment.build(),
            groups,
            Seeds(seed),
            on_invalid=str(scenario.language.get("on_invalid", "abort_run")),
            unit=unit.key,
            journal=writer,
            steps=scenario.record.steps == "all",
        )
        outcomes.append(asyncio.run(episode.run()))
        returns.append(episode.returns)
        if episode.log is not None:
            table = episode.log.columns()
            table["row"] = np.full(len(table["row"]), row)
            tables.append(table)
    keys = list(dict.fromkeys(key for outcome in outcomes for key in outcome))
    columns: dict[str, AnyArray] = {
        key: np.array([outcome.get(key) for outcome in outcomes], dtype=object) for key in keys
    }
    return Rollout(np.array(episodes), np.array(returns), columns, concatenated(tables) if tables else None)


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
