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

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gamesim.core.arrays import FloatArray
from gamesim.core.errors import UnsupportedGameError
from gamesim.core.risk import Neutral, RiskMeasure
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


def grown(state: State, added: Sequence[Code | None]) -> State:
    """The state with one more policy in each pool whose entry is not None; the table is filled where it is new."""
    plans = tuple(
        pool if code is None else (*pool, state.subject.decode(i, code))
        for i, (pool, code) in enumerate(zip(state.plans, added, strict=True))
    )
    codes = tuple(pool if code is None else (*pool, tuple(code)) for pool, code in zip(state.codes, added, strict=True))
    return replace(state, plans=plans, codes=codes, table=_table(state.subject, plans, state.table))


def _table(subject: Polytope, plans: Sequence[Sequence[FloatArray]], before: FloatArray | None) -> FloatArray:
    """Payoffs of all profiles; what stands in ``before`` is kept."""
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
                for i in range(2):
                    if i == 0:
                        table[0, rows, j] = block @ subject.gradient(0, (None, plans[1][j]))
        if subject.game.is_constant_sum:
            total = _total(subject)
            table[1] = total - table[0]
        else:
            for k in range(shape[0]):
                columns = slice(0 if k >= old[0] else old[1], shape[1])
                if columns.start < shape[1]:
                    table[1, k, columns] = np.array(plans[1][columns]) @ subject.gradient(1, (plans[0][k], None))
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
    population: bool = False, first: bool = False, tolerance: float = 1e-12,
) -> State:  # fmt: skip
    """One iteration.

    Parameters
    ----------
    meta : from the table to the marginals that are answered; by default the linear program of zero-sum tables.
    risk : of each player's oracle; by default neutral. Other attitudes are for two players.
    anytime : the least exploitable mixture of each pool takes the place of ``meta`` (two players, constant sum).
    population : also compute how exploitable those mixtures are.
    first : ties by the lowest index; slower, for comparison.
    tolerance : smallest gain, as a share of the payoff range, for which a policy is added.

    Raises
    ------
    UnsupportedGameError
        For the default meta-solver, ``anytime`` or ``population`` outside two-player constant-sum games, or an attitude to
        risk with more players.
    """
    subject, n = state.subject, state.subject.n
    constant = n == 2 and subject.game.is_constant_sum
    if not constant and (meta is None or anytime or population):
        raise UnsupportedGameError("the linear program, anytime play and population exploitability are for two-player constant-sum games.", hint="Name a meta-solver, such as prd or rae.")  # fmt: skip
    least, bound = None, np.nan
    if anytime or population:
        least, bound = least_exploitable(subject, state.plans)
    if anytime and least is not None:
        marginals: list[FloatArray] = [np.asarray(m) for m in least]
    elif meta is None:
        marginals = list(zero_sum(state.table[0])[1:])
    else:
        marginals = [np.asarray(m, dtype=np.float64) for m in meta(state.table)]
    mixed = [np.array(pool).T @ weights for pool, weights in zip(state.plans, marginals, strict=True)]
    attitudes = list(risk) if risk is not None else [Neutral()] * n
    if n > 2 and any(not isinstance(r, Neutral) for r in attitudes):
        raise UnsupportedGameError("exact oracles that mind risk are for two players.", hint="Use a neutral oracle.")
    added: list[Code | None] = []
    gains, regrets, payoffs = [], [], []
    for i in range(n):
        neutral = subject.gradient(i, mixed)
        best, _ = subject.answer(i, neutral)
        payoffs.append(float(neutral @ mixed[i]))
        regrets.append(max(float(neutral @ best) - payoffs[-1], 0.0))
        slope = neutral if isinstance(attitudes[i], Neutral) else _tilted(state, i, marginals, mixed[i], attitudes[i])
        plan, code = subject.answer(i, slope, first)
        pool = np.array(state.plans[i]) @ slope
        gain = float(plan @ slope - pool.max())
        gains.append(gain)
        new = tuple(int(a) for a in code)
        added.append(new if gain > tolerance * subject.scale and new not in state.codes[i] else None)
    after = grown(state, added)
    return replace(
        after, iteration=state.iteration + 1, marginals=tuple(marginals), added=tuple(added), gains=tuple(gains),
        exploitability=sum(regrets) / n, population=bound, payoffs=tuple(payoffs),
    )  # fmt: skip


def _tilted(state: State, i: int, marginals: Sequence[FloatArray], mine: FloatArray, risk: RiskMeasure) -> FloatArray:
    """Gradient of a player who minds risk: opponents' pool members weighed by what they do to her."""
    subject, other = state.subject, 1 - i
    live = np.flatnonzero(marginals[other] > 0)
    against = []
    for b in live:
        plans: list[FloatArray | None] = [None, None]
        plans[other] = state.plans[other][int(b)]
        against.append(subject.gradient(i, plans))
    table = np.array(against)  # (members, coordinates)
    s = marginals[other][live]
    weights = risk.weights(table @ mine, s)
    return np.asarray((s * weights) @ table)
