"""Tables as text: RFC 4180 CSV with a guard against formulas, and JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from .tables import Table, values_of

_GUARDED = ("=", "+", "-", "@", "\t", "\r")


def csv_cell(value: Any, *, raw: bool = False) -> str:
    """One cell of RFC 4180. Text that a spreadsheet would run as a formula gets a leading apostrophe, unless ``raw``.

    Examples
    --------
    >>> csv_cell("=cmd|x"), csv_cell(-0.5), csv_cell("-0.5"), csv_cell('say "x"')
    ("'=cmd|x", '-0.5', '-0.5', '"say ""x""\"')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return repr(value)
    text = value
    if not raw and text.startswith(_GUARDED) and not _is_number(text):
        text = "'" + text
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in '",\r\n') or text == "" else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text == text.strip()


def csv_lines(table: Table, *, raw: bool = False) -> Iterator[str]:
    """RFC 4180 lines, header first. No value is an empty cell, empty text a quoted one."""
    yield ",".join(csv_cell(name, raw=raw) for name in table.names) + "\r\n"
    lists = [values_of(values) for values in table.columns.values()]
    for row in zip(*lists, strict=True):
        yield ",".join(csv_cell(value, raw=raw) for value in row) + "\r\n"


def jsonl_lines(table: Table) -> Iterator[str]:
    """One JSON object a line; infinities by name, no value as null."""
    for row in table.rows():
        safe = {k: str(v) if isinstance(v, float) and v in (float("inf"), float("-inf")) else v for k, v in row.items()}
        yield json.dumps(safe, ensure_ascii=False, allow_nan=False) + "\n"
