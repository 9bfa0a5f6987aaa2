"""The default experiment: every cell of a scenario, played for every replicate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from gamesim.core.config import Config
from gamesim.scenario.models import config_of, models_in_use
from gamesim.scenario.scenario import Scenario
from gamesim.scenario.sweep import cells

from .contracts import Context, Mode, Unit, UnitResult
from .speaking import check_language
from .units import make_unit

Status = Literal["complete", "invalid", "failed"]


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
            if cell.scenario.external and cell.scenario.environment is not None:
                check_language(cell.scenario.environment, cell.scenario.language)
                for model in models_in_use(cell.scenario.population):
                    config_of(model, cell.scenario.models).check(cell.scenario.environment)
            mode: Mode = "step" if cell.scenario.stepwise else "unit"
            block = 1 if mode == "step" else cell.scenario.record.block
            for start in range(0, scenario.replicates, block):
                replicates = tuple(range(start, min(start + block, scenario.replicates)))
                units.append(make_unit(cell, replicates, task={"steps": cell.scenario.record.steps}, mode=mode))
        return units

    def run_unit(self, unit: Unit, context: Context) -> UnitResult:
        from .playing import play_block, play_journalled  # with the environments' ground; `gamesim check` does without

        if unit.mode == "unit":
            return play_block(unit, context)
        import asyncio

        return asyncio.run(play_journalled(unit, context))

    async def run_unit_async(self, unit: Unit, context: Context) -> UnitResult:
        """Play beside other units; agents ask outside through ``context.broker``."""
        from .playing import play_journalled

        return await play_journalled(unit, context)


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
