"""What may be spent, to the billionth: reserve before sending, replace by the actual charge after.

Money is kept in integer units of 10^-9, so that no sum depends on the order of calls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from gamesim.core.errors import LimitReached

NANO = 10**9
Quantity = Literal["money", "tokens", "calls"]
QUANTITIES: tuple[Quantity, ...] = ("money", "tokens", "calls")


class BudgetExceeded(LimitReached):
    """Not even one more call fits. Nothing more is sent; the run resumes with a larger budget."""

    reason = "budget"


@dataclass(frozen=True)
class Charge:
    """What one attempt takes: money in 10^-9 of the currency, tokens, calls (a call counts once, whatever its attempts)."""

    money: int = 0
    tokens: int = 0
    calls: int = 1

    def get(self, quantity: Quantity) -> int:
        return {"money": self.money, "tokens": self.tokens, "calls": self.calls}[quantity]

    def __add__(self, other: Charge) -> Charge:
        return Charge(self.money + other.money, self.tokens + other.tokens, self.calls + other.calls)


NOTHING = Charge(calls=0)


def _zero() -> dict[Quantity, int]:
    return dict.fromkeys(QUANTITIES, 0)


@dataclass
class Budget:
    """Hard limits; None means unlimited.

    Attributes
    ----------
    spent : for answers that came.
    lost : for attempts that may have been served and billed, though no answer came; ``spent + lost`` stays within limits.
    reserved : for calls in flight.
    """

    limits: Mapping[Quantity, int | None] = field(default_factory=dict)
    spent: dict[Quantity, int] = field(default_factory=_zero)
    lost: dict[Quantity, int] = field(default_factory=_zero)
    reserved: dict[Quantity, int] = field(default_factory=_zero)
    currency: str = "USD"
    _ended: LimitReached | None = field(default=None, repr=False)
    _changed: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    @property
    def possibly_billed(self) -> int:
        return self.lost["money"]

    async def reserve(self, charge: Charge) -> None:
        """Set the charge aside; waits while only other calls' reservations are in the way.

        Raises
        ------
        BudgetExceeded
            When the charge would not fit even after every call in flight were free. From then on for every caller.
        """
        while True:
            if self._ended is not None:
                raise self._ended
            if self._blocking(charge, self.reserved) is None:
                for quantity in QUANTITIES:
                    self.reserved[quantity] += charge.get(quantity)
                return
            hard = self._blocking(charge, _zero())
            if hard is not None:
                self.end(BudgetExceeded(self._sentence(hard), hint="Go on with: gamesim resume RUN --budget +..."))
                continue
            self._changed.clear()
            await self._changed.wait()

    def settle(self, reserved: Charge, spent: Charge = NOTHING, *, lost: Charge = NOTHING) -> None:
        """Replace a reservation by what the attempt took; nothing, if it was not served."""
        for quantity in QUANTITIES:
            self.reserved[quantity] -= reserved.get(quantity)
            self.spent[quantity] += spent.get(quantity)
            self.lost[quantity] += lost.get(quantity)
        self._changed.set()

    def carry(self, spent: Charge, lost: Charge) -> None:
        """What earlier processes of this run spent."""
        self.settle(NOTHING, spent, lost=lost)

    def end(self, error: LimitReached) -> None:
        """Refuse everybody from now on, and those who wait."""
        self._ended = self._ended or error
        self._changed.set()

    def _blocking(self, charge: Charge, reserved: Mapping[Quantity, int]) -> Quantity | None:
        for quantity, limit in self.limits.items():
            held = self.spent[quantity] + self.lost[quantity] + reserved[quantity]
            if limit is not None and charge.get(quantity) > 0 and held + charge.get(quantity) > limit:
                return quantity
        return None

    def _sentence(self, quantity: Quantity) -> str:
        limit, held = self.limits[quantity], self.spent[quantity] + self.lost[quantity]
        assert limit is not None
        if quantity == "money":
            return f"budget: {money_text(held)} of {money_text(limit)} {self.currency} spent, and the next call may not fit."
        return f"budget: {held:,} of {limit:,} {quantity} used, and the next call does not fit."


def money_text(nano: int) -> str:
    """Exact, with at least two decimals.

    Examples
    --------
    >>> money_text(4_980_000_000), money_text(49_000_000)
    ('4.98', '0.049')
    """
    whole, part = divmod(nano, NANO)
    digits = f"{part:09d}".rstrip("0")
    return f"{whole}.{digits:0<2}"
