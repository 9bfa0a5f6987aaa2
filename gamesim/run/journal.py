"""The journal of a unit, ``events/<unit>.jsonl``: the truth of what happened.

One canonical JSON object a line: ``i`` (0, 1, 2, ...), ``t`` (type), optionally ``step, phase, agent``, and ``d`` (payload).
A ``commit`` acknowledges all lines before it; ``end`` is the last commit and seals the unit. Both carry

    chain = sha256(previous chain + bytes of all lines since the previous commit + the committing line without its chain)

so a changed byte anywhere before the last commit is noticed. What follows the last commit never happened: a torn tail is
the normal trace of a death. Damage before it is never repaired in place.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from gamesim.core.canonical import canonical, jsonable
from gamesim.core.errors import CorruptRecordError, RecordError, clean

from . import seal

Durability = Literal["step", "second", "unit"]
LINE_LIMIT = 1 << 20  # bytes
END_LIMIT = 1 << 24
COMMITTING = ("commit", "end")
START = "0" * 64
_TYPE = re.compile(r"[a-z][a-z0-9_]{0,63}")


@dataclass(frozen=True)
class Event:
    """One line of a journal; ``unit`` is known where events of several units are read together."""

    i: int
    type: str
    step: int | None = None
    phase: str | None = None
    agent: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    unit: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {
            "i": self.i,
            "t": self.type,
            "step": self.step,
            "phase": self.phase,
            "agent": self.agent,
            "d": dict(self.data),
        }


def event_line(
    i: int,
    type: str,
    data: Mapping[str, Any],
    step: int | None = None,
    phase: str | None = None,
    agent: str | None = None,
) -> bytes:
    """The bytes of one line. NaN, which means no value in this project, becomes null, and an infinity its name.

    Raises
    ------
    RecordError
        For a malformed type, an object without a JSON form, or a line above the limit.
    """
    if not _TYPE.fullmatch(type):
        raise RecordError(f"'{clean(type, 40)}' is not an event type.", hint="Types match [a-z][a-z0-9_]*.")
    body: dict[str, Any] = {"i": i, "t": type, "d": jsonable(data)}
    for key, value in (("step", step), ("phase", phase), ("agent", agent)):
        if value is not None:
            body[key] = value
    try:
        line = canonical(body) + b"\n"
    except (TypeError, ValueError) as error:
        raise RecordError(f"event '{type}' cannot be written: {clean(error)}.") from error
    limit = END_LIMIT if type == "end" else LINE_LIMIT
    if len(line) > limit:
        raise RecordError(f"event '{type}' has {len(line):,} bytes; a journal line has at most {limit:,}.")
    return line


def chained(previous: str, block: bytes, data: Mapping[str, Any]) -> str:
    """The chain value of a committing line with payload ``data`` (without chain) after ``block``."""
    return hashlib.sha256(previous.encode() + block + canonical(data)).hexdigest()


@dataclass(frozen=True)
class Contents:
    """What a journal says up to its last commit.

    Attributes
    ----------
    events : committed events, commits included.
    lines : their bytes.
    size : bytes up to the end of the last commit.
    ignored : bytes after it.
    sealed : whether the last commit is the unit's ``end``.
    """

    events: tuple[Event, ...]
    lines: tuple[bytes, ...]
    size: int
    ignored: int
    chain: str
    sealed: bool


def read_journal(path: Path) -> Contents:
    """Read a journal up to its last commit.

    Raises
    ------
    CorruptRecordError
        For damage before the last commit: unit, line and byte.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise RecordError(f"cannot be read: {clean(error.strerror)}.", where=str(path)) from error
    return parse_journal(raw, path)


def parse_journal(raw: bytes, path: Path) -> Contents:
    events: list[Event] = []
    lines: list[bytes] = []
    committed = size = offset = 0
    chain, sealed = START, False
    broken: tuple[int, int, str] | None = None
    block = b""
    for number, line in enumerate(raw.splitlines(keepends=True) if b"\r" not in raw else _lines(raw)):
        if not line.endswith(b"\n"):
            break
        event = None if broken else _parse(line, number)
        if event is None:
            broken = broken or (number, offset, "cannot be read")
            if _looks_committing(line):
                raise _corrupt(path, broken, committed)
        elif sealed:
            raise _corrupt(path, (number, offset, "follows the end of the unit"), committed)
        elif event.type not in COMMITTING and "chain" in event.data:  # only commits have one: this was one
            raise _corrupt(path, (number, offset, "is neither a commit nor an event"), committed)
        else:
            events.append(event)
            lines.append(line)
            if event.type in COMMITTING:
                payload = dict(event.data)
                if payload.pop("chain", None) != chained(chain, block, payload):
                    raise _corrupt(path, (number, offset, "chain differs"), committed)
                chain, block = event.data["chain"], b""
                committed, size, sealed = len(events), offset + len(line), event.type == "end"
            else:
                block += line
        offset += len(line)
    return Contents(tuple(events[:committed]), tuple(lines[:committed]), size, len(raw) - size, chain, sealed)


def _lines(raw: bytes) -> list[bytes]:
    """Split at LF alone; ``splitlines`` also splits at CR, which JSON text escapes but damage may hold."""
    parts = raw.split(b"\n")
    return [part + b"\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def _parse(line: bytes, number: int) -> Event | None:
    try:
        body = json.loads(line)
        event = Event(body["i"], body["t"], body.get("step"), body.get("phase"), body.get("agent"), body["d"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    well_formed = isinstance(event.type, str) and isinstance(event.data, dict) and event.i == number
    return event if well_formed else None


def _looks_committing(line: bytes) -> bool:
    """Whether a broken line was, or a line after a broken one is, a commit: then the damage lies before a commit."""
    return b'"chain":"' in line or b'"t":"commit"' in line or b'"t":"end"' in line


def _corrupt(path: Path, place: tuple[int, int, str], committed: int) -> CorruptRecordError:
    number, offset, what = place
    return CorruptRecordError(
        f"line {number + 1} (byte {offset:,}) {what}; lines 1-{committed} are intact."
        if committed
        else f"line {number + 1} (byte {offset:,}) {what}.",
        where=f"{path}:{number + 1}",
        hint="The file was left as it is: restore it from a copy, or play the scenario again with --new.",
    )


class Lines:
    """Lines in the making: numbers them and carries the chain."""

    def __init__(self) -> None:
        self.count = 0
        self.chain = START
        self.block = b""  # lines since the last commit
        self._parts: list[bytes] = []

    def add(self, type: str, data: Mapping[str, Any], **place: Any) -> bytes:
        line = event_line(self.count, type, data, **place)
        self.count += 1
        self._parts.append(line)
        return line

    def commit(self, type: str, data: Mapping[str, Any]) -> bytes:
        """The committing line; afterwards the block is empty again."""
        block = b"".join(self._parts)
        data = jsonable(data)
        self.chain = chained(self.chain, block, data)
        line = event_line(self.count, type, {**data, "chain": self.chain})
        self.count += 1
        self._parts = []
        return line

    @property
    def pending(self) -> bytes:
        return b"".join(self._parts)


class Appender:
    """Appends committed blocks to a journal on disk (``step`` mode).

    A block counts when it is written and, by ``durability``, synced. After any failure the file is cut back to the last
    acknowledged commit and nothing more is accepted: a failed fsync is never retried as if it had worked.
    """

    def __init__(
        self, path: Path, size: int, durability: Durability = "step", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.path = path
        self.durability = durability
        self._clock = clock
        self._synced_at = clock()
        self._dead = False
        with seal.storing(path):
            new = not path.exists()
            seal.before("write", path)
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                os.ftruncate(self._descriptor, size)  # what follows the last commit never happened
                os.lseek(self._descriptor, size, os.SEEK_SET)
                if new:
                    seal.sync_directory(path.parent)
            except BaseException:
                os.close(self._descriptor)
                raise
        self.size = size

    def write(self, block: bytes, *, last: bool = False) -> None:
        """Append a block that ends with a committing line."""
        if self._dead:
            raise RecordError("an earlier write failed; nothing more is written.", where=str(self.path))
        try:
            with seal.storing(self.path):
                seal.write_all(self._descriptor, block, self.path)
                if last or self._due():
                    seal.sync(self._descriptor, self.path)
                    self._synced_at = self._clock()
        except BaseException:
            self._dead = True
            with suppress(OSError):  # reading stops at the last whole commit anyway
                os.ftruncate(self._descriptor, self.size)
            raise
        self.size += len(block)

    def _due(self) -> bool:
        if self.durability == "step":
            return True
        return self.durability == "second" and self._clock() - self._synced_at >= 1.0

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
