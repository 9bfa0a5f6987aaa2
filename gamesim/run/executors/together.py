"""Units as coroutines of one event loop in this process: societies that wait for language models wait side by side.

All their questions go through one Broker, so a hundred talkative societies fill one server although each is sequential.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from gamesim.core.errors import LimitReached

from ..perform import Answer, Job, perform_async

if TYPE_CHECKING:
    from ..models.broker import Broker

MOST = 256  # units at once: enough to fill any server, few enough to hold in memory


class Together:
    """Runs jobs on a loop that turns while the runner waits.

    Parameters
    ----------
    broker : closed together with the executor.
    stopping : asked by units after every commit.
    """

    def __init__(self, broker: Broker, stopping: Callable[[], bool], most: int = MOST) -> None:
        self._broker = broker
        self._stopping = stopping
        self._most = most
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[Answer]] = set()

    def free(self) -> int:
        return self._most - len(self._tasks)

    def submit(self, job: Job) -> None:
        self._tasks.add(self._loop.create_task(perform_async(job, self._broker, self._stopping)))

    def wait(self, timeout: float) -> list[Answer]:
        if not self._tasks:
            return []
        waiting = asyncio.wait(self._tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        done, self._tasks = self._loop.run_until_complete(waiting)
        return [task.result() for task in done]

    def stop(self) -> None:
        """Send nothing more; calls in flight may end, and their answers are kept."""
        self._broker.stop(LimitReached("the run was asked to stop."))

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            with suppress(asyncio.CancelledError):
                self._loop.run_until_complete(asyncio.gather(*self._tasks, return_exceptions=True))
        self._tasks = set()
        self._loop.run_until_complete(self._broker.aclose())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()
