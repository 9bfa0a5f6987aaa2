"""``responses.sqlite`` in the store: what a model once answered to a question it need not be asked again.

Refusals and nonsense are kept too (asking until it pleases would be hidden resampling); failures of transport never are.
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import time
from pathlib import Path
from typing import Any, Literal

from gamesim.core.errors import clean
from gamesim.core.model import ModelReply, ModelRequest

from .calls import reply_from_json, reply_to_json
from .redact import redacted

log = logging.getLogger(__name__)

NAME = "responses.sqlite"
CacheMode = Literal["read_write", "read", "off"]
_BAD = ("SQLITE_CORRUPT", "SQLITE_NOTADB")


class ResponseCache:
    """Answers by request key, oldest out when larger than ``max_bytes``.

    The journal is the truth; the cache only saves. So a corrupt file is set aside with a warning, and one that cannot be
    opened or written is done without.
    """

    def __init__(self, path: Path, mode: CacheMode = "read_write", max_bytes: int = 2 * 2**30) -> None:
        self.path, self.mode, self._max_bytes, self._stored = path, mode, max_bytes, 0
        self._db: sqlite3.Connection | None = None
        if mode == "off":
            return
        try:
            self._db = self._open()
        except (sqlite3.Error, OSError) as error:
            self._lost(error)

    def get(self, request: ModelRequest) -> ModelReply | None:
        row = self._execute("SELECT reply FROM response WHERE key = ?", (request.key,))
        if not row:
            return None
        try:
            return reply_from_json(json.loads(row[0][0]))
        except (ValueError, TypeError) as error:
            log.warning("%s holds what is no answer: %s", self.path.name, clean(error))
            return None

    def holds(self, key: str) -> bool:
        """Whether an answer to that request key is there."""
        return bool(self._execute("SELECT 1 FROM response WHERE key = ?", (key,)))

    def put(self, request: ModelRequest, reply: ModelReply) -> None:
        if self.mode != "read_write":
            return
        self._execute(
            "INSERT OR IGNORE INTO response VALUES (?, ?, ?, ?, ?, ?)",
            (
                request.key,
                redacted(request.text),
                redacted(json.dumps(reply_to_json(reply))),
                json.dumps(vars(reply.usage)) if reply.usage else None,
                redacted(reply.served_model),
                time.time(),
            ),
        )
        self._stored += 1
        if self._stored % 256 == 0:
            self._trim()

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    def _execute(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]] | None:
        if self._db is None:
            return None
        try:
            return self._db.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            self._lost(error)
            return None

    def _lost(self, error: sqlite3.Error | OSError) -> None:
        if getattr(error, "sqlite_errorname", "") in _BAD:
            self.close()
            try:
                aside = _aside(self.path)
                log.warning("%s is damaged (%s); it was set aside as %s", self.path.name, clean(error), aside.name)
                self._db = self._open()
            except (sqlite3.Error, OSError) as second:
                log.warning("%s cannot be used: %s", self.path.name, clean(second))
        else:  # busy, full, read-only
            log.warning("%s cannot be used now: %s", self.path.name, clean(error))

    def _open(self) -> sqlite3.Connection:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self.path.exists():
            os.close(os.open(self.path, os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW, 0o600))
        db = sqlite3.connect(self.path, isolation_level=None, timeout=1, check_same_thread=False)  # as calls.py
        try:
            db.execute("PRAGMA auto_vacuum=INCREMENTAL")
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=NORMAL")
            db.execute(
                "CREATE TABLE IF NOT EXISTS response (key TEXT PRIMARY KEY, request TEXT, reply TEXT, usage TEXT, served_model TEXT, created REAL)"
            )
            db.execute("CREATE INDEX IF NOT EXISTS response_created ON response(created)")
            db.execute("SELECT key, reply, usage FROM response LIMIT 1").fetchall()
        except BaseException:
            db.close()
            raise
        return db

    def _size(self) -> int:
        pages, free, size = (self._execute(f"PRAGMA {name}") for name in ("page_count", "freelist_count", "page_size"))
        return (int(pages[0][0]) - int(free[0][0])) * int(size[0][0]) if pages and free and size else 0

    def _trim(self) -> None:
        if self._size() <= self._max_bytes:
            return
        oldest = "DELETE FROM response WHERE key IN (SELECT key FROM response ORDER BY created LIMIT 64) RETURNING key"
        while self._size() > self._max_bytes and self._execute(oldest):
            pass
        self._execute("PRAGMA incremental_vacuum(4096)")  # in pieces: a whole VACUUM would hold up the loop


def _aside(path: Path) -> Path:
    number = 1
    while (target := path.with_name(f"{path.name}.corrupt-{number}")).exists():
        number += 1
    path.rename(target)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return target
