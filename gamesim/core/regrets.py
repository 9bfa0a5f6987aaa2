"""Regret of a sequence of choices against choices that were not made.

Opponents' moves are held fixed, so against opponents who react this is not what would have happened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from .arrays import FloatArray
from .errors import SolverError

if TYPE_CHECKING:
    from .normal_form import NormalFormGame


def regrets(actions: Any, utilities: Any, *, kind: Literal["external", "swap"]) -> FloatArray:
    """Cumulative regret after every round.

    Parameters
    ----------
    actions : whole numbers, shape (..., T); what was played, -1 for a round without a valid choice, which is left out.
    utilities : shape (..., T, K); ``utilities[..., t, a]`` is what action a would have earned in round t.
    kind : ``external``, max over a of sum_t [u_t(a) - u_t(a_t)], which may be negative;
        ``swap``, the sum over played actions a of max over b of sum_{t: a_t = a} [u_t(b) - u_t(a)], never negative.

    Returns
    -------
    Shape (..., T), in units of payoff; the last entry is the regret of the whole sequence.

    Examples
    --------
    >>> always_first = [0, 0, 0]
    >>> coin = [[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]
    >>> regrets(always_first, coin, kind="external")
    array([0., 0., 1.])
    """
    u = np.asarray(utilities, dtype=np.float64)
    played = np.asarray(actions)
    if played.shape != u.shape[:-1] or not np.issubdtype(played.dtype, np.integer):
        raise SolverError(
            f"actions of shape {played.shape} ({played.dtype}) do not fit utilities of shape {u.shape}.",
            hint="Expected whole numbers (..., T) and (..., T, K).",
        )
    k = u.shape[-1]
    if ((played < -1) | (played >= k)).any():
        raise SolverError(f"an action lies outside -1 to {k - 1}.")
    valid = played >= 0
    got = np.take_along_axis(u, np.where(valid, played, 0)[..., None], axis=-1)
    gains = np.where(valid[..., None], u - got, 0.0)
    if kind == "external":
        return np.asarray(np.cumsum(gains, axis=-2).max(axis=-1))
    if kind == "swap":
        total = np.zeros(played.shape)
        for a in range(k):  # one action at a time keeps memory at T x K
            total += np.cumsum(np.where((played == a)[..., None], gains, 0.0), axis=-2).max(axis=-1)
        return total
    raise SolverError(f"no regret of kind '{kind}'.", hint="Kinds: external, swap.")


def counterfactual_utilities(game: NormalFormGame, history: Any, player: int) -> FloatArray:
    """What each action of a player would have earned against what the others did.

    Parameters
    ----------
    history : whole numbers, shape (..., T, n): the pure profiles played.

    Returns
    -------
    Shape (..., T, k_player), the ``utilities`` of ``regrets``.
    """
    profiles = np.asarray(history)
    if profiles.shape[-1:] != (game.n,):
        raise SolverError(f"a history of shape {profiles.shape} does not end in the {game.n} players.")
    table = np.moveaxis(game.payoffs[player], player, -1)
    others = tuple(profiles[..., j] for j in range(game.n) if j != player)
    return (
        np.asarray(table[others]) if others else np.broadcast_to(table, (*profiles.shape[:-1], table.shape[-1])).copy()
    )
