"""The runner's side of a worker process: start it, hand it a job, read what it says, kill it."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from gamesim.core.errors import PluginError, RecordError, clean

from .lock import held_descriptors

CHUNK = 1 << 16
# One thread a worker: several fight over the cores and were measured many times slower.
_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
_KEPT = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "SYSTEMROOT")


class WorkerProcess:
    """One worker.

    Parameters
    ----------
    path : folders in which it finds modules besides installed ones.
    preload : modules it imports before the first job.
    bare : a minimal environment and no stderr, for third-party code that is to see and say nothing.
    """

    def __init__(self, *, path: Sequence[str] = (), preload: Sequence[str] = (), bare: bool = False) -> None:
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ} if bare else dict(os.environ)
        environment.update(dict.fromkeys(_THREADS, "1"))
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-m", "gamesim.run.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if bare else None,
            env=environment,
            start_new_session=True,  # the terminal's Ctrl-C reaches the runner alone
            bufsize=0,
            pass_fds=() if bare else held_descriptors(),  # a run is locked until its last writer is gone
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin.fileno(), self._process.stdout.fileno()
        self._buffer = bytearray()
        self._next = 0
        self.alive = True
        self.send({"hello": {"path": list(path), "preload": list(preload)}})

    @property
    def pid(self) -> int:
        return self._process.pid

    def fileno(self) -> int:
        return self._out

    def send(self, message: Mapping[str, Any]) -> None:
        view = memoryview(json.dumps(message, allow_nan=False).encode() + b"\n")
        try:
            while view:
                view = view[os.write(self._in, view) :]
        except BrokenPipeError:
            self.alive = False

    def start(self, kind: str, body: Mapping[str, Any], limits: Mapping[str, Any] | None = None) -> int:
        """Hand over a job; its number."""
        self._next += 1
        self.send({"job": self._next, "type": kind, "body": body, "limits": limits or {}})
        return self._next

    def read(self, timeout: float | None) -> list[dict[str, Any]]:
        """Messages that came; none if the time is over. ``alive`` turns False at the end of its output."""
        if not select.select([self._out], [], [], timeout)[0]:
            return []
        data = os.read(self._out, CHUNK)
        if not data:
            self.alive = False
            return []
        self._buffer += data
        if b"\n" not in data:
            return []
        *lines, rest = bytes(self._buffer).split(b"\n")
        self._buffer = bytearray(rest)
        return [json.loads(line) for line in lines]

    def await_ready(self, timeout: float = 60.0) -> None:
        """Wait until it has loaded what it shall.

        Raises
        ------
        PluginError
            If a module to preload is missing.  RecordError : if the worker does not start.
        """
        deadline = time.monotonic() + timeout
        while self.alive and time.monotonic() < deadline:
            for message in self.read(deadline - time.monotonic()):
                if message.get("missing"):
                    raise PluginError(f"a worker cannot import {clean(message['missing'][0])}.")
                if "ready" in message:
                    return
        self.close()
        raise RecordError("a worker process did not start.", hint=f"Try: {sys.executable} -I -m gamesim.run.worker")

    def close(self) -> None:
        """End it, and whatever it runs."""
        self.alive = False
        for stream in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                if stream is not None:
                    stream.close()  # the end of its input kills its child
        try:
            self._process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
