"""Sweeps: axes become cells, each a whole scenario. Cells share every random stream whose name they share, so they are paired."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from gamesim.core.errors import OverrideError, ScenarioError, clean, did_you_mean
from gamesim.core.registry import entry
from gamesim.yaml.node import Node, dotted, merged, plain

from .common import MAX_UNITS, LinspaceAxis, LogspaceAxis, RangeAxis, SweepKeys
from .origins import written
from .overrides import Override, applied
from .scenario import Cell, Scenario

# What a sweep may not vary: it names, bounds or describes the run, not a cell of it.
FIXED = frozenset(
    {
        "name", "description", "include", "kind", "sweep", "limits", "executor", "record", "metrics", "report", "analysis",
        "provenance", "replicates",
    }
)  # fmt: skip


def axis_values(axis: Any) -> list[Any]:
    """The values of one axis, in order.

    Examples
    --------
    >>> axis_values(RangeAxis(range=(0, 0.3, 0.1)))
    [0.0, 0.1, 0.2]
    >>> axis_values(LinspaceAxis(linspace=(2, 10, 5)))
    [2, 4, 6, 8, 10]
    """
    if isinstance(axis, RangeAxis):
        start, stop, step = (Decimal(repr(value)) for value in axis.range)
        if step == 0:
            raise ValueError("the step of a range is not 0")
        count = math.ceil((stop - start) / step)
        if count > MAX_UNITS:
            raise ValueError(f"a range of {count:,} values; the limit is {MAX_UNITS:,}")
        return [_number(start + step * k, axis.range) for k in range(max(0, count))]
    if isinstance(axis, LinspaceAxis):
        a, b, n = axis.linspace
        low, high = Decimal(repr(a)), Decimal(repr(b))
        return [_number(low + (high - low) * k / max(1, n - 1), (a, b)) for k in range(n)]
    if isinstance(axis, LogspaceAxis):
        a, b, n = axis.logspace
        return [float(10.0 ** float(a + (b - a) * k / max(1, n - 1))) for k in range(n)]
    return list(axis)


def _number(value: Decimal, given: Sequence[int | float]) -> int | float:
    """Whole numbers stay whole where all that was given is whole."""
    if value == value.to_integral_value() and all(isinstance(item, int) for item in given):
        return int(value)
    return float(value)


def points(sweep: SweepKeys, places: Node | None = None) -> list[dict[str, int]]:
    """For every cell, the index of its value on each axis."""
    axes = {path: _values(path, axis, places) for path, axis in sweep.axes.items()}
    lengths = {path: len(values) for path, values in axes.items()}
    if sweep.mode == "zip" and len(set(lengths.values())) > 1:
        shown = ", ".join(f"{clean(path, 60)} {length}" for path, length in lengths.items())
        raise _sweep_error(f"axes that are zipped need one length, not {shown}.", places, ("axes",))
    count = next(iter(lengths.values())) if sweep.mode == "zip" else math.prod(lengths.values())
    if count > MAX_UNITS:
        raise _sweep_error(f"{count:,} cells; the limit is {MAX_UNITS:,} units.", places, ("axes",))
    rows = (
        zip(*(range(length) for length in lengths.values()), strict=True)
        if sweep.mode == "zip"
        else itertools.product(*(range(length) for length in lengths.values()))
    )
    cells = [dict(zip(axes, row, strict=True)) for row in rows]
    for number, rule in enumerate(sweep.exclude):
        for path in rule:
            if path not in axes:
                raise _sweep_error(
                    f"'{clean(path, 80)}' is no axis.",
                    places,
                    ("exclude", number, path),
                    did_you_mean(path, axes) or f"Axes: {', '.join(axes)}.",
                )
        if not rule:
            raise _sweep_error("an exclusion names at least one axis.", places, ("exclude", number))
        kept = [cell for cell in cells if not all(axes[path][cell[path]] == value for path, value in rule.items())]
        if len(kept) == len(cells):
            raise _sweep_error(
                "excludes no cell.", places, ("exclude", number), "Write the value as it stands on the axis."
            )
        cells = kept
    if not cells:
        raise _sweep_error("every cell is excluded.", places, ("exclude",))
    return cells


def _values(path: str, axis: Any, places: Node | None) -> list[Any]:
    try:
        values = axis_values(axis)
    except ValueError as error:
        raise _sweep_error(f"{error}.", places, ("axes", path)) from None
    if not values:
        raise _sweep_error("an axis needs values.", places, ("axes", path))
    seen: set[str] = set()
    for index, value in enumerate(values):
        key = repr(value)
        if key in seen:
            raise _sweep_error(f"{clean(value, 60)} stands twice on the axis.", places, ("axes", path, index))
        seen.add(key)
    return values


def _sweep_error(
    message: str, places: Node | None, path: tuple[str | int, ...], hint: str | None = None
) -> ScenarioError:
    where = places.nearest(path).place if places is not None else None
    overriding = where is not None and where.startswith("--")
    kind = OverrideError if overriding else ScenarioError
    return kind(message, where=where, path=None if overriding else f"sweep.{clean(dotted(path), 120)}", hint=hint)


def check_axes(sweep: SweepKeys, root: Node) -> None:
    """Refuse paths that overlap, or that no cell may vary."""
    places = root.child("sweep")
    paths = list(sweep.axes)
    for number, path in enumerate(paths):
        parts = path.split(".")
        if not all(parts):
            raise _sweep_error("the path has an empty part.", places, ("axes", path))
        if parts[0] in FIXED:
            raise _sweep_error(
                f"'{parts[0]}' cannot be swept.", places, ("axes", path), "Sweep environment, population or seed."
            )
        for other in paths[:number]:
            above = other.split(".")
            shorter = min(len(parts), len(above))
            if parts[:shorter] == above[:shorter]:
                raise _sweep_error(f"overlaps with the axis '{clean(other, 80)}'.", places, ("axes", path))


def count_units(scenario: Scenario) -> int:
    """Cells times blocks of replicates; in a sweep over agents, as many as the file's own population would make.

    Of an experiment whose units follow from what earlier ones found, as many as there are at least.
    """
    if grows(scenario):
        return int(entry("experiments", scenario.kind).least(scenario))
    cell_count = len(points(scenario.sweep)) if scenario.sweep is not None else 1
    blocks: int = -(-scenario.replicates // (1 if scenario.stepwise else scenario.record.block))
    return cell_count * blocks


def grows(scenario: Scenario) -> bool:
    """Whether how many units there are shows only while they are played."""
    return hasattr(entry("experiments", scenario.kind), "least")


def cell_root(root: Node, scenario: Scenario, chosen: Mapping[str, int], values: Mapping[str, list[Any]]) -> Node:
    """The tree of one cell: what was written, without the sweep, with the cell's values in it."""
    assert isinstance(root.value, dict)
    axes = root.at(("sweep", "axes"))
    tree = Node({key: child for key, child in root.value.items() if key != "sweep"}, root.place)
    for path, index in chosen.items():
        axis = axes.child(path) if axes is not None else None
        item = axis.child(index) if axis is not None and isinstance(axis.value, list) else None
        spot = item or axis or root
        node = _swept(values[path][index], spot)
        tree = applied(tree, Override(tuple(path.split(".")), node), lambda: scenario.data)
    return tree


def _swept(value: Any, spot: Node) -> Node:
    if isinstance(value, Mapping):
        return Node(
            {str(k): _swept(v, spot) for k, v in value.items()}, spot.place, spot.key_place or spot.place, "sweep"
        )
    if isinstance(value, (list, tuple)):
        return Node([_swept(item, spot) for item in value], spot.place, spot.key_place or spot.place, "sweep")
    return Node(value, spot.place, spot.key_place or spot.place, "sweep")


def cells(scenario: Scenario) -> list[Cell]:
    """Every cell of the scenario, in order; the last axis varies fastest. A scenario without a sweep is one cell.

    An experiment that plays other scenarios, as a bench does, says itself which (``Experiment.cells``).

    Raises
    ------
    ScenarioError
        Where a combination of values makes no valid scenario.
    """
    own = getattr(entry("experiments", scenario.kind), "cells", None)
    if own is not None:
        found: list[Cell] = own(scenario)
        return found
    return cells_from(written(scenario.data, scenario.origins), scenario)


def cells_from(root: Node, scenario: Scenario, only: Sequence[int] | None = None) -> list[Cell]:
    """Cells built from a tree that knows its places; ``only`` picks some by number."""
    from .resolve import build

    if scenario.sweep is None:
        return [Cell(0, {}, scenario)]
    chosen = points(scenario.sweep, root.child("sweep"))
    values = {path: axis_values(axis) for path, axis in scenario.sweep.axes.items()}
    found = []
    for index in range(len(chosen)) if only is None else only:
        point = chosen[index]
        tree = cell_root(root, scenario, point, values)
        tree = Node({"name": Node(scenario.name, "default", None, "default"), **_items(tree)}, tree.place)
        found.append(Cell(index, {path: values[path][number] for path, number in point.items()}, build(tree)))
    return found


def _items(tree: Node) -> dict[str, Node]:
    assert isinstance(tree.value, dict)
    return tree.value


def with_axes(root: Node, axes: Sequence[Override], mode: str) -> Node:
    """The tree with axes of the command line; they replace or join those of the file."""
    if not axes:
        return root
    for number, axis in enumerate(axes):
        if any(axis.path == other.path for other in axes[:number]):
            raise OverrideError(f"'{clean(dotted(axis.path), 80)}' is swept twice.", where=axis.place, hint="Keep one.")
    place = axes[0].place
    added = Node({dotted(axis.path): Node(axis.node.value, axis.place, axis.place) for axis in axes}, place, place)
    own: dict[str, Node] = {"axes": added}
    had = root.child("sweep")
    if had is None or had.value is None or mode == "zip":
        own["mode"] = Node(mode, place, place)
    old = had.child("axes") if had is not None else None
    if had is not None and isinstance(had.value, dict):
        joined = merged(had, Node(own, place, place))
        # An axis is replaced whole, also where the file gives {range: ...} and the command line {linspace: ...}.
        axes_node = {**(old.value if old is not None and isinstance(old.value, dict) else {}), **_items(added)}
        joined = Node({**_items(joined), "axes": Node(axes_node, place, place)}, had.place, had.key_place)
    else:
        joined = Node(own, place, place)
    return Node({**_items(root), "sweep": joined}, root.place)


def swept_paths(root: Node) -> list[str]:
    """Paths that a tree sweeps, valid or not."""
    axes = root.at(("sweep", "axes"))
    return list(plain(axes)) if axes is not None and isinstance(axes.value, dict) else []
