"""Our worker process: ``python -I -m gamesim.run.worker``, JSON lines in, JSON lines out, one forked child a job.

Each job runs in a fork of this small process, so what it does to memory, limits or signals dies with it, libraries loaded
before are there at once, and a crash is an answer instead of an end. Only bytes and JSON cross; nothing is unpickled.

In:   {"hello": {"path": [folders], "preload": [modules]}}, then {"job": id, "type": "unit" | "task", "body": {...},
      "limits": {...}}, {"stop": id} (asks politely), {"kill": id}
Out:  {"ready": pid}, {"job": id, "part": base64}, {"job": id, "done": {...}}, {"job": id, "died": {...}}
"""

from __future__ import annotations

import base64
import contextlib
import errno
import importlib
import json
import os
import select
import signal
import stat
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

from gamesim.run.limits import enforce

CHUNK = 1 << 16


def main() -> None:
    answers, commands = os.dup(1), os.dup(0)
    os.dup2(2, 1)  # what a plugin prints goes to stderr, not into the protocol
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the runner's to answer
    _die_with_parent()
    Worker(commands, answers).serve()


def _libc() -> Any:
    if not sys.platform.startswith("linux"):
        return None
    import ctypes

    return ctypes.CDLL(None)


_LIBC = _libc()


def _die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent dies (Linux); elsewhere the end of input does it."""
    if _LIBC is not None:
        _LIBC.prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG


class Worker:
    """The loop: commands from the runner, lines from the child, and the child's wall deadline."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands, self._answers = commands, answers
        self._buffer = bytearray()
        self._job: int | None = None
        self._child = self._pipe = -1
        self._child_buffer = bytearray()
        self._deadline: float | None = None
        self._expired = False
        self._answered = 0
        self._answer_limit = 0
        self._type = ""
        self._loaded: list[str] = []  # modules the last child needed and this process lacks

    def serve(self) -> None:
        while True:
            watched = [self._commands] + ([self._pipe] if self._pipe >= 0 else [])
            timeout = max(0.0, self._deadline - time.monotonic()) if self._deadline is not None else None
            ready, _, _ = select.select(watched, [], [], timeout)
            if self._deadline is not None and time.monotonic() >= self._deadline:
                self._expired, self._deadline = True, None
                self._kill()
            if self._pipe >= 0 and self._pipe in ready:
                self._hear()
            if self._commands in ready:
                data = os.read(self._commands, CHUNK)
                if not data:
                    self._kill()
                    return
                self._buffer += data
                for line in _whole_lines(self._buffer, data):
                    self._command(json.loads(line))

    def _command(self, message: dict[str, Any]) -> None:
        if "hello" in message:
            self._greet(message["hello"])
        elif "stop" in message and message["stop"] == self._job:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._child, signal.SIGTERM)
        elif "kill" in message and message["kill"] == self._job:
            self._kill()
        elif "job" in message:
            self._start(message)

    def _greet(self, hello: dict[str, Any]) -> None:
        sys.path[:0] = [folder for folder in hello.get("path", []) if folder not in sys.path]
        missing = []
        for module in hello.get("preload", []):
            try:
                importlib.import_module(module)
            except ImportError as error:
                missing.append(f"{module}: {error}")
        self._say({"ready": os.getpid(), "missing": missing})

    def _start(self, message: dict[str, Any]) -> None:
        read, write = os.pipe()
        limits = message.get("limits") or {}
        parent = os.getpid()
        child = os.fork()
        if child == 0:
            try:
                self._become_child(read, write, parent, limits)
                known = set(sys.modules)
                work(message, lambda body: _write_line(write, body))
                if message["type"] == "unit":
                    _write_line(write, {"loaded": [name for name in sys.modules if name not in known]})
                os._exit(0)
            except BaseException as error:
                with contextlib.suppress(BaseException):
                    _write_line(write, {"error": {"type": type(error).__name__, "message": str(error)[:500]}})
                os._exit(1)
        os.close(write)
        with contextlib.suppress(OSError):
            os.setpgid(child, child)  # both sides do it: whoever comes first
        self._job, self._child, self._pipe, self._child_buffer = message["job"], child, read, bytearray()
        self._type = message["type"]
        wall = limits.get("wall")
        self._deadline = time.monotonic() + wall if wall is not None else None
        self._expired, self._answered, self._answer_limit = False, 0, int(limits.get("answer") or 0)

    def _become_child(self, read: int, write: int, parent: int, limits: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):
            os.setpgid(0, 0)
        _die_with_parent()
        if os.getppid() != parent:
            os._exit(1)
        for descriptor in (read, self._commands, self._answers, *_sockets()):
            with contextlib.suppress(OSError):
                os.close(descriptor)
        enforce(limits)

    def _hear(self) -> None:
        data = os.read(self._pipe, CHUNK)
        self._answered += len(data)
        if self._answer_limit and self._answered > self._answer_limit * 4 // 3 + 4096:  # base64 and its frame
            self._kill()
            self._finish("answer")
        elif data:
            self._child_buffer += data
            for line in _whole_lines(self._child_buffer, data):
                said = json.loads(line)
                if "loaded" in said:
                    self._loaded = said["loaded"]
                else:
                    self._say({"job": self._job, **said})
                if "loaded" in said or (self._type == "task" and ("done" in said or "error" in said)):
                    self._kill()  # it has said its last; processes of its own that linger go with it
        else:
            self._finish("wall" if self._expired else None)

    def _finish(self, limit: str | None) -> None:
        """The child's end of the pipe is closed: it is over, or it closed the pipe and lingers (then the group is killed)."""
        os.close(self._pipe)
        self._kill()
        _, status, used = os.wait4(self._child, 0)
        ended = {
            "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
            "code": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
            "cpu": used.ru_utime + used.ru_stime,
            "limit": limit,
        }
        self._say({"job": self._job, "ended": ended})
        self._job, self._child, self._pipe, self._deadline = None, -1, -1, None
        self._warm_up()

    def _warm_up(self) -> None:
        """Load what the last child had to load, so that the next finds it there."""
        for name in self._loaded:
            if name not in sys.modules and not name.startswith("_gamesim_"):
                with contextlib.suppress(Exception):
                    importlib.import_module(name)
        self._loaded = []

    def _kill(self) -> None:
        if self._child > 0:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._child, signal.SIGKILL)

    def _say(self, body: dict[str, Any]) -> None:
        try:
            _write_line(self._answers, body)
        except BrokenPipeError:
            self._kill()
            os._exit(0)


def _whole_lines(buffer: bytearray, data: bytes) -> list[bytes]:
    """The lines that are whole now; the rest stays in the buffer, which holds what came before and ``data``."""
    if b"\n" not in data:
        return []
    *lines, rest = bytes(buffer).split(b"\n")
    buffer[:] = rest
    return lines


def _sockets() -> Iterable[int]:
    try:
        open_now = [int(name) for name in os.listdir("/proc/self/fd")]
    except OSError:
        open_now = list(range(3, 256))
    for descriptor in open_now:
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                yield descriptor


def _write_line(descriptor: int, body: dict[str, Any]) -> None:
    view = memoryview(json.dumps(body, allow_nan=False).encode() + b"\n")
    while view:
        view = view[os.write(descriptor, view) :]


# ---- in the child -----------------------------------------------------------------------------------------------------


def work(message: dict[str, Any], say: Callable[[dict[str, Any]], None]) -> None:
    """Do a job and say what came of it."""
    if message["type"] == "unit":
        say({"done": _unit(message["body"])})
    else:
        _task(message["body"], say)


def _unit(body: dict[str, Any]) -> dict[str, Any]:
    from gamesim.run.perform import Job, perform

    asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: asked.append(number))
    if body.pop("offline", False):
        forbid_network()
    against = body.pop("against", None)
    job = Job.from_dict(body)
    if against is not None:
        from gamesim.run.replay import reexecute

        return reexecute(job, against)
    return perform(job, lambda: bool(asked)).as_dict()


def _task(body: dict[str, Any], say: Callable[[dict[str, Any]], None]) -> None:
    from gamesim.core.errors import GamesimError

    module, _, name = body["task"].partition(":")
    try:
        answer = getattr(importlib.import_module(module), name)(base64.b64decode(body["payload"]))
        for part in [answer] if isinstance(answer, (bytes, bytearray)) else answer:
            say({"part": base64.b64encode(part).decode()})
        say({"done": {}})
    except MemoryError:
        say({"error": {"type": "MemoryError", "message": ""}})
    except GamesimError as error:
        say({"error": {**error.as_dict(), "where": error.where, "ours": True}})
    except Exception as error:
        starved = "failed to map segment" in str(error) or (isinstance(error, OSError) and error.errno == errno.ENOMEM)
        told = (
            {"type": "MemoryError", "message": ""}
            if starved
            else {"type": type(error).__name__, "message": str(error)[:500]}
        )
        say({"error": told})


def forbid_network() -> None:
    """No socket but those within this computer's kernel (asyncio needs a pair of them), for the rest of this process."""
    import socket

    local = {getattr(socket, "AF_UNIX", None)}

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if (event == "socket.__new__" and arguments[1] not in local) or event in (
            "socket.getaddrinfo",
            "socket.gethostbyname",
        ):
            raise PermissionError("a replay opens no socket")

    sys.addaudithook(hook)


if __name__ == "__main__":
    main()
