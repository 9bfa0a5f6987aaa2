"""Typed texts with units: durations, sizes, money, percentages. A bare number is an error that names the units."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from gamesim.core.errors import clean

_SECONDS = {
    "ms": 0.001,
    "s": 1.0,
    "sec": 1.0,
    "min": 60.0,
    "h": 3600.0,
    "d": 86400.0,
}
_BYTES = {"mib": 1 << 20, "m": 1 << 20, "mb": 10**6, "gib": 1 << 30, "g": 1 << 30, "gb": 10**9}
_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([a-zA-Z%]+)")


def _number_text(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _bare(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def duration(value: Any) -> float:
    """Seconds from ``90s``, ``10min``, ``2h``, ``250ms``, ``1d``."""
    if _bare(value):
        text = _number_text(value)
        raise ValueError(f"{text} has no unit: write '{text}s', '{text}min' or '{text}h'")
    found = _QUANTITY.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None or found[2] not in _SECONDS:
        raise ValueError(f"'{clean(value, 60)}' is no duration: write for example '90s', '10min' or '2h'")
    seconds = float(found[1]) * _SECONDS[found[2]]
    if not 0 < seconds < 1e9:
        raise ValueError(
            f"'{clean(value, 60)}' is out of range: a duration is longer than nothing and shorter than 30 years"
        )
    return seconds


def duration_text(seconds: float) -> str:
    """The shortest exact text.

    Examples
    --------
    >>> duration_text(600.0), duration_text(1.5)
    ('10min', '1.5s')
    """
    for unit in ("d", "h", "min"):
        whole = seconds / _SECONDS[unit]
        if whole.is_integer():
            return f"{int(whole)}{unit}"
    return f"{_number_text(seconds)}s" if "e" not in repr(seconds) else f"{Decimal(repr(seconds)):f}s"


def size(value: Any) -> int:
    """Bytes from ``512MiB``, ``2GiB``, ``500MB``, ``1GB``.

    Examples
    --------
    >>> size("2GiB"), size("1.5 MB")
    (2147483648, 1500000)
    """
    if _bare(value):
        text = _number_text(value)
        raise ValueError(f"{text} has no unit: write '{text}MiB' or '{text}GiB'")
    found = _QUANTITY.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None or found[2].lower() not in _BYTES:
        raise ValueError(f"'{clean(value, 60)}' is no size: write for example '512MiB' or '2GiB'")
    return int(float(found[1]) * _BYTES[found[2].lower()])


def size_text(bytes_: int) -> str:
    for unit in ("gib", "mib"):
        if bytes_ % _BYTES[unit] == 0:
            return f"{bytes_ // _BYTES[unit]}{unit[0].upper()}iB"
    return f"{Decimal(bytes_) / _BYTES['mb']:f}MB"


def percent(value: Any) -> float:
    """A share in [0, 1] from ``5%``; nothing is ``0`` or ``0%``."""
    if _bare(value):
        if value == 0:
            return 0.0
        meant = _number_text(value * 100) if value <= 1 else _number_text(value)
        raise ValueError(f"{_number_text(value)} has no unit: write '{meant}%'")
    found = _QUANTITY.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None or found[2] != "%":
        raise ValueError(f"'{clean(value, 60)}' is no percentage: write for example '5%'")
    share = float(Decimal(found[1]) / 100)
    if share > 1:
        raise ValueError(f"'{clean(value, 60)}' is more than 100%")
    return share


def percent_text(share: float) -> str:
    return f"{(Decimal(repr(share)) * 100).normalize():f}%"


def money(value: Any) -> float:
    """US dollars from ``5 USD`` or ``$5``; nothing is ``0``."""
    if _bare(value):
        if value == 0:
            return 0.0
        raise ValueError(f"{_number_text(value)} has no unit: write '{_number_text(value)} USD'")
    text = value.strip() if isinstance(value, str) else ""
    found = _QUANTITY.fullmatch(text if not text.startswith("$") else f"{text[1:].strip()} USD")
    if found is None or found[2].upper() != "USD":
        raise ValueError(f"'{clean(value, 60)}' is no amount of money: write for example '5 USD'")
    amount = float(found[1])
    if not math.isfinite(amount) or amount > 1e9:
        raise ValueError(f"'{clean(value, 60)}' is out of range")
    return amount


def money_text(amount: float) -> str:
    return f"{Decimal(repr(amount)).normalize():f} USD"


def _schema(pattern: str, example: str, zero: bool = False) -> WithJsonSchema:
    text = {"type": "string", "pattern": pattern, "examples": [example]}
    return WithJsonSchema({"anyOf": [text, {"const": 0}]} if zero else text)


Duration = Annotated[
    float,
    BeforeValidator(duration),
    PlainSerializer(duration_text),
    _schema(r"^\s*[0-9]+(\.[0-9]+)?\s*(ms|s|sec|min|h|d)\s*$", "10min"),
]
"""Seconds in Python, ``10min`` in YAML."""

Size = Annotated[
    int,
    BeforeValidator(size),
    PlainSerializer(size_text),
    _schema(r"^\s*[0-9]+(\.[0-9]+)?\s*([mMgG]|[mMgG][iI]?[bB])\s*$", "2GiB"),
]
"""Bytes in Python, ``2GiB`` in YAML."""

Percent = Annotated[
    float,
    BeforeValidator(percent),
    PlainSerializer(percent_text),
    _schema(r"^\s*[0-9]+(\.[0-9]+)?\s*%\s*$", "5%", True),
]
"""A share in [0, 1] in Python, ``5%`` in YAML."""

Money = Annotated[
    float,
    BeforeValidator(money),
    PlainSerializer(money_text),
    _schema(r"^\s*(\$\s*[0-9]+(\.[0-9]+)?|[0-9]+(\.[0-9]+)?\s*[uU][sS][dD])\s*$", "5 USD", True),
]
"""US dollars in Python, ``5 USD`` in YAML."""
