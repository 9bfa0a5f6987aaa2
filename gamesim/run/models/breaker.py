"""Stop asking a model that only fails; probe it now and then."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable


class Breaker:
    """Opens after 5 failed attempts in a row, or when half of the last 20 calls got no answer; one probe goes out every 30 s.

    A server that says it is overloaded is known to be. Any other failure (a reset, a broken body, a timeout) may be the
    fault of one request, so those open the breaker only when at least two calls met them; and one agent of four whose
    every call fails does not close the server to the other three.

    Parameters
    ----------
    give_up_after : seconds; open for longer, waiting makes no sense and units are parked at once.
    """

    def __init__(
        self,
        *,
        in_a_row: int = 5,
        window: int = 20,
        probe_every: float = 30.0,
        give_up_after: float = 300.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._in_a_row, self._probe_every, self._give_up_after, self._clock = (
            in_a_row,
            probe_every,
            give_up_after,
            clock,
        )
        self._recent: deque[bool] = deque(maxlen=window)  # whether calls were answered in the end
        self._row = 0
        self._calls: set[str] = set()  # that failed in this row
        self._sure = False
        self._opened: float | None = None
        self._probed = float("-inf")

    @property
    def open(self) -> bool:
        return self._opened is not None

    @property
    def hopeless(self) -> bool:
        """Whether it has been open for too long to wait."""
        return self._opened is not None and self._clock() - self._opened > self._give_up_after

    def wait_left(self) -> float:
        """Seconds until a call may go out; 0 for now. The one who is told 0 while it is open is the probe."""
        if self._opened is None:
            return 0.0
        left = self._probed + self._probe_every - self._clock()
        if left <= 0:
            self._probed = self._clock()
            return 0.0
        return left

    def succeeded(self) -> None:
        self._row, self._sure = 0, False
        self._calls.clear()
        self._recent.append(True)
        if self._opened is not None:
            self._opened = None
            self._recent.clear()

    def failed(self, call: str = "", *, sure: bool = True) -> None:
        """An attempt failed.

        Parameters
        ----------
        call : which call it belonged to.
        sure : whether the server itself said that it is at fault.
        """
        self._row += 1
        self._calls.add(call)
        self._sure = self._sure or sure
        if self._row >= self._in_a_row and (self._sure or len(self._calls) > 1):
            self._open()

    def gave_up(self) -> None:
        """A call got no answer after all its attempts."""
        self._recent.append(False)
        if len(self._recent) == self._recent.maxlen and 2 * self._recent.count(False) >= len(self._recent):
            self._open()

    def _open(self) -> None:
        if self._opened is None:
            self._opened = self._probed = self._clock()
