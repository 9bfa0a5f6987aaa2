"""A run's models at work: Broker, event loop, preflight and the executor whose units share them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from gamesim.core.errors import LimitReached
from gamesim.scenario.scenario import Scenario

from ..executors.together import Together
from ..interrupts import Interrupts
from ..limits import RunLimits
from ..model_use import LIMITS, ModelUse, noted_limits
from ..progress import Progress
from .broker import Broker
from .opening import open_broker
from .preflight import Settled, preflight

if TYPE_CHECKING:
    from pathlib import Path


def at_work(
    scenario: Scenario, directory: Path, limits: RunLimits, progress: Progress, stop: Interrupts, use: ModelUse
) -> Together:
    """The executor of a run with language models, after preflight.

    Raises
    ------
    PreflightError, MissingKeyError, UnknownPriceError
        Before any unit starts.
    """

    def tell(event: Mapping[str, Any]) -> None:
        progress.tell(str(event["event"]), **{key: value for key, value in event.items() if key != "event"})

    broker = open_broker(scenario, directory, directory.parent, on_event=tell, limits=limits, cache=use.cache)
    executor = Together(broker, stop.stopping, tell=lambda standing: progress.show("calls", **standing))
    try:
        broker.journal.note(LIMITS, noted_limits(limits))
        settled = _until(executor.loop, ready(broker, scenario, call=use.preflight), stop)
        for name, found in settled.items():
            progress.tell("preflight", model=name, **vars(found))
    except BaseException:
        executor.close()
        raise
    return executor


async def ready(broker: Broker, scenario: Scenario, *, call: bool = True) -> dict[str, Settled]:
    """Preflight with the scenario's own first questions."""
    from .rehearsal import first_questions

    networked = [name for name, desk in broker.desks.items() if desk.model and desk.model.capabilities.network]
    if not networked:
        return {}
    asked = [name for name in networked if broker.journal.noted(f"preflight {broker.desks[name].name}") is None]
    first = await asyncio.to_thread(first_questions, scenario, broker.desks, asked) if call and asked else {}
    return await preflight(broker, first, call=call)


def _until(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], stop: Interrupts) -> Any:
    """The result of ``work``, unless somebody asks to stop meanwhile."""

    async def both() -> Any:
        task = asyncio.ensure_future(work)
        while not task.done():
            await asyncio.wait({task}, timeout=0.1)
            if stop.stopping() and not task.done():
                task.cancel()
                raise LimitReached("asked to stop before the first unit.")
        return task.result()

    return loop.run_until_complete(both())
