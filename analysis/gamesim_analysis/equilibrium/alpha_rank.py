"""Alpha-rank: how much of the time populations of imitators spend at each strategy, or profile of strategies.

A rare mutant takes over a population of m with the fixation chance rho of its advantage d:
rho = (1 - e^-x)/(1 - e^-mx), x = alpha d. One population in a symmetric game: from i to k with rho(u(k,i) - u(i,k)) / (n-1).
Several: one player moves at a time, each move by rho of its own gain over sum_i (k_i - 1). The law of that chain ranks.

References
----------
.. [1] Omidshafiei et al., "Alpha-Rank: Multi-Agent Evaluation by Evolution", Scientific Reports 9, 2019.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from gamesim.core.arrays import FloatArray, IntArray
from gamesim.core.errors import GameTooLargeError, ParameterError, SolverLimitError
from gamesim.core.extensive_form import ExtensiveFormGame
from gamesim.core.preference_game import PreferenceGame
from gamesim.core.solution import Limits, Ranking
from gamesim.core.symmetric import SymmetricGame

from .markov_chain import closed_classes, stationary, stationary_of_logs
from .method import RankingMethod, is_formal, table_of

DIRECT = 5_000  # states up to which elimination is used
BY_LOGARITHMS = 1_000  # the same where chances are too small for floats
MOVES = 20_000_000  # from a profile to another that differs in one strategy: what the chain's table holds
STEPS = 2_000_000
SMALLEST = -650.0  # logarithm of the chance below which floats lose digits
ALPHA, POPULATION = 100.0, 50


@dataclass(frozen=True, eq=False)
class AlphaRank:
    """What alpha-rank found.

    Attributes
    ----------
    law : shape (k,) for one population, else (k_1, ..., k_n); sums to one.
    marginals : of each population, (k_i,).
    sinks : the sets of states, as flat indices, that floats do not see left again; all states where there is one such set
        and it holds everything.
    unique : whether there is only one of them. Where there are several the law weighs them by the logarithms of chances too
        small for floats, or, beyond 1,000 states, as the uniform start falls into them (``how`` tells).
    """

    law: FloatArray
    marginals: tuple[FloatArray, ...]
    sinks: tuple[IntArray, ...]
    how: str

    @property
    def unique(self) -> bool:
        return len(self.sinks) == 1


def log_fixation(advantage: FloatArray, population: int) -> FloatArray:
    """Logarithm of the chance that one mutant of advantage x = alpha d takes over a population of m."""
    x, m = np.asarray(advantage, dtype=np.float64), population
    size = np.abs(x)
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = np.log(-np.expm1(-size)) - np.log(-np.expm1(-m * size))
    gain = np.where(size < 1e-14, -math.log(m), gain)
    return np.asarray(np.where(x < 0, gain - (m - 1) * size, gain))


def alpha_rank(
    payoffs: Any, *, alpha: float = ALPHA, population: int = POPULATION, seconds: float = float("inf")
) -> AlphaRank:
    """Rank strategies of one population, or profiles of several.

    Parameters
    ----------
    payoffs : (k, k), what the row strategy gets against the column strategy in a symmetric game: one population;
        or (n, k_1, ..., k_n), one population a player.
    alpha : selection intensity > 0, in 1/payoff.  population : size m >= 2 of each population.

    Examples
    --------
    >>> alpha_rank([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]).law
    array([0.33333333, 0.33333333, 0.33333333])
    """
    deadline = time.monotonic() + seconds
    u = np.asarray(payoffs, dtype=np.float64)
    if not (math.isfinite(alpha) and alpha > 0) or population < 2:
        raise ParameterError(f"alpha is {alpha} and the population {population}.", hint="alpha is above zero and a population at least 2.")  # fmt: skip
    if not np.isfinite(u).all() or u.size == 0:
        raise ParameterError("payoffs are finite numbers.")
    if u.ndim == 2 and u.shape[0] == u.shape[1]:
        shape: tuple[int, ...] = u.shape[:1]
        sources, targets, gains = _one(u)
    elif u.ndim >= 2 and u.ndim == u.shape[0] + 1:
        shape = u.shape[1:]
        if _moves(shape) > MOVES:
            raise GameTooLargeError(f"the chain of {math.prod(shape):,} profiles has {_moves(shape):,} moves.", hint=f"Up to {MOVES:,} are held.")  # fmt: skip
        sources, targets, gains = _several(u)
    else:
        raise ParameterError(f"payoffs of shape {u.shape} are neither (k, k) nor (n, k_1, ..., k_n).")
    logs = log_fixation(alpha * gains, population)
    states, moves = math.prod(shape), sum(k - 1 for k in shape)
    law, sinks, how = _law(states, sources, targets, logs, max(moves, 1), deadline)
    law = law.reshape(shape)
    axes = range(len(shape))
    marginals = tuple(np.asarray(law.sum(axis=tuple(j for j in axes if j != i))) for i in axes)
    return AlphaRank(law, marginals, sinks, how)


def _moves(shape: tuple[int, ...]) -> int:
    return math.prod(shape) * sum(k - 1 for k in shape)


Moves = tuple[IntArray, IntArray, FloatArray]  # from, to, what the mutant gains


def _one(u: FloatArray) -> Moves:
    i, k = np.nonzero(~np.eye(len(u), dtype=bool))
    return i, k, u[k, i] - u[i, k]


def _several(u: FloatArray) -> Moves:
    shape = u.shape[1:]
    number = np.arange(math.prod(shape)).reshape(shape)
    parts: list[Moves] = []
    for player, k in enumerate(shape):
        own, at = np.moveaxis(u[player], player, 0).reshape(k, -1), np.moveaxis(number, player, 0).reshape(k, -1)
        a, b = np.nonzero(~np.eye(k, dtype=bool))
        parts.append((at[a].ravel(), at[b].ravel(), (own[b] - own[a]).ravel()))
    return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))  # type: ignore[return-value]


def _law(
    states: int, sources: IntArray, targets: IntArray, logs: FloatArray, moves: int, deadline: float
) -> tuple[FloatArray, tuple[IntArray, ...], str]:
    from scipy.sparse import csr_matrix

    if states == 1:
        return np.ones(1), (np.zeros(1, dtype=np.int64),), "elimination"
    chances = np.exp(np.where(logs > SMALLEST, logs, -np.inf)) / moves
    everything = np.arange(states, dtype=np.int64)
    if states <= DIRECT and (chances > 0).all():  # every strategy can follow every other
        dense = np.zeros((states, states))
        dense[sources, targets] = chances
        law = stationary(dense)
        if np.isfinite(law).all():
            return law, (everything,), "elimination"
    table = csr_matrix((chances, (sources, targets)), shape=(states, states))
    table.eliminate_zeros()
    sinks = tuple(closed_classes(table))
    if len(sinks) == 1 and len(sinks[0]) <= DIRECT:
        law, only = np.zeros(states), sinks[0]
        law[only] = stationary(table[only][:, only].toarray())
        if np.isfinite(law).all():
            return law, sinks, "elimination"
    if states > BY_LOGARITHMS:
        return _iterated(table, deadline), sinks, "iteration from uniform"
    dense = np.full((states, states), -np.inf)
    dense[sources, targets] = logs
    return stationary_of_logs(dense), sinks, "elimination by logarithms"


def _iterated(table: Any, deadline: float) -> FloatArray:
    """Powers of the chain from uniform, made lazy so that it has no period, until a step moves less than 1e-13 in all."""
    from scipy.sparse import diags, identity

    stay = 1.0 - np.asarray(table.sum(axis=1)).ravel()
    chain = (0.9 * (table + diags(stay)) + 0.1 * identity(len(stay))).T.tocsr()
    law = np.full(len(stay), 1.0 / len(stay))
    for step in range(1, STEPS + 1):
        after = chain @ law
        if step % 32 == 0:
            after /= after.sum()
            if float(np.abs(after - law).sum()) < 1e-13:
                return np.asarray(after)
        if time.monotonic() > deadline:
            break
        law = after
    raise SolverLimitError(
        f"the chain of {len(stay):,} profiles did not settle.", hint="Allow more seconds, or take a smaller alpha."
    )


def one_population(game: Any) -> FloatArray | None:
    """The table of a symmetric two-player game, what the row strategy gets; None for other games."""
    if isinstance(game, PreferenceGame):
        return game.preferences
    if isinstance(game, SymmetricGame):
        return np.asarray(game.to_normal_form().payoffs[0]) if game.n == 2 else None
    if isinstance(game, ExtensiveFormGame):
        return None
    return np.asarray(game.payoffs[0]) if game.n == 2 and game.is_symmetric else None


def _check(game: Any, concept: str) -> str:
    reason = is_formal(game)
    if reason or isinstance(game, ExtensiveFormGame):
        return reason
    if one_population(game) is not None or _moves(game.shape) <= MOVES:
        return ""
    return f"the chain of {math.prod(game.shape):,} profiles has {_moves(game.shape):,} moves, and {MOVES:,} are held"


def _run(
    game: Any,
    *,
    concept: str,
    limits: Limits,
    alpha: float = ALPHA,
    population: int = POPULATION,
    populations: str = "auto",
) -> Ranking:
    if populations not in ("auto", "one", "several"):
        raise ParameterError(f"populations is '{populations}'.", hint="auto, one or several.")
    table = table_of(game, limits)
    shared = None if populations == "several" else one_population(game)
    if populations == "one" and shared is None:
        raise ParameterError("one population plays a symmetric game of two players, and this is none.")
    found = alpha_rank(
        table.payoffs if shared is None else shared, alpha=alpha, population=population, seconds=limits.seconds
    )
    labels = [table.actions[0]] if shared is not None else list(table.actions)
    names = tuple(" / ".join(own[a] for own, a in zip(labels, cell, strict=True)) for cell in np.ndindex(*found.law.shape))  # fmt: skip
    notes = [f"alpha {alpha:g}, {len(labels)} population{'s' * (len(labels) > 1)} of {population}; by {found.how}."]
    sinks = [[names[state] for state in states] for states in found.sinks]
    if not found.unique:
        told = "; ".join(", ".join(states[:6]) + (", ..." if len(states) > 6 else "") for states in sinks[:8])
        notes.append(f"{len(sinks)} sink components, between which chances are too small for floats: {told}.")
    details = {
        "marginals": {
            player: dict(zip(own, map(float, mass), strict=True))
            for player, own, mass in zip(table.players, labels, found.marginals, strict=False)
        },
        "sinks": sinks,
        "how": found.how,
    }
    return Ranking(
        names,
        found.law.ravel(),
        "alpha_rank",
        {"alpha": alpha, "population": population},
        found.unique,
        details,
        tuple(notes),
    )


ranking = RankingMethod(
    "alpha_rank",
    frozenset({"alpharank"}),
    "Alpha-rank: how often imitating populations hold each strategy, or profile of strategies.",
    _check,
    _run,
    suits="any table",
    covers="the stationary law, not Nash",
    complete="yes",
)
