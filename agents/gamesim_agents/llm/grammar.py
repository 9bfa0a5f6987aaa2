"""GBNF, the grammar that servers of the llama.cpp family constrain answers with, from a JSON schema.

Keys come in the schema's order, all of them, with single spaces. Numbers keep to their bounds: to a part of them, such as
four decimals, where the bounds are not whole; what a server's own translation of a schema often leaves out.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

_BASE = {
    "char": r'[^"\\\x7F\x00-\x1F] | "\\" (["\\bfnrt/] | "u" [0-9a-fA-F]{4})',
    "integer": '"-"? ("0" | [1-9] [0-9]{0,15})',
    "number": '"-"? ("0" | [1-9] [0-9]{0,15}) ("." [0-9]{1,6})?',
    "boolean": '"true" | "false"',
    "null": '"null"',
}


def gbnf(schema: Mapping[str, Any]) -> str:
    """The grammar, starting at ``root``.

    Examples
    --------
    >>> print(gbnf({"type": "object", "properties": {"move": {"enum": ["C", "D"]}}}))
    root ::= "{" "\\"move\\": " root-move "}"
    root-move ::= "\\"C\\"" | "\\"D\\""
    """
    rules: dict[str, str] = {}
    _add(rules, "root", schema)
    needed = " ".join(rules.values())
    for name, rule in _BASE.items():
        if re.search(rf"(?<![\w-]){name}(?![\w-])", needed):
            rules[name] = rule
    return "\n".join(f"{name} ::= {rule}" for name, rule in rules.items())


def _add(rules: dict[str, str], name: str, schema: Mapping[str, Any]) -> None:
    rules[name] = ""  # keeps its place before the rules it needs
    rules[name] = _rule(rules, name, schema)


def _rule(rules: dict[str, str], name: str, schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        for number, option in enumerate(schema["anyOf"]):
            _add(rules, f"{name}-{number}", option)
        return " | ".join(f"{name}-{number}" for number in range(len(schema["anyOf"])))
    if "enum" in schema:
        return " | ".join(_literal(json.dumps(item, ensure_ascii=False)) for item in schema["enum"])
    kinds = schema.get("type", "object")
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    return " | ".join(_of_kind(rules, name, schema, kind) for kind in kinds)


def _of_kind(rules: dict[str, str], name: str, schema: Mapping[str, Any], kind: str) -> str:
    if kind == "string":
        return f'"\\"" char{{{schema.get("minLength", 0)},{schema.get("maxLength", 200)}}} "\\""'
    if kind in ("integer", "number"):
        return bounded(schema.get("minimum"), schema.get("maximum"), whole=kind == "integer") or kind
    if kind == "array":
        item = f"{name}-item"
        _add(rules, item, schema.get("items", {"type": "number"}))
        fewest, most = int(schema.get("minItems", 0)), int(schema.get("maxItems", 16))
        if most == 0:
            return '"[]"'
        rest = f'(", " {item}){{{max(fewest - 1, 0)},{most - 1}}}'
        return f'"[" {item} {rest} "]"' if fewest else f'"[" ({item} {rest})? "]"'
    if kind == "object":
        parts = []
        for number, (key, value) in enumerate(schema.get("properties", {}).items()):
            inner = f"{name}-{''.join(c if c.isalnum() and c.isascii() else '-' for c in key)}"
            inner += f"-{number}" if inner in rules else ""
            _add(rules, inner, value)
            lead = ", " if number else ""
            parts.append(f"{_literal(lead + json.dumps(key, ensure_ascii=False) + ': ')} {inner}")
        return " ".join(['"{"', *parts, '"}"'])
    return kind


def bounded(low: float | None, high: float | None, *, whole: bool) -> str | None:
    """A rule whose numbers lie in [low, high]; None where there are no bounds, or none that a grammar can keep.

    Examples
    --------
    >>> bounded(0, 1, whole=False)
    '("0" ("." [0-9]{1,4})? | "1")'
    >>> bounded(8, 12, whole=True)
    '([8-9] | "1" [0-2])'
    """
    if low is None or low < 0:
        return None
    if high is None:  # the base rules without their sign
        return '("0" | [1-9] [0-9]{0,8})' + ("" if whole else ' ("." [0-9]{1,4})?') if low == 0 else None
    if high < low or high >= 10**15:
        return None
    first, last = math.ceil(low), math.floor(high)
    if whole:
        return f"({' | '.join(digits(first, last))})" if first <= last else None
    found = []
    if 0 < low <= 1e-4 and first == 1:
        found.append('"0." [0-9]{0,3} [1-9]')
    if first <= last - 1:
        found += [f'{rule} ("." [0-9]{{1,4}})?' for rule in digits(first, last - 1)]
    if first <= last:
        found += digits(last, last)
    return f"({' | '.join(found)})" if found else None


def digits(low: int, high: int) -> list[str]:
    """Rules whose strings together are the whole numbers from ``low`` to ``high``, both >= 0, without leading zeros."""
    found = []
    for length in range(len(str(low)), len(str(high)) + 1):
        smallest = max(low, 10 ** (length - 1) if length > 1 else 0)
        found += _of_length(str(smallest), str(min(high, 10**length - 1)))
    return found


def _of_length(low: str, high: str) -> list[str]:
    """Rules for the numbers from ``low`` to ``high``, equally long."""
    if low == high:
        return [f'"{low}"']
    if len(low) == 1:
        return [f"[{low}-{high}]"]
    if low[0] == high[0]:
        return [f'"{low[0]}" {rule}' for rule in _of_length(low[1:], high[1:])]
    rest = len(low) - 1
    found, first, last = [], int(low[0]), int(high[0])
    if low[1:] != "0" * rest:
        found += [f'"{first}" {rule}' for rule in _of_length(low[1:], "9" * rest)]
        first += 1
    tail = []
    if high[1:] != "9" * rest:
        tail = [f'"{last}" {rule}' for rule in _of_length("0" * rest, high[1:])]
        last -= 1
    if first <= last:
        found.append(f"[{first}-{last}] [0-9]{{{rest}}}")
    return found + tail


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
