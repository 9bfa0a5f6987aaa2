"""A worker that seals its unit and dies before it can say so: the unit is finished and is not played again."""

from pathlib import Path

import pytest
from trial import REFERENCE, trial_scenario

from gamesim.run.runner import run

SPOILT = """
import os, signal, sys
sys.path.insert(0, {folder!r})
from trial import Trial
from gamesim.run import writer

sealing = writer.Writer.seal

def seal_and_die(self, result):
    sealed = sealing(self, result)
    if self._unit.seeds == (1,):
        os.kill(os.getpid(), signal.SIGKILL)
    return sealed

main = sys.modules["__main__"].__spec__
if main is not None and main.name == "gamesim.run.worker":  # the runner loads this file too, and shall live
    writer.Writer.seal = seal_and_die
"""


@pytest.mark.parametrize("journal", ["unit", "step"])
def test_sealed_and_dead(tmp_path, monkeypatch, journal):
    module = tmp_path / "spoilt.py"
    module.write_text(SPOILT.format(folder=str(Path(__file__).parent)))
    whole = run(trial_scenario(journal), store=tmp_path / "whole", experiment=REFERENCE)
    monkeypatch.setenv("TRIAL_LOG", str(tmp_path / "log"))
    events = []
    record = run(
        trial_scenario(journal),
        store=tmp_path / "runs",
        experiment=f"{module}:Trial",
        workers=2,
        on_event=events.append,
    )
    assert record.digest() == whole.digest()
    assert not [event for event in events if event["event"] in ("unit_retried", "unit_failed")]
    starts = [line.split()[1] for line in (tmp_path / "log").read_text().splitlines() if line.startswith("start")]
    assert len(starts) == len(set(starts)) == 7
