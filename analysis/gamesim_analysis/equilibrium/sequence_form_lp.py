"""Two-player constant-sum trees by a linear program over realisation plans, which is as small as the tree.

maximise f'q  subject to  F'q <= A'x,  E x = e,  x >= 0: x is the first player's plan, q the worth of the second player's
sets, and the multipliers of the inequalities are the second player's plan.

References
----------
.. [1] Koller, Megiddo and von Stengel, "Fast Algorithms for Finding Randomized Strategies in Game Trees", STOC 1994.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gamesim.core.arrays import FloatArray
from gamesim.core.errors import SolverError, SolverLimitError
from gamesim.core.extensive_form import ExtensiveFormGame
from gamesim.core.sequence_form import SequenceForm, sequence_form
from gamesim.core.solution import Limits

from .method import Found, Method, fill, two_players
from .rationalise import rational
from .zero_sum_lp import first_difference


def constant_sum_tree(game: Any, concept: str) -> str:
    """Why a game is no two-player constant-sum tree with perfect recall; empty if it is."""
    reason = two_players(game)
    if reason:
        return reason
    if not isinstance(game, ExtensiveFormGame):
        return "it works on trees"
    if not game.perfect_recall:
        h = game.forgetful_sets[0]
        return f"{game.players[game.sets[h].player]} forgets at {game.set_names[h]}"
    return "" if game.is_constant_sum else f"the game is not constant-sum: {first_difference(game)}"


def solve_plans(form: SequenceForm, seconds: float = 60.0) -> tuple[float, FloatArray, FloatArray]:
    """Value to the first player, and optimal realisation plans of both.

    Raises
    ------
    SolverError, SolverLimitError
        If the linear program fails or takes too long.
    """
    payoffs = form.matrices[0]
    value, x, y = _program(form, payoffs, 0, seconds)
    if form.nash_conv((x, y)) > 1e-9 * max(form.game.payoff_range, 1.0):  # the dual was degenerate
        _, y, _ = _program(form, (-payoffs).T.tocsr(), 1, seconds)
    return value, x, y


def _program(form: SequenceForm, payoffs: Any, player: int, seconds: float) -> tuple[float, FloatArray, FloatArray]:
    from scipy.optimize import linprog
    from scipy.sparse import csr_matrix, hstack

    own, other = form.plexes[player], form.plexes[1 - player]
    e, f = own.constraints(), other.constraints()
    right = np.zeros(e.shape[0])
    right[0] = 1.0
    objective = np.zeros(own.sequences + f.shape[0])
    objective[own.sequences] = -1.0
    answer = linprog(
        objective,
        A_ub=hstack([-payoffs.T, f.T]).tocsr(),
        b_ub=np.zeros(other.sequences),
        A_eq=hstack([e, csr_matrix((e.shape[0], f.shape[0]))]).tocsr(),
        b_eq=right,
        bounds=[(0.0, None)] * own.sequences + [(None, None)] * f.shape[0],
        method="highs",
        options={"time_limit": seconds},
    )
    if answer.status == 1:
        raise SolverLimitError(f"the linear program reached {seconds:.3g} s.", hint="Allow more seconds.")
    if answer.status != 0:
        raise SolverError(f"the linear program of {form.game!r} failed: {answer.message}")
    x, y = np.maximum(answer.x[: own.sequences], 0.0), np.maximum(-answer.ineqlin.marginals, 0.0)
    return -float(answer.fun), own.plan(own.behaviour(x, 1e-11)[0]), other.plan(other.behaviour(y, 1e-11)[0])


def _run(game: ExtensiveFormGame, *, concept: str, limits: Limits, exact: bool = True) -> Found:
    form = sequence_form(game)
    _, x, y = solve_plans(form, limits.seconds)
    play = form.profile((x, y), 1e-11)
    if exact and sum(plex.sequences for plex in form.plexes) <= 1000:
        play = rational(game, play)
    return Found(
        [fill(game, play)],
        covers="one",
        complete=None,
        selection="a vertex of the optimal plans, as the linear program found it",
    )


sequence_form_lp = Method(
    "sequence_form_lp",
    frozenset({"nash", "value"}),
    "A two-player constant-sum tree by linear programming over realisation plans.",
    constant_sum_tree,
    _run,
    suits="two players, constant-sum trees",
    covers="one",
    complete="no",
)
