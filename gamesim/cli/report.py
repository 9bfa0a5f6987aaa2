"""``gamesim report RUN...``: report.html of one run, or of several side by side."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from .flags import OpenReport, command, new_app
from .output import Output

app = new_app()


@command(app, "report", store=True)
def report(
    out: Output,
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help="Run directories, or ids in the store.")],
    file: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Where to write; by default report.html of the first run."),
    ] = None,
    sections: Annotated[
        str | None, typer.Option("--sections", metavar="A,B", help="Only these, in this order.")
    ] = None,
    compare: Annotated[
        list[str] | None, typer.Option("--compare", metavar="RUN", help="Another run beside the first.")
    ] = None,
    browse: OpenReport = False,
) -> Mapping[str, Any]:
    """Write report.html: tables are computed again, then drawn."""
    from gamesim_analysis.metrics import compute
    from gamesim_analysis.report import build

    from gamesim.core.errors import ScenarioError, clean
    from gamesim.run.record import Record
    from gamesim.run.store import resolve_run

    if file is not None and file.is_dir():
        raise ScenarioError("is a directory.", where=str(file), hint="Name a file, such as report.html.")
    records = [Record(resolve_run(name, out.store)) for name in [*runs, *(compare or ())]]
    for record in records:
        compute(record)
    asked = [name.strip() for name in sections.split(",") if name.strip()] if sections is not None else None
    if asked is None and len(records) == 1:
        asked = (records[0].scenario.get("report") or {}).get("sections")
    page = build(records[0] if len(records) == 1 else records, out=file, sections=asked)
    out.say(clean(page, 400))
    if browse:
        import webbrowser

        webbrowser.open(Path(page).resolve().as_uri())
    return {"report": str(page), "runs": [str(record.path) for record in records]}
