"""From an answer to a decision, strictly: the first step that fails names the outcome.

No number is fished out of prose, no label matched by likeness, nothing clipped.
"""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from gamesim.core.model import ModelReply
from gamesim.core.policy import Outcome
from gamesim.core.strict_json import Malformed, read_object
from gamesim.run.models.calls import Answer

REPAIRABLE: frozenset[str] = frozenset({"malformed", "illegal", "empty", "truncated"})
ANSWER_LINE = "ANSWER:"


@dataclass(frozen=True)
class Reading:
    """What an answer says: the fields of its object, or how it failed (``detail`` goes into the repair call)."""

    outcome: Outcome
    fields: Mapping[str, Any] | None = None
    detail: str = ""
    fenced: bool = False


def read_answer(
    answer: Answer, schema: Mapping[str, Any], *, mode: Literal["json_schema", "grammar", "text"] = "json_schema"
) -> Reading:
    """The fields of an answer that has the schema's shape.

    Bounds and labels of the action are the environment's to judge (``ActionSpec.legal``); here a wrong type, a missing or
    an extra key is ``malformed``, and a string that is too long is ``illegal``.
    """
    if answer.failure is not None or answer.reply is None:
        failure = answer.failure
        return Reading(failure.outcome if failure else "transport", detail=failure.message if failure else "no answer")
    failed = _unsaid(answer.reply)
    if failed is not None:
        return failed
    assert answer.reply.text is not None
    text = answer.reply.text
    if mode == "text":
        lines = [line for line in text.splitlines() if line.strip().startswith(ANSWER_LINE)]
        if len(lines) != 1:
            return Reading("malformed", detail=f"exactly one line must begin with {ANSWER_LINE}")
        text = lines[0].strip()[len(ANSWER_LINE) :]
    try:
        fields, fenced = read_object(text)
    except Malformed as error:
        return Reading("malformed", detail=str(error))
    outcome, detail = check_shape(fields, schema)
    return Reading(outcome, fields if outcome == "ok" else None, detail, fenced)


def _unsaid(reply: ModelReply) -> Reading | None:
    if reply.finish_reason == "content_filter":
        return Reading("content_filter", detail="the server filtered the answer")
    if reply.refusal:
        return Reading("refusal", detail="the model refused")
    if reply.text is None or not reply.text.strip():
        return Reading("empty", detail="the answer is empty")
    if reply.finish_reason == "length":
        return Reading("truncated", detail="the answer was cut off")
    return None


def check_shape(fields: Mapping[str, Any], schema: Mapping[str, Any]) -> tuple[Outcome, str]:
    """``ok``, or the outcome and the sentence that names the first fault."""
    properties: Mapping[str, Any] = schema.get("properties", {})
    for key in fields:
        if key not in properties:
            return "malformed", f"the key '{key[:40]}' is not asked for; keys: {', '.join(properties)}"
    for key in schema.get("required", properties):
        if key not in fields:
            return "malformed", f"the key '{key}' is missing"
    for key, value in fields.items():
        outcome, detail = _check_value(key, value, properties[key])
        if outcome != "ok":
            return outcome, detail
    return "ok", ""


def _check_value(key: str, value: Any, schema: Mapping[str, Any]) -> tuple[Outcome, str]:
    types = schema.get("type")
    allowed = [types] if isinstance(types, str) else list(types or [])
    if "anyOf" in schema:
        tried = [_check_value(key, value, option) for option in schema["anyOf"]]
        return next((result for result in tried if result[0] == "ok"), tried[0])
    if "enum" in schema:
        labels = list(schema["enum"])
        if same_label(value, labels) is not None:
            return "ok", ""
        alike = any(type(value) is type(label) for label in labels)
        return "illegal" if alike else "malformed", f"'{key}' must be one of {_listed(labels)}"
    if allowed and not any(_is(value, kind) for kind in allowed):
        return "malformed", f"'{key}' must be {' or '.join(allowed)}"
    if isinstance(value, str):
        longest = schema.get("maxLength")
        if longest is not None and len(value) > longest:
            return "illegal", f"'{key}' is longer than {longest} characters"
        if schema.get("minLength", 0) > len(value):
            return "illegal", f"'{key}' is shorter than {schema['minLength']} characters"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
        if not low <= value <= high:
            return "illegal", f"'{key}' must lie from {low} to {high}"
    if isinstance(value, list):
        items = schema.get("items", {})
        fewest, most = schema.get("minItems", 0), schema.get("maxItems", math.inf)
        if not fewest <= len(value) <= most:
            return "illegal", f"'{key}' must have {fewest} to {most} entries, not {len(value)}"
        for item in value:
            outcome, detail = _check_value(key, item, items)
            if outcome != "ok":
                return outcome, detail
    return "ok", ""


def same_label(value: Any, labels: Sequence[Any]) -> tuple[Any] | None:
    """The label that a value is, in a tuple since None may be one; strings are compared exactly, after NFC."""
    said = unicodedata.normalize("NFC", value) if isinstance(value, str) else value
    for label in labels:
        known = unicodedata.normalize("NFC", label) if isinstance(label, str) else label
        if type(said) is type(known) and said == known:
            return (label,)
    return None


def _is(value: Any, kind: str) -> bool:
    if kind == "null":
        return value is None
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, {"string": str, "object": dict, "array": list}[kind])


def _listed(labels: list[Any]) -> str:
    return ", ".join(json.dumps(label, ensure_ascii=False) for label in labels[:12]) + (
        ", ..." if len(labels) > 12 else ""
    )


def longest_answer(schema: Mapping[str, Any]) -> int:
    """Bytes of the longest legal answer, for ``max_tokens = ceil(bytes / 2) + 32``."""
    return _longest(schema)


def _longest(schema: Mapping[str, Any]) -> int:
    if "anyOf" in schema:
        return max(_longest(option) for option in schema["anyOf"])
    if "enum" in schema:
        return max(len(json.dumps(item, ensure_ascii=False).encode()) for item in schema["enum"])
    types = schema.get("type")
    kinds = [types] if isinstance(types, str) else list(types or [])
    longest = 4
    if "string" in kinds:
        longest = max(longest, 4 * int(schema.get("maxLength", 200)) + 2)
    if "number" in kinds or "integer" in kinds:
        longest = max(longest, 24)
    if "array" in kinds:
        longest = max(longest, int(schema.get("maxItems", 16)) * (_longest(schema.get("items", {})) + 2) + 2)
    if "object" in kinds:
        longest = max(
            longest, 2 + sum(len(key) + 6 + _longest(value) for key, value in schema.get("properties", {}).items())
        )
    return longest


def max_tokens(schema: Mapping[str, Any]) -> int:
    """Enough for the longest legal answer."""
    return -(-longest_answer(schema) // 2) + 32
