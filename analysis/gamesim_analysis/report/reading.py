"""How templates read blocks: numbers as words, tables as downloads, drawings as markup. Filters, and nothing else."""

from __future__ import annotations

import csv as csv_module
import io
import math
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import numpy as np
from markupsafe import Markup

from gamesim.core.errors import clean

from .blocks import Table, Value
from .charts import COLOURS, DASHES, SERIES, Spec
from .numbers import Estimate, decimals, number, thinned
from .svg import sanitised, svg

# In the order of charts.SHAPES, about (0, 0).
_SHAPES = (
    "M-3.6,0a3.6,3.6 0 1 0 7.2,0a3.6,3.6 0 1 0 -7.2,0Z", "M-3.3,-3.3h6.6v6.6h-6.6Z", "M0,-4L4,3.4H-4Z", "M0,-4.6L3.6,0L0,4.6L-3.6,0Z",
    "M-1.4,-4h2.8v2.6h2.6v2.8h-2.6v2.6h-2.8v-2.6h-2.6v-2.8h2.6Z", "M0,4L-4,-3.4H4Z", "M4,0L-3.4,4V-4Z", "M-4.5,-1h9v2h-9Z",
)  # fmt: skip
CSV_VALUES = 2400  # of one download
_GUARDED = ("=", "+", "-", "@", "\t", "\r")


class Drawings:
    """Specs to markup, one after the other on a page; each gets ids of its own."""

    def __init__(self) -> None:
        self.drawn = 0

    def __call__(self, spec: Spec | str) -> Markup:
        self.drawn += 1
        return sanitised(spec, f"d{self.drawn}x") if isinstance(spec, str) else svg(spec, f"d{self.drawn}x")


def own(text: str) -> Markup:
    """Style and script of this package, checked never to end their element early."""
    if "</" in text or "<!--" in text:
        raise ValueError("a page's own style or script must not hold '</'")
    return Markup(text)


def pieces(text: str) -> list[dict[str, Any]]:
    """Text with `code` in backticks, in pieces.

    Examples
    --------
    >>> [(p["text"], p["code"]) for p in pieces("run `a b` now")]
    [('run ', False), ('a b', True), (' now', False)]
    """
    parts = without_controls(text).split("`")
    if len(parts) % 2 == 0:  # a lone backtick is a backtick
        parts = ["`".join(parts)]
    return [{"text": part, "code": bool(i % 2)} for i, part in enumerate(parts) if part]


def reading(value: Value) -> str:
    if value is None:
        return "–"
    if isinstance(value, str):
        return without_controls(value)
    if isinstance(value, Estimate):
        return str(value)
    return number(value)


def middle(value: Estimate) -> str:
    return number(value.value, decimals(value.value, value.low, value.high)) if value.known else "–"


def ends(value: Estimate) -> str:
    digits = decimals(value.value, value.low, value.high)
    return f"[{number(value.low, digits)}, {number(value.high, digits)}]"


def kinds(table: Table) -> list[str]:
    """``text`` or ``number``, a column."""
    columns = zip(*table.rows, strict=True) if table.rows else [()] * len(table.columns)
    return ["text" if any(isinstance(v, str) for v in column) else "number" for column in columns]


def csv(table: Table) -> str:
    """The table as a ``data:`` address that a browser saves; estimates are spread over value, low, high and n."""
    names = table.download_columns or table.columns
    rows = _download(table)
    return "data:text/csv;charset=utf-8," + quote(
        csv_text(names, rows), safe=" ,;:/()[]'!*$@?=+|{}<>\\^`".replace(" ", "")
    )


def _download(table: Table) -> tuple[tuple[Value, ...], ...]:
    """The rows a reader may save, evenly thinned where there are more than a page should carry."""
    rows = table.download if table.download is not None else table.rows
    wide = sum(4 if isinstance(v, Estimate) else 1 for v in rows[0]) if rows else 1
    return tuple(rows[i] for i in thinned(len(rows), max(40, CSV_VALUES // wide)))


def saved(table: Table) -> str:
    """What the download is called, and how much it holds where that is not all."""
    whole = len(table.download if table.download is not None else table.rows)
    kept = len(_download(table))
    return "Download as CSV" if kept == whole else f"Download as CSV ({kept:,} of {whole:,} rows, evenly spread)"


def csv_text(names: tuple[str, ...], rows: tuple[tuple[Value, ...], ...]) -> str:
    """RFC 4180, LF; text that a spreadsheet would take for a formula gets an apostrophe.

    Examples
    --------
    >>> csv_text(("who", "x"), (("=cmd|x", Estimate(1.5, 1.0, 2.0, 4)),))
    "who,x,x_low,x_high,x_n\\n'=cmd|x,1.5,1,2,4\\n"
    """
    spread = [any(isinstance(row[i], Estimate) for row in rows) for i in range(len(names))]
    out = io.StringIO()
    writer = csv_module.writer(out, lineterminator="\n")
    header: list[str] = []
    for name, wide in zip(names, spread, strict=True):
        header += [name, f"{name}_low", f"{name}_high", f"{name}_n"] if wide else [name]
    writer.writerow([guarded(name) for name in header])
    for row in rows:
        cells: list[str] = []
        for value, wide in zip(row, spread, strict=True):
            if isinstance(value, Estimate):
                cells += [_digits(value.value), _digits(value.low), _digits(value.high), str(value.n)]
            else:
                cells += [_cell(value)] + [""] * (3 if wide else 0)
        writer.writerow(cells)
    return out.getvalue()


def guarded(text: str) -> str:
    return "'" + text if text.startswith(_GUARDED) and not _is_number(text) else text


def _cell(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return guarded(without_controls(value))
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    return _digits(value) if isinstance(value, (float, np.floating)) else str(value)


def _digits(value: float) -> str:
    return f"{value:.6g}" if math.isfinite(value) else ""


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def without_controls(text: str) -> str:
    """No control characters and no bidi overrides; line ends stay."""
    return "\n".join(clean(line, 20_000) for line in text.split("\n"))


def printable(value: Any) -> Any:
    """What a template puts out: text without controls; markup, which only `svg` and `own` make, as it is."""
    return without_controls(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def anchor(name: str) -> str:
    """An id of letters, digits and dashes."""
    kept = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return kept if kept[:1].isalpha() else f"s-{kept}"


def version_of(manifest: Mapping[str, Any]) -> Any:
    versions = manifest.get("versions") or {}
    return versions.get("gamesim", "") if isinstance(versions, Mapping) else ""


def is_estimate(value: object) -> bool:
    return isinstance(value, Estimate)


FILTERS = {
    "pieces": pieces,
    "reading": reading,
    "middle": middle,
    "ends": ends,
    "kinds": kinds,
    "csv": csv,
    "saved": saved,
    "colour": lambda index: COLOURS[index % SERIES],
    "dash": lambda index: " ".join(map(str, DASHES[index % SERIES])) if index % SERIES else "none",
    "shape": lambda index: _SHAPES[index % SERIES],
}
