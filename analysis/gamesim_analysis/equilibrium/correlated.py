"""Correlated and coarse correlated equilibria by linear programming: the best for a stated objective.

References
----------
.. [1] Aumann, "Subjectivity and Correlation in Randomized Strategies", Journal of Mathematical Economics 1, 1974.
.. [2] Moulin and Vial, "Strategically Zero-Sum Games", International Journal of Game Theory 7, 1978.
"""

from __future__ import annotations

from fractions import Fraction
from math import prod
from typing import Any

import numpy as np

from gamesim.core.certify import certify
from gamesim.core.errors import GameTooLargeError, SolverError, SolverLimitError, UnsupportedGameError, did_you_mean
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.profiles import Joint, distribution
from gamesim.core.solution import Limits

from .method import Found, Method, is_formal, table_of

NON_ZEROS = 2_000_000
OBJECTIVES = {
    "welfare": "largest sum of payoffs",
    "worst": "smallest sum of payoffs",
    "egalitarian": "largest smallest payoff",
}


def _run(game: Any, *, concept: str, limits: Limits, objective: str = "welfare") -> Found:
    table = table_of(game, limits)
    coarse = concept == "coarse"
    rows = sum(k if coarse else k * (k - 1) for k in table.shape)
    size = prod(table.shape)
    filled = table.n * size * max(table.shape) if coarse else sum((k - 1) * size for k in table.shape)
    if filled > NON_ZEROS:
        raise GameTooLargeError(
            f"the linear program has {filled:,} non-zeros.", hint=f"Up to {NON_ZEROS:,} are solved."
        )
    constraints = deviation_gains(table, coarse)
    assert constraints.shape == (rows, size)
    found = _program(table, constraints, objective, limits.seconds)
    return Found(
        [_exact(table, found, concept)],
        covers="one",
        complete=None,
        selection=OBJECTIVES.get(objective, f"largest payoff of {objective[7:]}"),
    )


def deviation_gains(table: NormalFormGame, coarse: bool) -> Any:
    """What deviations gain in each cell; a distribution under which no row is positive is an equilibrium."""
    from scipy.sparse import csr_matrix, vstack

    size = prod(table.shape)
    cells = np.arange(size).reshape(table.shape)
    blocks = []
    for i in range(table.n):
        own = np.moveaxis(table.payoffs[i], i, 0).reshape(table.shape[i], -1)
        where = np.moveaxis(cells, i, 0).reshape(table.shape[i], -1)
        for b in range(table.shape[i]):
            if coarse:
                gain = np.empty(size)
                gain[where.ravel()] = (own[b][None] - own).ravel()
                blocks.append(csr_matrix(gain[None]))
                continue
            for a in range(table.shape[i]):
                if a != b:
                    columns = where[a]
                    blocks.append(
                        csr_matrix((own[b] - own[a], (np.zeros(len(columns), dtype=int), columns)), (1, size))
                    )
    return vstack(blocks).tocsr() if blocks else csr_matrix((0, size))


def _program(table: NormalFormGame, constraints: Any, objective: str, seconds: float) -> Any:
    from scipy.optimize import linprog
    from scipy.sparse import csr_matrix, hstack, vstack

    size = prod(table.shape)
    flat = table.payoffs.reshape(table.n, -1)
    fairest = objective == "egalitarian"
    if objective in ("welfare", "worst"):
        goal = flat.sum(axis=0) * (-1.0 if objective == "welfare" else 1.0)
    elif objective.startswith("player:"):
        name = objective[7:]
        if name not in table.players:
            raise UnsupportedGameError(f"no player '{name[:60]}'.", hint=did_you_mean(name, table.players) or f"Players: {', '.join(table.players)}.")  # fmt: skip
        goal = -flat[table.players.index(name)]
    elif fairest:
        goal = np.append(np.zeros(size), -1.0)
        top = hstack([constraints, csr_matrix((constraints.shape[0], 1))])
        constraints = vstack([top, hstack([csr_matrix(-flat), np.ones((table.n, 1))])]).tocsr()
    else:
        raise UnsupportedGameError(f"no objective '{objective[:40]}'.", hint="Objectives: welfare, worst, egalitarian, player:NAME.")  # fmt: skip
    extra = int(fairest)
    answer = linprog(
        goal,
        A_ub=constraints if constraints.shape[0] else None,
        b_ub=np.zeros(constraints.shape[0]) if constraints.shape[0] else None,
        A_eq=np.append(np.ones(size), [0.0] * extra)[None],
        b_eq=[1.0],
        bounds=[(0.0, None)] * size + [(None, None)] * extra,
        method="highs",
        options={"time_limit": seconds},
    )
    if answer.status == 1:
        raise SolverLimitError(f"the linear program reached {seconds:.3g} s.", hint="Allow more seconds.")
    if answer.status != 0:
        raise SolverError(f"the linear program failed: {answer.message}")
    chances = np.maximum(answer.x[:size], 0.0)
    return (chances / chances.sum()).reshape(table.shape)


def _exact(table: NormalFormGame, chances: Any, concept: str) -> Joint:
    if table.exact is not None:
        for denominator in (60, 2520, 10**6):
            near = [Fraction(float(p)).limit_denominator(denominator) for p in chances.flat]
            total = sum(near)
            shares = np.empty(chances.shape, dtype=object)
            shares.reshape(-1)[:] = [p / total for p in near]
            joint = Joint(distribution(shares, "rounded"))
            if certify(table, joint, concept=concept).gap == 0:
                return joint
    return Joint(chances)


correlated = Method(
    "correlated",
    frozenset({"correlated", "coarse"}),
    "The best correlated or coarse correlated equilibrium for an objective, by linear programming.",
    lambda game, concept: is_formal(game),
    _run,
    suits="tables",
    covers="one, best for an objective",
    complete="no",
)
