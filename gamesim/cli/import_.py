"""``gamesim import FORM PATH...``: foreign data as a run, with its provenance."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from .flags import command, new_app
from .output import Output, number

app = new_app("Foreign data as a run.")


@app.callback()
def root() -> None:
    """Foreign data as a run, with its provenance; never an edited one."""


@command(app, "import govsim", store=True)
def govsim(
    out: Output,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="GovSim logs, or folders of them.")],
    rules: Annotated[str, typer.Option("--rules", metavar="RULES", help="auto, fishery or inverse.")] = "auto",
    folder: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where runs go; by default the store.")
    ] = None,
    lenient: Annotated[
        bool, typer.Option("--lenient", help="Take logs with faults too; such runs are marked.")
    ] = False,
) -> Mapping[str, Any]:
    """Logs of GovSim societies: survival, gain, efficiency, equality, over-usage."""
    from gamesim.core.errors import clean
    from gamesim.core.registry import entry
    from gamesim.run.store import default_store

    store = folder or (Path(out.store) if out.store else default_store())
    importer = entry("importers", "govsim")
    known = inspect.signature(importer).parameters
    flags = {key: value for key, value in {"rules": rules, "lenient": lenient}.items() if key in known}
    found = importer(paths, store=store, **flags)
    records = list(found) if isinstance(found, (list, tuple)) else [found]
    items = []
    for record in records:
        rows = record.table("govsim_scores").rows() if "govsim_scores" in record.tables else record.outcomes().rows()
        items.append({"run": str(record.path), "status": record.manifest.status, "episodes": len(rows), "scores": rows})
        columns = [name for name in (rows[0] if rows else {}) if name not in ("unit", "cell", "episode")][:12]
        if rows:
            out.table(columns, [[number(row[name]) for name in columns] for row in rows], limit=40)
        for line in (record.manifest.provenance or {}).get("notes", ()):
            out.note(clean(line, 300))
        out.say(f"run     {clean(record.path, 400)}")
    return {"runs": items}
