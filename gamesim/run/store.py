"""The store: a directory of runs, found by their manifests; no index to fall out of step with them."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from gamesim.core.errors import CorruptRecordError, GamesimError, RecordError, StoreBusyError, clean
from gamesim.scenario.names import slug
from gamesim.scenario.scenario import Scenario

from . import seal
from .lock import RunLock
from .manifest import NAME, Manifest, now, read_manifest, versions, write_manifest
from .record import Record
from .writer import EVENTS, STEPS, TABLES

FOLDERS = (EVENTS, STEPS, TABLES)
_NEW = ".new-"


def default_store() -> Path:
    """``GAMESIM_STORE``, else ``./runs``."""
    return Path(os.environ.get("GAMESIM_STORE") or "runs")


def runs(store: Path | str) -> list[Path]:
    """Run directories of a store, by name."""
    return sorted(path.parent for path in Path(store).glob(f"*/{NAME}") if not path.parent.name.startswith("."))


def run_stem(name: str, identity: str) -> str:
    """``<slug>-<8 hex>``.

    Examples
    --------
    >>> run_stem("commons/First steps", "3fa91c07" + "0" * 56)
    'commons-first-steps-3fa91c07'
    """
    return f"{slug(name).replace('/', '-')[:48].strip('-_')}-{identity[:8]}"


def find_run(store: Path, identity: str) -> Path | None:
    """The newest run of that identity, whatever it is called.

    Raises
    ------
    CorruptRecordError
        If a run whose name says that it may be the one cannot be read: better than playing it again in silence.
    """
    found = []
    for path in sorted(store.glob(f"*-{identity[:8]}*")):
        if (path / NAME).is_file() and not path.name.startswith("."):
            manifest = read_manifest(path)
            if manifest.identity == identity:
                found.append((manifest.created, _ordinal(path.name), path))
    return max(found)[2] if found else None


def _ordinal(name: str) -> int:
    tail = name.rpartition("-")[2]
    return int(tail) if tail.isdigit() and len(tail) < 8 else 1


def create_run(
    store: Path,
    scenario: Scenario,
    identity: str,
    *,
    kinds: Mapping[str, Any],
    reference: str | None = None,
    new: bool = False,
) -> tuple[Path, RunLock, Manifest] | None:
    """A new run directory with manifest and scenario, locked by us before anybody can see it.

    None, unless ``new``, if somebody else has just made one for the same identity.
    """
    with seal.storing(store):
        store.mkdir(parents=True, exist_ok=True, mode=0o700)
    hidden = store / f"{_NEW}{os.getpid()}-{secrets.token_hex(4)}"
    seal.make_directory(hidden)
    lock = RunLock(hidden)
    try:
        for folder in FOLDERS:
            seal.make_directory(hidden / folder)
        _write_sources(hidden, scenario)
        stem = run_stem(scenario.name, identity)
        number = 1
        while True:
            name = stem if number == 1 else f"{stem}-{number}"
            if not (store / name).exists():
                manifest = _new_manifest(name, scenario, identity, kinds, reference)
                write_manifest(hidden, manifest)
                if _published(hidden, store / name):
                    lock.path = store / name / lock.path.name
                    return store / name, lock, manifest
            if not new and find_run(store, identity) is not None:
                lock.release()
                shutil.rmtree(hidden, ignore_errors=True)
                return None
            number += 1
    except BaseException:
        lock.release()
        shutil.rmtree(hidden, ignore_errors=True)
        raise


def _published(hidden: Path, target: Path) -> bool:
    """Give a run its name; False where somebody was faster."""
    with seal.storing(target):
        try:
            seal.before("rename", target)
            os.rename(hidden, target)
        except OSError as error:
            if error.errno in (errno.EEXIST, errno.ENOTEMPTY):
                return False
            raise
        seal.sync_directory(target.parent)
    return True


def _new_manifest(
    name: str, scenario: Scenario, identity: str, kinds: Mapping[str, Any], reference: str | None
) -> Manifest:
    import platform

    return Manifest(
        id=name,
        name=scenario.name,
        identity=identity,
        kind=scenario.kind,
        seed=scenario.seed,
        scenario=dict(scenario.data),
        origins={path: origin.place for path, origin in scenario.origins.items()},
        kinds=kinds,
        versions=versions(),
        platform=platform.platform(),
        created=now(),
        experiment=reference,
    )


def _write_sources(directory: Path, scenario: Scenario) -> None:
    if scenario.source is not None:
        text = scenario.source
    else:
        from gamesim.scenario.resolve import dump

        text = dump(scenario)
    seal.write_file(directory / "scenario.yaml", text.encode())
    for name, included in scenario.included.items():
        parts = [part for part in PurePosixPath(name).parts if part not in ("/", "..", ".")]
        folder = directory / "includes"
        for part in ["", *parts[:-1]]:
            folder = folder / part
            seal.make_directory(folder)
        seal.write_file(folder / parts[-1], included.encode())


def clean_leftovers(directory: Path, manifest: Manifest) -> list[str]:
    """Remove what deaths left behind: temporary files, and sealed-looking files that the manifest does not list.

    Journals of units that are not sealed stay: they hold committed steps.
    """
    kept = set(manifest.files) | {f"{EVENTS}/{unit.name}.jsonl" for unit in manifest.units if not unit.sealed}
    removed = []
    for folder in FOLDERS:
        for path in (directory / folder).glob("*"):
            name = f"{folder}/{path.name}"
            if name not in kept and (path.is_file() or path.is_symlink()):
                with seal.storing(path):
                    path.unlink()
                removed.append(name)
    for path in directory.glob(f"{seal.TEMPORARY}*"):
        with suppress(OSError):
            path.unlink()
    return removed


# ---- care of the store --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Finding:
    """What ``verify_store`` says of one run."""

    path: Path
    status: Literal["ok", "running", "stopped", "damaged"]
    message: str = ""


def verify_store(path: Path | str, *, deep: bool = False) -> list[Finding]:
    """Check every run of a store, or one run.

    Parameters
    ----------
    deep : also check every journal's chain, and tables against journals.
    """
    place = Path(path)
    if not place.is_dir():
        raise RecordError("no such store.", where=str(place))
    if (place / NAME).exists():
        return list(_findings([place], deep))
    if _bereft(place):
        return [_without_manifest(place)]
    lost = [_without_manifest(path) for path in sorted(place.iterdir()) if _bereft(path)]
    return sorted([*_findings(runs(place), deep), *lost], key=lambda finding: finding.path)


def _bereft(path: Path) -> bool:
    """A run whose manifest is gone: there are journals, and nothing says what they are of."""
    return path.is_dir() and not (path / NAME).exists() and any((path / EVENTS).glob("*.jsonl"))


def _without_manifest(path: Path) -> Finding:
    return Finding(
        path, "damaged", f"{path / NAME} is missing; the journals in events/ are untouched. Restore it from a copy."
    )


def _findings(paths: list[Path], deep: bool) -> Iterator[Finding]:
    for path in paths:
        try:
            record = Record(path, verify="none")
            problems = [str(problem) for problem in record.problems(full=deep)]
        except GamesimError as error:
            problems = [str(error)]
        if problems:
            more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
            yield Finding(path, "damaged", problems[0] + more)
        elif record.manifest.status == "running":
            yield Finding(
                path, "running" if _held(path) else "stopped", "" if _held(path) else "its process died; resume it"
            )
        elif record.manifest.status == "stopped":
            yield Finding(path, "stopped", record.manifest.reason or "")
        else:
            yield Finding(path, "ok")


def _held(path: Path) -> bool:
    try:
        RunLock(path).release()
    except StoreBusyError:
        return True
    except RecordError:
        return False
    return False


def prune(
    store: Path | str, *, older_than: timedelta | None = None, unfinished: bool = False, dry_run: bool = False
) -> list[Path]:
    """Remove runs, and leftovers of runs that never began. Runs in use stay; nothing is chosen by default but leftovers.

    Parameters
    ----------
    older_than : remove runs last written before that long ago.
    unfinished : of those, only runs that did not finish.
    """
    chosen = [path for path in Path(store).glob(f"{_NEW}*") if path.is_dir() and not _held(path)]
    limit = datetime.now(UTC) - older_than if older_than is not None else None
    for path in runs(store) if limit is not None else []:
        with suppress(CorruptRecordError, RecordError):
            manifest = read_manifest(path)
            old = datetime.fromisoformat(manifest.updated or manifest.created) < limit  # type: ignore[operator]
            if old and not (unfinished and manifest.finished) and not _held(path):
                chosen.append(path)
    for path in chosen if not dry_run else []:
        grave = path.with_name(f"{_NEW}{path.name.removeprefix(_NEW)}-gone-{secrets.token_hex(2)}")
        with seal.storing(path):
            os.rename(path, grave)  # at once invisible; half a run is never seen
            shutil.rmtree(grave)
    return chosen


def resolve_run(name: Path | str, store: Path | str | None = None) -> Path:
    """A run directory from its path, or from its id (or the id's beginning) in the store.

    Raises
    ------
    RecordError
        With the nearest id where there is none, and all where there are several.
    """
    from gamesim.core.errors import did_you_mean

    path = Path(name)
    if (path / NAME).exists() or path.is_dir():
        return path
    place = Path(store) if store is not None else default_store()
    ids = [run.name for run in runs(place)]
    found = [one for one in ids if one == str(name)] or [one for one in ids if one.startswith(str(name))]
    if len(found) == 1 and str(name):
        return place / found[0]
    if found:
        raise RecordError(
            f"{len(found)} runs begin with '{clean(name, 60)}'.",
            where=str(place),
            hint=f"They are: {', '.join(found[:6])}.",
        )
    raise RecordError(
        f"no run '{clean(name, 80)}'.",
        where=str(place),
        hint=did_you_mean(str(name), ids) or f"The store has {len(ids)} runs.",
    )
