"""Writing so that a reader sees the old file or the new one, never half: beside, fsync, rename, fsync the directory.

Every write, fsync and rename of a run goes through here, so that disk trouble becomes one kind of error and tests can
make any of them fail (``trouble``).
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gamesim.core.errors import RecordError, StoreFullError, clean

TEMPORARY = ".tmp-"  # names that begin so are leftovers of a death and belong to nobody
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

# Called before each operation with its name (write, fsync, rename, directory) and path; tests raise, or kill, here.
trouble: Callable[[str, Path], None] | None = None


def before(operation: str, path: Path) -> None:
    if trouble is not None:
        trouble(operation, path)


def storage_error(error: OSError, path: Path) -> RecordError:
    """An operating system's refusal as our error, with what to do."""
    reason = clean(error.strerror or error)
    if error.errno in _FULL:
        return StoreFullError(
            f"no space to write ({reason}).", where=str(path), hint="Free space, then resume the run."
        )
    return RecordError(f"cannot write: {reason}.", where=str(path))


@contextmanager
def storing(path: Path) -> Iterator[None]:
    """Turn an ``OSError`` inside into a `RecordError` that names the file."""
    try:
        yield
    except OSError as error:
        raise storage_error(error, path) from error


def write_all(descriptor: int, data: bytes, path: Path) -> None:
    before("write", path)
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def sync(descriptor: int, path: Path) -> None:
    before("fsync", path)
    os.fsync(descriptor)


def sync_directory(path: Path) -> None:
    before("directory", path)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def rename(source: Path, target: Path) -> None:
    before("rename", target)
    os.replace(source, target)
    sync_directory(target.parent)


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """A temporary name in the same directory for somebody else to write; sealed under ``path`` when the block ends well."""
    temporary = path.with_name(f"{TEMPORARY}{os.getpid()}-{path.name}")
    with storing(path):
        with suppress(FileNotFoundError):
            temporary.unlink()
        try:
            before("write", path)
            yield temporary
            os.chmod(temporary, 0o600)
            descriptor = os.open(temporary, os.O_RDONLY)
            try:
                sync(descriptor, path)
            finally:
                os.close(descriptor)
            rename(temporary, path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise


def write_file(path: Path, data: bytes) -> None:
    """Replace a file as a whole, durably."""
    with beside(path) as temporary:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            write_all(descriptor, data, path)
        finally:
            os.close(descriptor)


def make_directory(path: Path) -> None:
    """A directory of our own (0700). A symbolic link in its place is refused: nothing is written through links."""
    with storing(path):
        with suppress(FileExistsError):
            path.mkdir(mode=0o700)
        if not stat.S_ISDIR(path.lstat().st_mode):
            raise RecordError("not a directory of this run; links are not followed when writing.", where=str(path))


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
