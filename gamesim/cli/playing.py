"""What `run`, `sweep` and `resume` share: the budget line, play with progress, and the table, report and paths at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gamesim.core.errors import GamesimError, clean

from .output import Output, estimate, fitting, number

if TYPE_CHECKING:
    from gamesim.run.record import Record
    from gamesim.scenario.scenario import Scenario


def announce(scenario: Scenario, out: Output, store: Path) -> dict[str, Any]:
    """How much work a scenario is, said on standard error before it begins."""
    from gamesim.scenario.models import used_models
    from gamesim.scenario.sweep import count_units, points

    cells = len(points(scenario.sweep)) if scenario.sweep is not None else 1
    episodes = cells * scenario.replicates
    asks = scenario.external or bool(used_models(scenario))
    work = {
        "name": scenario.name,
        "cells": cells,
        "replicates": scenario.replicates,
        "episodes": episodes,
        "units": count_units(scenario),
        "model_calls": None if asks else 0,
    }
    calls = "model calls" if asks else "no model calls"
    cell_word = "cell" if cells == 1 else "cells"
    told = own_words(scenario)
    if told is not None:
        out.note(f"{clean(scenario.name, 80)}   {clean(told, 200)}   {calls}   store {clean(store, 80)}")
        return work
    out.note(
        f"{clean(scenario.name, 80)}   {episodes:,} episodes ({cells:,} {cell_word} x {scenario.replicates:,} seeds)   {calls}   store {clean(store, 80)}"
    )
    return work


def own_words(scenario: Scenario) -> str | None:
    """How much work it is, where its experiment counts otherwise than in episodes of cells."""
    from gamesim.core.registry import entry

    words = getattr(entry("experiments", scenario.kind), "work", None)
    return None if words is None else str(words(scenario))


def tell_warnings(scenario: Scenario, out: Output) -> list[str]:
    """What a careful author would like to hear before the run."""
    found = warnings_of(scenario)
    for text in found:
        out.warn(text)
    return found


def warnings_of(scenario: Scenario) -> list[str]:
    """What the experiment, the environment and the members would have an author know, each once."""
    from gamesim.run.seating import agent_config

    environment, own = scenario.environment, getattr(scenario.experiment, "warnings", ())
    if environment is None:
        return list(own)
    members = (agent_config(member.agent).warnings(environment) for member in scenario.population)
    return list(dict.fromkeys([*own, *environment.warnings(), *(text for found in members for text in found)]))


def seed_of(seed: int | None, replicates: int | None) -> list[str]:
    """``--seed`` and ``--replicates`` as overrides of the same rank as ``--set``."""
    found = []
    if seed is not None:
        found.append(f"seed={seed}")
    if replicates is not None:
        found.append(f"replicates={replicates}")
    return found


def finished(
    record: Record, out: Output, *, played: int | None, browse: bool, scenario: Scenario | None = None
) -> dict[str, Any]:
    """Compute tables, write the report, print the summary and where everything lies.

    Parameters
    ----------
    played : units played now; with 0 what is there already is shown, unless the scenario asks for other figures.
    """
    from gamesim_analysis.metrics import compute
    from gamesim_analysis.report import build

    manifest = record.manifest
    data: dict[str, Any] = {
        "run": str(record.path),
        "id": record.id,
        "name": manifest.name,
        "status": manifest.status,
        "units": len(record.units),
        "played": played,
        "failed": sum(unit.status == "failed" for unit in record.units),
        "resumed": manifest.resumed,
        "digest": None,
        "summary": [],
        "report": None,
    }
    out.exit = manifest.exit_code
    page = record.path / "report.html"
    asked = tuple(scenario.metrics if scenario is not None else manifest.scenario.get("metrics") or ())
    shown = dict(scenario.report if scenario is not None else manifest.scenario.get("report") or {})
    if scenario is not None:
        record.analysis = scenario.analysis
    known = manifest.scenario
    same = asked == tuple(known.get("metrics") or ()) and shown == dict(known.get("report") or {})
    same = same and list(record.analysis) == list(known.get("analysis") or ())
    try:
        if played == 0 and same and page.exists() and "summary" in record.tables:
            summary = record.table("summary")
        else:
            out.note("measuring, and drawing the report")
            summary = compute(record, only=asked or None)["summary"]
            build(record, sections=shown.get("sections"))
        rows = summary.rows()
        data["summary"] = rows
        data["report"] = str(page)
        print_summary(rows, manifest.scenario, out)
    except GamesimError as error:
        if any(unit.sealed for unit in record.units) or not isinstance(error, GamesimError):
            out.say(f"run     {record.path}")
            raise
        out.warn(f"no figures: {error}")
    data["digest"] = record.digest()
    for unit in record.units:
        if unit.status == "failed" and unit.error:
            out.note(
                f"unit {unit.name} failed: {clean(unit.error.get('type', ''))}: {clean(unit.error.get('message', ''))}"
            )
    if out.exit == 4:
        out.note(
            f"status {manifest.status}: {data['failed']} of {len(record.units)} units failed; see: gamesim resume {record.path} --retry-failed"
        )
    if manifest.kind == "bench":
        from .bench import show_board

        show_board(record, out)
    out.say(f"run     {clean(record.path, 400)}")
    if data["report"]:
        out.say(f"report  {clean(page, 400)}")
    if browse and data["report"]:
        import webbrowser

        webbrowser.open(page.resolve().as_uri())
    return data


def print_summary(rows: Sequence[Mapping[str, Any]], scenario: Mapping[str, Any], out: Output) -> None:
    """One row a cell: swept values, n, and each main figure with its interval."""
    if not rows:
        return
    columns = list(rows[0])
    figures = [name for name in columns if f"{name}_lower" in columns and f"{name}_n" in columns]
    figures = [name for name in figures if any(row.get(name) is not None for row in rows)]
    if not figures:
        out.say("no figures: no episode was played to its end")
        return
    derived = {f"{name}{part}" for name in columns for part in ("_lower", "_upper", "_n") if f"{name}_lower" in columns}
    swept = [
        name
        for name in columns
        if name not in figures and name not in derived and name not in ("cell", "label", "brackets")
    ]
    swept = [name for name in swept if len(rows) > 1 and name in _axes(scenario)]
    heads = [_short(name, swept) for name in swept]
    of_episodes = [name for name in figures if name != "invalid_rate"] or figures  # that one counts decisions
    counts = [max(int(row.get(f"{name}_n") or 0) for name in of_episodes) for row in rows]
    table = []
    for row, n in zip(rows, counts, strict=True):
        cells = [estimate(row.get(name), row.get(f"{name}_lower"), row.get(f"{name}_upper")) for name in figures]
        for index, name in enumerate(figures):
            own = int(row.get(f"{name}_n") or 0)
            if own != n and cells[index]:
                cells[index] += f" (n {own})"
        table.append([*(number(row.get(name)) for name in swept), str(n), *cells])
    if len(rows) == 1:  # one cell reads better downwards
        out.table(
            ["figure", "value"], [[name, cell] for name, cell in zip(figures, table[0][len(swept) + 1 :], strict=True)]
        )
    else:
        heads = [*heads, "n", *figures]
        shown = len(heads) if out.verbose else fitting(heads, table, len(swept) + 1, out.width)
        out.table(heads[:shown], [row[:shown] for row in table], keep=len(swept) + 1)
        if len(heads) > shown:
            out.say(
                f"and {len(heads) - shown} more figures with --verbose and in the report: {', '.join(heads[shown:])}"
            )
    note = rows[0].get("brackets")
    out.say(
        f"n = {counts[0] if len(set(counts)) == 1 else 'episodes'} a row; brackets: {clean(note, 200)}"
        if note
        else f"n = {counts[0]}"
    )


def _axes(scenario: Mapping[str, Any]) -> Mapping[str, Any]:
    sweep = scenario.get("sweep")
    return sweep.get("axes", {}) if isinstance(sweep, Mapping) else {}


def _short(path: str, among: Sequence[str]) -> str:
    """The last part of a path, with as much before it as tells it from the others."""
    parts = path.split(".")
    for count in range(1, len(parts) + 1):
        tail = parts[-count:]
        if sum(other.split(".")[-count:] == tail for other in among) == 1:
            return ".".join(tail)
    return path


PROBE = 2  # episodes
LONG = 2.0  # seconds; a block that may take longer is not played for an estimate


def budget(scenario: Scenario) -> dict[str, Any]:
    """Time that a scenario will take, from a few episodes played in memory and thrown away.

    Returns
    -------
    ``cpu_seconds`` as [low, high]: half and twice what the probe says; None where somebody outside plays.
    """
    import time

    from gamesim.run.rollout import rollout
    from gamesim.run.seating import seat_members
    from gamesim.scenario.sweep import cells, points

    if scenario.environment is None or scenario.external or not scenario.population:
        return {"cpu_seconds": None, "probe_episodes": 0}
    count = len(points(scenario.sweep)) if scenario.sweep is not None else 1
    first = cells(scenario)[0].scenario
    assert first.environment is not None
    names = first.environment.seats()
    block = min(first.record.block, scenario.replicates)
    seeds = [first.seeds.episode(replicate) for replicate in range(block)]
    members = seat_members(first.population, names, first.seeds, seating=first.seating, episode=seeds[0])
    specs = [first.population[index].agent for index in members]
    rollout(first.environment, specs, seeds[:1])  # imports and caches are not the scenario's cost

    def spent(count: int) -> float:
        assert first.environment is not None
        began = time.process_time()
        rollout(first.environment, specs, seeds[:count], steps=first.record.steps == "all")
        return time.process_time() - began

    blocks = -(-scenario.replicates // block) * count
    probe = min(PROBE, block)
    each = spent(probe) / probe
    if each * block < LONG:  # a whole block is played at once and costs less than its episodes one by one
        probe = block
        each = spent(block) / block
    total = each * block * blocks
    return {"cpu_seconds": [total / 2, total * 2], "probe_episodes": probe}
