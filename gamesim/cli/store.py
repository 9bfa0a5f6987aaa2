"""``gamesim store``: care of runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from .flags import command, new_app
from .output import Output

app = new_app("Care of runs.")

Run = Annotated[str, typer.Argument(metavar="RUN", help="A run directory, or its id in the store.")]


@app.callback()
def root() -> None:
    """Care of runs: verify, prune, pack, unpack."""


def _store(out: Output) -> Path:
    from gamesim.run.store import default_store

    return Path(out.store) if out.store else default_store()


@command(app, "store verify", store=True)
def verify(
    out: Output,
    run: Annotated[str | None, typer.Argument(metavar="[RUN]", help="One run; by default all of the store.")] = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="Also every journal's chain, and tables against journals.")
    ] = False,
) -> Mapping[str, Any]:
    """Compare every file with its seal; exit 6 if one differs. Nothing is repaired."""
    from gamesim.run.store import resolve_run, verify_store

    found = verify_store(resolve_run(run, out.store) if run is not None else _store(out), deep=deep)
    items = [{"run": str(one.path), "status": one.status, "message": one.message} for one in found]
    if items:
        out.table(
            ["run", "status", "message"], [[one.path.name, one.status, one.message] for one in found], keep=3, limit=300
        )
    else:
        out.note("no runs there")
    if any(one.status == "damaged" for one in found):
        out.exit = 6
    return {"findings": items}


@command(app, "store prune", store=True)
def prune(
    out: Output,
    older_than: Annotated[
        str | None,
        typer.Option(
            "--older-than", metavar="TIME", help="Remove runs last written before this long ago, such as 30d."
        ),
    ] = None,
    unfinished: Annotated[bool, typer.Option("--unfinished", help="Of those, only runs that did not finish.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go; remove nothing.")] = False,
) -> Mapping[str, Any]:
    """Remove old runs and what deaths left behind; runs in use stay."""
    from datetime import timedelta

    from gamesim.core.errors import ScenarioError, clean
    from gamesim.run.store import prune as remove
    from gamesim.scenario.quantities import duration

    age = None
    if older_than is not None:
        try:
            age = timedelta(
                seconds=duration(float(older_than) if older_than.replace(".", "", 1).isdecimal() else older_than)
            )
        except ValueError as error:
            raise ScenarioError(f"{error}.", where=f"--older-than {clean(older_than, 60)}") from None
    gone = remove(_store(out), older_than=age, unfinished=unfinished, dry_run=dry_run)
    for path in gone:
        out.say(f"{'would remove' if dry_run else 'removed'} {clean(path, 300)}")
    if not gone:
        out.note("nothing to remove")
    return {"removed": [str(path) for path in gone], "dry_run": dry_run}


@command(app, "store pack", store=True)
def pack(
    out: Output,
    run: Run,
    file: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="The zip; by default beside the run.")
    ] = None,
) -> Mapping[str, Any]:
    """A run as one zip; packing twice gives equal bytes."""
    from gamesim.core.errors import clean
    from gamesim.run.pack import pack as zipped
    from gamesim.run.store import resolve_run

    path = zipped(resolve_run(run, out.store), file)
    out.say(clean(path, 400))
    return {"file": str(path)}


@command(app, "store unpack", store=True)
def unpack(
    out: Output, file: Annotated[Path, typer.Argument(metavar="ZIP", help="A packed run.")]
) -> Mapping[str, Any]:
    """Unpack a run into the store and check it."""
    from gamesim.core.errors import clean
    from gamesim.run.pack import unpack as opened

    path = opened(file, _store(out))
    out.say(clean(path, 400))
    return {"run": str(path)}
