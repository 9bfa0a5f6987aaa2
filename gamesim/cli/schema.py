"""``gamesim schema [KIND]``: JSON schemas 2020-12 of scenarios, of kinds, and of what ``--json`` prints."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from .flags import command, new_app
from .output import Output

app = new_app()


@command(app, "schema")
def schema(
    out: Output,
    kind: Annotated[
        str | None,
        typer.Argument(
            metavar="[KIND]",
            help="scenario, solution, game (a game document), a kind such as environments/commons, or output/run.",
        ),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write schema.json and one file a kind.")
    ] = None,
) -> Mapping[str, Any]:
    """The JSON schema of a scenario, with every installed kind; or of one kind, or of a command's --json."""
    if folder is not None:
        return _write(out, folder)
    found = _find(kind)
    out.say(json.dumps(found, indent=2, ensure_ascii=False))
    return {"schema": found}


def _find(kind: str | None) -> dict[str, Any]:
    from gamesim.core.errors import UnknownKindError
    from gamesim.core.registry import GROUPS, names
    from gamesim.scenario.json_schema import kind_schema, scenario_schema

    from .shapes import SHAPES, output_schema

    if kind in (None, "scenario"):
        return scenario_schema()
    if kind == "solution":
        from gamesim_analysis.equilibrium.document import solution_schema

        return solution_schema()
    if kind == "game":
        from gamesim.envs.efg.schema import SCHEMA

        return SCHEMA
    assert kind is not None
    group, _, name = kind.rpartition("/")
    if group == "output" and name in SHAPES:
        return output_schema(name)
    groups = [one for one in GROUPS if name in names(one) and group in ("", one)]
    if not groups:
        known = [f"{one}/{other}" for one in GROUPS for other in names(one)] + [f"output/{other}" for other in SHAPES]
        raise UnknownKindError.named(
            "schema", kind, [*known, *(other.split("/")[1] for other in known), "scenario", "solution", "game"]
        )
    return kind_schema(groups[0], name)


def _write(out: Output, folder: Path) -> dict[str, Any]:
    from gamesim_analysis.equilibrium.document import solution_schema

    from gamesim.core.errors import StoreFullError, clean
    from gamesim.core.registry import names
    from gamesim.envs.efg.schema import SCHEMA
    from gamesim.scenario.json_schema import kind_schema, scenario_schema

    from .shapes import SHAPES, output_schema

    files = {"schema.json": scenario_schema(), "solution.json": solution_schema(), "game.json": SCHEMA}
    for group in ("environments", "agents"):
        for name in names(group):
            files[f"{group}/{name}.json"] = kind_schema(group, name)
    for name in SHAPES:
        files[f"output/{name}.json"] = output_schema(name)
    written = []
    for name, content in files.items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        except OSError as error:
            raise StoreFullError(f"cannot be written: {clean(error.strerror)}.", where=str(path)) from None
        written.append(str(path))
    out.say(f"{len(written)} schemas in {clean(folder, 300)}")
    return {"files": written}
