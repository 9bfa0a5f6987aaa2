"""The table of outcomes: one row per cell and replicate, with the swept values, the returns and what the environment says."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from gamesim.core.arrays import AnyArray

from .manifest import UnitEntry
from .tables import normal

KEYS = ("unit", "cell", "seed", "episode")
_WHOLE = ("cell", "seed", "episode")
_INFINITE = {"Infinity": float("inf"), "-Infinity": float("-inf"), "inf": float("inf"), "-inf": float("-inf")}


def outcome_columns(units: Iterable[tuple[UnitEntry, Sequence[Mapping[str, Any]]]]) -> dict[str, AnyArray]:
    """Columns of the outcomes of sealed units, in the order given.

    ``unit, cell, seed, episode``, ``unit_status``, one column per swept path, the outcome's own, and ``return.<seat>``
    (``return.<number>`` where returns come as a list). Whatever else is nested becomes ``<name>.<key>``. Numbers are
    float64, so that a column has one type in every run; swept whole numbers stay whole.
    """
    rows: list[dict[str, Any]] = []
    swept: dict[str, None] = {}
    for entry, outcomes in units:
        values = entry.cell.get("values") or {}
        swept.update(dict.fromkeys(values))
        fixed = {"unit": entry.name, "cell": int(entry.cell.get("index", 0)), "unit_status": entry.status, **values}
        for outcome in outcomes:
            rows.append({**flat(outcome), **fixed})
    if not rows:
        return {}
    names = dict.fromkeys([*KEYS, "unit_status", *swept])
    names.update(dict.fromkeys(name for row in rows for name in row if not name.startswith("return.")))
    names.update(dict.fromkeys(name for row in rows for name in row))
    present = {name for row in rows for name in row}
    return {name: _column([row.get(name) for row in rows], name, name in swept) for name in names if name in present}


def flat(outcome: Mapping[str, Any]) -> dict[str, Any]:
    """An outcome without nesting.

    Examples
    --------
    >>> flat({"seed": 0, "returns": [1.5, 2], "outcome": {"status": "survived"}, "by_rule": {"cap": 3}})
    {'seed': 0, 'return.0': 1.5, 'return.1': 2, 'status': 'survived', 'by_rule.cap': 3}
    """
    found: dict[str, Any] = {}
    for name, value in outcome.items():
        if name == "outcome" and isinstance(value, Mapping):
            found.update(flat(value))
        elif name == "returns" and isinstance(value, (Mapping, list, tuple)):
            items = value.items() if isinstance(value, Mapping) else enumerate(value)
            found.update({f"return.{seat}": item for seat, item in items})
        elif isinstance(value, Mapping):
            found.update({f"{name}.{key}": item for key, item in flat(value).items()})
        else:
            found[name] = value
    return found


def _column(items: list[Any], name: str, swept: bool) -> AnyArray:
    if any(isinstance(item, str) for item in items) and _numbers(items):
        items = [_INFINITE[item] if isinstance(item, str) else item for item in items]
    given = [item for item in items if item is not None]
    if given and all(isinstance(item, (int, float)) and not isinstance(item, bool) for item in given):
        if name in _WHOLE or (swept and all(isinstance(item, int) for item in given)):
            return normal(items, name)
        return np.array([np.nan if item is None else float(item) for item in items], dtype=np.float64)
    if all(isinstance(item, str) for item in given) or all(isinstance(item, bool) for item in given):
        return normal(items, name)
    told = [item if item is None or isinstance(item, str) else json.dumps(item, sort_keys=True) for item in items]
    return normal(told, name)


def _numbers(items: list[Any]) -> bool:
    """Whether all text among them names an infinity."""
    return all(not isinstance(item, str) or item in _INFINITE for item in items)
