"""Several runs side by side, replicate by replicate; what to make of the differences is for the analysis."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gamesim.core.errors import RecordError, clean, did_you_mean

from .tables import Table

if TYPE_CHECKING:
    from .record import Record


@dataclass(frozen=True)
class Comparison:
    """Outcomes of a base run and others.

    Attributes
    ----------
    pairs : one row per other run, shared key and outcome column: ``run``, the key, ``column``, ``base``, ``other``,
        ``difference`` (other minus base).
    unmatched : run -> rows of either side that found no partner; never dropped in silence.
    changes : run -> dotted path of the scenario -> (base value, other value).
    """

    pairs: Table
    unmatched: Mapping[str, int]
    changes: Mapping[str, Mapping[str, tuple[Any, Any]]]


def compare(
    base: Record, others: Sequence[Record], *, by: Sequence[str], columns: Sequence[str] | None, paired: bool
) -> Comparison:
    """Pair outcomes by ``by`` (columns of the outcome table; rows that share all of them are averaged first).

    With ``paired`` off, means of all rows are set side by side and nothing counts as unmatched.

    Raises
    ------
    RecordError
        If a column is missing or not a number, or if nothing pairs.
    """
    keys = tuple(by) if paired else ()
    names = _columns(base, others, columns)
    ours = _means(base, keys, names)
    rows: dict[str, list[Any]] = {name: [] for name in ("run", *keys, "column", "base", "other", "difference")}
    unmatched: dict[str, int] = {}
    changes: dict[str, dict[str, tuple[Any, Any]]] = {}
    for other in others:
        label = _label(other, unmatched)
        theirs = _means(other, keys, names)
        shared = [key for key in ours if key in theirs]
        if not shared:
            raise RecordError(
                f"no row of {base.id} and {other.id} has the same {' and '.join(keys)}.",
                hint="Choose other columns: by=...",
            )
        unmatched[label] = len(ours) + len(theirs) - 2 * len(shared)
        changes[label] = differences(base.scenario, other.scenario)
        for key in shared:
            for name in names:
                before, after = ours[key][name], theirs[key][name]
                for column, value in zip(rows, (label, *key, name, before, after, after - before), strict=True):
                    rows[column].append(value)
    return Comparison(Table(rows), unmatched, changes)


def _label(record: Record, taken: Mapping[str, Any]) -> str:
    label, number = record.id, 2
    while label in taken:
        label, number = f"{record.id}#{number}", number + 1
    return label


def _columns(base: Record, others: Sequence[Record], columns: Sequence[str] | None) -> list[str]:
    tables = [record.outcomes().columns for record in (base, *others)]
    numeric = [
        name
        for name, values in tables[0].items()
        if values.dtype.kind in "fib" and name not in ("cell", "seed", "episode")
    ]
    if columns is None:
        swept = {path for record in (base, *others) for unit in record.units for path in unit.cell.get("values", {})}
        return [
            name
            for name in numeric
            if name not in swept and all(name in table and table[name].dtype.kind in "fib" for table in tables[1:])
        ]
    for name in columns:
        if any(name not in table or table[name].dtype.kind not in "fib" for table in tables):
            raise RecordError(
                f"'{clean(name, 60)}' is not a number in every run.", path="columns", hint=did_you_mean(name, numeric)
            )
    return list(columns)


def _means(record: Record, keys: Sequence[str], names: Sequence[str]) -> dict[tuple[Any, ...], dict[str, float]]:
    table = record.outcomes()
    for key in keys:
        if key not in table:
            raise RecordError(
                f"outcomes have no column '{clean(key, 60)}'.",
                where=record.id,
                path="by",
                hint=did_you_mean(key, table.names),
            )
    places: dict[tuple[Any, ...], list[int]] = {}
    columns = [table[key].tolist() for key in keys]
    for row in range(len(table)):
        places.setdefault(tuple(column[row] for column in columns), []).append(row)
    values = {name: np.asarray(table[name], dtype=np.float64) for name in names}
    return {key: {name: _mean(values[name][rows]) for name in names} for key, rows in places.items()}


def _mean(values: Any) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def differences(base: Any, other: Any) -> dict[str, tuple[Any, Any]]:
    """Dotted paths at which two scenarios differ.

    Examples
    --------
    >>> differences({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}, "d": 4})
    {'a.c': (2, 3), 'd': (None, 4)}
    """
    ours, theirs = _leaves(base, ""), _leaves(other, "")
    return {
        path: (ours.get(path), theirs.get(path))
        for path in dict.fromkeys([*ours, *theirs])
        if json.dumps(ours.get(path), sort_keys=True) != json.dumps(theirs.get(path), sort_keys=True)
    }


def _leaves(value: Any, path: str) -> dict[str, Any]:
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else None
    if items is None:
        return {path: value}
    found: dict[str, Any] = {}
    for key, item in items:
        found.update(_leaves(item, f"{path}.{key}" if path else str(key)))
    return found
