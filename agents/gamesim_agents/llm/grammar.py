"""GBNF, the grammar that servers of the llama.cpp family constrain answers with, from a JSON schema.

Keys come in the schema's order, all of them, with single spaces; bounds of numbers are left to the reader of the answer.
"""

from __future__ import annotations

import json
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


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
