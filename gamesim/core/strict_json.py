"""One JSON object and nothing else, from text nobody vouches for."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

MAX_DEPTH = 16
MAX_INTEGER = 2**63 - 1
_FENCE = re.compile(r"\A```[a-zA-Z0-9_-]*[ \t]*\n(.*)\n?```\Z", re.DOTALL)


class Malformed(ValueError):
    """Not exactly one well-formed JSON object; the message says why, for a repair call."""


def read_object(text: str) -> tuple[Mapping[str, Any], bool]:
    """The object, and whether it stood in a code fence.

    Duplicate keys, NaN, infinities, integers beyond 64 bits, nesting beyond 16, lone surrogates, a second object and text
    around the object are all ``Malformed``.

    Examples
    --------
    >>> read_object('{"effort": 0.5}')
    ({'effort': 0.5}, False)
    >>> read_object('I choose {"effort": 0.5}')
    Traceback (most recent call last):
    ...
    gamesim.core.strict_json.Malformed: the answer must be one JSON object and nothing else
    """
    text = text.strip()
    fence = _FENCE.match(text)
    if fence:
        text = fence.group(1).strip()
    if not text.startswith("{") or not text.endswith("}"):
        raise Malformed("the answer must be one JSON object and nothing else")
    if _depth(text) > MAX_DEPTH:
        raise Malformed(f"the answer is nested deeper than {MAX_DEPTH}")
    try:
        value = json.loads(
            text, object_pairs_hook=_unique, parse_constant=_constant, parse_int=_integer, parse_float=_float
        )
    except json.JSONDecodeError as error:
        raise Malformed(f"not JSON: {error.msg} at character {error.pos + 1}") from None
    if not isinstance(value, dict):
        raise Malformed("the answer must be one JSON object and nothing else")
    if _surrogate(value):
        raise Malformed("the answer holds a lone surrogate")
    return value, fence is not None


def _depth(text: str) -> int:
    deepest = depth = 0
    inside = escaped = False
    for character in text:
        if inside:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                inside = False
        elif character == '"':
            inside = True
        elif character in "{[":
            depth += 1
            deepest = max(deepest, depth)
            if deepest > MAX_DEPTH:
                return deepest
        elif character in "}]":
            depth -= 1
    return deepest


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(key for key, _ in pairs if sum(other == key for other, _ in pairs) > 1)
        raise Malformed(f"the key '{twice[:40]}' stands twice")
    return found


def _constant(name: str) -> NoReturn:
    raise Malformed(f"{name} is not a JSON number")


def _integer(digits: str) -> int:
    if len(digits) > 20 or abs(int(digits)) > MAX_INTEGER:
        raise Malformed("a number is out of range")
    return int(digits)


def _float(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise Malformed("a number is out of range")
    return value


def _surrogate(value: Any) -> bool:
    if isinstance(value, str):
        return any(0xD800 <= ord(character) <= 0xDFFF for character in value)
    if isinstance(value, dict):
        return any(_surrogate(key) or _surrogate(item) for key, item in value.items())
    return isinstance(value, list) and any(_surrogate(item) for item in value)
