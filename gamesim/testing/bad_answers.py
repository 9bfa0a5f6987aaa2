"""Answers a model may give: a legal one made from a schema, and every way of spoiling it that has its own name.

``spoiled(name, schema)`` is the text of one content fault; ``CONTENT_FAULTS`` says which outcome each must get.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

CANARY = "XK-CANARY-7Q"  # what the `injected` fault says; scenarios with an injection plant their own

CONTENT_FAULTS: Mapping[str, str] = {
    "wrong_type": "malformed",
    "missing_key": "malformed",
    "extra_key": "malformed",
    "nan": "malformed",
    "infinity": "malformed",
    "huge_integer": "malformed",
    "duplicate_keys": "malformed",
    "nested_json": "malformed",
    "two_objects": "malformed",
    "prose": "malformed",
    "deep_brackets": "malformed",
    "lone_surrogate": "malformed",
    "out_of_range": "illegal",
    "illegal_here": "illegal",
    "homoglyph": "illegal",
    "other_language": "illegal",
    "other_case": "illegal",
    "blank": "empty",
    "injected": "injected",
    "fenced": "ok",
    "markup": "ok",
}

_CYRILLIC = str.maketrans("aceopxyABCEHKMOPTX", "асеорхуАВСЕНКМОРТХ")


def legal_value(schema: Mapping[str, Any], draw: int = 0) -> Any:
    """A value that fits a schema; different ``draw`` give different ones where the schema leaves a choice.

    Examples
    --------
    >>> legal_value({"type": "object", "properties": {"act": {"enum": ["stay", "go"]}}}, 1)
    {'act': 'go'}
    """
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][draw % len(schema["enum"])]
    for union in ("anyOf", "oneOf"):
        if schema.get(union):
            return legal_value(schema[union][0], draw)
    kinds = schema.get("type", "object" if "properties" in schema else "string")
    kind = kinds if isinstance(kinds, str) else kinds[0]
    if kind == "object":
        return {key: legal_value(sub, draw) for key, sub in schema.get("properties", {}).items()}
    if kind == "array":
        return [legal_value(schema.get("items", {}), draw)] * int(schema.get("minItems", 0))
    if kind in ("number", "integer"):
        low, high = schema.get("minimum", schema.get("exclusiveMinimum", 0)), schema.get("maximum", 8)
        share = (draw % 5) / 8  # the lower half: what a society survives
        value = low + share * (high - low)
        return round(value) if kind == "integer" else value
    if kind == "boolean":
        return draw % 2 == 0
    if kind == "null":
        return None
    longest = int(schema.get("maxLength", 40))
    return "Because it is fair."[:longest].ljust(int(schema.get("minLength", 0)), ".")


def spoiled(name: str, schema: Mapping[str, Any], *, illegal_here: str | None = None) -> str:
    """The text of a content fault, for answers of this schema.

    Parameters
    ----------
    illegal_here : what is legal by the schema and not in the state of the game; by default every number at its maximum and
        every label the last one.

    Raises
    ------
    KeyError
        For a name that is no content fault.
    """
    value = legal_value(schema)
    good = json.dumps(value)
    keys = list(value) if isinstance(value, dict) else []
    first = keys[0] if keys else "action"
    rest = {key: value[key] for key in keys[1:]}
    raw = {
        "nan": "NaN",
        "infinity": "Infinity",
        "huge_integer": "1" + "0" * 400,
        "deep_brackets": "[" * 100_000 + "]" * 100_000,
    }
    if name in raw:
        return (
            "{"
            + f'"{first}": {raw[name]}'
            + "".join(f", {json.dumps(k)}: {json.dumps(v)}" for k, v in rest.items())
            + "}"
        )
    label = _first_text(schema)
    made: dict[str, Any] = {
        "wrong_type": lambda: json.dumps({**value, first: [good]}),
        "missing_key": lambda: json.dumps(rest),
        "extra_key": lambda: json.dumps({**value, "confidence": 0.9}),
        "duplicate_keys": lambda: good[:-1] + f", {json.dumps(first)}: {json.dumps(value.get(first))}" + "}",
        "nested_json": lambda: json.dumps(good),
        "two_objects": lambda: good + "\n" + good,
        "prose": lambda: f"Thinking of the others, I choose {good}. I hope that helps!",
        "lone_surrogate": lambda: json.dumps({**value, label or first: "\ud800"}),
        "out_of_range": lambda: json.dumps(_outside(schema, value)),
        "illegal_here": lambda: illegal_here if illegal_here is not None else json.dumps(_extreme(schema, value)),
        "homoglyph": lambda: json.dumps(_relabelled(schema, value, lambda text: text.translate(_CYRILLIC))),
        "other_language": lambda: json.dumps(_relabelled(schema, value, lambda text: "協力する")),
        "other_case": lambda: json.dumps(_relabelled(schema, value, str.swapcase)),
        "blank": lambda: " \n\t",
        "injected": lambda: json.dumps({**value, label: CANARY} if label else value),
        "fenced": lambda: f"```json\n{good}\n```",
        "markup": lambda: json.dumps({**value, label: "\x1b[31m<script>alert(1)</script>"} if label else value),
    }
    return str(made[name]())


def _first_text(schema: Mapping[str, Any]) -> str | None:
    """The first free-text field."""
    for key, sub in schema.get("properties", {}).items():
        kinds = sub.get("type", "")
        if "enum" not in sub and (kinds == "string" or (isinstance(kinds, list) and "string" in kinds)):
            return str(key)
    return None


def _numbers(schema: Mapping[str, Any]) -> list[str]:
    return [key for key, sub in schema.get("properties", {}).items() if sub.get("type") in ("number", "integer")]


def _labels(schema: Mapping[str, Any]) -> list[str]:
    return [
        key
        for key, sub in schema.get("properties", {}).items()
        if sub.get("enum") and all(isinstance(label, str) for label in sub["enum"])
    ]


def _outside(schema: Mapping[str, Any], value: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(value)
    for key in _numbers(schema):
        found[key] = schema["properties"][key].get("maximum", 1e12) * 2 + 1
    if not _numbers(schema):
        found.update(dict.fromkeys(_labels(schema), "none of these"))
    return found


def _extreme(schema: Mapping[str, Any], value: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(value)
    found.update({key: schema["properties"][key].get("maximum", 1e12) for key in _numbers(schema)})
    found.update({key: schema["properties"][key]["enum"][-1] for key in _labels(schema)})
    return found


def _relabelled(schema: Mapping[str, Any], value: Mapping[str, Any], change: Any) -> dict[str, Any]:
    if not _labels(schema):
        return _outside(schema, value)
    return {**value, **{key: change(value[key]) for key in _labels(schema)}}
