"""Files that a scenario names are looked for beside it first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

_folder: ContextVar[Path | None] = ContextVar("folder of the scenario being read", default=None)


@contextmanager
def reading(file: Path | None) -> Iterator[None]:
    """While a file is read; None for text that has no file."""
    token = _folder.set(file.resolve().parent if file is not None else None)
    try:
        yield
    finally:
        _folder.reset(token)


def beside(name: str) -> str:
    """The file of that name beside the scenario being read, or the name as it is."""
    folder = _folder.get()
    if folder is None or Path(name).is_absolute():
        return name
    found = folder / name
    return str(found) if found.is_file() else name
