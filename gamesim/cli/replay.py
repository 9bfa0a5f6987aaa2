"""``gamesim replay RUN``: play back what was recorded, or prove that it can be played again."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from .flags import Workers, command, new_app
from .output import Output

app = new_app()


@command(app, "replay", store=True, progress=True)
def replay(
    out: Output,
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run directory, or its id in the store.")],
    verify: Annotated[
        bool, typer.Option("--verify", help="Play every unit again and compare, byte for byte; no network.")
    ] = False,
    unit: Annotated[
        str | None, typer.Option("--unit", metavar="UNIT", help="Only this unit: its number, or how its name begins.")
    ] = None,
    first: Annotated[int, typer.Option("--from", min=0, metavar="STEP", help="First step shown.")] = 0,
    last: Annotated[int | None, typer.Option("--to", min=0, metavar="STEP", help="Last step shown.")] = None,
    speed: Annotated[
        float, typer.Option("--speed", min=0, metavar="N", help="Steps a second; 0 is as fast as possible.")
    ] = 0,
    film: Annotated[
        str | None, typer.Option("--film", metavar="FILE", help="Write one episode to watch: FILE.svg or FILE.gif.")
    ] = None,
    episode: Annotated[
        str | None,
        typer.Option(
            "--episode", metavar="WHICH", help="With --film: its number, or outcomes: crash, or crash=0,timeout=0."
        ),
    ] = None,
    policies: Annotated[
        str | None, typer.Option("--policies", metavar="A,B", help="With --film of a psro run: who meets, one a seat.")
    ] = None,
    workers: Workers = 1,
) -> Mapping[str, Any]:
    """Play back a run from its record; with --verify prove that playing again gives the same, exit 1 if not."""
    from gamesim.core.errors import ScenarioError
    from gamesim.run.replay import replay as replayed
    from gamesim.run.store import resolve_run

    from .progress import reporter

    path = resolve_run(run, out.store)
    if last is not None and last < first:
        raise ScenarioError(f"--to {last} lies before --from {first}.", where="--to")
    chosen: str | int | None = int(unit) if unit is not None and unit.isdecimal() and len(unit) < 6 else unit
    if film is not None:
        from .filming import write_film

        return write_film(out, path, film, episode, chosen, policies)
    for given, flag in ((episode, "--episode"), (policies, "--policies")):
        if given is not None:
            raise ScenarioError(f"{flag} goes with --film FILE.", where=flag)
    with reporter(out) as progress:
        found = replayed(path, verify=verify, unit=chosen, workers=workers, on_event=progress if verify else None)
    data = {
        "run": str(path),
        "units": found.units,
        "events": found.events,
        "rows": found.rows,
        "verified": found.verified,
        "notes": list(found.notes),
    }
    for note in found.notes:
        out.note(note)
    if verify:
        out.say(f"verified {found.verified} of {found.units} units: played again, journals and steps are equal.")
        return data
    if not out.json:
        _show(out, str(path), chosen, first, last, speed)
    out.say(f"{found.units} units, {found.events:,} events, {found.rows:,} rows of steps.")
    return data


def _show(out: Output, path: str, unit: str | int | None, first: int, last: int | None, speed: float) -> None:
    """Steps as lines, one an agent; the first unit unless another is named."""
    import time

    from gamesim.run.record import Record

    from .show import step_lines

    record = Record(path, verify="none")
    if not record.units:
        return
    entry = record.unit(unit if unit is not None else 0)
    seen: tuple[Any, Any] | None = None
    for line, key in step_lines(record, entry, first, last):
        if speed and seen is not None and key != seen:
            sys.stdout.flush()
            time.sleep(1 / speed)
        seen = key
        out.say(line)
