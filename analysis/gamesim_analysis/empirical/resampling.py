"""How sure an equilibrium of a sampled game is: the table drawn again and again from what its episodes allow.

Each draw takes every cell's mean from its sampling distribution (``EmpiricalGame.resample``: jointly normal within a cell,
independent between cells). In each draw the same play has a regret, and the game is solved afresh; the equilibrium nearest
to the one reported says how far its probabilities may move.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator

from gamesim.core.arrays import FloatArray
from gamesim.core.certify import certify
from gamesim.core.empirical import EmpiricalGame

DRAWS = 200
NEAR = 0.05  # sup distance within which an equilibrium counts as found again

Solve = Callable[[EmpiricalGame], Sequence[Sequence[FloatArray]]]


@dataclass(frozen=True, eq=False)
class Resampled:
    """What the draws say of one equilibrium.

    Attributes
    ----------
    low, high : for each player, shape (k_i,): 2.5 and 97.5 % of the probability of each action in the nearest equilibrium.
    payoffs : for each player the same of its payoff under the reported play.
    regret : the same of the regret of the reported play.
    stays : share of draws in which the reported play is an equilibrium itself, regret 0 up to 1e-9 of the payoff range.
    again : share in which the nearest equilibrium lies within ``NEAR``.
    draws : how many there were; ``solved`` of them gave an equilibrium to compare with.
    """

    low: tuple[FloatArray, ...]
    high: tuple[FloatArray, ...]
    payoffs: tuple[tuple[float, float], ...]
    regret: tuple[float, float]
    stays: float
    again: float | None
    draws: int
    solved: int


def resampled(
    game: EmpiricalGame, plays: Sequence[Any], solve: Solve | None, rng: Generator, draws: int = DRAWS
) -> list[Resampled]:
    """Draw the game again and see what becomes of each play.

    Parameters
    ----------
    plays : mixed profiles of the game.
    solve : equilibria of a drawn game as mixed profiles; None where solving each draw would cost too much.
    rng : where the draws come from; the same generator gives the same numbers.
    """
    profiles = [[np.asarray(mixture, dtype=np.float64) for mixture in play] for play in plays]
    regrets = np.empty((len(plays), draws))
    earned = np.empty((len(plays), draws, game.n))
    nearest: list[list[FloatArray]] = [[] for _ in plays]
    for draw in range(draws):
        other = game.resample(rng)
        table = other.to_game()
        scale = table.payoff_range
        found = [[np.asarray(m, dtype=np.float64) for m in play] for play in solve(other)] if solve else []
        for p, profile in enumerate(profiles):
            gap = float(certify(table, profile).gap)
            regrets[p, draw] = gap if gap > 1e-9 * scale else 0.0
            earned[p, draw] = [float(u) for u in table.to_normal_form().expected(profile)]
            if found:
                flat = np.concatenate(profile)
                apart = [np.abs(np.concatenate(other_play) - flat).max() for other_play in found]
                nearest[p].append(np.concatenate(found[int(np.argmin(apart))]))
    return [_summary(profile, regrets[p], earned[p], nearest[p], draws, game.n) for p, profile in enumerate(profiles)]


def _summary(
    profile: Sequence[FloatArray], regrets: FloatArray, earned: FloatArray, nearest: Sequence[FloatArray], draws: int, n: int
) -> Resampled:  # fmt: skip
    ends = np.cumsum([len(mixture) for mixture in profile])[:-1]
    if nearest:
        low, high = np.quantile(np.array(nearest), (0.025, 0.975), axis=0)
        again = float((np.abs(np.array(nearest) - np.concatenate(profile)).max(axis=1) <= NEAR).mean())
    else:
        low = high = np.full(sum(len(m) for m in profile), np.nan)
        again = float("nan")
    payoffs = [tuple(float(q) for q in np.quantile(earned[:, i], (0.025, 0.975))) for i in range(n)]
    bounds = np.quantile(regrets, (0.025, 0.975))
    return Resampled(
        tuple(np.split(low, ends)),
        tuple(np.split(high, ends)),
        tuple((a, b) for a, b in payoffs),
        (float(bounds[0]), float(bounds[1])),
        float((regrets == 0).mean()),
        again if nearest else None,
        draws,
        len(nearest),
    )
