"""``gamesim import FORM PATH...``: foreign data as a run, with its provenance."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from .flags import command, new_app
from .output import Output, number

app = new_app("Foreign data as a run.")


@app.callback()
def root() -> None:
    """Foreign data as a run, with its provenance; never an edited one."""


@command(app, "import govsim", store=True)
def govsim(
    out: Output,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="GovSim logs, or folders of them.")],
    rules: Annotated[str, typer.Option("--rules", metavar="RULES", help="auto, fishery or inverse.")] = "auto",
    folder: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where runs go; by default the store.")
    ] = None,
    lenient: Annotated[
        bool, typer.Option("--lenient", help="Take logs with faults too; such runs are marked.")
    ] = False,
    legacy: Annotated[
        bool, typer.Option("--legacy", help="Score by five agents whoever was there, as the released code does.")
    ] = False,
) -> Mapping[str, Any]:
    """Logs of GovSim societies: survival, gain, efficiency, equality, over-usage."""
    from gamesim.core.errors import clean
    from gamesim.core.registry import entry
    from gamesim.run.store import default_store

    store = folder or (Path(out.store) if out.store else default_store())
    record: Any = entry("importers", "govsim")(paths, rules=rules, lenient=lenient, legacy=legacy, store=store)
    scores = record.table("govsim_scores").rows()
    columns = [name for name in (scores[0] if scores else {}) if any(row[name] is not None for row in scores)]
    out.table(columns, [[number(row[name]) for name in columns] for row in scores], limit=40)
    for note in (record.manifest.provenance or {}).get("notes", ()):
        out.say(clean(note, 300))
    out.say(f"run     {clean(record.path, 400)}")
    return {"run": str(record.path), "status": record.manifest.status, "scores": scores}


Clone = Annotated[Path, typer.Argument(metavar="DIR", help="A local clone; nothing is fetched.")]
DatasetOut = Annotated[
    Path, typer.Option("--out", metavar="DATASET", help="The folder to write; for bench text2game --data.")
]


@command(app, "import gameinterpreter")
def gameinterpreter(out: Output, folder: Clone, dataset: DatasetOut) -> Mapping[str, Any]:
    """Descriptions, references and stored answers of a GameInterpreter clone, as a data set; answers are scored."""
    return _dataset(out, "gameinterpreter", folder, dataset)


@command(app, "import gama")
def gama(out: Output, folder: Clone, dataset: DatasetOut) -> Mapping[str, Any]:
    """Descriptions of 2x2 games with numbers from a clone of autoformalizing-agents (MIT), as a data set."""
    return _dataset(out, "gama", folder, dataset)


def _dataset(out: Output, name: str, folder: Path, dataset: Path) -> dict[str, Any]:
    from gamesim.core.errors import clean
    from gamesim.core.registry import entry

    found: Any = entry("importers", name)(folder, dataset)
    for note in found.notes:
        out.say(clean(note, 300))
    if found.table:
        out.table(found.columns, [[number(value) for value in row] for row in found.table], keep=2, limit=40)
    out.say(
        f"{found.games} games in {clean(dataset, 400)}; next: gamesim bench text2game --data {clean(dataset, 200)} --model ..."
    )
    return {"dataset": str(dataset), "games": found.games, "answers": dict(found.answers), "notes": list(found.notes)}
