"""Being asked to stop: Ctrl-C, SIGTERM, hang-up, or the wall limit.

The first request stops politely: nothing new is started and units in flight have ``GRACE`` seconds to reach a commit. The
second, or the end of the grace, stops at once. Either way the run can be resumed.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

GRACE = 5.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(KeyboardInterrupt):
    """A run was stopped by a signal. ``path`` is its directory, ``exit_code`` 128 plus the signal: 130, 143, 129."""

    def __init__(self, message: str, number: int = signal.SIGINT, path: Any = None) -> None:
        super().__init__(message)
        self.number = number
        self.path = path

    @property
    def exit_code(self) -> int:
        return 128 + int(self.number)


class _Now(KeyboardInterrupt):
    """Thrown into the main thread when the patience is over."""


class Interrupts:
    """Watches for requests to stop while its block runs. Signals are caught in the main thread only.

    Parameters
    ----------
    wall : seconds after which the run stops by itself; None is never.

    Attributes
    ----------
    reason : None, ``interrupted`` or ``wall``.  number : the signal.  hurry : whether the grace is over too.
    """

    Now = _Now

    def __init__(self, wall: float | None = None, grace: float = GRACE) -> None:
        self.reason: str | None = None
        self.number: int = signal.SIGINT
        self.hurry = False
        self._wall, self._grace = wall, grace
        self._main = threading.current_thread() is threading.main_thread()
        self._old: dict[int, Any] = {}
        self._timers: list[threading.Timer] = []
        self._timed_out: str | None = None
        self._thread = threading.get_ident()

    def stopping(self) -> bool:
        return self.reason is not None

    def __enter__(self) -> Interrupts:
        if self._main:
            for number in _SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:  # nohup stays nohup
                    self._old[number] = signal.signal(number, self._caught)
        if self._wall is not None:
            self._later(self._wall, "wall")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish()

    def finish(self) -> None:
        for timer in self._timers:
            timer.cancel()
        for number, handler in self._old.items():
            signal.signal(number, handler)
        self._old.clear()

    def _later(self, seconds: float, what: str) -> None:
        timer = threading.Timer(min(seconds, threading.TIMEOUT_MAX), self._time_is_up, (what,))
        timer.daemon = True
        self._timers.append(timer)
        timer.start()

    def _time_is_up(self, what: str) -> None:
        if self._main and self._old.get(signal.SIGINT) is not None:
            self._timed_out = what
            signal.pthread_kill(self._thread, signal.SIGINT)  # wakes the main thread out of whatever it waits for
        elif what == "wall":
            self._begin("wall")
        else:
            self.hurry = True

    def _begin(self, reason: str) -> None:
        self.reason = reason
        self._later(self._grace, "grace")

    def _caught(self, number: int, frame: FrameType | None) -> None:
        what, self._timed_out = self._timed_out, None
        if what == "wall":
            if self.reason is None:
                self._begin("wall")
            return
        if what is None and self.reason is None:
            self.number = number
            self._begin("interrupted")
            return
        if what is None:
            self.reason, self.number = "interrupted", number
        if not self.hurry:
            self.hurry = True
            raise _Now
