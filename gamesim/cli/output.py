"""What a command says: the result on standard output, everything else on standard error.

As text a result is lines and aligned tables; with ``--json`` it is one object. Text from files, models and agents loses its
control characters before it is printed. Nothing is coloured where nobody looks, or where ``NO_COLOR`` is set.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TextIO

from gamesim.core.errors import clean

WIDTH = 140  # of tables where no terminal says how wide it is


@dataclass
class Output:
    """Where a command writes, as its common flags say.

    Attributes
    ----------
    json : one object on standard output.  quiet : no notes and no progress.  verbose : more of both.
    store : the directory of runs, where the command reads or writes runs.
    progress : ``auto, bars, plain, json`` or ``none``.
    exit : the exit code of the command.
    """

    command: str = ""
    json: bool = False
    quiet: bool = False
    verbose: bool = False
    no_color: bool = False
    store: str | None = None
    progress: str = "auto"
    exit: int = 0
    warnings: list[str] = field(default_factory=list)

    # ---- results ---------------------------------------------------------------------------------------------------

    def say(self, text: str = "") -> None:
        """A line of the result; nothing with ``--json``, whose object says it."""
        if not self.json:
            print(text)

    def table(
        self,
        columns: Sequence[str],
        rows: Iterable[Sequence[Any]],
        *,
        right: Sequence[str] = (),
        keep: int = 1,
        limit: int = 60,
    ) -> None:
        """Aligned columns.

        Parameters
        ----------
        right : columns to align to the right.
        keep : columns repeated at the left where a table is folded because it is too wide.
        limit : longest cell.
        """
        if not self.json:
            for line in table_lines(
                columns, rows, right=right, keep=keep, limit=limit, width=self.width, bold=self.colored
            ):
                print(line)

    def finish(self, data: Mapping[str, Any]) -> None:
        """End with a result; with ``--json`` print it."""
        if self.json:
            told = {"command": self.command, **data}
            if self.warnings:
                told["warnings"] = self.warnings
            print(as_json({**told, "exit": self.exit}))

    # ---- beside the result -----------------------------------------------------------------------------------------

    def note(self, text: str) -> None:
        """Something worth knowing, on standard error."""
        if not self.quiet:
            print(text, file=sys.stderr)

    def warn(self, text: str) -> None:
        self.warnings.append(text)
        if not self.quiet:
            print(f"{self.paint('warning:', '33', sys.stderr)} {clean(text, 400)}", file=sys.stderr)

    # ---- the terminal ----------------------------------------------------------------------------------------------

    @property
    def colored(self) -> bool:
        return not self.no_color and may_color(sys.stdout)

    @property
    def width(self) -> int:
        return shutil.get_terminal_size((WIDTH, 40)).columns if sys.stdout.isatty() else WIDTH

    def paint(self, text: str, code: str, stream: TextIO) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if not self.no_color and may_color(stream) else text


def may_color(stream: TextIO) -> bool:
    """Whether escape sequences are wanted there."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def table_lines(
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    right: Sequence[str] = (),
    keep: int = 1,
    limit: int = 60,
    width: int = WIDTH,
    bold: bool = False,
) -> list[str]:
    """A table as lines, folded into several below one another where it is wider than ``width``."""
    cells = [[clean(cell if cell is not None else "", limit) for cell in row] for row in rows]
    heads = [clean(name, limit) for name in columns]
    widths = [max([len(head), *(len(row[index]) for row in cells)]) for index, head in enumerate(heads)]
    lines: list[str] = []
    for group in _groups(widths, keep, width):
        if lines:
            lines.append("")
        for number, row in enumerate([heads, *cells]):
            parts = [
                row[index].rjust(widths[index]) if columns[index] in right else row[index].ljust(widths[index])
                for index in group
            ]
            line = "  ".join(parts).rstrip()
            lines.append(f"\x1b[1m{line}\x1b[0m" if bold and number == 0 else line)
    return lines


def fitting(columns: Sequence[str], rows: Sequence[Sequence[Any]], keep: int, width: int) -> int:
    """How many columns stand beside one another before a table is folded."""
    widths = [max([len(str(name)), *(len(str(row[index])) for row in rows)]) for index, name in enumerate(columns)]
    return len(_groups(widths, keep, width)[0])


def _groups(widths: Sequence[int], keep: int, width: int) -> list[list[int]]:
    """Columns that fit beside one another, the first ``keep`` in each group."""
    fixed = list(range(min(keep, len(widths))))
    room = width - sum(widths[index] + 2 for index in fixed)
    groups: list[list[int]] = []
    current: list[int] = []
    used = 0
    for index in range(len(fixed), len(widths)):
        if current and used + widths[index] + 2 > room:
            groups.append(fixed + current)
            current, used = [], 0
        current.append(index)
        used += widths[index] + 2
    return [*groups, fixed + current]


def number(value: Any, digits: int = 3) -> str:
    """A figure for reading: ``digits`` significant digits, thousands marked, nothing for no value."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    if isinstance(value, float):
        if value == 0:
            return "0"
        size = math.floor(math.log10(abs(value)))
        if size >= 6 or size < -4:
            return f"{value:.{digits - 1}e}"
        return f"{value:,.{max(0, digits - 1 - size)}f}"
    return clean(value, 60)


def estimate(mean: Any, lower: Any, upper: Any) -> str:
    """Such as ``0.38 [0.14, 0.69]``; the mean alone where there is no interval."""
    if mean is None or (isinstance(mean, float) and math.isnan(mean)):
        return ""
    if lower is None or upper is None or lower != lower or upper != upper:
        return number(float(mean))
    width = abs(float(upper) - float(lower))
    places = 2 if width == 0 else min(6, max(0, 1 - math.floor(math.log10(width))))
    return f"{float(mean):,.{places}f} [{float(lower):,.{places}f}, {float(upper):,.{places}f}]"


def as_json(data: Any) -> str:
    """One line of JSON; what has no JSON form becomes null (NaN) or text."""
    return json.dumps(_plain(data), ensure_ascii=True, allow_nan=False, sort_keys=False)


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (str, int)):
        return value
    if hasattr(value, "tolist"):  # numpy
        return _plain(value.tolist())
    return str(value)
