"""What a run tells while it goes: plain mappings to ``on_event``, and the same with wall times in ``log.jsonl``.

Events: ``run_started, wave, unit_started, unit_done, unit_retried, unit_failed, unit_parked, waiting, note, stopping, run_stopped, run_done``;
``calls`` (how calls to models stand) goes to the listener alone.
Times live here alone, outside of everything that is compared: wall times, and of a unit that had a process for itself the
processor seconds ``cpu``, with its ``laps`` as [number, seconds since it began].
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gamesim.core.canonical import jsonable

from . import seal
from .models.redact import redacted

OnEvent = Callable[[Mapping[str, Any]], None]
LOG = "log.jsonl"
_QUIET = ("trace", "cpu", "laps")  # for the log, not for the screen


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


class Progress:
    """Tells a listener and the log."""

    def __init__(self, directory: Path, on_event: OnEvent | None = None) -> None:
        self._path = directory / LOG
        self._on_event = on_event
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since the beginning; monotonic, so a clock that jumps changes nothing."""
        return time.monotonic() - self._began

    def show(self, event: str, **data: Any) -> None:
        """Tell the listener alone: how calls to models stand, many times a minute."""
        if self._on_event is not None:
            self._on_event({"event": event, **jsonable(data)})

    def tell(self, event: str, **data: Any) -> None:
        data = jsonable(data)
        line = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **data}
        with seal.storing(self._path), open(self._path, "a", encoding="utf-8", opener=_private) as file:
            seal.before("write", self._path)
            file.write(redacted(json.dumps(line, ensure_ascii=True)) + "\n")
        if self._on_event is not None:
            self._on_event({"event": event, **{key: value for key, value in data.items() if key not in _QUIET}})
