"""How far play of a formal game was from the best replies, from equilibria and from the best for all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gamesim.core.arrays import FloatArray
from gamesim.core.errors import MetricError
from gamesim.core.extensive_form import ExtensiveFormGame
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.profiles import as_profile
from gamesim.core.solution import Solution
from gamesim.core.symmetric import SymmetricGame

from .counts import Game, Table, as_counts, payoffs_against


@dataclass(frozen=True)
class SocietyRegret:
    """Regret of the empirical profile.

    Attributes
    ----------
    regrets : for each player the best action's payoff minus her own, against the others' empirical mixtures; None without data.
    nash_conv : their sum, None where one is missing.
    normalised : ``nash_conv`` over the payoff range.
    payoffs : expected payoff of each player.
    distances : for each player the total variation from her mixture to the nearest equilibrium's; None where no equilibria
        were given.  distance : the largest of them.  nearest : index of that equilibrium.
    complete : whether the given set of equilibria is known to be complete.
    welfare, best_welfare : sum of expected payoffs, and the largest sum of any pure profile.
    welfare_ratio : their quotient, None where the best is not above 0.
    reason : why something is missing.
    """

    regrets: tuple[float | None, ...]
    nash_conv: float | None
    normalised: float | None
    payoffs: tuple[float | None, ...]
    welfare: float | None
    best_welfare: float
    welfare_ratio: float | None
    distances: tuple[float | None, ...] | None = None
    distance: float | None = None
    nearest: int | None = None
    complete: bool | None = None
    reason: str | None = None


def society_regret(counts: Any, game: Game, equilibria: Solution | Sequence[Any] | None = None) -> SocietyRegret:
    """Regret, distance to the nearest equilibrium, and welfare of what was played.

    Parameters
    ----------
    counts : n vectors of valid, non-imputed choices; for a symmetric game also one vector for all players.
    equilibria : a Solution, or mixed profiles; for a symmetric game one mixture stands for all.

    Examples
    --------
    >>> game = NormalFormGame.bimatrix([[3, 0], [5, 1]], [[3, 5], [0, 1]])
    >>> found = society_regret([[10, 0], [10, 0]], game)
    >>> found.regrets, found.nash_conv, found.welfare_ratio
    ((2.0, 2.0), 4.0, 1.0)
    """
    if isinstance(game, ExtensiveFormGame):
        raise MetricError("regret by counts is of games in normal form.", path="game", hint="Use its to_normal_form().")
    held = as_counts(counts, game)
    mixtures = held.frequencies()
    copies = game.n if held.alike else 1
    regrets: list[float | None] = []
    payoffs: list[float | None] = []
    for mixture, earned in zip(mixtures, payoffs_against(game, mixtures), strict=True):
        if mixture is None or earned is None:
            regrets.append(None)
            payoffs.append(None)
            continue
        got = float(earned @ mixture)
        payoffs.append(got)
        regrets.append(max(0.0, float(earned.max()) - got))
    regrets, payoffs = regrets * copies, payoffs * copies
    known = [r for r in regrets if r is not None]
    whole = len(known) == len(regrets)
    conv = float(sum(known)) if whole else None
    welfare = float(sum(p for p in payoffs if p is not None)) if whole else None
    best = best_welfare(game)
    distances, index, complete = _nearest(mixtures, copies, game, equilibria)
    missing = [str(i) for i, mixture in enumerate(mixtures) if mixture is None]
    return SocietyRegret(
        tuple(regrets),
        conv,
        None if conv is None else conv / game.payoff_range,
        tuple(payoffs),
        welfare,
        best,
        welfare / best if welfare is not None and best > 0 else None,
        distances,
        None if distances is None or any(d is None for d in distances) else max(d for d in distances if d is not None),
        index,
        complete,
        f"no data of player {', '.join(missing)}" if missing else None,
    )


def best_welfare(game: Table) -> float:
    """The largest sum of payoffs over pure profiles."""
    if isinstance(game, NormalFormGame):
        return float(game.payoffs.sum(axis=0).max())
    return float(game.sums.max())


def _nearest(
    mixtures: Sequence[FloatArray | None], copies: int, game: Table, equilibria: Solution | Sequence[Any] | None
) -> tuple[tuple[float | None, ...] | None, int | None, bool | None]:
    if equilibria is None:
        return None, None, None
    complete = equilibria.complete if isinstance(equilibria, Solution) else None
    plays = [e.play for e in equilibria.equilibria] if isinstance(equilibria, Solution) else list(equilibria)
    everybody = list(mixtures) * copies
    best: tuple[float, tuple[float | None, ...], int] | None = None
    for index, play in enumerate(plays):
        profile = _profile(play, game)
        distances = tuple(
            None if mixture is None else float(np.abs(mixture - point).sum() / 2)
            for mixture, point in zip(everybody, profile, strict=True)
        )
        known = [d for d in distances if d is not None]
        far = max(known) if known else math.inf
        if best is None or far < best[0] - 1e-15:
            best = (far, distances, index)
    return (best[1], best[2], complete) if best is not None else (None, None, complete)


def _profile(play: Any, game: Table) -> list[FloatArray]:
    parts = list(getattr(play, "strategies", play))
    if isinstance(game, SymmetricGame) and len(parts) == game.k and all(np.ndim(part) == 0 for part in parts):
        parts = [np.asarray(parts)] * game.n
    try:
        return [np.asarray(vector, dtype=np.float64) for vector in as_profile(game.shape, parts)]
    except Exception as error:
        raise MetricError(f"an equilibrium does not fit the game: {error}", path="equilibria") from error
