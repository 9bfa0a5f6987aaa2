"""Two hunters, a stag and two plants on a grid, as plain functions on arrays.

Each step both hunters move at once. Both on the stag's cell catch it, which earns each ``catch``; one alone is mauled and
pays ``maul``; either way the stag comes back on a cell drawn evenly. A plant gives ``plant``, shared by those on its cell,
and comes back on a cell drawn evenly. Then, with chance ``chase``, the stag steps towards the nearest hunter, the first at
ties, and whoever it meets there catches it or is mauled as before. It stays on the grid, and so do hunters who walk into a wall.

A step draws ``DRAWS`` uniforms a row: the cell of the stag after the hunters moved, those of both plants, whether the stag
moves, its choice between two ways of equal length, and its cell after it moved.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gamesim.core.arrays import BoolArray, FloatArray, IntArray

MOVES = ("stay", "north", "south", "east", "west")
STEPS = np.array([[0, 0], [-1, 0], [1, 0], [0, 1], [0, -1]])  # (row, column) of each move
STAY = 0
DRAWS = 6


@dataclass(frozen=True)
class Grid:
    """Where B games stand. Cells are (row, column), rows counted from the north, columns from the west.

    Attributes
    ----------
    hunters, plants : (B, 2, 2).
    stag : (B, 2).
    """

    hunters: IntArray
    stag: IntArray
    plants: IntArray


@dataclass(frozen=True)
class Payoffs:
    catch: float
    maul: float
    plant: float


@dataclass(frozen=True)
class Happened:
    """What a step did: caught by both, (B,), how often; mauled, (B, 2), how often; eaten plants, (B,); rewards, (B, 2)."""

    caught: IntArray
    mauled: IntArray
    eaten: IntArray
    reward: FloatArray


def starts(size: int, rows: int) -> Grid:
    """Hunters in opposite corners, plants in the others, the stag in the middle."""
    end = size - 1
    hunters = np.tile(np.array([[0, 0], [end, end]]), (rows, 1, 1))
    plants = np.tile(np.array([[0, end], [end, 0]]), (rows, 1, 1))
    return Grid(hunters, np.full((rows, 2), size // 2), plants)


def cells(size: int, u: FloatArray) -> IntArray:
    """Cells drawn evenly by uniforms of any shape; the last axis of what comes back is (row, column)."""
    number = np.minimum((u * size * size).astype(np.int64), size * size - 1)
    return np.stack(np.divmod(number, size), axis=-1)


def distance(a: IntArray, b: IntArray) -> IntArray:
    """Steps from cell to cell."""
    return np.asarray(np.abs(a - b).sum(axis=-1))


def towards(start: IntArray, goal: IntArray, coin: FloatArray) -> IntArray:
    """The move, an index of ``MOVES``, along a shortest way; where there are two, a coin below 1/2 goes north or south."""
    down, right = np.moveaxis(goal - start, -1, 0)
    vertical = (down != 0) & ((right == 0) | (coin < 0.5))
    along = np.where(down < 0, 1, 2)
    across = np.where(right > 0, 3, np.where(right < 0, 4, STAY))
    return np.asarray(np.where(vertical, along, across))


def moved(cell: IntArray, move: IntArray, size: int) -> IntArray:
    """Where a move leads; a wall leaves one where one is."""
    return np.asarray(np.clip(cell + STEPS[move], 0, size - 1))


def advance(grid: Grid, moves: IntArray, u: FloatArray, size: int, chase: float, pay: Payoffs) -> tuple[Grid, Happened]:
    """One step.

    Parameters
    ----------
    moves : (B, 2), indices of ``MOVES``.
    u : (B, DRAWS).
    """
    hunters = moved(grid.hunters, moves, size)
    always = np.ones(len(hunters), dtype=bool)
    stag, caught, mauled = _meet(hunters, grid.stag, always, cells(size, u[:, 0]))
    reward = pay.catch * caught[:, None] - pay.maul * mauled
    plants, eaten = grid.plants.copy(), np.zeros(len(hunters), dtype=np.int64)
    for k in range(2):
        there = (hunters == plants[:, None, k]).all(axis=-1)
        eaters = there.sum(axis=1)
        reward = reward + pay.plant * there / np.maximum(eaters, 1)[:, None]
        plants[:, k] = np.where((eaters > 0)[:, None], cells(size, u[:, 1 + k]), plants[:, k])
        eaten += eaters > 0
    walks = u[:, 3] < chase
    far = distance(hunters, stag[:, None])
    nearest = hunters[np.arange(len(hunters)), (far[:, 1] < far[:, 0]).astype(np.int64)]
    stag = np.where(walks[:, None], moved(stag, towards(stag, nearest, u[:, 4]), size), stag)
    stag, again, more = _meet(hunters, stag, walks, cells(size, u[:, 5]))
    reward = reward + pay.catch * again[:, None] - pay.maul * more
    return Grid(hunters, stag, plants), Happened(caught + again, mauled + more, eaten, reward)


def _meet(hunters: IntArray, stag: IntArray, counts: BoolArray, anew: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Who stands on the stag's cell: the stag's next cell, whether it was caught (B,), who was mauled (B, 2)."""
    there = (hunters == stag[:, None]).all(axis=-1) & counts[:, None]
    caught = there.all(axis=1)
    mauled = there & ~caught[:, None]
    return (
        np.where(there.any(axis=1)[:, None], anew, stag),
        caught.astype(np.int64),
        mauled.astype(np.int64),
    )
