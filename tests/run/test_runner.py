"""Running: what is played, what is not played again, and what becomes of units that fail."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from trial import REFERENCE, trial_scenario

from gamesim.core.errors import LimitReached, RecordError, ScenarioError, StoreBusyError
from gamesim.run.lock import RunLock
from gamesim.run.manifest import read_manifest, write_manifest
from gamesim.run.record import Record
from gamesim.run.runner import resume, run
from gamesim.scenario.resolve import load_scenario

FAULTS = Path(__file__).parent.parent / "faults"


def play(store, journal="unit", workers=1, **more):
    events = []
    scenario = more.pop("scenario", None) or trial_scenario(journal)
    record = run(scenario, store=store, workers=workers, experiment=REFERENCE, on_event=events.append, **more)
    return record, events


def count(events, name):
    return sum(event["event"] == name for event in events)


@pytest.mark.parametrize("journal", ["unit", "step"])
def test_a_run_is_the_same_inline_and_in_workers(tmp_path, journal):
    alone, events = play(tmp_path / "a", journal)
    together, _ = play(tmp_path / "b", journal, workers=2)
    assert count(events, "unit_done") == 7  # 2 cells x 3 replicates, then a second wave of one
    assert alone.manifest.status == together.manifest.status == "complete"
    assert alone.digest() == together.digest()
    assert [unit.wave for unit in alone.units] == [0] * 6 + [1]


def test_the_same_scenario_again_plays_nothing_and_new_plays_all(tmp_path):
    first, _ = play(tmp_path)
    again, events = play(tmp_path)
    assert again.path == first.path
    assert count(events, "unit_started") == 0
    assert events[-1]["played"] == 0
    fresh, events = play(tmp_path, new=True)
    assert fresh.path != first.path
    assert fresh.path.name == first.path.name + "-2"
    assert count(events, "unit_started") == 7
    assert fresh.digest() == first.digest()


def test_a_renamed_scenario_is_another_reading_of_the_same_run_only_if_it_plays_the_same(tmp_path):
    first, _ = play(tmp_path)
    other, _ = play(tmp_path, scenario=trial_scenario(horizon=9))
    assert other.path != first.path
    limited, events = play(tmp_path, scenario=trial_scenario(extra="limits: {wall: 10min}\ndescription: with words\n"))
    assert limited.path == first.path
    assert count(events, "unit_started") == 0


def test_units_keep_their_keys_in_another_sweep(tmp_path):
    first, _ = play(tmp_path)
    text = trial_scenario().source
    assert text is not None
    turned = load_scenario("# a comment\n" + text.replace("[0.0, 0.25]", "[0.25, 0.5, 0.0]"))
    second, _ = play(tmp_path, scenario=turned)

    def wave(record):
        first_units = [unit for unit in record.units if unit.wave == 0 and unit.seeds == [0]]
        return {unit.cell["values"]["environment.noise"]: unit.key for unit in first_units}

    assert wave(first)[0.0] == wave(second)[0.0]
    assert wave(first)[0.25] == wave(second)[0.25]
    assert len(set(wave(second).values())) == 3


@pytest.mark.parametrize("fault, kind", [("illegal", "IllegalActionError"), ("bug", "ZeroDivisionError")])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_unit_that_raises_fails_alone_and_is_not_tried_again(tmp_path, monkeypatch, fault, kind, workers):
    monkeypatch.setenv("TRIAL_FAULT", json.dumps({"1": fault}))
    monkeypatch.setenv("TRIAL_LOG", str(tmp_path / "log"))
    record, events = play(tmp_path / "runs", workers=workers)
    failed = [unit for unit in record.units if unit.status == "failed"]
    assert [unit.seeds for unit in failed] == [[1], [1]]
    assert {unit.error["type"] for unit in failed} == {kind}
    assert record.manifest.status == "invalid"  # 2 of 7 is more than 5 %
    assert record.manifest.exit_code == 4
    assert count(events, "unit_failed") == 2
    assert count(events, "unit_retried") == 0
    starts = [line.split()[1] for line in (tmp_path / "log").read_text().splitlines() if line.startswith("start")]
    assert len(starts) == len(set(starts))
    assert set(record.sql("select type from failures")["type"]) == {kind}
    # the failure stays: running again plays nothing, asking for it does, and then the run is what it would have been
    monkeypatch.delenv("TRIAL_FAULT")
    _, events = play(tmp_path / "runs")
    assert count(events, "unit_started") == 0
    healed = resume(record.path, retry_failed=True)
    assert healed.manifest.status == "complete"
    # its second wave was planned without the failures, so another one is added now
    assert len([unit for unit in healed.units if unit.wave == 0 and unit.sealed]) == 6


def test_failures_within_the_limit_are_partial_and_all_is_failed(tmp_path, monkeypatch):
    monkeypatch.setenv("TRIAL_FAULT", json.dumps({"1": "illegal"}))
    partial, _ = play(tmp_path, limits={"failures": 0.5})
    assert partial.manifest.status == "partial"
    assert partial.manifest.exit_code == 4
    monkeypatch.setenv("TRIAL_FAULT", json.dumps({"0": "bug", "1": "bug", "2": "bug"}))
    failed, _ = play(tmp_path, new=True)
    assert failed.manifest.status == "failed"
    assert len(failed.outcomes()) == 0


def test_a_worker_that_dies_once_costs_one_try(tmp_path, monkeypatch):
    whole, _ = play(tmp_path / "a")
    monkeypatch.setenv("TRIAL_FAULT", json.dumps({"1": f"die once {tmp_path / 'marker'}"}))
    record, events = play(tmp_path / "b", workers=2)
    assert count(events, "unit_retried") == 1
    assert record.manifest.status == "complete"
    assert record.digest() == whole.digest()


@pytest.mark.parametrize("fault, cause", [("die", "SIGKILL"), ("exit", "code 7")])
def test_a_unit_whose_worker_dies_three_times_fails_with_its_cause(tmp_path, monkeypatch, fault, cause):
    monkeypatch.setenv("TRIAL_FAULT", json.dumps({"2": fault}))
    record, events = play(tmp_path, workers=2)
    failed = [unit for unit in record.units if unit.status == "failed"]
    assert [unit.seeds for unit in failed] == [[2], [2]]
    assert {unit.tries for unit in failed} == {3}
    assert all(cause in unit.error["message"] for unit in failed)
    assert count(events, "unit_retried") == 4
    assert sum(unit.sealed for unit in record.units) == 5


def test_the_wall_limit_stops_and_the_run_goes_on(tmp_path, monkeypatch):
    monkeypatch.setenv("TRIAL_PAUSE", "0.05")
    began = time.monotonic()
    with pytest.raises(LimitReached, match="wall limit is reached") as caught:
        play(tmp_path, "step", limits={"wall": 0.6})
    assert time.monotonic() - began < 6
    assert caught.value.exit_code == 5
    directory = Path(caught.value.where)
    manifest = read_manifest(directory)
    assert (manifest.status, manifest.reason) == ("stopped", "wall")
    assert manifest.exit_code == 5
    monkeypatch.delenv("TRIAL_PAUSE")
    record = resume(directory)
    whole, _ = play(tmp_path / "whole", "step")
    assert record.digest() == whole.digest()
    assert record.manifest.resumed == 1


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_within_its_grace_and_a_second_at_once(tmp_path, workers, number, code):
    environment = {**os.environ, "TRIAL_PAUSE": "0.1"}
    driver = subprocess.Popen(
        [sys.executable, str(FAULTS / "drive.py"), str(tmp_path), "step", str(workers)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    wait_for(lambda: list(tmp_path.glob("*/events/*.jsonl")), 60)
    began = time.monotonic()
    driver.send_signal(number)
    _, errors = driver.communicate(timeout=20)
    assert time.monotonic() - began < 6
    assert driver.returncode == code, errors
    assert b"gamesim resume" in errors
    directory = next(tmp_path.iterdir())
    assert read_manifest(directory).reason == "interrupted"
    assert resume(directory).digest() == play(tmp_path / "whole", "step")[0].digest()


def test_a_second_signal_does_not_wait_for_a_unit_that_hangs(tmp_path):
    environment = {**os.environ, "TRIAL_FAULT": json.dumps({"0": "hang"})}
    driver = subprocess.Popen(
        [sys.executable, str(FAULTS / "drive.py"), str(tmp_path), "unit", "1"], env=environment, stderr=subprocess.PIPE
    )
    wait_for(lambda: list(tmp_path.glob("*/log.jsonl")), 60)
    time.sleep(0.5)
    driver.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert driver.poll() is None
    began = time.monotonic()
    driver.send_signal(signal.SIGINT)
    driver.communicate(timeout=20)
    assert time.monotonic() - began < 1.5
    assert driver.returncode == 130


def wait_for(condition, seconds):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_two_writers_one_gets_a_busy_error_and_the_dead_are_taken_over(tmp_path):
    environment = {**os.environ, "TRIAL_PAUSE": "0.2"}
    driver = subprocess.Popen(
        [sys.executable, str(FAULTS / "drive.py"), str(tmp_path), "step", "1"],
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: list(tmp_path.glob("*/events/*.jsonl")), 60)
        directory = next(tmp_path.iterdir())
        with pytest.raises(StoreBusyError, match=f"process {driver.pid} on host"):
            resume(directory)
        with pytest.raises(StoreBusyError):
            play(tmp_path, "step")
    finally:
        driver.kill()
        driver.wait()
    began = time.monotonic()
    events = []
    resume(directory, on_event=events.append)
    assert any(f"process {driver.pid}, which died" in str(event.get("text")) for event in events)
    assert time.monotonic() - began < 10


def test_a_run_is_locked_until_the_workers_of_the_dead_are_gone(tmp_path):
    environment = {**os.environ, "TRIAL_PAUSE": "0.2"}
    driver = subprocess.Popen(
        [sys.executable, str(FAULTS / "drive.py"), str(tmp_path), "step", "2"],
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: list(tmp_path.glob("*/events/*.jsonl")), 60)
        directory = next(tmp_path.iterdir())
        worker = int(subprocess.check_output(["pgrep", "-P", str(driver.pid)], text=True).split()[0])
        links = [os.readlink(f"/proc/{worker}/fd/{number}") for number in os.listdir(f"/proc/{worker}/fd")]
        assert str(directory / "run.lock") in links
    finally:
        driver.kill()
        driver.wait()
    record = resume(directory)  # no StoreBusyError: it waits for the orphans
    assert record.digest() == play(tmp_path / "whole", "step")[0].digest()
    with RunLock(directory):  # and nobody keeps the lock of a run that ended
        pass


def test_a_run_by_other_versions_is_not_continued(tmp_path, monkeypatch):
    monkeypatch.setenv("TRIAL_PAUSE", "0.05")
    with pytest.raises(LimitReached):
        play(tmp_path, "step", limits={"wall": 0.3})
    directory = next(tmp_path.iterdir())
    manifest = read_manifest(directory)
    manifest.kinds["environment"]["matrix"] = 99
    write_manifest(directory, manifest)
    with pytest.raises(RecordError, match="environment 'matrix' version 99; installed is"):
        resume(directory)


def test_words_for_what_is_not_possible(tmp_path):
    with pytest.raises(RecordError, match="no run here"):
        resume(tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ScenarioError, match="0 workers"):
        play(tmp_path, workers=0)
    with pytest.raises(ScenarioError, match="no limit is called 'wal'"):
        play(tmp_path, limits={"wal": 3})


def test_the_run_directory_is_private_and_says_what_it_is(tmp_path):
    record, _ = play(tmp_path)
    modes = {oct(path.stat().st_mode & 0o777) for path in record.path.rglob("*") if path.is_file()}
    folders = {oct(path.stat().st_mode & 0o777) for path in [record.path, *record.path.rglob("*")] if path.is_dir()}
    assert (modes, folders) == ({"0o600"}, {"0o700"})
    assert (record.path / "scenario.yaml").read_text() == trial_scenario().source
    listed = set(record.manifest.files)
    there = {
        p.relative_to(record.path).as_posix()
        for f in ("events", "tables", "steps.parquet")
        for p in (record.path / f).iterdir()
    }
    assert listed == there
    assert record.path.name == f"trials-walk-{record.manifest.identity[:8]}"


def test_outcomes_have_swept_values_returns_and_no_value_where_there_is_none(tmp_path):
    record, _ = play(tmp_path)
    table = record.outcomes()
    assert table.names[:5] == ["unit", "cell", "seed", "episode", "unit_status"]
    rows = table.rows()
    assert len(rows) == 7
    assert {row["environment.noise"] for row in rows} == {0.0, 0.25}
    assert all(row["height"] == pytest.approx(sum(row[f"return.{i}"] for i in range(3))) for row in rows)
    crossed = table["crossed"]
    assert np.isnan(crossed).any() or (crossed == 1).all()
    total = record.sql(
        "select cell, seed, sum(action) as total from steps where unit in (select unit from units where wave = 0) group by all"
    )
    by_key = {(row["cell"], row["seed"]): row["total"] for row in total.rows()}
    assert all(by_key[row["cell"], row["seed"]] == pytest.approx(row["height"]) for row in rows[:6])


def test_many_units_leave_few_files_with_the_same_rows(tmp_path):
    scenario = trial_scenario(replicates=150, horizon=2)
    record, _ = play(tmp_path / "a", scenario=scenario)
    files = record.step_files()
    assert len(files) <= 16
    assert len(list((record.path / "steps.parquet").iterdir())) == len(files)
    assert len(record.steps()) == 301 * 2 * 3
    order = record.sql("select distinct on (unit) unit, row_number() over () as n from steps order by n")[
        "unit"
    ].tolist()
    assert order == [unit.name for unit in record.units]
    assert Record(record.path, verify="full").digest() == record.digest()


def test_what_a_death_after_the_last_seal_leaves_is_no_part_of_the_record(tmp_path):
    record, _ = play(tmp_path)
    part = record.step_files()[0]
    strays = [part.with_name(".tmp-1-part.parquet"), part.with_name("part-of-a-merged-run.parquet")]
    for stray in strays:
        stray.write_bytes(part.read_bytes())
    assert Record(record.path, verify="full").digest() == record.digest()
    assert len(Record(record.path).steps()) == len(record.steps())
    play(tmp_path)
    assert not any(stray.exists() for stray in strays)


def test_locks_need_no_lock_after_release(tmp_path):
    with RunLock(tmp_path), pytest.raises(StoreBusyError):
        RunLock(tmp_path)
    with RunLock(tmp_path) as lock:
        assert lock.taken_over is None
