"""Levine's hats: everybody wears a stack of hats and sees all stacks but the own; all win if each names a black hat of its own.

n players wear h hats each, every hat black with probability p (1/2), independently. Player i sees the others' stacks and
names a position a_i of its own; nobody may speak. All get 1 if every named hat is black, else 0. V_{n,h} is the best that a
team can expect. Naming without looking gives p^n. With two players:

- *first black*: name the position of the first black hat that you see. Both are black exactly when both name the same
  position, so it is worth p^2 (1 - q^h) / (1 - q), q = (1-p)^2, which is 1/3 for p = 1/2 and unbounded stacks.
- *block reset*: cut the stacks into blocks of B hats; a player skips a block in which it sees one colour only and names
  f(block) in the first block it keeps. With c = 2^B - 2 and M pairs of kept blocks won by f and g, it is worth
  (M + c) / (4^B - 4) for p = 1/2 and unbounded stacks: a player who keeps a block that the other skips meets a hat as good as
  any, and where both skip, the game begins again. B = 3 reaches 7/20 [1]_; ``BLOCKS`` holds the best tables we know.

What is known of V_{2,h} for p = 1/2: 4^h V is 1, 5, 22 for h = 1, 2, 3 (every strategy of one side was tried). For h = 4, 5, 6
strategies with 89, 358 and 1433 were found, and nothing better is ruled out; these are lower bounds. No upper bound is claimed
for any larger stack, nor for unbounded ones; with uncountable stacks the value is 1/2 [1]_. 7/20 was reached before [1]_ by
the strategy they call S3.

References
----------
.. [1] "Analytical framework for the Levine hats problem", arXiv 2508.01737 v2.
.. [2] Buhler et al., "Hat guessing games", arXiv 1407.4711.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import product

import numpy as np

from gamesim.core.arrays import AnyArray, IntArray
from gamesim.core.errors import ScenarioError, SolverLimitError
from gamesim.core.team_game import TeamGame
from gamesim.envs.commons.stage_games import Number, exact

ENTRIES = 10**6  # states times joint actions of the largest game that is written out


def levine_hats(players: int = 2, hats: int = 3, black: Number = "1/2") -> TeamGame:
    """Levine's hats as a team game, exact.

    A signal is what is seen, one digit a hat from the top, 1 for black, the others' stacks in their order; it is numbered
    as that binary number.

    Raises
    ------
    SolverLimitError
        If states times joint actions are more than a million.

    Examples
    --------
    >>> game = levine_hats(hats=2)
    >>> game.signals[0], str(game.value(([0, 1, 0, 0], [0, 1, 0, 0])))       # first black: 1/4 (1 + 1/4)
    (('00', '01', '10', '11'), '5/16')
    """
    n, h, p = _whole(players, "players", 1), _whole(hats, "hats", 1), probability(black)
    if n * h > 20 or 2 ** (n * h) * h**n > ENTRIES:
        raise SolverLimitError(
            f"{n} players with {h} hats each are more than {ENTRIES:,} cases.",
            hint="For two players up to 7 hats are written out.",
        )
    worn = np.array(list(product((0, 1), repeat=n * h)), dtype=np.int64).reshape(-1, n, h)
    every = 2 ** np.arange((n - 1) * h)[::-1]
    seen = np.stack([np.delete(worn, i, axis=1).reshape(len(worn), -1) @ every for i in range(n)], axis=1)
    blacks = worn.sum(axis=(1, 2)).tolist()
    chances = np.array([p**b * (1 - p) ** (n * h - b) for b in blacks], dtype=object)
    labels = tuple("/".join(map("".join, _parts(digits, h))) for digits in product("01", repeat=(n - 1) * h))
    return TeamGame(
        chances, seen, _won(worn), (labels,) * n, (tuple(str(a + 1) for a in range(h)),) * n, name="levine_hats"
    )


def block_game(block: int, black: Number = "1/2") -> TeamGame:
    """What two players meet in a block that both keep: two stacks of ``block`` hats, neither of one colour.

    Signals are what is seen, in the order of ``kept_blocks``. Its value times the squared number of kept blocks is M.

    Examples
    --------
    >>> f = BLOCKS[3][0]
    >>> int(block_game(3).value((f, f)) * 36)
    15
    """
    size, p = _whole(block, "block", 2), probability(black)
    kept = kept_blocks(size)
    weight = np.array([p ** int(b) * (1 - p) ** (size - int(b)) for b in kept.sum(axis=1)], dtype=object)
    first, second = (axis.ravel() for axis in np.meshgrid(range(len(kept)), range(len(kept)), indexing="ij"))
    labels = tuple("".join(map(str, row)) for row in kept.tolist())
    positions = tuple(str(a + 1) for a in range(size))
    return TeamGame(
        weight[first] * weight[second] / weight.sum() ** 2,
        np.stack([second, first], axis=1),  # who wears the first stack sees the second
        _won(np.stack([kept[first], kept[second]], axis=1)),
        (labels,) * 2,
        (positions,) * 2,
        name=f"blocks of {size} hats",
    )


def kept_blocks(block: int) -> IntArray:
    """Blocks of two colours as binary numbers in rising order, shape (2^B - 2, B); 1 is black.

    Examples
    --------
    >>> kept_blocks(2).tolist()
    [[0, 1], [1, 0]]
    """
    return np.array(list(product((0, 1), repeat=block)), dtype=np.int64)[1:-1]


def independent_value(players: int, black: Number = "1/2") -> Fraction:
    """What naming without looking is worth.

    Examples
    --------
    >>> str(independent_value(2))
    '1/4'
    """
    return probability(black) ** players


def first_black_value(black: Number = "1/2", hats: int | None = None) -> Fraction:
    """What two players get who name the first black hat they see, any hat where they see none; unbounded stacks by default.

    Examples
    --------
    >>> str(first_black_value()), str(first_black_value(hats=3))
    ('1/3', '21/64')
    """
    p = probability(black)
    left = (1 - p) ** 2
    return p**2 * (1 - (left**hats if hats is not None else 0)) / (1 - left)


def block_reset_value(block: int, wins: Fraction | None = None, black: Number = "1/2") -> Fraction:
    """What block reset is worth with unbounded stacks.

    With q = p^B + (1-p)^B the chance that a block is of one colour, it is worth
    ((1-q)^2 wins + 2 (1-q) p^(B+1)) / (1 - q^2).

    Parameters
    ----------
    wins : chance to win in a block that both keep; by default that of ``BLOCKS``.

    Examples
    --------
    >>> [str(block_reset_value(b)) for b in (2, 3, 4, 5)]
    ['1/3', '7/20', '22/63', '7/20']
    """
    p = probability(black)
    if wins is None:
        wins = block_game(block, black).value(block_tables(block))
    q = p**block + (1 - p) ** block
    return ((1 - q) ** 2 * wins + 2 * (1 - q) * p ** (block + 1)) / (1 - q**2)


def block_tables(block: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Positions that the first and the second player name in each kept block.

    Raises
    ------
    ScenarioError
        For a block that has no table here.
    """
    if block not in BLOCKS:
        raise ScenarioError(f"there is no table for blocks of {block} hats.", hint=f"Blocks: {', '.join(map(str, BLOCKS))}.")  # fmt: skip
    return BLOCKS[block]


@dataclass(frozen=True)
class Ceiling:
    """A score to hold a team's against.

    Attributes
    ----------
    kind : ``exact``: what that strategy, or the best one, is worth; ``lower bound``: somebody reached it, and better is not
        ruled out.
    """

    name: str
    value: Fraction
    kind: str


KNOWN = {1: 1, 2: 5, 3: 22, 4: 89, 5: 358, 6: 1433}  # 4^h V_{2,h} for p = 1/2; exact up to PROVED, else reached
PROVED = 3
BEST = "best known for this stack"


def ceilings(players: int, hats: int, black: Number = "1/2") -> tuple[Ceiling, ...]:
    """Scores of a team of that size: without looking, first black, the best known at this stack and with unbounded ones.

    Examples
    --------
    >>> [(c.name, str(c.value), c.kind) for c in ceilings(2, 3)]
    [('without looking', '1/4', 'exact'), ('first black', '21/64', 'exact'), ('best known for this stack', '11/32', 'exact'),
     ('first black, unbounded stacks', '1/3', 'exact'), ('best known, unbounded stacks', '7/20', 'lower bound')]
    """
    p = probability(black)
    found = [Ceiling("without looking", independent_value(players, p), "exact")]
    if players == 2:
        found.append(Ceiling("first black", first_black_value(p, hats), "exact"))
        if p == Fraction(1, 2):
            if hats in KNOWN:
                kind = "exact" if hats <= PROVED else "lower bound"
                found.append(Ceiling(BEST, Fraction(KNOWN[hats], 4**hats), kind))
            found.append(Ceiling("first black, unbounded stacks", first_black_value(), "exact"))
            found.append(Ceiling("best known, unbounded stacks", Fraction(7, 20), "lower bound"))
    return tuple(found)


def probability(black: Number) -> Fraction:
    """The chance of black as a fraction.

    Raises
    ------
    ScenarioError
        If it is not between 0 and 1.
    """
    try:
        p = exact(black)
    except (ValueError, ZeroDivisionError):
        raise ScenarioError(f"'{black}' is no number.", path="black") from None
    if not 0 < p < 1:
        raise ScenarioError(f"{black} is no chance of a black hat.", path="black", hint="Between 0 and 1.")
    return p


def _won(worn: AnyArray) -> AnyArray:
    """1 where all named hats are black, for every state (W, n, h) and all positions: shape (W, h, ..., h)."""
    states, n, h = worn.shape
    won = np.ones((states, *[1] * n), dtype=np.int64)
    for i in range(n):
        won = won * worn[:, i].reshape(states, *[h if j == i else 1 for j in range(n)])
    return won


def _parts(digits: tuple[str, ...], h: int) -> list[tuple[str, ...]]:
    return [digits[k : k + h] for k in range(0, len(digits), h)]


def _whole(value: int, what: str, least: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= 1000:
        raise ScenarioError(f"expected a whole number from {least} to 1000, got {value!r}.", path=what)
    return value


BLOCKS: dict[int, tuple[tuple[int, ...], tuple[int, ...]]] = {
    2: ((0, 1), (0, 1)),
    3: ((0, 1, 0, 2, 2, 1), (0, 1, 0, 2, 2, 1)),
    4: ((1, 2, 2, 0, 1, 0, 0, 3, 1, 2, 2, 0, 1, 0), (0, 2, 2, 3, 3, 3, 3, 1, 1, 2, 2, 1, 1, 1)),
    5: (
        (0, 1, 0, 4, 4, 1, 2, 4, 0, 1, 0, 4, 4, 1, 2, 3, 0, 1, 0, 4, 4, 1, 3, 0, 0, 1, 0, 4, 4, 1),
        (2, 0, 2, 4, 2, 4, 2, 3, 2, 3, 2, 3, 2, 3, 2, 4, 4, 4, 4, 4, 4, 4, 4, 3, 1, 3, 0, 3, 1, 3),
    ),
}  # found by the solver person_by_person on ``block_game``; those of 2 and 3 are the best there are, larger ones may not be
