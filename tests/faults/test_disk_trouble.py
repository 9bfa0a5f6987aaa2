"""Disks that fill, fail and are cut: exit 6, nothing acknowledged that is not there, and the run goes on afterwards."""

import errno
import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from trial import REFERENCE, trial_scenario

from gamesim.core.errors import CorruptRecordError, RecordError, StoreFullError
from gamesim.run import limits, seal
from gamesim.run.manifest import read_manifest
from gamesim.run.record import Record
from gamesim.run.runner import resume, run
from gamesim.run.writer import journal_path

DRIVE = Path(__file__).parent / "drive.py"


def play(store, journal="unit", **more):
    return run(trial_scenario(journal, replicates=1, horizon=3), store=store, experiment=REFERENCE, **more)


@pytest.fixture
def failing(monkeypatch):
    """Make the n-th operation of a kind fail, or none; counts them."""

    class Failing:
        def __init__(self):
            self.at, self.kind, self.code, self.count = -1, None, errno.EIO, 0

        def __call__(self, name, path):
            if self.kind in (None, name):
                self.count += 1
                if self.count - 1 == self.at:
                    raise OSError(self.code, os.strerror(self.code))

    trouble = Failing()
    monkeypatch.setattr(seal, "trouble", trouble)
    return trouble


@pytest.mark.slow
@pytest.mark.parametrize("journal", ["unit", "step"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_trouble_at_each_operation_in_turn(tmp_path, failing, journal, code):
    whole = play(tmp_path / "whole", journal).digest()
    operations = failing.count
    assert operations > 40
    stride = 1 if code == errno.ENOSPC else 3
    for at in range(0, operations, stride):
        store = tmp_path / f"at-{at}"
        failing.at, failing.count, failing.code = at, 0, code
        with pytest.raises(RecordError) as caught:
            play(store, journal)
        assert caught.value.exit_code == 6
        assert isinstance(caught.value, StoreFullError) == (code != errno.EIO)
        failing.at = -1
        for directory in [path for path in store.glob("*") if not path.name.startswith(".")] if store.exists() else []:
            record = Record(directory)
            assert record.manifest.status in ("running", "stopped", "complete")
            for unit in record.units:
                if journal_path(directory, unit.name).exists():
                    record.journal(unit)  # opens at a commit
        record = play(store, journal)
        assert record.manifest.status == "complete"
        assert record.digest() == whole, (at, failing.count)


@pytest.mark.parametrize("workers, journal", [("1", "unit"), pytest.param("2", "step", marks=pytest.mark.slow)])
def test_a_real_limit_of_file_size(tmp_path, workers, journal):
    """RLIMIT_FSIZE makes the kernel refuse our writes and the database's alike, here and in workers."""

    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))

    command = [sys.executable, str(DRIVE), str(tmp_path / "runs"), journal, workers, "400"]
    driver = subprocess.run(command, capture_output=True, text=True, preexec_fn=limited)
    assert driver.returncode == 1
    assert "StoreFullError" in driver.stderr.splitlines()[-1]
    directory = next((tmp_path / "runs").iterdir())
    manifest = read_manifest(directory)
    assert (manifest.status, manifest.reason) == ("stopped", "storage")
    whole = run(trial_scenario(journal, horizon=400), store=tmp_path / "whole", experiment=REFERENCE)
    assert resume(directory).digest() == whole.digest()


def test_too_little_room_refuses_to_start(tmp_path, monkeypatch):
    monkeypatch.setattr(limits.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 5 << 20})())
    with pytest.raises(StoreFullError, match="5 of 200 MiB needed are free"):
        play(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_cannot_be_written_costs_nothing(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("x")
    with pytest.raises(RecordError) as caught:
        play(blocked / "runs")
    assert caught.value.exit_code == 6


def test_a_run_that_vanishes_is_noticed(tmp_path):
    def hear(event):
        if event["event"] == "unit_started":
            path = next(tmp_path.glob("trials*"))
            path.rename(path.with_name("elsewhere"))

    with pytest.raises(RecordError):
        play(tmp_path, on_event=hear)
    assert resume(tmp_path / "elsewhere").manifest.status == "complete"


def interrupted(tmp_path, journal):
    """A run with one unit sealed and one in the middle."""
    record = play(tmp_path, journal)
    manifest = read_manifest(record.path)
    return record, manifest


def test_a_cut_journal_of_a_stopped_run_goes_on_from_its_commit(tmp_path):
    whole = play(tmp_path / "whole", "step")
    raw = journal_path(whole.path, whole.units[0].name).read_bytes()
    rng = np.random.default_rng(0)
    for size in sorted(rng.choice(np.arange(max(0, len(raw) - 4096), len(raw)), 12, replace=False)):
        store = tmp_path / f"cut-{size}"
        with pytest.raises(StopIteration):
            play(store, "step", on_event=stop_at_wave)
        directory = next(store.iterdir())
        journal_path(directory, whole.units[0].name).write_bytes(raw[:size])
        record = resume(directory)
        assert record.digest() == whole.digest()


def stop_at_wave(event):
    if event["event"] == "unit_started":
        raise StopIteration


@pytest.mark.parametrize("journal", ["unit", "step"])
def test_changed_bits_are_corruption_naming_the_unit_and_nothing_is_rewritten(tmp_path, journal):
    record = play(tmp_path, journal)
    rng = np.random.default_rng(3)
    paths = [record.path / name for name in record.manifest.files]
    for number in range(200):
        path = paths[number % len(paths)]
        raw = path.read_bytes()
        damaged = bytearray(raw)
        bit = int(rng.integers(len(raw) * 8))
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        stamps = {p: p.stat().st_mtime_ns for p in record.path.rglob("*") if p.is_file() and p.name != "run.lock"}
        with pytest.raises(CorruptRecordError) as caught:
            Record(record.path)
        assert path.name.split(".")[0] in str(caught.value)
        with pytest.raises(CorruptRecordError):
            resume(record.path)
        assert stamps == {
            p: p.stat().st_mtime_ns
            for p in record.path.rglob("*")
            if p.is_file() and p.name not in ("run.lock", "log.jsonl")
        } | {p: s for p, s in stamps.items() if p.name == "log.jsonl"}
        path.write_bytes(raw)
    assert Record(record.path, verify="full").digest() == record.digest()


def test_a_missing_file_is_named(tmp_path):
    record = play(tmp_path)
    (record.path / "tables" / "outcomes.parquet").unlink()
    with pytest.raises(CorruptRecordError, match=r"outcomes\.parquet: is missing"):
        Record(record.path)


@pytest.mark.parametrize("damage, kind, said", [
    (lambda text: text.replace('"format": 1', '"format": 2'), RecordError, "written in record format 2; this gamesim reads up to 1"),
    (lambda text: text.replace('"seed": 5', '"seed": 6'), CorruptRecordError, "was changed after it was written"),
    (lambda text: text[: len(text) // 2], CorruptRecordError, "is not a manifest"),
    (lambda text: "", CorruptRecordError, "is not a manifest"),
    (lambda text: "[]", CorruptRecordError, "is not a manifest"),
    (lambda text: "[" * 100_000, CorruptRecordError, "is not a manifest"),
    (lambda text: '{"format": 1, "seal": "x"}', CorruptRecordError, "was changed"),
])  # fmt: skip
def test_manifests_that_are_newer_or_damaged(tmp_path, damage, kind, said):
    record = play(tmp_path)
    path = record.path / "manifest.json"
    path.write_text(damage(path.read_text()))
    for attempt in (Record, resume, lambda place: play(place.parent)):
        with pytest.raises(kind, match=said) as caught:
            attempt(record.path)
        assert caught.value.exit_code == 6
        assert "\n" not in str(caught.value)


def test_a_manifest_cannot_name_files_outside_its_run(tmp_path):
    from gamesim.run.manifest import FileEntry, write_manifest

    record = play(tmp_path)
    record.manifest.files["../../etc/passwd"] = FileEntry("0" * 64, 1)
    write_manifest(record.path, record.manifest)
    with pytest.raises(CorruptRecordError, match="names a file outside the run"):
        Record(record.path)


def test_nothing_is_written_through_links(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    with pytest.raises(StopIteration):
        play(tmp_path / "runs", on_event=stop_at_wave)
    directory = next((tmp_path / "runs").iterdir())
    (directory / "events").rmdir()
    (directory / "events").symlink_to(outside)
    with pytest.raises(RecordError, match="links are not followed"):
        resume(directory)
    assert list(outside.iterdir()) == []
