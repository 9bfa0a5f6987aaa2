"""``gamesim bench`` as a user runs it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run

BENCH = """
models: ["agent:defector", "agent:tit_for_tat", {twin: {backend: "rule:tit_for_tat"}}]
scenarios: [{file: games/reciprocity, name: dilemma, set: {environment.horizon: 6}}]
seeds: 3
resamples: 200
"""


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    path = tmp_path / "board.yaml"
    path.write_text(BENCH)
    return path


def test_a_bench_is_played_shown_and_continued(gamesim: Run, bench: Path, tmp_path: Path) -> None:
    first = gamesim("bench", "board.yaml")
    assert "tit_for_tat" in first.out
    lines = [line for line in first.out.splitlines() if line.endswith(".html")]
    page = Path(lines[0]) if Path(lines[0]).is_absolute() else tmp_path / lines[0]
    assert page.is_file()
    rows = list(csv.DictReader(page.with_suffix(".csv").read_text().splitlines()))
    assert {row["player"] for row in rows} == {"agent:defector", "agent:tit_for_tat", "twin"}
    assert json.loads(page.with_suffix(".json").read_text())["rows"][0]["player"] == rows[0]["player"]
    again = gamesim("bench", "board.yaml", "--json").json
    assert again["played"] == 0
    assert [row["player"] for row in again["board"]] == [row["player"] for row in rows]
    assert len(again["files"]) == 3


def test_one_more_model_by_one_flag(gamesim: Run, bench: Path) -> None:
    gamesim("bench", "board.yaml", "--quiet")
    told = gamesim("bench", "board.yaml", "--model", "rule:grim", "--json").json
    assert {row["player"] for row in told["board"]} == {"agent:defector", "agent:tit_for_tat", "twin", "rule:grim"}
    taken = gamesim("bench", "board.yaml", "--model", "twin", code=2)
    assert "is on the board already" in taken.err


def test_the_bill_sends_nothing_and_says_what_it_buys(gamesim: Run, bench: Path, tmp_path: Path) -> None:
    told = gamesim("bench", "board.yaml", "--estimate", "--seeds", "5", "--json").json
    assert told["calls"] == [60, 60, 60]
    assert told["detectable_difference"] > 0
    assert not (tmp_path / "runs").exists()
    text = gamesim("bench", "board.yaml", "--estimate").out
    assert "smallest difference of two scores that 3 seeds find with 80% power" in text


def test_mistakes_are_named(gamesim: Run, bench: Path, tiny: Path) -> None:
    assert "nobody plays" in gamesim("bench", "tiny.yaml", code=2).err
    bench.write_text(BENCH.replace("scenarios:", "scenaris:"))
    assert "Did you mean 'scenarios'?" in gamesim("bench", "board.yaml", code=2).err
