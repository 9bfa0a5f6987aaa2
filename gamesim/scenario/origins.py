"""For every value of a resolved scenario, who set it; and the way back from there to what was written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gamesim.yaml.node import Node, planted

from .scenario import Origin

DEFAULT = Origin("default")


def origins_of(data: Any, root: Node | None) -> dict[str, Origin]:
    """Origins by dotted path of ``data``, from the tree it was validated from."""
    found: dict[str, Origin] = {}
    _collect(data, root, "", found)
    found.pop("", None)
    return found


def _collect(data: Any, node: Node | None, path: str, found: dict[str, Origin]) -> None:
    found[path] = Origin(node.origin or node.place) if node is not None else DEFAULT
    prefix = f"{path}." if path else ""
    if isinstance(data, Mapping):
        short = node is not None and isinstance(node.value, (str, int, float))  # all of it was written as one word
        for key, value in data.items():
            child = node if short else node.child(key) if node is not None else None
            _collect(value, child, f"{prefix}{key}", found)
    elif isinstance(data, (list, tuple)):
        for index, value in enumerate(data):
            _collect(value, node.child(index) if node is not None else None, f"{prefix}{index}", found)


def written(data: Any, origins: Mapping[str, Origin], path: str = "") -> Node:
    """The tree of what was set, defaults left out; all of it, where nothing is known of origins."""
    origin = origins.get(path)
    place = origin.place if origin is not None else "<data>"
    prefix = f"{path}." if path else ""
    if isinstance(data, Mapping):
        kept = {
            str(key): written(value, origins, f"{prefix}{key}")
            for key, value in data.items()
            if origins.get(f"{prefix}{key}") != DEFAULT
        }
        return Node(kept, place, place, place)
    if isinstance(data, (list, tuple)):
        items = [written(value, origins, f"{prefix}{index}") for index, value in enumerate(data)]
        return Node(items, place, place, place)
    return planted(data, place, place)
