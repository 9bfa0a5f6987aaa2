"""All extreme equilibria of small two-player games, exactly: every vertex of both best-response polytopes is visited.

With payoffs made positive, x lies in {x >= 0, B'x <= 1} and y in {y >= 0, A y <= 1}. A vertex carries the label of every
inequality that holds with equality; a pair of vertices that has all labels between them is an equilibrium, and every
equilibrium is a mixture of such extreme ones. Whole-number pivots over the bases that stay feasible when the right-hand
side is perturbed lexicographically reach every vertex also of degenerate games.

References
----------
.. [1] Mangasarian, "Equilibrium Points of Bimatrix Games", SIAM Journal 12, 1964.
.. [2] Avis and Fukuda, "A Pivoting Algorithm for Convex Hulls and Vertex Enumeration", Discrete and Computational
   Geometry 8, 1992.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import Any

import numpy as np

from gamesim.core.arrays import AnyArray
from gamesim.core.nfg_format import exact_payoffs
from gamesim.core.profiles import distribution
from gamesim.core.solution import Limits

from .method import Found, Method, back, table_of, two_players

STRATEGIES = 14  # of both players together up to which the router asks for it; more is allowed


@dataclass(frozen=True)
class Vertices:
    """Vertices other than the origin.

    Attributes
    ----------
    points : exact, one tuple a vertex.  labels : bit sets of the equalities at each.
    simple : whether every vertex, the origin too, has as many equalities as dimensions.
    complete : False where the deadline came first.
    """

    points: list[tuple[Fraction, ...]]
    labels: list[int]
    simple: bool
    complete: bool


def whole_numbers(payoffs: AnyArray) -> AnyArray:
    """Payoffs as positive whole numbers of the same order: shifted and scaled."""
    scale = lcm(*(value.denominator for value in payoffs.flat))
    low = min(payoffs.flat)
    table: AnyArray = np.empty(payoffs.shape, dtype=object)
    table.reshape(-1)[:] = [int((value - low) * scale) + 1 for value in payoffs.flat]
    return table


def vertices(rows: AnyArray, own: list[int], other: list[int], deadline: float) -> Vertices:
    """All vertices of {z >= 0, rows z <= 1}.

    Parameters
    ----------
    rows : (r, d) positive whole numbers.  own, other : labels of z >= 0 and of the rows.
    """
    r, d = rows.shape
    table: AnyArray = np.empty((r, d + r + 1), dtype=object)
    table[:, :d] = rows
    for k in range(r):
        table[k, d : d + r] = [int(k == c) for c in range(r)]
        table[k, -1] = 1
    start = tuple(range(d, d + r))
    seen = {frozenset(start)}
    waiting: list[tuple[AnyArray, tuple[int, ...], int]] = [(table, start, 1)]
    found: dict[tuple[Fraction, ...], int] = {}
    complete = True
    while waiting and complete:
        table, basis, scale = waiting.pop()
        point = [Fraction(0)] * d
        tight = set(range(d + r)) - set(basis)
        for k, variable in enumerate(basis):
            if not table[k, -1]:
                tight.add(variable)
            elif variable < d:
                point[variable] = Fraction(table[k, -1], scale)
        labels = 0
        for variable in tight:
            labels |= 1 << (own[variable] if variable < d else other[variable - d])
        found.setdefault(tuple(point), labels)
        for entering in set(range(d + r)) - set(basis):
            if time.monotonic() > deadline:
                complete = False
                break
            leaving = _leaving(table, entering, d)
            if leaving is None:
                continue
            after = frozenset((*basis[:leaving], entering, *basis[leaving + 1 :]))
            if after in seen:
                continue
            seen.add(after)
            turned, grown = _pivot(table, leaving, entering, scale)
            waiting.append((turned, (*basis[:leaving], entering, *basis[leaving + 1 :]), grown))
    simple = all(bin(labels).count("1") == d for labels in found.values())
    found.pop((Fraction(0),) * d, None)
    return Vertices(list(found), list(found.values()), simple, complete)


def _leaving(table: AnyArray, entering: int, d: int) -> int | None:
    """The row of the lexicographically smallest ratio; compared by cross-multiplication, so exact."""
    best: int | None = None
    for k in range(len(table)):
        if table[k, entering] <= 0:
            continue
        if best is None:
            best = k
            continue
        a, b = table[k, entering], table[best, entering]
        for column in (table.shape[1] - 1, *range(d, table.shape[1] - 1)):
            left, right = table[k, column] * b, table[best, column] * a
            if left != right:
                if left < right:
                    best = k
                break
    return best


def _pivot(table: AnyArray, row: int, column: int, scale: int) -> tuple[AnyArray, int]:
    """Whole-number pivot: divisions by the previous pivot leave no remainder."""
    lead = table[row, column]
    turned: AnyArray = (table * lead - np.multiply.outer(table[:, column], table[row])) // scale
    turned[row] = table[row]
    return turned, int(lead)


def _run(game: Any, *, concept: str, limits: Limits) -> Found:
    table = table_of(game, limits)
    payoffs = exact_payoffs(table)
    m, n = table.shape
    deadline = time.monotonic() + limits.seconds
    first, second = list(range(m)), list(range(m, m + n))
    xs = vertices(whole_numbers(payoffs[1]).T, first, second, deadline)
    ys = vertices(whole_numbers(payoffs[0]), second, first, deadline)
    everything = (1 << (m + n)) - 1
    plays: list[Any] = []
    for x, mine in zip(xs.points, xs.labels, strict=True):
        for y, theirs in zip(ys.points, ys.labels, strict=True):
            if mine | theirs == everything and len(plays) < limits.equilibria:
                plays.append((_normal(x, table), _normal(y, table)))
    plays.sort(key=lambda play: tuple(-p for vector in play for p in vector))
    whole = xs.complete and ys.complete
    over = len(plays) >= limits.equilibria
    simple = xs.simple and ys.simple
    notes = [] if simple else ["The game is degenerate: mixtures of listed equilibria can be equilibria too."]
    return Found(
        back(game, plays),
        covers="extreme",
        complete=whole and not over,
        selection="all extreme equilibria",
        notes=notes,
        stopped=None if whole and not over else "count" if over else "seconds",
    )


def _normal(point: tuple[Fraction, ...], table: Any) -> AnyArray:
    total = sum(point)
    shares = [p / total for p in point]
    return distribution(shares if table.exact is not None else [float(p) for p in shares], "a vertex")


vertex_enumeration = Method(
    "vertex_enumeration",
    frozenset({"nash"}),
    "All extreme equilibria of a small two-player game, exact, degenerate or not.",
    lambda game, concept: two_players(game),
    _run,
    suits="two players, up to 14 strategies",
    covers="extreme",
    complete="yes",
)
