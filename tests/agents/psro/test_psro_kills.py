"""Statement 25: PSRO that is killed at any moment, again and again, plays nothing twice and ends with the same bytes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gamesim.run.record import Record
from tests.psro_runs import played

DRIVER = {"agent": "driving.gap_acceptance"}
SCENARIOS: dict[str, dict[str, Any]] = {
    "exact": {"kind": "psro", "game": "leduc", "stop": {"iterations": 20, "checkpoint": 2}},
    "sampled": {
        "kind": "psro",
        "game": "kuhn",
        "samples": {"initial": 200},
        "stop": {"iterations": 10, "tolerance": 0.0, "checkpoint": 1},
    },
    "anytime": {
        "kind": "psro",
        "game": "kuhn",
        "samples": {"initial": 200},
        "anytime": {"kind": "regret", "steps": 60},
        "stop": {"iterations": 8, "tolerance": 0.0, "checkpoint": 1},
    },
    "candidates": {
        "kind": "psro",
        "environment": {"kind": "conflict_point", "variant": "crossing"},
        "policies": [{**DRIVER, "threshold": -9}],
        "samples": {"initial": 200, "max": 800, "half_width": 0.4, "batch": 100, "symmetric": True},
        "meta_solver": {"kind": "rae", "aversion": 0.1, "tremble": 0.0, "profile": "symmetric"},
        "oracle": {"kind": "candidates", "policies": [{**DRIVER, "threshold": t} for t in (-1, 0, 1, 9)], "episodes": 200},
        "frontier": {"grid": [0.1], "evaluate": 200, "populations": ["self", "uniform"]},
        "bootstrap": 20,
        "stop": {"iterations": 4, "tolerance": 0.01},
    },
}  # fmt: skip
CHILD = """
import json, sys
from gamesim.run.runner import run
from gamesim.scenario.resolve import load_scenario
with open(sys.argv[3], "a", encoding="utf-8") as log:
    def told(event):
        if event["event"] == "unit_started":
            print(event["unit"], file=log, flush=True)
    run(load_scenario(sys.argv[1]), store=sys.argv[2], workers=int(sys.argv[4]), on_event=told)
"""
KILLS = 4  # of each scenario, and one that must end


def whole(tmp_path: Path, name: str, workers: int = 1) -> Record:
    return played(tmp_path / f"whole-{workers}", SCENARIOS[name], workers=workers)


def sealed(store: Path) -> set[str]:
    return {path.stem for path in store.glob("*/events/[!.]*.jsonl")}


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENARIOS)
def test_killed_again_and_again(tmp_path: Path, name: str) -> None:
    """Kills by SIGKILL, some while a unit is played and some as one is sealed; every other child has two workers."""
    reference = whole(tmp_path, name)
    store, log = tmp_path / "killed", tmp_path / "log"
    rng = np.random.default_rng(list(SCENARIOS).index(name))
    landed = 0
    for attempt in range(KILLS + 1):
        before = sealed(store)
        log.write_text("")
        arguments = [json.dumps(SCENARIOS[name]), str(store), str(log), str(1 + attempt % 2)]
        child = subprocess.Popen([sys.executable, "-c", CHILD, *arguments], start_new_session=True)
        more, pause = int(rng.integers(0, 3)), float(rng.uniform(0, 0.1))
        while attempt < KILLS and child.poll() is None:
            started = log.read_text().split()
            if started and len(sealed(store) - before) >= more:
                time.sleep(pause)
                os.killpg(child.pid, signal.SIGKILL)
                landed += 1
                break
            time.sleep(0.002)
        child.wait()
        assert not set(log.read_text().split()) & before
        assert before <= sealed(store)
    (path,) = [one.parent for one in store.glob("*/manifest.json")]
    record = Record(path, verify="full")
    assert record.manifest.status == "complete"
    assert record.digest() == reference.digest()
    assert landed >= 1


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENARIOS)
def test_four_workers_give_the_bytes_of_one(tmp_path: Path, name: str) -> None:
    assert whole(tmp_path, name, workers=4).digest() == whole(tmp_path, name).digest()
