"""Running a scenario to a record: waves of units, on an executor, sealed one by one, resumable at any moment.

record = run(scenario, workers=4)        # the same scenario again plays nothing
record = resume("runs/commons-demo-3fa91c07")
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from gamesim.core.errors import GamesimError, LimitReached, RecordError, ScenarioError
from gamesim.scenario.models import used_models
from gamesim.scenario.scenario import Scenario

from .executors.base import Executor
from .executors.inline import Inline
from .executors.processes import Processes
from .interrupts import Interrupted, Interrupts
from .limits import RUN_BYTES, RunLimits, RunParked, require_disk
from .lock import RunLock
from .manifest import Manifest, read_manifest
from .model_use import ModelUse, limits_of_run
from .perform import error_from
from .progress import OnEvent, Progress
from .record import Record
from .seal import storing
from .session import Session
from .store import clean_leftovers, create_run, default_store, find_run
from .units import experiment_of, kind_versions, run_identity

__all__ = ["Interrupted", "resume", "run"]


def run(
    scenario: Scenario,
    *,
    store: Path | str | None = None,
    workers: int = 1,
    on_event: OnEvent | None = None,
    new: bool = False,
    limits: Mapping[str, Any] | RunLimits | None = None,
    experiment: str | None = None,
    path: Sequence[str] = (),
    models: ModelUse | None = None,
) -> Record:
    """Play everything in a scenario.

    Parameters
    ----------
    store : directory of runs; by default ``GAMESIM_STORE``, else ``runs``.
    workers : processes; with 1 units run in this process.
    on_event : hears the events of `gamesim.run.progress`.
    new : play all again under another id, even if the same scenario has a run.
    limits : put over the scenario's: ``{"wall": seconds, "failures": share}``.
    experiment : ``module:attribute`` of an experiment without a registered name.
    path : folders in which workers find modules besides installed ones.
    models : how language models are used by this invocation: cache, preflight.

    Returns
    -------
    The record. ``record.manifest.status`` says whether units failed; ``exit_code`` how the command line would end.

    Raises
    ------
    LimitReached
        At the wall limit. Interrupted : by a signal. Both can be resumed.
    StoreBusyError, StoreFullError, RecordError
        What was sealed stays; the run can be resumed.
    """
    place = Path(store) if store is not None else default_store()
    found = experiment_of(scenario.kind, experiment)
    kinds = kind_versions(scenario, found)
    identity = run_identity(scenario, kinds, experiment)
    created = None
    existing = None if new else find_run(place, identity)
    if existing is None:
        with storing(place):
            place.mkdir(parents=True, exist_ok=True, mode=0o700)
            require_disk(place)
        created = create_run(place, scenario, identity, kinds=kinds, reference=experiment, new=new)
        existing = find_run(place, identity) if created is None else None  # somebody was faster
    if created is not None:
        directory, lock, manifest = created
    else:
        assert existing is not None
        directory, lock = existing, RunLock(existing)
        manifest = _read(directory, lock)
    with lock:
        return _placed(scenario)(
            lambda: _go(
                directory,
                lock,
                manifest,
                scenario,
                workers,
                on_event,
                limits,
                path,
                resumed=existing is not None,
                models=models,
            )
        )


def resume(
    path: Path | str,
    *,
    workers: int = 1,
    on_event: OnEvent | None = None,
    retry_failed: bool = False,
    limits: Mapping[str, Any] | RunLimits | None = None,
    modules: Sequence[str] = (),
    models: ModelUse | None = None,
) -> Record:
    """Go on with a run that was stopped, from its directory alone.

    Parameters
    ----------
    retry_failed : also play units again that failed.
    modules : folders in which workers find modules besides installed ones.

    Raises
    ------
    RecordError
        If the installed kinds differ in version from those the run was played with; names the first difference.
    """
    directory = Path(path)
    read_manifest(directory)  # a clear word before a lock is made where no run is
    lock = RunLock(directory)
    manifest = _read(directory, lock)
    with lock:
        if manifest.provenance is not None:
            raise RecordError("this record was imported; there is nothing to resume.", where=str(directory))
        scenario = scenario_of_run(directory, manifest)
        return _placed(scenario)(
            lambda: _go(
                directory,
                lock,
                manifest,
                scenario,
                workers,
                on_event,
                limits,
                modules,
                resumed=True,
                retry_failed=retry_failed,
                models=models,
            )
        )


def _placed(scenario: Scenario) -> Callable[[Callable[[], Record]], Record]:
    """Where the work is done: runs that turn an event loop leave a thread that already turns one, as notebooks do."""
    if used_models(scenario) or scenario.record.journal == "step":
        from .aside import aside

        return aside
    return lambda work: work()


def _read(directory: Path, lock: RunLock) -> Manifest:
    """The manifest as it is now that we hold the lock."""
    try:
        return read_manifest(directory)
    except BaseException:
        lock.release()
        raise


def scenario_of_run(directory: Path, manifest: Manifest) -> Scenario:
    """The scenario of a run, as the installed kinds understand it.

    Raises
    ------
    RecordError
        If they would play something else than was played.
    """
    from gamesim.scenario.resolve import resolve_data

    try:
        scenario = resolve_data(manifest.scenario, origins=manifest.origins)
    except ScenarioError as error:
        raise RecordError(
            f"its scenario no longer resolves: {error}", where=str(directory), hint="Versions changed."
        ) from error
    _check_kinds(directory, manifest, scenario)
    return scenario


def _check_kinds(directory: Path, manifest: Manifest, scenario: Scenario) -> None:
    installed = kind_versions(scenario, experiment_of(manifest.kind, manifest.experiment))
    for group, wanted in manifest.kinds.items():
        for kind, version in wanted.items():
            here = installed.get(group, {}).get(kind)
            if here != version:
                raise RecordError(
                    f"played with {group} '{kind}' version {version}; installed is {here}.",
                    where=str(directory),
                    hint="Install the version of the run, or play it again with run --new.",
                )
    if run_identity(scenario, installed, manifest.experiment) != manifest.identity:
        raise RecordError(
            "its scenario resolves to another one now.", where=str(directory), hint="Defaults changed; run --new."
        )


def _go(
    directory: Path,
    lock: RunLock,
    manifest: Manifest,
    scenario: Scenario,
    workers: int,
    on_event: OnEvent | None,
    limits: Mapping[str, Any] | RunLimits | None,
    path: Sequence[str],
    *,
    resumed: bool,
    retry_failed: bool = False,
    models: ModelUse | None = None,
) -> Record:
    if workers < 1:
        raise ScenarioError(f"{workers} workers cannot play.", path="workers", hint="1 or more.")
    budget = limits_of_run(directory, scenario, limits)
    progress = Progress(directory, on_event)
    if lock.taken_over is not None:
        progress.tell("note", text=f"taken over from process {lock.taken_over.get('pid')}, which died")
    again = retry_failed and any(unit.status == "failed" for unit in manifest.units)
    if manifest.finished and not again:
        record = Record(directory)
        clean_leftovers(directory, manifest)  # a death right after the last seal leaves some
        progress.tell(
            "run_done",
            status=manifest.status,
            played=0,
            skipped=len(manifest.units),
            failed=_failed(manifest),
            path=str(directory),
        )
        return record
    require_disk(directory)
    with Interrupts(budget.wall) as stop:
        try:
            executor = _executor(directory, scenario, workers, budget, progress, stop, path, models or ModelUse())
        except GamesimError:
            if not resumed and not _answered(directory):  # a run that could not begin leaves no empty directory
                shutil.rmtree(directory, ignore_errors=True)
            raise
        session = Session(
            directory, manifest, scenario, executor, progress, stop, retry_failed=retry_failed, size_limit=RUN_BYTES
        )
        try:
            session.play(resumed)
            session.finish(budget.failures)
        except stop.Now:
            pass  # the patience is over: what is sealed or committed stays
        except GamesimError as error:
            with suppress(RecordError):
                session.stopped(_reason(error))
            raise
        finally:
            executor.close()
        if stop.reason is not None and not manifest.finished:
            session.stopped(stop.reason)
    if not manifest.finished:
        raise _ending(directory, manifest, stop)
    return Record(directory, verify="none")


def _executor(
    directory: Path,
    scenario: Scenario,
    workers: int,
    limits: RunLimits,
    progress: Progress,
    stop: Interrupts,
    path: Sequence[str],
    models: ModelUse,
) -> Executor:
    """Where units run: beside each other on one loop where language models play, else here or in workers."""
    if used_models(scenario):
        from .models.working import at_work

        return at_work(scenario, directory, limits, progress, stop, models)
    if workers == 1 or scenario.executor == "inline":
        return Inline(stop.stopping)
    return Processes(workers, path=path)


def _answered(directory: Path) -> bool:
    """Whether a model has answered anything that the run's journal holds."""
    from .models.calls import NAME, CallJournal

    if not (directory / NAME).exists():
        return False
    journal = CallJournal(directory / NAME, readonly=True)
    try:
        return any(row["reply"] for row in journal.rows())
    finally:
        journal.close()


def _reason(error: GamesimError) -> str:
    """Why a run stopped, as its manifest says it."""
    if isinstance(error, RecordError):
        return "storage"
    return error.reason if isinstance(error, RunParked) else type(error).__name__


def _ending(directory: Path, manifest: Manifest, stop: Interrupts) -> BaseException:
    sealed = sum(unit.sealed for unit in manifest.units)
    line = f"{sealed} of {len(manifest.units)} units are saved."
    again = f"Go on with: gamesim resume {directory}"
    if stop.reason == "wall":
        return LimitReached(f"the wall limit is reached; {line}", where=str(directory), hint=again)
    if stop.reason == "interrupted":
        return Interrupted(f"{directory}: interrupted; {line} {again}", stop.number, directory)
    return error_from({"type": "RecordError", "message": "the run ended without an end", "where": str(directory)})


def _failed(manifest: Manifest) -> int:
    return sum(unit.status == "failed" for unit in manifest.units)
