"""Running, from the command line to the files; what is on which stream; and how each ending is told."""

from __future__ import annotations

import importlib.util
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from gamesim.cli import main as command_line
from gamesim.cli.shapes import SHAPES, output_schema

Run = Callable[..., Any]
COMMAND = [sys.executable, "-m", "gamesim.cli.main"]


def valid(name: str, data: dict[str, Any]) -> dict[str, Any]:
    errors = list(Draft202012Validator(output_schema(name)).iter_errors(data))
    assert not errors, errors
    return data


def test_a_run_prints_a_table_and_paths_and_the_same_again_plays_nothing(
    gamesim: Run, tiny: Path, tmp_path: Path
) -> None:
    first = gamesim("run", "tiny.yaml")
    assert "welfare" in first.out
    assert "n = 3 a row; brackets: 95 %" in first.out
    run, report = (line.split()[1] for line in first.out.splitlines()[-2:])
    assert (tmp_path / report).read_text().lstrip().startswith("<!")
    assert "3 episodes (1 cell x 3 seeds)   no model calls   store runs" in first.err
    assert "\x1b" not in first.out + first.err
    second = gamesim("run", "tiny.yaml", "--json")
    data = valid("run", second.json)
    assert (data["played"], data["units"], data["status"], data["run"]) == (0, 1, "complete", run)
    assert data["summary"][0]["welfare_n"] == 3
    assert data["replicates"] == 3
    third = valid("run", gamesim("run", "tiny.yaml", "--new", "--json").json)
    assert third["played"] == 1
    assert third["run"] != run
    assert third["digest"] == data["digest"]
    listed = gamesim("list", "runs", "--json").json
    assert [item["status"] for item in valid("list", listed)["items"]] == ["complete", "complete"]


@pytest.mark.slow
def test_overrides_seeds_and_axes(gamesim: Run, tiny: Path) -> None:
    data = gamesim(
        "run", "tiny.yaml", "--set", "environment.horizon=5", "--seed", "3", "--seeds", "2", "--json", "-q"
    ).json
    assert data["replicates"] == 2
    shown = gamesim("show", data["run"], "--json").json
    assert shown["seed"] == 3
    swept = valid(
        "sweep",
        gamesim("sweep", "tiny.yaml", "--axis", "environment.horizon=4,6,8", "--axis", "seed=1,2", "--json").json,
    )
    assert swept["cells"] == 6
    assert [row["environment.horizon"] for row in swept["summary"]] == [4, 4, 6, 6, 8, 8]
    zipped = gamesim(
        "sweep", "tiny.yaml", "--axis", "environment.horizon=4,6", "--axis", "seed=1,2", "--zip", "--dry-run", "--json"
    ).json
    assert valid("sweep", zipped)["cells"] == 2
    assert zipped["played"] == 0


def test_dry_run_and_estimate_write_nothing(gamesim: Run, tiny: Path, tmp_path: Path) -> None:
    assert "episodes    3" in gamesim("run", "tiny.yaml", "--dry-run").out
    told = valid("run", gamesim("run", "tiny.yaml", "--estimate", "--json").json)
    assert told["model_calls"] == 0
    assert 0 <= told["cpu_seconds"][0] < told["cpu_seconds"][1]
    checked = valid("check", gamesim("check", "tiny.yaml", "commons/demo", "--estimate", "--json").json)
    assert [one["ok"] for one in checked["files"]] == [True, True]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tiny.yaml"]


def test_the_scenario_s_measures_and_sections(gamesim: Run, tiny: Path) -> None:
    data = gamesim("run", "tiny.yaml", "--json").json
    assert {key for key in data["summary"][0] if key.endswith("_n")} == {"welfare_n", "gini_n"}
    tiny.write_text(tiny.read_text().replace("[welfare]", "[govsim]"))
    told = valid("run", gamesim("run", "tiny.yaml", "--json", code=4).json)
    assert told["error"]["type"] == "MetricError"
    tiny.write_text(tiny.read_text().replace("[summary]", "[sumary]"))
    assert "no report section 'sumary'. Did you mean 'summary'?" in gamesim("check", "tiny.yaml", code=2).err


def test_errors_are_one_object_with_json_and_lines_without(gamesim: Run, tiny: Path) -> None:
    tiny.write_text(tiny.read_text().replace("horizon", "horzon").replace("replicates: 3", "replicates: 0"))
    data = valid("run", gamesim("run", "tiny.yaml", "--json", code=2).json)
    assert data["error"] == {
        "type": "ScenarioError", "file": "tiny.yaml", "line": 2, "column": 29, "path": "environment.horzon", "message": "unknown key.",
        "hint": "Did you mean 'horizon'?", "exit": 2,
    }  # fmt: skip
    assert [one["path"] for one in data["errors"]] == ["environment.horzon", "replicates"]
    lines = gamesim("run", "tiny.yaml", code=2).err.splitlines()
    assert lines == [
        "ScenarioError: tiny.yaml:2:29: environment.horzon: unknown key. Did you mean 'horizon'?",
        "ScenarioError: tiny.yaml:6:13: replicates: expected a whole number >= 1, got 0.",
    ]
    checked = valid("check", gamesim("check", "tiny.yaml", "commons/demo", "--json", code=2).json)
    assert [one["ok"] for one in checked["files"]] == [False, True]
    assert valid("run", gamesim("run", "x.yaml", "--json", code=2).json)["error"]["file"] == "x.yaml"
    assert gamesim("run", "--json", code=2).json["error"]["type"] == "UsageError"
    assert gamesim("rnu", "--json", code=2).json["error"]["message"] == "no command 'rnu'."


# --- the terminal --------------------------------------------------------------------------------------------------------------


def on_terminal(arguments: list[str], cwd: Path, **env: str) -> tuple[int, str]:
    """Run with a pseudo-terminal on all three streams."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        os.environ.pop("NO_COLOR", None)
        os.environ.update({"TERM": "xterm", "COLUMNS": "120", **env})
        os.execv(COMMAND[0], [*COMMAND, *arguments])
    seen = b""
    while True:
        ready, _, _ = select.select([terminal], [], [], 120)
        assert ready, seen
        try:
            chunk = os.read(terminal, 65536)
        except OSError:
            break
        if not chunk:
            break
        seen += chunk
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), seen.decode()


def test_on_a_terminal_errors_show_the_line_and_a_caret(tiny: Path, tmp_path: Path) -> None:
    tiny.write_text(tiny.read_text().replace("horizon", "horzon"))
    code, text = on_terminal(["run", "tiny.yaml"], tmp_path)
    assert code == 2
    lines = text.replace("\r", "").splitlines()
    assert (
        lines[0]
        == "\x1b[1;31mScenarioError\x1b[0m: tiny.yaml:2:29: environment.horzon: unknown key. Did you mean 'horizon'?"
    )
    assert lines[1] == "  environment: {kind: matrix, horzon: 8}"
    assert lines[2] == " " * (2 + 28) + "^"
    code, text = on_terminal(["run", "tiny.yaml"], tmp_path, NO_COLOR="1")
    assert code == 2
    assert "\x1b" not in text


def test_on_a_terminal_there_is_a_bar_and_no_color_is_obeyed(tiny: Path, tmp_path: Path) -> None:
    code, text = on_terminal(["run", "tiny.yaml"], tmp_path)
    assert code == 0
    assert "1/1" in text
    assert "\x1b[1mfigure" in text
    code, text = on_terminal(["run", "tiny.yaml", "--new"], tmp_path, NO_COLOR="1")
    assert code == 0
    assert "\x1b[1m" not in text
    assert "\x1b[3" not in text
    code, text = on_terminal(["list", "runs", "--no-color"], tmp_path)
    assert "\x1b" not in text


def test_hostile_text_reaches_no_terminal(gamesim: Run, tiny: Path, tmp_path: Path) -> None:
    hostile = tmp_path / "a\x1b[31m\u202e.yaml"
    hostile.write_text("name: x\nevil\u0007: 1\n")
    ended = gamesim("check", hostile.name, code=2)
    assert not set(ended.err) & {"\x1b", "\u202e", "\u0007"}


def test_head_ends_quietly(tmp_path: Path) -> None:
    done = subprocess.run(
        f"set -o pipefail; {' '.join(COMMAND)} list --json --verbose | head -c 10; echo ${{PIPESTATUS[0]}}",
        shell=True, executable="/bin/bash", cwd=tmp_path, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1].endswith("0")
    done = subprocess.run(
        f"{' '.join(COMMAND)} list | head -1", shell=True, cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.stderr == ""
    assert done.stdout.split() == ["kind", "name", "package"]


def test_progress_as_json_lines_and_quiet(gamesim: Run, tiny: Path) -> None:
    told = gamesim("run", "tiny.yaml", "--progress", "json", "-q").err
    events = [json.loads(line)["event"] for line in told.splitlines()]
    assert events[0] == "run_started"
    assert "unit_done" in events
    assert events[-1] == "run_done"
    assert gamesim("run", "tiny.yaml", "--new", "--quiet").err == ""


# --- endings -------------------------------------------------------------------------------------------------------------------


def test_one_a_careful_author_gets_with_strict(gamesim: Run) -> None:
    ended = gamesim("check", "commons/demo", "--strict", "--json", code=1)
    assert valid("check", ended.json)["files"][0]["warnings"]
    assert "warning:" in ended.err


def test_three_what_is_not_installed(gamesim: Run, played: Path) -> None:
    if importlib.util.find_spec("pyarrow") is not None:
        pytest.skip("everything that could be missing is installed here")
    ended = gamesim("export", str(played), "--format", "arrow", code=3)
    assert ended.err.splitlines()[-1] == "MissingExtraError: Arrow tables need pyarrow: pip install 'gamesim[frames]'."


def test_six_trouble_with_the_store(gamesim: Run, tiny: Path, played: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert (
        gamesim("run", "tiny.yaml", "--store", "file", code=6)
        .err.splitlines()[-1]
        .startswith(("RecordError", "StoreFullError"))
    )
    assert "RecordError" in gamesim("resume", "nowhere", code=6).err
    import shutil

    broken = tmp_path / "runs" / played.name
    shutil.copytree(played, broken)
    journal = next((broken / "events").glob("*.jsonl"))
    journal.write_bytes(journal.read_bytes().replace(b'"seed":1', b'"seed":9', 1))
    ended = gamesim("report", played.name, code=6)
    assert ended.err.startswith("CorruptRecordError: ")
    found = valid("store", gamesim("store", "verify", "--json", code=6).json)
    assert found["findings"][0]["status"] == "damaged"
    assert valid("doctor", gamesim("doctor", "--json", code=1).json)["faults"] >= 1


@pytest.fixture
def long(tmp_path: Path) -> Path:
    from textwrap import dedent

    path = tmp_path / "long.yaml"
    path.write_text(
        dedent("""\
            name: long
            environment: {kind: commons, players: 10, horizon: 400, upkeep: {starvation: none}, collapse: stock, growth: {minimum: 0}}
            population: [{agent: commons.paper_abm, count: 10}]
            replicates: 120
            record: {block: 8, steps: outcomes}
            metrics: [welfare]
            report: {sections: [summary]}
            """)
    )
    return path


@pytest.mark.slow
def test_five_the_wall_limit_stops_and_resume_goes_on(gamesim: Run, long: Path) -> None:
    ended = gamesim("run", "long.yaml", "--limit-wall", "2s", "--json", code=5)
    data = valid("run", ended.json)
    assert data["error"]["type"] == "LimitReached"
    assert "Go on with: gamesim resume" in data["error"]["hint"]
    run = data["error"]["hint"].split()[-1]
    done = valid("resume", gamesim("resume", run, "-j", "2", "--json").json)
    assert done["status"] == "complete"
    assert done["resumed"] == 1
    assert 0 < done["played"] <= done["units"] == 15


@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_commits_tells_how_to_go_on_and_ends_in_six_seconds(
    gamesim: Run, long: Path, tmp_path: Path, workers: str
) -> None:
    process = subprocess.Popen(
        [*COMMAND, "run", "long.yaml", "-j", workers, "--progress", "json"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if '"unit_done"' in line:
            break
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    _, err = process.communicate(timeout=30)
    assert time.monotonic() - began <= 6
    assert process.returncode == 130
    assert "Traceback" not in err
    last = err.strip().splitlines()[-1]
    assert "interrupted" in last
    run = last.split("gamesim resume ")[1]
    shown = gamesim("show", run, "--json").json
    assert shown["status"] == "stopped"
    assert shown["sealed"] >= 1
    done = gamesim("resume", run, "-j", "2", "--json").json
    assert done["status"] == "complete"


def test_a_second_ctrl_c_stops_at_once(long: Path, tmp_path: Path) -> None:
    long.write_text(long.read_text().replace("horizon: 400", "horizon: 100000"))
    process = subprocess.Popen(
        [*COMMAND, "run", "long.yaml", "--progress", "json"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if '"unit_started"' in line:
            break
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    _, err = process.communicate(timeout=30)
    assert time.monotonic() - began <= 1.5
    assert process.returncode == 130
    assert "Traceback" not in err


def test_terminated_ends_with_143(long: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "run", "long.yaml", "--progress", "json"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if '"unit_done"' in line:
            break
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == 143


def test_seventy_a_bug_of_ours_writes_a_file_without_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from gamesim.cli import doctor

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-sentinel-0123456789")

    def broken() -> None:
        raise ZeroDivisionError("sk-sentinel-0123456789 and more")

    monkeypatch.setattr(doctor, "_python", broken)
    assert command_line.run(["doctor"]) == 70
    told = capsys.readouterr()
    assert told.err.startswith("InternalError: a bug of gamesim: ZeroDivisionError.")
    (crash,) = tmp_path.glob("crash-*.txt")
    text = crash.read_text()
    assert "ZeroDivisionError" in text
    assert "_python" in text or "broken" in text
    assert "sk-sentinel" not in text + told.err + told.out
    assert crash.stat().st_mode & 0o077 == 0
    assert command_line.run(["doctor", "--json"]) == 70
    assert valid("doctor", json.loads(capsys.readouterr().out))["error"]["exit"] == 70


def test_every_command_publishes_the_shape_of_its_json() -> None:
    assert set(SHAPES) == set(command_line.COMMANDS)
    for name in SHAPES:
        Draft202012Validator.check_schema(output_schema(name))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[" * 60_000, "x.yaml:1:33: nested deeper than 32 levels."),
        (b"[" * 200_000, "x.yaml: larger than 128 KiB."),
        ("name: x".encode("utf-16"), "x.yaml:1:1: the file is UTF-16."),
        (
            b"a: !!python/object/apply:os.system [touch pwned]",
            "x.yaml:1:4: tag '!!python/object/apply:os.system' is not read.",
        ),
        (
            b"environment: {kind: gamesim.cli.main}\nname: x\npopulation: []\n",
            "no environment kind 'gamesim.cli.main'.",
        ),
        (b"name: ../../x\n", "'../../x' is no name"),
        (b"", "x.yaml:1:1: the file is empty."),
    ],
    ids=["brackets", "size", "utf16", "tag", "class path", "name", "empty"],
)
def test_hostile_files_end_with_two_quickly_and_write_nothing(tmp_path: Path, content: bytes, message: str) -> None:
    import resource

    (tmp_path / "x.yaml").write_bytes(content)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([*COMMAND, "run", "x.yaml"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stdout == ""
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime <= 2.5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.yaml"]


def test_what_an_analysis_asks_wrongly_is_told_before_anything_is_played(gamesim: Run) -> None:
    asked = ["--set", "analysis=[{regret: {kinds: [swp]}}]", "--set", "environment.horizon=5", "--seeds", "2"]
    ended = gamesim("run", "games/learners_zero_sum", *asked, code=2)
    assert "'swp' is not possible. Did you mean 'swap'?" in ended.err
    assert "run " not in ended.out
