"""SIGKILL while language models are asked: no committed answer is asked for again, and the record is the same."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "kill_models.py"


def campaign(kills: str, seed: str) -> int:
    """In a process of its own: it forks, which a process that has opened a database must not."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), kills, seed], env=dict(os.environ), capture_output=True, text=True, timeout=580
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.search(r"kills of a process at work (\d+)", done.stdout)
    assert found is not None
    return int(found[1])


@pytest.mark.slow
def test_forty_random_kills() -> None:
    kills = os.environ.get("GAMESIM_KILLS", "40")
    assert campaign(kills, "7") >= int(kills)
