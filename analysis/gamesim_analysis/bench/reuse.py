"""A society that any run of the store has finished is taken over, not played again: another player or more seeds cost only
what is new.

A unit's key is that of playing the scenario alone, so what has the same key is the same society. Its journal is written
again line by line into this run, its steps with it, and the answers of models join this run's calls: bought once, counted
as taken from a cache.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gamesim.core.errors import GamesimError, RecordError

FRESH = "GAMESIM_BENCH_FRESH"  # set by `bench --new`, also for the processes that it starts: nothing is taken over

if TYPE_CHECKING:
    from gamesim.run.contracts import Context, Unit, UnitResult
    from gamesim.run.journal import Contents


def borrowed(unit: Unit, context: Context) -> UnitResult | None:
    """The finished unit of another run, written through this one's writer; None where there is none that is whole."""
    from gamesim.run.journal import read_journal
    from gamesim.run.units import result_of
    from gamesim.run.writer import journal_path, result_from

    directory = _finished(str(context.store)).get(unit.key)
    if directory is None or os.environ.get(FRESH):
        return None
    try:
        contents = read_journal(journal_path(directory, unit.name))
        if not contents.sealed:
            return None
        result, rows, sha256 = result_from(unit, contents)
        steps = _steps(directory, unit, sha256) if rows else None
        asked = any(event.data.get("calls") for event in contents.events)
        calls = _calls(directory) if asked else None
    except GamesimError:
        return None  # a damaged run lends nothing
    if rows and steps is None:
        return None
    if asked and (calls is None or context.broker is None):
        return None
    _repeat(contents, context.writer)
    if steps is not None:
        context.writer.steps(steps)
    if calls is not None:
        try:
            if context.broker is not None:
                context.broker.journal.adopt(calls, unit.key)
        finally:
            calls.close()
    return result_of(result)


@lru_cache(maxsize=4)
def _finished(store: str) -> dict[str, Path]:
    """Sealed units of the runs in a store, by key; of several the newest. Read once: what is finished meanwhile is played."""
    from gamesim.run.manifest import read_manifest
    from gamesim.run.store import runs

    found: dict[str, tuple[str, Path]] = {}
    for path in runs(store):
        with suppress(GamesimError, OSError):
            manifest = read_manifest(path)
            for entry in manifest.units:
                if entry.status == "complete" and found.get(entry.key, ("", path))[0] <= manifest.created:
                    found[entry.key] = (manifest.created, path)
    return {key: path for key, (_, path) in found.items()}


def _repeat(contents: Contents, writer: Any) -> None:
    for event in contents.events:
        if event.type == "commit":
            writer.commit(state=event.data["state"], rng=event.data["rng"])
        elif event.type not in ("unit", "end"):
            writer.event(event.type, step=event.step, phase=event.phase, agent=event.agent, **event.data)


def _steps(directory: Path, unit: Unit, sha256: str | None) -> dict[str, Any] | None:
    """The unit's part of the step table; None where it was merged away or differs from its seal."""
    from gamesim.run.parquet import read_parquet
    from gamesim.run.seal import file_sha256
    from gamesim.run.writer import part_path

    path = part_path(directory, unit.name)
    if not path.is_file() or file_sha256(path) != sha256:
        return None
    return {name: values for name, values in read_parquet([path]).items() if name not in ("unit", "cell")}


def _calls(directory: Path) -> Any | None:
    from gamesim.run.models.calls import NAME, CallJournal

    path = directory / NAME
    try:
        return CallJournal(path, readonly=True) if path.is_file() else None
    except RecordError:
        return None


def forget() -> None:
    """Look at the stores again."""
    _finished.cache_clear()
