"""Work that turns an event loop of its own, wherever it is called from: a notebook's thread already turns one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def aside(work: Callable[[], T]) -> T:
    """The result of ``work``, in a thread of its own if a loop turns in this one."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return work()
    with ThreadPoolExecutor(1, thread_name_prefix="gamesim") as pool:
        return pool.submit(work).result()
