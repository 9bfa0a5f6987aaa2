"""Position auctions: who is shown, what is paid, what it brings, and whether truth pays.

The model is that of ``gamesim.envs.mechanism.position_auction``. Here are the methods that need no list of placements:
Dinkelbach's for the multinomial logit reader, exact at any size, and heuristics for the cascade, which say that they are.

References
----------
.. [1] Dinkelbach, "On Nonlinear Fractional Programming", Management Science 13, 1967.
.. [2] Myerson, "Optimal Auction Design", Mathematics of Operations Research 6, 1981.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations, permutations
from typing import Any

import numpy as np
from numpy.random import Generator

from gamesim.core.arrays import FloatArray
from gamesim.core.errors import GameFileError, GameTooLargeError
from gamesim.core.mechanism import TRUTH, IncentiveReport, Mechanism, incentive_check
from gamesim.core.solution import Limits
from gamesim.envs.mechanism.position_auction import PositionAuction, placement_count

from .method import Found, Method

__all__ = [
    "Allocation", "AuctionOutcome", "IncentiveReport", "allocate", "cascade_best", "cascade_heuristic", "cascade_welfare",
    "incentive_check", "myerson_revenue", "vcg",
]  # fmt: skip

ORDERED = 100_000  # placements that are tried for the best cascade

Placement = tuple[tuple[int, int], ...]  # (ad, slot) pairs


@dataclass(frozen=True)
class Allocation:
    """Ads shown to a multinomial logit reader.

    Attributes
    ----------
    slots : shape (n,), the slot of each ad from 0, -1 where it is not shown.
    clicks : shape (n,), probabilities.
    welfare : sum of value times click, the most there is.
    iterations : assignments solved.
    """

    slots: tuple[int, ...]
    clicks: FloatArray
    welfare: float
    iterations: int


@dataclass(frozen=True)
class AuctionOutcome:
    """An allocation with its payments, expected over clicks; shape (n,)."""

    allocation: Allocation
    payments: FloatArray

    @property
    def revenue(self) -> float:
        return float(self.payments.sum())


def allocate(values: Any, weights: Any, slots: int | None = None) -> Allocation:
    """The ads that maximise sum_i v_i pi_i for a multinomial logit reader, exactly.

    W is a ratio of two linear functions of the assignment, so that z <- W(x), x <- the assignment of most sum (v_i - z) w_ij
    climbs to the optimum in a few steps.

    Parameters
    ----------
    values : shape (n,), finite; ads of negative value are never shown.
    weights : shape (n, m), above zero.
    slots : most ads shown, by default m.

    Raises
    ------
    GameFileError
        For values, weights or a number of ads that make no auction.

    Examples
    --------
    >>> allocate([1, 0.4], [[1, 1], [1, 1]]).welfare, allocate([1, 0.6], [[1, 1], [1, 1]]).welfare == 1.6 / 3
    (0.5, True)
    """
    v, w = _checked(values, weights)
    n, m = w.shape
    most = m if slots is None else slots
    if not 1 <= most <= m:
        raise GameFileError(f"{most} ads do not fit {m} slots.", hint=f"From 1 to {m} can be shown.")
    z, shown, steps = 0.0, np.full(n, -1), 0
    while True:  # it climbs strictly, over finitely many assignments
        steps += 1
        chosen = _matching((v - z)[:, None] * w, min(most, n))
        there = np.where(chosen >= 0, w[np.arange(n), chosen], 0.0)
        welfare = float((v * there).sum() / (1 + there.sum()))
        if not welfare > z:
            break
        z, shown = welfare, chosen
    there = np.where(shown >= 0, w[np.arange(n), shown], 0.0)
    return Allocation(tuple(map(int, shown)), there / (1 + there.sum()), z, steps)


def _matching(gains: FloatArray, most: int) -> Any:
    """The slot of each ad, -1 for none, in a matching of most sum with at most ``most`` edges.

    Ads beyond ``most`` must take dummy slots and slots beyond it dummy ads; a dummy ad in a dummy slot is forbidden, which
    leaves exactly ``most`` true edges, of which those that gain nothing count as none.
    """
    from scipy.optimize import linear_sum_assignment

    n, m = gains.shape
    padded = np.zeros((n + m - most, n + m - most))
    padded[:n, :m] = np.maximum(gains, 0.0)
    padded[n:, m:] = -(1 + padded.sum())
    rows, columns = linear_sum_assignment(padded, maximize=True)
    found = np.full(n, -1)
    for i, j in zip(rows, columns, strict=True):
        if i < n and j < m and gains[i, j] > 0:
            found[i] = j
    return found


def vcg(bids: Any, weights: Any, slots: int | None = None) -> AuctionOutcome:
    """The allocation for these bids, and Vickrey-Clarke-Groves payments: what each takes from the others.

    Raises
    ------
    GameFileError
        As ``allocate``, and for a negative bid.

    Examples
    --------
    >>> vcg([1, 0.6], [[1], [1]]).payments.tolist()       # one slot: half of the second bid, clicked half of the time
    [0.3, 0.0]
    """
    b, w = _checked(bids, weights)
    if (b < 0).any():
        raise GameFileError(f"the bid {b.min():g} is negative.", hint="Bids are numbers from 0 on.")
    chosen = allocate(b, w, slots)
    payments = np.zeros(len(b))
    for i in range(len(b)):
        if chosen.slots[i] >= 0:
            others = np.where(np.arange(len(b)) == i, 0.0, b)  # an ad of no value is never worth showing
            rest = chosen.welfare - b[i] * chosen.clicks[i]
            payments[i] = allocate(others, w, slots).welfare - rest
    return AuctionOutcome(chosen, payments)


def myerson_revenue(
    weights: Any, *, draws: int, rng: Generator, ads: int | None = None, low: float = 0.0, high: float = 1.0
) -> tuple[float, float]:
    """Mean revenue of the auction of most revenue for a multinomial logit reader, values uniform, and its standard error.

    One ad of weight w with values on [0, 1] brings w / (4 (1 + w)).
    """
    auction = PositionAuction(np.asarray(weights, dtype=np.float64), ads, "mnl", "myerson", low, high)
    paid = auction.sale(rng.uniform(low, high, (draws, len(auction.weights)))).paid.sum(axis=1)
    return float(paid.mean()), float(paid.std(ddof=1) / np.sqrt(draws))


# ---- the cascade, its reader going through the ads in any order that the seller likes -----------------------------------


def cascade_welfare(values: Any, chances: Any, placement: Placement, order: str = "value") -> float:
    """Value of the clicks on ads that are read one after the other until one is clicked.

    Parameters
    ----------
    chances : shape (n, m), in [0, 1]: of a click on ad i, once it is read, in slot j.
    placement : (ad, slot) pairs.
    order : ``value``: larger values are read first, which is the best order of a given placement (two neighbours swapped
        change the welfare by p q (v - v')); ``given``: as the pairs stand.

    Examples
    --------
    >>> cascade_welfare([1, 0.5], [[0.5, 0.5], [0.5, 0.5]], ((1, 0), (0, 1)))
    0.625
    """
    v, p = _checked(values, chances)
    pairs = sorted(placement, key=lambda pair: -v[pair[0]]) if order == "value" else placement
    total, left = 0.0, 1.0
    for ad, slot in pairs:
        total += left * v[ad] * p[ad, slot]
        left *= 1 - p[ad, slot]
    return float(total)


def cascade_best(values: Any, chances: Any, ads: int | None = None) -> tuple[Placement, float]:
    """The best placement by trying all, each in its best order.

    Raises
    ------
    GameTooLargeError
        If there are too many.
    """
    v, p = _checked(values, chances)
    n, m = p.shape
    most = min(n, m if ads is None else ads)
    if placement_count(n, m, most) > ORDERED:
        raise GameTooLargeError(f"{n} ads in {m} slots can be placed in {placement_count(n, m, most):,} ways.", hint=f"Up to {ORDERED:,} are tried; use cascade_heuristic.")  # fmt: skip
    best: tuple[Placement, float] = ((), 0.0)
    for k in range(1, most + 1):
        for some in combinations(range(n), k):
            for slots in permutations(range(m), k):
                placement = tuple(zip(some, slots, strict=True))
                welfare = cascade_welfare(v, p, placement)
                if welfare > best[1]:
                    best = placement, welfare
    return best


def cascade_heuristic(values: Any, chances: Any, ads: int | None = None) -> tuple[Placement, float]:
    """A good placement, the better of two rules of thumb; a heuristic, for which no ratio is claimed.

    The rules: the matching of most sum v_i p_ij, and adding the ad and slot that raise the welfare most while any does.
    """
    v, p = _checked(values, chances)
    n, m = p.shape
    most = min(n, m if ads is None else ads)
    chosen = _matching(v[:, None] * p, most)
    matched: Placement = tuple((i, int(j)) for i, j in enumerate(chosen) if j >= 0)
    greedy: Placement = ()
    while len(greedy) < most:
        taken = {ad for ad, _ in greedy}, {slot for _, slot in greedy}
        free = [(i, j) for i in range(n) if i not in taken[0] for j in range(m) if j not in taken[1]]
        step = max(free, key=lambda pair: cascade_welfare(v, p, (*greedy, pair)))
        if not cascade_welfare(v, p, (*greedy, step)) > cascade_welfare(v, p, greedy):
            break
        greedy = (*greedy, step)
    scores: Callable[[Placement], float] = lambda placement: cascade_welfare(v, p, placement)  # noqa: E731
    found = max((matched, greedy), key=scores)
    return found, scores(found)


def _checked(values: Any, weights: Any) -> tuple[FloatArray, FloatArray]:
    try:
        v, w = np.asarray(values, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    except (TypeError, ValueError):
        raise GameFileError("values and weights are numbers.") from None
    if w.ndim != 2 or v.shape != (len(w),) or not w.size:
        raise GameFileError(f"values of shape {v.shape} and weights of shape {w.shape} make no auction.", hint="Expected (n,) and (n, m).")  # fmt: skip
    if not np.isfinite(v).all() or not (np.isfinite(w) & (w > 0)).all():
        raise GameFileError("values are finite, and weights above 0.")
    return v, w


def is_mechanism(game: Any, concept: str = "truthful") -> str:
    return "" if isinstance(game, Mechanism) else f"a {type(game).__name__} is no mechanism"


def _truth(game: Any, *, concept: str, limits: Limits) -> Found:
    return Found(
        [TRUTH],
        covers="truth",
        selection="the truth; other equilibria are not looked for",
        notes=["Payoffs are means over 4,096 drawn type profiles, everybody reporting the truth."],
    )


truthful_reports = Method(
    "truthful_reports",
    frozenset({"truthful"}),
    "Whether reporting one's type is best in a mechanism, by trying misreports.",
    is_mechanism,
    _truth,
    suits="mechanisms",
    covers="truth",
    complete="no",
)
