"""``gamesim run FILE`` and, with axes, ``gamesim sweep FILE``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from .flags import LimitCalls, LimitCost, LimitWall, OpenReport, Overrides, Workers, command, limits_of, new_app
from .output import Output

if TYPE_CHECKING:
    from gamesim.scenario.scenario import Scenario

app = new_app()

File = Annotated[str, typer.Argument(metavar="FILE", help="A scenario: a file, or a name such as commons/demo.")]
Seed = Annotated[int | None, typer.Option("--seed", metavar="N", help="Root of every random stream.")]
Replicates = Annotated[int | None, typer.Option("--replicates", "--seeds", metavar="N", help="Episodes of each cell.")]
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
    workers: Workers = 1,
    limit_wall: LimitWall = None,
    limit_calls: LimitCalls = None,
    limit_cost: LimitCost = None,
    dry_run: DryRun = False,
    estimate: Estimate = False,
    yes: Yes = False,
    new: New = False,
    browse: OpenReport = False,
) -> Mapping[str, Any]:
    """Play a scenario: table, report.html, and a run directory.

    The same scenario continues its run: finished units are not played again.
    """
    return play(
        out, file, overrides=overrides or (), seed=seed, replicates=replicates, agents=agents, workers=workers,
        limits=limits_of(limit_wall, limit_calls, limit_cost), dry_run=dry_run, estimate=estimate, yes=yes, new=new, browse=browse,
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
    agents: str | None = None,
    workers: int = 1,
    limits: Mapping[str, Any] | None = None,
    dry_run: bool = False,
    estimate: bool = False,
    yes: bool = False,
    new: bool = False,
    browse: bool = False,
) -> dict[str, Any]:
    """Load, announce, play, sum up."""
    from gamesim.run.store import default_store
    from gamesim.scenario.resolve import load_scenario

    from .playing import announce, budget, finished, seed_of, tell_warnings
    from .progress import reporter

    scenario = load_scenario(file, overrides=[*overrides, *seed_of(seed, replicates)], axes=axes, axis_mode=axis_mode)
    if agents is not None:
        scenario = with_agents(scenario, agents)
    store = Path(out.store) if out.store else default_store()
    warnings = tell_warnings(scenario, out)
    if dry_run or estimate:
        work = announce(scenario, out, store)
        if estimate:
            work |= budget(scenario)
        say_work(work, out)
        return {**work, "store": str(store), "played": 0}
    from gamesim.run.runner import run as play_all

    work = announce(scenario, out, store)
    if not yes and work["model_calls"] is None:
        confirm(out)
    played: list[int] = []
    with reporter(out, work["units"]) as progress:

        def hear(event: Mapping[str, Any]) -> None:
            progress(event)
            if event.get("event") == "run_done":
                played.append(int(event.get("played", 0)))

        record = play_all(scenario, store=store, workers=workers, on_event=hear, new=new, limits=limits or None)
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
    out.say(f"{'model calls':<12}{'none' if work['model_calls'] == 0 else 'unknown'}")
    if "cpu_seconds" in work:
        span = work["cpu_seconds"]
        out.say(f"{'CPU time':<12}{'unknown' if span is None else f'{span[0]:.2g} to {span[1]:.2g} s'}")


def confirm(out: Output) -> None:
    """Ask before somebody outside is called; only where somebody can answer."""
    import sys

    if sys.stdin.isatty() and not out.json:
        typer.confirm("Somebody outside this process plays and may cost money. Go on?", abort=True, err=True)


def with_agents(scenario: Scenario, agents: str) -> Scenario:
    """The scenario with its population answered by rules or by language models.

    Raises
    ------
    ScenarioError
        For another word than ``rules`` or ``llm``.
    MissingExtraError
        For ``llm``, where no language-model agent is installed for the environment.
    """
    from gamesim.core.errors import MissingExtraError, ScenarioError, clean, did_you_mean
    from gamesim.core.registry import entry, names

    if agents not in ("llm", "rules"):
        raise ScenarioError(
            f"'{clean(agents, 40)}' is not possible.",
            where="--agents",
            hint=did_you_mean(agents, ("llm", "rules")) or "Possible: llm, rules.",
        )
    outside = [bool(entry("agents", member.agent.kind).external) for member in scenario.population]
    if agents == "rules" and not any(outside):
        return scenario
    if agents == "llm" and all(outside):
        return scenario
    kind = scenario.environment.kind if scenario.environment is not None else ""
    known = [name for name in names("agents") if name.split(".")[-1] == "llm" and name.split(".")[0] in (kind, "llm")]
    raise MissingExtraError(
        f"no {'language-model' if agents == 'llm' else 'rule'} agents stand in for this population of '{kind}'.",
        where=f"--agents {agents}",
        hint=f"Name them in the population: {', '.join(known)}."
        if known
        else "None is installed; rule agents play without the flag.",
    )
