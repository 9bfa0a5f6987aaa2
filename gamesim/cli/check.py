"""``gamesim check FILE...``: is it right, how much is it, what should its author hear."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from gamesim.core.errors import GamesimError, ScenarioError, clean

from .flags import Overrides, command, new_app
from .output import Output

app = new_app()


@command(app, "check")
def check(
    out: Output,
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE...", help="Scenarios: files, or names such as commons/demo; or games: files, catalog:NAME."
        ),
    ] = None,
    overrides: Overrides = None,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Also time a few episodes in memory and estimate the whole.")
    ] = False,
    models: Annotated[
        bool, typer.Option("--models", help="Also ask every model one question, as a run does before its first unit.")
    ] = False,
    equals: Annotated[
        str | None, typer.Option("--equals", metavar="REF", help="Is the game the one of REF? Exit 0 only if it is.")
    ] = None,
    payoffs: Annotated[
        str | None,
        typer.Option(
            "--payoffs", metavar="MODE", help="With --equals: exact, affine, ordinal or constraints; by default REF's."
        ),
    ] = None,
    players: Annotated[
        list[str] | None, typer.Option("--players", metavar="A=B", help="With --equals: player A of REF is B of FILE.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 1 if there are warnings; of games 2, and only for W04, W05, W07.")
    ] = False,
    plugin: Annotated[
        list[str] | None,
        typer.Option(
            "--plugin", metavar="NAME", help="Check what is registered under a name, such as environments/commons."
        ),
    ] = None,
) -> Mapping[str, Any]:
    """Validate scenarios, every key, kind, count and cell; or games, and whether one is another. Nothing is written."""
    from . import errors
    from .games import check_game, is_game

    if not files and not plugin:
        raise errors.UsageError(
            "nothing to check.", where="gamesim check", hint="Name scenario files, or --plugin NAME."
        )
    if payoffs is not None and equals is None:
        raise errors.UsageError("--payoffs says how to compare.", where="gamesim check", hint="Name --equals REF.")
    results: list[dict[str, Any]] = []
    worst = 0
    for file in files or ():
        try:
            if equals is not None or is_game(file):
                found, code = check_game(
                    out, file, equals=equals, payoffs=payoffs, players=players or (), strict=strict
                )
                results.append(found)
                worst = max(worst, code)
                continue
            results.append(_scenario(out, file, overrides or (), estimate, models))
        except GamesimError as error:
            if not out.json:
                errors.report(error, out)
            told = [{**one.as_dict(), "exit": errors.exit_code(error)} for one in errors.together(error)]
            results.append({"file": file, "ok": False, "errors": told, "warnings": []})
            worst = max(worst, errors.exit_code(error))
    for name in plugin or ():
        results.append({"plugin": name, **_plugin(out, name)})
    refused = [error for result in results for error in result.get("errors", ())]
    if out.json and refused:
        out.exit = worst
        return {"files": results, "error": refused[0]}
    scenarios = [result for result in results if "format" not in result]
    out.exit = worst or (1 if strict and any(result.get("warnings") for result in scenarios) else 0)
    return {"files": results}


def _scenario(out: Output, file: str, overrides: Any, estimate: bool, models: bool) -> dict[str, Any]:
    from gamesim.scenario.resolve import load_scenario
    from gamesim.scenario.sweep import count_units, grows, points

    from .playing import budget, warnings_of

    scenario = load_scenario(file, overrides=overrides)
    _sections(scenario)
    cells = len(points(scenario.sweep)) if scenario.sweep is not None else 1
    units = count_units(scenario)
    warnings = warnings_of(scenario)
    result: dict[str, Any] = {
        "file": file,
        "ok": True,
        "name": scenario.name,
        "cells": cells,
        "replicates": scenario.replicates,
        "episodes": cells * scenario.replicates,
        "units": units,
        "grows": grows(scenario),
        "warnings": warnings,
    }
    if estimate:
        from gamesim.run.store import default_store

        from .billing import model_bill

        result |= budget(scenario) | model_bill(scenario, default_store())
    if models:
        result["models"] = _models(out, scenario)
    time = ""
    if estimate:
        span = result["cpu_seconds"]
        time = "   CPU time unknown" if span is None else f"   about {span[0]:.2g} to {span[1]:.2g} s of CPU"
    from .playing import own_words

    told = own_words(scenario)
    much = told or (
        f"{cells:,} cell{'s' if cells != 1 else ''} x {scenario.replicates:,} seeds = {units:,} unit{'s' if units != 1 else ''} of work"
    )
    out.say(f"{clean(file, 200)}: ok   {much}{time}")
    for line in result["bill"]["text"].splitlines() if "bill" in result else ():
        out.say(f"  {line}")
    for text in warnings:
        out.warn(text)
    return result


def _models(out: Output, scenario: Any) -> dict[str, Any]:
    """Preflight of every model in use, with a journal that is thrown away."""
    import tempfile
    from pathlib import Path

    from gamesim.run.aside import turned
    from gamesim.run.models.opening import open_broker
    from gamesim.run.models.working import ready

    async def ask(folder: Path) -> dict[str, Any]:
        broker = open_broker(scenario, folder, folder, cache="off")
        try:
            found = {name: vars(settled) for name, settled in (await ready(broker, scenario)).items()}
            return {
                name: found.get(name, {"name": desk.name, "outcome": "here"}) for name, desk in broker.desks.items()
            }
        finally:
            await broker.aclose()

    with tempfile.TemporaryDirectory(prefix="gamesim-check-") as folder:
        found = turned(lambda: ask(Path(folder)))
    for name, settled in found.items():
        more = f", answers by {settled['structured']}" if "structured" in settled else ", needs no server"
        out.say(f"  model {clean(name, 80)}: {settled['outcome']}{more}")
    return found


def _sections(scenario: Any) -> None:
    """Sections of the report are names of what is installed."""
    from gamesim.core.errors import UnknownKindError
    from gamesim.core.registry import names

    known = names("report_sections")
    for index, section in enumerate(scenario.report.get("sections") or ()):
        if section not in known:
            path = f"report.sections.{index}"
            raise UnknownKindError.named(
                "report section", section, known, where=scenario.origins[path].place, path=path
            )


def _plugin(out: Output, name: str) -> dict[str, Any]:
    """Run the contracts over one registered thing, to the episode's end."""
    from gamesim.core.errors import UnknownKindError
    from gamesim.core.registry import GROUPS, names
    from gamesim.testing.installed import check_registered

    group, _, kind = name.rpartition("/")
    groups = [group] if group else [one for one in GROUPS if kind in names(one)]
    if not groups:
        everything = [f"{one}/{known}" for one in GROUPS for known in names(one)]
        raise UnknownKindError.named("plugin", name, everything)
    for one in groups:
        if one not in GROUPS:
            raise ScenarioError(f"no group '{clean(one, 40)}'.", where=f"--plugin {clean(name, 60)}")
        contract = check_registered(one, kind)
        out.say(f"{one}/{kind}: {contract}")
    return {"ok": True, "groups": groups, "warnings": []}
