"""Tables of a run as files that other programs read: csv, parquet, jsonl, arrow."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal, get_args

from gamesim.core.errors import ScenarioError, clean, did_you_mean

from . import seal
from .parquet import write_parquet
from .record import Record
from .tables import Table
from .text_forms import csv_lines, jsonl_lines

Format = Literal["csv", "parquet", "jsonl", "arrow"]


def export(
    record: Record, *, table: str = "steps", format: str | None = None, out: Path | str, raw: bool = False
) -> Path:
    """Write a table of a run to a file.

    Parameters
    ----------
    table : ``steps``, ``outcomes``, ``units``, ``failures``, or a metric's.
    format : ``csv``, ``parquet``, ``jsonl`` or ``arrow`` (Feather, needs pyarrow); by default what ``out`` ends with.
    raw : leave cells of a CSV that look like formulas unguarded.

    Raises
    ------
    ScenarioError
        For a format that does not exist.
    MissingExtraError
        For ``arrow`` without pyarrow.
    """
    target = Path(out)
    chosen = format or target.suffix.removeprefix(".")
    if chosen not in get_args(Format):
        raise ScenarioError(
            f"no format '{clean(chosen, 40)}'.",
            path="--format",
            hint=did_you_mean(chosen, get_args(Format)) or f"Possible: {', '.join(get_args(Format))}.",
        )
    content = record.sql(f"SELECT * FROM {table}") if table in ("units", "failures") else record.table(table)
    writers: dict[str, Callable[[Path, Table], None]] = {
        "csv": lambda path, data: _write_lines(path, csv_lines(data, raw=raw)),
        "jsonl": lambda path, data: _write_lines(path, jsonl_lines(data)),
        "parquet": write_parquet,
        "arrow": _write_arrow,
    }
    writers[chosen](target, content)
    return target


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    with seal.beside(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        file.writelines(lines)


def _write_arrow(path: Path, table: Table) -> None:
    content = table.arrow()
    from pyarrow import feather

    with seal.beside(path) as temporary:
        feather.write_feather(content, str(temporary), compression="zstd")
