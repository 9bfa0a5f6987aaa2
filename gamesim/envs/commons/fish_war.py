"""The fish war: a stock that regrows as a power of what is left, shared by players with logarithmic utility.

    x' = max(x - c_1 - ... - c_N, floor) ** elasticity,      u_i = log c_i,      c_i = s_i x

Players choose shares ``s_i`` of the stock; shares that sum to more than one are scaled down in proportion, which leaves
the floor (a breeding remnant, our addition: without it one round of greed would give minus infinity for ever). With
discount b and ab = elasticity * b the linear Markov equilibrium, the joint optimum and the steady stock have closed
forms.

References
----------
.. [1] Levhari and Mirman, "The Great Fish War", Bell Journal of Economics 11 (1980). Formulas derived again here: with
   others taking the share Y the problem is one harvester's on the stock (1 - Y) x, whose answer is (1 - ab)(1 - Y).
"""

from __future__ import annotations

import numpy as np

from gamesim.core.arrays import FloatArray


def catches(stock: FloatArray, shares: FloatArray) -> FloatArray:
    """What each player takes.

    Parameters
    ----------
    stock : shape (...,), fish.
    shares : shape (..., N), in [0, 1] each.

    Returns
    -------
    Shape (..., N), fish; sums to at most the stock.

    Examples
    --------
    >>> catches(np.array(10.0), np.array([0.2, 0.3])).tolist()
    [2.0, 3.0]
    >>> catches(np.array(10.0), np.array([1.0, 1.0])).tolist()
    [5.0, 5.0]
    """
    return np.asarray(stock[..., None] * shares / np.maximum(1.0, shares.sum(axis=-1, keepdims=True)))


def regrow(left: FloatArray, elasticity: float, floor: float) -> FloatArray:
    """The stock after a season in which ``left`` fish stayed in the sea; never below ``floor ** elasticity``."""
    return np.asarray(np.maximum(left, floor) ** elasticity)


def best_reply_share(others: FloatArray | float, elasticity: float, discount: float) -> FloatArray | float:
    """Best share of one player when the others always take the share ``others`` of the stock in all.

    Examples
    --------
    >>> round(best_reply_share(0.0, 0.4, 0.9), 12)
    0.64
    """
    return (1 - elasticity * discount) * (1 - others)


def equilibrium_share(players: int, elasticity: float, discount: float) -> float:
    """Each player's share in the symmetric linear Markov equilibrium.

    Examples
    --------
    >>> [round(equilibrium_share(n, 0.4, 0.9), 6) for n in (1, 2, 5)]
    [0.64, 0.390244, 0.179775]
    """
    saved = 1 - elasticity * discount
    return saved / (1 + (players - 1) * saved)


def optimum_share(players: int, elasticity: float, discount: float) -> float:
    """Each player's share when the sum of utilities is maximised and split evenly.

    Examples
    --------
    >>> round(optimum_share(2, 0.4, 0.9), 12)
    0.32
    """
    return (1 - elasticity * discount) / players


def steady_stock(total_share: float, elasticity: float) -> float:
    """Where the stock settles when ``total_share`` of it is taken every season.

    Examples
    --------
    >>> [round(steady_stock(n * equilibrium_share(n, 0.4, 0.9), 0.4), 6) for n in (1, 2, 5)]
    [0.50606, 0.363892, 0.217054]
    """
    return float((1 - total_share) ** (elasticity / (1 - elasticity)))
