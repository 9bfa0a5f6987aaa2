"""What the runner asks of an executor: take a job, say what became of jobs, stop."""

from __future__ import annotations

from typing import Protocol

from ..perform import Answer, Job


class Executor(Protocol):
    """Runs jobs somewhere. Units are idempotent, so a lost job may simply be submitted again."""

    def free(self) -> int:
        """How many jobs it can take now."""
        ...

    def busy(self) -> bool:
        """Whether it still has a job that will end by itself."""
        ...

    def submit(self, job: Job) -> None: ...

    def wait(self, timeout: float) -> list[Answer]:
        """What became of jobs, as soon as there is something, at latest after ``timeout`` seconds."""
        ...

    def stop(self) -> None:
        """Ask running jobs to end at their next commit."""
        ...

    def close(self) -> None:
        """Kill what still runs."""
        ...
