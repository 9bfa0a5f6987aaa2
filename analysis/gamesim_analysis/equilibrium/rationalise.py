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
NEAR = 0.05  # of the payoff range: the regret up to which a profile is taken for a rough equilibrium
STEPS = 20
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


def polish(game: NormalFormGame, play: Any) -> Any:
    """A float profile sharpened by Newton's method on the equations of its support: used actions earn the same.

    Only what is near an equilibrium is touched, at most ``STEPS`` steps, and kept only if the largest regret falls.
    """
    best = [np.asarray(vector, dtype=np.float64) for vector in play]
    regret = _epsilon(game, best)
    if regret > NEAR * game.payoff_range or game.payoffs.size > 10**6:
        return play
    for used in (1e-9, 1e-6, 1e-3):  # probabilities below which an action counts as unused
        now = best
        for _ in range(STEPS):
            now = _newton(game, now, [np.flatnonzero(vector > used) for vector in now])
            if now is None or (after := _epsilon(game, now)) >= regret:
                break
            best, regret = now, after
    return tuple(distribution(vector, "polished") for vector in best)


def _epsilon(game: NormalFormGame, play: Any) -> float:
    earned = [game.action_payoffs(i, play) for i in range(game.n)]
    return float(max(own.max() - own @ mixed for own, mixed in zip(earned, play, strict=True)))


def _newton(game: NormalFormGame, play: Any, supports: Any) -> Any:
    """One step for the used probabilities and the payoffs of all players; None if it leaves the simplices."""
    n, sizes = game.n, [len(own) for own in supports]
    at = np.concatenate([[0], np.cumsum(sizes)])
    total = int(at[-1])
    jacobian, residual = np.zeros((total + n, total + n)), np.zeros(total + n)
    for i in range(n):
        rows = slice(at[i], at[i + 1])
        earned = game.action_payoffs(i, play)
        jacobian[rows, total + i] = -1.0
        jacobian[total + i, rows] = 1.0
        residual[rows] = earned[supports[i]] - earned @ play[i]
        residual[total + i] = play[i][supports[i]].sum() - 1.0
        for j in range(n):
            if j != i:
                jacobian[rows, at[j] : at[j + 1]] = _between(game, i, j, play)[np.ix_(supports[i], supports[j])]
    step = np.linalg.lstsq(jacobian, residual, rcond=None)[0]
    moved = []
    for i, own in enumerate(supports):
        vector = np.zeros(game.shape[i])
        vector[own] = play[i][own] - step[at[i] : at[i + 1]]
        if not np.isfinite(vector).all() or vector.min() < -1e-9 or not vector.max() > 0:
            return None
        moved.append(np.maximum(vector, 0.0) / np.maximum(vector, 0.0).sum())
    return moved


def _between(game: NormalFormGame, i: int, j: int, play: Any) -> Any:
    """What player i earns by each of its actions against each action of player j, the others as they play."""
    table = np.moveaxis(game.payoffs[i], (i, j), (0, 1))
    for mixed in reversed([play[k] for k in range(game.n) if k not in (i, j)]):
        table = table @ mixed
    return table


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
