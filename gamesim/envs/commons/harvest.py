"""What agents take from the stock, and who gets what when they ask for more than there is.

All functions have a leading axis of rows B; agents are the second axis.
"""

from __future__ import annotations

import numpy as np

from gamesim.core.arrays import FloatArray, IntArray

TILE = 4_000_000  # ticks of lottery clocks held at once, so that memory stays bounded


def catch_effort(effort: FloatArray, stock: FloatArray, productivity: float) -> FloatArray:
    """h_i = alpha e_i R, shape (B, N), for efforts (B, N) and a stock (B,)."""
    return effort * (productivity * stock)[:, None]


def random_order(u: FloatArray) -> IntArray:
    """The agents of every row in the order of their uniforms: a uniformly random order, shape (..., N).

    An agent that joins at the end leaves the order among the others as it was. The bits of a double >= 0 are ordered as
    the number is, so sorting whole numbers that carry the agent in their lowest bits gives the order several times faster
    than an argsort; ties go to the lower number.
    """
    agents = u.shape[-1]
    low = (1 << max(1, int(agents - 1).bit_length())) - 1
    keys: IntArray = np.ascontiguousarray(u).view(np.int64) & ~low
    keys |= np.arange(agents)
    keys.sort(axis=-1)
    keys &= low
    return keys


def catch_shuffled(effort: FloatArray, stock: FloatArray, productivity: float, order: IntArray) -> FloatArray:
    """Each agent in turn takes alpha e_i S, and S falls at once: a cumulative product over a permutation.

    Parameters
    ----------
    effort : (B, N).  stock : (B,).  productivity : alpha; nobody takes more than there is.
    order : (B, N), the agents of each row in their order.
    """
    if len(order) > 1:
        order = order + np.arange(0, order.size, order.shape[1])[:, None]
    caught = effort.ravel().take(order)
    caught *= productivity
    if productivity > 1.0:
        np.minimum(caught, 1.0, out=caught)
    left = 1.0 - caught
    np.multiply.accumulate(left, axis=1, out=left)
    caught[:, 1:] *= left[:, :-1]
    caught *= stock[:, None]
    placed = np.empty(effort.size)
    placed[order] = caught
    return placed.reshape(effort.shape)


def ration_proportional(wanted: FloatArray, stock: FloatArray) -> FloatArray:
    """Everybody gets the same share of what he wanted, where they want more than there is.

    Parameters
    ----------
    wanted : (B, N), >= 0.  stock : (B,), >= 0.
    """
    total = wanted.sum(axis=1)
    short = total > stock
    if not short.any():
        return wanted
    share = np.divide(stock, total, out=np.ones_like(stock), where=short)
    return np.asarray(wanted * share[:, None])


def ration_sequential(wanted: FloatArray, stock: FloatArray, order: IntArray) -> FloatArray:
    """First come, first served, in the order given, (B, N)."""
    if not (wanted.sum(axis=1) > stock).any():
        return wanted
    asked = np.take_along_axis(wanted, order, axis=1)
    before = np.cumsum(asked, axis=1) - asked
    given = np.clip(stock[:, None] - before, 0.0, asked)
    caught = np.empty_like(wanted)
    np.put_along_axis(caught, order, given, axis=1)
    return caught


def ration_lottery(wanted: FloatArray, stock: FloatArray, exponentials: FloatArray) -> FloatArray:
    """One unit at a time to a uniformly drawn agent who still wants some, till the stock is gone.

    Every agent has a clock that ticks at rate one; the next tick among those who still want some is equally likely to be
    anybody's, so the units go to the first ticks. A last part of a unit counts as a tick of that size.

    Parameters
    ----------
    wanted : (B, N), each at most J.  stock : (B,).
    exponentials : (B, N, J), standard exponentials: the waiting times of each agent's clock.
    """
    rows, agents, ticks = exponentials.shape
    when = np.cumsum(exponentials, axis=2)
    size = np.clip(wanted[:, :, None] - np.arange(ticks), 0.0, 1.0)
    when = np.where(size > 0.0, when, np.inf).reshape(rows, -1)
    order = np.argsort(when, axis=1, kind="stable")
    sizes = np.take_along_axis(size.reshape(rows, -1), order, axis=1)
    given = np.diff(np.minimum(np.cumsum(sizes, axis=1), stock[:, None]), axis=1, prepend=0.0)
    caught = np.empty_like(given)
    np.put_along_axis(caught, order, given, axis=1)
    return np.asarray(np.minimum(caught.reshape(rows, agents, ticks).sum(axis=2), wanted))
