"""PSRO on formal games, with nothing sampled: exact tables, exact oracles, exact exploitability.

    pools start with a policy each
    repeat: meta-strategy of the table; an answer of each player to it, added where it is new and gains something

With the answers of risk-neutral players the loop is double oracle. A player who minds risk answers with the **vertex** that
her gradient at the meta-strategy points to, not with the mixed optimum, so that pools stay finite.

    >>> from gamesim.core.registry import entry
    >>> state = start(polytope(entry("games", "kuhn")()))
    >>> while (state := step(state)).gain > 1e-9:
    ...     pass
    >>> round(state.value, 6), state.exploitability < 1e-9
    (-0.055556, True)

References
----------
.. [1] Lanctot et al., "A Unified Game-Theoretic Approach to Multiagent Reinforcement Learning", NeurIPS 2017.
.. [2] McMahan, Gordon, Blum, "Planning in the Presence of Cost Functions Controlled by an Adversary", ICML 2003.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import numpy as np

from gamesim.core.arrays import FloatArray
from gamesim.core.errors import NotZeroSumError, SolverError, UnsupportedGameError
from gamesim.core.risk import CVaR, Neutral, RiskMeasure
from gamesim.core.zero_sum import zero_sum

from .anytime import least_exploitable
from .polytopes import Polytope, polytope

__all__ = ["State", "polytope", "start", "step"]

Code = tuple[int, ...]
Meta = Callable[[FloatArray], Sequence[FloatArray]]  # payoff table (n, k_1, ..., k_n) -> marginals


@dataclass(frozen=True, eq=False)
class State:
    """Pools and what is known of them after an iteration.

    Attributes
    ----------
    plans, codes : of each player's pool; the code of a policy that is not pure is None.
    table : payoffs of all profiles of the pools, (n, k_1, ..., k_n).
    marginals : the meta-strategy that was answered in this iteration, over the pools as they were then.
    added : codes added to each pool by this iteration; None where the answer was no new policy.
    gains : what each answer earns more than the best of the pool, in the player's own terms; ``gain`` the largest.
    gaps : what it earns more than the meta-strategy: a bound of what she could gain by any policy whatever.
    exploitability : NashConv / n of the meta-strategy in the whole game.
    population : of the least exploitable mixtures of the pools; NaN where it was not computed.
    """

    subject: Polytope
    plans: tuple[tuple[FloatArray, ...], ...]
    codes: tuple[tuple[Code | None, ...], ...]
    table: FloatArray
    iteration: int = 0
    marginals: tuple[FloatArray, ...] = ()
    added: tuple[Code | None, ...] = ()
    gains: tuple[float, ...] = ()
    gaps: tuple[float, ...] = ()
    exploitability: float = np.nan
    population: float = np.nan
    payoffs: tuple[float, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def gain(self) -> float:
        return max(self.gains, default=np.inf)

    @property
    def value(self) -> float:
        """Payoff of the first player under the meta-strategy."""
        return self.payoffs[0]

    @property
    def nash_conv(self) -> float:
        return self.exploitability * self.subject.n


def start(subject: Polytope, codes: Sequence[Code | None] | None = None) -> State:
    """Pools of one policy each: that of the code, or the even one."""
    given: Sequence[Code | None] = [None] * subject.n if codes is None else list(codes)
    plans = tuple(((subject.even(i) if code is None else subject.decode(i, code)),) for i, code in enumerate(given))
    return State(subject, plans, tuple((code,) for code in given), _table(subject, plans, None))


def restored(subject: Polytope, codes: Sequence[Sequence[Code | None]], iteration: int) -> State:
    """The state in which a loop stood that had these pools."""
    plans = tuple(
        tuple(subject.even(i) if code is None else subject.decode(i, code) for code in pool)
        for i, pool in enumerate(codes)
    )
    pools = tuple(tuple(None if code is None else tuple(code) for code in pool) for pool in codes)
    return State(subject, plans, pools, _table(subject, plans, None), iteration)


def grown(state: State, added: Sequence[Code | None]) -> State:
    """The state with one more policy in each pool whose entry is not None; the table is filled where it is new."""
    plans = tuple(
        pool if code is None else (*pool, state.subject.decode(i, code))
        for i, (pool, code) in enumerate(zip(state.plans, added, strict=True))
    )
    codes = tuple(pool if code is None else (*pool, tuple(code)) for pool, code in zip(state.codes, added, strict=True))
    return replace(state, plans=plans, codes=codes, table=_table(state.subject, plans, state.table))


def dots(rows: FloatArray, vector: FloatArray) -> FloatArray:
    """``rows @ vector`` with sums in one order, whatever else is multiplied with it and on however many threads."""
    return np.asarray(np.einsum("ij,j->i", rows, vector), dtype=np.float64)


def _table(subject: Polytope, plans: Sequence[Sequence[FloatArray]], before: FloatArray | None) -> FloatArray:
    """Payoffs of all profiles; what stands in ``before`` is kept. Rounded to thirteen digits of the payoff range.

    The last digits depend on the order of sums, and a linear program that has many solutions may choose by them: rounded, a
    table is the same whether it grew or was made anew.
    """
    digits = 13 - math.ceil(math.log10(subject.scale)) if subject.scale > 0 else 13
    return np.round(_payoffs(subject, plans, before), digits)


def _payoffs(subject: Polytope, plans: Sequence[Sequence[FloatArray]], before: FloatArray | None) -> FloatArray:
    n, shape = subject.n, tuple(len(pool) for pool in plans)
    table = np.full((n, *shape), np.nan)
    if before is not None:
        table[(slice(None), *(slice(0, k) for k in before.shape[1:]))] = before
    if n == 2:
        old = (0, 0) if before is None else before.shape[1:]
        for j in range(shape[1]):
            rows = slice(0 if j >= old[1] else old[0], shape[0])
            if rows.start < shape[0]:
                block = np.array(plans[0][rows])
                table[0, rows, j] = dots(block, subject.gradient(0, (None, plans[1][j])))
        if subject.game.is_constant_sum:
            total = _total(subject)
            table[1] = total - table[0]
        else:
            for k in range(shape[0]):
                columns = slice(0 if k >= old[0] else old[1], shape[1])
                if columns.start < shape[1]:
                    table[1, k, columns] = dots(np.array(plans[1][columns]), subject.gradient(1, (plans[0][k], None)))
        return table
    for profile in np.ndindex(*shape):
        if np.isnan(table[(0, *profile)]):
            chosen = [pool[a] for pool, a in zip(plans, profile, strict=True)]
            for i in range(n):
                table[(i, *profile)] = subject.gradient(i, chosen) @ chosen[i]
    return table


def _total(subject: Polytope) -> float:
    """What payoffs of a constant-sum game add to."""
    even = [subject.even(i) for i in range(subject.n)]
    return float(sum(subject.gradient(i, even) @ even[i] for i in range(subject.n)))


def step(
    state: State, meta: Meta | None = None, *, risk: Sequence[RiskMeasure] | None = None, anytime: bool = False,
    leading: Sequence[FloatArray] | None = None, population: bool = False, first: bool = False, tolerance: float = 1e-12,
) -> State:  # fmt: skip
    """One iteration.

    Parameters
    ----------
    meta : from the table to the marginals that are answered; by default the linear program of zero-sum tables.
    risk : of each player's oracle; by default neutral.
    anytime : the least exploitable mixture of each pool is answered instead (two players, constant sum).
    leading : other mixtures that are answered instead, such as those that ``anytime.regret_matched`` learns.
    population : also compute how exploitable the least exploitable mixtures are.
    first : ties by the lowest index; slower, for comparison.
    tolerance : smallest gain, as a share of the payoff range, for which a policy is added.

    Notes
    -----
    A mixture that is least exploitable has several best answers, and one of them may be in the pool while another is what
    makes it no better. So a player whose answer to a leading mixture is not new answers ``meta``. When nobody gains by that
    either, ``meta`` is an equilibrium that the pools hold, and the least exploitable mixtures are as good.

    Raises
    ------
    NotZeroSumError
        For ``anytime`` or ``population`` outside two-player constant-sum games.
    UnsupportedGameError
        For the default meta-solver outside them.
    """
    subject, n = state.subject, state.subject.n
    constant = n == 2 and subject.game.is_constant_sum
    if (anytime or population) and not constant:
        raise not_zero_sum(subject)
    if not constant and meta is None:
        raise UnsupportedGameError("the linear program is for two-player constant-sum games.", hint="Name a meta-solver, such as prd or rae.")  # fmt: skip
    bound = np.nan
    if anytime or population:
        least, bound = least_exploitable(subject, state.plans)
        leading = least if anytime else leading

    def pooled() -> list[FloatArray]:
        found = zero_sum(state.table[0])[1:] if meta is None else meta(state.table)
        return [np.asarray(m, dtype=np.float64) for m in found]

    marginals = pooled() if leading is None else [np.asarray(m, dtype=np.float64) for m in leading]
    found = _answered(state, marginals, risk, first, tolerance)
    if leading is not None and any(code is None for code in found.added):
        more = _answered(state, pooled(), risk, first, tolerance)
        added = tuple(b if a is None else a for a, b in zip(found.added, more.added, strict=True))
        found = replace(found, added=added, gains=tuple(map(max, found.gains, more.gains)))
    after = grown(state, found.added)
    return replace(
        after, iteration=state.iteration + 1, marginals=tuple(marginals), added=found.added, gains=found.gains, gaps=found.gaps,
        exploitability=sum(found.regrets) / n, population=bound, payoffs=found.payoffs,
    )  # fmt: skip


def not_zero_sum(subject: Polytope) -> NotZeroSumError:
    """What to say where anytime play is asked for and there is no value to guarantee."""
    why = "its payoffs do not add to a constant" if subject.n == 2 else f"it has {subject.n} players"
    return NotZeroSumError(f"anytime play guarantees a value of a two-player zero-sum game, and {why}.", path="anytime",
                           hint="Leave anytime out, and name a meta-solver: nash (by Gambit), prd or mgcce.")  # fmt: skip


@dataclass(frozen=True)
class _Answered:
    """Of each player the answer that is new, what it gains over the pool and over the mixture, and what a neutral player gains."""

    added: tuple[Code | None, ...]
    gains: tuple[float, ...]
    gaps: tuple[float, ...]
    regrets: tuple[float, ...]
    payoffs: tuple[float, ...]


def _answered(
    state: State, marginals: Sequence[FloatArray], risk: Sequence[RiskMeasure] | None, first: bool, tolerance: float
) -> _Answered:  # fmt: skip
    subject, n = state.subject, state.subject.n
    mixed = [mixture(pool, weights) for pool, weights in zip(state.plans, marginals, strict=True)]
    attitudes = list(risk) if risk is not None else [Neutral()] * n
    added: list[Code | None] = []
    gains, gaps, regrets, payoffs = [], [], [], []
    for i in range(n):
        neutral = subject.gradient(i, mixed)
        plan, code = subject.answer(i, neutral)
        payoffs.append(float(neutral @ mixed[i]))
        regrets.append(max(float(neutral @ plan) - payoffs[-1], 0.0))
        if isinstance(attitudes[i], Neutral):
            slope, have = neutral, payoffs[-1]
        else:
            slope, have = _tilted(state, i, marginals, mixed[i], attitudes[i])
        if first or slope is not neutral:
            plan, code = subject.answer(i, slope, first)
        gain = float(plan @ slope - dots(np.array(state.plans[i]), slope).max())
        gains.append(gain)
        gaps.append(max(float(plan @ slope) - have, 0.0))
        new = tuple(int(a) for a in code)
        added.append(new if gain > tolerance * subject.scale and new not in state.codes[i] else None)
    return _Answered(tuple(added), tuple(gains), tuple(gaps), tuple(regrets), tuple(payoffs))


def mixture(pool: Sequence[FloatArray], weights: FloatArray) -> FloatArray:
    """The policy that a mixture of a pool amounts to."""
    return np.asarray(np.einsum("ij,i->j", np.array(pool), np.asarray(weights, dtype=np.float64)), dtype=np.float64)


def _tilted(
    state: State, i: int, marginals: Sequence[FloatArray], mine: FloatArray, risk: RiskMeasure
) -> tuple[FloatArray, float]:
    """Gradient of a player who minds risk: what opponents' pools draw together, weighed by what it does to her. And what her
    own play is worth.

    CVaR has many where outcomes tie, as they do in equilibrium; the one is taken under which no policy of her pool is worth
    more than their best mixture, so that whatever is worth more is new and raises what she can have.
    """
    table, s = _drawn(state, i, marginals)
    if isinstance(risk, CVaR):
        worst = _worst_case(np.array([dots(table, plan) for plan in state.plans[i]]), s, risk.alpha)
        return mixture(list(table), worst), risk.value(dots(table, mine), s)  # the gradient is not that of her own play
    slope = mixture(list(table), s * risk.weights(dots(table, mine), s))
    return slope, float(mine @ slope)


def _drawn(state: State, i: int, marginals: Sequence[FloatArray]) -> tuple[FloatArray, FloatArray]:
    """What each coordinate of a player's policy earns against all that the others' pools draw together, and the chances."""
    others = [j for j in range(state.subject.n) if j != i]
    live = [np.flatnonzero(marginals[j] > 0) for j in others]
    against, chances = [], []
    for drawn in product(*live):
        plans: list[FloatArray | None] = [None] * state.subject.n
        for j, b in zip(others, drawn, strict=True):
            plans[j] = state.plans[j][int(b)]
        against.append(state.subject.gradient(i, plans))
        chances.append(np.prod([marginals[j][b] for j, b in zip(others, drawn, strict=True)]))
    return np.array(against), np.array(chances, dtype=np.float64)


def _worst_case(earned: FloatArray, chances: FloatArray, alpha: float) -> FloatArray:
    """Chances p <= chances / alpha of outcomes, shape (m,), that make the best row of ``earned`` (k, m) worth least: the dual
    of the program of Rockafellar and Uryasev."""
    from scipy.optimize import linprog

    m = len(chances)
    unit = (earned - earned.min()) / (float(np.ptp(earned)) or 1.0)
    answer = linprog(
        np.append(np.zeros(m), 1.0), A_ub=np.column_stack([unit, -np.ones(len(unit))]), b_ub=np.zeros(len(unit)),
        A_eq=np.append(np.ones(m), 0.0)[None], b_eq=[1.0], bounds=[(0.0, s / alpha) for s in chances] + [(None, None)],
        method="highs", options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )  # fmt: skip
    if answer.status != 0:
        raise SolverError(f"the linear program of the worst case failed: {answer.message}")
    found = np.maximum(answer.x[:m], 0.0)
    return np.asarray(found / found.sum())
