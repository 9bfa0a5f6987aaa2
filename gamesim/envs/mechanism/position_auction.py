"""Position auctions: advertisers bid for slots beside an answer; a reader clicks on one of the ads shown, or on none.

Advertiser i has a private value v_i for a click and bids b_i. There are m slots, at most K ads are shown, one a slot, and
w_ij > 0 says how well ad i does in slot j. Two readers:

- ``mnl`` (multinomial logit): ad i in slot j is clicked with probability w_ij / (1 + sum of the weights shown). One more ad takes
  clicks from all others, so that showing fewer ads can be worth more; the order of slots does not matter beyond w.
- ``cascade``: slots are read from the first on; in slot j ad i is clicked, and reading ends, with probability w_ij <= 1.

The ads shown maximise W(b) = sum_i b_i pi_i, pi_i being the probability of a click: with few advertisers by trying every
placement, exactly (``PositionAuction``). Payments, expected over clicks:

- ``vcg``: W(b without i) - (W(b) - b_i pi_i), what i takes from the others. Bidding one's value is dominant.
- ``first_price``: b_i pi_i. It is not.
- ``myerson``: values being uniform on [low, high], the ads maximise virtual values 2 b_i - high instead, and i pays
  b_i pi_i - integral of pi_i up to b_i. Bidding one's value is dominant, and no truthful rule has more expected revenue.

The model is that of [1]_ as a review describes it; the solutions are derived and tested here, and nothing is said of that
paper's theorems or of its ratio for the cascade.

References
----------
.. [1] "Position Auctions in AI-Generated Content", arXiv 2506.03309.
.. [2] Myerson, "Optimal Auction Design", Mathematics of Operations Research 6, 1981.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, permutations
from math import comb, factorial
from typing import Literal, get_args

import numpy as np

from gamesim.core.arrays import FloatArray, IntArray
from gamesim.core.errors import GameFileError, did_you_mean
from gamesim.core.mechanism import Mechanism, TypeSpace

Clicks = Literal["mnl", "cascade"]
Payment = Literal["vcg", "first_price", "myerson"]
MOST = 5_000  # placements that are tried
CHUNK = 2_000_000  # numbers held at once


@dataclass(frozen=True)
class Sale:
    """What an auction did, one row a profile of bids; arrays (B, n).

    Attributes
    ----------
    slot : 1 to m, 0 for an ad that is not shown.  click : its probability.  paid : expected payment.
    """

    slot: IntArray
    click: FloatArray
    paid: FloatArray


def placement_count(players: int, slots: int, ads: int) -> int:
    """How many ways there are to show at most ``ads`` of the players in slots.

    Examples
    --------
    >>> placement_count(4, 4, 4), placement_count(3, 2, 1)
    (209, 7)
    """
    return sum(comb(players, k) * comb(slots, k) * factorial(k) for k in range(min(players, slots, ads) + 1))


def click_chances(placed: IntArray, weights: FloatArray, clicks: Clicks) -> FloatArray:
    """Probabilities of a click under placements.

    Parameters
    ----------
    placed : shape (L, m), the ad in each slot, -1 for none.
    weights : shape (n, m).

    Returns
    -------
    Shape (L, n).

    Examples
    --------
    >>> click_chances(np.array([[0, 1]]), np.array([[1.0, 0.5], [1.0, 0.5]]), "mnl").tolist()
    [[0.4, 0.2]]
    >>> click_chances(np.array([[0, 1]]), np.array([[0.5, 0.5], [0.5, 0.5]]), "cascade").tolist()
    [[0.5, 0.25]]
    """
    n, m = weights.shape
    shown = placed >= 0
    there = np.where(shown, weights[placed, np.arange(m)], 0.0)  # (L, m); -1 reads the last ad and is masked
    if clicks == "mnl":
        total = np.zeros(len(placed))
        for j in range(m):
            total = total + there[:, j]
        chance = there / (1 + total)[:, None]
    else:
        left = np.ones(len(placed))
        chance = np.empty_like(there)
        for j in range(m):
            chance[:, j] = left * there[:, j]
            left = left * (1 - there[:, j])
    found = np.zeros((len(placed), n))
    row, slot = np.nonzero(shown)
    found[row, placed[row, slot]] = chance[row, slot]
    return found


@dataclass(frozen=True, eq=False)
class PositionAuction:
    """The rule of one sale; see the module.

    Parameters
    ----------
    weights : shape (n, m), above zero; at most 1 for ``cascade``.
    ads : most ads shown, by default one a slot.
    low, high : the uniform values that ``myerson`` takes for granted.

    Raises
    ------
    GameFileError
        If the weights or the number of ads make no auction, or there are more placements than are tried.
    """

    weights: FloatArray
    ads: int | None = None
    clicks: Clicks = "mnl"
    payment: Payment = "vcg"
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        weights = np.asarray(self.weights, dtype=np.float64)
        if weights.ndim != 2 or not weights.size or not (np.isfinite(weights) & (weights > 0)).all():
            raise GameFileError("weights of an auction are numbers above 0, one row an ad and one column a slot.")
        for what, given, known in (("clicks", self.clicks, Clicks), ("payment", self.payment, Payment)):
            if given not in get_args(known):
                raise GameFileError(f"'{given}' is no rule of {what}.", hint=did_you_mean(given, get_args(known)) or f"Possible: {', '.join(get_args(known))}.")  # fmt: skip
        if self.clicks == "cascade" and (weights > 1).any():
            raise GameFileError(
                f"a chance of a click is {weights.max():g}.", hint="In a cascade weights are at most 1."
            )
        n, m = weights.shape
        ads = m if self.ads is None else self.ads
        if not 1 <= ads <= m:
            raise GameFileError(f"{ads} ads do not fit {m} slots.", hint=f"From 1 to {m} can be shown.")
        if not 0 <= self.low < self.high < np.inf:
            raise GameFileError(f"values from {self.low} to {self.high} are no values.", hint="0 <= low < high.")
        count = placement_count(n, m, ads)
        if count > MOST:
            raise GameFileError(
                f"{n} ads in {m} slots can be placed in {count:,} ways.",
                hint=f"Up to {MOST:,} are tried; show fewer ads.",
            )
        weights.setflags(write=False)
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "ads", ads)

    @cached_property
    def placed(self) -> IntArray:
        """Every placement, shape (L, m): the ad in each slot or -1; fewer ads first, so that ties show fewer."""
        n, m = self.weights.shape
        rows = []
        for k in range(min(n, int(self.ads or m)) + 1):
            for slots in combinations(range(m), k):
                for ads in permutations(range(n), k):
                    row = [-1] * m
                    for slot, ad in zip(slots, ads, strict=True):
                        row[slot] = ad
                    rows.append(row)
        return np.array(rows, dtype=np.int64)

    @cached_property
    def chances(self) -> FloatArray:
        """Click probabilities of every placement, shape (L, n)."""
        return click_chances(self.placed, self.weights, self.clicks)

    @cached_property
    def slots(self) -> IntArray:
        """Slot of each ad in every placement, shape (L, n), from 1; 0 for none."""
        found = np.zeros((len(self.placed), len(self.weights)), dtype=np.int64)
        row, slot = np.nonzero(self.placed >= 0)
        found[row, self.placed[row, slot]] = slot + 1
        return found

    @cached_property
    def _without(self) -> list[IntArray]:
        return [np.flatnonzero(self.slots[:, i] == 0) for i in range(len(self.weights))]

    def best(self, values: FloatArray) -> tuple[IntArray, FloatArray]:
        """The placement of most value for each row (B, n), and that value."""
        at, top = np.empty(len(values), dtype=np.int64), np.empty(len(values))
        for rows in self._chunks(len(values)):
            total = self._totals(values[rows])
            at[rows] = total.argmax(axis=1)
            top[rows] = total.max(axis=1)
        return at, top

    def _chunks(self, rows: int) -> list[slice]:
        step = max(1, CHUNK // len(self.chances))
        return [slice(start, start + step) for start in range(0, rows, step)]

    def _totals(self, values: FloatArray) -> FloatArray:
        """The value of every placement, shape (B, L)."""
        total = np.zeros((len(values), len(self.chances)))
        for i in range(values.shape[1]):  # in this order on every face, so that rows do not depend on their number
            total += values[:, i, None] * self.chances[:, i]
        return total

    def sale(self, bids: FloatArray) -> Sale:
        """What these bids (B, n) bring.

        Raises
        ------
        GameFileError
            For a bid that is negative or not finite.
        """
        bids = np.asarray(bids, dtype=np.float64)
        if not ((bids >= 0) & np.isfinite(bids)).all():
            raise GameFileError("a bid is negative or not finite.", hint="Bids are numbers from 0 on.")
        at, paid = np.empty(len(bids), dtype=np.int64), np.empty(bids.shape)
        for rows in self._chunks(len(bids)):
            at[rows], paid[rows] = self._sold(bids[rows])
        return Sale(self.slots[at], self.chances[at], paid)

    def _sold(self, bids: FloatArray) -> tuple[IntArray, FloatArray]:
        """The placement that is chosen and the payments."""
        counted = 2 * bids - self.high if self.payment == "myerson" else bids
        total = self._totals(counted)
        at, top = total.argmax(axis=1), total.max(axis=1)
        click = self.chances[at]
        paid = bids * click
        for i in range(bids.shape[1]) if self.payment != "first_price" else ():
            if self.payment == "vcg":
                owed = total[:, self._without[i]].max(axis=1) - (top - paid[:, i])
            else:
                lowest = counted.copy()
                lowest[:, i] = 2 * self.low - self.high
                owed = paid[:, i] - (top - self._totals(lowest).max(axis=1)) / 2
            paid[:, i] = np.where(click[:, i] > 0, np.maximum(owed, 0.0), 0.0)  # rounding owes nobody anything
        return at, paid

    def mechanism(self, name: str = "position_auction") -> Mechanism:
        """The auction as a mechanism whose types are values, uniform on [low, high]."""
        n, m = self.weights.shape
        return Mechanism(
            tuple(f"player_{i}" for i in range(n)),
            (TypeSpace(self.low, self.high),) * n,
            outcome=lambda bids: self.sale(bids).click,
            payments=lambda bids: self.sale(bids).paid,
            utility=lambda i, value, click, paid: value * click[:, i] - paid,
            amounts=lambda click: click,
            name=name,
            facts=(("slots", m), ("ads", self.ads), ("clicks", self.clicks), ("payment", self.payment)),
        )


def slot_weights(players: int, slots: int, appeal: float | Sequence[float] = 0.5, decay: float = 0.6) -> FloatArray:
    """Weights w_ij = appeal_i decay^j, shape (n, m).

    Examples
    --------
    >>> slot_weights(2, 2, [1.0, 0.5], 0.5).tolist()
    [[1.0, 0.5], [0.5, 0.25]]
    """
    own = np.broadcast_to(np.asarray(appeal, dtype=np.float64), (players,))
    return own[:, None] * decay ** np.arange(slots)


def position_auction(
    players: int = 3,
    slots: int = 2,
    ads: int | None = None,
    clicks: Clicks = "mnl",
    payment: Payment = "vcg",
    appeal: float | Sequence[float] = 0.5,
    decay: float = 0.6,
    low: float = 0.0,
    high: float = 1.0,
    weights: Sequence[Sequence[float]] | None = None,
) -> Mechanism:
    """A position auction as a mechanism: advertisers report values per click, the rule shows ads and takes payments.

    Examples
    --------
    >>> auction = position_auction(players=2, slots=2, weights=[[1, 1], [1, 1]])
    >>> [round(float(x), 4) for x in auction.outcome(np.array([[1, 0.6]]))[0]], auction.outcome(np.array([[1, 0.4]])).tolist()
    ([0.3333, 0.3333], [[0.5, 0.0]])
    """
    try:
        table = slot_weights(players, slots, appeal, decay) if weights is None else np.array(weights, dtype=np.float64)
    except (TypeError, ValueError):
        raise GameFileError("weights of an auction are numbers, one row an ad and one column a slot.") from None
    return PositionAuction(table, ads, clicks, payment, low, high).mechanism()
