"""Equilibria of the table that a run played: certified with the intervals of its cells, and held against tables drawn again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gamesim.core.certify import certify
from gamesim.core.empirical import EmpiricalGame
from gamesim.core.errors import GamesimError
from gamesim.core.profiles import Joint
from gamesim.core.seeds import Seeds
from gamesim.core.solution import Solution

from .resampling import Resampled, resampled
from .run_game import RunGame

SMALL = 14  # strategies of two players together up to which every draw is solved afresh


def certified(game: EmpiricalGame, solution: Solution) -> Solution:
    """The same equilibria with certificates of the sampled game: regret in the mean table, with its interval."""

    def again(equilibrium: Any) -> Any:
        if isinstance(equilibrium.play, Joint) or solution.concept not in (
            "nash",
            "pure",
            "value",
        ):  # others measure another gap
            return equilibrium
        return replace(equilibrium, certificate=certify(game, equilibrium.play))

    return replace(solution, equilibria=tuple(map(again, solution.equilibria)), exact=False)


def spread(found: RunGame, solution: Solution | None, *, draws: int, seed: int) -> dict[str, Any]:
    """What the draws say of each equilibrium, as plain data.

    Parameters
    ----------
    seed : the same seed gives the same numbers.
    """
    game = found.game
    listed = [] if solution is None else [e for e in solution.equilibria if not isinstance(e.play, Joint)]
    plays = [equilibrium.play for equilibrium in listed]
    small = game.n == 2 and sum(game.shape) <= SMALL
    rng = Seeds(seed).stream("solve", "draws")
    results: Sequence[Resampled | None] = resampled(game, plays, _solve_all if small else None, rng, draws) if plays and draws else [None] * len(plays)  # fmt: skip
    return {
        "episodes": found.episodes,
        "profiles": len(game.cells),
        "fewest_episodes": min(cell.count for cell in game.cells.values()),
        "draws": draws,
        "seed": seed,
        "equilibria": [_told(found, play, result) for play, result in zip(plays, results, strict=True) if result is not None],
    }  # fmt: skip


def _solve_all(game: EmpiricalGame) -> list[Any]:
    from gamesim_analysis.equilibrium.router import solve

    try:
        return [equilibrium.play for equilibrium in solve(game.to_game(), every=True).equilibria]
    except GamesimError:
        return []


def _told(found: RunGame, play: Any, result: Resampled) -> dict[str, Any]:
    game = found.game
    probabilities = {}
    for i, player in enumerate(found.players):
        pool = game.policies[game.roles[i]]
        low, high = result.low[i], result.high[i]
        probabilities[player] = {
            policy: [float(play[i][a]), None if np.isnan(low[a]) else float(low[a]), None if np.isnan(high[a]) else float(high[a])]
            for a, policy in enumerate(pool)
        }  # fmt: skip
    alike = len(set(game.roles)) == 1 and all(np.allclose(np.asarray(m, float), np.asarray(play[0], float), atol=1e-9) for m in play)  # fmt: skip
    return {
        "probabilities": probabilities,
        "payoffs": [list(ends) for ends in result.payoffs],
        "regret": list(result.regret),
        "stays": result.stays,
        "found_again": result.again,
        "solved": result.solved,
        "alike": alike,
    }
