"""Maximum Gini (coarse) correlated equilibria: of all, the joint distribution of least norm.

Least-distance programming: minimise the norm of x subject to ``G x >= h`` is a non-negative least squares problem in the
multipliers. The answer is unique, and uniform wherever uniform play is an equilibrium.

References
----------
.. [1] Marris et al., "Multi-Agent Training beyond Zero-Sum with Correlated Equilibrium Meta-Solvers", ICML 2021.
.. [2] Lawson, Hanson, "Solving Least Squares Problems", 1974, chapter 23.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import Generator

from gamesim.core.arrays import FloatArray
from gamesim.core.empirical import EmpiricalGame
from gamesim.core.errors import GameTooLargeError, SolverError
from gamesim.core.profiles import Joint
from gamesim.core.solution import Limits
from gamesim.core.solving import MetaStrategy
from gamesim_analysis.equilibrium.correlated import deviation_gains

from .base import answer, marginals_of, means

ENTRIES = 4_000_000  # of the dense system


def least_distance(g: FloatArray, h: FloatArray) -> FloatArray:
    """The point of least norm with ``g x >= h``.

    Raises
    ------
    SolverError
        If no point was found that satisfies the inequalities.

    Examples
    --------
    >>> least_distance(np.array([[1.0, 1.0]]), np.array([1.0])).round(6).tolist()
    [0.5, 0.5]
    """
    from scipy.optimize import lsq_linear, nnls

    system = np.vstack([g.T, h[None]])
    target = np.append(np.zeros(g.shape[1]), 1.0)
    attempts: tuple[
        Callable[[], Any], ...
    ] = (  # nnls of scipy 1.17 ends short of the least distance now and then, and does not say so
        lambda: nnls(system, target, maxiter=50 * system.shape[1])[0],
        lambda: lsq_linear(system, target, bounds=(0.0, np.inf), method="bvls", tol=1e-15).x,
    )
    for attempt in attempts:
        rest = system @ attempt() - target
        if abs(rest[-1]) >= 1e-12:
            point = np.asarray(-rest[:-1] / rest[-1])
            if (g @ point >= h - 1e-9).all():
                return point
    raise SolverError("no distribution satisfies the inequalities.")


def _least_norm(game: EmpiricalGame, concept: str) -> MetaStrategy:
    table = means(game)
    size = int(np.prod(table.shape))
    gains = np.asarray(deviation_gains(table, concept == "coarse").todense(), dtype=np.float64) / table.payoff_range
    if (gains.shape[0] + size) * size > ENTRIES:
        raise GameTooLargeError(f"the least-norm program has {(gains.shape[0] + size) * size:,} entries.", hint="Use mgcce, nash or prd.")  # fmt: skip
    even = np.full(size, 1.0 / size)
    if not (gains @ even > 1e-12).any():
        chances = even
    else:
        # x = even + y with y of sum zero: norms differ by a constant, so y is what is least; the simplex binds x >= 0
        one = np.ones((1, size)) / np.sqrt(size)
        g = np.vstack([-gains, np.eye(size), one, -one])
        h = np.concatenate([gains @ even, -even, [0.0, 0.0]])
        chances = np.maximum(even + least_distance(g, h), 0.0)
        chances /= chances.sum()
    joint = Joint(chances.reshape(table.shape))
    return answer(game, marginals_of(joint), joint, concept=concept, details={"gini": float(1 - chances @ chances)})


def mgce(game: EmpiricalGame, *, limits: Limits, rng: Generator) -> MetaStrategy:
    """Maximum Gini correlated equilibrium."""
    return _least_norm(game, "correlated")


def mgcce(game: EmpiricalGame, *, limits: Limits, rng: Generator) -> MetaStrategy:
    """Maximum Gini coarse correlated equilibrium."""
    return _least_norm(game, "coarse")
