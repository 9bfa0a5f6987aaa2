"""SIGKILL at any moment: nothing acknowledged is lost, nothing finished is played again, the record is the same."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "kill_many.py"


def campaign(*arguments):
    """In a process of its own: it forks, which a process that has opened a database must not."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TRIAL_")}
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *arguments], env=environment, capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.search(r"kills (\d+) \(process alive (\d+)\)", done.stdout)
    assert found is not None
    return int(found[1]), int(found[2])


@pytest.mark.parametrize("journal", ["unit", "step"])
def test_killed_at_each_disk_operation_of_the_end(journal):
    """The last operations are the seals of the second wave, the tables and the run."""
    kills, landed = campaign("each", journal, "24")
    assert kills == 24
    assert landed >= 21  # how often the manifest is saved depends on the clock


@pytest.mark.slow
def test_a_few_dozen_random_kills():
    kills, landed = campaign(os.environ.get("GAMESIM_KILLS", "48"), "11")
    assert kills >= 48
    assert landed > kills // 3
