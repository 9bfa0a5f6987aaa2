"""``calls.sqlite``: every question asked in a run and its answer, committed before a policy sees it.

The record of play (``events/``) holds keys of calls; what they cost, how long they took and what was said lies here. An
answer is found again by its coordinates, so a resumed run buys nothing twice and a replay needs no network.

Tables: ``intent`` (what was sent, committed before), ``answer`` (what came), ``request`` (the question, by key), ``note``
(what preflight settled). Answers of other folders' readers: ``CallJournal(path, readonly=True).rows()``.
"""

from __future__ import annotations

import json
import os
import sqlite3
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from gamesim.core.errors import CorruptRecordError, RecordError, ReplayMismatchError, StoreFullError, clean
from gamesim.core.model import ModelReply, ModelRequest, Usage
from gamesim.core.policy import Coordinates

from .budget import NOTHING, Charge
from .redact import redacted

NAME = "calls.sqlite"
_COORDINATES = "unit, step, phase, agent, kind, ordinal"
_COLUMNS = "unit TEXT, step INTEGER, phase TEXT, agent TEXT, kind TEXT, ordinal INTEGER, key TEXT NOT NULL"
_WHERE = "unit = ? AND step = ? AND phase = ? AND agent = ? AND kind = ? AND ordinal = ?"
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS request (key TEXT PRIMARY KEY, request TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS note (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS intent (
    {_COLUMNS}, flying INTEGER NOT NULL, reissued INTEGER NOT NULL DEFAULT 0,
    money INTEGER NOT NULL, tokens INTEGER NOT NULL, PRIMARY KEY ({_COORDINATES})) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS answer (
    {_COLUMNS}, source TEXT NOT NULL, reply TEXT, failure TEXT, cost TEXT NOT NULL,
    attempts INTEGER, http INTEGER, request_id TEXT, queue_s REAL, latency_s REAL,
    PRIMARY KEY ({_COORDINATES})) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS answer_key ON answer(key);
"""


_ANSWER = (
    "unit", "step", "phase", "agent", "kind", "ordinal", "key", "source", "reply", "failure", "cost", "attempts", "http",
    "request_id", "queue_s", "latency_s",
)  # fmt: skip
_LENT = {"network": "cache"}  # what another run bought


@dataclass(frozen=True)
class Failure:
    """How a call ended without an answer: ``timeout`` or ``transport``, and the reason."""

    outcome: Literal["timeout", "transport"]
    reason: str
    message: str


@dataclass(frozen=True)
class Cost:
    """What a call took.

    Attributes
    ----------
    money : in 10^-9 of ``currency``; None where no price is known.
    estimated : the server did not say; the reservation was charged.
    possibly_billed, possibly_billed_tokens : reservations of attempts that were lost after sending.
    """

    money: int | None = 0
    currency: str = ""
    input: int = 0
    output: int = 0
    cached_input: int = 0
    reasoning: int = 0
    estimated: bool = False
    possibly_billed: int = 0
    possibly_billed_tokens: int = 0


@dataclass(frozen=True)
class Answer:
    """What the Broker hands back: a reply or a failure, and where it came from.

    ``attempts`` counts the HTTP requests of this process; ``queue_s`` is time spent waiting for a place, ``latency_s`` that of
    the last attempt.
    """

    key: str
    reply: ModelReply | None
    failure: Failure | None
    source: Literal["journal", "cache", "network", "process"]
    cost: Cost = Cost()
    attempts: int = 0
    queue_s: float = 0.0
    latency_s: float = 0.0
    http: int | None = None


@dataclass(frozen=True)
class Prior:
    """What an earlier try of this call left: whether it was in flight when the process died, and what it may have cost."""

    flying: bool = False
    lost: Charge = NOTHING


class CallJournal:
    """The file. One writer a run; WAL, so that a killed process loses no committed answer.

    Parameters
    ----------
    readonly : for replays and reports; writes nothing, not even beside the file.
    """

    def __init__(self, path: Path, *, readonly: bool = False) -> None:
        self.path = path
        with self._trouble():
            self._db = _opened(path, readonly)
            if not readonly:
                self._db.executescript(_SCHEMA)
                self._db.execute("INSERT OR IGNORE INTO note VALUES ('run', ?)", (uuid.uuid4().hex,))
            self._db.execute("SELECT count(*) FROM answer, note, intent, request LIMIT 0").fetchall()
        self.run = self.noted("run") or ""

    # ---- questions and answers -------------------------------------------------------------------------------------

    def find(self, at: Coordinates, request: ModelRequest) -> Answer | None:
        """The committed answer at these coordinates.

        Raises
        ------
        ReplayMismatchError
            If another question was asked there.
        """
        row = self._one(
            f"SELECT key, reply, failure, cost, attempts, queue_s, latency_s, http FROM answer WHERE {_WHERE}", at
        )
        if row is None:
            return None
        self._same(row[0], request, at)
        return _answer(row)

    def by_key(self, key: str) -> Answer | None:
        """An answer to this very question, wherever it was asked."""
        row = self._execute(
            "SELECT key, reply, failure, cost, attempts, queue_s, latency_s, http FROM answer WHERE key = ? AND reply IS NOT NULL LIMIT 1",
            (key,),
        ).fetchone()
        return _answer(row) if row is not None else None

    def prior(self, at: Coordinates, request: ModelRequest) -> Prior:
        """What an earlier, unanswered try left.

        Raises
        ------
        ReplayMismatchError
            If another question was sent from there.
        """
        row = self._one(f"SELECT key, flying, money, tokens FROM intent WHERE {_WHERE}", at)
        if row is None:
            return Prior()
        self._same(row[0], request, at)
        return Prior(bool(row[1]), Charge(row[2], row[3], 0))

    def intend(self, at: Coordinates, request: ModelRequest, at_stake: Charge, *, again: bool = False) -> None:
        """Commit that the question is about to be sent.

        Parameters
        ----------
        at_stake : what may be owed if no answer is ever committed: this attempt and those lost before it.
        again : a process died between an earlier sending and its answer.
        """
        with self._transaction():
            self._ask(request)
            self._execute(
                f"INSERT INTO intent VALUES (?,?,?,?,?,?,?,1,0,?,?) ON CONFLICT ({_COORDINATES}) DO UPDATE SET "
                "flying = 1, reissued = reissued + ?, money = excluded.money, tokens = excluded.tokens",
                (*_values(at), request.key, at_stake.money, at_stake.tokens, int(again)),
            )

    def landed(self, at: Coordinates, lost: Charge) -> None:
        """Commit that the question is in flight no more, without an answer; ``lost`` may still be owed."""
        self._execute(
            f"UPDATE intent SET flying = 0, money = ?, tokens = ? WHERE {_WHERE}",
            (lost.money, lost.tokens, *_values(at)),
        )

    def answer(self, at: Coordinates, request: ModelRequest, answer: Answer) -> None:
        """Commit an answer."""
        reply = answer.reply
        with self._transaction():
            if not answer.attempts or answer.source != "network":  # else the intent brought it
                self._ask(request)
            self._execute(
                "INSERT OR REPLACE INTO answer VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                (
                    *_values(at),
                    answer.key,
                    answer.source,
                    redacted(json.dumps(reply_to_json(reply))) if reply else None,
                    redacted(json.dumps(vars(answer.failure))) if answer.failure else None,
                    json.dumps(vars(answer.cost)),
                    answer.attempts,
                    answer.http,
                    redacted(reply.request_id) if reply is not None and reply.request_id else None,
                    answer.queue_s,
                    answer.latency_s,
                ),
            )

    def adopt(self, other: CallJournal, unit: str) -> int:
        """Take over the answers of a unit that another run finished; nothing is spent on them here. Their number."""
        rows = other._execute("SELECT * FROM answer WHERE unit = ?", (unit,)).fetchall()
        asked = other._execute(
            "SELECT key, request FROM request WHERE key IN (SELECT key FROM answer WHERE unit = ?)", (unit,)
        ).fetchall()
        with self._transaction():
            for key, request in asked:
                self._execute("INSERT OR IGNORE INTO request VALUES (?, ?)", (key, request))
            for row in rows:
                values = dict(zip(_ANSWER, row, strict=True))
                cost = {**json.loads(values["cost"]), "possibly_billed": 0, "possibly_billed_tokens": 0}
                values |= {"cost": json.dumps(cost), "source": _LENT.get(values["source"], values["source"])}
                marks = ",".join("?" * len(_ANSWER))
                self._execute(f"INSERT OR IGNORE INTO answer VALUES ({marks})", tuple(values[c] for c in _ANSWER))
        return len(rows)

    def _ask(self, request: ModelRequest) -> None:
        self._execute(
            "INSERT OR IGNORE INTO request VALUES (?, ?)",
            (request.key, redacted(request.text)),
        )

    def _same(self, key: str, request: ModelRequest, at: Coordinates) -> None:
        if key == request.key:
            return
        row = self._execute("SELECT request FROM request WHERE key = ?", (key,)).fetchone()
        recorded = json.loads(row[0]) if row else {}
        asked = json.loads(redacted(request.text))
        raise ReplayMismatchError(
            f"another question is asked than was recorded: {_first_difference(recorded, asked)}.",
            where=str(self.path.parent),
            path=f"unit {at.unit[:16]} step {at.step} {at.phase} {at.agent}",
            hint="A template, a scenario or a version changed.",
        )

    # ---- the whole -------------------------------------------------------------------------------------------------

    def rows(self) -> Iterator[Mapping[str, Any]]:
        """All answers, in the order of their coordinates; reply, failure, cost and request as parsed JSON."""
        with self._trouble():
            cursor = self._db.execute(
                f"SELECT answer.*, request.request FROM answer LEFT JOIN request USING (key) ORDER BY {_COORDINATES}"
            )
            names = [column[0] for column in cursor.description]
            for values in cursor:
                row = dict(zip(names, values, strict=True))
                for name in ("reply", "failure", "cost", "request"):
                    row[name] = json.loads(row[name]) if row[name] else None
                yield row

    def totals(self) -> tuple[Charge, Charge]:
        """What the run spent so far, and what it may owe for attempts that were lost."""
        spent, lost = NOTHING, NOTHING
        for source, reply, text in self._execute("SELECT source, reply IS NOT NULL, cost FROM answer", ()):
            cost = json.loads(text)
            lost += Charge(cost["possibly_billed"], cost["possibly_billed_tokens"], 0)
            if source == "network" and (reply or cost["possibly_billed_tokens"]):
                spent += Charge(cost["money"] or 0, cost["input"] + cost["output"], 1)
        unanswered = self._execute(
            "SELECT COALESCE(SUM(money), 0), COALESCE(SUM(tokens), 0), COALESCE(SUM(tokens > 0), 0) FROM intent AS i WHERE NOT EXISTS "
            f"(SELECT 1 FROM answer WHERE {' AND '.join(f'{c} = i.{c}' for c in _COORDINATES.split(', '))})",
            (),
        ).fetchone()
        return spent, lost + Charge(*unanswered)

    def reissued(self) -> int:
        """How many questions were sent again because a process died between question and answer."""
        return int(self._execute("SELECT COALESCE(SUM(reissued), 0) FROM intent", ()).fetchone()[0])

    def note(self, name: str, value: str) -> None:
        """Keep what must be the same when the run goes on, such as what preflight settled."""
        self._execute("INSERT OR REPLACE INTO note VALUES (?, ?)", (name, redacted(value)))

    def noted(self, name: str) -> str | None:
        row = self._execute("SELECT value FROM note WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else None

    def close(self) -> None:
        self._db.close()

    # ---- SQLite ----------------------------------------------------------------------------------------------------

    def _one(self, sql: str, at: Coordinates) -> tuple[Any, ...] | None:
        found: tuple[Any, ...] | None = self._execute(sql, _values(at)).fetchone()
        return found

    def _execute(self, sql: str, values: tuple[Any, ...]) -> sqlite3.Cursor:
        with self._trouble():
            return self._db.execute(sql, values)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._trouble():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def _trouble(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise _trouble(self.path, error) from error


def _opened(path: Path, readonly: bool) -> sqlite3.Connection:
    if readonly:
        if not path.is_file():
            raise FileNotFoundError(f"there is no {path.name}")
        still = "" if path.with_name(path.name + "-wal").exists() else "&immutable=1"
        return sqlite3.connect(
            f"{path.resolve().as_uri()}?mode=ro{still}", uri=True, isolation_level=None, check_same_thread=False
        )
    fresh = not path.exists()
    if fresh:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW, 0o600))
    # One thread at a time: where a notebook's thread turns a loop, another asks while this one waits (``gamesim.run.aside``).
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=NORMAL")
    if not fresh:
        said = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if said != "ok":
            raise sqlite3.DatabaseError(str(said).splitlines()[0])
    return db


def _answer(row: tuple[Any, ...]) -> Answer:
    key, reply, failure, cost, attempts, queue_s, latency_s, http = row
    return Answer(
        key,
        reply_from_json(json.loads(reply)) if reply else None,
        Failure(**json.loads(failure)) if failure else None,
        "journal",
        Cost(**json.loads(cost)),
        attempts,
        queue_s,
        latency_s,
        http,
    )


def reply_to_json(reply: ModelReply) -> dict[str, Any]:
    return {**vars(reply), "usage": dict(vars(reply.usage)) if reply.usage else None, "extra": dict(reply.extra)}


def reply_from_json(data: Mapping[str, Any]) -> ModelReply:
    usage = data.get("usage")
    return ModelReply(**{**data, "usage": Usage(**usage) if usage else None})


def _values(at: Coordinates) -> tuple[Any, ...]:
    return (at.unit, at.step, at.phase, at.agent, at.kind, at.ordinal)


def _first_difference(recorded: Any, asked: Any, path: str = "") -> str:
    if isinstance(recorded, dict) and isinstance(asked, dict):
        for key in sorted({*recorded, *asked}):
            if recorded.get(key) != asked.get(key):
                return _first_difference(recorded.get(key), asked.get(key), f"{path}.{key}" if path else key)
    if isinstance(recorded, list) and isinstance(asked, list) and len(recorded) == len(asked):
        for index, (one, other) in enumerate(zip(recorded, asked, strict=True)):
            if one != other:
                return _first_difference(one, other, f"{path}.{index}")
    if isinstance(recorded, str) and isinstance(asked, str):
        pairs = enumerate(zip(recorded, asked, strict=False))
        start = next((i for i, (a, b) in pairs if a != b), min(len(recorded), len(asked)))
        begin = max(0, start - 20)
        was, now = (clean(text[begin : start + 40]) for text in (recorded, asked))
        return f"{path}: recorded '…{was}…', asked '…{now}…'"
    return f"{path}: recorded {clean(recorded, 60)}, asked {clean(asked, 60)}"


def _trouble(path: Path, error: Exception) -> RecordError:
    text = clean(error)
    name = getattr(error, "sqlite_errorname", "")
    if name == "SQLITE_FULL" or getattr(error, "errno", None) in (28, 122):
        return StoreFullError(f"no space for {path.name}.", where=str(path.parent), hint="Free space, then resume.")
    if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
        return CorruptRecordError(
            f"{path.name} is not a sound journal: {text}.", where=str(path), hint="Restore it from a copy."
        )
    return RecordError(f"{path.name} cannot be used: {text}.", where=str(path))
