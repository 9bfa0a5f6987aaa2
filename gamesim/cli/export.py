"""``gamesim export RUN``: a table of a run as a file that other programs read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from .flags import command, new_app
from .output import Output

app = new_app()


@command(app, "export", store=True)
def export(
    out: Output,
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run directory, or its id in the store.")],
    table: Annotated[
        str, typer.Option("--table", metavar="NAME", help="steps, outcomes, units, failures, or a metric's.")
    ] = "steps",
    format: Annotated[
        str | None, typer.Option("--format", metavar="FORMAT", help="csv, parquet, jsonl or arrow.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where to write; by default TABLE.FORMAT here.")
    ] = None,
    raw: Annotated[bool, typer.Option("--raw", help="Leave CSV cells that look like formulas as they are.")] = False,
) -> Mapping[str, Any]:
    """Write a table of a run as csv, parquet, jsonl or arrow."""
    from gamesim.core.errors import ScenarioError, clean
    from gamesim.run.export import export as write
    from gamesim.run.record import Record
    from gamesim.run.store import resolve_run

    record = Record(resolve_run(run, out.store))
    if file is not None and file.is_dir():
        raise ScenarioError("is a directory.", where=str(file), hint=f"Name a file, such as {table}.csv.")
    target = file if file is not None else Path(f"{table}.{format or 'csv'}")
    written = write(record, table=table, format=format, out=target, raw=raw)
    rows = len(record.sql(f"SELECT * FROM {table}") if table in ("units", "failures") else record.table(table))
    out.say(f"{clean(written, 400)}   {rows:,} rows")
    return {"file": str(written), "table": table, "rows": rows}
