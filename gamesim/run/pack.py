"""A run as one zip: packing twice gives equal bytes, and unpacking trusts nothing."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from gamesim.core.errors import RecordError, clean
from gamesim.scenario.names import ID

from . import seal
from .manifest import NAME
from .record import Record

_EPOCH = (1980, 1, 1, 0, 0, 0)  # no clock in the archive
_LEFT_OUT = ("run.lock",)
MAX_BYTES = 20 << 30
MAX_FILES = 400_000
MAX_RATIO = 500  # of unpacked to packed size; above it an archive is a bomb (JSON lines reach about 100)


def pack(run: Path | str, out: Path | str | None = None) -> Path:
    """Write a run directory as ``<id>.zip`` beside it, or to ``out``."""
    record = Record(run)
    source = record.path.resolve()
    target = Path(out) if out is not None else source.with_name(f"{source.name}.zip")
    if target.is_dir():
        target = target / f"{source.name}.zip"
    names = sorted(
        path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file() and not path.is_symlink()
    )
    with seal.beside(target) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name in names:
            if name in _LEFT_OUT or PurePosixPath(name).name.startswith(seal.TEMPORARY):
                continue
            info = zipfile.ZipInfo(f"{record.id}/{name}", _EPOCH)
            info.external_attr = (stat.S_IFREG | 0o600) << 16
            info.create_system = 3
            info.compress_type = zipfile.ZIP_STORED if name.endswith(".parquet") else zipfile.ZIP_DEFLATED
            with (source / name).open("rb") as file, archive.open(info, "w", force_zip64=True) as member:
                shutil.copyfileobj(file, member, 1 << 20)
    return target


def unpack(archive: Path | str, store: Path | str) -> Path:
    """Unpack a run into a store and check it.

    Raises
    ------
    RecordError
        For archives that are not of a run, hold links, paths that climb, duplicates, too many or too large files; and where
        the run is there already. Nothing is left behind then.
    """
    source, place = Path(archive), Path(store)
    try:
        with zipfile.ZipFile(source) as opened:
            members = _checked(opened, source)
            root = PurePosixPath(members[0].filename).parts[0]
            if (place / root).exists():
                raise RecordError("this run is in the store already.", where=str(place / root))
            with seal.storing(place):
                place.mkdir(parents=True, exist_ok=True, mode=0o700)
            hidden = place / f".new-{os.getpid()}-{secrets.token_hex(4)}"
            try:
                _extract(opened, members, hidden)
                Record(hidden / root, verify="full")
                os.rename(hidden / root, place / root)
            finally:
                shutil.rmtree(hidden, ignore_errors=True)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError, zlib.error) as error:
        raise RecordError(f"not a zip archive: {clean(error)}.", where=str(source)) from error
    except OSError as error:
        raise seal.storage_error(error, source) from error
    return place / root


def _checked(archive: zipfile.ZipFile, source: Path) -> list[zipfile.ZipInfo]:
    members = [info for info in archive.infolist() if not info.is_dir()]
    roots = {PurePosixPath(info.filename).parts[0] if info.filename.strip("/") else "" for info in members}
    names = [info.filename for info in members]
    packed = max(1, sum(info.compress_size for info in members))
    total = sum(info.file_size for info in members)
    if len(members) > MAX_FILES or total > MAX_BYTES or (total > 1 << 24 and total / packed > MAX_RATIO):
        raise RecordError(f"{len(members):,} files of {total:,} bytes in {packed:,} are refused.", where=str(source))
    for info in members:
        parts = info.filename.split("/")
        kind = stat.S_IFMT(info.external_attr >> 16)
        if (
            info.filename.startswith("/") or "\\" in info.filename or ":" in info.filename or "\0" in info.filename
            or any(part in ("", ".", "..") for part in parts)
        ):  # fmt: skip
            raise RecordError(f"member '{clean(info.filename, 80)}' climbs out of the archive.", where=str(source))
        if kind not in (0, stat.S_IFREG):
            raise RecordError(f"member '{clean(info.filename, 80)}' is not a plain file.", where=str(source))
    root = next(iter(roots), "")
    if len(roots) != 1 or not ID.fullmatch(root) or f"{root}/{NAME}" not in names:
        raise RecordError("not the archive of one run.", where=str(source))
    if len(set(names)) < len(names):
        raise RecordError("two members have one name.", where=str(source))
    return members


def _extract(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], target: Path) -> None:
    seal.make_directory(target)
    for info in members:
        folder = target
        *parents, name = info.filename.split("/")
        for part in parents:
            folder = folder / part
            seal.make_directory(folder)
        descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file, archive.open(info) as member:
            remaining = info.file_size
            while block := member.read(min(1 << 20, remaining + 1)):
                remaining -= len(block)
                if remaining < 0:
                    raise RecordError(f"member '{clean(info.filename, 80)}' is larger than it says.", where=str(target))
                file.write(block)
