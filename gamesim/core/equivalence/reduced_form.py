"""Equality of reduced strategic forms: one table up to the names of players and strategies.

Strategies that pay the same against everything are one. Strategies are coloured by the payoffs of their profiles and
refined as nodes of a tree are in ``isomorphism``; equal tables then agree cell by cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from ..arrays import AnyArray, IntArray
from ..errors import Undecided
from ..extensive_form import ExtensiveFormGame
from ..reduced_form import reduced_table
from .isomorphism import BUDGET
from .payoffs import PayoffMode
from .players import Matching, matchings

STRATEGIES = 2_000  # a player
CELLS = 2_000_000  # of a table, times players

Images = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class ReducedMaps:
    """What stands for what among strategies.

    Attributes
    ----------
    players : player ``i`` of the first game is ``players[i]`` of the second.
    strategies : for each player of the first game, the strategy of its image that each merged strategy is.
    """

    players: Matching
    strategies: Images


def reduced_forms_agree(
    g: ExtensiveFormGame,
    h: ExtensiveFormGame,
    *,
    payoffs: PayoffMode = "exact",
    budget: int = BUDGET,
    players: Sequence[int] | None = None,
) -> ReducedMaps | None:
    """A matching of players and of merged strategies under which both tables are one, or None.

    Parameters
    ----------
    payoffs : ``exact`` or ``affine``.

    Raises
    ------
    Undecided
        If a table has more than 2,000 strategies a player or 2,000,000 payoffs, or the budget ends.
    """
    possible = matchings(g, h, players)
    if not possible:
        return None
    ids: dict[Any, int] = {}
    mine, its = (_merged(_numbers(game, payoffs, ids)) for game in (g, h))
    for matching in possible:
        images = _matched(mine, _as_first(its, matching), budget)
        if images is not None:
            return ReducedMaps(matching, images)
    return None


def verify_reduced(
    g: ExtensiveFormGame, h: ExtensiveFormGame, maps: ReducedMaps, *, payoffs: PayoffMode = "exact"
) -> bool:
    """Whether the tables agree cell by cell under the maps."""
    ids: dict[Any, int] = {}
    mine, its = (_merged(_numbers(game, payoffs, ids)) for game in (g, h))
    other = _as_first(its, maps.players)
    if mine.shape != other.shape or any(
        sorted(own) != list(range(k)) for own, k in zip(maps.strategies, mine.shape[1:], strict=True)
    ):
        return False
    return bool((mine == other[np.ix_(range(g.n), *maps.strategies)]).all())


def _as_first(table: IntArray, matching: Matching) -> IntArray:
    return np.transpose(table[list(matching)], (0, *(1 + p for p in matching)))


def _numbers(game: ExtensiveFormGame, mode: PayoffMode, ids: dict[Any, int]) -> IntArray:
    """The table with each payoff replaced by its number in a list that both games share."""
    most = max(game.strategy_count(i) for i in range(game.n))
    size = game.n
    for i in range(game.n):
        size *= game.strategy_count(i)
    if most > STRATEGIES or size > CELLS:
        raise Undecided(
            f"the reduced form has {most:,} strategies of one player and {size:,} payoffs.",
            hint=f"Up to {STRATEGIES:,} and {CELLS:,} are compared.",
        )
    table, scale = reduced_table(game)
    found = np.empty(table.shape, dtype=np.int64)
    for i in range(game.n):
        values, places = np.unique(table[i], return_inverse=True)
        exact = [Fraction(int(value), scale) for value in values]
        if mode == "affine":
            low, width = exact[0], exact[-1] - exact[0]
            exact = [(value - low) / width if width else Fraction(0) for value in exact]
        numbers = np.array([ids.setdefault(value, len(ids)) for value in exact], dtype=np.int64)
        found[i] = numbers[places.reshape(table[i].shape)]
    return found


def _merged(table: IntArray) -> IntArray:
    """Without strategies that pay everybody what an earlier one pays."""
    for axis in range(1, table.ndim):
        rows = np.moveaxis(table, axis, 0).reshape(table.shape[axis], -1)
        first: dict[bytes, int] = {}
        for k, row in enumerate(rows):
            first.setdefault(row.tobytes(), k)
        table = np.take(table, list(first.values()), axis=axis)
    return table


def _matched(mine: IntArray, its: IntArray, budget: int) -> Images | None:
    if mine.shape != its.shape:
        return None
    cells = _coded(list(mine), list(its))
    shape = mine.shape[1:]
    colours = [[np.zeros(k, dtype=np.int64) for k in shape] for _ in range(2)]
    spent = 0

    def refined(start: list[list[IntArray]]) -> list[list[IntArray]] | None:
        nonlocal spent
        spent += 1
        if spent > budget:
            raise Undecided(f"whether the reduced forms agree is not known after {budget:,} refinements.")
        classes = -1
        while True:
            start = _round(cells, start)
            if any(sorted(a) != sorted(b) for a, b in zip(*start, strict=True)):
                return None
            now = sum(len(set(a.tolist())) for a in start[0])
            if now == classes:
                return start
            classes = now

    begin = refined(colours)
    frames: list[tuple[list[list[IntArray]], int, int, list[int]]] = []
    while True:
        if begin is not None:
            part = _open_class(begin)
            if part is None:
                images = _images(begin)
                if (mine == its[np.ix_(range(len(shape)), *images)]).all():
                    return images
            else:
                frames.append((begin, *part))
        while frames and not frames[-1][3]:
            frames.pop()
        if not frames:
            return None
        held, player, member, candidates = frames[-1]
        candidate = candidates.pop(0)
        copies = [[axis.copy() for axis in side] for side in held]
        copies[0][player][member] = copies[1][player][candidate] = max(shape) * 2 + 1
        begin = refined(copies)


def _coded(mine: list[IntArray], its: list[IntArray]) -> list[IntArray]:
    """Both tables with one number a cell, equal where all payoffs are."""
    code = np.zeros(mine[0].size + its[0].size, dtype=np.int64)
    for a, b in zip(mine, its, strict=True):
        code = _paired(code, np.concatenate([a.reshape(-1), b.reshape(-1)]))
    return [code[: mine[0].size].reshape(mine[0].shape), code[mine[0].size :].reshape(its[0].shape)]


def _paired(first: IntArray, second: IntArray) -> IntArray:
    """Numbers for pairs of numbers, small again."""
    together = first * (int(second.max(initial=0)) + 1) + second
    found: IntArray = np.unique(together, return_inverse=True)[1].reshape(-1)
    return found


def _round(cells: list[IntArray], colours: list[list[IntArray]]) -> list[list[IntArray]]:
    """Each strategy by the coloured cells of its profiles."""
    shape = cells[0].shape
    code = np.concatenate([side.reshape(-1) for side in cells])
    for player in range(len(shape)):
        spread = [
            np.broadcast_to(
                side[player].reshape([-1 if axis == player else 1 for axis in range(len(shape))]), shape
            ).reshape(-1)
            for side in colours
        ]
        code = _paired(code, np.concatenate(spread))
    halves = [code[: cells[0].size].reshape(shape), code[cells[0].size :].reshape(shape)]
    found: list[list[IntArray]] = [[], []]
    for player in range(len(shape)):
        known: dict[bytes, int] = {}
        for side, half in zip(found, halves, strict=True):
            rows: AnyArray = np.sort(np.moveaxis(half, player, 0).reshape(shape[player], -1), axis=1)
            side.append(np.array([known.setdefault(row.tobytes(), len(known)) for row in rows], dtype=np.int64))
    return found


def _open_class(both: list[list[IntArray]]) -> tuple[int, int, list[int]] | None:
    best: tuple[int, int, int] | None = None
    for player, own in enumerate(both[0]):
        sizes = np.bincount(own)
        for member, colour in enumerate(own.tolist()):
            if sizes[colour] > 1 and (best is None or sizes[colour] < best[0]):
                best = (int(sizes[colour]), player, member)
    if best is None:
        return None
    _, player, member = best
    return player, member, np.flatnonzero(both[1][player] == both[0][player][member]).tolist()


def _images(both: list[list[IntArray]]) -> Images:
    found = []
    for own, other in zip(*both, strict=True):
        there = {int(colour): k for k, colour in enumerate(other)}
        found.append(tuple(there[int(colour)] for colour in own))
    return tuple(found)
