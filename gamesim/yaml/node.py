"""YAML values that remember where they were written, and how layers of them merge.

A tree is never deeper than the loader's limit, so the recursion here is bounded. Trees are shared between aliases and
layers and are therefore never changed in place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

Scalar = None | bool | int | float | Decimal | str
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """A value and its places.

    Attributes
    ----------
    value : a scalar, a list of nodes, or a dict of nodes by key.
    place : ``file:line:column`` of the value, or ``--set a.b=c``.
    key_place : the same of its key, where it has one.
    origin : what to call it in origins, where that differs from ``place``.
    """

    value: Scalar | list[Node] | dict[str, Node]
    place: str
    key_place: str | None = None
    origin: str | None = None

    def child(self, part: str | int) -> Node | None:
        """The node under a key or an index (also an index written as text), or None."""
        if isinstance(self.value, dict):
            return self.value.get(str(part))
        if isinstance(self.value, list):
            index = int(part) if isinstance(part, int) or part.isdecimal() else -1
            return self.value[index] if 0 <= index < len(self.value) else None
        return None

    def at(self, path: Sequence[str | int]) -> Node | None:
        node: Node | None = self
        for part in path:
            node = node.child(part) if node is not None else None
        return node

    def nearest(self, path: Sequence[str | int]) -> Node:
        """The deepest existing node on the way to ``path``."""
        node = self
        for part in path:
            below = node.child(part)
            if below is None:
                break
            node = below
        return node

    def walk(self, path: Path = ()) -> Iterator[tuple[Path, Node]]:
        """Every node with its path, parents first."""
        yield path, self
        if isinstance(self.value, dict):
            for key, child in self.value.items():
                yield from child.walk((*path, key))
        elif isinstance(self.value, list):
            for index, child in enumerate(self.value):
                yield from child.walk((*path, index))


def plain(node: Node) -> Any:
    """The data alone."""
    if isinstance(node.value, dict):
        return {key: plain(child) for key, child in node.value.items()}
    if isinstance(node.value, list):
        return [plain(child) for child in node.value]
    return node.value


def planted(data: Any, place: str, origin: str | None = None) -> Node:
    """Plain data as a tree that was all written at one place."""
    if isinstance(data, dict):
        return Node({str(k): planted(v, place, origin) for k, v in data.items()}, place, place, origin)
    if isinstance(data, (list, tuple)):
        return Node([planted(item, place, origin) for item in data], place, place, origin)
    return Node(data, place, place, origin)


def merged(below: Node, above: Node) -> Node:
    """``above`` over ``below``: mappings merge key by key, all else is replaced whole."""
    if not isinstance(below.value, dict) or not isinstance(above.value, dict):
        return above
    together = dict(below.value)
    for key, child in above.value.items():
        together[key] = merged(together[key], child) if key in together else child
    return replace(above, value=together)


def with_child(node: Node, path: Sequence[str | int], child: Node) -> Node:
    """A copy of the tree with ``child`` at ``path``; every parent must exist and be a collection."""
    if not path:
        return child
    part, rest = path[0], path[1:]
    if isinstance(node.value, list):
        items = list(node.value)
        items[int(part)] = with_child(items[int(part)], rest, child)
        return replace(node, value=items)
    assert isinstance(node.value, dict)
    key = str(part)
    inner = with_child(node.value[key], rest, child) if rest else child
    return replace(node, value={**node.value, key: inner})


def dotted(path: Sequence[str | int]) -> str:
    return ".".join(str(part) for part in path)
