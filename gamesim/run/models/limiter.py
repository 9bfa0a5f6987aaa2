"""How many calls may be in flight to one server: additive increase, multiplicative decrease, and a gate for announced waits."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

Clock = Callable[[], float]


class Limiter:
    """A semaphore whose width follows the server.

    Congestion (429, 503, 529) multiplies the width by 0.8, at most once per max(1 s, median latency); as many successes in
    a row as the width add one, up to ``cap``. A ``Retry-After`` closes the gate for everybody who would call this server.

    Waiters are served first come first served within a unit and round-robin across units, so that one talkative society
    does not starve the others.
    """

    def __init__(self, cap: int = 32, start: int | None = None, floor: int = 1, clock: Clock = time.monotonic) -> None:
        self.cap, self.least = cap, min(floor, cap)
        self.width = min(cap, start if start is not None else cap)
        self.in_flight = 0
        self._clock = clock
        self._successes = 0
        self._lowered = float("-inf")
        self._latencies: deque[float] = deque(maxlen=64)
        self._closed_until = float("-inf")
        self._queues: dict[str, deque[asyncio.Future[None]]] = {}

    @property
    def wait_left(self) -> float:
        """Seconds until the gate opens again; 0 when it is open."""
        return max(0.0, self._closed_until - self._clock())

    def close_for(self, seconds: float) -> None:
        """Let nobody through for so long."""
        self._closed_until = max(self._closed_until, self._clock() + seconds)
        self._serve_later()

    def congested(self) -> None:
        """The server said: too many."""
        self._successes = 0
        now = self._clock()
        if now - self._lowered >= max(1.0, self._median_latency()):
            self._lowered = now
            self.width = max(self.least, 4 * self.width // 5)

    def failed(self) -> None:
        """Another failure; it ends the row of successes."""
        self._successes = 0

    def succeeded(self, latency: float) -> None:
        self._latencies.append(latency)
        self._successes += 1
        if self._successes >= self.width and self.width < self.cap:
            self.width += 1
            self._successes = 0
            self._serve()

    async def enter(self, unit: str) -> None:
        """Wait for a place."""
        if self._free() and not self._queues:
            self.in_flight += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queues.setdefault(unit, deque()).append(turn)
        self._serve()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.leave()  # the place came together with the cancellation: give it back
            raise

    def leave(self) -> None:
        self.in_flight -= 1
        self._serve()

    def dismiss(self, error: Exception) -> None:
        """Send all who wait away with an error."""
        queues, self._queues = self._queues, {}
        for queue in queues.values():
            for turn in queue:
                if not turn.done():
                    turn.set_exception(error)

    def _free(self) -> bool:
        return self.in_flight < self.width and self.wait_left == 0

    def _serve(self) -> None:
        while self._queues and self._free():
            unit, queue = next(iter(self._queues.items()))
            del self._queues[unit]
            turn = queue.popleft()
            if queue:
                self._queues[unit] = queue  # to the end: round-robin
            if not turn.done():
                self.in_flight += 1
                turn.set_result(None)

    def _serve_later(self) -> None:
        """Serve when the gate opens; timers may fire a little early, and the gate may have been closed for longer since."""
        if self.wait_left > 0:
            asyncio.get_running_loop().call_later(min(self.wait_left, 3600.0) + 1e-3, self._serve_later)
        else:
            self._serve()

    def _median_latency(self) -> float:
        ordered = sorted(self._latencies)
        return ordered[len(ordered) // 2] if ordered else 0.0
