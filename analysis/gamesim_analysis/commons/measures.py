"""What happened to a stock and to those who lived off it, as plain functions of arrays.

Arrays lead with episodes and carry NaN where nothing happened (rounds not played, agents dead). A measure that is not
defined for an episode is NaN there; the tables built on this module say why.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gamesim.core.arrays import FloatArray
from gamesim_analysis.stats.inequality import gini_rows


@dataclass(frozen=True)
class StockUse:
    """Harvest over the best sustained harvest. Above one: more was taken than grows back.

    ``played`` averages over the rounds played, ``horizon`` divides the same sum by the horizon (as paper A does), so that a
    society that collapses early looks frugal in it; both shape (B,).
    """

    played: FloatArray
    horizon: FloatArray


def stock_use(harvest: FloatArray, best: float, horizon: int) -> StockUse:
    """eta, both ways.

    Parameters
    ----------
    harvest : shape (B, T), total harvest of each round; NaN for rounds not played.
    best : the best sustained harvest a round (r K / 4 under logistic growth), > 0.
    horizon : rounds the scenario allowed.
    """
    total = np.nansum(harvest, axis=1) / best
    rounds = np.isfinite(harvest).sum(axis=1)
    return StockUse(np.where(rounds > 0, total / np.maximum(rounds, 1), np.nan), total / horizon)


@dataclass(frozen=True)
class SocialOutcome:
    """The four social outcome measures for sequential dilemmas, each of shape (B,).

    Attributes
    ----------
    utilitarian : payoff of all agents a round.
    equality : 1 - Gini of what each harvested; NaN where nobody harvested.
    sustainability : mean over agents of the mean round in which they harvested; later is better. NaN where nobody did.
    peace : agents a round who were not fined.

    References
    ----------
    .. [1] Perolat et al., "A multi-agent reinforcement learning model of common-pool resource appropriation", 2017
       (definitions from general knowledge; the original counts time-outs where we count fines).
    """

    utilitarian: FloatArray
    equality: FloatArray
    sustainability: FloatArray
    peace: FloatArray


def social_outcome(payoff: FloatArray, harvest: FloatArray, fined: FloatArray) -> SocialOutcome:
    """U, E, S and P.

    Parameters
    ----------
    payoff, harvest, fined : shape (B, T, N)
        NaN where the agent was not there; ``fined`` is positive in rounds in which it was fined.
    """
    there = np.isfinite(payoff)
    rounds = np.maximum(there.any(axis=2).sum(axis=1), 1)
    caught = np.nansum(harvest, axis=1)
    took = np.nan_to_num(harvest) > 0
    when = np.arange(1, harvest.shape[1] + 1, dtype=np.float64)[None, :, None]
    times = took.sum(axis=1)
    mean_time = np.where(times > 0, (took * when).sum(axis=1) / np.maximum(times, 1), np.nan)
    some = np.isfinite(mean_time)
    sustainability = np.where(some.any(axis=1), np.nansum(mean_time, axis=1) / np.maximum(some.sum(axis=1), 1), np.nan)
    left_alone = (there & ~(np.nan_to_num(fined) > 0)).sum(axis=(1, 2)) / rounds
    return SocialOutcome(np.nansum(payoff, axis=(1, 2)) / rounds, 1.0 - gini_rows(caught), sustainability, left_alone)


def recovery_time(stock: FloatArray, shock: int, *, share: float = 0.1, hold: int = 3) -> FloatArray:
    """Rounds from a shock until the stock is back above (1 - share) of its value before it, for ``hold`` rounds running.

    Parameters
    ----------
    stock : shape (B, T), stock before the harvest of round t (0-based column t - 1); NaN after the end.
    shock : the round (1-based) in which the shock struck; the value before it is that round's column.
    share : tolerated loss, in [0, 1).
    hold : consecutive rounds, >= 1.

    Returns
    -------
    Shape (B,), rounds after the shock; NaN where it did not recover while we watched.

    Examples
    --------
    >>> recovery_time(np.array([[100.0, 50, 80, 95, 96, 97]]), shock=1)
    array([3.])
    """
    before = stock[:, shock - 1]
    after = stock[:, shock:]
    back = after >= (1 - share) * before[:, None]
    length = after.shape[1] - hold + 1
    if length <= 0:
        return np.full(stock.shape[0], np.nan)
    held = np.all([back[:, k : k + length] for k in range(hold)], axis=0)
    first = held.argmax(axis=1) + 1.0
    return np.where(held.any(axis=1), first, np.nan)
