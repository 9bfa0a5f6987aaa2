"""The JSON schema of a game document (``gamesim schema game`` prints it), and a checker of what the schema uses of JSON Schema.

The checker reports every violation with its place and never recurses into the tree, which may be deep.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from gamesim.core.errors import clean, did_you_mean, listed

from .problems import Part, Problem, pointer

Schema = dict[str, Any]
Path = tuple[Part, ...]

FORMAT = "gamesim-game-1"


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _object(required: list[str], properties: Schema, **more: Any) -> Schema:
    return {"type": "object", "additionalProperties": False, "required": required, **more, "properties": properties}


_PRINTABLE = '^[^"\\\\\\u0000-\\u001f\\u007f]+$'

SCHEMA: Schema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": FORMAT,
    **_object(
        ["format", "title", "players", "root"],
        {
            "format": {"const": FORMAT},
            "title": _ref("label"),
            "description": {"type": "string", "maxLength": 20000},
            "players": {"type": "array", "items": _ref("name"), "minItems": 1, "maxItems": 8, "uniqueItems": True},
            "parameters": {"type": "object", "propertyNames": _ref("symbol"), "additionalProperties": _ref("number")},
            "steps": {"type": "object", "propertyNames": _ref("symbol"), "additionalProperties": _ref("step")},
            "templates": {"type": "object", "propertyNames": _ref("symbol"), "additionalProperties": _ref("template")},
            "allow": {
                "type": "array",
                "items": {"enum": ["imperfect_recall", "absent_mindedness"]},
                "uniqueItems": True,
            },
            "payoff_mode": {"enum": ["exact", "affine", "ordinal", "constraints"], "default": "exact"},
            "constraints": {"type": "array", "items": {"type": "string", "maxLength": 200}, "maxItems": 200},
            "assumptions": {"type": "array", "items": _ref("assumption"), "maxItems": 200},
            "root": _ref("node"),
        },
    ),
    "$defs": {
        "name": {"type": "string", "minLength": 1, "maxLength": 60, "pattern": _PRINTABLE},
        "label": {"type": "string", "minLength": 1, "maxLength": 120, "pattern": _PRINTABLE},
        "symbol": {"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_]{0,39}$"},
        "number": {"anyOf": [{"type": "number"}, {"type": "string", "minLength": 1, "maxLength": 200}]},
        "step": _object(
            ["actor", "sees"],
            {
                "actor": {"type": "string"},
                "what": {"type": "string", "maxLength": 300},
                "sees": {"type": "array", "items": _ref("symbol"), "uniqueItems": True},
            },
        ),
        "template": _object(
            ["arguments", "node"],
            {"arguments": {"type": "array", "items": _ref("symbol"), "uniqueItems": True}, "node": _ref("node")},
        ),
        "assumption": _object(
            ["kind", "text"],
            {
                "kind": {"enum": ["payoff", "probability", "information", "order", "players", "actions", "other"]},
                "text": {"type": "string", "minLength": 1, "maxLength": 300},
                "path": {"type": "string"},
            },
        ),
        "node": {"oneOf": [_ref("move"), _ref("chance"), _ref("terminal"), _ref("use")]},
        "move": _object(
            ["type", "player", "actions"],
            {
                "type": {"const": "move"},
                "player": {"type": "string"},
                "infoset": _ref("label"),
                "step": _ref("symbol"),
                "actions": {
                    "type": "object",
                    "minProperties": 1,
                    "maxProperties": 256,
                    "propertyNames": _ref("label"),
                    "additionalProperties": _ref("node"),
                },
            },
            anyOf=[{"required": ["infoset"]}, {"required": ["step"]}],
        ),
        "chance": _object(
            ["type", "outcomes"],
            {
                "type": {"const": "chance"},
                "step": _ref("symbol"),
                "outcomes": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": 4096,
                    "items": _object(
                        ["label", "prob", "node"],
                        {"label": _ref("label"), "prob": _ref("number"), "node": _ref("node")},
                    ),
                },
            },
        ),
        "terminal": _object(
            ["type", "payoffs"],
            {
                "type": {"const": "terminal"},
                "label": _ref("label"),
                "payoffs": {"type": "object", "additionalProperties": _ref("number")},
            },
        ),
        "use": _object(
            ["type", "template", "with"],
            {
                "type": {"const": "use"},
                "template": _ref("symbol"),
                "with": {
                    "type": "object",
                    "propertyNames": _ref("symbol"),
                    "additionalProperties": _ref("number"),
                },
            },
        ),
    },
}

NODES = ("move", "chance", "terminal", "use")
_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (Mapping,),
    "array": (list, tuple),
    "string": (str,),
    "number": (int, float, Decimal),
}


class Unreadable(set[Path]):
    """Places of nodes that break the schema in a way that leaves nothing to read."""


def violations(document: Any) -> tuple[list[Problem], Unreadable]:
    """Every violation of the schema, and the nodes that cannot be read further."""
    found: list[Problem] = []
    unreadable = Unreadable()
    waiting: list[tuple[Any, Path]] = []

    def tell(path: Path, came: str, expected: str, hint: str = "", code: str = "E02") -> None:
        found.append(Problem(code, "error", pointer(path), people(path), came, expected, hint))

    _check(document, SCHEMA, (), tell, waiting)
    while waiting:
        node, path = waiting.pop()
        kind = node.get("type") if isinstance(node, Mapping) else None
        if not isinstance(node, Mapping):
            tell(path, f"{_kind(node)} where a node was expected", "a mapping with type move, chance, terminal or use")
        elif not isinstance(kind, str) or kind not in NODES:
            hint = (did_you_mean(kind, NODES) or "") if isinstance(kind, str) else ""
            tell(
                (*path, "type"),
                f"type {_shown(kind)}" if "type" in node else "no type",
                "move, chance, terminal or use",
                hint,
            )
        else:
            _check(node, SCHEMA["$defs"][kind], path, tell, waiting)
            if _readable(node):
                continue
        unreadable.add(path)
    return found, unreadable


def _readable(node: Mapping[str, Any]) -> bool:
    """Whether the walk can go on below a node, whatever else is wrong with it."""

    def text(key: str) -> bool:
        return node.get(key) is None or isinstance(node[key], str)

    def keyed(value: Any) -> bool:
        return isinstance(value, Mapping) and all(isinstance(key, str) for key in value)

    kind = node["type"]
    if kind == "move":
        own = isinstance(node.get("player"), str) and text("infoset")
        return own and text("step") and keyed(node.get("actions")) and bool(node["actions"])
    if kind == "chance":
        rows = node.get("outcomes")
        whole = isinstance(rows, (list, tuple)) and all(isinstance(row, Mapping) for row in rows) and bool(rows)
        return whole and text("step") and all(isinstance(o.get("label"), str) and "prob" in o and "node" in o for o in rows or ())  # fmt: skip
    if kind == "terminal":
        return keyed(node.get("payoffs")) and text("label")
    return isinstance(node.get("template"), str) and keyed(node.get("with"))


def refused_number(value: Any) -> bool:
    """Whether the schema has told what is wrong in the place of a number."""
    if isinstance(value, str):
        return not 1 <= len(value) <= 200
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return True
    return not (isinstance(value, int) or (value.is_finite() if isinstance(value, Decimal) else math.isfinite(value)))


def people(path: Path) -> str:
    """``root > Lend > rain`` for a place in the tree, the pointer's parts for any other."""
    if not path:
        return "document"
    if path[0] not in ("root", "templates"):
        return " > ".join(str(part) for part in path)
    kept: list[str] = []
    for k, part in enumerate(path):
        above = path[k - 1] if k else None
        if part in ("actions", "outcomes", "node") and k and above not in ("actions",):
            continue
        kept.append(str(part))
    return " > ".join(kept)


Tell = Callable[..., None]


def _check(value: Any, schema: Schema, path: Path, tell: Tell, waiting: list[tuple[Any, Path]]) -> None:
    reference = schema.get("$ref")
    if reference is not None:
        name = reference.rsplit("/", 1)[1]
        if name == "node":
            waiting.append((value, path))
        elif name == "number":
            _number(value, path, tell)
        else:
            _check(value, SCHEMA["$defs"][name], path, tell, waiting)
        return
    if "const" in schema and value != schema["const"]:
        tell(path, _shown(value), f"'{schema['const']}'")
        return
    if "enum" in schema and value not in schema["enum"]:
        options = [str(option) for option in schema["enum"]]
        tell(path, _shown(value), f"one of {listed(options)}", did_you_mean(str(value), options) or "")
        return
    wanted = schema.get("type")
    if wanted and (not isinstance(value, _TYPES[wanted]) or isinstance(value, bool)):
        tell(path, f"{_kind(value)}", {"object": "a mapping", "array": "a list", "string": "text"}.get(wanted, wanted))
        return
    if wanted == "string":
        _text(value, schema, path, tell)
    elif wanted == "array":
        _list(value, schema, path, tell, waiting)
    elif wanted == "object":
        _mapping(value, schema, path, tell, waiting)


def _text(value: str, schema: Schema, path: Path, tell: Tell) -> None:
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", 10**9):
        tell(path, f"{len(value):,} characters", f"{schema.get('minLength', 0)} to {schema['maxLength']:,}")
    elif "pattern" in schema and not re.search(schema["pattern"], value):
        letters = schema["pattern"].startswith("^[A-Za-z]")
        tell(path, _shown(value), "letters, digits and _, a letter first, up to 40" if letters else 'no quotes ("), backslashes or control characters')  # fmt: skip
    elif any(0xD800 <= ord(c) <= 0xDFFF for c in value):
        tell(path, _shown(value), "text without lone surrogates")


def _list(value: Any, schema: Schema, path: Path, tell: Tell, waiting: list[tuple[Any, Path]]) -> None:
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", 10**9):
        code = "E14" if path == ("players",) and len(value) > 8 else "E02"
        tell(path, f"{len(value):,} entries", f"{schema.get('minItems', 0)} to {schema['maxItems']:,}", code=code)
        if code == "E14":
            return
    texts = [item for item in value if isinstance(item, str)]
    if schema.get("uniqueItems") and len(set(texts)) < len(texts):
        twice = next(item for k, item in enumerate(texts) if item in texts[:k])
        tell(path, f"{_shown(twice)} twice", "every entry once")
    for k, item in enumerate(value):
        _check(item, schema["items"], (*path, k), tell, waiting)


def _mapping(value: Any, schema: Schema, path: Path, tell: Tell, waiting: list[tuple[Any, Path]]) -> None:
    properties, extra = schema.get("properties", {}), schema.get("additionalProperties")
    if not schema.get("minProperties", 0) <= len(value) <= schema.get("maxProperties", 10**9):
        tell(path, f"{len(value):,} entries", f"{schema.get('minProperties', 0)} to {schema['maxProperties']:,}")
    for key in schema.get("required", ()):
        if key not in value:
            tell(path, f"no '{key}'", f"keys {listed(list(schema['required']))}")
    choices = [option["required"][0] for option in schema.get("anyOf", ())]
    if choices and not any(choice in value for choice in choices):
        tell(path, f"neither {' nor '.join(choices)}", f"one of {listed(choices)}")
    for key, item in value.items():
        if not isinstance(key, str):
            tell(path, f"the key {_shown(key)}", "keys that are text")
        elif key in properties:
            _check(item, properties[key], (*path, key), tell, waiting)
        elif extra is False:
            tell((*path, key), f"unknown key '{clean(key, 60)}'", f"keys {listed(list(properties))}", did_you_mean(key, properties) or "")  # fmt: skip
        elif isinstance(extra, dict):
            if "propertyNames" in schema:
                _check(key, schema["propertyNames"], (*path, key), tell, waiting)
            _check(item, extra, (*path, key), tell, waiting)


def _number(value: Any, path: Path, tell: Tell) -> None:
    if isinstance(value, (bool, Mapping, list, tuple)) or not isinstance(value, (int, float, Decimal, str)):
        tell(path, _kind(value), "a number, or text such as 1/3 or v - c/2")
    elif isinstance(value, str):
        if not 1 <= len(value) <= 200:
            tell(path, f"an expression of {len(value):,} characters", "1 to 200", code="E13" if value else "E02")
    elif value != value or value in (float("inf"), float("-inf")):
        tell(path, f"{value}", "a finite number", code="E01")


def _kind(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    return f"the text {_shown(value)}" if isinstance(value, str) else f"the number {_shown(value)}"


def _shown(value: Any) -> str:
    return f"'{clean(value, 60)}'"
