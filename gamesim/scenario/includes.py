"""Files that build on files: ``include`` in a scenario names others whose values lie below its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from gamesim.core.errors import ScenarioError, clean
from gamesim.yaml.node import Node, merged
from gamesim.yaml.source import load_yaml

from .packaged import packaged_root

MAX_DEPTH = 4
MAX_FILES = 16


@dataclass(frozen=True)
class Document:
    """A scenario file with its includes merged below it.

    Attributes
    ----------
    name : the file as given, or ``<text>``.
    included : the texts of all included files, by path relative to the root they were found under.
    """

    root: Node
    name: str
    text: str
    included: Mapping[str, str] = field(default_factory=dict)


def read_document(source: Path | str, *, include_root: Path | None = None, name: str | None = None) -> Document:
    """Read a file (``Path``) or text (``str``) and everything it includes.

    Included files lie under ``include_root`` (by default the directory of the file) or under the packaged scenarios.
    """
    located = load_yaml(source, name=name)
    home = source.parent if isinstance(source, Path) else None
    roots = [root.resolve() for root in (include_root or home, packaged_root()) if root is not None]
    reader = _Reader(roots)
    trail = (source.resolve(),) if isinstance(source, Path) else ()
    root = reader.with_includes(located.root, home or include_root, trail, located.name)
    return Document(root, located.name, located.text, reader.texts)


class _Reader:
    def __init__(self, roots: list[Path]) -> None:
        self.roots = roots
        self.texts: dict[str, str] = {}
        self.files = 0

    def with_includes(self, root: Node, home: Path | None, trail: tuple[Path, ...], name: str) -> Node:
        if not isinstance(root.value, dict):
            raise ScenarioError(
                "a scenario is a mapping of keys.", where=root.place, hint="Begin with: name: my_scenario"
            )
        asked = root.value.get("include")
        own = replace(root, value={key: child for key, child in root.value.items() if key != "include"})
        if asked is None or asked.value is None:
            return own
        if not isinstance(asked.value, list):
            raise ScenarioError("expected a list of files.", where=asked.place, path="include")
        below: Node | None = None
        for item in asked.value:
            if not isinstance(item.value, str):
                raise ScenarioError("expected the name of a file.", where=item.place, path="include")
            path = self.find(item.value, home, item.place)
            self.refuse(path, trail, item.place)
            shown = self.shown(path)
            located = load_yaml(path, name=clean(relative(path)))
            self.texts[shown] = located.text
            layer = self.with_includes(located.root, path.parent, (*trail, path), located.name)
            below = layer if below is None else merged(below, layer)
        return own if below is None else merged(below, own)

    def find(self, wanted: str, home: Path | None, place: str) -> Path:
        """The file meant: beside the including file, else under one of the roots; never outside them."""
        if "\0" in wanted or Path(wanted).is_absolute():
            raise ScenarioError(f"'{clean(wanted, 80)}' is not a relative path.", where=place, path="include")
        outside = False
        for base in dict.fromkeys([*([home.resolve()] if home is not None else []), *self.roots]):
            try:
                path = (base / wanted).resolve()
                if not any(path.is_relative_to(root) for root in self.roots):
                    outside = True
                elif path.is_file():
                    return path
            except (OSError, RuntimeError, ValueError):
                continue
        if outside:
            raise ScenarioError(
                f"'{clean(wanted, 80)}' lies outside the scenario's directory.",
                where=place,
                path="include",
                hint="Include files beside it, below it, or packaged ones.",
            )
        raise ScenarioError(f"no such file: '{clean(wanted, 80)}'.", where=place, path="include")

    def refuse(self, path: Path, trail: tuple[Path, ...], place: str) -> None:
        if path in trail:
            circle = [*trail[trail.index(path) :], path]
            shown = " -> ".join(clean(step.name, 40) for step in circle)
            raise ScenarioError(f"files include each other in a circle: {shown}.", where=place, path="include")
        if len(trail) > MAX_DEPTH:
            raise ScenarioError(f"includes are nested deeper than {MAX_DEPTH}.", where=place, path="include")
        self.files += 1
        if self.files > MAX_FILES:
            raise ScenarioError(f"more than {MAX_FILES} files are included.", where=place, path="include")

    def shown(self, path: Path) -> str:
        root = next(root for root in self.roots if path.is_relative_to(root))
        return path.relative_to(root).as_posix()


def relative(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
