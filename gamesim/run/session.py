"""One invocation of a run: waves, adoption of what is sealed, retries, and the seal of the whole."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gamesim.core.errors import CorruptRecordError, LimitReached, PluginError, RecordError, ScenarioError, clean
from gamesim.scenario.scenario import Scenario
from gamesim.scenario.sweep import cells

from . import parquet, seal
from .contracts import Experiment, Unit, UnitResult
from .executors.base import Executor
from .interrupts import Interrupts
from .journal import read_journal
from .limits import RunParked
from .manifest import Manifest, Status, UnitEntry, write_manifest
from .outcomes import outcome_columns
from .perform import Answer, Job, error_from
from .progress import Progress
from .record import add_table
from .store import FOLDERS, clean_leftovers
from .units import experiment_of, result_of
from .writer import STEPS, journal_path, part_path, result_from

RETRIES = 2  # of a unit whose worker died; a unit that raises fails at once, for it would raise again
MERGE_ABOVE = 256
MERGED_FILES = 16


class Session:
    """Plays what is left of a run. The runner holds the lock; the manifest is changed here alone."""

    def __init__(
        self,
        directory: Path,
        manifest: Manifest,
        scenario: Scenario,
        executor: Executor,
        progress: Progress,
        stop: Interrupts,
        *,
        retry_failed: bool,
        size_limit: int,
    ) -> None:
        self.directory, self.manifest, self.scenario = directory, manifest, scenario
        self._executor, self._progress, self._stop = executor, progress, stop
        self._retry_failed = retry_failed
        self._experiment: Experiment = experiment_of(manifest.kind, manifest.experiment)
        self._entries: dict[str, UnitEntry] = {unit.key: unit for unit in manifest.units}
        self._results: dict[str, UnitResult] = {}
        self._cells: dict[int, Mapping[str, Any]] = {}
        self._saved_at = self._save_cost = 0.0
        self._size_limit = size_limit
        self._size = sum(entry.bytes for entry in manifest.files.values())
        self._played = 0
        self._over = {unit.key for unit in manifest.units if unit.status != "pending"}
        self._parked: list[Mapping[str, Any]] = []  # why units wait for a resume

    # ---- waves -----------------------------------------------------------------------------------------------------

    def play(self, resumed: bool) -> None:
        """All waves. ``done`` always holds whole waves, so an experiment asked again after a death plans the same."""
        manifest = self.manifest
        manifest.status, manifest.reason = "running", None
        manifest.resumed += int(resumed)
        for folder in FOLDERS:
            seal.make_directory(self.directory / folder)
        for entry in manifest.units:
            entry.tries = 0 if entry.status == "pending" else entry.tries  # deaths count within one invocation
        self._unmerge()
        self._cells = {cell.index: cell.scenario.data for cell in cells(self.scenario)}
        self._progress.tell(
            "run_started", path=str(self.directory), id=manifest.id, name=manifest.name, resumed=manifest.resumed
        )
        done: dict[str, UnitResult] = {}
        number = 0
        while not self._stop.stopping():
            wave = self._new_units(self._experiment.units(self.scenario, done), done)
            if not wave:
                break
            self._enter(wave, number)
            todo = [unit for unit in wave if not self._adopt(unit)]
            self._progress.tell("wave", number=number, units=len(wave), sealed=len(wave) - len(todo))
            self._save()
            self._drain(todo)
            if self._stop.stopping():
                break
            if self._parked:
                raise self._limit()
            done.update((unit.key, self._result(unit)) for unit in wave)
            number += 1
        self._save()

    def _new_units(self, wave: Sequence[Unit], done: Mapping[str, UnitResult]) -> list[Unit]:
        """The units of a wave that are not done. Two of one content are one; they must then be of one cell."""
        found: dict[str, Unit] = {}
        for unit in wave:
            twin = found.get(unit.key) or (self._entries[unit.key].unit() if unit.key in self._entries else None)
            if twin is not None and twin.cell.get("index") != unit.cell.get("index"):
                first, second = twin.cell.get("index"), unit.cell.get("index")
                raise ScenarioError(
                    f"cells {first} and {second} of the sweep are the same.", path="sweep", hint="Leave one out."
                )
            if unit.key not in done:
                found[unit.key] = unit
        return list(found.values())

    def _enter(self, wave: Sequence[Unit], number: int) -> None:
        names = {entry.name: entry.key for entry in self.manifest.units}
        for unit in wave:
            if len(unit.key) != 64 or set(unit.key) - set("0123456789abcdef"):
                raise PluginError(
                    f"'{clean(unit.key, 80)}' is no unit key.", hint="Make units with gamesim.run.units.make_unit."
                )
            if names.setdefault(unit.name, unit.key) != unit.key:
                raise RecordError(f"two units are called {unit.name}.", where=str(self.directory))
            if int(unit.cell.get("index", 0)) not in self._cells:
                raise PluginError(
                    f"unit {unit.name} is of cell {unit.cell.get('index')}, which the scenario does not have."
                )
            if unit.key not in self._entries:
                entry = UnitEntry(unit.key, dict(unit.cell), list(unit.seeds), dict(unit.task), unit.mode, number)
                self._entries[unit.key] = entry
                self.manifest.units.append(entry)

    def _adopt(self, unit: Unit) -> bool:
        """Whether the unit is finished already; a journal sealed before the manifest could say so counts."""
        entry = self._entries[unit.key]
        if entry.sealed:
            self._check_sealed(entry)
            return True
        if entry.status == "failed":
            if not self._retry_failed:
                return True
            entry.status, entry.error, entry.tries = "pending", None, 0
            self._over.discard(entry.key)
        path = journal_path(self.directory, unit.name)
        if not path.exists():
            return False
        contents = read_journal(path)
        if not contents.sealed:
            if unit.mode == "unit":
                raise CorruptRecordError("has no end, yet was sealed.", where=str(path), hint="Restore it from a copy.")
            return False
        result, rows, part = result_from(unit, contents)
        files = {path: (seal.file_sha256(path), path.stat().st_size)}
        if part is not None:
            steps = part_path(self.directory, unit.name)
            if not steps.is_file() or seal.file_sha256(steps) != part:
                raise CorruptRecordError(
                    "differs from what its journal says.", where=str(steps), hint="Restore it from a copy."
                )
            files[steps] = (part, steps.stat().st_size)
        self._seal(
            entry, result, rows, {file.relative_to(self.directory).as_posix(): said for file, said in files.items()}
        )
        return True

    def _check_sealed(self, entry: UnitEntry) -> None:
        for name in (f"events/{entry.name}.jsonl", f"{STEPS}/part-{entry.name}.parquet"):
            listed = self.manifest.files.get(name)
            path = self.directory / name
            if listed is None:
                continue
            if not path.is_file():
                raise CorruptRecordError(
                    "is missing, and the manifest lists it.", where=str(path), hint="Restore it from a copy."
                )
            if seal.file_sha256(path) != listed.sha256:
                if path.suffix == ".jsonl":
                    read_journal(path)  # names the line, if its chain shows it
                raise CorruptRecordError(
                    "was changed after it was sealed.", where=str(path), hint="Restore it from a copy."
                )

    def _result(self, unit: Unit) -> UnitResult:
        """What later waves see of a unit; read from the journal where this process did not play it."""
        entry = self._entries[unit.key]
        if entry.status == "failed":
            return UnitResult(unit.key, "failed", error=dict(entry.error or {}))
        if unit.key not in self._results:
            told, _, _ = result_from(unit, read_journal(journal_path(self.directory, unit.name)))
            self._results[unit.key] = result_of(told)
        return self._results[unit.key]

    # ---- playing ---------------------------------------------------------------------------------------------------

    def _drain(self, todo: Sequence[Unit]) -> None:
        waiting, running = deque(todo), set[str]()
        started: dict[str, float] = {}
        asked = False
        while waiting or running:
            if self._stop.stopping():
                if not asked:
                    asked = True
                    waiting.clear()
                    self._progress.tell("stopping", reason=self._stop.reason, running=len(running))
                    self._executor.stop()
                if not running or self._stop.hurry:
                    return
            while waiting and self._executor.free() > 0:
                unit = waiting.popleft()
                self._executor.submit(self._job(unit))
                running.add(unit.key)
                started[unit.key] = time.monotonic()
                self._progress.tell(
                    "unit_started", unit=unit.name, cell=unit.cell.get("index", 0), seeds=len(unit.seeds)
                )
            answers = self._executor.wait(0.2)
            if not answers and asked and not self._executor.busy():
                return
            for answer in answers:
                running.discard(answer.key)
                if self._take(answer, time.monotonic() - started[answer.key]):
                    waiting.append(self._entries[answer.key].unit())
            self._save(lazily=True)

    def _limit(self) -> RunParked:
        """Why units were parked, once; the others were played."""
        first = self._parked[0]
        budget = first.get("reason") == "budget"
        wait = "1 unit waits" if len(self._parked) == 1 else f"{len(self._parked)} units wait"
        again = f"{wait}. Go on with: gamesim resume {self.directory}{' --budget +5' if budget else ''}"
        reason = str(first.get("reason") or "limit")
        return RunParked(str(first.get("message", "")), reason, where=str(self.directory), hint=again)

    def _job(self, unit: Unit) -> Job:
        data = self._cells[int(unit.cell.get("index", 0))]
        durability = self.scenario.record.durability
        return Job(unit, data, self.manifest.kind, str(self.directory), self.manifest.experiment, durability)

    def _take(self, answer: Answer, seconds: float) -> bool:
        """Book an answer; True if the unit is to be played again."""
        entry = self._entries[answer.key]
        error = dict(answer.data.get("error") or {})
        if answer.kind == "abort":
            self._progress.tell(
                "note", text=f"unit {entry.name} ended the run", error=error.get("message"), trace=error.get("trace")
            )
            raise error_from(error)
        if answer.kind == "stopped" or (answer.kind == "died" and self._stop.stopping()):
            return False
        if answer.kind == "parked":
            self._parked.append(error)
            self._progress.tell("unit_parked", unit=entry.name, cause=error.get("message"))
            return False
        if answer.kind == "died" and self._adopt(
            entry.unit()
        ):  # it had sealed the unit and died before it could say so
            self._played += 1
            self._tell_done("unit_done", entry, seconds)
            return False
        entry.tries += 1
        if answer.kind == "sealed":
            self._played += 1
            self._seal(entry, answer.data["result"], answer.data["rows"], answer.data["files"])
            used = dict(answer.data.get("used") or {})
            self._tell_done("unit_done", entry, seconds, **{key: value for key, value in used.items() if value})
            return False
        if answer.kind == "died" and entry.tries <= RETRIES:
            self._progress.tell("unit_retried", unit=entry.name, tries=entry.tries, cause=error.get("message"))
            return True
        self._played += 1
        entry.status = "failed"
        self._over.add(entry.key)
        entry.error = {
            key: value for key, value in error.items() if key not in ("trace", "where") and value is not None
        }
        self._tell_done("unit_failed", entry, seconds, error=entry.error, trace=error.get("trace"))
        return False

    def _tell_done(self, event: str, entry: UnitEntry, seconds: float, **more: Any) -> None:
        self._progress.tell(
            event, unit=entry.name, cell=entry.cell.get("index", 0), seeds=len(entry.seeds), rows=entry.rows, seconds=round(seconds, 6),
            done=len(self._over), total=len(self.manifest.units), **more,
        )  # fmt: skip

    def _seal(self, entry: UnitEntry, result: Mapping[str, Any], rows: int, files: Mapping[str, Sequence[Any]]) -> None:
        entry.status = result["status"]
        entry.rows = rows
        entry.error = None
        self._over.add(entry.key)
        self._results[entry.key] = result_of(result)
        for name, (sha256, size) in files.items():
            self.manifest.add_file(name, sha256, size)
            self._size += size
        if self._size > self._size_limit:
            raise LimitReached(
                f"the run has grown to {self._size / 2**30:.1f} GiB, its limit.", where=str(self.directory)
            )

    # ---- manifest --------------------------------------------------------------------------------------------------

    def _save(self, *, lazily: bool = False) -> None:
        """Write the manifest. Between units only now and then: journals are the truth, and a big manifest takes a while."""
        now = time.monotonic()
        if lazily and now - self._saved_at < max(0.5, 20 * self._save_cost):
            return
        write_manifest(self.directory, self.manifest)
        self._saved_at = time.monotonic()
        self._save_cost = self._saved_at - now

    def stopped(self, reason: str) -> None:
        """Note that and why the run stopped."""
        self.manifest.status, self.manifest.reason = "stopped", reason
        self._save()
        self._progress.tell("run_stopped", reason=reason, path=str(self.directory), played=self._played)

    # ---- the seal of the run ---------------------------------------------------------------------------------------

    def finish(self, failures: float) -> None:
        """Derive outcomes, merge parts, clean up, and give the verdict."""
        if self._stop.stopping():
            return
        manifest = self.manifest
        sealed = [unit for unit in manifest.units if unit.sealed]
        columns = outcome_columns((unit, self._result(unit.unit()).outcomes) for unit in sealed)
        if columns:
            add_table(self.directory, manifest, "outcomes", columns)
        self._merge(sealed)
        status = verdict([unit.status for unit in manifest.units], failures)
        bad = [unit for unit in manifest.units if unit.status in ("failed", "invalid")]
        manifest.failures = {"units": len(bad), "of": len(manifest.units), "limit": failures}
        manifest.status, manifest.reason = status, None
        self._save()
        clean_leftovers(self.directory, manifest)
        self._progress.tell(
            "run_done", status=status, played=self._played, skipped=len(manifest.units) - self._played,
            failed=sum(unit.status == "failed" for unit in bad), seconds=round(self._progress.seconds, 3), path=str(self.directory),
        )  # fmt: skip

    def _merge(self, sealed: Sequence[UnitEntry]) -> None:
        """Above 256 units, parts become at most 16 files, in the order of the units. Parts go after the manifest has changed."""
        parts = [
            name for name in (f"{STEPS}/part-{unit.name}.parquet" for unit in sealed) if name in self.manifest.files
        ]
        if len(parts) <= MERGE_ABOVE:
            return
        size = -(-len(parts) // MERGED_FILES)
        for number, start in enumerate(range(0, len(parts), size)):
            chosen = parts[start : start + size]
            path = self.directory / STEPS / f"merged-{number:02d}.parquet"
            connection = parquet.database()
            try:
                parquet.copy_query(
                    connection,
                    f"SELECT * FROM {parquet.parquet_source([self.directory / name for name in chosen])}",
                    path,
                )
            finally:
                connection.close()
            self.manifest.add_file(f"{STEPS}/{path.name}", seal.file_sha256(path), path.stat().st_size)
            for name in chosen:
                del self.manifest.files[name]

    def _unmerge(self) -> None:
        """Failed units of a merged run are played again: merged files become parts once more, so that one merge covers all."""
        merged = [name for name in self.manifest.files if name.startswith(f"{STEPS}/merged-")]
        if not merged:
            return
        for name in merged:
            path = self.directory / name
            for unit in [unit for unit in self.manifest.units if unit.sealed and unit.rows]:
                self._split(path, unit)
        for name in merged:
            del self.manifest.files[name]
        self._save()

    def _split(self, merged: Path, unit: UnitEntry) -> None:
        target = part_path(self.directory, unit.name)
        listed = f"{STEPS}/{target.name}"
        if listed in self.manifest.files:
            return
        connection = parquet.database()
        try:
            query = f"SELECT * FROM {parquet.parquet_source([merged])} WHERE unit = {parquet.literal(unit.name)}"
            if connection.execute(f"SELECT count(*) FROM ({query})").fetchone()[0]:
                parquet.copy_query(connection, query, target)
                self.manifest.add_file(listed, seal.file_sha256(target), target.stat().st_size)
        finally:
            connection.close()


def verdict(statuses: Sequence[str], failures: float) -> Status:
    """What a run is worth: ``complete``, ``partial`` (some units are missing), ``invalid`` (more than the limit), ``failed`` (all).

    Examples
    --------
    >>> verdict(["complete"] * 63 + ["failed"], 0.05)
    'partial'
    >>> verdict(["complete"] * 60 + ["invalid"] * 4, 0.05)
    'invalid'
    """
    bad = sum(status in ("failed", "invalid") for status in statuses)
    if not bad:
        return "complete"
    if all(status == "failed" for status in statuses):
        return "failed"
    return "invalid" if bad / len(statuses) > failures else "partial"
