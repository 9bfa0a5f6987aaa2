"""Exact equilibria from float ones: solve the equations that hold with equality, or round; keep only what is proved exact.

A vertex of an optimal face, as the simplex method and Lemke-Howson return, is the one solution of its tight equations.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from gamesim.core.behaviour import BehaviourProfile
from gamesim.core.certify import certify
from gamesim.core.extensive_form import ExtensiveFormGame
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.profiles import distribution

TIGHT = 1e-8  # of the payoff range: an equation that holds
UNKNOWNS = 60
DENOMINATORS = (60, 2520, 10**4, 10**6)


def solve_exact(rows: Sequence[Sequence[Fraction]], guess: Sequence[Fraction]) -> list[Fraction] | None:
    """A solution of linear equations in Fractions; unknowns that they leave free take their guess.

    Parameters
    ----------
    rows : coefficients, the right-hand side last.
    """
    table = [list(row) for row in rows]
    unknowns = len(guess)
    pivots: list[int] = []
    for column in range(unknowns):
        k = len(pivots)
        best = next((r for r in range(k, len(table)) if table[r][column]), None)
        if best is None:
            continue
        table[k], table[best] = table[best], table[k]
        lead = table[k][column]
        table[k] = [value / lead for value in table[k]]
        for r, row in enumerate(table):
            if r != k and row[column]:
                factor = row[column]
                table[r] = [a - factor * b if b else a for a, b in zip(row, table[k], strict=True)]
        pivots.append(column)
    if any(row[-1] for row in table[len(pivots) :]):
        return None
    free = [c for c in range(unknowns) if c not in pivots]
    answer = list(guess)
    for row, column in zip(table, pivots, strict=False):
        answer[column] = row[-1] - sum((row[c] * answer[c] for c in free), Fraction(0))
    return answer


def rational(game: Any, play: Any) -> Any:
    """The exact equilibrium beside a float one, proved by its certificate; the float one where none was found."""
    if isinstance(game, ExtensiveFormGame):
        return _tree(game, play)
    if not isinstance(game, NormalFormGame) or game.exact is None:
        return play
    if game.n == 2 and sum(game.shape) <= 2 * UNKNOWNS:
        found = _bimatrix(game, play)
        if found is not None and certify(game, found).gap == 0:
            return found
    for denominator in DENOMINATORS:
        rounded = [_rounded(vector, denominator) for vector in play]
        if all(vector is not None for vector in rounded) and certify(game, rounded).gap == 0:
            return tuple(rounded)
    return play


def _rounded(vector: Any, denominator: int) -> Any:
    """Nearest fractions, made to sum to one."""
    near = [Fraction(max(float(p), 0.0)).limit_denominator(denominator) for p in vector]
    total = sum(near)
    return distribution([p / total for p in near], "rounded") if total else None


def _bimatrix(game: NormalFormGame, play: Any) -> Any:
    """Each strategy from the other player's actions that do equally well against it."""
    assert game.exact is not None
    found = []
    for player in (0, 1):  # the strategy of ``player`` makes the other's best actions equal
        own = np.asarray(play[player], dtype=np.float64)
        exact = game.exact[1 - player] if player == 0 else game.exact[1 - player].T
        floats = game.payoffs[1 - player] if player == 0 else game.payoffs[1 - player].T
        earned = own @ floats
        tight = np.flatnonzero(earned >= earned.max() - TIGHT * game.payoff_range)
        used = np.flatnonzero(own > 1e-9)
        if len(used) + 1 > UNKNOWNS:
            return None
        rows = [[exact[a, b] for a in used] + [Fraction(-1), Fraction(0)] for b in tight]
        rows.append([Fraction(1)] * len(used) + [Fraction(0), Fraction(1)])
        guess = [Fraction(float(own[a])).limit_denominator(10**6) for a in used]
        answer = solve_exact(rows, [*guess, Fraction(float(earned.max())).limit_denominator(10**6)])
        if answer is None or min(answer[:-1]) < 0:
            return None
        vector = [Fraction(0)] * len(own)
        for a, value in zip(used, answer[:-1], strict=True):
            vector[a] = value
        if sum(vector) != 1:
            return None
        found.append(distribution(vector, "rational"))
    return tuple(found)


def _tree(game: ExtensiveFormGame, play: BehaviourProfile) -> BehaviourProfile:
    if play.exact:
        return play
    for denominator in DENOMINATORS:
        vectors = tuple(_rounded(vector, denominator) for vector in play.probabilities)
        rounded = BehaviourProfile(vectors, play.filled)
        if all(vector is not None for vector in vectors) and certify(game, rounded).gap == 0:
            return rounded
    return play
