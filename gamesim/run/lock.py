"""One writer per run directory: ``run.lock``, held by ``flock`` and signed by its owner.

The lock dies with its holder *and its worker processes*, who inherit it: a crashed run is taken over as soon as nobody can
write any more, and the signature left behind says from whom.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from gamesim.core.errors import RecordError, StoreBusyError, clean

from . import seal

NAME = "run.lock"
LINGER = 5.0  # seconds that the workers of a dead owner may take to follow it
_held: set[int] = set()


def held_descriptors() -> tuple[int, ...]:
    """Locks of this process, for workers to inherit."""
    return tuple(_held)


class RunLock:
    """Exclusive right to write in a run directory; a context manager.

    Parameters
    ----------
    directory : the run.
    wait : seconds to wait for another holder before giving up.

    Attributes
    ----------
    taken_over : what the previous owner, who died without releasing, had signed; None after a clean release.

    Raises
    ------
    StoreBusyError
        Naming process, host and since when.
    """

    def __init__(self, directory: Path, *, wait: float = 0.0) -> None:
        self.path = directory / NAME
        self.taken_over: dict[str, Any] | None = None
        with seal.storing(self.path):
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        began = time.monotonic()
        while not self._try():
            owner = read_owner(self.path)
            if time.monotonic() - began >= (max(wait, LINGER) if _dead(owner) else wait):
                os.close(self._descriptor)
                raise busy(directory, owner)
            time.sleep(0.02)
        self.taken_over = read_owner(self.path)
        try:
            self._sign(
                {
                    "pid": os.getpid(),
                    "host": socket.gethostname(),
                    "since": datetime.now(UTC).isoformat(timespec="seconds"),
                }
            )
        except BaseException:
            os.close(self._descriptor)
            raise
        _held.add(self._descriptor)

    def _try(self) -> bool:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            os.close(self._descriptor)
            raise RecordError(
                f"this file system has no working locks ({clean(error.strerror)}).",
                where=str(self.path),
                hint="Choose a local --store.",
            ) from error
        return True

    def _sign(self, owner: dict[str, Any] | None) -> None:
        data = (json.dumps(owner) + "\n").encode() if owner else b""
        with seal.storing(self.path):
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, data, 0)

    def release(self) -> None:
        if self._descriptor < 0:
            return
        with suppress(RecordError):
            self._sign(None)
        _held.discard(self._descriptor)
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)  # closing alone would leave it to whoever inherited it
        os.close(self._descriptor)
        self._descriptor = -1

    def __enter__(self) -> RunLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def read_owner(path: Path) -> dict[str, Any] | None:
    """What the holder signed, or None."""
    try:
        owner = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return owner if isinstance(owner, dict) else None


def _dead(owner: dict[str, Any] | None) -> bool:
    """Whether the owner was a process of this computer and is no more."""
    if not owner or owner.get("host") != socket.gethostname() or not isinstance(owner.get("pid"), int):
        return False
    try:
        os.kill(owner["pid"], 0)
        with open(f"/proc/{owner['pid']}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] in "ZX"  # dead, only not yet buried
    except ProcessLookupError:
        return True
    except (OSError, IndexError):
        return False


def busy(directory: Path, owner: dict[str, Any] | None) -> StoreBusyError:
    if not owner:
        return StoreBusyError("in use by another process.", where=str(directory))
    since = str(owner.get("since", ""))[11:16]
    return StoreBusyError(
        f"in use by process {owner.get('pid')} on host {clean(owner.get('host'), 64)} since {clean(since, 8)} UTC.",
        where=str(directory),
    )
