"""Learners in self-play as a solver: what regret that falls behind says of how they played.

Whatever the game, joint play is a coarse correlated equilibrium up to the largest external regret over T, and a
correlated one up to the largest swap regret over T; only in two-player constant-sum games are the averages a Nash
equilibrium, up to (R_1 + R_2) / T. The averages of a general-sum game are none.

    >>> from gamesim.envs.repeated.stage_games import rock_paper_scissors
    >>> found = SelfPlay("hedge", 2000)(rock_paper_scissors(), concept="nash")
    >>> found.equilibria[0].certificate.grade
    'float'
"""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from gamesim.core.errors import SolverError, UnsupportedGameError
from gamesim.core.learners import Match, Play, learner_of
from gamesim.core.learners.play import LearnerSpec, learner_name
from gamesim.core.solution import Limits

from .method import Found, Method, back, is_formal, table_of, two_players

ROUNDS = 20_000
# Step sizes at which the regret of self-play was smallest on the catalogue and on random games.
FASTEST: dict[str, LearnerSpec] = {
    "nash": {"rule": "optimistic_hedge", "eta": 2.0},
    "coarse": {"rule": "optimistic_hedge", "eta": 2.0},
    "correlated": {"rule": "blum_mansour", "eta": 4.0, "optimistic": True},
}


def SelfPlay(learner: LearnerSpec | None = None, iterations: int = ROUNDS) -> Method:
    """A solver that lets one learner play every seat, with mixed strategies and full information.

    Parameters
    ----------
    learner : a registered name, ``{"rule": name, **parameters}`` or a learner; by default the fastest for the concept.
    iterations : rounds.
    """
    return Method(
        "self_play",
        frozenset(("coarse", "correlated", "nash")),
        "learners in self-play: coarse, correlated (learners of swap regret), Nash only of zero-sum games",
        _check,
        partial(_run, learner=learner, iterations=iterations),
    )


def _check(game: Any, concept: str) -> str:
    if concept != "nash":
        return is_formal(game)
    reason = two_players(game)
    if reason:
        return f"{reason}, and averages of learners are a Nash equilibrium only in two-player constant-sum games"
    table = game if hasattr(game, "is_constant_sum") else game.to_normal_form()
    return "" if table.is_constant_sum else "averages of learners are a Nash equilibrium only in constant-sum games"


def _run(game: Any, *, concept: str, limits: Limits, learner: LearnerSpec | None, iterations: int) -> Found:
    rule = learner_of(FASTEST[concept] if learner is None else learner)
    if concept == "correlated" and not getattr(rule, "swap", False):
        raise UnsupportedGameError(
            f"{learner_name(rule)} keeps external regret small, not swap regret, so its play need not be a correlated equilibrium.",
            hint="Ask for --concept coarse, or take the learner blum_mansour.",
        )
    if rule.bandit:
        raise UnsupportedGameError(f"{learner_name(rule)} learns from drawn actions; self-play is of mixed strategies.")
    if iterations < 1:
        raise SolverError(f"{iterations} iterations; at least 1 is needed.", path="iterations")
    deadline = time.perf_counter() + limits.seconds
    match = Match(table_of(game, limits), rule, iterations, sample=False)
    while match.round < iterations and time.perf_counter() < deadline:
        match.advance()
    stopped = None
    if match.round < iterations:
        stopped = "seconds"
        if not match.round:
            match.advance()
    done = match.result()
    per_round = done.swap if concept == "correlated" else done.external
    return Found(
        back(game, [done.average()]) if concept == "nash" else [done.joint_of()],
        covers="one",
        selection=f"where {learner_name(rule)} came to in {done.horizon:,} rounds from the uniform start",
        notes=[_note(done, float(per_round.max()) / done.horizon, concept), *done.warnings],
        stopped=stopped,
    )


def _note(done: Play, per_round: float, concept: str) -> str:
    kind = "swap" if concept == "correlated" else "external"
    return f"Largest {kind} regret per round: {per_round:.3g} after {done.horizon:,} rounds."


self_play = SelfPlay()
