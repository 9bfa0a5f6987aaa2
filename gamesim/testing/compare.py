"""Exact comparison of what two plays produced; NaN equals NaN."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np


def difference(first: Any, second: Any, path: str = "") -> str | None:
    """Where two values first differ, ``"stock: 3.0 and 4.0"``; None if they are equal bit for bit.

    Examples
    --------
    >>> difference({"a": [1.0, float("nan")]}, {"a": [1.0, float("nan")]})
    >>> difference({"a": [1.0, 2.0]}, {"a": [1.0, 2.5]}, "observation")
    "observation['a'][1]: 2.0 and 2.5"
    """
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        if list(map(str, first)) != list(map(str, second)) and set(first) != set(second):
            return f"{path}: keys {sorted(map(str, first))} and {sorted(map(str, second))}"
        return _first(difference(first[key], second[key], f"{path}[{key!r}]") for key in first)
    if isinstance(first, np.ndarray) or isinstance(second, np.ndarray):
        return _arrays(np.asarray(first), np.asarray(second), path)
    if isinstance(first, (list, tuple)) and isinstance(second, (list, tuple)):
        if len(first) != len(second):
            return f"{path}: lengths {len(first)} and {len(second)}"
        return _first(difference(a, b, f"{path}[{i}]") for i, (a, b) in enumerate(zip(first, second, strict=True)))
    if is_dataclass(first) and type(first) is type(second):
        return _first(
            difference(getattr(first, f.name), getattr(second, f.name), f"{path}.{f.name}") for f in fields(first)
        )
    if isinstance(first, (float, np.floating)) and isinstance(second, (float, np.floating)):
        return None if first == second or (first != first and second != second) else f"{path}: {first} and {second}"
    try:
        same = bool(first == second)
    except (TypeError, ValueError):
        same = first is second
    return None if same else f"{path}: {first!r} and {second!r}"


def _first(found: Any) -> str | None:
    return next((text for text in found if text), None)


def _arrays(first: Any, second: Any, path: str) -> str | None:
    if first.shape != second.shape:
        return f"{path}: shapes {first.shape} and {second.shape}"
    if first.dtype == object or second.dtype == object:
        return difference(first.tolist(), second.tolist(), path)
    if first.dtype.kind in "fc" and second.dtype.kind in "fc":
        apart = ~((first == second) | (np.isnan(first) & np.isnan(second)))
    else:
        apart = np.asarray(first != second)
    if not apart.any():
        return None
    index = tuple(int(i) for i in np.argwhere(apart)[0]) if apart.ndim else ()
    place = "".join(f"[{i}]" for i in index)
    return f"{path}{place}: {first[index]} and {second[index]}"


def spoil(value: Any) -> None:
    """Overwrite all arrays inside a value that can be written to, as a careless agent might."""
    if isinstance(value, Mapping):
        for item in value.values():
            spoil(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            spoil(item)
    elif isinstance(value, np.ndarray) and value.flags.writeable and value.dtype != object and value.size:
        value[...] = np.array(111).astype(value.dtype)


def without_nan(value: Any) -> Any:
    """A copy in which NaN, which no space contains and no ``==`` finds equal, is ``NO_VALUE``."""
    if isinstance(value, Mapping):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(without_nan(item) for item in value)
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return np.where(np.isnan(value), NO_VALUE, value).astype(value.dtype)
    if isinstance(value, (float, np.floating)) and value != value:
        return type(value)(NO_VALUE)
    return value


NO_VALUE = -1.0
