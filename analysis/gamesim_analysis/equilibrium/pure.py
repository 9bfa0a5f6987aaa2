"""All pure equilibria, by comparing every cell of the table with its row and column."""

from __future__ import annotations

from math import prod
from typing import Any

from gamesim.core.extensive_form import ExtensiveFormGame
from gamesim.core.profiles import pure
from gamesim.core.solution import Limits
from gamesim.core.symmetric import SymmetricGame

from .method import Found, Method, back, is_formal, table_of

NAMELESS = "Players are alike and too many for a table: equilibria that differ only in who plays what are listed once."


def _check(game: Any, concept: str) -> str:
    reason = is_formal(game)
    if reason or not isinstance(game, ExtensiveFormGame):
        return reason
    cells = game.n * prod(game.strategy_count(i) for i in range(game.n))
    return f"its table would hold {cells:,} payoffs" if cells > Limits().cells else ""


def _run(game: Any, *, concept: str, limits: Limits) -> Found:
    by_counts = isinstance(game, SymmetricGame) and game.n * prod(game.shape) > limits.cells
    table = game if by_counts else table_of(game, limits)
    cells = table.pure_equilibria()
    kept = cells[: limits.equilibria]
    over = len(cells) > len(kept)
    return Found(
        back(game, [pure(table.shape, cell) for cell in kept]),
        covers="pure",
        complete=not over,
        selection="all, in the order of actions",
        notes=[
            *([NAMELESS] if by_counts else []),
            *([f"{len(cells):,} pure equilibria; the first {len(kept):,} are listed."] if over else []),
        ],
        stopped="count" if over else None,
    )


enumpure = Method(
    "enumpure",
    frozenset({"nash", "pure"}),
    "All pure equilibria of any game whose table fits.",
    _check,
    _run,
    suits="tables up to the limit of cells",
    covers="pure",
    complete="yes",
)
