"""``calls.sqlite`` and ``responses.sqlite`` when the disk is full, the file torn, or somebody edited it."""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path

import pytest
from asking import Slow, at, broker_in, played, question, slow_desk
from gamesim_agents.llm.backends.scripted import ScriptedModel

import gamesim.run.models.broker as broker_module
from gamesim.core.errors import CorruptRecordError, RecordError, StoreFullError
from gamesim.core.model import ModelReply, Usage
from gamesim.core.model_config import Clocks
from gamesim.core.model_errors import ServerError
from gamesim.run.models.broker import Broker
from gamesim.run.models.cache import ResponseCache
from gamesim.run.models.calls import Answer, CallJournal, Cost, reply_from_json, reply_to_json
from gamesim.run.models.desk import Desk


def filled(path: Path, count: int = 200) -> CallJournal:
    journal = CallJournal(path)
    for n in range(count):
        asked = question("a/m", f"{n} " + "x" * 500)
        journal.answer(at(n), asked, Answer(asked.key, ModelReply(f'{{"n": {n}}}'), None, "network", Cost(1)))
    return journal


def sound(path: Path) -> bool:
    db = sqlite3.connect(path)
    try:
        return bool(db.execute("PRAGMA integrity_check").fetchone() == ("ok",))
    finally:
        db.close()


def test_a_reply_survives_its_json() -> None:
    reply = ModelReply("a\ud800", None, "stop", Usage(1, 2, 3, 4), "m", "fp", "id", {"state": [1, None]})
    assert reply_from_json(json.loads(json.dumps(reply_to_json(reply)))) == reply


def test_a_full_disk_gets_a_second_chance_and_leaves_a_sound_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker_module, "FULL_DISK_PAUSE", 0.01)
    broker = broker_in(tmp_path, slow_desk(Slow()))
    pages = broker.journal._db.execute("PRAGMA page_count").fetchone()[0]
    broker.journal._db.execute(f"PRAGMA max_page_count={pages + 6}")

    async def ask(b: Broker) -> int:
        for n in range(200):
            try:
                await b.ask(question("slow/m", f"{n} " + "x" * 500), at(n))
            except StoreFullError:
                b.journal._db.execute(f"PRAGMA max_page_count={pages + 5000}")  # somebody made room
                await b.ask(question("slow/m", f"{n} " + "x" * 500), at(n))
                return n
        raise AssertionError("never full")

    stopped = played(broker, ask)
    assert stopped > 3
    assert sound(tmp_path / "calls.sqlite")
    assert len(list(CallJournal(tmp_path / "calls.sqlite", readonly=True).rows())) == stopped + 1


@pytest.mark.parametrize("where", [0.0, 0.05, 0.3, 0.5, 0.77, 0.999])
def test_a_torn_journal_is_sound_or_said_to_be_torn(tmp_path: Path, where: float) -> None:
    path = tmp_path / "calls.sqlite"
    filled(path).close()
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * where)])
    said = ""
    try:
        journal = CallJournal(path)
        found = [journal.find(at(n), question("a/m", f"{n} " + "x" * 500)) for n in range(200)]
        journal.close()
    except RecordError as error:
        said, found = str(error), []
    assert "calls.sqlite" in said or sound(path)
    assert all(answer is None or answer.reply is not None for answer in found)


def test_what_is_no_journal_is_said(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    path.write_bytes(b"this is no database, " * 300)
    with pytest.raises(CorruptRecordError):
        CallJournal(path)
    with pytest.raises(RecordError):
        CallJournal(tmp_path / "absent.sqlite", readonly=True)


def test_a_link_in_place_of_the_journal_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "calls.sqlite").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RecordError):
        CallJournal(tmp_path / "calls.sqlite")
    assert not (tmp_path / "elsewhere").exists()


def test_answers_are_found_by_their_question_too(tmp_path: Path) -> None:
    journal = filled(tmp_path / "calls.sqlite", 3)
    found = journal.by_key(question("a/m", "1 " + "x" * 500).key)
    assert found is not None
    assert found.reply is not None
    assert found.reply.text == '{"n": 1}'
    assert journal.by_key("0" * 64) is None


def test_a_damaged_cache_is_set_aside_and_the_run_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "responses.sqlite"
    path.write_bytes(b"rubbish " * 1000)
    cache = ResponseCache(path)
    cache.put(question("a/m"), ModelReply("{}"))
    assert cache.get(question("a/m")) == ModelReply("{}")
    cache.close()
    assert (tmp_path / "responses.sqlite.corrupt-1").read_bytes().startswith(b"rubbish")
    assert "set aside" in caplog.text


def test_a_cache_that_cannot_be_opened_is_done_without(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "responses.sqlite").mkdir()
    cache = ResponseCache(tmp_path / "responses.sqlite")
    cache.put(question("a/m"), ModelReply("{}"))
    assert cache.get(question("a/m")) is None
    assert "cannot be used" in caplog.text


def test_modes_of_the_cache(tmp_path: Path) -> None:
    path = tmp_path / "responses.sqlite"
    ResponseCache(path).put(question("a/m", "one"), ModelReply("1"))
    reading = ResponseCache(path, "read")
    reading.put(question("a/m", "two"), ModelReply("2"))
    assert reading.get(question("a/m", "one")) == ModelReply("1")
    assert reading.get(question("a/m", "two")) is None
    assert ResponseCache(path, "off").get(question("a/m", "one")) is None


def test_refusals_are_kept_in_the_cache_and_failures_of_transport_are_not(tmp_path: Path) -> None:
    """Asking until it pleases would be hidden resampling; a 500 is no answer."""
    clocks = Clocks(backoff=0.001, backoff_cap=0.001, retries=2)
    for name, said, calls in (("refused", ModelReply(None, refusal="no"), 1), ("broken", ServerError("500"), 6)):
        model = ScriptedModel("slow/m", [said], cycle=True, free=False)
        for run in ("first", "second"):
            (folder := tmp_path / name / run).mkdir(parents=True)
            cache = ResponseCache(tmp_path / name / "responses.sqlite")
            broker = Broker({"slow": Desk.of(model, clocks=clocks)}, CallJournal(folder / "calls.sqlite"), cache)
            answer = played(broker, lambda b: b.ask(question("slow/m"), at()))
            assert (answer.reply is None) == (name == "broken")
        assert len(model.requests) == calls


def test_the_oldest_answers_leave_a_cache_that_grows_too_large(tmp_path: Path) -> None:
    cache = ResponseCache(tmp_path / "responses.sqlite", max_bytes=400_000)
    for n in range(1024):
        cache.put(question("a/m", f"{n} " + "x" * 500), ModelReply(str(n)))
    assert cache._size() <= 400_000
    assert cache.get(question("a/m", "0 " + "x" * 500)) is None
    assert cache.get(question("a/m", "1023 " + "x" * 500)) == ModelReply("1023")


def test_no_pickle_in_the_model_layer() -> None:
    root = Path(broker_module.__file__).parent
    for file in root.glob("*.py"):
        assert not re.search(r"\bpickle\b|\beval\(|\bexec\(|shell=True", file.read_text()), file
