"""``gamesim new KIND NAME``: a plugin package that passes its tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from .flags import command, new_app
from .output import Output

app = new_app()


@command(app, "new")
def new(
    out: Output,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="environment, agent or metric.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="Such as my_game.")],
    folder: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the package's folder goes.")] = Path("."),
) -> Mapping[str, Any]:
    """Write a plugin package: a module, its data sheet, a scenario, and a one-line test that passes."""
    from gamesim.core.errors import clean
    from gamesim.testing.plugins import new_plugin

    target = new_plugin(kind, name, folder)
    files = sorted(path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file())
    out.say(f"{clean(target, 300)}")
    for file in files:
        out.say(f"  {clean(file, 200)}")
    out.say(f"Install it with: pip install -e {clean(target, 300)}   then: pytest {clean(target, 300)}")
    return {"folder": str(target), "files": files}
