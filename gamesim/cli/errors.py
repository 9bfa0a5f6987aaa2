"""How a command ends: exit codes, errors in one line each, and a file about a bug of ours.

0 done   1 the question's answer is no   2 bad input   3 not installed or not available   4 finished, but units failed
5 stopped by a limit, resumable   6 store or record trouble   70 a bug of ours   129, 130, 143 interrupted, resumable
"""

from __future__ import annotations

import os
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from gamesim.core.errors import GamesimError, ReplayMismatchError, clean, split_place

from .output import Output, as_json

BUG = 70
_SECRET = ("KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL")


class UsageError(GamesimError):
    """A command line that cannot be read."""

    exit_code = 2


def exit_code(error: BaseException) -> int:
    if isinstance(error, ReplayMismatchError):
        return 1
    code = getattr(error, "exit_code", BUG)
    return int(code) if isinstance(code, int) else BUG


def together(error: GamesimError) -> list[GamesimError]:
    """The error and those it reports with itself."""
    return [error, *getattr(error, "others", ())]


def report(error: GamesimError, out: Output) -> int:
    """Say what went wrong: lines on standard error, or one object on standard output."""
    code = exit_code(error)
    if out.json:
        told = [{**one.as_dict(), "exit": code} for one in together(error)]
        data: dict[str, Any] = {"command": out.command, "error": told[0]}
        if len(told) > 1:
            data["errors"] = told
        if getattr(error, "more", 0):
            data["more"] = error.more  # type: ignore[attr-defined]
        print(as_json({**data, "exit": code}))
    else:
        for one in together(error):
            for line in error_lines(one, out):
                print(line, file=sys.stderr)
        if getattr(error, "more", 0):
            print(f"... and {error.more} more.", file=sys.stderr)  # type: ignore[attr-defined]
    if out.verbose:
        traceback.print_exception(error, file=sys.stderr)
    return code


def error_lines(error: GamesimError, out: Output) -> list[str]:
    """``TYPE: place: path: what came.``; on a terminal also the line of the source, and a caret."""
    name = type(error).__name__
    text = str(error)
    lines = [f"{out.paint(name, '1;31', sys.stderr)}: {_one_line(text)}"]
    if sys.stderr.isatty():
        lines += _source_lines(error)
    return lines


def _one_line(text: str) -> str:
    return clean(text, 2000)


def _source_lines(error: GamesimError) -> list[str]:
    file, line, column = split_place(error.where)
    if file is None or line is None or column is None:
        return []
    try:
        path = Path(file)
        if not path.is_file() or path.stat().st_size > 1 << 20:
            return []
        rows = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    except OSError:
        return []
    if not 1 <= line <= len(rows):
        return []
    source = clean(rows[line - 1].replace("\t", " "), 100_000)
    start = max(0, column - 60)
    return [f"  {source[start : start + 110]}", f"  {' ' * (column - 1 - start)}^"]


def bug(error: BaseException, out: Output, argv: list[str]) -> int:
    """A mistake of ours: write what happened, without secrets, and say where."""
    trace = without_secrets("".join(traceback.format_exception(error)))
    path = _write_crash(trace, argv)
    what = f"a bug of gamesim: {type(error).__name__}. {_where_to_look(path)}"
    if out.json:
        told = {"type": "InternalError", "message": what, "file": str(path) if path else None, "exit": BUG}
        print(as_json({"command": out.command, "error": told, "exit": BUG}))
    else:
        print(f"{out.paint('InternalError', '1;31', sys.stderr)}: {clean(what, 500)}", file=sys.stderr)
    if out.verbose:
        print(trace, file=sys.stderr)
    return BUG


def _where_to_look(path: Path | None) -> str:
    return f"Please report it with {path}." if path else "Please report it; --verbose shows the trace."


def without_secrets(text: str) -> str:
    """A text in which the values of key-like environment variables, and keys of models in any form, are covered."""
    from gamesim.run.models.redact import redacted

    for name, value in os.environ.items():
        if len(value) >= 8 and any(word in name.upper() for word in _SECRET):
            text = text.replace(value, f"<{name}>")
    return redacted(text)


def _write_crash(trace: str, argv: list[str]) -> Path | None:
    import platform
    import tempfile

    from gamesim import __version__

    said = without_secrets(" ".join(argv))
    text = (
        f"gamesim {__version__}, Python {platform.python_version()}, {platform.platform()}\ngamesim {said}\n\n{trace}"
    )
    name = f"crash-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    for folder in (Path.cwd(), Path(tempfile.gettempdir())):
        try:
            path = folder / name
            path.write_text(text, encoding="utf-8")
            path.chmod(0o600)
            return path
        except OSError:
            continue
    return None
