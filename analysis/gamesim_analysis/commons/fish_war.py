"""The fish war of Levhari and Mirman: equilibrium and joint optimum of N discounting fishers, and what the difference costs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gamesim.core.arrays import FloatArray
from gamesim.core.errors import MetricError
from gamesim.envs.commons.fish_war import best_reply_share, equilibrium_share, optimum_share, steady_stock


@dataclass(frozen=True)
class FishWar:
    """x' = (x - sum of c)**elasticity, each player's utility the discounted sum of log c.

    Attributes
    ----------
    share, optimum_share : of the stock each player takes in the symmetric linear Markov equilibrium, and jointly best
    stock, optimum_stock : where the stock settles under either
    share_left : 1 - N share, the escapement in equilibrium
    """

    players: int
    elasticity: float
    discount: float
    share: float
    optimum_share: float
    stock: float
    optimum_stock: float

    @property
    def share_left(self) -> float:
        return 1 - self.players * self.share

    def best_reply(self, others: float) -> float:
        """Best share when the others always take the share ``others`` in all."""
        if not 0 <= others <= 1:
            raise MetricError(f"others must lie in 0..1, not {others}.")
        return float(best_reply_share(others, self.elasticity, self.discount))

    def value(self, own: float, total: float, stock: float) -> float:
        """Discounted utility of taking the share ``own`` for ever where all take ``total`` together, from ``stock``.

        Notes
        -----
        log x follows log x' = a log(1 - total) + a log x, so with log c = log own + log x the sum is
        (log own + b a log(1 - total)/(1 - ab)) / (1 - b) + log x / (1 - ab).
        """
        if not (0 < own <= total < 1 and stock > 0):
            raise MetricError(f"own {own}, total {total}, stock {stock}: 0 < own <= total < 1 and stock above 0.")
        a, b = self.elasticity, self.discount
        growth = a * b * math.log(1 - total) / (1 - a * b)
        return (math.log(own) + growth) / (1 - b) + math.log(stock) / (1 - a * b)

    def simulate(self, share: float, stock: float, rounds: int) -> FloatArray:
        """Stocks before harvest of ``rounds`` + 1 rounds when everybody takes ``share``, shape (rounds + 1,)."""
        if not (0 <= share * self.players < 1 and stock > 0 and rounds >= 0):
            raise MetricError(
                f"share {share}, stock {stock}, rounds {rounds}: shares sum below 1, stock above 0, rounds >= 0."
            )
        out = np.empty(rounds + 1)
        out[0] = stock
        for t in range(rounds):
            out[t + 1] = (out[t] * (1 - self.players * share)) ** self.elasticity
        return out


def levhari_mirman(players: int, elasticity: float, discount: float) -> FishWar:
    """Solve the fish war.

    Parameters
    ----------
    players : N >= 1
    elasticity : of next season's stock in what is left, in (0, 1)
    discount : in (0, 1)

    References
    ----------
    .. [1] Levhari, Mirman, "The great fish war", Bell Journal of Economics 11, 1980. Formulas derived again.

    Examples
    --------
    >>> war = levhari_mirman(2, 0.4, 0.9)
    >>> round(war.share, 6), round(war.stock, 6), round(war.best_reply(war.share), 6)
    (0.390244, 0.363892, 0.390244)
    """
    if players < 1 or not (0 < elasticity < 1 and 0 < discount < 1):
        raise MetricError(
            f"players {players}, elasticity {elasticity}, discount {discount}: at least 1, and both strictly between 0 and 1."
        )
    share, best = equilibrium_share(players, elasticity, discount), optimum_share(players, elasticity, discount)
    return FishWar(
        players, elasticity, discount, share, best,
        steady_stock(players * share, elasticity), steady_stock(players * best, elasticity),
    )  # fmt: skip
