"""The three files of a board: a page for people, a table for spreadsheets, everything for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .leaderboard import Leaderboard

NAMES = ("leaderboard.html", "leaderboard.csv", "leaderboard.json")


def write(board: Leaderboard, directory: Path) -> list[Path]:
    """Write all three; each beside its place first, then renamed."""
    from gamesim_analysis.report.page import write as write_page

    from .page import page

    paths = [directory / name for name in NAMES]
    for path, text in zip(paths, (page(board), csv(board), as_json(board)), strict=True):
        write_page(path, text)
    return paths


def csv(board: Leaderboard) -> str:
    """One line a player; text that a spreadsheet would take for a formula gets an apostrophe."""
    from gamesim_analysis.report.reading import csv_text

    rows = board.table()
    names = tuple(dict.fromkeys(name for row in rows for name in row))
    return csv_text(names, tuple(tuple(row.get(name) for name in names) for row in rows))


def as_json(board: Leaderboard) -> str:
    """Every number of the board; what is not finite is null or the name of an infinity."""
    return json.dumps(plain(board), ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def plain(value: Any) -> Any:
    """A value as JSON."""
    if is_dataclass(value) and not isinstance(value, type):
        return {member.name: plain(getattr(value, member.name)) for member in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
