"""The least exploitable mixture of a pool against an opponent who may play anything.

    max over mixtures p of the pool of the value that the unrestricted opponent leaves

As pools grow the feasible set grows, so this exploitability can only fall: PSRO that plays it improves at any time.
``least_exploitable`` finds it by one linear program a player, for games that are known. ``regret_matched`` learns it by regret
matching while the opponent answers each step afresh, for games that are sampled; it falls in expectation alone.

References
----------
.. [1] McAleer et al., "Anytime PSRO for Two-Player Zero-Sum Games", 2022.
.. [2] Hart, Mas-Colell, "A Simple Adaptive Procedure Leading to Correlated Equilibrium", Econometrica 68, 2000.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.random import Generator

from gamesim.core.arrays import FloatArray
from gamesim.core.errors import SolverError

from .polytopes import Polytope, Treeplexes


def least_exploitable(subject: Polytope, plans: Sequence[Sequence[FloatArray]]) -> tuple[tuple[FloatArray, ...], float]:
    """Mixtures of both pools, and half of what the two unrestricted opponents gain together.

    Parameters
    ----------
    plans : the pools of a two-player constant-sum game.
    """
    mixtures, values = [], []
    for i in range(2):
        mixture, value = _guaranteed(subject, i, plans[i])
        mixtures.append(mixture)
        values.append(value)
    even = [subject.even(j) for j in range(2)]
    total = float(sum(subject.gradient(j, even) @ even[j] for j in range(2)))
    return tuple(mixtures), max((total - sum(values)) / 2, 0.0)


def regret_matched(
    subject: Polytope, plans: Sequence[Sequence[FloatArray]], steps: int, episodes: int | None, rng: Generator
) -> tuple[FloatArray, ...]:
    """What regret matching has played on average, the opponent having answered every step with a best response to it.

    As the opponent's answer leaves the least that a mixture guarantees, the average guarantees as much as the best mixture of
    the pool less the learner's regret a step. Later steps weigh more, as their number.

    Parameters
    ----------
    plans : the pools of a two-player constant-sum game.
    episodes : of each policy against each answer, by which the learner judges; None where payoffs are known.
    """
    found = []
    for i in range(2):
        pool = np.array(plans[i])
        regrets, played, mixture = np.zeros(len(pool)), np.zeros(len(pool)), np.full(len(pool), 1.0 / len(pool))
        for step in range(1, steps + 1):
            pair: list[Any] = [None, None]
            pair[i] = np.einsum("ij,i->j", pool, mixture)
            answer, _ = subject.answer(1 - i, subject.gradient(1 - i, pair))
            pair[1 - i] = answer
            if episodes is None:
                earned = np.einsum("ij,j->i", pool, subject.gradient(i, pair))
            else:
                earned = subject.earned(i, plans[i], answer, episodes, rng)
            played += step * mixture
            regrets += earned - mixture @ earned
            wanted = np.maximum(regrets, 0.0)
            mixture = wanted / wanted.sum() if wanted.any() else np.full(len(pool), 1.0 / len(pool))
        found.append(played / played.sum())
    return tuple(found)


def _guaranteed(subject: Polytope, i: int, pool: Sequence[FloatArray]) -> tuple[FloatArray, float]:
    """The mixture of a pool that guarantees most, and what it guarantees."""
    from scipy.optimize import linprog
    from scipy.sparse import csr_matrix, hstack

    gains = []  # what each member costs the opponent, by the opponent's coordinates: her payoff is minus this plus a constant
    for plan in pool:
        given: list[Any] = [None, None]
        given[i] = plan
        gains.append(_my_payoff(subject, i, given))
    columns = np.array(gains).T  # (opponent's coordinates, pool)
    if isinstance(subject, Treeplexes):
        f = subject.form.plexes[1 - i].constraints()
        goal = np.concatenate([np.zeros(len(pool)), [-1.0], np.zeros(f.shape[0] - 1)])
        above = hstack([csr_matrix(-columns), f.T]).tocsr()
    else:
        goal = np.append(np.zeros(len(pool)), -1.0)
        above = csr_matrix(np.column_stack([-columns, np.ones(len(columns))]))
    rest = above.shape[1] - len(pool)
    answer = linprog(
        goal, A_ub=above, b_ub=np.zeros(above.shape[0]),
        A_eq=np.concatenate([np.ones(len(pool)), np.zeros(rest)])[None], b_eq=[1.0],
        bounds=[(0.0, None)] * len(pool) + [(None, None)] * rest, method="highs",
    )  # fmt: skip
    if answer.status != 0:
        raise SolverError(f"the linear program of the least exploitable mixture failed: {answer.message}")
    mixture = np.maximum(answer.x[: len(pool)], 0.0)
    return mixture / mixture.sum(), -float(answer.fun)


def _my_payoff(subject: Polytope, i: int, given: list[Any]) -> FloatArray:
    """Player i's payoff under her plan, by each coordinate of the opponent's."""
    if isinstance(subject, Treeplexes):
        matrix = subject.form.matrices[i]
        return np.asarray(matrix.T @ given[0] if i == 0 else matrix @ given[1])
    payoffs = subject.game.payoffs[i]
    return np.asarray(given[0] @ payoffs if i == 0 else payoffs @ given[1])
