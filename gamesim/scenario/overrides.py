"""``--set a.b=c`` and ``--axis a.b=v1,v2``: values from the command line, under the rules of the file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gamesim.core.errors import OverrideError, ScenarioError, clean
from gamesim.yaml.node import Node, dotted, planted, with_child
from gamesim.yaml.source import load_yaml

Defaults = Callable[[], Mapping[str, Any] | None]
FIXED = {
    "include": "Includes are read before overrides; put it into the file.",
    "sweep.axes": "Use --axis.",
}


@dataclass(frozen=True)
class Override:
    """One ``path=value`` of the command line."""

    path: tuple[str, ...]
    node: Node

    @property
    def place(self) -> str:
        return self.node.place


def parse_override(text: str) -> Override:
    """A ``--set``; the value is one YAML flow value, and nothing after ``=`` is the empty text."""
    path, value, place = _split(text, "--set")
    if value == "":
        return Override(path, Node("", place, place))
    items = _flow_list(value, place)
    if len(items) != 1:
        raise OverrideError("one value was expected.", where=place, hint=f"A list is written [{clean(value, 60)}].")
    return Override(path, _at(items[0], place))


def parse_axis(text: str) -> Override:
    """An ``--axis``: values between commas, or one ``{range: ...}``, ``{linspace: ...}``, ``{logspace: ...}``."""
    path, value, place = _split(text, "--axis")
    items = _flow_list(value, place)
    if not items:
        raise OverrideError("an axis needs values.", where=place, hint="Such as --axis environment.players=4,8")
    first = items[0]
    if len(items) == 1 and isinstance(first.value, dict) and set(first.value) & {"range", "linspace", "logspace"}:
        return Override(path, _at(first, place))
    return Override(path, Node([_at(item, place) for item in items], place, place))


def _split(text: str, flag: str) -> tuple[tuple[str, ...], str, str]:
    place = f"{flag} {clean(text, 120)}"
    path, separator, value = text.partition("=")
    if not separator:
        raise OverrideError("'=' is missing.", where=place, hint=f"Such as {flag} environment.players=8")
    parts = tuple(path.strip().split("."))
    if any(not part or part != part.strip() for part in parts):
        raise OverrideError("the path before '=' has an empty part.", where=place, hint="Such as environment.players")
    if len(parts) > 32:
        raise OverrideError("the path is deeper than 32 levels.", where=place)
    return parts, value.strip(), place


def _flow_list(value: str, place: str) -> list[Node]:
    try:
        root = load_yaml(f"[{value}\n]", name="value").root
    except ScenarioError as error:
        raise OverrideError(
            f"'{clean(value, 60)}' cannot be read: {error.message}",
            where=place,
            hint="Quote text that holds , : [ ] { } or #.",
        ) from None
    if not isinstance(root.value, list):
        raise OverrideError(f"'{clean(value, 60)}' cannot be read.", where=place)
    return root.value


def _at(node: Node, place: str) -> Node:
    """The same tree, all of it written at one place."""
    if isinstance(node.value, dict):
        return Node({key: _at(child, place) for key, child in node.value.items()}, place, place)
    if isinstance(node.value, list):
        return Node([_at(child, place) for child in node.value], place, place)
    return Node(node.value, place, place)


def check_overrides(overrides: Sequence[Override], swept: Sequence[str]) -> None:
    """Refuse contradictions: one path twice, one path inside another, a swept path, what cannot be set."""
    for number, override in enumerate(overrides):
        path = override.path
        for other in overrides[:number]:
            if _overlap(path, other.path):
                twice = path == other.path
                raise OverrideError(
                    f"'{clean(dotted(path), 80)}' is set twice." if twice else f"overlaps with {other.place}.",
                    where=override.place,
                    hint="Keep one.",
                )
        for axis in swept:
            if _overlap(path, tuple(axis.split("."))):
                raise OverrideError(f"'{clean(axis, 80)}' is swept.", where=override.place, hint="Use --axis.")
        for fixed, hint in FIXED.items():
            if path[: len(fixed.split("."))] == tuple(fixed.split(".")):
                raise OverrideError(f"'{fixed}' cannot be set.", where=override.place, hint=hint)


def _overlap(a: Sequence[str], b: Sequence[str]) -> bool:
    shorter = min(len(a), len(b))
    return tuple(a[:shorter]) == tuple(b[:shorter])


def applied(root: Node, override: Override, defaults: Defaults) -> Node:
    """The tree with the override in it.

    A mapping on the way that the file does not have is taken from the defaults, so that its other keys keep their values;
    a key that the model does not have is found when the tree is validated, because it carries the override's place.

    Parameters
    ----------
    defaults : the resolved scenario without overrides, if it can be had.
    """
    path, place = override.path, override.place
    for depth in range(1, len(path)):
        on_the_way = root.at(path[:depth])
        if on_the_way is not None and on_the_way.value is not None:
            if not isinstance(on_the_way.value, (dict, list)):
                raise OverrideError(
                    f"'{clean(dotted(path[:depth]), 80)}' is a single value; nothing lies under it.", where=place
                )
            continue
        parent = root.at(path[: depth - 1])
        assert parent is not None
        if isinstance(parent.value, list):
            raise _no_index(parent, path[:depth], place)
        root = with_child(root, path[:depth], _lifted(path[:depth], place, defaults))
    parent = root.at(path[:-1])
    assert parent is not None
    if isinstance(parent.value, list) and parent.child(path[-1]) is None:
        raise _no_index(parent, path, place)
    below = root.at(path)
    node = replace(override.node, key_place=below.key_place if below is not None and below.key_place else place)
    return with_child(root, path, node)


def _lifted(path: Sequence[str], place: str, defaults: Defaults) -> Node:
    data: Any = defaults()
    for part in path:
        if isinstance(data, list) and part.isdecimal() and int(part) < len(data):
            data = data[int(part)]
        else:
            data = data.get(part) if isinstance(data, Mapping) else None
    if data is not None and not isinstance(data, (dict, list)):
        raise OverrideError(f"'{clean(dotted(path), 80)}' is a single value; nothing lies under it.", where=place)
    if data:
        return replace(planted(data, place, f"default of {dotted(path)}"), key_place=place)
    return Node({}, place, place)


def _no_index(parent: Node, path: Sequence[str], place: str) -> OverrideError:
    assert isinstance(parent.value, list)
    above = dotted(path[:-1])
    count = len(parent.value)
    possible = f"It has {above}.0 to {above}.{count - 1}." if count else "It is empty."
    return OverrideError(f"'{clean(above, 80)}' has no entry '{clean(path[-1], 40)}'.", where=place, hint=possible)
