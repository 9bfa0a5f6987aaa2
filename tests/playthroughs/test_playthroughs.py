"""Whole runs, as they were when they were last read. A difference is for a person to judge: see ``regenerate.py``."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

HERE = Path(__file__).parent
_spec = importlib.util.spec_from_file_location("regenerate_playthroughs", HERE / "regenerate.py")
assert _spec is not None
assert _spec.loader is not None
regenerate = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(regenerate)


def test_every_transcript_has_its_run() -> None:
    assert sorted(path.stem for path in HERE.glob("*.txt")) == sorted(regenerate.PLAYTHROUGHS)


@pytest.mark.parametrize("name", sorted(regenerate.PLAYTHROUGHS))
def test_playthrough(name: str) -> None:
    kept = (HERE / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    played = regenerate.text(name).splitlines()
    assert played == kept, f"{name} plays otherwise; if that is meant: python tests/playthroughs/regenerate.py"
