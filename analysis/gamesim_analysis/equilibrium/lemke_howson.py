"""Lemke-Howson in floats: one equilibrium of a two-player game, or one for each label that is dropped.

Ties of the minimum ratio are broken lexicographically over the slack columns, so degenerate games do not cycle. Labels
take turns with growing budgets of pivots, because one label can need thousands of pivots where another needs ten.

References
----------
.. [1] Lemke and Howson, "Equilibrium Points of Bimatrix Games", SIAM Journal 12, 1964.
"""

from __future__ import annotations

import time
from numbers import Integral
from typing import Any

import numpy as np

from gamesim.core.arrays import FloatArray
from gamesim.core.errors import ParameterError, SolverError, clean
from gamesim.core.solution import Limits

from .method import Found, Method, back, table_of, two_players
from .rationalise import rational

TINY = 1e-13


def path(a: FloatArray, b: FloatArray, label: int, pivots: int) -> tuple[FloatArray, FloatArray] | None:
    """Follow one label.

    Parameters
    ----------
    a, b : (m, n), payoffs of both players.  label : 0 to m + n - 1, rows first.

    Returns
    -------
    Mixed strategies; None if the budget of pivots did not suffice.
    """
    m, n = a.shape
    tables, bases = [], []
    for rows, slacks in ((_scaled(b).T, range(m, m + n)), (_scaled(a), range(m))):
        r = len(rows)
        tables.append(np.hstack([rows, np.eye(r), np.ones((r, 1))]))
        bases.append(list(slacks))
    # column of a label in each table: decisions first, then slacks
    columns = [{**{k: k for k in range(m)}, **{m + k: m + k for k in range(n)}}, {**{m + k: k for k in range(n)}, **{k: n + k for k in range(m)}}]  # fmt: skip
    decisions = (m, n)
    which, entering = (0, label) if label < m else (1, label)
    for _ in range(pivots):
        table, basis = tables[which], bases[which]
        column = columns[which][entering]
        row = _row(table, column, decisions[which])
        table[row] /= table[row, column]
        factors = table[:, column].copy()
        factors[row] = 0.0
        table -= np.multiply.outer(factors, table[row])
        leaving, basis[row] = basis[row], entering
        if leaving == label:
            return _read(tables[0], bases[0], range(m)), _read(tables[1], bases[1], range(m, m + n))
        which, entering = 1 - which, leaving
    return None


def _scaled(payoffs: FloatArray) -> FloatArray:
    low, width = payoffs.min(), np.ptp(payoffs)
    return np.asarray(0.1 + 0.9 * (payoffs - low) / (width or 1.0))


def _row(table: FloatArray, column: int, decisions: int) -> int:
    pivot = table[:, column]
    rows = np.flatnonzero(pivot > 1e-11)
    if not len(rows):
        raise SolverError("Lemke-Howson met a column without a pivot.")
    for key in (table.shape[1] - 1, *range(decisions, table.shape[1] - 1)):
        ratios = table[rows, key] / pivot[rows]
        rows = rows[ratios <= ratios.min() + TINY]
        if len(rows) == 1:
            break
    return int(rows[0])


def _read(table: FloatArray, basis: list[int], labels: range) -> FloatArray:
    z = np.zeros(len(labels))
    for row, label in enumerate(basis):
        if label in labels:
            z[label - labels.start] = max(table[row, -1], 0.0)
    return np.asarray(z / z.sum())


def _run(
    game: Any, *, concept: str, limits: Limits, labels: Any = None, pivots: int = 10**6, exact: bool = True
) -> Found:
    table = table_of(game, limits)
    a, b = table.payoffs
    m, n = table.shape
    every = isinstance(labels, str) and labels == "all"
    labels = [labels] if isinstance(labels, int) else labels
    several = isinstance(labels, (list, tuple, range, np.ndarray)) and all(isinstance(k, Integral) for k in labels)
    if not (labels is None or every or several):
        raise ParameterError(f"labels is {clean(repr(labels), 40)}.", hint=f"'all', or numbers from 0 to {m + n - 1}.")
    wanted = list(range(m + n)) if labels is None or every else [int(label) for label in labels]
    if any(not 0 <= label < m + n for label in wanted):
        raise ParameterError(f"labels run from 0 to {m + n - 1}.")
    deadline = time.monotonic() + limits.seconds
    found: list[Any] = []
    done: set[int] = set()
    budget, stopped = 64, None
    while len(done) < len(wanted) and budget <= 2 * pivots and not stopped:
        for label in wanted:
            if label in done:
                continue
            if time.monotonic() > deadline:
                stopped = "seconds"
                break
            play = path(a, b, label, min(budget, pivots))
            if play is not None:
                done.add(label)
                found.append(rational(table, play) if exact and m + n <= 40 else play)
                if labels is None:
                    break
        if found and labels is None:
            break
        budget *= 4
    if not stopped and not found:
        stopped = "iterations"
    return Found(
        back(game, found),
        covers="one" if labels is None else "accessible",
        complete=None if labels is None else False,
        selection="the end of the path of the first label that got there" if labels is None else "one path a label",
        stopped=stopped,
    )


lemke_howson = Method(
    "lemke_howson",
    frozenset({"nash"}),
    "One equilibrium of a two-player game, or one a label (labels='all').",
    lambda game, concept: two_players(game),
    _run,
    suits="two players",
    covers="one, or accessible",
    complete="no",
)
