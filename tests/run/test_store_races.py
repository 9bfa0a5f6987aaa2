"""Several processes, one store: one run each, one writer each, nobody's work lost."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

from gamesim.run.record import Record
from gamesim.run.store import runs

DRIVE = Path(__file__).parent.parent / "faults" / "drive.py"


def test_processes_that_start_the_same_scenario_at_once_make_one_run(tmp_path):
    drivers = [
        subprocess.Popen(
            [sys.executable, str(DRIVE), str(tmp_path), "unit", "1"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    ends = [(*driver.communicate(timeout=120), driver.returncode) for driver in drivers]
    codes = Counter(code for *_, code in ends)
    assert codes[0] >= 1
    assert all(code == 0 or "StoreBusyError" in errors for _, errors, code in ends), ends
    assert len(runs(tmp_path)) == 1
    assert {out.strip() for out, _, code in ends if code == 0} == {Record(runs(tmp_path)[0]).digest()}
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_processes_with_scenarios_of_their_own_share_a_store(tmp_path):
    drivers = [
        subprocess.Popen(
            [sys.executable, str(DRIVE), str(tmp_path), "unit", "1", str(horizon)], stdout=subprocess.PIPE, text=True
        )
        for horizon in range(2, 8)
    ]
    digests = {driver.communicate(timeout=120)[0].strip() for driver in drivers}
    assert {driver.returncode for driver in drivers} == {0}
    assert digests == {Record(path, verify="full").digest() for path in runs(tmp_path)}
    assert len(runs(tmp_path)) == 6
