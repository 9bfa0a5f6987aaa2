"""The cells of a record's sweep, each with the scenario it plays, and its tables as plain arrays."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np

from gamesim.core.arrays import AnyArray
from gamesim.core.errors import MetricError
from gamesim.core.registry import entry

if TYPE_CHECKING:
    from gamesim.envs.config import EnvironmentConfig
    from gamesim.run.record import Record


@dataclass(frozen=True)
class CellOf:
    """One cell: its number, the swept values, and its resolved scenario as plain data."""

    index: int
    values: Mapping[str, Any]
    data: Mapping[str, Any]

    def get(self, path: str, default: Any = None) -> Any:
        """A value of the scenario by dotted path."""
        return dig(self.data, path, default)

    @property
    def label(self) -> str:
        return ", ".join(f"{path.rsplit('.', 1)[-1]} {value}" for path, value in self.values.items()) or "all runs"

    def environment(self) -> EnvironmentConfig:
        """The typed configuration of what this cell plays."""
        from gamesim.core.registry import build

        if not self.get("environment"):
            raise MetricError("this run plays no environment.", path="environment")
        config: EnvironmentConfig = build("environments", self.data["environment"])
        return config


def dig(data: Any, path: str, default: Any = None) -> Any:
    """A value of nested mappings and lists by dotted path.

    Examples
    --------
    >>> dig({"a": [{"b": 3}]}, "a.0.b"), dig({}, "a.b")
    (3, None)
    """
    place = data
    for key in path.split("."):
        if isinstance(place, Mapping) and key in place:
            place = place[key]
        elif isinstance(place, (list, tuple)) and key.isdigit() and int(key) < len(place):
            place = place[int(key)]
        else:
            return default
    return place


def manifest_of(record: Record) -> Mapping[str, Any]:
    """The manifest as a mapping, whatever class carries it."""
    return _mapping(record.manifest)


def scenario_of(record: Record) -> Mapping[str, Any]:
    """The resolved scenario of a record, before any cell of its sweep."""
    return _mapping(manifest_of(record).get("scenario") or {})


def cells(record: Record) -> list[CellOf]:
    """All cells in order; a run without a sweep has one."""
    found: dict[int, Mapping[str, Any]] = {}
    for unit in map(_mapping, manifest_of(record).get("units") or ()):
        cell = _mapping(unit.get("cell") or {})
        found.setdefault(int(cell.get("index", 0)), cell.get("values") or {})
    scenario = scenario_of(record)
    own = _own_cells(record)
    if own is not None:
        return [CellOf(index, found[index], own[index]) for index in sorted(found)]
    return [CellOf(index, found[index], with_values(scenario, found[index])) for index in sorted(found)] or [
        CellOf(0, {}, scenario)
    ]


def _own_cells(record: Record) -> Mapping[int, Mapping[str, Any]] | None:
    """By number, the scenarios that an experiment such as a bench plays; None where cells are values put into one scenario."""
    kind = str(scenario_of(record).get("kind") or "play")
    if kind == "play" or not hasattr(entry("experiments", kind), "cells"):
        return None

    def made() -> Mapping[int, Mapping[str, Any]]:
        from gamesim.scenario.resolve import resolve_data

        cells = entry("experiments", kind).cells(resolve_data(scenario_of(record)))
        return {cell.index: cell.scenario.data for cell in cells}

    return once(record, "own cells", made)


def with_values(scenario: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Plain scenario data with values put at dotted paths.

    Examples
    --------
    >>> with_values({"a": {"b": 1}, "c": [{"d": 2}]}, {"a.b": 5, "c.0.d": 7})
    {'a': {'b': 5}, 'c': [{'d': 7}]}
    """
    data: dict[str, Any] = json.loads(json.dumps(dict(scenario), default=str))
    for path, value in values.items():
        *parents, last = path.split(".")
        place: Any = data
        for key in parents:
            if isinstance(place, list):
                place = place[int(key)]
                continue
            if not isinstance(place.get(key), (dict, list)):
                place[key] = {}
            place = place[key]
        if isinstance(place, list):
            place[int(last)] = value
        else:
            place[last] = value
    return data


def dense(values: Any) -> AnyArray:
    """Masked numbers as NaN, masked text as None."""
    if isinstance(values, np.ma.MaskedArray):
        if values.dtype.kind in "fiub":
            return (
                np.ma.filled(values.astype(np.float64), np.nan) if np.ma.is_masked(values) else np.asarray(values.data)
            )
        return np.ma.filled(values.astype(object), None)
    return np.asarray(values)


Made = TypeVar("Made")
_made: WeakKeyDictionary[Any, dict[str, Any]] = WeakKeyDictionary()


def once(record: Record, name: str, make: Callable[[], Made]) -> Made:
    """What ``make`` gives, made once for a record: several metrics read the same arrays. Nobody writes into them."""
    held = _made.setdefault(record, {})
    if name not in held:
        held[name] = make()
    found: Made = held[name]
    return found


def outcomes(record: Record) -> dict[str, AnyArray]:
    """One entry an episode, ordered by cell and seed: ``cell``, ``seed``, ``return.<seat>`` and the environment's summary."""
    return dict(once(record, "outcomes", lambda: _outcomes(record)))


def _outcomes(record: Record) -> dict[str, AnyArray]:
    columns = {name: dense(values) for name, values in record.outcomes().fetch().items()}
    if "cell" not in columns:
        columns["cell"] = np.zeros(len(columns["seed"]), dtype=np.int64)
    order = np.lexsort((columns["seed"].astype(np.int64), columns["cell"].astype(np.int64)))
    columns = {name: values[order] for name, values in columns.items()}
    for key in ("cell", "seed"):
        columns[key] = columns[key].astype(np.int64)
    return columns


def _mapping(value: Any) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    if hasattr(value, "model_dump"):
        dumped: Mapping[str, Any] = value.model_dump(mode="json")
        return dumped
    return dict(vars(value))
