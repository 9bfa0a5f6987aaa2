"""Units in local worker processes: each in a fork of its own, so a death costs one unit."""

from __future__ import annotations

import select
import signal
from collections.abc import Mapping, Sequence
from typing import Any

from ..perform import Answer, Job
from ..workers import WorkerProcess

PRELOAD = ("numpy", "duckdb", "gamesim.run.perform", "gamesim.run.writer")


class Processes:
    """``workers`` processes, started when first needed and again when one dies.

    Parameters
    ----------
    path : folders in which workers find modules besides installed ones.
    extra : goes into every job's body (replay: ``offline``).
    """

    def __init__(self, workers: int, *, path: Sequence[str] = (), extra: Mapping[str, Any] | None = None) -> None:
        self._count = workers
        self._path = tuple(path)
        self._extra = dict(extra or {})
        self._idle: list[WorkerProcess] = []
        self._busy: dict[int, tuple[WorkerProcess, int, Job]] = {}  # by file descriptor
        self._answers: dict[int, Mapping[str, Any]] = {}

    def free(self) -> int:
        return self._count - len(self._busy)

    def busy(self) -> bool:
        return bool(self._busy)

    def pids(self) -> list[int]:
        """Of the worker processes that run a job now."""
        return [worker.pid for worker, _, _ in self._busy.values()]

    def submit(self, job: Job, **extra: Any) -> None:
        worker = self._idle.pop() if self._idle else WorkerProcess(path=self._path, preload=PRELOAD)
        number = worker.start("unit", {**job.as_dict(), **self._extra, **extra})
        self._busy[worker.fileno()] = (worker, number, job)

    def wait(self, timeout: float) -> list[Answer]:
        if not self._busy:
            return []
        ready, _, _ = select.select(list(self._busy), [], [], timeout)
        answers = []
        for descriptor in ready:
            worker, number, job = self._busy[descriptor]
            for message in worker.read(0.0):
                if message.get("job") != number:
                    continue
                if "done" in message:
                    self._answers[descriptor] = message["done"]
                elif "error" in message:
                    self._answers[descriptor] = _died(
                        job, f"{message['error'].get('type')}: {message['error'].get('message')}"
                    )
                elif "ended" in message:
                    answers.append(self._end(descriptor, _cause(message["ended"])))
                    self._idle.append(worker)
            if not worker.alive and descriptor in self._busy:
                answers.append(self._end(descriptor, "its worker process died"))
                worker.close()
        return answers

    def _end(self, descriptor: int, cause: str) -> Answer:
        _, _, job = self._busy.pop(descriptor)
        said = self._answers.pop(descriptor, None)
        return Answer.from_dict(said if said is not None else _died(job, cause))

    def stop(self) -> None:
        for worker, number, _ in self._busy.values():
            worker.send({"stop": number})

    def close(self) -> None:
        for worker in [*self._idle, *(worker for worker, _, _ in self._busy.values())]:
            worker.close()
        self._idle.clear()
        self._busy.clear()


def _died(job: Job, cause: str) -> dict[str, Any]:
    return {"key": job.unit.key, "kind": "died", "data": {"error": {"type": "WorkerDied", "message": cause, "exit": 4}}}


def _cause(ended: Mapping[str, Any]) -> str:
    if ended.get("signal"):
        return f"its process was ended by {signal.Signals(ended['signal']).name}"
    return f"its process ended with code {ended.get('code')}"
