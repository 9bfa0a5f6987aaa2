"""The scenarios that come with the distribution, found by name as well as by path."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from gamesim.core.errors import ScenarioError, clean, did_you_mean

SUFFIXES = (".yaml", ".yml")


@cache
def packaged_root() -> Path | None:
    """``gamesim/_scenarios`` of a wheel, or the repository's ``scenarios`` of an editable install."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "_scenarios", package.parent / "scenarios"):
        if folder.is_dir():
            return folder
    return None


def packaged_names() -> list[str]:
    """Such as ``commons/first_steps``; files whose folder or own name starts with an underscore or ``defaults`` are parts."""
    root = packaged_root()
    if root is None:
        return []
    found = (path.relative_to(root) for suffix in SUFFIXES for path in root.rglob(f"*{suffix}"))
    return sorted(
        path.with_suffix("").as_posix()
        for path in found
        if not any(part.startswith(("_", ".")) or part == "defaults" for part in path.parts)
    )


def find_scenario(source: str | Path) -> Path:
    """The file meant: a path that exists, or the name of a packaged scenario.

    Raises
    ------
    ScenarioError
        When there is no such file, with the nearest name.
    """
    path = Path(source)
    shown = clean(source)
    try:
        if path.is_file() or path.is_dir():
            return path
        root = packaged_root()
        if root is not None and not path.is_absolute() and ".." not in path.parts:
            for candidate in (root / path, *(root / f"{path}{suffix}" for suffix in SUFFIXES)):
                if candidate.is_file():
                    return candidate
    except (OSError, ValueError):
        raise ScenarioError("no such file.", where=shown) from None
    if path.exists():
        return path  # a device or a pipe; reading it is refused with its own message
    wanted = path.with_suffix("").as_posix().removeprefix("scenarios/") if path.suffix in SUFFIXES else str(source)
    meant = did_you_mean(wanted, packaged_names())
    raise ScenarioError("no such file.", where=shown, hint=meant or "See: gamesim list scenarios.")
