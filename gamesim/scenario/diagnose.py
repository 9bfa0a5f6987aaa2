"""Complaints of pydantic, said in the style of the house: the place in the file, the dotted path, what was possible."""

from __future__ import annotations

import enum
import json
import re
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from gamesim.core.errors import (
    GamesimError,
    OverrideError,
    ScenarioError,
    UnknownKindError,
    clean,
    did_you_mean,
    listed,
    nearest,
)
from gamesim.yaml.node import Node, Path, dotted, plain

M = TypeVar("M", bound=BaseModel)
# Literal fields that name a thing rather than a setting; a wrong one is an UnknownKindError.
NAMING = frozenset({"kind", "law", "rule", "agent", "scheme", "concept"})


def validated(model: type[M], node: Node, path: tuple[str | int, ...], errors: list[ScenarioError]) -> M | None:
    """The model of a mapping node, or None with its complaints appended to ``errors``.

    Validation is strict: ``no`` is not false, ``"8"`` is not 8, and 1e3 is not a whole number.
    """
    try:
        return model.model_validate_json(json.dumps(plain(node)), strict=True)
    except ValidationError as error:
        errors.extend(explain(error, model, node, path))
    except ScenarioError as error:  # raised by a validator that knows what it wants to say
        errors.append(placed(error, node, path))
    except RecursionError:
        errors.append(ScenarioError("nested too deeply.", where=node.place, path=dotted(path)))
    return None


def placed(error: ScenarioError, node: Node, path: tuple[str | int, ...]) -> ScenarioError:
    """The same error with place and whole path, where it had none."""
    if error.where is None:
        inner: Path = tuple(error.path.split(".")) if error.path else ()
        if inner[: len(path)] == tuple(map(str, path)):
            inner = inner[len(path) :]
        inner = inner or _culprit(error.message, node)
        whole = (*path, *inner)
        error.where = node.nearest(inner).place
        error.path = dotted(whole) or None
    return from_override(error)


def _culprit(message: str, node: Node) -> Path:
    """The path of the one text in the tree that a message quotes, such as the ``ringg(2)`` behind "no network 'ringg'"."""
    found = [
        path
        for path, child in node.walk()
        if isinstance(child.value, str)
        and (f"'{child.value}'" in message or f"'{child.value.split('(')[0].strip()}'" in message)
    ]
    return found[0] if len(found) == 1 else ()


def from_override(error: ScenarioError) -> ScenarioError:
    """``--set a.b=c`` already names the path; it need not be said twice."""
    if error.where is not None and error.where.startswith("--"):
        error.path = None
    return error


def explain(
    error: ValidationError, model: type[BaseModel], node: Node, path: tuple[str | int, ...]
) -> list[ScenarioError]:
    found: dict[tuple[str | None, str | None], ScenarioError] = {}
    wrong_form: set[tuple[str | None, str | None]] = set()
    for item in error.errors(include_url=False):
        one = _one(item, model, node, path)
        if item["type"] in _FORMS:
            wrong_form.add((one.where, one.path))
        found.setdefault((one.where, one.path), one)  # every member of a union complains; the first says enough
    # A member of a union that complains of a part had the right form; the others need not say that theirs is another.
    return [
        from_override(one)
        for (where, dotted_path), one in found.items()
        if (where, dotted_path) not in wrong_form
        or not any(deeper and deeper.startswith(f"{dotted_path}.") for _, deeper in found)
    ]


def _one(item: Mapping[str, Any], model: type[BaseModel], root: Node, prefix: tuple[str | int, ...]) -> ScenarioError:
    kind: str = item["type"]
    parts, node, spot = _trace(item["loc"], model, root, kind)
    path = (*prefix, *parts)
    context: Mapping[str, Any] = item.get("ctx") or {}
    where = node.place

    def say(message: str, hint: str | None = None, error: type[ScenarioError] = ScenarioError) -> ScenarioError:
        return error(message, where=where, path=dotted(path) or None, hint=hint)

    def slip(key: str, above: Path) -> ScenarioError | None:
        """The misspelt ``key`` of a mapping, where nothing else complains of it."""
        written = node.value if isinstance(node.value, dict) else {}
        misspelt = nearest(key, written)
        if misspelt is None:
            return None
        place = written[misspelt].key_place or written[misspelt].place
        return ScenarioError(
            "unknown key.", where=place, path=dotted((*above, misspelt)), hint=f"Did you mean '{key}'?"
        )

    if kind in ("extra_forbidden", "unexpected_keyword_argument"):
        key = str(path[-1])
        where = node.key_place or node.place
        by_override = where.startswith("--")
        hint = meant_key(key, spot.keys(), _mapping_keys(root, parts[:-1]))
        return say(
            f"no key '{clean(dotted(path))}'." if by_override else "unknown key.",
            hint,
            OverrideError if by_override else ScenarioError,
        )
    if kind == "missing" and path and isinstance(path[-1], int):
        number, path = path[-1] + 1, path[:-1]
        return say(f"the list is too short: its item {number} is missing.")
    if kind in ("too_long", "too_short") and "actual_length" in context:
        bound = f"at most {context['max_length']}" if kind == "too_long" else f"at least {context['min_length']}"
        return say(f"a list of {context['actual_length']} items; it has {bound}.")
    if kind in ("missing", "missing_argument"):
        misspelt = slip(str(path[-1]), path[:-1]) if spot.any_key else None
        return misspelt or say("is missing.", f"Give {spot.wanted()}." if spot.field else None)
    got = _got(node)
    if kind in ("literal_error", "enum", "union_tag_invalid"):
        options = spot.literals() or [
            word.strip(" '") for word in str(context.get("expected_tags", context.get("expected", ""))).split(",")
        ]
        key = str(path[-1]) if path else ""
        if kind == "union_tag_invalid":
            key = str(context.get("discriminator", key)).strip("'")
            tag = node.child(key)
            if tag is not None:
                node, where, path = tag, tag.place, (*path, key)
            got = f"'{clean(context.get('tag', ''), 60)}'"
        if key in NAMING and isinstance(node.value, str):
            meant = did_you_mean(node.value, options)
            return say(
                f"no {key} '{clean(node.value, 60)}'.",
                _joined(meant, f"Possible: {listed(options)}"),
                UnknownKindError,
            )
        meant = did_you_mean(str(node.value), options)
        return say(f"{got} is not possible.", _joined(meant, f"Possible: {listed(options)}"))
    if kind == "union_tag_not_found":
        tag_key = str(context.get("discriminator", "")).strip("'")
        return slip(tag_key, path) or say(f"needs the key '{clean(tag_key, 60)}'.")
    if kind in ("value_error", "assertion_error"):
        text = str(context.get("error") or item["msg"]).strip().rstrip(".")
        below, separator, rest = text.partition(": ")
        if separator and re.fullmatch(
            r"[a-z_0-9]+(\.[a-z_0-9]+)*", below
        ):  # a validator of the whole names the part it means
            inner = tuple(below.split("."))
            path, where, text = (*path, *inner), node.nearest(inner).place, rest
        return say(clean(text) if text.endswith("?") else f"{clean(text)}.")
    if kind == "axis_form":
        return say(f"expected {item['msg'].removeprefix('an axis is ')}.")
    if kind in ("model_type", "dict_type", "model_attributes_type", "mapping_type", "dataclass_type"):
        return say(f"expected a mapping, got {got}.")
    if kind in ("list_type", "tuple_type", "set_type", "frozen_set_type", "iterable_type"):
        return say(f"expected a list, got {got}.")
    wanted = spot.wanted()
    if wanted and kind in _SIMPLE:
        return say(f"expected {wanted}." if where.startswith("--") else f"expected {wanted}, got {got}.")
    return say(f"{clean(item['msg']).rstrip('.')}, got {got}.")


_FORMS = frozenset(
    {
        "literal_error", "enum", "int_type", "float_type", "bool_type", "string_type", "none_required", "model_type", "dict_type",
        "model_attributes_type", "mapping_type", "dataclass_type", "list_type", "tuple_type", "set_type", "frozen_set_type",
        "too_short",
    }
)  # fmt: skip
_SIMPLE = frozenset(
    {
        "int_type", "int_parsing", "int_from_float", "int_parsing_size", "float_type", "float_parsing", "finite_number", "bool_type",
        "bool_parsing", "string_type", "greater_than", "greater_than_equal", "less_than", "less_than_equal", "multiple_of", "none_required",
    }
)  # fmt: skip


class _Spot:
    """What the model allows at one path; ``any_key``: and beside it any other key."""

    def __init__(
        self, models: Sequence[type[BaseModel]], field: FieldInfo | None, annotation: Any, any_key: bool = False
    ) -> None:
        self.models = models
        self.field = field
        self.annotation = annotation
        self.any_key = any_key

    def keys(self) -> set[str]:
        return {info.alias or name for model in self.models for name, info in model.model_fields.items()}

    def literals(self) -> list[str]:
        found: list[str] = []
        for part in _leaves(self.annotation):
            if get_origin(part) is Literal:
                found += [str(option).lower() if isinstance(option, bool) else str(option) for option in get_args(part)]
            elif isinstance(part, type) and issubclass(part, enum.Enum):
                found += [str(option.value) for option in part]
        return list(dict.fromkeys(found))

    def wanted(self) -> str:
        """Such as ``a whole number >= 1``."""
        kinds: list[str] = []
        bounds: list[str] = []
        for part, metadata in _annotated_leaves(self.annotation, tuple(self.field.metadata) if self.field else ()):
            options = [str(option) for option in get_args(part)] if get_origin(part) is Literal else []
            if options:
                kinds.append(" or ".join(f"'{option}'" for option in options[:8]))
            elif part in _WORDS:
                kinds.append(_WORDS[part])
            elif isinstance(part, type) and issubclass(part, BaseModel):
                kinds.append("a mapping")
            elif (get_origin(part) or part) in (list, tuple, set, frozenset):
                kinds.append("a list")
            elif (get_origin(part) or part) is dict:
                kinds.append("a mapping")
            for bound in metadata:
                for name, sign in (
                    ("ge", ">="),
                    ("gt", ">"),
                    ("le", "<="),
                    ("lt", "<"),
                    ("multiple_of", "a multiple of"),
                ):
                    limit = getattr(bound, name, None)
                    if limit is not None:
                        bounds.append(f"{sign} {limit}")
        kinds = list(dict.fromkeys(kinds))
        if "a number" in kinds and "a whole number" in kinds:
            kinds.remove("a whole number")
        or_null = " (or null)" if "null" in kinds and len(kinds) > 1 else ""
        kinds = [word for word in kinds if word != "null" or len(kinds) == 1]
        return " ".join([" or ".join(kinds), " and ".join(dict.fromkeys(bounds))]).strip() + or_null


_WORDS: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text",
    type(None): "null",
}


def _trace(
    loc: Sequence[str | int], model: type[BaseModel], root: Node, kind: str
) -> tuple[tuple[str | int, ...], Node, _Spot]:
    """The real path of a complaint: pydantic's location also names members of unions, which stand in no file.

    Returns the path, the deepest node on it, and what the model allows there (for unknown keys: in the mapping around it).
    """
    path: list[str | int] = []
    node = root
    models: list[type[BaseModel]] = [model]
    field: FieldInfo | None = None
    annotation: Any = model
    any_key = False
    about_key = kind in ("extra_forbidden", "missing", "unexpected_keyword_argument", "missing_argument")
    for number, part in enumerate(loc):
        last = number == len(loc) - 1
        below = node.child(part) if not (isinstance(part, str) and isinstance(node.value, list)) else None
        here = [m for m in _chosen(models, node) if _field(m, part) is not None]
        if below is None and not here and not (last and about_key):
            continue  # the name of a union's member
        path.append(part)
        if last and kind in ("extra_forbidden", "unexpected_keyword_argument"):
            return tuple(path), below or node, _Spot(_chosen(models, node), None, None)
        if here:
            field = _field(here[0], part)
            any_key = any(m.model_config.get("extra") == "allow" for m in here)
            annotation = typing.cast(FieldInfo, field).annotation
            models = [found for m in here for found in _models(typing.cast(FieldInfo, _field(m, part)).annotation)]
        else:
            annotation, models = _inside(annotation, part)
            field, any_key = None, False
        if below is None:
            break
        node = below
    return tuple(path), node, _Spot(models, field, annotation, any_key)


def _field(model: type[BaseModel], part: str | int) -> FieldInfo | None:
    if not isinstance(part, str):
        return None
    if part in model.model_fields:
        return model.model_fields[part]
    return next((info for info in model.model_fields.values() if info.alias == part), None)


def _chosen(models: Sequence[type[BaseModel]], node: Node) -> list[type[BaseModel]]:
    """Of a union's models those whose fixed fields (``law: logistic``) agree with what is written; all, if none does."""
    fitting = []
    for model in models:
        fixed = {
            name: get_args(info.annotation)
            for name, info in model.model_fields.items()
            if get_origin(info.annotation) is Literal
        }
        written = {name: node.child(name) for name in fixed}
        if all(child is None or child.value in fixed[name] for name, child in written.items()):
            fitting.append(model)
    return fitting or list(models)


def _annotated_leaves(annotation: Any, metadata: tuple[Any, ...] = ()) -> list[tuple[Any, tuple[Any, ...]]]:
    origin = get_origin(annotation)
    if origin is typing.Annotated:
        inner, *more = get_args(annotation)
        more = [extra for item in more for extra in (item.metadata if isinstance(item, FieldInfo) else [item])]
        return _annotated_leaves(inner, (*metadata, *more))
    if origin in (typing.Union, types.UnionType):
        return [leaf for part in get_args(annotation) for leaf in _annotated_leaves(part, metadata)]
    if hasattr(annotation, "__value__"):  # a type alias
        return _annotated_leaves(annotation.__value__, metadata)
    return [(annotation, metadata)]


def _leaves(annotation: Any) -> list[Any]:
    return [leaf for leaf, _ in _annotated_leaves(annotation)]


def _models(annotation: Any) -> list[type[BaseModel]]:
    """Every model that may stand at an annotation, or inside its list or mapping."""
    found: list[type[BaseModel]] = []
    for leaf in _leaves(annotation):
        if isinstance(leaf, type) and issubclass(leaf, BaseModel):
            found.append(leaf)
        elif get_origin(leaf) in (list, tuple, set, frozenset, dict):
            found += [model for inner in get_args(leaf) for model in _models(inner)]
    return found


def _inside(annotation: Any, part: str | int) -> tuple[Any, list[type[BaseModel]]]:
    """The annotation of an item of a list, a tuple or a dict."""
    for leaf in _leaves(annotation):
        origin, inner = get_origin(leaf), get_args(leaf)
        if origin is dict and len(inner) == 2 and isinstance(part, str):
            return inner[1], _models(inner[1])
        if origin in (list, set, frozenset) and inner and isinstance(part, int):
            return inner[0], _models(inner[0])
        if origin is tuple and inner and isinstance(part, int):
            item = inner[0] if len(inner) == 2 and inner[1] is Ellipsis else inner[min(part, len(inner) - 1)]
            return item, _models(item)
    return None, _models(annotation)


def _mapping_keys(root: Node, parts: tuple[str | int, ...]) -> set[str]:
    node = root.at(parts)
    return set(node.value) if node is not None and isinstance(node.value, dict) else set()


def meant_key(key: str, options: set[str], given: set[str]) -> str | None:
    """The key likeliest meant, one that is not given yet if there is one; else what was possible."""
    meant = did_you_mean(key, sorted(options - given)) or did_you_mean(key, sorted(options))
    return meant or (f"Possible: {listed(sorted(options))}" if options else None)


def _got(node: Node) -> str:
    value = node.value
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"'{clean(value, 60)}'" if isinstance(value, str) else clean(value, 60)


def _joined(*parts: str | None) -> str | None:
    return " ".join(part for part in parts if part) or None


def raise_together(errors: Sequence[ScenarioError]) -> None:
    """Nothing, if there is nothing to say; what is missing only because its name is misspelt is said once."""
    meant = {_meant(error) for error in errors} - {None}
    told = [
        error for error in errors if not (error.message == "is missing." and {error.path, "include", "kind"} & meant)
    ]
    if told:
        raise ScenarioError.together(told)


def _meant(error: ScenarioError) -> str | None:
    """The path that a misspelt key stands for."""
    if error.message != "unknown key." or not (error.hint or "").startswith("Did you mean '"):
        return None
    above, dot, _ = (error.path or "").rpartition(".")
    return f"{above}{dot}{(error.hint or '').split(chr(39))[1]}"


def as_scenario_error(error: GamesimError, node: Node, path: tuple[str | int, ...]) -> ScenarioError:
    """An UnknownKindError or the like of the registry, with the place that asked for it."""
    if isinstance(error, ScenarioError):
        error.where = error.where or node.place
        error.path = error.path or dotted(path)
        return from_override(error)
    raise error
