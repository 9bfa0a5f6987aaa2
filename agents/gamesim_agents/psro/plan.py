"""What is to be done next, from what is done: waves of units, pure in the results so far.

formal game     blocks of iterations, each built on the one before
environment     cells -> meta-strategy -> more episodes where they matter -> ... -> answers -> the next iteration
                -> solutions of the frontier -> fresh cells -> scores
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gamesim.core.canonical import digest
from gamesim.core.empirical import EmpiricalGame
from gamesim.core.policy import AgentSpec
from gamesim.core.registry import entry
from gamesim.run.contracts import Mode, Unit, UnitResult
from gamesim.run.manifest import FORMAT
from gamesim.scenario.models import config_of
from gamesim.scenario.scenario import Cell

from .cells import AT_ONCE, check_seats, identity_of, merged
from .checks import pool_of
from .config import PsroConfig
from .pools import PoolPolicy
from .solving import needed

VERSION = 3
Profile = tuple[str, ...]  # ids of policies, in the order of the seats


class _Waiting(Exception):
    """These units come first."""

    def __init__(self, units: Sequence[Unit]) -> None:
        super().__init__()
        self.units = units


def wave(cell: Cell, done: Mapping[str, UnitResult]) -> Sequence[Unit]:
    """The next units of one cell of the sweep; none when it is finished, or cannot go on because one failed."""
    plan = _Plan(cell, done)
    try:
        if plan.config.game is not None:
            plan.iterate()
        else:
            plan.fill()
    except _Waiting as waiting:
        return waiting.units
    return ()


@dataclass
class _Plan:
    cell: Cell
    done: Mapping[str, UnitResult]

    @property
    def config(self) -> PsroConfig:
        config = self.cell.scenario.experiment
        assert isinstance(config, PsroConfig)
        return config

    # ---- asking for units -----------------------------------------------------------------------------------------------

    def unit(
        self, task: Mapping[str, Any], seeds: Sequence[int] = (0,), mode: Mode = "unit", **determines: Any
    ) -> Unit:
        """A unit whose key hashes its task, the root seed and what else determines its result."""
        content = {"psro": VERSION, "format": FORMAT, "root": self.cell.scenario.seed, "task": task, **determines}
        place = {"index": self.cell.index, "values": dict(self.cell.values)}
        return Unit(digest(content), place, tuple(seeds), dict(task), mode)

    def results(self, units: Sequence[Unit]) -> list[Mapping[str, Any]]:
        """What the units found, or the wave of those that are missing."""
        missing = [unit for unit in units if unit.key not in self.done]
        found = [self.done[unit.key] for unit in units if unit.key in self.done]
        if any(result.status != "complete" for result in found):
            raise _Waiting(())
        if missing:
            raise _Waiting(missing)
        return [result.data for result in found]

    # ---- formal games ---------------------------------------------------------------------------------------------------

    def iterate(self) -> None:
        config, stop = self.config, self.config.stop
        samples = None if config.samples is None else [config.samples.initial, config.samples.common_random_numbers]
        learnt = None if config.regret is None else config.regret.model_dump(mode="json")
        anytime = config.anytime and {"version": 2, "regret": learnt}
        determines: dict[str, Any] = {
            "game": config.the_game.model_dump(mode="json"), "start": config.start, "meta": list(config.meta), "risk": config.attitude,
            "samples": samples, "anytime": anytime, "tolerance": stop.tolerance,
        }  # fmt: skip
        after: str | None = None
        for start in range(0, stop.iterations, stop.checkpoint):
            count = min(stop.checkpoint, stop.iterations - start)
            unit = self.unit({"do": "iterate", "after": after, "iterations": count}, **determines)
            found = self.results([unit])[0]
            after = unit.key
            if found["stopped"]:
                break
        draws = config.redraws(config.meta[0])
        if draws and config.samples is not None and not config.anytime:
            task = {"do": "redraw", "of": after, "iteration": found["iteration"], "draws": draws}
            self.results([self.unit(task, **determines)])

    # ---- environments ---------------------------------------------------------------------------------------------------

    def fill(self) -> None:
        config, environment = self.config, self.cell.scenario.environment
        assert environment is not None
        seats, samples = environment.seats(), config.the_samples
        roles = [0] * len(seats) if samples.symmetric else list(range(len(seats)))
        pools = [pool_of(config, seats[roles.index(role)]) for role in range(max(roles) + 1)]
        if config.the_oracle.kind != "none":
            config.the_oracle.config().build()  # what it lacks is said before anything is played
        rounds: dict[Profile, list[int]] = {}  # batches of each profile of policies, kept as pools grow
        if samples.symmetric:
            self.pilot(pools[0], len(seats))
        for iteration in range(1, config.stop.iterations + 1):
            solved = self.meta(iteration, pools, roles, rounds)
            if config.the_oracle.kind == "none" or not self.answered(iteration, solved, pools, roles):
                break
        draws = config.redraws(config.meta[0])
        if draws:
            task = {
                "do": "bootstrap",
                "of": solved.key,
                "iteration": iteration,
                "draws": draws,
                "cells": solved.task["cells"],
            }
            self.results([self.unit(task, meta=list(config.meta))])
        if config.frontier is not None:
            self.frontier(solved, pools, roles)

    def batches(self, episodes: int) -> int:
        return -(-episodes // self.config.the_samples.batch)

    def play(self, policies: Sequence[AgentSpec], rounds: Sequence[int], purpose: str = "cell") -> list[Unit]:
        """Units that play a profile, filled in rounds up to so many batches each."""
        samples, environment = self.config.the_samples, self.cell.scenario.environment
        assert environment is not None
        determines: dict[str, Any] = {
            "environment": identity_of(environment),
            "versions": [int(getattr(entry("agents", spec.kind), "version", 1)) for spec in policies],
        }
        chunk = max(1, AT_ONCE // samples.batch)
        units: list[Unit] = []
        start = 0
        for end in rounds:
            while start < end:
                upto = min(end, start + chunk)
                task = {
                    "do": "play", "for": purpose, "policies": [spec.as_dict() for spec in policies],
                    "batches": [start, upto], "batch": samples.batch, "common": samples.common_random_numbers,
                }  # fmt: skip
                units.append(self.unit(task, range(start, upto), **determines))
                start = upto
        return units

    def pilot(self, pool: Sequence[PoolPolicy], n: int) -> None:
        """The first policy against every other from both ends, before anybody believes that seats are alike."""
        first, rounds = pool[0].spec, [self.batches(self.config.the_samples.initial)]
        asked = [
            (
                policy,
                self.play([first] * (n - 1) + [policy.spec], rounds),
                self.play([policy.spec] + [first] * (n - 1), rounds),
            )
            for policy in pool
        ]
        self.results([unit for _, last, ahead in asked for unit in {u.key: u for u in (*last, *ahead)}.values()])
        pairs = [(p.label, merged(self.results(last)), merged(self.results(ahead))) for p, last, ahead in asked]
        check_seats(pool[0].label, pairs)

    def meta(
        self, iteration: int, pools: Sequence[Sequence[PoolPolicy]], roles: Sequence[int], rounds: dict[Profile, list[int]]
    ) -> Unit:  # fmt: skip
        """The meta-strategy of the pools' table, which grows where that strategy meets it until its intervals will do."""
        config, samples = self.config, self.config.the_samples
        game = EmpiricalGame(tuple(tuple(p.label for p in pool) for pool in pools), tuple(roles))
        while True:
            asked = []
            for profile in game.profiles():
                specs = [pools[role][a].spec for a, role in zip(profile, roles, strict=True)]
                ends = rounds.setdefault(tuple(spec.id for spec in specs), [self.batches(samples.initial)])
                asked.append((profile, self.play(specs, ends)))
            self.results([unit for _, units in asked for unit in units])
            task = {
                "do": "solve", "iteration": iteration, "pools": [[p.as_dict() for p in pool] for pool in pools], "roles": list(roles),
                "cells": [[list(profile), [unit.key for unit in units]] for profile, units in asked],
            }  # fmt: skip
            wanted = [samples.half_width, samples.confidence, samples.most]
            unit = self.unit(task, meta=list(config.meta), wanted=wanted)
            found = self.results([unit])[0]
            for profile in found["more"]:
                ends = rounds[tuple(pools[role][a].spec.id for a, role in zip(profile, roles, strict=True))]
                ends.append(min(2 * ends[-1], self.batches(samples.most)))
            if not found["more"]:
                return unit

    def answered(
        self, iteration: int, solved: Unit, pools: list[list[PoolPolicy]], roles: Sequence[int]
    ) -> bool:  # fmt: skip
        """Whether the oracle's answers brought somebody new; they join the pools."""
        keys, stop = self.config.the_oracle, self.config.stop
        task = {"do": "answer", "iteration": iteration, "solved": solved.key, "roles": list(roles)}
        determines: dict[str, Any] = {
            "oracle": keys.model_dump(mode="json"),
            "version": keys.config().version,
            "risk": self.config.attitude,
            "top_k": self.config.top_k,
        }
        environment = self.cell.scenario.environment
        assert environment is not None
        models = self.cell.scenario.models
        determines["models"] = {name: dict(config_of(name, models).determines()) for name in self.config.asks}
        mode: Mode = "step" if self.config.asks else "unit"
        asked = [
            self.unit({**task, "player": roles.index(role)}, mode=mode, environment=identity_of(environment), **determines)
            for role in range(len(pools))
        ]  # fmt: skip
        grew, named = False, keys.config().labels()
        for pool, found in zip(pools, self.results(asked), strict=True):
            bound = found["gain"] if found["exact"] or found["interval"] is None else found["interval"][1]
            if bound > stop.tolerance and found["id"] not in [policy.spec.id for policy in pool]:
                label = named.get(found["id"], "")
                if not label or label in [policy.label for policy in pool]:
                    label = f"{label or found['agent']['kind']} {found['id'][:6]}"
                pool.append(PoolPolicy(label, AgentSpec.from_dict(found["agent"])))
                grew = True
        return grew

    def frontier(self, solved: Unit, pools: Sequence[Sequence[PoolPolicy]], roles: Sequence[int]) -> None:
        config, frontier = self.config, self.config.frontier
        assert frontier is not None
        grid = frontier.model_dump(mode="json", include={"grid", "concepts"})
        unit = self.unit({"do": "frontier", "solved": solved.key}, grid=grid, meta=list(config.meta))
        found = self.results([unit])[0]
        again = [config.redraws(solution["kind"]) for solution in found["solutions"]]
        asked = [
            self.unit(
                {"do": "bootstrap", "of": unit.key, "solution": k, "draws": draws, "cells": solved.task["cells"]},
                grid=grid, meta=list(config.meta),
            )
            for k, draws in enumerate(again)
        ]  # fmt: skip
        redrawn = [one for told in self.results(asked) for one in told["draws"] if one is not None]
        shape = [len(pools[role]) for role in roles]
        profiles, meets = needed(found["solutions"], roles, shape, frontier.populations, redrawn)
        rounds = [self.batches(frontier.evaluate)]
        game = EmpiricalGame(tuple(tuple(p.label for p in pool) for pool in pools), tuple(roles))
        cells: list[tuple[Any, list[Unit]]] = []
        strangers: dict[str, list[tuple[int, int, list[Unit]]]] = {}
        if not frontier.in_sample:
            for profile in sorted({game.sort(p)[0] for p in profiles}):
                specs = [pools[role][a].spec for a, role in zip(profile, roles, strict=True)]
                cells.append((list(profile), self.play(specs, rounds, "fresh")))
            for name, spec in config.strangers().items():
                strangers[name] = []
                for seat, a in meets[name]:
                    specs = [pools[role][a].spec if i == seat else spec for i, role in enumerate(roles)]
                    strangers[name].append((seat, a, self.play(specs, rounds, "fresh")))
            everything = [*cells, *((None, units) for rows in strangers.values() for _, _, units in rows)]
            self.results(list({unit.key: unit for _, units in everything for unit in units}.values()))
        task = {
            "do": "score", "frontier": unit.key, "bootstraps": [one.key for one in asked], "pools": found["pools"], "roles": list(roles), "in_sample": frontier.in_sample,
            "cells": [[profile, [unit.key for unit in units]] for profile, units in cells],
            "strangers": {name: [[seat, a, [u.key for u in units]] for seat, a, units in rows] for name, rows in strangers.items()},
            "populations": list(frontier.populations), "delta": frontier.delta,
        }  # fmt: skip
        self.results([self.unit(task)])
