"""Q-learning whose value of a state is the value of a game: minimax-Q, foe-Q, friend-Q, Nash-Q.

After the joint action a of all players and reward r in state s, with next state s',

    Q(s, a) <- Q(s, a) + c [r + d V(s') - Q(s, a)],

where V is read off the game whose payoffs are the tables: ``minimax_q`` and ``foe_q`` take the zero-sum value of the own
table (all others together against oneself), ``friend_q`` its largest entry, ``nash_q`` the own payoff in one Nash
equilibrium of all players' tables: that of largest welfare, then of the lexicographically largest payoffs. c is constant
or 1/visits^.8. Convergence is claimed for minimax-Q in zero-sum games only. A repeated game is the case of one state.

References
----------
.. [1] Littman, "Markov Games as a Framework for Multi-Agent Reinforcement Learning", ICML 1994 (minimax-Q).
.. [2] Littman, "Friend-or-Foe Q-learning in General-Sum Games", ICML 2001.
.. [3] Hu and Wellman, "Nash Q-Learning for General-Sum Stochastic Games", JMLR 4, 2003.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from pydantic import Field

from gamesim.core.arrays import AnyArray, Arrays, FloatArray, IntArray
from gamesim.core.config import AgentConfig
from gamesim.core.errors import SolverError
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.policy import VectorPolicy
from gamesim.core.registry import entry
from gamesim.core.solution import Limits
from gamesim.core.zero_sum import zero_sum

from .matrix import stage

Rule = Literal["minimax_q", "foe_q", "friend_q", "nash_q"]
CLOSE = 1e-12  # of the payoff range: what rounding may leave of an optimality condition


class StageQ(AgentConfig):
    """Q-learning on joint actions, valued by the stage game: minimax-Q, foe-Q, friend-Q or Nash-Q."""

    kind: Literal["stage_q"] = "stage_q"
    rule: Rule = Field("minimax_q", description="Whose value a state is given.")
    step: float | None = Field(None, gt=0, le=1, description="Step size c; by default 1/visits^0.8.")
    discount: float = Field(0.9, ge=0, lt=1, description="Weight d of the next round.")
    epsilon: float = Field(0.1, ge=0, le=1, description="Chance of a uniform action instead of the rule's.")
    solver: str = Field(
        "vertex_enumeration", description="nash_q: registered solver that lists the equilibria of the tables."
    )

    def misfit(self, environment: Any) -> str | None:
        if not hasattr(environment, "table"):
            return "It plays in matrix."
        if self.rule == "nash_q" and self.solver == "vertex_enumeration" and environment.table.n != 2:
            return "nash_q plays games of two; for more, name a solver that takes them, such as enumpure."
        return None

    def warnings(self, environment: Any) -> list[str]:
        if self.rule == "minimax_q" and not (environment.table.n == 2 and environment.table.is_constant_sum):
            return ["minimax_q converges to the value in zero-sum games; here it learns what it can guarantee itself."]
        return []

    def build(self, environment: Any) -> VectorPolicy:
        return StageQPolicy(stage(environment), self.rule, self.step, self.discount, self.epsilon, self.solver)


@dataclass(frozen=True, eq=False)
class Valued:
    """The value of a stage game to one player and how she would play it.

    Attributes
    ----------
    payoffs : ``nash_q``: what the same equilibrium gives everybody, (n,).
    hint : helps to value the next game.
    """

    value: float
    strategy: FloatArray
    payoffs: FloatArray | None = None
    hint: Any = None


def q_step(table: FloatArray, joint: tuple[int, ...], reward: float, following: float, *, step: float, discount: float) -> FloatArray:  # fmt: skip
    """The table after one update of the entry of a joint action; ``following`` is the value of the next state."""
    new = table.copy()
    new[joint] += step * (reward + discount * following - new[joint])
    return new


def stage_value(
    rule: Rule, tables: FloatArray, player: int, *, hint: Any = None, solver: str = "vertex_enumeration"
) -> Valued:
    """What a stage game is worth to a player under one of the rules.

    Parameters
    ----------
    tables : shape (n, k_1, ..., k_n), everybody's Q; only ``nash_q`` reads those of others.
    hint : of the value of a game a little different, to be tried first.
    solver : registered solver that ``nash_q`` asks for all equilibria.

    Raises
    ------
    SolverError
        If the solver finds no equilibrium.

    Examples
    --------
    >>> pennies = np.array([[[1.0, -1.0], [-1.0, 1.0]], [[-1.0, 1.0], [1.0, -1.0]]])
    >>> [stage_value(rule, pennies, 0).value for rule in ("minimax_q", "friend_q", "nash_q")]
    [0.0, 1.0, 0.0]
    """
    own = np.moveaxis(tables[player], player, 0)
    if rule == "friend_q":
        flat = own.reshape(own.shape[0], -1)
        best = int(flat.max(axis=1).argmax())
        return Valued(float(flat.max()), np.eye(own.shape[0])[best])
    if rule == "nash_q":
        return _nash(tables, player, solver)
    return _maximin(own.reshape(own.shape[0], -1), hint)


def _maximin(matrix: FloatArray, hint: Any) -> Valued:
    """The zero-sum value; the supports of the last solution are tried before a linear program is."""
    if hint is not None:
        found = _equalised(matrix, *hint)
        if found is not None:
            return Valued(*found, hint=hint)
    value, row, column = zero_sum(matrix)
    rows, columns = np.flatnonzero(row > 1e-9), np.flatnonzero(column > 1e-9)
    return Valued(value, row, hint=(rows, columns) if len(rows) == len(columns) > 1 else None)


def _equalised(matrix: FloatArray, rows: IntArray, columns: IntArray) -> tuple[float, FloatArray] | None:
    """Value and row strategy if mixing over these supports is optimal for both: nobody gains, by checking every action."""
    m = len(rows)
    square = matrix[np.ix_(rows, columns)]
    system = np.ones((m + 1, m + 1))
    system[m, m] = 0.0
    system[:m, m] = -1.0
    right = np.append(np.zeros(m), 1.0)
    try:
        system[:m, :m] = square.T
        x = np.linalg.solve(system, right)
        system[:m, :m] = square
        y = np.linalg.solve(system, right)
    except np.linalg.LinAlgError:
        return None
    tolerance = CLOSE * (float(np.ptp(matrix)) or 1.0)
    if min(x[:m].min(), y[:m].min()) < 0 or not np.isfinite(x).all() or not np.isfinite(y).all():
        return None
    if (x[:m] @ matrix[rows]).min() < x[m] - tolerance or (matrix[:, columns] @ y[:m]).max() > x[m] + tolerance:
        return None
    strategy = np.zeros(matrix.shape[0])
    strategy[rows] = x[:m]
    return float(x[m]), strategy


def _nash(tables: FloatArray, player: int, solver: str) -> Valued:
    """The own payoff in the equilibrium of largest welfare, then of the lexicographically largest payoffs."""
    kept = _undominated(tables)
    if all(len(some) == 1 for some in kept):  # strictly dominance solvable: the one equilibrium
        payoffs = tables[np.ix_(np.arange(len(kept)), *kept)].reshape(-1)
        return Valued(float(payoffs[player]), np.eye(tables.shape[1 + player])[int(kept[player][0])], payoffs)
    game = NormalFormGame(tables[np.ix_(np.arange(len(kept)), *kept)])
    found = entry("solvers", solver)(game, concept="nash", limits=Limits())
    if not found.equilibria:
        raise SolverError(f"{solver} found no equilibrium of the stage game, so nash_q has no value.", hint="Another solver may.")  # fmt: skip
    scale = game.payoff_range

    def rank(equilibrium: Any) -> tuple[float, ...]:
        payoffs = [float(x) for x in equilibrium.payoffs]
        return tuple(round(x / scale, 9) for x in (sum(payoffs), *payoffs))  # rounding decides nothing

    best = max(found.equilibria, key=rank)
    strategy = np.zeros(tables.shape[1 + player])
    strategy[kept[player]] = np.asarray(best.play[player], dtype=np.float64)
    payoffs = np.array([float(x) for x in best.payoffs])
    return Valued(float(payoffs[player]), strategy, payoffs)


def _undominated(tables: FloatArray) -> list[IntArray]:
    """Actions that survive the removal of what another pure action strictly dominates, over and over."""
    kept: list[IntArray] = [np.arange(k) for k in tables.shape[1:]]
    while True:
        before = [len(some) for some in kept]
        for i in range(len(kept)):
            own = np.moveaxis(tables[(i, *np.ix_(*kept))], i, 0).reshape(len(kept[i]), -1)
            worse = (own[:, None] < own[None]).all(axis=2).any(axis=1)
            kept[i] = kept[i][~worse]
        if [len(some) for some in kept] == before:
            return kept


@dataclass(frozen=True, eq=False)
class Learned:
    """What one seat of one row knows: everybody's Q, visits of joint actions, and the value of the one state."""

    tables: FloatArray
    visits: FloatArray
    valued: Valued


@dataclass(frozen=True, eq=False)
class Tables:
    """Memory of all rows and seats, ``learned[row][seat]``, and the round that was last booked."""

    learned: tuple[tuple[Learned, ...], ...]
    round: int


@dataclass(frozen=True, eq=False)
class StageQPolicy:
    """The learner in a repeated matrix game, whose payoffs it can read off the rules once it has seen what was played."""

    game: NormalFormGame
    rule: Rule
    step: float | None
    discount: float
    epsilon: float
    solver: str
    columns: int = field(default=2, init=False)

    def initial_state(self, rows: int, seats: int, u: FloatArray) -> Tables:
        return Tables(((),) * rows, 0)

    def act(self, observation: Arrays, state: Tables, u: FloatArray) -> tuple[AnyArray, Tables]:
        rows, seats = u.shape[:2]
        index = np.broadcast_to(observation["index"], (rows, seats))
        last = np.asarray(observation["last"])[:, 0]
        now = int(np.asarray(observation["round"]).flat[0])
        chosen = np.zeros((rows, seats))
        learned = []
        for row in range(rows):
            mine = []
            for seat in range(seats):
                player = int(index[row, seat])
                own = state.learned[row][seat] if state.learned[row] else self._blank(player)
                if state.round not in (0, now):
                    own = self._booked(own, player, tuple(int(a) for a in last[row]))
                mine.append(own)
                chosen[row, seat] = self._choice(own.valued.strategy, u[row, seat])
            learned.append(tuple(mine))
        return chosen, Tables(tuple(learned), now)

    def _blank(self, player: int) -> Learned:
        tables = np.zeros(self.game.payoffs.shape)
        k = self.game.shape[player]
        return Learned(tables, np.zeros(self.game.shape), Valued(0.0, np.full(k, 1 / k), np.zeros(self.game.n)))

    def _booked(self, own: Learned, player: int, joint: tuple[int, ...]) -> Learned:
        visits = own.visits.copy()
        visits[joint] += 1
        step = self.step if self.step is not None else float(visits[joint]) ** -0.8
        tables = own.tables.copy()
        everybody = own.valued.payoffs if self.rule == "nash_q" else None
        for i in (player,) if everybody is None else range(self.game.n):
            following = own.valued.value if everybody is None else float(everybody[i])
            reward = float(self.game.payoffs[(i, *joint)])
            tables[i] = q_step(own.tables[i], joint, reward, following, step=step, discount=self.discount)
        valued = stage_value(self.rule, tables, player, hint=own.valued.hint, solver=self.solver)
        return replace(own, tables=tables, visits=visits, valued=valued)

    def _choice(self, strategy: FloatArray, u: FloatArray) -> int:
        k = len(strategy)
        if u[0] < self.epsilon:
            return min(int(u[1] * k), k - 1)
        return min(int((np.cumsum(strategy) <= u[1]).sum()), int(np.flatnonzero(strategy > 0)[-1]))
