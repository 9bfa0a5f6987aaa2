"""Somebody else's data as a run directory: tables and events with their provenance, read like any record, never played."""

from __future__ import annotations

import os
import platform
import secrets
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gamesim.core.canonical import digest, jsonable
from gamesim.core.errors import RecordError, clean
from gamesim.scenario.names import ID

from . import seal
from .contracts import Unit, UnitResult
from .manifest import FORMAT, Manifest, UnitEntry, now, versions, write_manifest
from .outcomes import outcome_columns
from .record import Record, add_table
from .store import FOLDERS, default_store, run_stem
from .tables import Table
from .writer import Writer


def write_imported(
    name: str,
    *,
    steps: Mapping[str, Any] | Table | None = None,
    outcomes: Sequence[Mapping[str, Any]] = (),
    tables: Mapping[str, Mapping[str, Any] | Table] | None = None,
    events: Sequence[Mapping[str, Any]] = (),
    provenance: Mapping[str, Any],
    scenario: Mapping[str, Any] | None = None,
    kind: str = "import",
    store: Path | str | None = None,
    status: str = "complete",
) -> Record:
    """Make a run directory of foreign data.

    Parameters
    ----------
    name : of the run; slugged for its directory.
    steps : columns of the step table without ``unit`` and ``cell``: ``seed, step, phase, agent, action, ...``.
    outcomes : one mapping per episode, with ``seed``.
    tables : further tables by name.
    events : journal lines: mappings with ``type`` and optionally ``step, phase, agent``; the rest is their payload.
    provenance : where it comes from: source, sha256 of the files read, rules applied. It also decides the run's id, so the
        same files imported twice give one run.
    scenario : what the data says of itself, in the form of a resolved scenario.
    status : of the unit, ``complete`` or ``invalid``.

    Returns
    -------
    The record; an existing one if the same was imported before.
    """
    if not provenance:
        raise RecordError("an import needs its provenance.", path="provenance")
    place = Path(store) if store is not None else default_store()
    told = jsonable(dict(provenance))
    identity = digest({"provenance": told, "kind": kind, "name": name, "format": FORMAT})
    target = place / run_stem(name, identity)
    if target.exists():
        record = Record(target)
        if record.manifest.identity == identity:
            return record
        raise RecordError("another run has this name.", where=str(target))
    for extra in tables or {}:
        if not ID.fullmatch(extra) or extra in ("steps", "outcomes", "units", "failures", "events"):
            raise RecordError(f"'{clean(extra, 60)}' cannot name a table.")
    with seal.storing(place):
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
    hidden = place / f".new-{os.getpid()}-{secrets.token_hex(4)}"
    try:
        seal.make_directory(hidden)
        for folder in FOLDERS:
            seal.make_directory(hidden / folder)
        manifest = Manifest(
            id=target.name, name=name, identity=identity, kind=kind, seed=0, scenario=jsonable(dict(scenario or {"name": name})),
            versions=versions(), platform=platform.platform(), created=now(), status="complete", provenance=told,
        )  # fmt: skip
        _write_unit(hidden, manifest, identity, steps, outcomes, events, status)
        for extra, content in (tables or {}).items():
            add_table(hidden, manifest, extra, content)
        write_manifest(hidden, manifest)
        with seal.storing(target):
            os.rename(hidden, target)
            seal.sync_directory(place)
    except BaseException:
        shutil.rmtree(hidden, ignore_errors=True)
        raise
    return Record(target, verify="none")


def _write_unit(
    directory: Path,
    manifest: Manifest,
    identity: str,
    steps: Mapping[str, Any] | Table | None,
    outcomes: Sequence[Mapping[str, Any]],
    events: Sequence[Mapping[str, Any]],
    status: str,
) -> None:
    if status not in ("complete", "invalid"):
        raise RecordError(f"'{clean(status, 40)}' is no status of an import.", hint="Possible: complete, invalid.")
    seeds = sorted({int(outcome["seed"]) for outcome in outcomes} | _seeds_of(steps)) or [0]
    unit = Unit(digest({"imported": identity}), {"index": 0, "values": {}}, tuple(seeds))
    writer = Writer(unit, directory)
    for event in events:
        body = dict(event)
        writer.event(
            body.pop("type"),
            step=body.pop("step", None),
            phase=body.pop("phase", None),
            agent=body.pop("agent", None),
            **body,
        )
    if steps is not None:
        writer.steps(steps.columns if isinstance(steps, Table) else steps)
    sealed = writer.seal(UnitResult(unit.key, "invalid" if status == "invalid" else "complete", tuple(outcomes)))
    entry = UnitEntry(unit.key, dict(unit.cell), list(seeds), {}, "unit", 0, "complete", tries=1, rows=sealed.rows)
    entry.status = "invalid" if status == "invalid" else "complete"
    manifest.status = "invalid" if status == "invalid" else "complete"
    manifest.units.append(entry)
    for name, (sha256, size) in sealed.files.items():
        manifest.add_file(name, sha256, size)
    columns = outcome_columns([(entry, sealed.result["outcomes"])])
    if columns:
        add_table(directory, manifest, "outcomes", columns)


def _seeds_of(steps: Mapping[str, Any] | Table | None) -> set[int]:
    columns = steps.columns if isinstance(steps, Table) else steps or {}
    return {int(seed) for seed in np.unique(np.asarray(columns["seed"]))} if "seed" in columns else set()
