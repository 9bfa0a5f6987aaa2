"""``gamesim run FILE`` and, with axes, ``gamesim sweep FILE``."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from .casting import Casting, cast
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

app = new_app()

File = Annotated[str, typer.Argument(metavar="FILE", help="A scenario: a file, or a name such as commons/demo.")]
Seed = Annotated[int | None, typer.Option("--seed", min=0, metavar="N", help="Root of every random stream.")]
Replicates = Annotated[
    int | None, typer.Option("--replicates", "--seeds", min=1, metavar="N", help="Episodes of each cell.")
]
Agents = Annotated[
    str | None, typer.Option("--agents", metavar="llm|rules", help="Who answers for the population on the same file.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be played; play nothing.")]
Estimate = Annotated[bool, typer.Option("--estimate", help="Print the bill and end.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")]
New = Annotated[bool, typer.Option("--new", help="Play all again under another id.")]


@command(app, "run", store=True, progress=True)
def run(
    out: Output,
    file: File,
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
    """Play a scenario: table, report.html, and a run directory.

    The same scenario continues its run: finished units are not played again.
    """
    return play(
        out, file, overrides=overrides or (), seed=seed, replicates=replicates, casting=Casting(agents, model, base_url, api_key_env),
        workers=workers, limits=limits_of(limit_wall, limit_calls, limit_cost), dry_run=dry_run, estimate=estimate, cache=not no_cache,
        preflight=not no_preflight, yes=yes, new=new, browse=browse,
    )  # fmt: skip


def play(
    out: Output,
    file: str,
    *,
    overrides: Sequence[str] = (),
    axes: Sequence[str] = (),
    axis_mode: Literal["grid", "zip"] = "grid",
    seed: int | None = None,
    replicates: int | None = None,
    casting: Casting | None = None,
    workers: int = 1,
    limits: Mapping[str, Any] | None = None,
    dry_run: bool = False,
    estimate: bool = False,
    cache: bool = True,
    preflight: bool = True,
    yes: bool = False,
    new: bool = False,
    browse: bool = False,
) -> dict[str, Any]:
    """Load, announce, play, sum up."""
    from gamesim.run.store import default_store
    from gamesim.scenario.resolve import load_scenario

    from .billing import confirm, model_bill
    from .playing import announce, budget, finished, seed_of, tell_warnings
    from .progress import reporter

    scenario = load_scenario(file, overrides=[*overrides, *seed_of(seed, replicates)], axes=axes, axis_mode=axis_mode)
    if casting:
        scenario = cast(scenario, casting, out.note)
    store = Path(out.store) if out.store else default_store()
    warnings = tell_warnings(scenario, out)
    if dry_run or estimate:
        work = announce(scenario, out, store)
        if estimate:
            work |= budget(scenario) | model_bill(scenario, store, limits)
        say_work(work, out)
        return {**work, "store": str(store), "played": 0}
    from gamesim.run.model_use import ModelUse
    from gamesim.run.runner import run as play_all

    work = announce(scenario, out, store)
    confirm(scenario, out, store, limits, yes=yes, new=new)
    if new:  # nothing is taken over from other runs of the store, by workers neither
        os.environ["GAMESIM_FRESH"] = "1"
    played: list[int] = []
    with reporter(out, work["units"]) as progress:

        def hear(event: Mapping[str, Any]) -> None:
            progress(event)
            if event.get("event") == "run_done":
                played.append(int(event.get("played", 0)))

        record = play_all(
            scenario, store=store, workers=workers, on_event=hear, new=new, limits=limits or None,
            models=ModelUse(cache=None if cache else "off", preflight=preflight),
        )  # fmt: skip
    if played and played[0] == 0:
        out.note("nothing to play: all units of this scenario are finished (--new plays them again)")
    data = finished(record, out, played=played[0] if played else None, browse=browse, scenario=scenario)
    return {**data, "cells": work["cells"], "replicates": work["replicates"]} | (
        {"warnings": warnings} if warnings else {}
    )


def say_work(work: Mapping[str, Any], out: Output) -> None:
    """The bill."""
    for key in ("name", "cells", "replicates", "episodes", "units"):
        value = work[key]
        out.say(f"{key:<12}{value:,}" if isinstance(value, int) else f"{key:<12}{value}")
    if "bill" not in work:
        out.say(f"{'model calls':<12}{'none' if work['model_calls'] == 0 else 'unknown; see --estimate'}")
    else:
        for line in str(work["bill"]["text"]).splitlines():
            out.say(line)
    if "cpu_seconds" in work:
        span = work["cpu_seconds"]
        out.say(f"{'CPU time':<12}{'unknown' if span is None else f'{span[0]:.2g} to {span[1]:.2g} s'}")
