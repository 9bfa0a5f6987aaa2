"""How far a run is: bars on a terminal, a line every ten seconds elsewhere, or one JSON object a line. All on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Protocol, Self

from gamesim.core.errors import clean

from .output import Output, as_json

EVERY = 10.0  # seconds between plain lines


class Reporter(Protocol):
    """Hears the events of a run while its block lasts."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def __call__(self, event: Mapping[str, Any]) -> None: ...


def reporter(out: Output, total: int = 0) -> Reporter:
    """The reporter that the flags and the terminal ask for.

    Parameters
    ----------
    total : units expected, 0 if nobody knows.
    """
    how = out.progress
    if how == "json":
        return Lines()
    if how == "none" or (out.quiet and how == "auto"):
        return Plain(out, total, silent=True)
    if how == "bars" or (how == "auto" and sys.stderr.isatty()):
        return Bars(out, total)
    return Plain(out, total)


class Counter:
    """Units done, failed and expected, from events."""

    def __init__(self, total: int) -> None:
        self.total, self.done, self.failed, self.sealed = total, 0, 0, 0
        self.calls: Mapping[str, Any] = {}
        self.began = time.monotonic()

    def hear(self, event: Mapping[str, Any]) -> None:
        kind = event.get("event")
        if kind == "wave":
            self.sealed += int(event.get("sealed", 0))
            self.done = max(self.done, self.sealed)
        if kind in ("unit_done", "unit_failed"):
            self.done = int(event.get("done", self.done + 1))
            self.total = max(self.total, int(event.get("total", 0)))
            self.failed += kind == "unit_failed"
        if kind == "calls":
            self.calls = event
        if kind in ("verified", "progress"):
            self.done, self.total = int(event.get("done", 0)), int(event.get("total", self.total))

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def __str__(self) -> str:
        of = f"/{self.total}" if self.total else ""
        calls = f"   {standing(self.calls)}" if self.calls else ""
        return f"units {self.done}{of}   {self.failed} failed{calls}   {clock(self.seconds)}"


def standing(calls: Mapping[str, Any]) -> str:
    """How calls to models stand, such as ``120 calls (5 in flight, 1 failed)  0.12 of 5 USD``."""
    beside = [
        f"{calls[key]:,} {word}" for key, word in (("in_flight", "in flight"), ("failed", "failed")) if calls.get(key)
    ]
    text = f"{calls.get('done', 0):,} calls" + (f" ({', '.join(beside)})" if beside else "")
    limits = calls.get("limits") or {}
    if calls.get("money") or limits.get("money") is not None:
        of = f" of {limits['money']:g}" if limits.get("money") is not None else ""
        text += f"  {calls.get('money', 0):.4g}{of} {calls.get('currency', '')}"
    if limits.get("calls") is not None:
        text += f"  {calls.get('sent', 0):,} of {limits['calls']:,} calls"
    return text


def clock(seconds: float) -> str:
    """Such as ``0:01:05``."""
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def spoken(event: Mapping[str, Any]) -> str | None:
    """Plain words for what a user should hear of at once."""
    kind = event.get("event")
    if kind == "note":
        return clean(event.get("text", ""), 300)
    if kind == "unit_retried":
        return f"unit {clean(event.get('unit'), 20)} is tried again ({event.get('tries')}): {clean(event.get('cause', ''))}"
    if kind == "unit_failed":
        error = event.get("error")
        message = error.get("message", "") if isinstance(error, Mapping) else event.get("message", "")
        return f"unit {clean(event.get('unit'), 20)} failed: {clean(message)}"
    if kind == "waiting":
        model, seconds = clean(event.get("model"), 80), float(event.get("seconds", 0))
        return f"waiting: the server of {model} asks for {seconds:.0f} s (until {clean(event.get('until'), 40)})"
    if kind == "model_down":
        return f"the server of {clean(event.get('model'), 80)} fails; it is tried again from time to time"
    if kind == "model_drift":
        return f"{clean(event.get('model'), 80)} calls itself {clean(event.get('now'), 80)} now, {clean(event.get('before'), 80)} before"
    if kind == "unit_parked":
        return f"unit {clean(event.get('unit'), 20)} waits for a resume: {clean(event.get('cause'), 200)}"
    if kind == "stopping":
        running = int(event.get("running", 0))
        why = "the wall limit is reached" if event.get("reason") == "wall" else "asked to stop"
        return (
            f"{why}; waiting up to 5 s for {running} unit{'s' if running != 1 else ''} in play (again to stop at once)"
        )
    return None


class Lines:
    """One JSON object a line."""

    def __enter__(self) -> Lines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def __call__(self, event: Mapping[str, Any]) -> None:
        print(as_json(event), file=sys.stderr, flush=True)


class Plain:
    """A line every ten seconds, and at once what should be heard at once."""

    def __init__(self, out: Output, total: int, silent: bool = False) -> None:
        self.out, self.silent, self.count = out, silent, Counter(total)
        self.told = time.monotonic()

    def __enter__(self) -> Plain:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def __call__(self, event: Mapping[str, Any]) -> None:
        self.count.hear(event)
        if self.silent:
            return
        words = spoken(event)
        if words is not None:
            print(words, file=sys.stderr, flush=True)
        if time.monotonic() - self.told >= EVERY:
            self.told = time.monotonic()
            print(self.count, file=sys.stderr, flush=True)


class Bars:
    """A bar of units with the time that is left."""

    def __init__(self, out: Output, total: int) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self.count = Counter(total)
        console = Console(stderr=True, no_color=out.no_color or None, highlight=False, markup=False)
        self.bars = Progress(
            TextColumn("units"), BarColumn(bar_width=36), MofNCompleteColumn(), TextColumn("{task.fields[failed]} failed"), TextColumn("{task.fields[calls]}"),
            TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(), console=console, transient=False,
        )  # fmt: skip
        self.task = self.bars.add_task("units", total=total or None, failed=0, calls="")

    def __enter__(self) -> Bars:
        self.bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bars.stop()

    def __call__(self, event: Mapping[str, Any]) -> None:
        self.count.hear(event)
        self.bars.update(
            self.task,
            completed=self.count.done,
            total=self.count.total or None,
            failed=self.count.failed,
            calls=standing(self.count.calls) if self.count.calls else "",
        )
        words = spoken(event)
        if words is not None:
            self.bars.console.print(words)
