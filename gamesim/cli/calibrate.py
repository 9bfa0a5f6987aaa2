"""``gamesim calibrate commons``: where findings hold over parameters that a paper left open."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from .flags import command, new_app
from .output import Output

app = new_app("Where findings hold over parameters that were left open.")


@app.callback()
def root() -> None:
    """Where findings hold over parameters that were left open."""


@command(app, "calibrate commons", progress=True)
def commons(
    out: Output,
    targets: Annotated[str, typer.Option("--targets", metavar="F1,F2", help="Findings to score.")] = "F1,F2,F3,F4",
    grid: Annotated[
        Path | None,
        typer.Option("--grid", metavar="FILE", help="YAML: values by alpha, c, P0, delta, sigma, R0, punish_init."),
    ] = None,
    replicates: Annotated[int, typer.Option("--replicates", min=2, metavar="N", help="Societies a condition.")] = 40,
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="N", help="Root of every random stream.")] = 0,
    folder: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Where calibration.parquet and the map go.")
    ] = Path("calibration"),
) -> Mapping[str, Any]:
    """Score the findings of the commons paper in every cell of a grid; each as effect over standard error."""
    from gamesim_analysis.commons.calibration import calibrate, read_grid

    from gamesim.core.errors import StoreFullError, clean

    from .progress import reporter

    chosen = [name.strip() for name in targets.split(",") if name.strip()]
    values = read_grid(grid) if grid is not None else None
    with reporter(out) as progress:

        def told(done: int, total: int) -> None:
            progress({"event": "progress", "done": done, "total": total})

        found = calibrate(chosen, values, replicates=replicates, seed=seed, on_cell=told)
    for line in found.lines():
        out.say(clean(line, 400))
    for text in found.warnings():
        out.warn(text)
    try:
        files = found.write(folder)
    except OSError as error:
        raise StoreFullError(f"cannot be written: {clean(error.strerror)}.", where=str(folder)) from None
    for path in files:
        out.say(clean(path, 400))
    return {
        "cells": found.table().rows(),
        "shares": {target: found.share(target) for target in found.targets},
        "files": [str(path) for path in files],
    }
