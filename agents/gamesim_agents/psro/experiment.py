"""The experiment ``psro``: cells, meta-strategies, answers and scores are units of work, named in waves.

What a unit finds depends on its task, the scenario's root seed and the results of the units that its task names by key; so
a run may be stopped anywhere, go on in other workers, and end with the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from gamesim.core.config import Config
from gamesim.core.errors import ScenarioError, clean

from .config import PsroConfig

if TYPE_CHECKING:
    from gamesim.core.policy import AgentSpec
    from gamesim.run.contracts import Context, Unit, UnitResult
    from gamesim.run.models.estimate import CellPlan
    from gamesim.scenario.scenario import Scenario


class Psro:
    """Policy-space response oracles on formal games, and on environments with pools of policies."""

    config: ClassVar[type[Config]] = PsroConfig
    version: ClassVar[int] = 1
    needs: ClassVar[tuple[str, ...]] = ()

    @staticmethod
    def agents(scenario: Scenario) -> Iterable[AgentSpec]:
        """Who plays though no population names it; their versions belong to the run."""
        config = scenario.experiment
        assert isinstance(config, PsroConfig)
        oracle = config.the_oracle.config()
        more = oracle.specs() if hasattr(oracle, "specs") else ()
        return (*(policy.spec for policy in config.pool()), *config.strangers().values(), *more)

    @staticmethod
    def check(scenario: Scenario) -> None:
        """What only shows when pools and environment are looked at together."""
        from .checks import check

        config = scenario.experiment
        assert isinstance(config, PsroConfig)
        if scenario.population:
            raise ScenarioError("psro has no population; who plays stands under policies.", path="population")
        if config.game is not None and scenario.environment is not None:
            raise ScenarioError(f"the formal game '{clean(config.the_game.game, 40)}' is played; no environment is.", path="environment")  # fmt: skip
        if config.game is None:
            check(scenario, config)
        elif config.anytime or config.the_samples.symmetric:
            from .formal import check_game

            check_game(config)

    @staticmethod
    def work(scenario: Scenario) -> str:
        """How much a run is, in words."""
        from gamesim.scenario.sweep import points

        config = scenario.experiment
        assert isinstance(config, PsroConfig)
        cells = len(points(scenario.sweep)) if scenario.sweep is not None else 1
        each = "" if cells == 1 else f"{cells:,} cells of the sweep, each "
        units = Psro.least(scenario)
        least = f", at least {units:,} unit{'s' if units != 1 else ''} of work"
        if config.game is not None:
            return f"{each}at most {config.stop.iterations:,} iterations on {config.the_game.game}{least}"
        samples = config.the_samples
        episodes = f"{samples.initial:,}" + (f" to {samples.most:,}" if samples.most > samples.initial else "")
        fresh = config.frontier.evaluate if config.frontier is not None else 0
        profiles = Psro._profiles(scenario)
        told = f"{each}{profiles:,} profile{'s' if profiles != 1 else ''} x {episodes} episodes"
        if config.the_oracle.kind != "none":
            told += f", grown by {config.the_oracle.kind} in at most {config.stop.iterations:,} iterations"
        return told + (f", {fresh:,} fresh ones a cell that is scored" if fresh else "") + least

    @staticmethod
    def _profiles(scenario: Scenario) -> int:
        """Cells of the first table."""
        from .checks import pool_of

        config = scenario.experiment
        assert isinstance(config, PsroConfig)
        assert scenario.environment is not None
        n = len(scenario.environment.seats())
        sizes = [len(pool_of(config, seat)) for seat in scenario.environment.seats()]
        return math.comb(sizes[0] + n - 1, n) if config.the_samples.symmetric else math.prod(sizes)

    @staticmethod
    def least(scenario: Scenario) -> int:
        """Units that are played whatever they find: a block of iterations, or a table and its meta-strategy.

        Cells of a sweep may share their units, so no more than one cell's are sure.
        """
        from .cells import AT_ONCE

        config = scenario.experiment
        assert isinstance(config, PsroConfig)
        if config.game is not None:
            return 1
        samples = config.the_samples
        chunk = max(1, AT_ONCE // samples.batch)
        return 1 + Psro._profiles(scenario) * math.ceil(math.ceil(samples.initial / samples.batch) / chunk)

    @staticmethod
    def asked(label: str, scenario: Scenario, desks: Mapping[str, Any]) -> CellPlan:
        """What the oracle will ask language models, for the bill."""
        from .billing import plan

        return plan(label, scenario, desks)

    def units(self, scenario: Scenario, done: Mapping[str, UnitResult]) -> Sequence[Unit]:
        from gamesim.scenario.sweep import cells

        from .plan import wave

        found: dict[str, Unit] = {}
        for cell in cells(scenario):
            for unit in wave(cell, done):
                found.setdefault(unit.key, unit)
        return list(found.values())

    def run_unit(self, unit: Unit, context: Context) -> UnitResult:
        from .work import run_unit

        return run_unit(unit, context)

    async def run_unit_async(self, unit: Unit, context: Context) -> UnitResult:
        """In a thread beside the loop that asks models, so that an oracle can wait for an answer."""
        import asyncio

        from .asking import LOOP

        LOOP.set(asyncio.get_running_loop())
        return await asyncio.to_thread(self.run_unit, unit, context)
