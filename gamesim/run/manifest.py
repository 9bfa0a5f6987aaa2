"""``manifest.json``: what a run is, which units it has, and the hash of every file it wrote.

The file carries a seal, the sha256 of its own content, so that a changed manifest is noticed like a changed journal.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from gamesim.core.errors import CorruptRecordError, RecordError, clean

from . import seal
from .contracts import Mode, Unit

FORMAT = 1
NAME = "manifest.json"
Status = Literal["running", "complete", "partial", "invalid", "failed", "stopped"]
UnitStatus = Literal["pending", "complete", "invalid", "failed"]


@dataclass
class UnitEntry:
    """One unit as the manifest knows it; ``files`` are its own, until step parts are merged."""

    key: str
    cell: Mapping[str, Any]
    seeds: list[int]
    task: Mapping[str, Any]
    mode: Mode
    wave: int
    status: UnitStatus = "pending"
    tries: int = 0
    rows: int = 0
    error: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        return self.key[:16]

    @property
    def sealed(self) -> bool:
        return self.status in ("complete", "invalid")

    def unit(self) -> Unit:
        return Unit(self.key, self.cell, tuple(self.seeds), self.task, self.mode)


@dataclass
class FileEntry:
    """A sealed file: sha256 and size in bytes."""

    sha256: str
    bytes: int


@dataclass
class Manifest:
    """Everything about a run that is not in its journals and tables.

    Attributes
    ----------
    identity : sha256 of what determines the results; equal identities continue one run.
    scenario : the resolved scenario, plain JSON.
    versions : of the libraries.  kinds : of environment, agents and experiment; part of every unit's key.
    reason : why a run stopped: ``interrupted``, ``wall``, ``storage``, ...
    files : relative path -> hash and size; what readers follow.
    resumed : how often the run was continued.
    """

    id: str
    name: str
    identity: str
    kind: str
    seed: int
    scenario: Mapping[str, Any]
    origins: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    platform: str = ""
    created: str = ""
    updated: str = ""
    status: Status = "running"
    reason: str | None = None
    units: list[UnitEntry] = field(default_factory=list)
    files: dict[str, FileEntry] = field(default_factory=dict)
    resumed: int = 0
    cost: Mapping[str, Any] = field(default_factory=dict)
    failures: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] | None = None
    experiment: str | None = None  # "module:attribute" where the experiment has no registered name
    format: int = FORMAT

    @property
    def exit_code(self) -> int:
        """As the command line ends: 0 done, 4 finished with failures, 5 stopped, 130 interrupted."""
        if self.status in ("partial", "invalid", "failed"):
            return 4
        if self.status in ("running", "stopped"):
            return 130 if self.reason == "interrupted" else 6 if self.reason == "storage" else 5
        return 0

    @property
    def finished(self) -> bool:
        return self.status not in ("running", "stopped")

    def add_file(self, path: str, sha256: str, size: int) -> None:
        self.files[path] = FileEntry(sha256, size)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def versions() -> dict[str, str]:
    """Versions of what may change a result."""
    from importlib.metadata import version

    found = {name: version(name) for name in ("gamesim", "numpy", "scipy", "pettingzoo", "duckdb")}
    return {"python": platform.python_version(), **found}


def _body(data: Mapping[str, Any]) -> bytes:
    return json.dumps(data, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def write_manifest(directory: Path, manifest: Manifest) -> None:
    """Replace the manifest of a run, durably."""
    manifest.updated = now()
    data = manifest.as_dict()
    data["seal"] = hashlib.sha256(_body(data)).hexdigest()
    few = len(manifest.units) <= 1000  # indented for people; C-speed where there is too much to read anyway
    text = json.dumps(data, sort_keys=True, ensure_ascii=False, indent=1 if few else None, allow_nan=False)
    seal.write_file(directory / NAME, text.encode() + b"\n")


def read_manifest(directory: Path) -> Manifest:
    """Read and check a manifest.

    Raises
    ------
    RecordError
        If there is none, or if a newer gamesim wrote it.
    CorruptRecordError
        If it was damaged or edited.
    """
    path = directory / NAME
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise RecordError("no run here: manifest.json is missing.", where=str(directory)) from None
    except NotADirectoryError:
        raise RecordError("a run is a directory, this is a file.", where=str(directory)) from None
    except OSError as error:
        raise RecordError(f"cannot be read: {clean(error.strerror)}.", where=str(path)) from error
    try:
        data = json.loads(raw)
        version, signed = data["format"], data.pop("seal")
        if isinstance(version, int) and version > FORMAT:
            raise RecordError(
                f"written in record format {version}; this gamesim reads up to {FORMAT}.",
                where=str(path),
                hint="Upgrade gamesim.",
            )
        intact = hashlib.sha256(_body(data)).hexdigest() == signed
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _damaged(path, "is not a manifest") from error
    if not intact:
        raise _damaged(path, "was changed after it was written")
    return _manifest(data, path)


def _manifest(data: dict[str, Any], path: Path) -> Manifest:
    known = {item.name for item in fields(Manifest)}
    try:
        data = {key: value for key, value in data.items() if key in known}
        data["units"] = [UnitEntry(**unit) for unit in data["units"]]
        data["files"] = {name: FileEntry(**entry) for name, entry in data["files"].items()}
        manifest = Manifest(**data)
    except (TypeError, KeyError, AttributeError) as error:
        raise _damaged(path, "is not a manifest of this format") from error
    for name in manifest.files:
        if name.startswith("/") or ".." in name.split("/") or "\\" in name:
            raise _damaged(path, f"names a file outside the run ('{clean(name, 60)}')")
    return manifest


def _damaged(path: Path, what: str) -> CorruptRecordError:
    return CorruptRecordError(
        f"{what}.", where=str(path), hint="The journals in events/ are untouched; restore manifest.json from a copy."
    )
