"""Third-party native code on user data, in a process of its own that may crash, hang or eat memory.

    for part in isolated("my_package.solve:run", payload, limits=ProcessLimits(wall=60), preload="a_library"): ...

Bytes go in, bytes come out, part by part; never pickled objects. A worker with the library loaded waits for the next task,
so a warm task costs a fork.
"""

from __future__ import annotations

import atexit
import base64
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

from gamesim.core import errors
from gamesim.core.errors import GamesimError, SolverCrashError, SolverError, SolverLimitError, clean

from .limits import MIB, ProcessLimits
from .workers import WorkerProcess

_lock = threading.Lock()
_idle: dict[tuple[str, tuple[str, ...]], list[WorkerProcess]] = {}
KEPT = 2  # idle workers kept for one library


def isolated(
    task: str, payload: bytes, *, limits: ProcessLimits | None = None, preload: str = "", path: Sequence[str] = ()
) -> Iterator[bytes]:
    """Run a function of bytes elsewhere and stream its answers.

    Parameters
    ----------
    task : ``module:function``; takes bytes, returns bytes or yields them one by one.
    preload : module that the worker has loaded before it forks.
    path : folders in which the task's module may lie besides installed ones.

    Yields
    ------
    Each part as soon as the task gives it. Leaving the loop kills the task.

    Raises
    ------
    SolverCrashError
        If the process died of a signal or ended without an answer.
    SolverLimitError
        If it reached a limit. Both carry ``.partial``, the parts that came before.
    GamesimError
        Of the same type, if the task raised one; SolverError for any other exception.
    """
    limits = limits or ProcessLimits()
    key = (preload, tuple(path))
    worker = _take(key)
    partial: list[bytes] = []
    finished = False
    # The worker keeps the wall limit itself; a margin later it is taken for dead.
    deadline = time.monotonic() + limits.wall + 10.0 if limits.wall is not None else None
    error: Mapping[str, Any] | None = None
    try:
        body = {"task": task, "payload": base64.b64encode(payload).decode()}
        job = worker.start("task", body, limits.as_dict())
        while True:
            messages = worker.read(None if deadline is None else max(0.0, deadline - time.monotonic()))
            if not messages and (not worker.alive or (deadline is not None and time.monotonic() >= deadline)):
                raise _with(SolverCrashError(f"{_short(task)}: the worker process died."), partial)
            for message in messages:
                if message.get("job") != job:
                    continue
                if "part" in message:
                    partial.append(base64.b64decode(message["part"]))
                    yield partial[-1]
                elif "error" in message:
                    error = message["error"]
                elif "done" in message:
                    finished = True
                elif "ended" in message:
                    _give_back(key, worker)
                    worker = None  # type: ignore[assignment]  # given back: not to be closed below
                    if not finished:
                        _explain(task, error, message["ended"], limits, partial)
                    return
    finally:
        if worker is not None:
            worker.close()  # left early, or lost: a fresh one costs less than doubt


def _take(key: tuple[str, tuple[str, ...]]) -> WorkerProcess:
    with _lock:
        while _idle.get(key):
            worker = _idle[key].pop()
            worker.read(0.0)
            if worker.alive:
                return worker
            worker.close()
    worker = WorkerProcess(path=key[1], preload=[key[0]] if key[0] else [], bare=True)
    try:
        worker.await_ready()
    except BaseException:
        worker.close()
        raise
    return worker


def _give_back(key: tuple[str, tuple[str, ...]], worker: WorkerProcess) -> None:
    with _lock:
        idle = _idle.setdefault(key, [])
        if worker.alive and len(idle) < KEPT:
            idle.append(worker)
            return
    worker.close()


def close_all() -> None:
    """End all idle workers."""
    with _lock:
        workers = [worker for idle in _idle.values() for worker in idle]
        _idle.clear()
    for worker in workers:
        worker.close()


atexit.register(close_all)


def _explain(
    task: str, error: Mapping[str, Any] | None, ended: Mapping[str, Any], limits: ProcessLimits, partial: list[bytes]
) -> NoReturn:
    found = _reason(task, error, ended, limits, partial)
    if isinstance(found, SolverError):
        found = _with(found, partial)
        found.cpu_seconds = float(ended["cpu"])
    raise found


def _reason(
    task: str, error: Mapping[str, Any] | None, ended: Mapping[str, Any], limits: ProcessLimits, partial: list[bytes]
) -> GamesimError:
    name, kept = _short(task), f"{len(partial)} answers were kept." if partial else "Nothing was kept."
    if error is not None and error.get("ours"):
        return _ours(error)
    if error is not None and error["type"] == "MemoryError":
        over = SolverLimitError(f"{name} reached its limit of {_mib(limits.memory)} of memory.", hint=kept)
        over.limit = "memory"
        return over
    if error is not None:
        return SolverError(f"{name} raised {clean(error['type'], 60)}: {clean(error['message'])}.")
    number = ended.get("signal")
    cpu_over = limits.cpu is not None and ended["cpu"] >= limits.cpu
    if ended.get("limit") == "wall":
        return SolverLimitError(f"{name} reached its limit of {limits.wall:g} s.", hint=kept)
    if ended.get("limit") == "answer":
        return SolverLimitError(f"{name} answered more than {_mib(limits.answer)}.", hint=kept)
    if number == signal.SIGXCPU or (number == signal.SIGKILL and cpu_over):
        return SolverLimitError(f"{name} reached its limit of {limits.cpu} s of CPU.", hint=kept)
    what = (
        f"stopped on signal {signal.Signals(number).name}"
        if number
        else f"ended with code {ended.get('code')} and no answer"
    )
    return SolverCrashError(f"{name} {what}.", hint=kept)


def _with(error: SolverError, partial: list[bytes]) -> SolverError:
    error.partial = tuple(partial)
    return error


def _ours(error: Mapping[str, Any]) -> GamesimError:
    kind = getattr(errors, str(error["type"]), SolverError)
    made: GamesimError = kind(
        error["message"], where=error.get("where"), path=error.get("path"), hint=error.get("hint")
    )
    return made


def _short(task: str) -> str:
    return clean(task.rpartition(":")[2] or task, 60)


def _mib(size: int | None) -> str:
    return "no limit" if size is None else f"{size / MIB:,.0f} MiB"
