"""The other commands, each on a real run: lists, sheets, tables in and out, packages, packing, playing back."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from gamesim.cli.shapes import output_schema

Run = Callable[..., Any]


def valid(name: str, data: dict[str, Any]) -> dict[str, Any]:
    errors = list(Draft202012Validator(output_schema(name)).iter_errors(data))
    assert not errors, errors
    return data


@pytest.fixture
def run(played: Path, tmp_path: Path) -> Path:
    """A run of our own to change."""
    target = tmp_path / "runs" / played.name
    shutil.copytree(played, target)
    return target


def test_list(gamesim: Run) -> None:
    items = valid("list", gamesim("list", "--json").json)["items"]
    assert {"kind": "environments", "name": "commons", "package": "gamesim"} in items
    assert {"kind": "scenarios", "name": "commons/demo", "package": "gamesim"} in items
    lines = gamesim("list", "environment").out.splitlines()
    assert len(lines) == 1 + sum(item["kind"] == "environments" for item in items)
    described = gamesim("list", "--verbose", "--json").json["items"]
    assert [item["name"] for item in described if not item.get("description")] == []
    assert "A language model as a player" in gamesim("list", "agents").out
    assert gamesim("list", "--installed-by", "nobody", "--json").json["items"] == []
    assert gamesim("list", "--broken").out == "nothing is broken.\n"


def test_show_a_kind_a_scenario_and_where_values_come_from(gamesim: Run, tiny: Path) -> None:
    sheet = gamesim("show", "environments/commons").out
    assert "growth.rate" in sheet
    assert "number > 0" in sheet
    assert "tit_for_tat" in gamesim("show", "matrix.tit_for_tat").out
    data = valid("show", gamesim("show", "tiny.yaml", "--resolved", "--origins", "--set", "seed=5", "--json").json)
    assert data["scenario"]["environment"]["horizon"] == 8
    assert data["origins"]["seed"] == "--set seed=5"
    assert data["origins"]["environment.horizon"] == "tiny.yaml:2:38"
    assert data["origins"]["record.block"] == "default"
    from gamesim.scenario.resolve import load_scenario

    assert load_scenario(gamesim("show", "tiny.yaml", "--resolved").out) == load_scenario(tiny)
    lines = [line.split() for line in gamesim("show", "tiny.yaml", "--origins").out.splitlines()]
    assert ["environment.horizon", "8", "tiny.yaml:2:38"] in lines


def test_show_a_run_and_an_event(gamesim: Run, run: Path) -> None:
    data = valid("show", gamesim("show", run.name, "--json").json)
    assert data["status"] == "complete"
    assert data["tables"][0] == "steps"
    step = gamesim("show", run.name, "--unit", "0", "--step", "2", "--json").json
    assert {row["step"] for row in step["steps"]} == {2}
    assert len(step["steps"]) == 3 * 2
    assert "has no step 99. Its last is 7." in gamesim("show", run.name, "--step", "99", code=6).err


def test_schema_of_everything(gamesim: Run, tmp_path: Path) -> None:
    scenario = json.loads(gamesim("schema").out)
    assert scenario["$schema"].endswith("2020-12/schema")
    assert scenario["properties"]["seed"]["description"]
    assert json.loads(gamesim("schema", "environments/commons").out)["properties"]["players"]["default"] == 10
    written = valid("schema", gamesim("schema", "--out", "schemas", "--json").json)["files"]
    assert "schemas/schema.json" in written
    for path in written:
        Draft202012Validator.check_schema(json.loads((tmp_path / path).read_text()))


def test_replay_shows_and_proves(gamesim: Run, run: Path) -> None:
    shown = gamesim("replay", run.name, "--from", "1", "--to", "2").out.splitlines()
    assert len(shown) == 3 * 2 * 2 + 1
    assert shown[0].startswith("seed 0 step 1 ")
    proved = valid("replay", gamesim("replay", run.name, "--verify", "--json").json)
    assert proved["verified"] == proved["units"] == 1


def test_replay_films_an_episode(gamesim: Run, run: Path, tmp_path: Path) -> None:
    store, film = tmp_path / "store", tmp_path / "crash.svg"
    played = gamesim("run", "driving/drive", "--json", "--store", str(store)).json["run"]
    told = gamesim("replay", played, "--film", str(film), "--episode", "crash", "--json").json
    assert told["outcome"]["crash"] == 1
    assert "<animateTransform" in film.read_text()
    assert "filmed as .svg" in gamesim("replay", played, "--film", "x.gif", code=2).err
    assert "is .svg or .gif" in gamesim("replay", played, "--film", "x.mp4", code=2).err
    assert "goes with --film" in gamesim("replay", played, "--episode", "crash", code=2).err
    assert "has no picture" in gamesim("replay", str(run), "--film", str(film), code=2).err


def test_report_of_one_and_of_two(gamesim: Run, run: Path, tiny: Path, tmp_path: Path) -> None:
    first = (run / "report.html").read_bytes()
    data = valid("report", gamesim("report", run.name, "--json").json)
    assert Path(tmp_path / data["report"]).read_bytes() == first
    gamesim("run", "tiny.yaml", "--set", "environment.horizon=4")
    other = gamesim("list", "runs", "--json").json["items"]
    ids = [item["id"] for item in other]
    both = valid("report", gamesim("report", *ids, "--out", "both.html", "--json").json)
    assert len(both["runs"]) == 2
    assert (tmp_path / "both.html").stat().st_size > 1000
    assert "Did you mean 'summary'?" in gamesim("report", run.name, "--sections", "sumary", code=2).err


def test_compare_pairs_replicates(gamesim: Run, run: Path, tiny: Path) -> None:
    other = gamesim("run", "tiny.yaml", "--set", "environment.horizon=4", "--json").json["run"]
    data = valid("compare", gamesim("compare", run.name, other, "--json").json)
    (label,) = data["changes"]
    assert data["changes"][label]["environment.horizon"] == [8, 4]
    assert all(effect["n"] == 3 for effect in data["effects"])
    assert any(effect["difference"] for effect in data["effects"])
    text = gamesim("compare", run.name, other).out
    assert "environment.horizon: 8 -> 4" in text
    assert "paired by cell, seed; brackets: 95 %" in text


def test_export_and_read_again(gamesim: Run, run: Path, tmp_path: Path) -> None:
    data = valid("export", gamesim("export", run.name, "--table", "outcomes", "--format", "csv", "--json").json)
    with (tmp_path / data["file"]).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == data["rows"] == 3
    assert gamesim("export", run.name, "--out", "s.jsonl", "--json").json["rows"] == 3 * 8 * 2
    assert len((tmp_path / "s.jsonl").read_text().splitlines()) == 48
    assert "no format 'xls'." in gamesim("export", run.name, "--format", "xls", code=2).err
    assert "no table 'stps'." in gamesim("export", run.name, "--table", "stps", "--format", "csv", code=6).err


def test_pack_unpack_verify_prune(gamesim: Run, run: Path, tmp_path: Path) -> None:
    packed = valid("store", gamesim("store", "pack", run.name, "--out", "a.zip", "--json").json)["file"]
    gamesim("store", "pack", run.name, "--out", "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    unpacked = valid("store", gamesim("store", "unpack", packed, "--store", "other", "--json").json)["run"]
    assert gamesim("store", "verify", "--deep", "--store", "other", "--json").json["findings"][0]["status"] == "ok"
    assert gamesim("replay", unpacked, "--verify", "--json").json["verified"] == 1
    kept = valid("store", gamesim("store", "prune", "--older-than", "1s", "--dry-run", "--json").json)
    assert run.exists()
    gamesim("store", "prune", "--older-than", "30d")
    assert run.exists()
    if kept["removed"]:
        gamesim("store", "prune", "--older-than", "1s")
        assert not run.exists()
    assert "30 has no unit" in gamesim("store", "prune", "--older-than", "30", code=2).err


def test_new_writes_a_package_whose_files_are_named(gamesim: Run, tmp_path: Path) -> None:
    data = valid("new", gamesim("new", "environment", "my_pond", "--json").json)
    folder = tmp_path / data["folder"]
    assert (folder / "pyproject.toml").is_file()
    assert all((folder / name).is_file() for name in data["files"])
    assert "exists already" in gamesim("new", "environment", "my_pond", code=2).err


def test_check_runs_the_contracts_of_a_plugin(gamesim: Run) -> None:
    assert (
        "environments/matrix: keeps its contract to the episode's end"
        in gamesim("check", "--plugin", "environments/matrix").out
    )
    assert "Did you mean 'matrix'?" in gamesim("check", "--plugin", "environments/matrx", code=2).err


def test_doctor(gamesim: Run, tiny: Path) -> None:
    data = valid("doctor", gamesim("doctor", "--json").json)
    states = {check["name"]: check["state"] for check in data["checks"]}
    assert states["locks"] == states["core"] == states["plugins"] == "ok"
    assert data["faults"] == 0
    text = gamesim("doctor", "--endpoint", "http://127.0.0.1:9/v1", code=1).out
    assert "endpoint" in text
    assert "fault" in text


def test_calibrate_writes_table_and_map(gamesim: Run, tmp_path: Path) -> None:
    (tmp_path / "grid.yaml").write_text("alpha: [0.03, 0.05]\nc: [1]\nP0: [10]\n")
    arguments = ("calibrate", "commons", "--targets", "F3", "--grid", "grid.yaml", "--replicates", "4")
    data = valid("calibrate", gamesim(*arguments, "--json").json)
    assert len(data["cells"]) == 2
    assert (tmp_path / "calibration" / "calibration.parquet").is_file()
    text = gamesim(*arguments).out
    assert "fine rate" in text
    assert "censoring share" in text
    assert "F5" not in text
    assert "no calibration target 'F9'" in gamesim("calibrate", "commons", "--targets", "F9", code=2).err


def test_import_logs_of_govsim(gamesim: Run) -> None:
    logs = Path(__file__).parents[1] / "data" / "govsim"
    good = [str(logs / name) for name in ("fishery_doubles", "collapsed_two", "silent_twelve")]
    data = valid("import", gamesim("import", "govsim", *good, "--json").json)
    assert len(data["scores"]) == 3
    shown = gamesim("show", data["run"], "--json").json
    assert shown["provenance"]["source"] == "govsim"
    assert gamesim("import", "govsim", *good).out.splitlines()[-1] == f"run     {data['run']}"
    assert "nothing to resume" in gamesim("resume", data["run"], code=6).err
    assert "cannot be played again" in gamesim("replay", data["run"], "--verify", code=6).err
    assert gamesim("import", "govsim", str(logs / "unbalanced"), code=6).err.startswith("RecordError")


def test_the_module_runs_too() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gamesim.cli.main", "--version"], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.startswith("gamesim ")
