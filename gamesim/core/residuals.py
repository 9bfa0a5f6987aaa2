"""How far a mixed profile is from solving its game's variational inequality: two residuals that bound regret.

With F_i(z) = -(payoffs of player i's actions), z is an equilibrium of a game that is linear in each strategy iff -F(z) lies
in the normal cone of the simplices at z.

References
----------
.. [1] Cai, Oikonomou and Zheng, "Accelerated Algorithms for Monotone Inclusions", 2022, for the tangent residual.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .arrays import FloatArray
from .simplex import project


def tangent_residual(earned: Sequence[Any], profile: Sequence[Any]) -> float:
    """Distance from -F(z) to the normal cone at z.

    Parameters
    ----------
    earned : for each player the payoffs of its actions, (k_i,).  profile : its strategy, (k_i,).

    Returns
    -------
    r >= 0. Nash convergence is at most sqrt(2n) r, for the gains sum to at most r times the diameter of the simplices.

    Examples
    --------
    >>> tangent_residual([np.array([1.0, 1.0]), np.array([2.0, 0.0])], [np.array([0.5, 0.5]), np.array([1.0, 0.0])])
    0.0
    """
    squares = [_squared(-_floats(own), _floats(strategy) > 0) for own, strategy in zip(earned, profile, strict=True)]
    return float(np.sqrt(sum(squares)))


def _squared(cost: FloatArray, used: Any) -> float:
    """min over mu of sum_used (cost + mu)^2 + sum_rest min(cost + mu, 0)^2; actions of the rest join from the cheapest."""
    rest = np.sort(cost[~used])
    sums = cost[used].sum() + np.concatenate([[0.0], np.cumsum(rest)])
    mus = -sums / (int(used.sum()) + np.arange(len(rest) + 1))
    settled = np.flatnonzero(np.append(rest, np.inf) >= -mus)
    mu = mus[settled[0]]
    return float(((cost[used] + mu) ** 2).sum() + (np.minimum(rest + mu, 0.0) ** 2).sum())


def natural_residual(earned: Sequence[Any], profile: Sequence[Any]) -> float:
    """Norm of z - project(z - F(z)); zero exactly at an equilibrium.

    Examples
    --------
    >>> natural_residual([np.array([3.0, 0.0])], [np.array([0.5, 0.5])])
    0.707...
    """
    apart = [
        _floats(strategy) - project(_floats(strategy) + _floats(own))
        for own, strategy in zip(earned, profile, strict=True)
    ]
    return float(np.sqrt(sum(float(part @ part) for part in apart)))


def _floats(values: Any) -> FloatArray:
    return np.asarray(values, dtype=np.float64)
