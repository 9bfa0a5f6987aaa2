"""Fines: who breaks the rule, who is fined by whom, what it costs. Arrays are (B, N); target N means nobody."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gamesim.core.arrays import BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class Fines:
    """One stage of fining.

    Attributes
    ----------
    imposed : (B, N), fines an agent imposed.  received : (B, N), fines it received.
    """

    imposed: IntArray
    received: IntArray


def binding_cap(norm: FloatArray, belief: FloatArray) -> FloatArray:
    """The cap an agent judges others by, (B, 1) or (B, N): the group norm (B,), or its own belief where there is none.

    Quotas are not the judge's but the judged one's; ``breaks_rule`` takes them apart.
    """
    without = np.isnan(norm)
    if not without.any():
        return norm[:, None]
    return np.where(without[:, None], belief, norm[:, None])


def breaks_rule(harvest_of: FloatArray, cap: FloatArray, quota_of: FloatArray | None) -> BoolArray:
    """Whether the judged harvests (B, N) exceed the judged one's quota, or without one the judge's cap."""
    if quota_of is None:
        return np.greater(harvest_of, cap)
    return harvest_of > np.where(np.isnan(quota_of), cap, quota_of)


def tally(target: IntArray, counting: bool) -> Fines:
    """Fines imposed and received when every agent fines its target.

    Parameters
    ----------
    target : (B, N), N = nobody.
    counting : numbers of fines instead of indicators.
    """
    rows, agents = target.shape
    fining = target < agents
    if not fining.any():
        none = np.zeros(target.shape, dtype=np.int64)
        return Fines(none, none)
    slots = target + np.arange(0, rows * (agents + 1), agents + 1)[:, None]
    if counting:
        received = np.bincount(slots.ravel(), minlength=rows * (agents + 1))
    else:
        received = np.zeros(rows * (agents + 1), dtype=np.int64)
        received[slots] = 1
    return Fines(fining.astype(np.int64), received.reshape(rows, agents + 1)[:, :agents])


def graduated(received: IntArray, past: IntArray, cap: int, counting: bool) -> FloatArray:
    """How many times beta each agent pays when every further fine is dearer: min(earlier fines + 1, cap) each.

    Parameters
    ----------
    received : (B, N), fines of this round (0 or 1 without counting).  past : (B, N), earlier ones.
    """
    if not counting:
        return np.multiply(received, np.minimum(past + 1, cap), dtype=np.float64)
    dear = np.clip(cap - 1 - past, 0, received)  # fines of this round that still cost less than the cap
    times: FloatArray = dear * (past + 1.0) + dear * (dear - 1.0) / 2.0 + (received - dear) * float(cap)
    return times


def read(violation: BoolArray, u: FloatArray | None, misread: float) -> BoolArray:
    """What an inspector takes for a violation: misread, in either direction, with probability ``misread``."""
    return violation if u is None or misread == 0.0 else violation ^ (u < misread)
