"""Whole runs of language players against the fault server: no file says the key, limits stop cleanly and resume."""

from __future__ import annotations

import base64
import socket
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest

from gamesim.cli.main import run as command
from gamesim.core.errors import GamesimError, LimitReached
from gamesim.core.model_errors import PreflightError
from gamesim.run.manifest import Manifest
from gamesim.run.model_use import ModelUse
from gamesim.run.models.calls import CallJournal
from gamesim.run.record import Record
from gamesim.run.runner import resume, run
from gamesim.scenario.resolve import load_scenario
from gamesim.scenario.scenario import Scenario
from gamesim.testing.fault_server import ServerProcess

KEY = "zq-sentinel/4711=abcdefXYZ"
FORMS = [KEY, KEY[:8], urllib.parse.quote(KEY, safe=""), base64.b64encode(KEY.encode()).decode(), KEY.encode().hex()]
QUICK = "{attempt: 2, deadline: 4, park_after: 1.5, backoff: 0.01, probe_every: 0.2, give_up_after: 1}"


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with ServerProcess() as running:
        yield running


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch, server: ServerProcess) -> None:
    monkeypatch.setenv("BIG_KEY", KEY)
    server.reset()


def society(url: str, limits: str = "{}") -> Scenario:
    return load_scenario(f"""
name: society
seed: 3
replicates: 2
environment: {{kind: commons, players: 4, horizon: 2}}
population: [{{agent: llm, model: big, count: 4}}]
limits: {limits}
language: {{on_invalid: repeat_last}}
models: {{big: {{backend: openai, id: m, base_url: "{url}", api_key_env: BIG_KEY, timeouts: {QUICK}}}}}
""")


@pytest.mark.parametrize("path", ["F00", "F07", "echo", "F09", "F03"])
def test_no_file_of_a_run_or_its_store_says_the_key(server: ServerProcess, tmp_path: Path, path: str) -> None:
    told: list[object] = []
    try:
        told.append(run(society(server.url(path)), store=tmp_path, on_event=told.append).manifest)
    except GamesimError as error:
        told.append(str(error))
    assert server.attempts(path) >= 1
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    began = {"manifest.json", "calls.sqlite"} if isinstance(told[-1], Manifest) else set()
    assert {"responses.sqlite", *began} <= {file.name for file in files}
    for form in FORMS:
        assert form not in repr(told)
        for file in files:
            assert form.encode() not in file.read_bytes(), (file, form)


@pytest.mark.parametrize("path", ["echo", "echo,form=base64", "content-markup"])
def test_no_report_table_or_line_of_the_command_says_the_key(
    server: ServerProcess, tmp_path: Path, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A server that answers with the key it was given: run, report, calls as shown, bench."""
    file = tmp_path / "society.yaml"
    model = f'{{backend: openai, id: m, base_url: "{server.url(path)}", api_key_env: BIG_KEY, timeouts: {QUICK}}}'
    file.write_text(
        "name: keys\nenvironment: {kind: commons, players: 3, horizon: 2}\npopulation: [{agent: llm, model: big, count: 3}]\n"
        f"language: {{on_invalid: abstain}}\nmodels: {{big: {model}}}\n"
    )
    bench = tmp_path / "bench.yaml"
    bench.write_text(
        f"kind: bench\nname: keys\nmodels: [{{big: {model}}}]\nseeds: 2\n"
        "scenarios: [{file: commons/govsim_fishery, cell: 0, name: f, set: {environment.horizon: 2}}]\n"
    )
    store = tmp_path / "runs"
    command(["run", str(file), "--store", str(store), "--no-preflight", "--verbose"])
    command(["bench", str(bench), "--store", str(store)])
    for directory in store.glob("keys-*"):
        command(["show", str(directory), "--calls"])
    told = "".join(capsys.readouterr())
    files = [place for place in tmp_path.rglob("*") if place.is_file()]
    assert {"report.html", "leaderboard.html", "calls.sqlite", "log.jsonl"} <= {place.name for place in files}
    for form in FORMS:
        assert form not in told
        for place in files:
            assert form.encode() not in place.read_bytes(), (place, form)


def test_a_full_disk_stops_the_run_with_a_sound_journal_and_room_finishes_it(
    server: ServerProcess, tmp_path: Path
) -> None:
    """19: files may not grow beyond a limit, as on a full disk; afterwards nothing committed is asked again."""
    import resource
    import sqlite3

    whole = run(society(server.url("F00")), store=tmp_path / "whole")
    server.reset()
    file = tmp_path / "society.yaml"
    file.write_text((Path(whole.path) / "scenario.yaml").read_text())
    cut = [
        sys.executable,
        "-m",
        "gamesim.cli.main",
        "run",
        str(file),
        "--store",
        str(tmp_path / "cut"),
        "--no-cache",
        "--quiet",
    ]
    limit = 300_000
    stopped = subprocess.run(
        cut, capture_output=True, text=True, check=False, timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )  # fmt: skip
    assert stopped.returncode == 6, stopped.stderr
    directory = next(path.parent for path in (tmp_path / "cut").rglob("calls.sqlite"))
    with sqlite3.connect(directory / "calls.sqlite") as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        committed = db.execute("SELECT count(*) FROM answer").fetchone()[0]
    db.close()
    before = server.attempts("F00")
    record = run(load_scenario(str(file)), store=tmp_path / "cut", models=ModelUse("off"))
    assert record.digest() == whole.digest()
    assert 0 < committed <= before
    assert (
        server.attempts("F00") - before
        == len(list(CallJournal(directory / "calls.sqlite", readonly=True).rows())) - committed
    )


def test_a_budget_stops_the_run_and_a_larger_one_finishes_it_without_asking_again(
    server: ServerProcess, tmp_path: Path
) -> None:
    whole = run(society(server.url("F00")), store=tmp_path / "whole")
    asked = server.attempts("F00")
    server.reset()
    with pytest.raises(LimitReached, match="resume") as caught:
        run(society(server.url("F00"), "{calls: 10}"), store=tmp_path / "cut")
    assert caught.value.exit_code == 5
    assert server.attempts("F00") == 10
    directory = next(path.parent for path in (tmp_path / "cut").rglob("manifest.json"))
    record = resume(directory, limits={"calls": 1000})
    assert record.manifest.status == "complete"
    assert server.attempts("F00") == asked
    assert max(server.said()["hits"]["F00"].values()) == 1
    assert record.digest() == Record(whole.path).digest()


def test_a_server_that_dies_parks_every_unit_and_its_return_completes_the_run(tmp_path: Path) -> None:
    with ServerProcess() as dying:
        scenario = society(dying.url("F18,after=6"))
        with pytest.raises(LimitReached, match="resume"):
            run(scenario, store=tmp_path)
        port = dying.root.rpartition(":")[2]
    directory = next(path.parent for path in tmp_path.rglob("manifest.json"))
    before = list(CallJournal(directory / "calls.sqlite", readonly=True).rows())
    assert before
    assert all(row["reply"] for row in before)  # no failure became an answer
    with ServerProcess("--port", port, "--mended") as server:
        assert resume(directory).manifest.status == "complete"
        hits = server.said()["hits"]["F18,after=6"]
    after = list(CallJournal(directory / "calls.sqlite", readonly=True).rows())
    assert max(hits.values()) == 1
    assert sum(hits.values()) == len(after) - len(before)  # nothing committed was asked again


def test_a_server_that_is_not_there_is_said_before_any_unit_and_may_be_there_later(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    scenario = society(f"http://127.0.0.1:{port}/F00/v1")
    with pytest.raises(PreflightError) as caught:
        run(scenario, store=tmp_path)
    assert caught.value.exit_code == 2
    assert not list(tmp_path.rglob("manifest.json"))  # and no run is left that never began
    with ServerProcess("--port", str(port)):
        assert run(scenario, store=tmp_path).manifest.status == "complete"
