"""Units in this process, one after the other."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from ..perform import Answer, Job, perform


class Inline:
    """Runs a job when it is waited for.

    Parameters
    ----------
    stopping : asked by units after every commit.
    """

    def __init__(self, stopping: Callable[[], bool]) -> None:
        self._stopping = stopping
        self._jobs: deque[Job] = deque()

    def free(self) -> int:
        return 0 if self._jobs else 1

    def busy(self) -> bool:
        return bool(self._jobs)

    def submit(self, job: Job) -> None:
        self._jobs.append(job)

    def wait(self, timeout: float) -> list[Answer]:
        if not self._jobs or self._stopping():
            return []
        return [perform(self._jobs.popleft(), self._stopping)]

    def stop(self) -> None:
        self._jobs.clear()

    def close(self) -> None:
        self._jobs.clear()
