"""A small experiment to be killed, stopped and damaged: walks in two waves, the second planned from the first's results.

What it did is told to the file named by ``TRIAL_LOG``: one line when a unit starts, one per step that had to be *asked* (as a
paid model call would be) and was not in the record, one when it ends. ``TRIAL_FAULT`` makes replicates misbehave.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from gamesim.core.canonical import digest
from gamesim.core.config import Config
from gamesim.core.errors import IllegalActionError
from gamesim.run.contracts import Context, Unit, UnitResult
from gamesim.run.units import make_unit
from gamesim.scenario.resolve import load_scenario
from gamesim.scenario.scenario import Scenario
from gamesim.scenario.sweep import cells

REFERENCE = f"{Path(__file__).resolve()}:Trial"
WALKERS = 3


class NoKeys(Config):
    pass


class Trial:
    config: ClassVar[type[Config]] = NoKeys
    version: ClassVar[int] = 1

    def units(self, scenario: Scenario, done: Mapping[str, UnitResult]) -> Sequence[Unit]:
        waves = {int(result.data["wave"]) for result in done.values() if result.status != "failed"}
        if 1 in waves or (done and not waves):
            return ()
        mode = "step" if scenario.record.journal == "step" else "unit"
        if not done:
            return [
                make_unit(cell, (r,), {"wave": 0}, mode) for cell in cells(scenario) for r in range(scenario.replicates)
            ]
        total = sum(outcome["height"] for result in done.values() for outcome in result.outcomes)
        return [make_unit(cells(scenario)[0], (0,), {"wave": 1, "total": total}, mode)]

    def run_unit(self, unit: Unit, context: Context) -> UnitResult:
        tell(f"start {unit.name} {os.getpid()}")
        replicate = unit.seeds[0]
        misbehave(replicate)
        rng = context.seeds.stream("walk", context.seeds.episode(replicate), int(unit.task["wave"]))
        recorded = {(e["step"], e["agent"]): e["d"]["move"] for e in context.writer.recorded() if e["t"] == "action"}
        horizon = context.scenario.environment.horizon
        pause = float(os.environ.get("TRIAL_PAUSE", "0"))
        height = np.zeros(WALKERS)
        rows: dict[str, list[Any]] = {
            name: [] for name in ("seed", "step", "phase", "agent", "action", "height", "note")
        }
        for step in range(horizon):
            for walker in range(WALKERS):
                agent = f"walker_{walker}"
                drawn = float(rng.normal())
                if (step, agent) in recorded:
                    move = recorded[step, agent]
                else:
                    move = drawn if os.environ.get("TRIAL_DRIFT") is None else drawn + float(os.environ["TRIAL_DRIFT"])
                    if unit.mode == "step":
                        tell(f"ask {unit.name} {step} {agent}")
                height[walker] += move
                context.writer.event("action", step=step, phase="walk", agent=agent, move=move)
                note = f"at {step}" if step % 5 == 0 else None
                for name, value in zip(rows, (replicate, step, "walk", agent, move, height[walker], note), strict=True):
                    rows[name].append(value)
            if unit.mode == "step":
                state = hashlib.sha256(height.tobytes()).hexdigest()
                context.writer.commit(state=state, rng=digest(json.dumps(rng.bit_generator.state, sort_keys=True)))
            if pause:
                time.sleep(pause)
        context.writer.steps({name: np.array(values, dtype=object) for name, values in rows.items()})
        outcome = {
            "seed": replicate,
            "episode": context.seeds.episode(replicate),
            "returns": [float(h) for h in height],
            "height": float(height.sum()),
            "crossed": float("nan") if height.sum() < 0 else 1.0,
        }
        tell(f"end {unit.name} {os.getpid()}")
        return UnitResult(unit.key, "complete", (outcome,), {"wave": unit.task["wave"]})


def tell(line: str) -> None:
    path = os.environ.get("TRIAL_LOG")
    if path:
        with open(path, "a", encoding="utf-8") as file:
            file.write(line + "\n")


def misbehave(replicate: int) -> None:
    faults = json.loads(os.environ.get("TRIAL_FAULT", "{}"))
    fault = faults.get(str(replicate))
    if fault == "illegal":
        raise IllegalActionError("walker_0 flew.", path="walker_0", hint="Legal: walking.")
    if fault == "bug":
        raise ZeroDivisionError("a bug of the experiment")
    if fault == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if fault == "exit":
        os._exit(7)
    if fault == "hang":
        time.sleep(3600)
    if fault and fault.startswith("die once "):
        marker = Path(fault.removeprefix("die once "))
        if not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)


def trial_scenario(journal: str = "unit", replicates: int = 3, horizon: int = 8, extra: str = "") -> Scenario:
    """A scenario whose environment is only there to have cells."""
    return load_scenario(
        f"name: trials/walk\nreplicates: {replicates}\nseed: 5\n"
        f"environment: {{kind: matrix, horizon: {horizon}}}\n"
        "population: [{agent: matrix.cooperator}]\n"
        "sweep: {axes: {environment.noise: [0.0, 0.25]}}\n"
        f"record: {{journal: {journal}}}\n{extra}"
    )
