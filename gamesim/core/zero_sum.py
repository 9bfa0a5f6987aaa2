"""The zero-sum kernel: value and optimal strategies of a matrix game.

Search, Shapley iteration and population loops call it thousands of times, so it looks for a saddle point first, answers
2x2 in closed form, and only then builds a linear program.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .arrays import FloatArray
from .errors import GameFileError, SolverError


def zero_sum(matrix: Any) -> tuple[float, FloatArray, FloatArray]:
    """Solve a zero-sum game.

    Parameters
    ----------
    matrix : shape (k_1, k_2), finite; what the row player gets and the column player loses.

    Returns
    -------
    value, row strategy (k_1,), column strategy (k_2,). Pure where a saddle point exists (the first one).

    Raises
    ------
    GameFileError
        If the matrix is empty, not two-dimensional or not finite.
    SolverError
        If the linear program fails, or its answer leaves a gap above 1e-9 of the payoff range.

    References
    ----------
    .. [1] von Neumann, "Zur Theorie der Gesellschaftsspiele", Mathematische Annalen 100, 1928.

    Examples
    --------
    >>> value, row, column = zero_sum([[0, -1, 1], [1, 0, -1], [-1, 1, 0]])
    >>> abs(value) < 1e-12, bool(np.allclose(row, 1 / 3)), bool(np.allclose(column, 1 / 3))
    (True, True, True)
    """
    a = np.asarray(matrix, dtype=np.float64)
    if a.ndim != 2 or a.size == 0:
        raise GameFileError(f"a zero-sum game is a matrix with rows and columns, not an array of shape {a.shape}.")
    if not np.isfinite(a).all():
        raise GameFileError("a payoff is not finite.", hint="Payoffs are finite numbers.")
    worst, best = a.min(axis=1), a.max(axis=0)
    i, j = int(worst.argmax()), int(best.argmin())
    if worst[i] == best[j]:
        return float(a[i, j]), _unit(a.shape[0], i), _unit(a.shape[1], j)
    low, scale = float(a.min()), float(a.max() / 4 - a.min() / 4) * 4
    if not np.isfinite(scale):  # payoffs near the end of the float range
        value, row, column = zero_sum(a / 4)
        return value * 4, row, column
    unit = (a - low) / scale  # payoffs in [0, 1] keep the arithmetic well scaled whatever the game's units
    row, column = _two_by_two(unit) if a.shape == (2, 2) else _program(unit)
    gap = (unit @ column).max() - (row @ unit).min()
    if gap > 1e-9:
        column = _program(-unit.T + 1.0)[0]  # the dual was degenerate: solve the column player's own program
        gap = (unit @ column).max() - (row @ unit).min()
        if gap > 1e-9:
            raise SolverError(f"the linear program left a gap of {gap * scale:g} between the players' guarantees.")
    return float(low + scale * (row @ unit @ column)), row, column


def _two_by_two(a: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Without a saddle point both players mix, and each makes the other indifferent."""
    (p, q), (r, s) = a
    return _normal(np.array([s - r, p - q]) / (p - q - r + s)), _normal(np.array([s - q, p - r]) / (p - q - r + s))


def _program(a: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Maximise v subject to x'a >= v over the simplex, and the opponent's strategy from the dual."""
    from scipy.optimize import linprog

    rows, columns = a.shape
    answer = linprog(
        np.append(np.zeros(rows), -1.0),
        A_ub=np.column_stack([-a.T, np.ones(columns)]),
        b_ub=np.zeros(columns),
        A_eq=np.append(np.ones(rows), 0.0)[None],
        b_eq=[1.0],
        bounds=[(0.0, None)] * rows + [(None, None)],
        method="highs",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    if answer.status != 0:
        raise SolverError(f"the linear program of a {rows}x{columns} game failed: {answer.message}")
    return _normal(answer.x[:-1]), _normal(-answer.ineqlin.marginals)


def _normal(weights: FloatArray) -> FloatArray:
    kept = np.maximum(weights, 0.0)
    total = kept.sum()
    return np.asarray(kept / total if total > 0 else np.full(len(kept), 1 / len(kept)))


def _unit(size: int, index: int) -> FloatArray:
    vector = np.zeros(size)
    vector[index] = 1.0
    return vector
