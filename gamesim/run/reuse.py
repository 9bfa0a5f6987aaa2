"""A unit that any run of the store has finished is taken over, not played again: another player of a bench, more seeds, or
another meta-solver over the same cells cost only what is new.

A key hashes what determines a result, so what has the same key is the same. Its journal is written again line by line into
this run, its steps with it, and the answers of models join this run's calls: bought once, counted as taken from a cache.
Experiments that share units between runs call it at the beginning of ``run_unit``.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gamesim.core.errors import GamesimError, RecordError

FRESH = "GAMESIM_FRESH"  # set by `--new`, also for the processes that it starts: nothing is taken over

if TYPE_CHECKING:
    from .contracts import Context, Unit, UnitResult
    from .journal import Contents


def borrowed(unit: Unit, context: Context) -> UnitResult | None:
    """The finished unit of another run, written through this one's writer; None where there is none that is whole."""
    from .journal import read_journal
    from .units import result_of
    from .writer import journal_path, result_from

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
    from .manifest import read_manifest
    from .store import runs

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
    from .parquet import read_parquet
    from .seal import file_sha256
    from .writer import part_path

    path = part_path(directory, unit.name)
    if not path.is_file() or file_sha256(path) != sha256:
        return None
    return {name: values for name, values in read_parquet([path]).items() if name not in ("unit", "cell")}


def _calls(directory: Path) -> Any | None:
    from .models.calls import NAME, CallJournal

    path = directory / NAME
    try:
        return CallJournal(path, readonly=True) if path.is_file() else None
    except RecordError:
        return None


def forget() -> None:
    """Look at the stores again."""
    _finished.cache_clear()
