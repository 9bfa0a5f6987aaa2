"""Extra anchored gradient: the last iterate approaches an equilibrium of a monotone game, like 1/k.

F(z) is minus what each action earns. A game is monotone where <F(z) - F(z'), z - z'> >= 0: two-player constant-sum games,
and polymatrix games (payoffs add over opponents) whose pairwise gains cancel. Each step looks back at the start z0:
b = z0/(k+2) + (1 - 1/(k+2)) z, then half = P(b - F(z)/L) and z = P(b - F(half)/L).

References
----------
.. [1] Yoon and Ryu, "Accelerated Algorithms for Smooth Convex-Concave Minimax Problems with O(1/k^2) Rate", ICML 2021.
.. [2] Cai, Oikonomou and Zheng, "Finite-Time Last-Iterate Convergence for Learning in Multi-Player Games", 2022.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from gamesim.core.arrays import FloatArray
from gamesim.core.errors import ParameterError
from gamesim.core.extensive_form import ExtensiveFormGame
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.simplex import project
from gamesim.core.solution import Limits

from .method import Found, Method, back, is_formal, table_of

Operator = Callable[[FloatArray], FloatArray]
SIZE = 2000  # strategies of all players together, whose pairwise table is held
STEPS = 10_000


def eag(
    operator: Operator,
    start: FloatArray,
    *,
    lipschitz: float,
    steps: int,
    projection: Operator | None = None,
    stop: Callable[[int, FloatArray], bool] | None = None,
) -> FloatArray:
    """Extra anchored gradient.

    Parameters
    ----------
    operator, start : F and z0, arrays of one shape.
    lipschitz : L > 0; the step is 1/L, which the theory allows up to the Lipschitz constant of F.
    projection : onto the set of plays; by default none.
    stop : (steps done, z) -> whether to end early.

    Returns
    -------
    The last iterate.

    Examples
    --------
    >>> turn = np.array([[0.0, 1.0], [-1.0, 0.0]])
    >>> bool(np.linalg.norm(turn @ eag(lambda z: turn @ z, np.array([1.0, 0.0]), lipschitz=2.0, steps=1000)) < 0.01)
    True
    """
    if not (lipschitz > 0 and steps > 0):
        raise ParameterError(f"lipschitz is {lipschitz} and steps is {steps}.", hint="Both are positive.")
    onto = projection or np.asarray
    z = anchor = np.asarray(start, dtype=np.float64)
    for k in range(steps):
        back = 1.0 / (k + 2)
        base = back * anchor + (1 - back) * z
        half = onto(base - operator(z) / lipschitz)
        z = onto(base - operator(half) / lipschitz)
        if stop is not None and stop(k + 1, z):
            break
    return z


def fast_extragradient(operator: Operator, start: FloatArray, *, lipschitz: float, steps: int) -> list[FloatArray]:
    """The unconstrained method whose gradient falls like 2 L |z0 - z*| / k, which is the best any method can do.

    With b = 1/(k+1): half = z + b(z0 - z) - (1 - b) F(z)/L, then z + b(z0 - z) - F(half)/L.

    Returns
    -------
    The iterates z_1, ..., z_steps.

    References
    ----------
    .. [1] Lee and Kim, "Fast Extra Gradient Methods for Smooth Structured Nonconvex-Nonconcave Minimax Problems", 2021.
    """
    z = anchor = np.asarray(start, dtype=np.float64)
    found = []
    for k in range(steps):
        back = 1.0 / (k + 1)
        base = z + back * (anchor - z)
        half = base - (1 - back) * operator(z) / lipschitz
        z = base - operator(half) / lipschitz
        found.append(z)
    return found


def spectral_norm(matrix: FloatArray, steps: int = 100) -> float:
    """Largest singular value, by power iteration.

    Examples
    --------
    >>> round(spectral_norm(np.diag([3.0, 1.0])), 6)
    3.0
    """
    start = np.random.default_rng(0).standard_normal(matrix.shape[1])
    v = np.asarray(start / np.linalg.norm(start))
    square = 0.0
    for _ in range(steps):
        w = matrix.T @ (matrix @ v)
        before, square = square, float(np.linalg.norm(w))
        if abs(square - before) <= 1e-12 * square:
            break
        v = np.asarray(w / square)
    return float(np.sqrt(square))


def polymatrix(table: NormalFormGame) -> FloatArray | None:
    """The linear operator of a game whose payoffs add over opponents; None if they do not.

    Returns
    -------
    M, square of all actions together: what the actions of all players earn is -M z on the product of simplices.
    """
    starts = np.cumsum([0, *table.shape])
    matrix = np.zeros((starts[-1], starts[-1]))
    base = (0,) * table.n
    for i in range(table.n):
        payoff = np.moveaxis(table.payoffs[i], i, 0)  # own action first
        own = payoff[(slice(None), *base[1:])]  # against everybody's first action
        rebuilt = np.zeros_like(payoff) + own.reshape(-1, *[1] * (table.n - 1))
        others = [j for j in range(table.n) if j != i]
        for axis, j in enumerate(others, 1):
            at = [slice(None) if a in (0, axis) else 0 for a in range(table.n)]
            pair = payoff[tuple(at)] - own[:, None]  # what j's action adds
            rebuilt += pair.reshape([table.shape[i], *[table.shape[j] if a == axis else 1 for a in range(1, table.n)]])
            share = own[:, None] / len(others)
            matrix[starts[i] : starts[i + 1], starts[j] : starts[j + 1]] = -(pair + share)
        if np.abs(rebuilt - payoff).max() > 1e-9 * table.payoff_range:
            return None
    return matrix


def is_monotone(matrix: FloatArray, shape: tuple[int, ...]) -> bool:
    """Whether M + M' is positive semidefinite between plays, whose differences sum to zero for each player."""
    starts = np.cumsum([0, *shape])
    lines = np.zeros((len(shape), len(matrix)))
    for i, k in enumerate(shape):
        lines[i, starts[i] : starts[i + 1]] = k**-0.5
    flat = np.eye(len(matrix)) - lines.T @ lines
    bent = flat @ (matrix + matrix.T) @ flat
    return bool(np.linalg.eigvalsh(bent)[0] >= -1e-9 * max(float(np.abs(matrix).max()), 1e-300))


def _check(game: Any, concept: str) -> str:
    reason = is_formal(game)
    if reason:
        return reason
    tree = isinstance(game, ExtensiveFormGame)
    if sum(game.strategy_count(i) for i in range(game.n)) > SIZE if tree else sum(game.shape) > SIZE:
        return f"the players have more than {SIZE:,} strategies"
    table = game.to_normal_form()
    if table.n == 2 and table.is_constant_sum:
        return ""
    matrix = polymatrix(table)
    if matrix is None:
        return "payoffs do not add over opponents, so the game is not known to be monotone"
    return "" if is_monotone(matrix, table.shape) else "the game is not monotone"


def _run(game: Any, *, concept: str, limits: Limits, steps: int = STEPS, tolerance: float = 5e-5) -> Found:
    table = table_of(game, limits)
    matrix = polymatrix(table)
    assert matrix is not None
    cuts = np.cumsum(table.shape)[:-1]
    deadline = time.monotonic() + limits.seconds
    reached = late = False
    done = 0

    def onto(z: FloatArray) -> FloatArray:
        return np.concatenate([project(part) for part in np.split(z, cuts)])

    def stop(k: int, z: FloatArray) -> bool:
        nonlocal reached, late, done
        done = k
        if k % 64 == 0:
            late = time.monotonic() > deadline
            costs = matrix @ z
            gains = [float(part @ cost - cost.min()) for part, cost in zip(np.split(z, cuts), np.split(costs, cuts), strict=True)]  # fmt: skip
            reached = max(gains) <= tolerance * table.payoff_range
        return reached or late

    start = np.concatenate([np.full(k, 1.0 / k) for k in table.shape])
    norm = spectral_norm(matrix)
    z = eag(lambda z: matrix @ z, start, lipschitz=norm or 1.0, steps=steps, projection=onto, stop=stop)
    return Found(
        back(game, [tuple(np.split(z, cuts))]),
        covers="one",
        complete=None,
        selection="the last iterate from uniform play",
        notes=[f"{done:,} steps of the extra anchored gradient, step 1/{norm:.4g}."],
        stopped="seconds" if late else "iterations" if not reached else None,
    )


extragradient = Method(
    "extragradient",
    frozenset({"nash"}),
    "The extra anchored gradient (EAG): the last iterate in monotone games of any number of players.",
    _check,
    _run,
    suits="constant-sum or monotone polymatrix tables",
    covers="one, approximate",
    complete="no",
)
