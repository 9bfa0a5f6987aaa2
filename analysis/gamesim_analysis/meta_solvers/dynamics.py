"""Learning dynamics as meta-solvers: projected replicator dynamics and regret matching, averaged over time.

References
----------
.. [1] Lanctot et al., "A Unified Game-Theoretic Approach to Multiagent Reinforcement Learning", NeurIPS 2017 (projected
   replicator dynamics).
.. [2] Hart, Mas-Colell, "A Simple Adaptive Procedure Leading to Correlated Equilibrium", Econometrica 68, 2000.
"""

from __future__ import annotations

import time

import numpy as np
from numpy.random import Generator

from gamesim.core.arrays import FloatArray
from gamesim.core.empirical import EmpiricalGame
from gamesim.core.errors import SolverError
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.simplex import project
from gamesim.core.solution import Limits
from gamesim.core.solving import MetaStrategy

from .base import answer, means

CHECKED = 500  # steps between looks at the clock and the gap


def _earned(table: NormalFormGame, profile: list[FloatArray]) -> list[FloatArray]:
    """What each action of each player earns; two players without the generality of more."""
    if table.n == 2:
        return [table.payoffs[0] @ profile[1], profile[0] @ table.payoffs[1]]
    return [np.asarray(table.action_payoffs(i, profile), dtype=np.float64) for i in range(table.n)]


def _gap(table: NormalFormGame, profile: list[FloatArray]) -> float:
    return max(float(g.max() - g @ s) for g, s in zip(_earned(table, profile), profile, strict=True))


def prd(
    game: EmpiricalGame, *, limits: Limits, rng: Generator, dt: float = 1e-3, gamma: float = 1e-10, steps: int = 50_000,
    gap: float = 1e-6,
) -> MetaStrategy:  # fmt: skip
    """Projected replicator dynamics from uniform; the average over time, or the last point where it is better.

    Parameters
    ----------
    dt : step, in units of 1 / payoff.  gamma : floor of every chance.
    steps : most of them.  gap : stops early where the Nash gap of the average falls below this share of the payoff range.
    """
    if not (dt > 0 and gamma >= 0 and steps >= 1):
        raise SolverError(f"prd takes dt > 0, gamma >= 0, steps >= 1, not {dt:g}, {gamma:g}, {steps}.")
    table, start = means(game), time.monotonic()
    profile = [np.full(k, 1.0 / k) for k in table.shape]
    total = [np.zeros(k) for k in table.shape]
    done = 0
    for done in range(1, steps + 1):
        moved = []
        for s, g in zip(profile, _earned(table, profile), strict=True):
            after, least = s + dt * s * (g - g @ s), min(gamma, 0.5 / len(s))
            # above the floor the projection only mends rounding, which would grow from step to step
            moved.append(after / after.sum() if after.min() >= least else project(after, least))
        profile = moved
        for t, s in zip(total, profile, strict=True):
            t += s
        if done % CHECKED == 0 and (
            _gap(table, [t / done for t in total]) <= gap * table.payoff_range
            or time.monotonic() - start > limits.seconds
        ):
            break
    average = [t / done for t in total]
    best = min((average, profile), key=lambda p: _gap(table, p))
    return answer(game, best, details={"steps": done})


def regret_matching(game: EmpiricalGame, *, limits: Limits, rng: Generator, steps: int = 20_000) -> MetaStrategy:
    """Regret matching+ in self-play; the average weighted by time. In two-player zero-sum tables it tends to equilibrium."""
    if steps < 1:
        raise SolverError(f"regret_matching takes steps >= 1, not {steps}.")
    table, start = means(game), time.monotonic()
    regrets = [np.zeros(k) for k in table.shape]
    total = [np.zeros(k) for k in table.shape]
    done = 0
    for done in range(1, steps + 1):
        profile = [r / r.sum() if r.sum() > 0 else np.full(len(r), 1.0 / len(r)) for r in regrets]
        for i, g in enumerate(_earned(table, profile)):
            regrets[i] = np.maximum(regrets[i] + g - g @ profile[i], 0.0)
            total[i] += done * profile[i]
        if done % CHECKED == 0 and time.monotonic() - start > limits.seconds:
            break
    return answer(game, [t / t.sum() for t in total], details={"steps": done})
