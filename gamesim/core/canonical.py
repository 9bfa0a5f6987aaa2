"""One way to write JSON for hashing (RFC 8785), used for unit keys, agent ids and journals."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

import rfc8785


def plain(value: Any) -> Any:
    """The JSON form of a value: arrays become lists, numpy scalars numbers, tuples lists, mappings dicts.

    Raises
    ------
    TypeError
        For a type with no JSON form.
    ValueError
        For a NaN or an infinity, which JSON cannot hold.
    """
    if _of_numpy(value):
        value = value.tolist()
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return int(value) if -(2**53) < value < 2**53 else str(value)
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            raise ValueError(f"{value} has no JSON form")
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        items = sorted(value) if isinstance(value, (set, frozenset)) else value
        return [plain(item) for item in items]
    if hasattr(value, "model_dump"):
        return plain(value.model_dump(mode="json"))
    raise TypeError(f"{type(value).__name__} has no JSON form")


def canonical(value: Any) -> bytes:
    """RFC 8785 bytes of a value.

    Examples
    --------
    >>> canonical({"b": 1.0, "a": (2,)})
    b'{"a":[2],"b":1}'
    """
    try:
        return _ENCODER.encode(_everyday(value)).encode()
    except (_Unusual, UnicodeEncodeError):
        return rfc8785.dumps(plain(value))


class _Unusual(Exception):
    """A value that the standard library would write otherwise than RFC 8785 does."""


# Written in C: journals and request keys are made of these, and nothing of theirs takes longer.
_ENCODER = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, sort_keys=True, separators=(",", ":")
)


def _everyday(value: Any) -> Any:
    """The JSON form of a value as ``plain`` has it, for those in which both encoders agree to the byte."""
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return value
    if kind is int:
        return value if -(2**53) < value < 2**53 else str(value)
    if kind is float:
        if value.is_integer() and -(2**53) < value < 2**53:
            return int(value)
        if 1e-4 <= abs(value) < 1e15:  # beyond, exponents are written differently
            return value
    elif kind is dict:
        if all(type(key) is str and key.isascii() for key in value):  # other keys may sort differently
            return {key: _everyday(item) for key, item in value.items()}
    elif kind is list or kind is tuple:
        return [_everyday(item) for item in value]
    raise _Unusual


def digest(value: Any) -> str:
    """Hex sha256 of the canonical bytes; the name of a unit, an agent, an artefact."""
    return hashlib.sha256(canonical(value)).hexdigest()


def jsonable(value: Any) -> Any:
    """JSON form for records: as ``plain``, but NaN becomes null and an infinity its name.

    Examples
    --------
    >>> jsonable({"wealth": [1.0, float("nan")]})
    {'wealth': [1.0, None]}
    """
    kind = type(value)
    if value is None or kind is str or kind is int or kind is bool:
        return value
    if kind is not float and kind is not list:
        if isinstance(value, Mapping):
            return {str(key): jsonable(item) for key, item in value.items()}
        if _of_numpy(value):
            value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [jsonable(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value


def _of_numpy(value: Any) -> bool:
    """Whether it is an array or a scalar of numpy, told without loading numpy: hashing a scenario does without."""
    return hasattr(value, "dtype") and hasattr(value, "tolist")
