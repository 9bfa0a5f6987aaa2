"""The form of an answer: from what an environment asks to a JSON schema, and from the fields of an answer to actions.

The action stands first, then sentences, then the reason; every key is required, what is optional may be null.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from gamesim.core.describe import Description, Option, Part
from gamesim.core.errors import GamesimError
from gamesim.core.policy import ActionSpec

from .structured import same_label

REASON = "reason"


@dataclass(frozen=True)
class Form:
    """What one question asks for.

    Attributes
    ----------
    spec : of the phase's own decision; later parts have schemas of their own.
    orders : for each part with options, the places 0..M-1 in the order in which this reader is shown them.
    reason : longest reason asked for, in characters; None asks for none.
    """

    description: Description
    spec: ActionSpec
    orders: Mapping[str, Sequence[int]]
    reason: int | None = None

    @cached_property
    def schema(self) -> dict[str, Any]:
        properties: dict[str, Any] = {w.key: _string(w.max_chars) for w in self.description.words if w.first}
        for part in self.description.parts:
            schema = self._of_part(part)
            properties |= schema["properties"] if _is_object(schema) else {part.key: schema}
        properties |= {w.key: _string(w.max_chars) for w in self.description.words if not w.first}
        if self.reason is not None:
            properties[REASON] = {"type": ["string", "null"], "maxLength": self.reason}
        return {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }

    @cached_property
    def checked(self) -> dict[str, Any]:
        """The schema that answers are held to: as ``schema``, without the length of what is cut anyway."""
        cut = {words.key for words in self.description.words if words.cut}
        if not cut:
            return self.schema
        properties = self.schema["properties"]
        return {
            **self.schema,
            "properties": {key: {"type": "string"} if key in cut else value for key, value in properties.items()},
        }

    def options(self, part: Part) -> list[Option]:
        """A part's options as this reader sees them."""
        options = part.options or ()
        return [options[place] for place in self.orders.get(part.key, range(len(options)))]

    def action(self, fields: Mapping[str, Any]) -> Any:
        """The action of this phase.

        Raises
        ------
        IllegalActionError, TypeError, ValueError, KeyError, OverflowError
            Where it may not be played.
        """
        return self.played(self.description.parts[0], self.spec, fields)

    def played(self, part: Part, spec: ActionSpec, fields: Mapping[str, Any]) -> Any:
        """The action that a part of the answer means in its own phase; errors as in ``action``."""
        action = spec.parse(self._value(part, fields))
        if not spec.legal(action):
            raise ValueError("it may not be played now")
        return action

    def ahead(self, fields: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """Answers to the later parts by phase, to be played when their phase comes; JSON."""
        return {part.phase: {"value": self._value(part, fields)} for part in self.description.parts[1:]}

    def places(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Of every list: which options were shown in which order, and the place chosen; JSON, for the record."""
        return {
            part.key: {"shown": [int(place) for place in self.orders.get(part.key, ())], "place": fields.get(part.key)}
            for part in self.description.parts
            if part.options
        }

    def write(self, part: Part, action: Any) -> dict[str, Any]:
        """The fields that say an action: what a rule answers in a model's place."""
        if part.options is not None:
            chosen = [place for place, option in enumerate(self.options(part), start=1) if _same(option.action, action)]
            return {part.key: chosen[0] if chosen else None}
        schema = self._of_part(part)
        value = action if part.write is None else part.write(action)
        if _is_object(schema):
            return {key: _plain(value[key], schema["properties"][key]) for key in schema["properties"]}
        if "enum" in schema and part.write is None:
            return {part.key: self._label(schema["enum"], action)}
        return {part.key: _plain(value, schema)}

    def _label(self, labels: Sequence[Any], action: Any) -> Any:
        for label in labels:
            try:
                if _same(self.spec.parse(label), action):
                    return label
            except (GamesimError, TypeError, ValueError, KeyError):
                continue
        return None

    def _value(self, part: Part, fields: Mapping[str, Any]) -> Any:
        schema = self._of_part(part)
        if _is_object(schema):
            given: Any = {key: fields[key] for key in schema["properties"]}
        else:
            given = fields[part.key]
        if part.options is not None:
            if given is None:
                return None
            return self.options(part)[int(given) - 1].action
        if "enum" in schema:
            label = same_label(given, schema["enum"])
            given = label[0] if label else given
        return given if part.read is None else part.read(given)

    def _of_part(self, part: Part) -> Mapping[str, Any]:
        if part.options is not None:
            return {"enum": [*range(1, len(part.options) + 1), None]}
        return self.spec.json_schema() if part.schema is None else part.schema


def _string(longest: int) -> dict[str, Any]:
    return {"type": "string", "maxLength": longest}


def _is_object(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") == "object"


def _plain(value: Any, schema: Mapping[str, Any]) -> Any:
    """A value as JSON of the schema's kind."""
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(item, schema.get("items", {})) for item in value]
    number = float(value)
    if number != number:
        return None
    kinds = schema.get("type", ())
    whole = "integer" in ([kinds] if isinstance(kinds, str) else kinds) or "enum" in schema
    return int(number) if whole and number == int(number) else number


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Mapping) or isinstance(other, Mapping):
        return bool(one == other)
    return bool(np.array_equal(np.asarray(one, dtype=object), np.asarray(other, dtype=object)))
