"""Two players with two actions under risk: all equilibria, and the closed forms of symmetric games. Ground truth for tests.

A symmetric 2x2 game has rows S, H: u(S,S) = a, u(S,H) = c, u(H,S) = b, u(H,H) = d. With k = (a - c) - (b - d) and both pure
profiles strict equilibria, under mean_variance of aversion lam and tremble f,

    S is an equilibrium iff lam <= lam_S = ((c-d) + k (1-f)) / (2 f (1-f) k [(b-d) + (1-f) k])     where the bracket is > 0
    H is an equilibrium iff (b-d) + f k >= 0 or lam <= lam_H = ((c-d) + k f) / (2 f (1-f) k [(b-d) + f k])

(derived for gamesim and checked numerically). H risk-dominates S iff d - c > a - b (Harsanyi, Selten 1988).

    >>> stag = thresholds(4, 3, 0, 3, tremble=0.01)
    >>> round(stag.first, 10), stag.second
    (3.0609121518, inf)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from gamesim.core.arrays import FloatArray
from gamesim.core.errors import RiskError, UnsupportedGameError
from gamesim.core.risk import Neutral
from gamesim.core.risk_game import RiskTable, risk_table

from .risk_averse import RiskPoint

GRID = 2001


@dataclass(frozen=True)
class Thresholds:
    """Largest aversion at which each pure profile of a symmetric 2x2 game is still an equilibrium; inf for every one."""

    first: float
    second: float
    risk_dominant: str


def thresholds(a: float, b: float, c: float, d: float, *, tremble: float) -> Thresholds:
    """The two critical aversions of the module's head.

    Raises
    ------
    UnsupportedGameError
        Unless both pure profiles are strict equilibria, a > b and d > c, and stay equilibria of those who tremble and mind
        no risk: beyond that the conditions are other ones.
    RiskError
        For a tremble outside [0, 1/2).
    """
    if not 0 <= tremble < 0.5:
        raise RiskError(f"tremble {tremble:g} is not in [0, 1/2).")
    if not (a > b and d > c):
        raise UnsupportedGameError(f"both pure profiles must be strict equilibria: a > b and d > c, not {a:g}, {b:g}, {c:g}, {d:g}.")  # fmt: skip
    f, k = tremble, (a - c) - (b - d)
    low, high = (b - d) + (1 - f) * k, (b - d) + f * k
    if c - d + k * (1 - f) < 0 or c - d + k * f > 0:
        which = "first" if c - d + k * (1 - f) < 0 else "second"
        raise UnsupportedGameError(f"with a tremble of {f:g} the {which} profile is no equilibrium even of those who mind no risk.", hint="Take a smaller tremble.")  # fmt: skip
    scale = 2 * f * (1 - f) * k
    first = ((c - d) + k * (1 - f)) / (scale * low) if low > 0 and f > 0 else np.inf
    second = ((c - d) + k * f) / (scale * high) if high < 0 and f > 0 else np.inf
    return Thresholds(float(first), float(second), "second" if d - c > a - b else "first")


def chicken_aversion(crash: float, reduction: float) -> float:
    """Aversion at which drivers of chicken ((0, -1), (1, -crash)) crash ``reduction`` times less often than at Nash.

    Examples
    --------
    >>> round(chicken_aversion(10.0, 7.0), 6)
    0.620625
    """
    q = 1.0 / (crash * np.sqrt(reduction))
    return float((1 - crash * q) / (2 * crash * q * (1 - q) * (1 + crash * q)))


def all_2x2(
    game: Any, risk: Any = None, *, tremble: Any = 0.0, regulariser: Any = None, symmetric: bool = False
) -> list[RiskPoint]:
    """Every equilibrium of a 2x2 game: corners of the strategies, edges, and interior roots, each with its gap.

    Where a whole segment of profiles is in equilibrium, its ends and what the grid meets of it are listed.

    Parameters
    ----------
    symmetric : only profiles in which both play alike.
    """
    table = risk_table(game, risk, tremble, regulariser)
    if table.shape != (2, 2):
        raise UnsupportedGameError(f"all_2x2 is for two players with two actions, not {table.shape}.")
    floors = [a.tremble for a in table.attitudes]
    found: list[RiskPoint] = []
    scale = max(float(np.ptp(u)) for u in table.payoffs) or 1.0
    for p in _candidates(table, floors):
        profile = tuple(np.array([x, 1.0 - x]) for x in p)
        certificate = table.gap(profile)
        alike = any(max(abs(x - y) for x, y in zip(p, (float(o.profile[0][0]), float(o.profile[1][0])), strict=True)) < 1e-7 for o in found)  # fmt: skip
        if certificate.gap <= 1e-9 * scale and not alike and not (symmetric and abs(p[0] - p[1]) > 1e-7):
            found.append(RiskPoint(profile, certificate, True, "enumeration"))
    return sorted(found, key=lambda point: tuple(-float(s[0]) for s in point.profile))


def _slope(table: RiskTable, i: int, own: float, other: float) -> float:
    """Derivative of player i's objective in the chance of her first action."""
    from gamesim.core.risk_response import gradient

    strategy, opponent = np.array([own, 1.0 - own]), np.array([other, 1.0 - other])
    g = gradient(table.payoffs[i], opponent, strategy, table.attitudes[i], table.inside(i))
    return float(g[0] - g[1])


def _own_root(table: RiskTable, i: int, other: float, low: float, high: float) -> float | None:
    """The player's interior optimum, where her objective bends; None where it is at an end or flat."""
    from scipy.optimize import brentq

    a, b = _slope(table, i, low, other), _slope(table, i, high, other)
    if a <= 0 or b >= 0:
        return None
    return float(brentq(lambda x: _slope(table, i, x, other), low, high, xtol=1e-300, rtol=8.9e-16, maxiter=400))


def _grid(low: float, high: float) -> FloatArray:
    logit = 1.0 / (1.0 + np.exp(-np.linspace(-36.0, 36.0, GRID)))
    points = np.concatenate([np.linspace(low, high, GRID), np.clip(logit, low, high)])
    return np.unique(points)


def _candidates(table: RiskTable, floors: list[float]) -> list[tuple[float, float]]:
    from scipy.optimize import brentq

    quantal = any(a.regulariser for a in table.attitudes)
    tiny = 1e-16 if quantal else 0.0
    ends = [(max(f, tiny), 1 - max(f, tiny)) for f in floors]
    points: list[tuple[float, float]] = [(p, q) for p in ends[0] for q in ends[1]]
    for i in range(2):  # one at an end, the other inside
        for corner in ends[1 - i]:
            root = _own_root(table, i, corner, *ends[i])
            if root is not None:
                points.append((root, corner) if i == 0 else (corner, root))
            elif (
                _slope(table, i, ends[i][0], corner) == 0 == _slope(table, i, ends[i][1], corner)
            ):  # all the same to her:
                rest = _meeting(table, 1 - i, corner, *ends[i])  # the segment ends where the other would leave the end
                points += [(x, corner) if i == 0 else (corner, x) for x in rest]
    # both inside: player 0's answer as a function of q, then player 1's slope along it
    grid = _grid(*ends[1])

    def answer(q: float) -> float:
        root = _own_root(table, 0, q, *ends[0])
        if root is not None:
            return root
        return ends[0][1] if _slope(table, 0, 0.5, q) >= 0 else ends[0][0]

    linear = [not quantal and (isinstance(a.risk, Neutral) or getattr(a.risk, "aversion", 1.0) == 0.0) for a in table.attitudes]  # fmt: skip
    if linear[0] or linear[1]:  # an indifferent player fixes the other's mixture
        marks = []
        for i in (0, 1):
            if not linear[i]:
                continue
            low, high = ends[1 - i]
            if _slope(table, i, 0.5, low) * _slope(table, i, 0.5, high) < 0:
                marks.append(
                    (1 - i, float(brentq(partial(_slope, table, i, 0.5), low, high, xtol=1e-300, rtol=8.9e-16)))
                )
        for who, x in marks:
            if linear[who]:
                rest = [y for j, y in marks if j == 1 - who]
            else:  # the other's own optimum must be x
                rest = _meeting(table, who, x, *ends[1 - who])
            points += [(x, y) if who == 0 else (y, x) for y in rest]
        return points
    values = np.array([_slope(table, 1, q, answer(q)) for q in grid])
    for j in np.flatnonzero(values[:-1] * values[1:] < 0):
        q = float(brentq(lambda q: _slope(table, 1, q, answer(q)), grid[j], grid[j + 1], xtol=1e-300, rtol=8.9e-16))
        points.append((answer(q), q))
    points += [(answer(float(q)), float(q)) for q in grid[values == 0.0]]
    return points


def _meeting(table: RiskTable, who: int, x: float, low: float, high: float) -> list[float]:
    """What the other may play so that x is the player's own optimum."""
    from scipy.optimize import brentq

    grid = _grid(low, high)
    values = np.array([_slope(table, who, x, y) for y in grid])
    found = [float(y) for y in grid[values == 0.0]]
    for j in np.flatnonzero(values[:-1] * values[1:] < 0):
        found.append(float(brentq(lambda y: _slope(table, who, x, y), grid[j], grid[j + 1], xtol=1e-300, rtol=8.9e-16)))
    return found
