"""Repeated games of two players with memory: exact payoffs from the Markov chain of their states, and batches of matches.

Two strategies that look back a fixed number of rounds make a finite chain of joint states. Payoffs of a finite match are the
sum of its powers, discounted ones a linear system, and long-run averages the stationary laws of the closed classes that play
can end in, weighted by the chances to end there from the given first moves. A chain with several classes is no trouble:
stationary laws and those chances come from elimination without subtraction, never from a singular system.

    >>> from gamesim.envs.repeated.stage_games import prisoners_dilemma
    >>> memory_one("random", "generous_tit_for_tat", prisoners_dilemma()).payoffs.round(6).tolist()
    [2.833333, 2.0]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator

from gamesim.core.arrays import FloatArray, IntArray
from gamesim.core.errors import ParameterError
from gamesim.core.memory_strategy import SEEN_BY_OTHER, MemoryStrategy, as_strategy, named, zero_determinant
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.repeated_game import RepeatedGame

from .markov_chain import closed_classes, stationary

__all__ = ["Batch", "RepeatedPayoffs", "memory_one", "named", "play_batch", "repeated_payoffs", "zero_determinant"]

CHUNK = 4096  # matches simulated at a time: their states stay in the fast part of memory


@dataclass(frozen=True, eq=False)
class RepeatedPayoffs:
    """What two strategies earn against each other, exactly.

    Attributes
    ----------
    payoffs : shape (2,), expected payoff per round: of the match, discounted, or in the long run.
    outcomes : shape (4,), how often CC, CD, DC, DD come out, weighted as payoffs are; the first player's action first.
    classes : in how many closed classes of states play can end; 0 where that was not looked at.
    """

    payoffs: FloatArray
    outcomes: FloatArray
    classes: int = 0

    @property
    def cooperation(self) -> FloatArray:
        """How often each player's action comes out as C, shape (2,)."""
        return np.array([self.outcomes[:2].sum(), self.outcomes[[0, 2]].sum()])


def memory_one(
    p: Any, q: Any, stage: Any, *, noise: float = 0.0, discount: float | None = None, turns: int | None = None
) -> RepeatedPayoffs:
    """Exact payoffs of two strategies with memory.

    Parameters
    ----------
    p, q : each a ``MemoryStrategy``, a name, five numbers (first move, after CC, CD, DC, DD in its own view), or tables of up
        to three rounds back.
    stage : a game of two players and two actions; its first action is C.
    noise : chance that an action comes out as the other one.
    turns, discount : of a match of so many rounds, or discounted; with neither, the long-run average.

    Raises
    ------
    ParameterError
        If the stage game has other sizes, a number is out of range, or both ``turns`` and ``discount`` are given.

    Examples
    --------
    >>> from gamesim.envs.repeated.stage_games import prisoners_dilemma
    >>> memory_one("tit_for_tat", (0, 1, 0, 1, 0), prisoners_dilemma()).payoffs.tolist()     # they alternate for ever
    [2.5, 2.5]
    """
    return repeated_payoffs(RepeatedGame(stage.to_normal_form(), horizon=turns, discount=discount, noise=noise), p, q)


def repeated_payoffs(game: RepeatedGame, p: Any, q: Any) -> RepeatedPayoffs:
    """As ``memory_one``, of a ``RepeatedGame``."""
    chain = _chain(as_strategy(p), as_strategy(q), game.noise)
    table = _payoffs(game.stage)
    weight: FloatArray
    classes = 0
    if game.horizon is not None:
        weight = _sum_of_powers(chain.moves, game.horizon) / game.horizon
    elif game.discount is not None:
        d = game.discount
        start = np.zeros(len(chain.moves))
        start[0] = 1 - d
        weight = np.linalg.solve(np.eye(len(chain.moves)) - d * chain.moves.T, start).astype(np.float64)
    else:
        weight, classes = _long_run(chain.moves)
    outcomes = weight @ chain.outcomes
    return RepeatedPayoffs(table @ outcomes, outcomes, classes)


# ---- the chain -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Chain:
    """Joint states that play can come to; state 0 is the start.

    Attributes
    ----------
    outcomes : (S, 4), chance of CC, CD, DC, DD in each state.
    after : (S, 4), the state that each leads to; states that an outcome of chance 0 would lead to may be missing (0).
    moves : (S, S), chance of going from one to another.
    """

    outcomes: FloatArray
    after: IntArray
    moves: FloatArray


def _chain(p: MemoryStrategy, q: MemoryStrategy, noise: float) -> _Chain:
    index = {(0, 0): 0}
    order = [(0, 0)]
    outcomes, after = [], []
    for first, second in order:  # grows while it is walked
        x, y = ((1 - noise) * c + noise * (1 - c) for c in (p.cooperation[first], q.cooperation[second]))
        chances = [x * y, x * (1 - y), (1 - x) * y, (1 - x) * (1 - y)]
        leads = []
        for outcome, chance in enumerate(chances):
            target = (int(p.after[first, outcome]), int(q.after[second, SEEN_BY_OTHER[outcome]]))
            if chance > 0 and target not in index:
                index[target] = len(order)
                order.append(target)
            leads.append(index.get(target, 0))
        outcomes.append(chances)
        after.append(leads)
    table, to = np.array(outcomes), np.array(after, dtype=np.int64)
    moves = np.zeros((len(order), len(order)))
    for outcome in range(4):
        moves[np.arange(len(order)), to[:, outcome]] += table[:, outcome]
    return _Chain(table, to, moves)


def _payoffs(stage: NormalFormGame) -> FloatArray:
    """Shape (2, 4): each player's payoff after CC, CD, DC, DD."""
    if stage.shape != (2, 2):
        sizes = "x".join(str(k) for k in stage.shape)
        raise ParameterError(f"strategies with memory are of games of two players and two actions, not {sizes}.")
    return stage.payoffs.reshape(2, 4)


def _sum_of_powers(moves: FloatArray, turns: int) -> FloatArray:
    """Row 0 of I + M + ... + M^(turns - 1), by doubling."""
    size = len(moves)
    total, power = (
        np.zeros((size, size)),
        np.eye(size),
    )  # of the rounds so far: their sum, and the power that comes next
    for digit in bin(turns)[2:]:
        total = total + power @ total
        power = power @ power
        if digit == "1":
            total = total + power
            power = power @ moves
    return np.asarray(total[0])


def _long_run(moves: FloatArray) -> tuple[FloatArray, int]:
    """Long-run share of each state from state 0, and the number of closed classes."""
    classes = closed_classes(moves)
    held = np.zeros(len(moves), dtype=bool)
    for states in classes:
        held[states] = True
    share = _absorbed(moves, held)
    weight = np.zeros(len(moves))
    for states in classes:
        weight[states] = share[states].sum() * stationary(moves[np.ix_(states, states)])
    return weight, len(classes)


def _absorbed(moves: FloatArray, held: Any) -> FloatArray:
    """Where play first meets a closed class, from state 0: transient states are cut out one by one, without subtraction."""
    if held[0]:
        start = np.zeros(len(moves))
        start[0] = 1.0
        return start
    m = moves.copy()
    for state in reversed(np.flatnonzero(~held).tolist()):
        m[state, state] = 0.0
        m[state] /= m[state].sum()  # it leaves for good
        if state:
            m += np.multiply.outer(m[:, state], m[state])
            m[:, state] = 0.0
    return np.asarray(m[0])


# ---- matches ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Batch:
    """Simulated matches.

    Attributes
    ----------
    outcomes : shape (matches, 4), how often CC, CD, DC, DD came out.
    payoffs : shape (matches, 2), mean payoff per round.
    """

    outcomes: IntArray
    payoffs: FloatArray


def play_batch(p: Any, q: Any, stage: Any, *, matches: int, turns: int, rng: Generator, noise: float = 0.0) -> Batch:
    """Play many matches at once; arguments as in ``memory_one``.

    One uniform draw decides a round of a match: which of the four outcomes comes.
    """
    table = _payoffs(stage.to_normal_form())
    chain = _chain(as_strategy(p), as_strategy(q), RepeatedGame(stage.to_normal_form(), noise=noise).noise)
    edges = np.cumsum(chain.outcomes, axis=1)[:, :3]
    # Draws are 32-bit: a chance is kept to 2^-32, and one of 0 or 1 exactly.
    limits = np.minimum(np.round(edges * 2.0**32), 2.0**32).astype(np.uint64)
    after = chain.after
    counts = np.zeros((matches, 4), dtype=np.int64)
    for begin in range(0, matches, CHUNK):
        rows = min(CHUNK, matches - begin)
        state = np.zeros(rows, dtype=np.int64)
        tally = np.zeros((rows, 4), dtype=np.int64)
        row = np.arange(rows)
        for _ in range(turns):
            draw = rng.integers(0, 2**32, size=rows, dtype=np.uint32)
            outcome = (draw >= limits[state, 0]).astype(np.int64)
            outcome += draw >= limits[state, 1]
            outcome += draw >= limits[state, 2]
            tally[row, outcome] += 1
            state = after[state, outcome]
        counts[begin : begin + rows] = tally
    return Batch(counts, counts @ table.T / turns)
