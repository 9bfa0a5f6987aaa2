"""Work that turns an event loop of its own, wherever it is called from: a notebook's thread already turns one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


def turned(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """The result of a coroutine, as ``asyncio.run`` has it where no loop turns."""
    return aside(lambda: asyncio.run(work()))


def aside(work: Callable[[], T]) -> T:
    """The result of ``work``, in a thread of its own if a loop turns in this one."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return work()
    with ThreadPoolExecutor(1, thread_name_prefix="gamesim") as pool:
        return pool.submit(work).result()
