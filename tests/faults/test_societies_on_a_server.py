"""The command line on a real server that misbehaves: budgets, dead servers, changed templates, replay, locks, interruptions."""

from __future__ import annotations

import json
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gamesim.cli.main import run as command
from gamesim.core.errors import LimitReached, ReplayMismatchError, StoreBusyError
from gamesim.run.lock import RunLock
from gamesim.run.model_use import ModelUse
from gamesim.run.models.calls import CallJournal
from gamesim.run.replay import replay
from gamesim.run.runner import resume, run
from gamesim.scenario.resolve import load_scenario
from gamesim.scenario.scenario import Scenario
from gamesim.testing.fault_server import ServerProcess

OFF = ModelUse(cache="off")
PRICED = 'prices: {input: 0, output: 1000, checked: "2026-11-01"}'
QUICK = "timeouts: {attempt: 2, deadline: 4, park_after: 1.5, backoff: 0.01, probe_every: 0.2, give_up_after: 1}"


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with ServerProcess() as running:
        yield running


@pytest.fixture(autouse=True)
def counted(server: ServerProcess) -> None:
    server.reset()


def society(url: str, *, players: int = 4, horizon: int = 3, seeds: int = 2, more: str = "", big: str = "") -> Scenario:
    return load_scenario(f"""
name: society
seed: 3
replicates: {seeds}
environment: {{kind: commons, players: {players}, horizon: {horizon}, upkeep: {{initial_wealth: 1000}}}}
population: [{{agent: llm, model: big, count: {players}}}]
language: {{on_invalid: repeat_last, reason: null}}
models: {{big: {{backend: openai, id: m, base_url: "{url}", {QUICK}, {big}}}}}
{more}
""")


def directory_in(store: Path) -> Path:
    return next(store.glob("[!.]*/manifest.json")).parent


def rows(directory: Path) -> list[Any]:
    journal = CallJournal(directory / "calls.sqlite", readonly=True)
    try:
        return list(journal.rows())
    finally:
        journal.close()


def events(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (directory / "events").glob("*.jsonl")}


def requests(server: ServerProcess, path: str = "F00") -> int:
    return sum(server.said()["hits"].get(path, {}).values())


# ---- budgets (27) ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cap", [1, 7, 32])
def test_the_budget_is_spent_to_the_last_call_that_fits_at_any_concurrency(
    server: ServerProcess, tmp_path: Path, cap: int
) -> None:
    """One token out costs .001; an answer takes one, two are set aside: of .05, 49 calls and .049 are spent."""
    path = "F00,out=1"
    scenario = society(
        server.url(path), players=10, horizon=10, seeds=1, more="limits: {cost: 0.05 USD}",
        big=f"params: {{max_tokens: 2}}, concurrency: {{cap: {cap}}}, {PRICED}",
    )  # fmt: skip
    with pytest.raises(LimitReached, match=r"0\.049 of 0\.05 USD .* --budget \+") as caught:
        run(scenario, store=tmp_path, models=ModelUse("off", preflight=False))
    assert caught.value.exit_code == 5
    assert requests(server, path) == 49
    directory = directory_in(tmp_path)
    manifest = json.loads((directory / "manifest.json").read_text())
    assert (manifest["status"], manifest["reason"]) == ("stopped", "budget")
    assert sum(row["cost"]["money"] for row in rows(directory)) == 49_000_000
    with pytest.raises(LimitReached, match=r"of 0\.05 USD"):
        resume(directory, models=OFF)  # the budget outlives the stop
    assert requests(server, path) <= 50  # a preflight at most
    before = requests(server, path)
    assert command(["resume", str(directory), "--budget", "+0.05", "--no-cache", "--no-preflight", "--quiet"]) == 5
    assert requests(server, path) == before + 50 - (before - 49)


def test_the_bill_of_a_society_is_what_it_costs(server: ServerProcess, tmp_path: Path) -> None:
    """30: usage bytes / 4 in and a declared length out, nobody dies; one seed has taught how long answers are."""
    from gamesim.run.models.rehearsal import bill

    def village(seeds: int) -> Scenario:
        return society(
            server.url("F00,out=23"),
            players=5,
            horizon=6,
            seeds=seeds,
            big="prices: {input: 1, output: 10, checked: 2026-11-01}",
        )

    run(village(1), store=tmp_path)
    bill_ = bill(village(4), tmp_path)
    assert bill_.lines[0].cached == 5  # of the seed that was played, the questions that do not depend on answers
    (fresh := tmp_path / "fresh").mkdir()
    (fresh / "pilot").symlink_to(tmp_path / next(path.name for path in tmp_path.glob("society-*")))  # teaches lengths
    expected = bill(village(3), fresh).money()["USD"]
    record = run(village(3), store=tmp_path / "other", models=OFF)
    asked = [row for row in rows(record.path) if row["unit"] != "preflight"]
    assert len(asked) == 3 * 5 * 6 * 3
    spent = sum(row["cost"]["money"] for row in asked) / 1e9
    assert abs(expected.expected - spent) / spent <= 0.10
    assert expected.low <= spent <= expected.high


# ---- stopping and going on ---------------------------------------------------------------------------------------------


def test_interrupted_with_calls_in_flight_and_resumed_it_is_the_same_run(server: ServerProcess, tmp_path: Path) -> None:
    whole = run(society(server.url("F00")), store=tmp_path / "whole", models=OFF)
    total = len(rows(whole.path))
    slow = "F00,latency=0.15"
    file = tmp_path / "society.yaml"
    file.write_text(society_text(server.url(slow)))
    process = subprocess.Popen(
        [sys.executable, "-m", "gamesim.cli.main", "run", str(file), "--store", str(tmp_path / "cut"), "--no-cache"],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while requests(server, slow) < 12 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert "gamesim resume" in told
    directory = directory_in(tmp_path / "cut")
    kept = len(rows(directory))
    assert 0 < kept < total
    assert kept == requests(server, slow)  # what was in flight was waited for and kept
    record = resume(directory, models=OFF)
    assert requests(server, slow) == total
    assert record.digest() == whole.digest()
    assert events(record.path) == events(whole.path)


def society_text(url: str) -> str:
    import io

    from ruamel.yaml import YAML

    buffer = io.StringIO()
    scenario = dict(society(url).data)
    YAML(typ="safe").dump(json.loads(json.dumps({k: v for k, v in scenario.items() if v is not None})), buffer)
    return buffer.getvalue()


def test_a_dead_model_parks_its_units_and_the_others_finish(server: ServerProcess, tmp_path: Path) -> None:
    """25: two cells, each on a model of its own; one of the two servers is gone after a few answers."""
    with ServerProcess() as dying:
        scenario = two_models(server.url("F00"), dying.url("F18,after=6"))
        with pytest.raises(LimitReached) as caught:
            run(scenario, store=tmp_path, models=OFF)
        assert caught.value.exit_code == 5
        port = dying.root.rpartition(":")[2]
    directory = directory_in(tmp_path)
    units = json.loads((directory / "manifest.json").read_text())["units"]
    by_cell = {(unit["cell"]["index"], unit["status"]) for unit in units}
    assert by_cell == {(0, "complete"), (1, "pending")}
    healthy = requests(server)
    before = len(rows(directory))
    with ServerProcess("--port", port, "--mended") as revived:
        assert resume(directory, models=OFF).manifest.status == "complete"
        again = requests(revived, "F18,after=6")
    assert requests(server) == healthy  # the other model was not asked at all
    assert again == len(rows(directory)) - before  # and no committed answer a second time


def two_models(good: str, bad: str) -> Scenario:
    return load_scenario(f"""
name: two
seed: 3
replicates: 2
environment: {{kind: commons, players: 3, horizon: 3, upkeep: {{initial_wealth: 1000}}}}
population: [{{agent: llm, model: good, count: 3}}]
sweep: {{axes: {{population.0.model: [good, bad]}}}}
language: {{on_invalid: repeat_last, reason: null}}
models:
  good: {{backend: openai, id: m, base_url: "{good}", {QUICK}}}
  bad: {{backend: openai, id: m, base_url: "{bad}", {QUICK}}}
""")


def test_abort_run_fails_the_unit_and_says_who(server: ServerProcess, tmp_path: Path, capsys: Any) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(society_text(server.url("F12")))
    code = command(
        [
            "run",
            str(file),
            "--set",
            "language.on_invalid=abort_run",
            "--store",
            str(tmp_path / "runs"),
            "--no-preflight",
        ]
    )
    told = capsys.readouterr().err
    assert code == 4
    assert re.search(r"InvalidAnswerAbort: player_\d+ gave no valid action \(empty\)", told)


def test_a_model_that_says_nothing_is_invalid_and_not_cooperative(server: ServerProcess, tmp_path: Path) -> None:
    record = run(society(server.url("F12")), store=tmp_path, models=ModelUse("off", preflight=False))
    assert record.manifest.status == "invalid"
    assert {unit.status for unit in record.units} == {"invalid"}
    for outcome in record.table("outcomes").rows():
        assert outcome["invalid_rate"] == 1.0


def test_two_resumes_at_once_are_one(server: ServerProcess, tmp_path: Path) -> None:
    with pytest.raises(LimitReached):
        run(society(server.url("F00"), more="limits: {calls: 9}"), store=tmp_path, models=OFF)
    directory = directory_in(tmp_path)
    with RunLock(directory), pytest.raises(StoreBusyError):
        resume(directory, limits={"calls": 1000}, models=OFF)
    assert resume(directory, limits={"calls": 1000}, models=OFF).manifest.status == "complete"


# ---- the record (17, 18, 44, 49) ---------------------------------------------------------------------------------------


def test_a_replay_needs_no_server_and_an_edited_answer_is_found(tmp_path: Path) -> None:
    with ServerProcess() as gone:
        record = run(society(gone.url("F00")), store=tmp_path, models=OFF)
    assert command(["replay", str(record.path), "--verify", "--quiet"]) == 0
    before = (record.path / "calls.sqlite").read_bytes()
    assert replay(record.path, verify=True).verified == 2
    assert (record.path / "calls.sqlite").read_bytes() == before
    copy = tmp_path / "copy"
    shutil.copytree(record.path, copy)
    with sqlite3.connect(copy / "calls.sqlite") as db:
        reply, key = db.execute(
            "SELECT reply, key FROM answer WHERE step = 0 AND unit != 'preflight' LIMIT 1"
        ).fetchone()
        told = json.loads(reply)
        told["text"] = re.sub(r'"effort": ?[0-9.]+', '"effort": 0.123', told["text"])
        assert told["text"] != json.loads(reply)["text"]
        db.execute("UPDATE answer SET reply = ? WHERE key = ?", (json.dumps(told), key))
    db.close()
    with pytest.raises(ReplayMismatchError, match=r"step 0"):
        replay(copy, verify=True)
    assert command(["replay", str(copy), "--verify", "--quiet"]) == 1


def test_another_question_than_was_recorded_is_not_sent(
    server: ServerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gamesim_agents.llm.speech import Speech

    with pytest.raises(LimitReached):
        run(society(server.url("F00"), more="limits: {calls: 9}"), store=tmp_path, models=OFF)
    asked = requests(server)
    spoken = Speech.question

    def changed(*given: Any, **more: Any) -> Any:
        return [(role, text.replace("fish", "eel")) for role, text in spoken(*given, **more)]

    monkeypatch.setattr(Speech, "question", changed)
    with pytest.raises(ReplayMismatchError, match=r"another question.*(fish|eel)"):
        resume(directory_in(tmp_path), limits={"calls": 1000}, models=OFF)
    assert requests(server) == asked


def test_ten_agents_with_one_prompt_are_ten_draws_and_a_second_run_is_free(
    server: ServerProcess, tmp_path: Path
) -> None:
    """14: the same store, another run directory."""
    scenario = society(server.url("F00"), players=10, horizon=1, seeds=1)
    first = run(scenario, store=tmp_path)
    asked = requests(server)
    opening = [row for row in rows(first.path) if row["step"] == 0 and row["unit"] != "preflight"]
    assert len({row["key"] for row in opening}) == len(opening) == 10
    second = run(scenario, store=tmp_path, new=True)
    assert second.path != first.path
    assert requests(server) == asked
    assert events(second.path) == events(first.path)


def test_a_shock_leaves_the_rounds_before_it_to_the_cache(server: ServerProcess, tmp_path: Path) -> None:
    """15: punishment goes on, or ends after round 3 of 6; the same seed shares every answer before."""
    whole = society(server.url("F00"), players=3, horizon=6, seeds=1)
    run(whole, store=tmp_path)
    server.reset()
    shocked = load_scenario_with(whole, "environment", {"institutions": {"sanctions": {"disable_at": 3}}})
    record = run(shocked, store=tmp_path)
    per_round = 4 if any(row["phase"] == "vote" for row in rows(record.path)) else 3
    early = [row for row in rows(record.path) if row["unit"] != "preflight" and row["step"] < 2 * per_round]
    assert early
    assert {row["source"] for row in early} == {"cache"}
    assert requests(server) < len(rows(record.path))


def load_scenario_with(scenario: Scenario, key: str, more: dict[str, Any]) -> Scenario:
    from gamesim.scenario.resolve import resolve_data

    def merged(old: Any, new: Any) -> Any:
        return {**old, **{k: merged(old.get(k) or {}, v) for k, v in new.items()}} if isinstance(new, dict) else new

    return resolve_data({**scenario.data, key: merged(scenario.data[key], more)})


@pytest.mark.parametrize("calls, per_round", [("faithful", 4), ("bundled", 2)])
def test_calls_of_a_round(tmp_path: Path, calls: str, per_round: int) -> None:
    """44, through the estimate: 4 or 2 calls an agent and round, 2,000 or 1,000 of ten agents over 50 rounds."""
    from gamesim.run.models.rehearsal import bill

    scenario = society("http://127.0.0.1:9/v1", players=10, horizon=50, seeds=1)
    scenario = load_scenario_with(scenario, "language", {"calls": calls})
    scenario = load_scenario_with(
        scenario, "environment", {"institutions": {"voting": {"norms": "text", "rule": "plurality"}}}
    )
    assert bill(scenario, tmp_path).calls.high == per_round * 10 * 50
    assert not list(tmp_path.iterdir())


def test_nobody_is_asked_by_surprise(tmp_path: Path, capsys: Any) -> None:
    """More than 10,000 calls at the high end, and nobody there to say yes."""
    file = tmp_path / "s.yaml"
    file.write_text(society_text("http://127.0.0.1:9/v1"))
    arguments = ["run", str(file), "--store", str(tmp_path / "runs"), "--seeds", "500"]
    assert command(arguments) == 2
    assert "--yes" in capsys.readouterr().err
    assert not list((tmp_path / "runs").glob("*")) if (tmp_path / "runs").exists() else True


def test_show_calls_prints_what_was_sent_without_escapes(server: ServerProcess, tmp_path: Path, capsys: Any) -> None:
    record = run(
        society(server.url("content-markup"), horizon=1, seeds=1),
        store=tmp_path,
        models=ModelUse("off", preflight=False),
    )
    capsys.readouterr()
    assert command(["show", str(record.path), "--calls", "--agent", "player_1"]) == 0
    told = capsys.readouterr().out
    assert "villager" in told or "lake" in told
    assert "\x1b" not in told
    assert "player_2  action" not in told
    assert command(["show", str(record.path), "--calls", "--outcome", "ilegal"]) != 0
