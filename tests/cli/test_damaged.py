"""What a user sees of runs with missing or foreign parts: each command says what is wrong, none crashes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


@pytest.fixture
def run(played: Path, tmp_path: Path) -> Path:
    """A run of our own to damage."""
    target = tmp_path / "runs" / played.name
    shutil.copytree(played, target)
    return target


def without(folder: str) -> Callable[[Path], None]:
    return lambda run: shutil.rmtree(run / folder)


def a_file_instead(run: Path) -> None:
    shutil.rmtree(run / "steps.parquet")
    (run / "steps.parquet").write_text("x")


def cut(run: Path) -> None:
    part = next((run / "steps.parquet").iterdir())
    part.write_bytes(part.read_bytes()[:-9])


@pytest.mark.parametrize(
    "damage", [without("steps.parquet"), without("events"), without("tables"), a_file_instead, cut]
)
def test_damaged_parts(gamesim: Run, run: Path, damage: Callable[[Path], None]) -> None:
    damage(run)
    shown = gamesim("show", str(run), "--json", code=6).json
    assert shown["digest"] is None
    assert shown["problems"]
    assert any(word in shown["problems"][0] for word in ("is missing, and the manifest lists it", "was changed after"))
    told = gamesim("show", str(run), code=6)
    assert "status    complete" in told.out
    assert told.err.startswith("warning: damaged: ")
    gamesim("export", str(run), code=6)
    assert gamesim("store", "verify", "--json", code=6).json["findings"][0]["status"] == "damaged"


def test_a_run_without_its_manifest_is_not_passed_over(gamesim: Run, run: Path) -> None:
    (run / "manifest.json").unlink()
    assert "no run here: manifest.json is missing." in gamesim("show", str(run), code=6).err
    for place in ((), (str(run),)):
        found = gamesim("store", "verify", *place, "--json", code=6).json["findings"]
        assert [one["status"] for one in found] == ["damaged"]
        assert "manifest.json is missing; the journals in events/ are untouched." in found[0]["message"]


def test_a_store_is_not_a_run(gamesim: Run, run: Path) -> None:
    assert gamesim("show", "runs", code=6).err == f"RecordError: runs: is a store, not a run. It holds {run.name}.\n"


@pytest.mark.parametrize("flag", ["--replicates", "--seeds", "--seed"])
def test_a_wrong_number_is_blamed_on_the_flag_that_was_typed(gamesim: Run, tiny: Path, flag: str) -> None:
    error = gamesim("run", "tiny.yaml", flag, "-1", "--json", code=2).json["error"]
    assert flag in error["message"]
    assert "--set" not in error["file"]


def test_a_swept_value_is_no_figure_to_compare(gamesim: Run, tiny: Path) -> None:
    made = gamesim("sweep", "tiny.yaml", "--axis", "environment.horizon=4,6", "--json").json
    effects = gamesim("compare", made["run"], made["run"], "--json").json["effects"]
    assert effects
    assert "environment.horizon" not in {effect["column"] for effect in effects}
    assert not gamesim("compare", made["run"], made["run"], "--metric", "environment.horizon", "--json").json["exit"]
