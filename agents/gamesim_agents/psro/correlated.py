"""PSRO whose meta-strategy is correlated: what a player answers is what others do, given what she was told.

Under a correlated equilibrium (``mgce``) each recommendation has a conditional distribution of the others' play and an answer
to it; under a coarse one (``mgcce``) a player decides before she is told anything, and there is one answer to all of it.

References
----------
.. [1] Marris et al., "Multi-Agent Training beyond Zero-Sum with Correlated Equilibrium Meta-Solvers", ICML 2021.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gamesim.core.arrays import FloatArray

from .exact import Code, State, dots, grown, mixture

COARSE = {"mgce": False, "mgcce": True}


def step_correlated(state: State, joint: FloatArray, *, coarse: bool, tolerance: float = 1e-12) -> State:
    """One iteration against a joint distribution over the pools' profiles.

    Of a player's answers to her recommendations the one that gains most, weighed by how often she is told so, joins the pool.

    Parameters
    ----------
    joint : shape (k_1, ..., k_n), sums to one.

    Returns
    -------
    The state; ``gaps`` are what each player could gain by any policy whatever, which is what the concept forbids, and
    ``gains`` the part that her pool does not offer.
    """
    subject, n = state.subject, state.subject.n
    marginals = tuple(joint.sum(axis=tuple(j for j in range(n) if j != i)) for i in range(n))
    mixed = [mixture(pool, weights) for pool, weights in zip(state.plans, marginals, strict=True)]
    added: list[Code | None] = []
    gains, gaps, regrets, payoffs = [], [], [], []
    for i in range(n):
        told = np.moveaxis(joint, i, 0).reshape(len(state.plans[i]), -1)
        earned = np.moveaxis(state.table[i], i, 0).reshape(told.shape)
        live = np.flatnonzero(told.sum(axis=0) > 0)
        shape = tuple(len(pool) for j, pool in enumerate(state.plans) if j != i)
        slopes = np.array([_against(state, i, np.unravel_index(int(b), shape)) for b in live])
        rows = [told.sum(axis=0)] if coarse else [row for row in told if row.sum() > 0]
        have = (
            [float((told * earned).sum())]
            if coarse
            else [float(r @ u) for r, u in zip(told, earned, strict=True) if r.sum() > 0]
        )
        gain = gap = 0.0
        best: tuple[float, Code | None] = (tolerance * subject.scale, None)
        for row, value in zip(rows, have, strict=True):
            slope = mixture(list(slopes), row[live])
            plan, code = subject.answer(i, slope)
            worth = float(plan @ slope)
            more = max(worth - float(dots(np.array(state.plans[i]), slope).max()), 0.0)
            gain, gap = gain + more, gap + max(worth - value, 0.0)
            new = tuple(int(a) for a in code)
            if more > best[0] and new not in state.codes[i]:
                best = (more, new)
        neutral = subject.gradient(i, mixed)
        regrets.append(max(float(subject.answer(i, neutral)[0] @ neutral - neutral @ mixed[i]), 0.0))
        payoffs.append(float((told * earned).sum()))
        added.append(best[1])
        gains.append(gain)
        gaps.append(gap)
    after = grown(state, added)
    return replace(
        after, iteration=state.iteration + 1, marginals=marginals, added=tuple(added), gains=tuple(gains), gaps=tuple(gaps),
        exploitability=sum(regrets) / n, population=np.nan, payoffs=tuple(payoffs),
    )  # fmt: skip


def _against(state: State, i: int, drawn: tuple[np.intp, ...]) -> FloatArray:
    """What each coordinate of a player's policy earns against one profile of the others' pools."""
    others = [j for j in range(state.subject.n) if j != i]
    plans: list[FloatArray | None] = [None] * state.subject.n
    for j, b in zip(others, drawn, strict=True):
        plans[j] = state.plans[j][int(b)]
    return state.subject.gradient(i, plans)
