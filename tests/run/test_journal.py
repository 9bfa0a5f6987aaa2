"""Journals: canonical lines, commits, what a torn tail means and what damage means."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gamesim.core.canonical import canonical
from gamesim.core.errors import CorruptRecordError, RecordError, ReplayMismatchError, StoreFullError
from gamesim.run import seal
from gamesim.run.contracts import Unit, UnitResult
from gamesim.run.journal import Lines, event_line, parse_journal, read_journal
from gamesim.run.writer import Writer, journal_path

UNIT = Unit("ab" * 32, {"index": 0, "values": {}}, (4,), {}, "step")


@pytest.fixture
def directory(tmp_path):
    for folder in ("events", "steps.parquet", "tables"):
        (tmp_path / folder).mkdir()
    return tmp_path


def written(steps=3, sealed=True):
    """The bytes of a journal with a commit after every two lines."""
    lines = Lines()
    parts = []
    for step in range(steps):
        parts.append(lines.add("action", {"move": step / 3}, step=step, agent="a"))
        parts.append(lines.commit("commit", {"state": f"s{step}", "rng": f"r{step}"}))
    if sealed:
        parts.append(lines.commit("end", {"status": "complete"}))
    return b"".join(parts)


def test_lines_are_canonical_and_hold_no_nan():
    line = event_line(3, "norm", {"cap": np.float64(2.0), "b": np.nan, "a": [np.inf]}, step=1, phase="norm")
    assert line == b'{"d":{"a":["inf"],"b":null,"cap":2},"i":3,"phase":"norm","step":1,"t":"norm"}\n'
    assert canonical(json.loads(line)) + b"\n" == line


@pytest.mark.parametrize("kind, data, said", [
    ("Norm", {}, "not an event type"), ("a b", {}, "not an event type"), ("x", {"o": object()}, "cannot be written"),
    ("x", {"text": "y" * (1 << 20)}, "at most 1,048,576"),
])  # fmt: skip
def test_what_cannot_be_an_event_is_refused(kind, data, said):
    with pytest.raises(RecordError, match=said):
        event_line(0, kind, data)


def test_every_truncation_opens_at_a_commit(tmp_path):
    raw = written(steps=40)
    path = tmp_path / "j"
    ends = [offset + 1 for offset, byte in enumerate(raw) if byte == 10]
    commits = [0, *ends[1::2], len(raw)]
    for size in range(max(0, len(raw) - 4096), len(raw) + 1):
        contents = parse_journal(raw[:size], path)
        assert contents.size == max(end for end in commits if end <= size)
        assert contents.ignored == size - contents.size
        assert b"".join(contents.lines) == raw[: contents.size]
        assert contents.sealed == (size == len(raw))


def test_every_changed_bit_before_the_last_commit_is_corruption_with_its_line(tmp_path):
    raw = written(steps=6)
    path = tmp_path / "unit.jsonl"
    for bit in range(0, (len(raw) - 1) * 8, 5):  # the very last byte is the line feed: without it the tail is torn
        damaged = bytearray(raw)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CorruptRecordError) as caught:
            parse_journal(bytes(damaged), path)
        line = int(str(caught.value.where).rpartition(":")[2])
        assert line <= raw.count(b"\n")
        assert line >= raw[: bit // 8].count(b"\n") + 1  # found at its own line, or at the commit that covers it


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_give_contents_or_a_corruption(raw):
    try:
        contents = parse_journal(raw, journal_path_anywhere())
    except CorruptRecordError:
        return
    assert contents.size <= len(raw)


def journal_path_anywhere():
    from pathlib import Path

    return Path("x.jsonl")


def play(writer, steps, start=0.0):
    for step in range(steps):
        writer.event("action", step=step, phase="p", agent="a", move=step + start)
        writer.commit(state=f"state {step + start:g}", rng=f"rng {step}")


def test_steps_are_on_the_disk_when_committed_and_repeated_when_resumed(directory):
    first = Writer(UNIT, directory)
    play(first, 3)
    first.event("action", step=3, move=99)  # never committed
    first.close()
    path = journal_path(directory, UNIT.name)
    committed = path.read_bytes()
    path.write_bytes(committed + b'{"torn')
    second = Writer(UNIT, directory)
    assert [event["d"]["move"] for event in second.recorded()] == [0, 1, 2]
    assert path.read_bytes() == committed
    play(second, 5)
    second.seal(UnitResult(UNIT.key, "complete", ({"seed": 4, "height": 1.0},), {}))
    third = Writer(Unit(UNIT.key, UNIT.cell, UNIT.seeds, {}, "step"), directory_of(directory))
    play(third, 5)
    third.seal(UnitResult(UNIT.key, "complete", ({"seed": 4, "height": 1.0},), {}))
    assert path.read_bytes() == journal_path(directory_of(directory), UNIT.name).read_bytes()
    assert path.read_bytes().startswith(committed)
    assert read_journal(path).sealed


def directory_of(directory):
    other = directory / "other"
    for folder in ("events", "steps.parquet"):
        (other / folder).mkdir(parents=True, exist_ok=True)
    return other


def test_a_resumed_unit_that_says_something_else_is_named_by_step_and_digest(directory):
    first = Writer(UNIT, directory)
    play(first, 3)
    first.close()
    again = Writer(UNIT, directory)
    again.event("action", step=0, phase="p", agent="a", move=0)
    with pytest.raises(
        ReplayMismatchError, match=r"step 0: environment state differs \(recorded state 0, replayed other\)"
    ):
        again.commit(state="other", rng="rng 0")
    again = Writer(UNIT, directory)
    with pytest.raises(ReplayMismatchError, match="'move' of event 'action' differs"):
        play(again, 3, start=5.0)


def test_outcomes_are_written_once_whoever_writes_them(directory):
    outcome = {"seed": 4, "episode": 9, "height": float("nan")}
    unit = Unit("cd" * 32, {"index": 0, "values": {}}, (4,))
    writer = Writer(unit, directory)
    writer.event("outcome", **outcome)
    sealed = writer.seal(UnitResult(unit.key, "complete", (outcome,)))
    assert sealed.result["outcomes"] == [{"seed": 4, "episode": 9, "height": None}]
    assert [event.type for event in read_journal(journal_path(directory, unit.name)).events] == [
        "unit",
        "outcome",
        "end",
    ]
    other = Writer(Unit("ef" * 32, {"index": 0, "values": {}}, (4,)), directory)
    other.event("outcome", seed=4, height=1.0)
    with pytest.raises(RecordError, match="differ from the outcomes"):
        other.seal(UnitResult("ef" * 32, "complete", ({"seed": 4, "height": 2.0},)))


def test_the_runners_own_words_are_not_the_experiments(directory):
    writer = Writer(UNIT, directory)
    for kind in ("unit", "commit", "end"):
        with pytest.raises(RecordError, match="runner's own"):
            writer.event(kind)
    with pytest.raises(RecordError, match="runner's own"):
        writer.steps({"cell": np.zeros(2)})


@pytest.mark.parametrize("operation", ["write", "fsync"])
def test_a_failed_write_or_fsync_is_never_followed_by_an_acknowledgement(directory, monkeypatch, operation):
    writer = Writer(UNIT, directory)
    play(writer, 2)
    path = journal_path(directory, UNIT.name)
    before = path.read_bytes()

    def full(name, place):
        if name == operation:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(seal, "trouble", full)
    writer.event("action", step=2, phase="p", agent="a", move=2)
    with pytest.raises(StoreFullError):
        writer.commit(state="state 2", rng="rng 2")
    monkeypatch.setattr(seal, "trouble", None)
    assert path.read_bytes() == before
    with pytest.raises(RecordError, match="earlier write failed"):
        writer.commit(state="state 2", rng="rng 2")
    assert path.read_bytes() == before
    resumed = Writer(UNIT, directory)
    play(resumed, 4)
    assert path.read_bytes().startswith(before)


def test_rows_become_replicates(directory):
    unit = Unit("12" * 32, {"index": 3, "values": {}}, (10, 11))
    writer = Writer(unit, directory)
    writer.steps({"row": np.array([0, 1, 1]), "step": np.array([0, 0, 1])})
    sealed = writer.seal(UnitResult(unit.key, "complete"))
    from gamesim.run.parquet import read_parquet
    from gamesim.run.tables import Table

    rows = Table(read_parquet([directory / "steps.parquet" / f"part-{unit.name}.parquet"])).rows()
    assert rows[2] == {"unit": unit.name, "cell": 3, "seed": 11, "step": 1}
    assert sealed.rows == 3
