"""``gamesim sweep FILE --axis path=v1,v2``: ``run`` with axes from the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from .casting import Casting
from .flags import (
    BaseUrl,
    KeyEnv,
    LimitCalls,
    LimitCost,
    LimitWall,
    Model,
    NoCache,
    NoPreflight,
    OpenReport,
    Overrides,
    Workers,
    command,
    limits_of,
    new_app,
)
from .output import Output
from .run import Agents, DryRun, Estimate, File, New, Replicates, Seed, Yes, play

app = new_app()

Axes = Annotated[
    list[str] | None, typer.Option("--axis", metavar="PATH=V1,V2", help="Sweep a key; also PATH={linspace: [0, 1, 5]}.")
]


@command(app, "sweep", store=True, progress=True)
def sweep(
    out: Output,
    file: File,
    axes: Axes = None,
    zipped: Annotated[bool, typer.Option("--zip", help="Axes side by side instead of all combinations.")] = False,
    overrides: Overrides = None,
    seed: Seed = None,
    replicates: Replicates = None,
    agents: Agents = None,
    model: Model = None,
    base_url: BaseUrl = None,
    api_key_env: KeyEnv = None,
    workers: Workers = 1,
    limit_wall: LimitWall = None,
    limit_calls: LimitCalls = None,
    limit_cost: LimitCost = None,
    dry_run: DryRun = False,
    estimate: Estimate = False,
    no_cache: NoCache = False,
    no_preflight: NoPreflight = False,
    yes: Yes = False,
    new: New = False,
    browse: OpenReport = False,
) -> Mapping[str, Any]:
    """Play a scenario over axes; they join or replace those of the file."""
    from gamesim.core.errors import OverrideError

    if not axes:
        raise OverrideError(
            "a sweep needs an axis.", where="--axis", hint="Such as --axis environment.growth.rate=0.1,0.2"
        )
    return play(
        out, file, overrides=overrides or (), axes=axes, axis_mode="zip" if zipped else "grid", seed=seed, replicates=replicates,
        casting=Casting(agents, model, base_url, api_key_env), workers=workers, limits=limits_of(limit_wall, limit_calls, limit_cost),
        dry_run=dry_run, estimate=estimate, cache=not no_cache, preflight=not no_preflight, yes=yes, new=new, browse=browse,
    )  # fmt: skip
