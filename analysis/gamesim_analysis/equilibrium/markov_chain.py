"""Stationary laws of finite Markov chains: by linear equations, or by elimination without subtraction, which tiny chances
do not spoil.

References
----------
.. [1] Grassmann, Taksar and Heyman, "Regenerative Analysis and Steady State Distributions for Markov Chains",
   Operations Research 33, 1985.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gamesim.core.arrays import FloatArray, IntArray
from gamesim.core.errors import SolverError

BLOCK = 48  # states eliminated before the rest of the table is brought up to date by one matrix product
CONDITION = 1e-5  # reciprocal condition above which linear equations give ten digits


def stationary(chances: Any) -> FloatArray:
    """Stationary law of an irreducible chain.

    Parameters
    ----------
    chances : (n, n); ``chances[i, j]`` >= 0 is the chance, or the rate, of going from i to j. The diagonal is not read.

    Returns
    -------
    (n,), sums to one, to 1e-10; up to 48 states each entry has nearly full relative accuracy, however small. NaN where
    chances are so small that the law does not come out in floats, or where it is not unique.

    Examples
    --------
    >>> stationary([[0, 1e-200], [3e-200, 0]])
    array([0.75, 0.25])
    """
    p = np.array(chances, dtype=np.float64)
    largest = p.max(initial=0.0)
    if largest > 0:
        p /= largest
    np.fill_diagonal(p, 0.0)
    law = _by_equations(p) if len(p) > BLOCK else None
    return _by_elimination(p) if law is None else law


def _by_equations(p: FloatArray) -> FloatArray | None:
    """The law from linear equations, where their condition promises ten digits; else None."""
    from scipy.linalg.lapack import dgecon, dgetrf, dgetrs

    table = p.T - np.diag(p.sum(axis=1))
    table[-1] = 1.0
    right = np.zeros(len(p))
    right[-1] = 1.0
    norm = float(np.abs(table).sum(axis=0).max())
    factors, pivots, wrong = dgetrf(table)
    if wrong or dgecon(factors, norm)[0] < CONDITION:
        return None
    law = np.maximum(dgetrs(factors, pivots, right)[0], 0.0)
    return np.asarray(law / law.sum())


def _by_elimination(p: FloatArray) -> FloatArray:
    """Elimination without subtraction, a block of states at a time; ``p`` is overwritten."""
    n = len(p)
    top = n
    while top > 1:
        low = max(top - BLOCK, 1)
        for k in range(top - 1, low - 1, -1):  # within the block: its rows and its columns only
            leave = p[k, :k].sum()
            if not leave > 0:
                return np.full(n, np.nan)
            p[:k, k] /= leave
            p[:k, low:k] += np.multiply.outer(p[:k, k], p[k, low:k])
            p[low:k, :low] += np.multiply.outer(p[low:k, k], p[k, :low])
        p[:low, :low] += p[:low, low:top] @ p[low:top, :low]
        top = low
    law = np.zeros(n)
    law[0] = 1.0
    for k in range(1, n):
        law[k] = law[:k] @ p[:k, k]
        if law[k] > 1e100:
            law[: k + 1] /= law[k]
    return np.asarray(law / law.sum())


def stationary_of_logs(logs: Any) -> FloatArray:
    """The same from logarithms of the chances (-inf for none), for chances that floats cannot hold; O(n^3) logarithms.

    Examples
    --------
    >>> stationary_of_logs([[-np.inf, -5000.0], [-5000.0 + np.log(3), -np.inf]]).round(12)
    array([0.75, 0.25])
    """
    p = np.array(logs, dtype=np.float64)
    n = len(p)
    np.fill_diagonal(p, -np.inf)
    for k in range(n - 1, 0, -1):
        leave = np.logaddexp.reduce(p[k, :k])
        if leave == -np.inf:
            raise SolverError(f"state {k} does not reach the states before it: the stationary law is not unique.")
        p[:k, k] -= leave
        p[:k, :k] = np.logaddexp(p[:k, :k], np.add.outer(p[:k, k], p[k, :k]))
    law = np.zeros(n)
    for k in range(1, n):
        law[k] = np.logaddexp.reduce(law[:k] + p[:k, k])
    law = np.exp(law - law.max())
    return np.asarray(law / law.sum())


def closed_classes(chances: Any) -> list[IntArray]:
    """The sets of states that are never left once entered and lead to all of themselves, in the order of their states.

    Parameters
    ----------
    chances : (n, n), dense or sparse; positive entries off the diagonal are moves.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    moves = coo_matrix(chances)
    count, label = connected_components(moves.tocsr(), directed=True, connection="strong")
    leaves = np.zeros(count, dtype=bool)
    across = (moves.data > 0) & (label[moves.row] != label[moves.col])
    leaves[label[moves.row[across]]] = True
    found = [np.flatnonzero(label == c).astype(np.int64) for c in np.flatnonzero(~leaves)]
    return sorted(found, key=lambda states: int(states[0]))
