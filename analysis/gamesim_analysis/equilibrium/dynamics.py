"""Evolution in one population that plays a symmetric two-player game: replicator, pairwise comparison, Moran.

``matrix[i, j]`` is what strategy i gets against j. The replicator equation moves shares x by
x_i' = x_i ((A x)_i - x'A x). In a finite population of Z one player at a time may change her strategy:

- ``fermi`` (pairwise comparison): one player is drawn and copies another with chance 1/(1 + e^(-b (difference)));
- ``moran`` (birth and death): one player is drawn by fitness 1 - b + b payoff, and her child replaces anybody.

With chance mu a player takes a strategy at random instead. Payoffs are averages over all others, oneself left out.

References
----------
.. [1] Taylor and Jonker, "Evolutionary Stable Strategies and Game Dynamics", Mathematical Biosciences 40, 1978.
.. [2] Traulsen, Nowak and Pacheco, "Stochastic Dynamics of Invasion and Fixation", Physical Review E 74, 2006.
.. [3] Nowak, Sasaki, Taylor and Fudenberg, "Emergence of Cooperation and Evolutionary Stability in Finite Populations",
   Nature 428, 2004.
.. [4] Fudenberg and Imhof, "Imitation Processes with Small Mutations", Journal of Economic Theory 131, 2006.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator

from gamesim.core.arrays import FloatArray, IntArray
from gamesim.core.errors import ParameterError, SolverError
from gamesim.core.solution import Limits, Ranking

from .alpha_rank import one_population
from .markov_chain import stationary, stationary_of_logs
from .method import RankingMethod, is_formal, table_of

PROCESSES = ("fermi", "moran")
BLOCK = 1 << 21  # random numbers drawn at a time


def replicator(matrix: Any, starts: Any, times: Any) -> FloatArray:
    """Shares over time under the replicator equation.

    Parameters
    ----------
    matrix : (k, k).  starts : (k,) or (B, k), each a distribution.  times : (T,), rising, from 0 on.

    Returns
    -------
    (T, k) or (B, T, k).

    Examples
    --------
    >>> hawk_dove = [[-0.5, 2], [0, 1]]
    >>> replicator(hawk_dove, [0.1, 0.9], [0, 60])[-1].round(6)
    array([0.666667, 0.333333])
    """
    from scipy.integrate import solve_ivp

    a, at = _square(matrix), np.asarray(times, dtype=np.float64)
    first = np.asarray(starts, dtype=np.float64)
    x0 = np.atleast_2d(first)
    if x0.shape[1:] != (len(a),) or (x0 < 0).any() or (np.abs(x0.sum(axis=1) - 1) > 1e-9).any():
        raise ParameterError(f"starts of shape {first.shape} are no distributions over {len(a)} strategies.")
    if at.ndim != 1 or not len(at) or at[0] < 0 or (np.diff(at) < 0).any() or not np.isfinite(at).all():
        raise ParameterError("times are finite, rising and start at 0 or later.")

    def move(_: float, flat: FloatArray) -> FloatArray:
        x = flat.reshape(x0.shape)
        fitness = x @ a.T
        return np.asarray((x * (fitness - (x * fitness).sum(axis=1, keepdims=True))).ravel())

    if at[-1] == 0:
        path = np.repeat(x0[None], len(at), axis=0)
    else:
        found = solve_ivp(move, (0.0, at[-1]), x0.ravel(), t_eval=at, method="RK45", rtol=1e-10, atol=1e-12)
        if not found.success:
            raise SolverError(f"the replicator equation could not be followed: {found.message}")
        path = found.y.T.reshape(len(at), *x0.shape)
    return np.asarray(path[:, 0] if first.ndim == 1 else path.transpose(1, 0, 2))


@dataclass(frozen=True, eq=False)
class TwoStrategies:
    """A population of Z that holds two strategies, as a chain over k = 0..Z players of the first one.

    Attributes
    ----------
    up, down : (Z + 1,), chance that k rises or falls by one in a step.
    """

    up: FloatArray
    down: FloatArray

    @property
    def size(self) -> int:
        return len(self.up) - 1

    def stationary(self) -> FloatArray:
        """Long-run share of steps at each k, (Z + 1,), by detailed balance; needs mutation, or a way back from both ends."""
        with np.errstate(divide="ignore"):
            logs = np.concatenate([[0.0], np.cumsum(np.log(self.up[:-1]) - np.log(self.down[1:]))])
        if not np.isfinite(logs).all():
            raise SolverError("a state is never left, so there is no unique stationary law.", hint="Give a mutation above 0.")  # fmt: skip
        law = np.exp(logs - logs.max())
        return np.asarray(law / law.sum())

    def log_fixation(self, mutants: int = 1) -> float:
        """Logarithm of the chance that so many players of the first strategy take over; ends are taken as absorbing."""
        inner = slice(1, self.size)
        with np.errstate(divide="ignore"):
            steps = np.concatenate([[0.0], np.cumsum(np.log(self.down[inner]) - np.log(self.up[inner]))])
        return float(np.logaddexp.reduce(steps[:mutants]) - np.logaddexp.reduce(steps))


def two_strategies(
    matrix: Any, size: int, *, selection: float, mutation: float = 0.0, process: str = "fermi"
) -> TwoStrategies:
    """The chain of two strategies in a population.

    Parameters
    ----------
    matrix : (2, 2).  size : Z >= 2.
    selection : b >= 0; for ``moran`` at most 1, and such that no fitness is below zero.
    mutation : mu in [0, 1].

    Examples
    --------
    >>> chain = two_strategies([[-0.5, 2], [0, 1]], 100, selection=1.0, mutation=1e-3)
    >>> round(float(chain.stationary() @ np.arange(101)), 4)
    69.0277
    """
    a = _square(matrix)
    if len(a) != 2:
        raise ParameterError(f"the chain is of two strategies, not {len(a)}.")
    _checked(size, selection, mutation, process)
    k = np.arange(size + 1, dtype=np.float64)
    x = k / size
    first = ((k - 1) * a[0, 0] + (size - k) * a[0, 1]) / (size - 1)
    second = (k * a[1, 0] + (size - k - 1) * a[1, 1]) / (size - 1)
    if process == "fermi":
        wins = _logistic(selection * (first - second))
        meet_up, meet_down = (1 - x) * k / (size - 1), x * (size - k) / (size - 1)
        up = (1 - mutation) * meet_up * wins + (1 - x) * mutation / 2
        down = (1 - mutation) * meet_down * _logistic(selection * (second - first)) + x * mutation / 2
        return TwoStrategies(up, down)
    fitness = [1 - selection + selection * payoff for payoff in (first, second)]
    inner = slice(1, size)
    if (fitness[0][inner] < 0).any() or (fitness[1][inner] < 0).any():
        raise ParameterError(
            "a fitness is below zero.", hint="Take a smaller selection, or add a constant to all payoffs."
        )
    if ((fitness[0] + fitness[1])[inner] == 0).any():
        raise SolverError("nobody has any fitness, so nobody is drawn.", hint="Take a selection below 1.")
    with np.errstate(invalid="ignore"):
        share = k * fitness[0] / (k * fitness[0] + (size - k) * fitness[1])
    share[0], share[size] = 0.0, 1.0
    born = (1 - mutation) * share + mutation / 2
    return TwoStrategies(born * (1 - x), (1 - born) * x)


def fixation_probability(
    matrix: Any, size: int, *, selection: float, process: str = "fermi", mutants: int = 1
) -> float:
    """Chance that mutants of the first strategy take over a population of the second one, without further mutation.

    Examples
    --------
    >>> round(fixation_probability([[1.1, 1.1], [1, 1]], 10, selection=1.0, process="moran"), 9)
    0.147950359
    """
    chain = two_strategies(matrix, size, selection=selection, process=process)
    if not 0 < mutants <= size:
        raise ParameterError(f"{mutants} mutants among {size}.")
    return math.exp(chain.log_fixation(mutants))


def small_mutations(matrix: Any, size: int, *, selection: float, process: str = "fermi") -> FloatArray:
    """Long-run shares of strategies where mutations are so rare that each takes over or is lost before the next.

    Returns
    -------
    (k,), the stationary law of the chain from i to j with rho(j into i)/(k - 1).

    Examples
    --------
    >>> small_mutations([[0, -1, 1], [1, 0, -1], [-1, 1, 0]], 20, selection=1.0)
    array([0.33333333, 0.33333333, 0.33333333])
    """
    a = _square(matrix)
    n = len(a)
    logs = np.full((n, n), -np.inf)
    for i in range(n):
        for j in range(n):
            if i != j:
                pair = a[np.ix_([j, i], [j, i])]
                logs[i, j] = two_strategies(pair, size, selection=selection, process=process).log_fixation()
    if n == 1:
        return np.ones(1)
    law = stationary(np.exp(np.where(logs > -650, logs, -np.inf)))
    return law if np.isfinite(law).all() else stationary_of_logs(logs)


@dataclass(frozen=True, eq=False)
class Chains:
    """What many populations did, all from one chain.

    Attributes
    ----------
    counts : (chains,), players of the first strategy at the end.
    visits : (Z + 1,), steps that ended at each k, over all chains.
    moves : steps in which k changed.
    record : (generations, chains) of k after each step, or None.
    """

    counts: IntArray
    visits: IntArray
    moves: int
    record: Any = None

    @property
    def steps(self) -> int:
        return int(self.visits.sum())

    @property
    def mean(self) -> float:
        """Mean number of players of the first strategy, over chains and steps."""
        return float(self.visits @ np.arange(len(self.visits)) / self.visits.sum())


def pairwise_comparison(
    matrix: Any,
    size: int,
    *,
    selection: float,
    mutation: float,
    chains: int,
    generations: int,
    rng: Generator,
    start: Any = None,
    process: str = "fermi",
    record: bool = False,
) -> Chains:
    """Many populations of two strategies at once, one possible change of a player a generation.

    Parameters
    ----------
    start : number of players of the first strategy, one for all chains or (chains,); by default drawn alike from 0..Z.
    record : keep every k, which takes four bytes a step (two for Z below 32,768).
    """
    chain = two_strategies(matrix, size, selection=selection, mutation=mutation, process=process)
    if not (chains > 0 and generations > 0):
        raise ParameterError(f"{chains} chains of {generations} generations.", hint="Both are at least 1.")
    given = rng.integers(0, size + 1, chains) if start is None else np.broadcast_to(np.asarray(start), (chains,))
    if not np.issubdtype(given.dtype, np.integer) or given.min() < 0 or given.max() > size:
        raise ParameterError(f"a start lies outside 0 to {size}.")
    k = given.astype(np.intp)
    falls, rises = chain.down.copy(), 1.0 - chain.up  # below the first k falls, from the second on it rises
    small = np.int16 if size < 1 << 15 else np.int32
    rows = max(1, min(generations, BLOCK // chains))
    kept = np.empty((generations, chains), small) if record else None
    block = np.empty((rows, chains), small)
    u, low, high = np.empty((rows, chains)), np.empty(chains), np.empty(chains)
    down, up = np.empty(chains, bool), np.empty(chains, bool)
    visits, moves, done = np.zeros(size + 1, dtype=np.int64), 0, 0
    while done < generations:
        now = min(rows, generations - done)
        rng.random(out=u[:now])
        for row in range(now):
            np.take(falls, k, out=low, mode="clip")
            np.take(rises, k, out=high, mode="clip")
            np.less(u[row], low, out=down)
            np.greater_equal(u[row], high, out=up)
            k += up
            k -= down
            block[row] = k
            moves += int(np.count_nonzero(down)) + int(np.count_nonzero(up))
        visits += np.bincount(block[:now].ravel(), minlength=size + 1)
        if kept is not None:
            kept[done : done + now] = block[:now]
        done += now
    return Chains(k.astype(np.int64), visits, moves, kept)


def _logistic(x: FloatArray) -> FloatArray:
    from scipy.special import expit

    return np.asarray(expit(x))


def _square(matrix: Any) -> FloatArray:
    a = np.asarray(matrix, dtype=np.float64)
    if a.ndim != 2 or a.shape[0] != a.shape[1] or a.size == 0 or not np.isfinite(a).all():
        raise ParameterError(f"evolution needs a finite square matrix, not one of shape {a.shape}.")
    return a


def _checked(size: int, selection: float, mutation: float, process: str) -> None:
    if process not in PROCESSES:
        raise ParameterError(f"no process '{process}'.", hint=f"Processes: {', '.join(PROCESSES)}.")
    if size < 2:
        raise ParameterError(f"a population of {size}.", hint="At least 2.")
    if not (math.isfinite(selection) and selection >= 0) or (process == "moran" and selection > 1):
        raise ParameterError(f"selection is {selection}.", hint="At least 0; for moran at most 1.")
    if not 0 <= mutation <= 1:
        raise ParameterError(f"mutation is {mutation}.", hint="A chance from 0 to 1.")


# ---- as methods of `gamesim solve` --------------------------------------------------------------------------------------


def _check(game: Any, concept: str) -> str:
    reason = is_formal(game)
    return reason or ("" if one_population(game) is not None else "it is no symmetric game of two players")


def _run_replicator(game: Any, *, concept: str, limits: Limits, start: Any = None, time: float = 1000.0) -> Ranking:
    matrix, labels = one_population(game), table_of(game, limits).actions[0]
    assert matrix is not None
    k = len(matrix)
    begin = np.full(k, 1.0 / k) if start is None else np.asarray(start, dtype=np.float64)
    path = replicator(matrix, begin, np.linspace(0.0, time, 101))
    settled = float(np.abs(path[-1] - path[-2]).max()) < 1e-6
    notes = [f"Shares at time {time:g} from {'uniform' if start is None else 'the given'} shares."]
    if not settled:
        notes.append("The shares still move: there may be a cycle.")
    return Ranking(labels, path[-1], "replicator", {"time": time}, settled, {"path": path.tolist()}, tuple(notes))


def _finite(process: str) -> Callable[..., Ranking]:
    def run(
        game: Any, *, concept: str, limits: Limits, population: int = 50, selection: float = 1.0, mutation: float = 0.0
    ) -> Ranking:
        matrix, labels = one_population(game), table_of(game, limits).actions[0]
        assert matrix is not None
        told = {"population": population, "selection": selection, "mutation": mutation}
        _checked(population, selection, mutation, process)
        if mutation > 0 and len(matrix) != 2:
            raise ParameterError(
                f"{len(matrix)} strategies are ranked for rare mutations only.", hint="Leave mutation at 0."
            )
        if mutation > 0:
            chain = two_strategies(matrix, population, selection=selection, mutation=mutation, process=process)
            law = chain.stationary()
            share = float(law @ np.arange(population + 1)) / population
            shares, how = np.array([share, 1 - share]), "mean shares of the exact stationary law"
            details: dict[str, Any] = {"law": law.tolist(), "moving": float(law @ (chain.up + chain.down))}
        else:
            shares = small_mutations(matrix, population, selection=selection, process=process)
            how, details = "the limit of rare mutations", {}
        note = f"Population {population}, selection {selection:g}; {how}."
        return Ranking(labels, shares, process, told, True, details, (note,))

    return run


replicator_equation = RankingMethod(
    "replicator",
    frozenset({"evolution"}),
    "The replicator equation of a symmetric two-player game: shares of strategies after a long time.",
    _check,
    _run_replicator,
    suits="symmetric games of two players",
    covers="shares at the end, not Nash",
    complete="no",
)
fermi_process = RankingMethod(
    "fermi_process",
    frozenset({"evolution"}),
    "Pairwise comparison (Fermi) in a finite population: exact long-run shares of strategies.",
    _check,
    _finite("fermi"),
    suits="symmetric games of two players",
    covers="the stationary law, not Nash",
    complete="yes",
)
moran_process = RankingMethod(
    "moran_process",
    frozenset({"evolution"}),
    "Moran birth and death in a finite population: exact long-run shares of strategies.",
    _check,
    _finite("moran"),
    suits="symmetric games of two players",
    covers="the stationary law, not Nash",
    complete="yes",
)
