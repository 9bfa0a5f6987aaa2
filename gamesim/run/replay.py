"""Playing back what was recorded, and proving that it can be played again.

``replay`` reads journals and plays nothing. With ``verify`` every sealed unit is executed again from its seeds, in a worker
that cannot open a socket, into a directory that is thrown away; journals must agree byte for byte, and so must steps.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gamesim.core.errors import CorruptRecordError, GamesimError, RecordError, ReplayMismatchError, clean
from gamesim.scenario.models import used_models
from gamesim.scenario.scenario import Scenario
from gamesim.scenario.sweep import cells

from . import parquet, seal
from .contracts import Context, Unit
from .differences import mismatch
from .executors.processes import Processes
from .journal import Contents, read_journal
from .manifest import UnitEntry, versions
from .perform import Answer, Job, error_data, error_from
from .progress import OnEvent
from .record import Record
from .runner import scenario_of_run
from .units import experiment_of, scenario_of
from .writer import EVENTS, STEPS, Writer, journal_path, part_path, result_from

if TYPE_CHECKING:
    from .models.broker import Broker


@dataclass(frozen=True)
class ReplayReport:
    """What a replay found.

    Attributes
    ----------
    units, events, commits, rows : how many were read.
    verified : units that were executed again and agreed; 0 without ``verify``.
    notes : what a reader should know, such as a table format that has changed.
    """

    units: int
    events: int
    commits: int
    rows: int
    verified: int = 0
    notes: tuple[str, ...] = field(default=())


def replay(
    path: Path | str,
    *,
    verify: bool = False,
    until: int | None = None,
    unit: str | int | None = None,
    workers: int = 1,
    on_event: OnEvent | None = None,
    modules: Sequence[str] = (),
) -> ReplayReport:
    """Play back a run from its journals alone.

    Parameters
    ----------
    verify : also execute units again and compare.
    until : stop after so many units.
    unit : only that one.
    on_event : hears ``{"event": "replayed", "unit": ...}`` for every unit, and each journal event before it.

    Raises
    ------
    ReplayMismatchError
        Naming unit, step and what differs first.
    CorruptRecordError
        If a file differs from its seal.
    """
    record = Record(path, verify="seals")
    chosen = [record.unit(unit)] if unit is not None else list(record.units)
    chosen = [entry for entry in chosen if entry.sealed][:until]
    if unit is not None and not chosen:
        raise RecordError("this unit is not sealed; there is nothing to replay.", where=str(record.path))
    if verify and record.manifest.provenance is not None:
        raise RecordError(
            "an imported record cannot be played again; its numbers come from elsewhere.", where=str(record.path)
        )
    events = commits = rows = 0
    for entry in chosen:
        contents = record.journal(entry)
        events += len(contents.events)
        commits += sum(event.type == "commit" for event in contents.events)
        rows += entry.rows
        if on_event is not None:
            for event in contents.events:
                on_event({"event": "journal", "unit": entry.name, **event.as_dict()})
            on_event({"event": "replayed", "unit": entry.name, "events": len(contents.events)})
    notes: list[str] = []
    verified = _verify(record, chosen, workers, on_event, modules, notes) if verify else 0
    return ReplayReport(len(chosen), events, commits, rows, verified, tuple(notes))


def _verify(
    record: Record,
    chosen: Sequence[UnitEntry],
    workers: int,
    on_event: OnEvent | None,
    modules: Sequence[str],
    notes: list[str],
) -> int:
    manifest = record.manifest
    here = versions()
    changed = [name for name, version in manifest.versions.items() if here.get(name) != version]
    why = ", ".join(f"{name} {manifest.versions[name]} -> {here.get(name)}" for name in changed)
    if "duckdb" in changed:
        notes.append("another DuckDB writes other parquet bytes; steps were compared by content.")
    scenario = scenario_of_run(record.path, manifest)
    cell_data = {cell.index: cell.scenario.data for cell in cells(scenario)}
    same_bytes = "duckdb" not in changed and not any(name.startswith(f"{STEPS}/merged-") for name in manifest.files)
    with tempfile.TemporaryDirectory(prefix="gamesim-replay-") as scratch:
        directory = Path(scratch)
        for folder in (EVENTS, STEPS):
            seal.make_directory(directory / folder)
        executor = Processes(workers, path=modules, extra={"offline": True})
        waiting = list(reversed(chosen))
        running: dict[str, UnitEntry] = {}
        verified = 0
        try:
            while waiting or running:
                while waiting and executor.free() > 0:
                    entry = waiting.pop()
                    job = Job(
                        entry.unit(), cell_data[int(entry.cell.get("index", 0))], manifest.kind, scratch, manifest.experiment,
                        scenario.record.durability,
                    )  # fmt: skip
                    against = {
                        "journal": str(journal_path(record.path.resolve(), entry.name)),
                        "masked": not same_bytes,
                    }
                    executor.submit(job, against=against)
                    running[entry.key] = entry
                for answer in executor.wait(1.0):
                    entry = running.pop(answer.key)
                    _judge(record, entry, answer, directory, why)
                    verified += 1
                    if on_event is not None:
                        on_event({"event": "verified", "unit": entry.name, "done": verified, "total": len(chosen)})
                    for path in (journal_path(directory, entry.name), part_path(directory, entry.name)):
                        path.unlink(missing_ok=True)
        finally:
            executor.close()
    return verified


def _judge(record: Record, entry: UnitEntry, answer: Answer, directory: Path, why: str) -> None:
    """Compare what a unit gave again with what the record holds."""
    again = part_path(directory, entry.name)
    if answer.kind == "sealed":
        _compare_steps(record, entry, again, why)
        return
    error = error_from(
        dict(answer.data.get("error") or {"type": "ReplayMismatchError", "message": "the replay stopped."})
    )
    if isinstance(error, ReplayMismatchError):
        if "table of steps" in error.message:
            _compare_steps(record, entry, again, why)  # says which row and column
        raise _because(error, why)
    if answer.kind in ("failed", "died"):
        raise _because(
            ReplayMismatchError(f"the unit fails now: {clean(error.message)}", where=f"unit {entry.name}"), why
        ) from error
    raise error


def _because(error: ReplayMismatchError, why: str) -> ReplayMismatchError:
    return ReplayMismatchError(
        error.message, where=error.where, hint=f"Code or versions changed: {why}." if why else error.hint
    )


def _compare_steps(record: Record, entry: UnitEntry, again: Path, why: str) -> None:
    """Row by row, value by value; silent if the parts have equal bytes or equal content."""
    listed = record.manifest.files.get(f"{STEPS}/{again.name}")
    if listed is not None and again.is_file() and seal.file_sha256(again) == listed.sha256:
        return
    ours = record.sql(f"SELECT * FROM steps WHERE unit = {parquet.literal(entry.name)}").columns
    theirs = parquet.read_parquet([again]) if again.is_file() else {}
    place = f"unit {entry.name}"
    counts = [len(next(iter(table.values()), ())) for table in (ours, theirs)]
    if counts[0] != counts[1]:
        raise _because(
            ReplayMismatchError(f"{counts[0]:,} rows of steps were recorded, {counts[1]:,} replayed.", where=place), why
        )
    first: tuple[int, str] | None = None
    for name in dict.fromkeys([*ours, *theirs]):
        row = _first_difference(ours.get(name), theirs.get(name), counts[0])
        if row is not None and (first is None or row < first[0]):
            first = (row, name)
    if first is not None:
        row, name = first
        step = int(ours["step"][row]) if "step" in ours else row
        was, came = (clean(table[name][row] if name in table else None, 40) for table in (ours, theirs))
        raise _because(
            ReplayMismatchError(
                f"column '{name}' of row {row} differs (recorded {was}, replayed {came}).", where=f"{place} step {step}"
            ),
            why,
        )


def _first_difference(ours: Any, theirs: Any, rows: int) -> int | None:
    if rows == 0:
        return None
    missing = np.ma.MaskedArray(np.full(rows, None, dtype=object), mask=True)
    a, b = (missing if column is None else np.ma.asarray(column) for column in (ours, theirs))
    gone_a, gone_b = _gone(a), _gone(b)
    with np.errstate(invalid="ignore"):
        equal = np.asarray(np.ma.getdata(a) == np.ma.getdata(b), dtype=bool)
    different = np.where(gone_a | gone_b, gone_a != gone_b, ~equal)
    return int(np.argmax(different)) if different.any() else None


def _gone(column: Any) -> Any:
    gone = np.ma.getmaskarray(column).copy()
    data = np.ma.getdata(column)
    if data.dtype.kind == "f":
        gone |= np.isnan(data)
    elif data.dtype.kind == "O":
        gone |= np.array([item is None or item != item for item in data.tolist()], dtype=bool)
    return gone


# ---- in the worker ----------------------------------------------------------------------------------------------------


def reexecute(job: Job, against: Mapping[str, Any]) -> dict[str, Any]:
    """Execute a unit again, against its journal; the answer as data."""
    unit: Unit = job.unit
    try:
        contents = read_journal(Path(against["journal"]))
        if not contents.sealed:
            raise CorruptRecordError("is not sealed.", where=against["journal"])
        scenario = scenario_of(job.scenario)
        writer = Writer(unit, Path(job.directory), against=_masked(contents) if against["masked"] else contents)
        recorded = Path(against["journal"]).parents[1]
        broker = offline_broker(scenario, recorded)
        context = Context(scenario, scenario.seeds, writer, Path(job.directory), broker, recorded)
        result = experiment_of(job.kind, job.reference).run_unit(unit, context)
        if result.status == "failed":
            return Answer(unit.key, "failed", {"error": dict(result.error or {})}).as_dict()
        sealed = writer.seal(result)
        if writer.count < len(contents.lines):
            raise mismatch(unit.name, contents.events, contents.lines, writer.count, None)
        if against["masked"]:
            _compare_ends(unit, contents, sealed.result, sealed.rows)
        return Answer(unit.key, "sealed", {"rows": sealed.rows}).as_dict()
    except GamesimError as error:
        return Answer(unit.key, "abort", {"error": error_data(error)}).as_dict()
    except Exception as error:
        return Answer(unit.key, "failed", {"error": error_data(error)}).as_dict()


def offline_broker(scenario: Scenario, run: Path) -> Broker | None:
    """Where language models played: a Broker that knows recorded answers alone."""
    if not used_models(scenario):
        return None
    from .models.opening import open_broker

    return open_broker(scenario, run, run.parent, offline=True, readonly=True)


def _masked(contents: Contents) -> Contents:
    """Contents without the end, whose hash of the parquet file is not expected to agree."""
    return Contents(contents.events[:-1], contents.lines[:-1], contents.size, contents.ignored, contents.chain, True)


def _compare_ends(unit: Unit, contents: Contents, result: Mapping[str, Any], rows: int) -> None:
    recorded, recorded_rows, _ = result_from(unit, contents)
    if recorded != result or recorded_rows != rows:
        raise ReplayMismatchError(
            "the result differs.", where=f"unit {unit.name}", hint="Code, versions or the record changed."
        )
