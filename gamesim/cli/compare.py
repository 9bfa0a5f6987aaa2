"""``gamesim compare RUN RUN...``: paired differences, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from .flags import command, new_app
from .output import Output, estimate, number

app = new_app()


@command(app, "compare", store=True)
def compare(
    out: Output,
    runs: Annotated[
        list[str], typer.Argument(metavar="RUN RUN...", help="The first is the base; directories, or ids in the store.")
    ],
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", metavar="COLUMN", help="A column of outcomes; by default all figures."),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            metavar="A,B",
            help="Columns that make a pair; by default seed, and cell where all runs have as many.",
        ),
    ] = None,
    unpaired: Annotated[bool, typer.Option("--unpaired", help="Means of all episodes side by side.")] = False,
) -> Mapping[str, Any]:
    """Differences of the others to the first run, episode by episode on the same draws, with 95 % intervals."""
    import numpy as np
    from gamesim_analysis.stats.intervals import mean_interval

    from gamesim.core.errors import clean
    from gamesim.run.record import Record
    from gamesim.run.store import resolve_run

    from .errors import UsageError

    if len(runs) < 2:
        raise UsageError(
            "a comparison needs two runs.", where="gamesim compare", hint="Such as: gamesim compare runs/a runs/b"
        )
    base, *others = [Record(resolve_run(name, out.store)) for name in runs]
    sweeps = {len({entry.cell.get("index", 0) for entry in record.units}) for record in (base, *others)}
    chosen_keys = by if by is not None else "cell,seed" if len(sweeps) == 1 else "seed"
    keys = [name.strip() for name in chosen_keys.split(",") if name.strip()]
    found = base.compare(*others, by=keys, columns=metric or None, paired=not unpaired)
    pairs = found.pairs.fetch()
    effects: list[dict[str, Any]] = []
    for run, column in dict.fromkeys(zip(pairs["run"].tolist(), pairs["column"].tolist(), strict=True)):
        chosen = (pairs["run"] == run) & (pairs["column"] == column)
        difference = np.asarray(pairs["difference"][chosen], dtype=float)
        known = difference[np.isfinite(difference)]
        interval = mean_interval(known) if len(known) > 1 else None
        effects.append(
            {
                "run": run,
                "column": column,
                "base": _mean(pairs["base"][chosen]),
                "other": _mean(pairs["other"][chosen]),
                "difference": float(known.mean()) if len(known) else None,
                "lower": interval.low if interval is not None else None,
                "upper": interval.high if interval is not None else None,
                "n": len(known),
            }
        )
    for label, changes in found.changes.items():
        out.say(f"{clean(base.id, 80)} -> {clean(label, 80)}")
        for path, (before, after) in changes.items():
            out.say(f"  {clean(path, 120)}: {clean(before, 80)} -> {clean(after, 80)}")
    rows = [
        [
            one["run"],
            one["column"],
            number(one["base"]),
            number(one["other"]),
            estimate(one["difference"], one["lower"], one["upper"]),
            one["n"],
        ]
        for one in effects
    ]
    out.table(["run", "figure", "base", "other", "difference", "n"], rows, right=("base", "other", "n"), keep=2)
    out.say(
        "difference: other minus base"
        + ("" if unpaired else f", paired by {', '.join(keys)}")
        + "; brackets: 95 %, Student's t; n pairs."
    )
    for label, count in found.unmatched.items():
        if count:
            out.warn(f"{count} episodes of {base.id} and {label} found no partner and are left out.")
    changes_told = {
        label: {path: list(values) for path, values in changes.items()} for label, changes in found.changes.items()
    }
    return {"base": base.id, "effects": effects, "changes": changes_told, "unmatched": dict(found.unmatched)}


def _mean(values: Any) -> float | None:
    import numpy as np

    known = np.asarray(values, dtype=float)
    known = known[np.isfinite(known)]
    return float(known.mean()) if len(known) else None
