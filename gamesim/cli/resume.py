"""``gamesim resume RUN``: go on where a run stopped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from .flags import (
    LimitCalls,
    LimitCost,
    LimitWall,
    NoCache,
    NoPreflight,
    OpenReport,
    Workers,
    command,
    limits_of,
    new_app,
)
from .output import Output

app = new_app()


@command(app, "resume", store=True, progress=True)
def resume(
    out: Output,
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run directory, or its id in the store.")],
    workers: Workers = 1,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Also play units again that failed.")] = False,
    limit_wall: LimitWall = None,
    limit_calls: LimitCalls = None,
    limit_cost: LimitCost = None,
    no_cache: NoCache = False,
    no_preflight: NoPreflight = False,
    browse: OpenReport = False,
) -> Mapping[str, Any]:
    """Go on with a run that was stopped; finished units are not played again."""
    from gamesim.run.manifest import read_manifest
    from gamesim.run.model_use import ModelUse
    from gamesim.run.runner import resume as go_on
    from gamesim.run.store import resolve_run

    from .playing import finished
    from .progress import reporter

    path = resolve_run(run, out.store)
    played: list[int] = []
    with reporter(out, len(read_manifest(path).units)) as progress:

        def hear(event: Mapping[str, Any]) -> None:
            progress(event)
            if event.get("event") == "run_done":
                played.append(int(event.get("played", 0)))

        limits = limits_of(limit_wall, limit_calls, limit_cost)
        record = go_on(
            path, workers=workers, on_event=hear, retry_failed=retry_failed, limits=limits or None,
            models=ModelUse(cache="off" if no_cache else None, preflight=not no_preflight),
        )  # fmt: skip
    return finished(record, out, played=played[0] if played else None, browse=browse)
