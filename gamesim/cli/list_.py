"""``gamesim list [KIND]``: what exists, one line each. Nothing is imported unless the question needs it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from gamesim.core.errors import PluginError, UnknownKindError, clean

from .flags import command, new_app
from .output import Output

app = new_app()


@command(app, "list", store=True)
def list_(
    out: Output,
    kind: Annotated[
        str | None, typer.Argument(metavar="[KIND]", help="environments, agents, metrics, ..., scenarios, runs.")
    ] = None,
    installed_by: Annotated[
        str | None, typer.Option("--installed-by", metavar="PACKAGE", help="Only what this package brings.")
    ] = None,
    broken: Annotated[
        bool, typer.Option("--broken", help="Import everything; list what fails, with its error.")
    ] = False,
) -> Mapping[str, Any]:
    """What is installed; of one kind, or with --verbose, also what each says of itself."""
    from gamesim.core.registry import GROUPS

    choices = [*GROUPS, "scenarios", "runs"]
    if kind is not None and kind not in choices:
        singular = {choice.removesuffix("s"): choice for choice in choices}
        if kind not in singular:
            raise UnknownKindError.named("list", kind, choices)
        kind = singular[kind]
    if kind == "runs":
        return _runs(out)
    described = out.verbose or kind is not None
    items: list[dict[str, Any]] = []
    for group in GROUPS:
        if kind in (None, group):
            items += _group(group, installed_by, broken, described, solvers=kind == "solvers")
    if kind in (None, "scenarios") and not broken and installed_by in (None, "gamesim"):
        items += _scenarios(described)
    if broken and not items:
        out.say("nothing is broken.")
    elif kind == "solvers" and not broken:
        keys = ["name", "suits", "covers", "complete", "package", *(["description"] if out.verbose else [])]
        columns = ["name", "for", "covers", "complete", *keys[4:]]
        out.table(columns, [[item.get(key) for key in keys] for item in items], keep=1, limit=120)
    elif items:
        last = ["error"] if broken else ["description"] if described else []
        columns = ["kind", "name", "package", *last]
        if kind is not None and not broken:  # what is the same in every row need not be said
            columns = ["name", *(["package"] if {item["package"] for item in items} != {"gamesim"} else []), *last]
        rows = [
            [item.get(key) or (item.get("error") if key == "description" else None) for key in columns]
            for item in items
        ]
        out.table(columns, rows, keep=4, limit=120)
    if broken and items:
        out.exit = 1
    return {"items": items}


def _group(
    group: str, package: str | None, broken: bool, describe: bool, *, solvers: bool = False
) -> list[dict[str, Any]]:
    from gamesim.core.registry import entries, entry

    found = []
    for name, point in entries(group).items():
        owner = point.dist.name if point.dist else ""
        if package is not None and owner != package:
            continue
        item: dict[str, Any] = {"kind": group, "name": name, "package": owner}
        if broken or describe or solvers:
            try:
                loaded = entry(group, name)
                item["description"] = _first_line(loaded)
                if solvers:  # what each may be used for
                    item.update({key: str(getattr(loaded, key, "")) for key in ("suits", "covers", "complete")})
                if broken:
                    continue
            except PluginError as error:
                item["error"] = str(error)
        found.append(item)
    return found


def _first_line(thing: Any) -> str:
    """What it says of itself, else what its module says."""
    said = getattr(thing, "description", None)
    if not isinstance(said, str) or not said:
        said = thing.__doc__ or getattr(sys.modules.get(getattr(thing, "__module__", "")), "__doc__", None)
    return clean(str(said or "").strip().split("\n")[0].replace("``", ""), 120)


def _scenarios(describe: bool) -> list[dict[str, Any]]:
    from gamesim.scenario.packaged import packaged_names

    items: list[dict[str, Any]] = [
        {"kind": "scenarios", "name": name, "package": "gamesim"} for name in packaged_names()
    ]
    if describe:
        from gamesim.core.errors import ScenarioError
        from gamesim.scenario.packaged import find_scenario
        from gamesim.yaml.source import load_yaml

        for item in items:
            try:
                data = load_yaml(find_scenario(item["name"])).data
                item["description"] = " ".join(str(data.get("description") or "").split())
            except ScenarioError as error:
                item["error"] = str(error)
    return items


def _runs(out: Output) -> dict[str, Any]:
    from gamesim.core.errors import GamesimError
    from gamesim.run.manifest import read_manifest
    from gamesim.run.store import default_store, runs

    store = Path(out.store) if out.store else default_store()
    items: list[dict[str, Any]] = []
    for path in runs(store):
        try:
            manifest = read_manifest(path)
        except GamesimError as error:
            items.append({"id": path.name, "status": "damaged", "error": str(error)})
            continue
        items.append(
            {
                "id": path.name,
                "name": manifest.name,
                "status": manifest.status,
                "units": len(manifest.units),
                "sealed": sum(unit.sealed for unit in manifest.units),
                "failed": sum(unit.status == "failed" for unit in manifest.units),
                "created": manifest.created,
            }
        )
    if items:
        columns = ["id", "status", "units", "failed", "created", "name"]
        rows = [
            [
                item.get("id"),
                item["status"],
                f"{item.get('sealed', '')}/{item.get('units', '')}",
                *(item.get(c) for c in columns[3:]),
            ]
            for item in items
        ]
        out.table(columns, rows, keep=6, limit=80)
    else:
        out.note(f"no runs in {clean(store, 200)}")
    return {"store": str(store), "items": items}
