"""Units as coroutines of one event loop in this process: societies that wait for language models wait side by side.

All their questions go through one Broker, so a hundred talkative societies fill one server although each is sequential.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from gamesim.core.errors import LimitReached

from ..models.budget import NANO
from ..perform import Answer, Job, perform_async

if TYPE_CHECKING:
    from ..models.broker import Broker

MOST = 256  # units at once: enough to fill any server, few enough to hold in memory


EVERY = 0.5  # seconds between two words on how calls stand


def standing(broker: Broker) -> dict[str, Any]:
    """How calls to models stand: numbers of this process, and money and calls of the run against its budget."""
    budget = broker.budget
    return {
        "done": sum(broker.answered.values()),
        **{source: broker.answered[source] for source in ("network", "cache", "journal", "process", "failed")},
        "in_flight": broker.in_flight,
        "sent": budget.spent["calls"],
        "tokens": budget.spent["tokens"],
        "money": (budget.spent["money"] + budget.lost["money"]) / NANO,
        "currency": budget.currency,
        "limits": {
            key: None if limit is None else limit / NANO if key == "money" else limit
            for key, limit in budget.limits.items()
        },
    }


class Together:
    """Runs jobs on a loop that turns while the runner waits.

    Parameters
    ----------
    broker : closed together with the executor.
    stopping : asked by units after every commit.
    tell : hears twice a second how calls stand.
    """

    def __init__(
        self,
        broker: Broker,
        stopping: Callable[[], bool],
        most: int = MOST,
        *,
        tell: Callable[[Mapping[str, Any]], None] = lambda event: None,
    ) -> None:
        self._broker, self._tell, self._told = broker, tell, 0.0
        self._stopping = stopping
        self._most = most
        self.loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[Answer]] = set()

    def free(self) -> int:
        return self._most - len(self._tasks)

    def busy(self) -> bool:
        return bool(self._tasks)

    def submit(self, job: Job) -> None:
        self._tasks.add(self.loop.create_task(perform_async(job, self._broker, self._stopping)))

    def wait(self, timeout: float) -> list[Answer]:
        if not self._tasks:
            return []
        waiting = asyncio.wait(self._tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        done, self._tasks = self.loop.run_until_complete(waiting)
        if time.monotonic() - self._told >= EVERY or not self._tasks:
            self._told = time.monotonic()
            self._tell(standing(self._broker))
        return [task.result() for task in done]

    def stop(self) -> None:
        """Send nothing more; calls in flight may end, and their answers are kept."""
        self._broker.stop(LimitReached("the run was asked to stop."))

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            with suppress(asyncio.CancelledError):
                self.loop.run_until_complete(asyncio.gather(*self._tasks, return_exceptions=True))
        self._tasks = set()
        self.loop.run_until_complete(self._broker.aclose())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()
