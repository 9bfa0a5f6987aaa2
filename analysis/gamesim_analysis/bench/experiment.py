"""The experiment ``bench``: the societies of a board are units of the scenarios they play, each played once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from gamesim.core.config import Config

from .config import BenchConfig, rewritten

if TYPE_CHECKING:
    from gamesim.run.contracts import Context, Unit, UnitResult
    from gamesim.scenario.scenario import Cell, Scenario
    from gamesim.yaml.node import Node


class Bench:
    """Every cell is a scenario of kind ``play``; its units are those that playing it alone would have."""

    config: ClassVar[type[Config]] = BenchConfig
    version: ClassVar[int] = 1
    needs: ClassVar[tuple[str, ...]] = ()
    written: ClassVar[Mapping[str, Any]] = {  # keys that ``rewritten`` understands, as JSON schema
        "models": {
            "description": "Players: aliases, short forms such as rule:greedy, rules by kind of game, or new aliases.",
            "anyOf": [{"type": "array", "items": {"type": ["string", "object"]}}, {"type": "object"}],
        }
    }

    @staticmethod
    def rewritten(root: Node) -> Node:
        return rewritten(root)

    @staticmethod
    def cells(scenario: Scenario) -> list[Cell]:
        from .plan import plan_of

        return list(plan_of(scenario).cells)

    def units(self, scenario: Scenario, done: Mapping[str, UnitResult]) -> Sequence[Unit]:
        from gamesim.run.play import Play

        if done:
            return ()
        return [
            replace(unit, cell={"index": cell.index, "values": dict(cell.values)})
            for cell in self.cells(scenario)
            for unit in Play().units(cell.scenario, {})
        ]

    def run_unit(self, unit: Unit, context: Context) -> UnitResult:
        from gamesim.run.play import Play
        from gamesim.run.reuse import borrowed

        return borrowed(unit, context) or Play().run_unit(unit, context)

    async def run_unit_async(self, unit: Unit, context: Context) -> UnitResult:
        from gamesim.run.play import Play
        from gamesim.run.reuse import borrowed

        lent = borrowed(unit, context)
        if lent is not None:
            return lent
        played: Any = await Play().run_unit_async(unit, context)
        result: UnitResult = played
        return result
