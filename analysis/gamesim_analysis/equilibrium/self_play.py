"""Learners in self-play as a solver: what regret that falls behind says of how they played.

Whatever the game, joint play is a coarse correlated equilibrium up to the largest external regret over T, and a
correlated one up to the largest swap regret over T; only in two-player constant-sum games are the averages a Nash
equilibrium, up to (R_1 + R_2) / T. The averages of a general-sum game are none.

    >>> from gamesim.envs.repeated.stage_games import chicken
    >>> SelfPlay("hedge", 1000)(chicken(), concept="coarse").notes[0]
    'Largest external regret per round: 0.0193 after 1,000 rounds.'
"""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from gamesim.core.errors import ParameterError, UnsupportedGameError
from gamesim.core.learners import Match, Play, learner_of
from gamesim.core.learners.play import LearnerSpec, learner_name
from gamesim.core.solution import Limits

from .method import Found, Method, back, is_formal, table_of, two_players

ENOUGH = 5e-5  # regret per round, of the payoff range, at which a match without given length ends; admission asks 1e-4
MOST = 1_000_000  # rounds of such a match
HORIZON = 20_000  # that a learner is told of such a match
# Step sizes with which self-play was fastest on the catalogue and on random games.
FASTEST: dict[str, LearnerSpec] = {
    "nash": {"rule": "optimistic_hedge", "eta": 2.0},
    "coarse": {"rule": "optimistic_hedge", "eta": 2.0},
    "correlated": {"rule": "blum_mansour", "eta": 4.0, "optimistic": True},
}


def SelfPlay(learner: LearnerSpec | None = None, iterations: int | None = None) -> Method:
    """A solver that lets one learner play every seat, with mixed strategies and full information.

    Parameters
    ----------
    learner : a registered name, ``{"rule": name, **parameters}`` or a learner; by default the fastest for the concept.
    iterations : rounds, all of which are played; by default as many as it takes.
    """
    return Method(
        "self_play",
        frozenset(("coarse", "correlated", "nash")),
        "What learners come to in self-play: coarse, correlated with a learner of swap regret, Nash only in zero-sum games.",
        _check,
        partial(_run, learner=learner, iterations=iterations),
        suits="tables; Nash: two players, constant sum",
        covers="one, approximate",
        complete="no",
    )


def _check(game: Any, concept: str) -> str:
    if concept != "nash" or is_formal(game):
        return is_formal(game)
    only = "averages of learners are a Nash equilibrium only in two-player constant-sum games"
    if two_players(game):
        return f"{two_players(game)}, and {only}"
    table = game if hasattr(game, "is_constant_sum") else game.to_normal_form()
    return "" if table.is_constant_sum else f"{only}; ask for --concept coarse"


def _run(game: Any, *, concept: str, limits: Limits, learner: LearnerSpec | None, iterations: int | None) -> Found:
    rule = learner_of(FASTEST[concept] if learner is None else learner)
    if concept == "correlated" and not getattr(rule, "swap", False):
        raise UnsupportedGameError(
            f"{learner_name(rule)} keeps external regret small, not swap regret: its play need not be a correlated equilibrium.",
            hint="Ask for --concept coarse, or take the learner blum_mansour.",
        )
    if rule.bandit:
        raise UnsupportedGameError(f"{learner_name(rule)} learns from drawn actions; self-play is of mixed strategies.")
    if iterations is not None and iterations < 1:
        raise ParameterError(f"{iterations} iterations; at least 1 is needed.", path="iterations")
    deadline = time.perf_counter() + limits.seconds
    table = table_of(game, limits)
    match = Match(table, rule, iterations or MOST, sample=False, told=iterations or HORIZON)
    match.advance()
    while match.round < (iterations or MOST) and time.perf_counter() < deadline:
        if iterations is None and _gap(match.result(), concept) <= ENOUGH * table.payoff_range:
            break
        match.advance()
    done = match.result()
    gap = _gap(done, concept)
    kind = "swap" if concept == "correlated" else "external"
    notes = [f"Largest {kind} regret per round: {gap:.3g} after {done.horizon:,} rounds.", *done.warnings]
    reached = iterations == done.horizon or (iterations is None and gap <= ENOUGH * table.payoff_range)
    selection = f"where {learner_name(rule)} came to from the uniform start"
    if not reached and iterations is None:
        return Found([], selection=selection, notes=notes, stopped="seconds" if match.round < MOST else "iterations")
    plays = back(game, [done.average()]) if concept == "nash" else [done.joint_of()]
    return Found(plays, selection=selection, notes=notes, stopped=None if reached else "seconds")


def _gap(done: Play, concept: str) -> float:
    """What the regrets so far promise of the play."""
    if concept == "nash":
        return max(float(done.external.sum()), 0.0) / done.horizon
    return max(float((done.swap if concept == "correlated" else done.external).max()), 0.0) / done.horizon


self_play = SelfPlay()
