"""The .nfg format of Gambit: payoff tables as text, in which the first player's strategy varies fastest.

NFG 1 R "title" { "player" ... } { 2 3 } ["comment"]  payoff payoff ...
NFG 1 R "title" { "player" ... } { { "strategy" ... } ... } ["comment"]
    { { "outcome" payoff ... } ... }  outcome outcome ...
"""

from __future__ import annotations

import os
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np

from .arrays import AnyArray
from .extensive_form import TreeBuilder
from .game_files import FileLimits, Tokens, quoted, read_text, told
from .normal_form import NormalFormGame

FOLLOWS = "The header's counts say how many there are."
EXACT_CELLS = 10**6  # payoffs above which a table is read in floats


def read_nfg(source: str | os.PathLike[str], *, limits: FileLimits | None = None) -> NormalFormGame:
    """A table from a file, or from its text.

    Parameters
    ----------
    source : a path; a ``str`` with a line break is the text itself.

    Raises
    ------
    GameFileError
        With file, line and column, for whatever is not a game within the limits.
    """
    limits = limits or FileLimits()
    tokens = Tokens(*read_text(source, limits), limits)
    title, players = tokens.opening("NFG")
    shape, labels = _strategies(tokens, players)
    cells = prod(shape)
    if cells * len(players) > limits.cells:
        tokens.fail(f"the header promises {'x'.join(map(str, shape[:20]))} cells.", hint=f"Up to {limits.cells:,} payoffs are read.")  # fmt: skip
    if tokens.at_string():
        tokens.next += 1  # a comment
    tokens.grammar = "payoffs of all players, cell by cell, the first player's strategy changing fastest"
    rows = _outcomes(tokens, len(players), cells) if tokens.peek() == "{" else _payoffs(tokens, len(players), cells)
    if not tokens.ended:
        tokens.next += 1
        tokens.fail(f"something follows the {cells:,} cells of the table.", hint=FOLLOWS)
    dtype: type = object if cells * len(players) <= EXACT_CELLS else np.float64
    try:
        table: AnyArray = np.array(rows, dtype=dtype)
        np.array([max(rows), min(rows)], dtype=np.float64)
    except OverflowError:
        largest = max(rows, key=abs)
        tokens.grammar = ""
        tokens.next = 1 + next(k for k, token in enumerate(tokens.all) if tokens.numbers.get(token) == largest)
        tokens.fail("a payoff is too large for a table, which is kept in floats.", hint="Up to 1e308 are read.")
    payoffs = np.stack([table[i :: len(players)].reshape(shape, order="F") for i in range(len(players))])
    return NormalFormGame(payoffs, tuple(labels), tuple(players), name=title)


def _strategies(tokens: Tokens, players: list[str]) -> tuple[tuple[int, ...], list[tuple[str, ...]]]:
    tokens.expect("{", "{ and strategies")
    labels: list[tuple[str, ...]] = []
    while tokens.peek() != "}":
        if tokens.ended:
            tokens.next += 1
            tokens.fail("the list of strategies never ends.")
        if labels and isinstance(labels[0], _Count) != (tokens.peek() != "{"):
            tokens.next += 1
            tokens.fail("counts and names of strategies are mixed.", hint="Give one kind for all players.")
        if tokens.peek() == "{":
            own = tuple(TreeBuilder._renamed(tokens.strings("names of strategies", 10**6)))
            if not own:
                tokens.fail("a player without strategies.")
            labels.append(own)
        else:
            count = tokens.whole("a number of strategies")
            if not 1 <= count <= tokens.limits.cells:
                tokens.fail(f"a player with {count:,} strategies.")
            labels.append(())
            _counts(labels, count)
        if len(labels) > len(players):
            tokens.fail(f"strategies of more than the {len(players)} players.")
    tokens.next += 1
    if len(labels) < len(players):
        tokens.fail(f"strategies of {len(labels)} players for {len(players)}.")
    shape = tuple(len(own) if not isinstance(own, _Count) else own.size for own in labels)
    if prod(shape) * len(players) > tokens.limits.cells:
        tokens.fail(f"the header promises {'x'.join(map(str, shape[:20]))} cells.", hint=f"Up to {tokens.limits.cells:,} payoffs are read.")  # fmt: skip
    return shape, [tuple(str(a + 1) for a in range(k)) if isinstance(own, _Count) else own for own, k in zip(labels, shape, strict=True)]  # fmt: skip


class _Count(tuple[str, ...]):
    """Strategies that the header only counts; names are made once the table is known to be small."""

    size: int


def _counts(labels: list[tuple[str, ...]], count: int) -> None:
    counted = _Count()
    counted.size = count
    labels[-1] = counted


def _payoffs(tokens: Tokens, players: int, cells: int) -> list[Any]:
    missing = players * cells - (len(tokens.all) - tokens.next)
    if missing < 0:
        tokens.next += players * cells + 1
        tokens.fail(f"something follows the {cells:,} cells of the table.", hint=FOLLOWS)
    if missing > 0:
        tokens.next = len(tokens.all)
        tokens.fail(f"{players * cells - missing:,} payoffs for {cells:,} cells of {players} players; {missing:,} are missing.")  # fmt: skip
    return tokens.numbers_ahead(players * cells, "a payoff", players * cells <= EXACT_CELLS)


def _outcomes(tokens: Tokens, players: int, cells: int) -> list[Fraction]:
    tokens.next += 1
    tokens.grammar = '{ { "outcome" payoff ... } ... } and then an outcome number a cell, 0 for none'
    table = [(Fraction(0),) * players]
    while tokens.peek() != "}":
        tokens.expect("{", "{ and an outcome")
        tokens.string("the outcome's name")
        table.append(tokens.payoffs(players))
    tokens.next += 1
    rows: list[Fraction] = []
    for _ in range(cells):
        number = tokens.whole("an outcome's number")
        if number >= len(table):
            tokens.fail(f"outcome {number} does not exist; there are {len(table) - 1}.")
        rows += table[number]
    return rows


def write_nfg(game: NormalFormGame, *, safe_labels: bool = False) -> str:
    """A table as text that ``read_nfg`` and Gambit read; floats are written as the exact decimals they print as.

    Parameters
    ----------
    safe_labels : p1 and 1, 2, ... in place of the game's own names.
    """
    players = [f"p{i + 1}" for i in range(game.n)] if safe_labels else list(game.players)
    head = f"NFG 1 R {quoted('game' if safe_labels else game.name)} {{ {' '.join(map(quoted, players))} }}"
    if safe_labels:
        strategies = f"{{ {' '.join(map(str, game.shape))} }}"
    else:
        strategies = "{ " + "\n".join(f"{{ {' '.join(map(quoted, own))} }}" for own in game.actions) + " }"
    table = exact_payoffs(game)
    columns = [table[i].reshape(-1, order="F") for i in range(game.n)]
    rows = "\n".join(" ".join(told(value) for value in cell) for cell in zip(*columns, strict=True))
    return f'{head}\n\n{strategies}\n""\n\n{rows}\n'


def exact_payoffs(game: NormalFormGame) -> AnyArray:
    """Payoffs as Fractions: a float stands for the decimal it prints as, so that 0.9 and 0.1 add to one."""
    if game.exact is not None:
        return game.exact
    table: AnyArray = np.empty(game.payoffs.shape, dtype=object)
    table.reshape(-1)[:] = [Fraction(repr(float(value))) for value in game.payoffs.flat]
    return table
