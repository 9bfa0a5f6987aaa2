"""Where a repetition first differs from its record, in one sentence."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from gamesim.core.errors import CorruptRecordError, ReplayMismatchError, clean

from .journal import Event


def mismatch(
    unit: str, recorded: Sequence[Event], lines: Sequence[bytes], number: int, line: bytes | None
) -> ReplayMismatchError:
    """The first difference between a recorded line and what came now, in words."""
    was = recorded[number] if number < len(recorded) else None
    step = _step_of(recorded, number)
    place = f"unit {unit}" + (f" step {step}" if step is not None else "")
    try:
        came = parse_line(line) if line is not None else None
    except CorruptRecordError:
        came = None
    if was is None or came is None:
        what = "the record ends, the replay goes on" if was is None else "the replay ends, the record goes on"
    elif was.type != came.type:
        what = f"event {number} was '{clean(was.type, 40)}', the replay gives '{clean(came.type, 40)}'"
    elif was.agent != came.agent or was.phase != came.phase or was.step != came.step:
        what = f"event {number} ('{was.type}') is at another place"
    else:
        what = _difference(was, came)
    return ReplayMismatchError(f"{what}.", where=place, hint="Code, versions or the record changed.")


_WORDS = {"state": "environment state", "rng": "positions of the random streams", "steps": "the table of steps"}


def _difference(was: Event, came: Event) -> str:
    for key in dict.fromkeys([*was.data, *came.data]):
        if key != "chain" and was.data.get(key) != came.data.get(key):
            subject = _WORDS.get(key, f"'{clean(key, 60)}' of event '{was.type}'")
            return f"{subject} differs (recorded {_short(was.data.get(key))}, replayed {_short(came.data.get(key))})"
    return "the chain differs"


def _short(value: Any) -> str:
    text = clean(value, 60)
    return f"{text[:4]}.." if isinstance(value, str) and len(value) == 64 else text


def _step_of(events: Sequence[Event], number: int) -> int | None:
    """The step of an event, or of the nearest one before it that says one (commits do not)."""
    for event in reversed(events[: number + 1]):
        if event.step is not None:
            return event.step
    return None


def parse_line(line: bytes) -> Event:
    try:
        body = json.loads(line)
        return Event(body["i"], body["t"], body.get("step"), body.get("phase"), body.get("agent"), body["d"])
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptRecordError("a line of a journal cannot be read.") from error
