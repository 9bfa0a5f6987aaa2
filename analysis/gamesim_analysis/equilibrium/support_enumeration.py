"""Equilibria with supports of equal size: all there are in a nondegenerate two-player game."""

from __future__ import annotations

import time
from fractions import Fraction
from itertools import combinations, islice
from typing import Any

import numpy as np

from gamesim.core.arrays import AnyArray, FloatArray
from gamesim.core.nfg_format import exact_payoffs
from gamesim.core.profiles import distribution
from gamesim.core.solution import Limits

from .method import Found, Method, back, table_of, two_players
from .rationalise import solve_exact
from .vertex_enumeration import vertices, whole_numbers

BATCH = 4096  # supports whose equations are solved at once


def _run(game: Any, *, concept: str, limits: Limits) -> Found:
    table = table_of(game, limits)
    exact = exact_payoffs(table)
    floats = exact.astype(np.float64)
    deadline = time.monotonic() + limits.seconds
    plays: list[Any] = []
    stopped: Any = None
    m, n = table.shape
    for size, rows in ((k, rows) for k in range(1, min(m, n) + 1) for rows in combinations(range(m), k)):
        columns = combinations(range(n), size)
        while not stopped and (batch := list(islice(columns, BATCH))):
            if time.monotonic() > deadline:
                stopped = "seconds"
                break
            for cols in _candidates(floats, rows, batch):
                x = _equalise(exact[1].T, cols, rows)
                y = _equalise(exact[0], rows, cols)
                if x is not None and y is not None:
                    plays.append(tuple(distribution(v if table.exact is not None else [float(p) for p in v], "support") for v in (x, y)))  # fmt: skip
        if stopped:
            break
    first, second = list(range(m)), list(range(m, m + n))
    proved = False
    if not stopped:
        polytopes = (
            vertices(whole_numbers(exact[1]).T, first, second, deadline),
            vertices(whole_numbers(exact[0]), second, first, deadline),
        )
        proved = all(found.simple and found.complete for found in polytopes)
    return Found(
        back(game, plays[: limits.equilibria]),
        covers="isolated",
        complete=proved and len(plays) <= limits.equilibria,
        selection="all supports of equal size",
        notes=[] if proved else ["Not proved nondegenerate: equilibria with supports of unequal size may be missing."],
        stopped=stopped,
    )


def _candidates(floats: FloatArray, rows: tuple[int, ...], columns: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Column supports that floats do not rule out, many at a time; doubtful ones stay."""
    k = len(rows)
    picked = np.array(columns)
    systems = np.zeros((len(columns), k + 1, k + 1))
    systems[:, :k, :k] = floats[0][np.ix_(rows)][:, picked].transpose(1, 0, 2)
    systems[:, :k, k], systems[:, k, :k] = -1.0, 1.0
    right = np.zeros((k + 1, 1))
    right[k] = 1.0
    doubtful = np.abs(np.linalg.det(systems)) < 1e-9
    systems[doubtful] = np.eye(k + 1)
    weights = np.linalg.solve(systems, np.broadcast_to(right, (len(columns), k + 1, 1)))[:, :k, 0]
    keep = doubtful | (weights > -1e-9).all(axis=1)
    return [columns[c] for c in np.flatnonzero(keep)]


def _equalise(payoffs: AnyArray, rows: tuple[int, ...], columns: tuple[int, ...]) -> list[Fraction] | None:
    """The mixture of ``columns`` that makes exactly ``rows`` best, if it uses all of them."""
    one, zero = Fraction(1), Fraction(0)
    equations = [[*(payoffs[r, c] for c in columns), -one, zero] for r in rows]
    equations.append([*([one] * len(columns)), zero, one])
    answer = solve_exact(equations, [one / len(columns)] * len(columns) + [zero])
    if answer is None or min(answer[:-1]) <= 0:
        return None
    value = sum((payoffs[rows[0], c] * w for c, w in zip(columns, answer[:-1], strict=True)), zero)
    mixed = [zero] * payoffs.shape[1]
    for c, w in zip(columns, answer[:-1], strict=True):
        mixed[c] = w
    for r in range(payoffs.shape[0]):
        if r not in rows and sum((payoffs[r, c] * w for c, w in zip(columns, answer[:-1], strict=True)), zero) > value:
            return None
    return mixed


support_enumeration = Method(
    "support_enumeration",
    frozenset({"nash"}),
    "Equilibria with supports of equal size; all of them in nondegenerate two-player games.",
    lambda game, concept: two_players(game),
    _run,
    suits="two players, quick up to 8 strategies each",
    covers="isolated",
    complete="if nondegenerate",
)
