"""What is not installed is said before anything is played, with how to install it; here the module is kept from being found."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .conftest import environment

WITHOUT = "import sys; sys.modules[{module!r}] = None; from gamesim.cli.main import main; sys.argv = ['gamesim', *{arguments!r}]; main()"
PPO = {
    "kind": "psro", "name": "learned", "environment": {"kind": "matrix", "horizon": 1}, "oracle": {"kind": "ppo"},
    "policies": [{"agent": "matrix.defector"}], "samples": {"initial": 20, "batch": 20}, "meta_solver": "uniform",
}  # fmt: skip
MERGE = {
    "name": "merge", "environment": {"kind": "highway_merge"}, "population": [{"agent": "highway.cruise", "count": 2}],
}  # fmt: skip
MERGE_TABLE = {
    "kind": "psro", "name": "table", "environment": {"kind": "highway_merge"}, "meta_solver": "uniform",
    "policies": [{"agent": "highway.cruise"}], "samples": {"initial": 2, "batch": 2},
}  # fmt: skip


def gamesim(module: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    code = WITHOUT.format(module=module, arguments=list(arguments))
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment(), capture_output=True, text=True, timeout=300
    )


@pytest.mark.parametrize(
    ("module", "extra", "scenario"),
    [("torch", "learn", PPO), ("highway_env", "driving", MERGE), ("highway_env", "driving", MERGE_TABLE)],
    ids=["ppo", "merge", "table of merges"],
)
def test_nothing_is_played(tmp_path: Path, module: str, extra: str, scenario: dict[str, Any]) -> None:
    (tmp_path / "it.yaml").write_text(json.dumps(scenario))
    done = gamesim(module, tmp_path, "run", "it.yaml")
    assert done.returncode != 0
    assert "MissingExtraError: " in done.stderr
    assert f"pip install 'gamesim[{extra}]'" in done.stderr
    assert not list(tmp_path.rglob("events/*.jsonl"))


def test_a_file_is_checked_without_what_playing_it_needs(tmp_path: Path) -> None:
    (tmp_path / "it.yaml").write_text(json.dumps(PPO))
    assert gamesim("torch", tmp_path, "check", "it.yaml").returncode == 0
