"""Nash equilibria as meta-strategies, and the two simplest baselines beside them.

Two-player zero-sum tables by linear programming, other two-player tables by Lemke-Howson or, where a choice among all
equilibria is asked for, by enumeration; more players by the methods of the router. A sampled table counts as zero-sum where
the sum of the means stays within three of its standard errors in every cell.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.random import Generator

from gamesim.core.empirical import EmpiricalGame
from gamesim.core.errors import SolverError, clean, did_you_mean
from gamesim.core.profiles import MixedProfile
from gamesim.core.solution import Limits
from gamesim.core.solving import MetaStrategy
from gamesim.core.zero_sum import zero_sum

from .base import answer, means

SELECTIONS = ("first", "max_welfare", "max_entropy")


def nash(game: EmpiricalGame, *, limits: Limits, rng: Generator, select: str = "first") -> MetaStrategy:
    """One Nash equilibrium of the table of means.

    Parameters
    ----------
    select : ``first`` that is found, or among all that can be had the one of ``max_welfare`` or ``max_entropy``.

    Raises
    ------
    SolverError
        If a profile was never played, or no equilibrium was found within the limits.
    """
    from gamesim_analysis.equilibrium.router import solve

    if select not in SELECTIONS:
        raise SolverError(f"no selection '{clean(select, 40)}'.", hint=did_you_mean(select, SELECTIONS) or f"Selections: {', '.join(SELECTIONS)}.")  # fmt: skip
    table = means(game)
    if select == "first" and table.n == 2 and is_zero_sum(game):
        value, row, column = zero_sum((table.payoffs[0] - table.payoffs[1]) / 2)
        return answer(game, (row, column), details={"value": value, "method": "linear program"})
    solution = solve(table, "nash", every=select != "first", limits=limits)
    if not solution.equilibria:
        raise SolverError(f"{solution.method} found no equilibrium of the table.", hint="Try another meta-solver, such as prd or mgcce.")  # fmt: skip
    chosen = solution.equilibria[0].play
    if select == "max_welfare":
        chosen = max(solution.equilibria, key=lambda e: float(sum(e.payoffs))).play
    elif select == "max_entropy":
        chosen = max((e.play for e in solution.equilibria), key=entropy)
    return answer(game, chosen, details={"method": solution.method, "complete": solution.complete, "select": select})


def is_zero_sum(game: EmpiricalGame) -> bool:
    """Whether the cells' payoffs add to zero, within three standard errors of the sum where they were sampled."""
    scale = float(np.nanmax(np.abs(game.mean))) or 1.0
    for cell in game.cells.values():
        error = 0.0
        if 1 < cell.count < math.inf:
            error = math.sqrt(max(float(cell.covariance.sum()), 0.0) / cell.count)
        if abs(float(cell.mean.sum())) > 3 * error + 1e-9 * scale:
            return False
    return True


def entropy(profile: MixedProfile) -> float:
    """Sum of the players' entropies."""
    return float(sum(-(p[p > 0] * np.log(p[p > 0])).sum() for p in (np.asarray(s, dtype=np.float64) for s in profile)))


def uniform(game: EmpiricalGame, *, limits: Limits, rng: Generator) -> MetaStrategy:
    """Every policy of a pool alike."""
    return answer(game, [np.full(k, 1.0 / k) for k in game.shape])


def alpharank(
    game: EmpiricalGame, *, limits: Limits, rng: Generator, alpha: float = 100.0, population: int = 50
) -> MetaStrategy:
    """The marginals of alpha-rank's stationary law; not an equilibrium, and its certificate says how far from one."""
    from gamesim_analysis.equilibrium.alpha_rank import alpha_rank

    one = len(game.policies) == 1 and game.n == 2
    table = means(game).payoffs
    found = alpha_rank(table[0] if one else table, alpha=alpha, population=population, seconds=limits.seconds)
    shares: Any = tuple(found.marginals) * (game.n if one else 1)
    return answer(game, shares, details={"unique": found.unique})
