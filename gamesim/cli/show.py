"""``gamesim show THING``: a scenario, a run, an event of a run, or a kind with its keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gamesim.core.errors import GamesimError, RecordError, ScenarioError, UnknownKindError, clean, did_you_mean, listed

from .flags import Overrides, command, new_app
from .output import Output, number

if TYPE_CHECKING:
    from gamesim.run.manifest import UnitEntry
    from gamesim.run.record import Record

app = new_app()


@command(app, "show", store=True)
def show(
    out: Output,
    thing: Annotated[
        str,
        typer.Argument(
            metavar="THING",
            help="A scenario, a run, a kind such as environments/commons, or a game: a file, catalog:NAME.",
        ),
    ],
    resolved: Annotated[bool, typer.Option("--resolved", help="A scenario with every default, as YAML.")] = False,
    origins: Annotated[bool, typer.Option("--origins", help="For every value, who set it.")] = False,
    overrides: Overrides = None,
    unit: Annotated[
        str | None, typer.Option("--unit", metavar="UNIT", help="A unit of a run: its number, or how its name begins.")
    ] = None,
    svg: Annotated[str | None, typer.Option("--svg", metavar="FILE", help="Of a game: write its picture.")] = None,
    dot: Annotated[
        bool, typer.Option("--dot", help="Of a game: print it as DOT (Graphviz), and nothing else.")
    ] = False,
    mermaid: Annotated[
        bool, typer.Option("--mermaid", help="Of a game: print it as Mermaid, and nothing else.")
    ] = False,
    ascii_: Annotated[
        bool, typer.Option("--ascii", help="Of a game: draw it in plain ASCII; other letters are replaced, and told.")
    ] = False,
    words: Annotated[bool, typer.Option("--words", help="Of a game: describe it in sentences.")] = False,
    step: Annotated[int | None, typer.Option("--step", min=0, metavar="N", help="One step of that unit.")] = None,
    calls: Annotated[
        bool, typer.Option("--calls", help="Questions to language models and their answers, as they were sent.")
    ] = False,
    agent: Annotated[str | None, typer.Option("--agent", metavar="A", help="With --calls: of one agent.")] = None,
    outcome: Annotated[
        str | None,
        typer.Option("--outcome", metavar="O", help="With --calls: of decisions that ended so, such as illegal."),
    ] = None,
) -> Mapping[str, Any]:
    """A scenario, a run, an event of a run, a kind with its keys, or a game."""
    path = Path(thing)
    if calls or agent is not None or outcome is not None:
        from gamesim.run.store import resolve_run

        from .calls import show_calls

        return show_calls(out, resolve_run(thing, out.store), unit=unit, step=step, agent=agent, outcome=outcome)
    if (path / "manifest.json").exists():
        return _run(out, path, unit, step)
    from .games import is_game, show_game

    if is_game(thing):
        return show_game(out, thing, svg=svg, dot=dot, mermaid=mermaid, ascii_=ascii_, words=words)
    if svg is not None or dot or mermaid or ascii_ or words:
        raise ScenarioError(
            "pictures and words are of games.", where=clean(thing, 200), hint="Name a game file or catalog:NAME."
        )
    kind = _kind(thing)
    if kind is not None:
        return _show_kind(out, *kind)
    if path.is_dir():
        raise _folder(path)
    found = _scenario_file(thing)
    if found is None:
        run = _run_in_store(out, thing)
        if run is not None:
            return _run(out, run, unit, step)
    if found is None and not path.exists():
        raise _nothing(thing, out)
    return _scenario(out, thing, resolved, origins, overrides or ())


def _folder(path: Path) -> RecordError:
    from gamesim.run.store import runs

    held = runs(path)
    if held:
        return RecordError(
            "is a store, not a run.", where=clean(path, 200), hint=f"It holds {listed([one.name for one in held], 3)}"
        )
    return RecordError("no run here: manifest.json is missing.", where=clean(path, 200))


def _nothing(thing: str, out: Output) -> ScenarioError:
    from gamesim.core.registry import GROUPS, names
    from gamesim.run.store import default_store, runs
    from gamesim.scenario.packaged import packaged_names

    store = Path(out.store) if out.store else default_store()
    known = [
        *packaged_names(),
        *(path.name for path in runs(store)),
        *(name for group in GROUPS for name in names(group)),
    ]
    return ScenarioError(
        f"no scenario, run or kind '{clean(thing, 80)}'.",
        where="show",
        hint=did_you_mean(thing, known) or "See: gamesim list",
    )


def _scenario_file(thing: str) -> Path | None:
    from gamesim.scenario.packaged import find_scenario

    try:
        found = find_scenario(thing)
    except ScenarioError:
        return None
    return found if found.is_file() else None


def _run_in_store(out: Output, thing: str) -> Path | None:
    from gamesim.run.store import resolve_run

    try:
        found = resolve_run(thing, out.store)
    except RecordError:
        return None
    return found if (found / "manifest.json").exists() else None


def _kind(thing: str) -> tuple[str, str] | None:
    from gamesim.core.registry import GROUPS, names

    group, _, name = thing.rpartition("/")
    if group:
        return (group, name) if group in GROUPS and name in names(group) else None
    groups = [one for one in GROUPS if name in names(one)]
    return (groups[0], name) if groups else None


def _show_kind(out: Output, group: str, name: str) -> dict[str, Any]:
    from gamesim.core.registry import entry
    from gamesim.scenario.json_schema import kind_schema

    found = entry(group, name)
    schema = kind_schema(group, name)
    about = getattr(found, "description", None)
    text = about if isinstance(about, str) else (found.__doc__ or "").strip()
    out.say(f"{group}/{name}")
    for line in text.split("\n"):
        out.say(f"  {clean(line.strip(), 400)}")
    keys = list(_keys(schema, schema))
    if keys:
        out.say()
        out.table(["key", "type", "default", "meaning"], keys, keep=4, limit=100)
    return {"kind": group, "name": name, "description": text, "schema": schema}


def _keys(schema: Mapping[str, Any], root: Mapping[str, Any], prefix: str = "", depth: int = 0) -> Iterator[list[str]]:
    required = set(schema.get("required", ()))
    for key, value in schema.get("properties", {}).items():
        if key == "kind":
            continue
        inner = _target(value, root)
        default = "required" if key in required else clean(_text(value["default"]), 28) if "default" in value else ""
        yield [
            f"{prefix}{key}",
            _type(value, root),
            default,
            value.get("description", "") or inner.get("description", "").split("\n")[0],
        ]
        if inner.get("properties") and depth < 3:
            yield from _keys(inner, root, f"{prefix}{key}.", depth + 1)


def _target(value: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    for option in (value, *value.get("anyOf", ())):
        reference = option.get("$ref")
        if reference:
            found: Mapping[str, Any] = root.get("$defs", {}).get(reference.rsplit("/", 1)[1], {})
            return found
    return value


def _type(value: Mapping[str, Any], root: Mapping[str, Any]) -> str:
    if "enum" in value:
        return "|".join(map(str, value["enum"]))
    if "const" in value:
        return str(value["const"])
    if "anyOf" in value or "oneOf" in value:
        return " or ".join(dict.fromkeys(_type(option, root) for option in value.get("anyOf", value.get("oneOf", ()))))
    if "$ref" in value:
        return "mapping" if _target(value, root).get("properties") is not None else _type(_target(value, root), root)
    name = {
        "integer": "whole number",
        "object": "mapping",
        "array": "list",
        "string": "text",
        "boolean": "true/false",
    }.get(value.get("type", ""), value.get("type", ""))
    bounds = [
        f"{sign} {number(value[key])}"
        for key, sign in (("minimum", ">="), ("exclusiveMinimum", ">"), ("maximum", "<="), ("exclusiveMaximum", "<"))
        if key in value
    ]
    return " ".join([str(name), *bounds])


def _text(value: Any) -> str:
    from .output import as_json

    return "null" if value is None else value if isinstance(value, str) else as_json(value)


# --- scenarios -----------------------------------------------------------------------------------------------------------------


def _scenario(out: Output, thing: str, resolved: bool, origins: bool, overrides: Any) -> dict[str, Any]:
    from gamesim.scenario.resolve import dump, load_scenario
    from gamesim.scenario.sweep import count_units, grows, points

    scenario = load_scenario(thing, overrides=overrides)
    places = {path: origin.place for path, origin in scenario.origins.items()}
    cells = len(points(scenario.sweep)) if scenario.sweep is not None else 1
    data: dict[str, Any] = {
        "name": scenario.name,
        "cells": cells,
        "units": count_units(scenario),
        "grows": grows(scenario),
        "scenario": scenario.data,
    }
    if origins:
        data["origins"] = places
    if resolved and not origins:
        out.say(dump(scenario).rstrip("\n"))
    elif origins:
        out.table(["path", "value", "set by"], list(_leaves(scenario.data, places)), keep=3, limit=80)
    else:
        out.say(f"{scenario.name}")
        if scenario.description:
            out.say(f"  {clean(' '.join(scenario.description.split()), 600)}")
        environment = scenario.environment
        out.say(f"environment  {environment.kind if environment is not None else 'none'}")
        from gamesim.run.play import member_labels

        out.table(
            ["member", "agent", "seats"],
            [
                [
                    label,
                    member.agent.kind,
                    member.seat or (member.count if member.count is not None else member.probability or "the rest"),
                ]
                for label, member in zip(member_labels(scenario), scenario.population, strict=True)
            ],
            keep=3,
        )
        work = f"{data['units']:,} unit{'s' if data['units'] != 1 else ''} of work"
        work = f"at least {work}; more as it goes on" if data["grows"] else work
        out.say(
            f"seed {scenario.seed}, {scenario.replicates:,} replicates, {cells:,} cell{'s' if cells != 1 else ''}, {work}"
        )
        if scenario.sweep is not None:
            from gamesim.scenario.sweep import axis_values

            for path, axis in scenario.sweep.axes.items():
                values = axis_values(axis)
                shown = ", ".join(_text(value) for value in values[:8]) + (", ..." if len(values) > 8 else "")
                out.say(f"  {clean(path, 100)}: {clean(shown, 200)}")
    return data


def _leaves(data: Any, places: Mapping[str, str], path: str = "") -> Iterator[list[str]]:
    if isinstance(data, Mapping) and data:
        for key, value in data.items():
            yield from _leaves(value, places, f"{path}.{key}" if path else str(key))
    elif isinstance(data, (list, tuple)) and data:
        for index, value in enumerate(data):
            yield from _leaves(value, places, f"{path}.{index}")
    else:
        yield [path, _text(data), places.get(path, "")]


# --- runs ----------------------------------------------------------------------------------------------------------------------


def _run(out: Output, path: Path, unit: str | None, step: int | None) -> dict[str, Any]:
    from gamesim.run.record import Record

    record = Record(path, verify="none")
    if unit is not None or step is not None:
        chosen = record.unit(
            int(unit) if unit is not None and unit.isdecimal() and len(unit) < 6 else unit if unit is not None else 0
        )
        return _events(out, record, chosen, step)
    manifest = record.manifest
    cells = {int(entry.cell.get("index", 0)): entry.cell.get("values", {}) for entry in record.units}
    problems = [str(problem) for problem in record.problems()]
    for problem in problems[:3]:
        out.warn(f"damaged: {problem}")
    if problems:
        out.exit = RecordError.exit_code
    data = {
        "run": str(path),
        "id": record.id,
        "name": manifest.name,
        "status": manifest.status,
        "reason": manifest.reason,
        "kind": manifest.kind,
        "seed": manifest.seed,
        "created": manifest.created,
        "updated": manifest.updated,
        "resumed": manifest.resumed,
        "units": len(record.units),
        "sealed": sum(entry.sealed for entry in record.units),
        "failed": sum(entry.status == "failed" for entry in record.units),
        "cells": len(cells),
        "tables": ["steps", *record.tables],
        "versions": dict(manifest.versions),
        "kinds": dict(manifest.kinds),
        "provenance": manifest.provenance,
        "digest": None if problems else record.digest(),
        "problems": problems,
    }
    for key in (
        "name",
        "status",
        "reason",
        "seed",
        "created",
        "resumed",
        "sealed",
        "units",
        "failed",
        "cells",
        "digest",
    ):
        if data[key] is not None:
            out.say(f"{key:<10}{clean(data[key], 200)}")
    out.say(f"{'tables':<10}{', '.join(['steps', *record.tables])}")
    shown = record.units[: 200 if out.verbose else 20]
    out.table(
        ["unit", "name", "cell", "seeds", "mode", "status", "rows"],
        [
            [n, entry.name, entry.cell.get("index", 0), f"{min(entry.seeds)}-{max(entry.seeds)}" if entry.seeds else "", entry.mode, entry.status, number(entry.rows)]
            for n, entry in enumerate(shown)
        ],
        right=("unit", "cell", "rows"),
    )  # fmt: skip
    if len(record.units) > len(shown):
        out.say(f"... and {len(record.units) - len(shown):,} more units.")
    return data


def _events(out: Output, record: Record, entry: UnitEntry, step: int | None) -> dict[str, Any]:
    events = [event.as_dict() for event in record.journal(entry).events if step is None or event.step == step]
    steps = record.steps(where={"unit": entry.name, **({"step": step} if step is not None else {})})
    rows = steps.rows() if step is not None else []
    if step is not None and not rows and not events:
        most = record.sql(f"SELECT max(step) AS last FROM steps WHERE unit = '{entry.name}'").rows()
        last = most[0]["last"] if most else None
        raise RecordError(
            f"unit {entry.name} has no step {step}.",
            where=str(record.path),
            hint=f"Its last is {last}." if last is not None else None,
        )
    from .output import as_json

    for event in events[: 10_000 if out.verbose else 200]:
        out.say(clean(as_json(event), 2000))
    if rows:
        columns = [
            name for name in rows[0] if name not in ("unit", "cell") and any(row[name] is not None for row in rows)
        ]
        out.table(columns, [[number(row[name]) for name in columns] for row in rows[:500]], keep=2)
    return {"run": str(record.path), "unit": entry.name, "step": step, "events": events, "steps": rows}


def step_lines(record: Record, entry: UnitEntry, first: int, last: int | None) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """Steps of a unit as lines, with (seed, step) of each."""
    condition = f"unit = '{entry.name}' AND step >= {first}" + (f" AND step <= {last}" if last is not None else "")
    rows = record.steps(where=condition).rows()
    columns = [
        name for name in (rows[0] if rows else {}) if name not in ("unit", "cell", "seed", "step", "phase", "agent")
    ]
    for row in rows:
        facts = "  ".join(f"{name} {number(row[name])}" for name in columns if row[name] is not None)
        yield (
            f"seed {row.get('seed')} step {row.get('step')} {clean(row.get('phase') or '', 40)}  {clean(row.get('agent') or '', 60)}  {facts}",
            (row.get("seed"), row.get("step")),
        )


__all__ = ["GamesimError", "UnknownKindError", "app", "show", "step_lines"]
