"""Tables of payoffs as text: bare matrices, mappings with names, comma-separated rows.

A mapping holds ``payoffs`` (numbers, or text such as "1/3") with optional ``players`` and ``actions``:

    players: [Row, Column]
    actions: [[up, down], [left, right]]
    payoffs: [[[1, -1], [-1, 1]], [[-1, 1], [1, -1]]]      # by player, then by each player's action

A preference game holds ``preferences``, the probability that the row is preferred to the column, with optional
``reference``, ``beta`` and ``actions``.

A .csv holds one matrix of the row player, who plays against the column player for these stakes (zero-sum), or two matrices
with an empty line between them, or two numbers in each cell (``3 0`` or ``3; 0``). A first row or column of names is kept.

    >>> read_csv("3 3,0 5\\n5 0,1 1\\n").payoffs[1]
    array([[3., 5.],
           [0., 1.]])
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from gamesim.core.errors import GameFileError, clean, did_you_mean
from gamesim.core.game_files import FileLimits, Tokens
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.preference_game import BETA, PreferenceGame

from .expand import items

KEYS = ("payoffs", "players", "actions", "name", "title")
PREFERENCE_KEYS = ("preferences", "reference", "beta", "actions", "name", "title")


def from_list(data: list[Any], where: str, limits: FileLimits) -> NormalFormGame:
    """A matrix, one table a player, or a table of payoff vectors."""
    return from_mapping({"payoffs": _by_player(data)}, where, limits)


def from_mapping(data: Mapping[str, Any], where: str, limits: FileLimits) -> NormalFormGame:
    """A table with names."""
    _only(data, KEYS, where)
    try:
        payoffs = np.array(_exact(data["payoffs"], "payoff", where, limits), dtype=object)
        if any(isinstance(value, list) for value in payoffs.flat):
            raise ValueError
        return NormalFormGame(
            payoffs,
            tuple(tuple(str(a) for a in items(own)) for own in items(data.get("actions"))),
            tuple(str(p) for p in items(data.get("players"))),
            name=str(data.get("name") or data.get("title") or ""),
        )
    except ValueError:
        raise GameFileError("rows of the payoffs differ in length.", where=where) from None
    except GameFileError as error:
        raise GameFileError(error.message, where=error.where or where, path=error.path, hint=error.hint) from None


def preferences(data: Mapping[str, Any], where: str, limits: FileLimits) -> PreferenceGame:
    """``preferences`` by row and column with optional ``reference``, ``beta`` and ``actions``."""
    _only(data, PREFERENCE_KEYS, where)
    given, beta = data.get("reference"), data.get("beta", BETA)
    try:
        return PreferenceGame(
            np.array(_exact(data["preferences"], "preference", where, limits), dtype=object),
            None if given is None else np.array(_exact(given, "reference", where, limits), dtype=np.float64),
            float(_exact(beta, "beta", where, limits)),
            tuple(str(a) for a in data.get("actions") or ()),
            name=str(data.get("name") or data.get("title") or ""),
        )
    except (TypeError, ValueError):
        raise GameFileError("rows of the preferences differ in length.", where=where) from None
    except GameFileError as error:
        raise GameFileError(error.message, where=error.where or where, path=error.path, hint=error.hint) from None


def _only(data: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    unknown = sorted(set(data) - set(known))
    if unknown:
        hint = did_you_mean(str(unknown[0]), known) or f"Keys: {', '.join(known[:-1])}."
        raise GameFileError(f"unknown key '{clean(unknown[0], 40)}'.", where=where, hint=hint)


def _exact(value: Any, what: str, where: str, limits: FileLimits) -> Any:
    """A number, or nested lists of numbers, in Fractions."""
    reader = Tokens("", where, limits)

    def exact(value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return [exact(item) for item in value]
        if isinstance(value, Mapping):
            hint = "Lists within lists: by player, then by each player's action. Names stand under players and actions."
            raise GameFileError(f"a mapping among the {what}s.", where=where, hint=hint)
        if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
            raise GameFileError(f"the {what} '{clean(value, 40)}' is no number.", where=where)
        if isinstance(value, (float, Decimal)) and not math.isfinite(value):
            raise GameFileError(f"the {what} {value} is not finite.", where=where)
        try:
            return Fraction(value) if isinstance(value, int) else reader._number(str(value).strip(), f"a {what}")
        except GameFileError as error:
            path = f"{what}s" if what in ("payoff", "preference") else what
            raise GameFileError(error.message, where=where, path=path, hint=error.hint) from None

    return exact(value)


def _by_player(data: list[Any]) -> list[Any]:
    """``payoffs`` of a bare list: one matrix is zero-sum, a list of players' tables stays, cells of payoffs are turned."""
    shape = np.array(data, dtype=object).shape if data else ()
    if len(shape) == 2:
        return [data, [[_minus(value) for value in row] for row in data]]
    if len(shape) >= 3 and shape[0] != len(shape) - 1 and shape[-1] == len(shape) - 1:
        turned: list[Any] = np.moveaxis(np.array(data, dtype=object), -1, 0).tolist()
        return turned
    return data


def _minus(value: Any) -> Any:
    """The negative of a number, or of the text of one."""
    if isinstance(value, str):
        return value[1:] if value.startswith("-") else f"-{value}"
    return -value if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool) else value


def _ragged(blocks: list[list[tuple[int, list[str]]]], where: str) -> GameFileError:
    """Which row is longer or shorter than the first of its matrix; or that two matrices differ in size."""
    for (first, head), *rest in blocks:
        for line, row in rest:
            if len(row) != len(head):
                return GameFileError(
                    f"rows differ in length: {len(row)} here, {len(head)} in line {first}.", where=f"{where}:{line}"
                )
    return GameFileError("the two matrices differ in size.", where=where)


def read_csv(text: str, where: str = "text", limits: FileLimits | None = None) -> NormalFormGame:
    """A two-player game from comma-separated text; see the head of this module.

    Raises
    ------
    GameFileError
        With line and column of what is no number.
    """
    limits = limits or FileLimits()
    reader = Tokens("", where, limits)
    blocks: list[list[tuple[int, list[str]]]] = [[]]
    delimiter = next((mark for mark in ("\t", ",", ";") if mark in text), ",")
    try:
        for line, row in enumerate(csv.reader(text.splitlines(), delimiter=delimiter, skipinitialspace=True), 1):
            if any(cell.strip() for cell in row):
                blocks[-1].append((line, [cell.strip() for cell in row]))
            elif blocks[-1]:
                blocks.append([])
    except csv.Error as error:
        raise GameFileError(f"not readable as CSV: {clean(error)}.", where=where) from None
    blocks = [block for block in blocks if block]
    if not 1 <= len(blocks) <= 2:
        raise GameFileError(f"{len(blocks)} matrices.", where=where, hint="One (zero-sum), or two with an empty line between them.")  # fmt: skip
    labels: list[tuple[tuple[str, ...], ...]] = []
    matrices: list[list[list[list[Fraction]]]] = []
    for block in blocks:
        rows, own = _without_labels(block)
        labels.append(own)
        matrices.append([[_cell(cell, reader, f"{where}:{line}:{k + 1}") for k, cell in enumerate(row)] for line, row in rows])  # fmt: skip
    widths = {len(row) for matrix in matrices for row in matrix}
    if len(widths) != 1 or len({len(matrix) for matrix in matrices}) != 1:
        raise _ragged(blocks, where)
    depth = {len(cell) for matrix in matrices for row in matrix for cell in row}
    if len(matrices) == 2 or depth == {1}:
        if depth != {1}:
            raise GameFileError("two matrices hold one number a cell.", where=where)
        first = [[cell[0] for cell in row] for row in matrices[0]]
        second = [[cell[0] for cell in row] for row in matrices[1]] if len(matrices) == 2 else [[-v for v in row] for row in first]  # fmt: skip
    elif depth == {2}:
        first, second = ([[cell[k] for cell in row] for row in matrices[0]] for k in range(2))
    else:
        raise GameFileError("cells hold one number, or two.", where=where, hint="Such as 3 or '3 0'.")
    payoffs = np.empty((2, len(first), len(first[0])), dtype=object)
    payoffs[0], payoffs[1] = first, second
    return NormalFormGame(payoffs, labels[0] if all(labels[0]) and labels[0] else ())


def _parts(cell: str) -> list[str]:
    """The numbers of a cell, as text."""
    return re.split(r"[\s;|,]+", cell.strip("() ")) if cell.strip("() ") else []


def _is_number(cell: str) -> bool:
    parts = _parts(cell)
    return bool(parts) and all(re.fullmatch(r"[-+]?[\d./]+([eE][-+]?\d+)?", part) for part in parts)


def _without_labels(
    block: Sequence[tuple[int, list[str]]],
) -> tuple[list[tuple[int, list[str]]], tuple[tuple[str, ...], ...]]:
    """A block without its names, and the names of rows and columns; numbered where only one side has them."""
    rows = [(line, list(row)) for line, row in block]
    first = rows[0][1]
    named_columns = len(rows) > 1 and all(first[1:]) and not any(_is_number(cell) for cell in first)
    head = rows.pop(0)[1] if named_columns else []
    named_rows = all(len(row) > 1 and not _is_number(row[0]) for _, row in rows)
    left = [row.pop(0) for _, row in rows] if named_rows else []
    if named_rows and head and len(head) == len(rows[0][1]) + 1:
        head = head[1:]
    if not head and not left:
        return rows, ()
    columns = tuple(head) if len(head) == len(rows[0][1]) else tuple(str(k) for k in range(len(rows[0][1])))
    return rows, (tuple(left) if left else tuple(str(k) for k in range(len(rows))), columns)


def _cell(cell: str, reader: Tokens, where: str) -> list[Fraction]:
    parts = _parts(cell)
    if not parts:
        raise GameFileError("an empty cell.", where=where, hint="Every cell holds a payoff.")
    try:
        return [reader._number(part, "a payoff") for part in parts]
    except GameFileError as error:
        raise GameFileError(error.message, where=where, hint=error.hint) from None
