"""``gamesim bench`` as a user runs it."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

from gamesim.cli import bench_suite
from gamesim.cli.main import run as run_command
from gamesim.cli.shapes import output_schema
from tests.cli.conftest import Run

SCRIPTS = Path(__file__).parents[2] / "benchmarks"

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


def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **scripts: str) -> None:
    """Put scripts of a few lines in the place of those that measure for minutes."""
    shutil.copy(SCRIPTS / "_timing.py", tmp_path / "_timing.py")
    for name, body in scripts.items():
        (tmp_path / f"{name}.py").write_text(f"from _timing import end, figure, floor, open_spiel, peer\n{body}\n")
    monkeypatch.setattr(bench_suite, "_scripts", lambda _: [tmp_path / f"{name}.py" for name in scripts])


def test_a_suite_prints_a_line_a_figure_and_goes_on_after_a_miss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    suite(
        tmp_path, monkeypatch,
        one="p = peer('json', install='-')\nend(figure('P1', 'a sum', 2.0, 'CPU-ms', peer=p, theirs=4.0, floor=3), figure('P2', 'b', 9.0, 'runs/s', peer=p, theirs=3.0, floor=2))",
        two="p = peer('nowhere_at_all', install='pip install nowhere')\nend(figure('P9', 'c', 1.0, 'CPU-s', peer=p, floor=5), figure('P8', 'd', 1.0, 'CPU-s', ceiling=2))",
        three="raise SystemExit('answers differ; no ratio')",
    )  # fmt: skip
    assert run_command(["bench", "risk"]) == 1
    out, err = capfd.readouterr()
    assert "P1 | a sum | ours 2 CPU-ms | json 4 CPU-ms | 2x | floor 3x | MISSED" in out
    assert "P2 | b | ours 9 runs/s | json 3 runs/s | 3x | floor 2x | met" in out
    assert (
        "P9 | c | ours 1 CPU-s | nowhere_at_all peer not installed: pip install nowhere | - | floor 5x | not compared"
        in out
    )
    assert "P8 | d | ours 1 CPU-s | no peer | - | ceiling 2 CPU-s | met" in out
    assert out.endswith("  ended with an error: three.py\n")
    assert "answers differ" in err
    assert run_command(["bench", "risk", "--json"]) == 1
    told = json.loads(capfd.readouterr().out)
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.validate(told, output_schema("bench"))
    assert told["missed"] == ["one.py: P1"]
    assert told["broken"] == ["three.py"]
    assert [figure["status"] for figure in told["figures"]] == ["MISSED", "met", "not compared", "met"]


def test_a_figure_without_its_peer_misses_no_floor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    suite(tmp_path, monkeypatch, one="end(figure('P1', 'a', 1.0, 'CPU-s', peer=open_spiel('json'), floor=5))")
    monkeypatch.setitem(bench_suite.PEERS, "highway", ("json", "driving"))
    assert run_command(["bench", "risk", "--peer", "highway"]) == 0
    assert "OpenSpiel not asked for | - | floor 5x | not compared" in capfd.readouterr().out


def test_suites_name_what_is_theirs(gamesim: Run) -> None:
    assert "Did you mean 'open_spiel'?" in gamesim("bench", "risk", "--peer", "openspiel", code=2).err
    assert "takes --peer alone" in gamesim("bench", "risk", "--model", "local", code=2).err
    assert "belongs to a suite" in gamesim("bench", "bench/societies", "--peer", "highway", code=2).err


def test_every_script_of_the_suites_is_there() -> None:
    for name in bench_suite.SUITES:
        found = bench_suite._scripts(name)
        assert found
        assert all(path.is_file() for path in found)
