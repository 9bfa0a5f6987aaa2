"""What a scenario may say of a repeated position auction: kind ``position_auction``.

Data sheet. In each of ``horizon`` rounds every advertiser bids a price per click; ads are shown, and payments taken, by the
rule of ``position_auction``. Values per click are private: fixed for the episode, or drawn anew each round. After the round
all see all bids and slots, and each its own clicks and payment. Payoffs are expected over the reader's click, or
(``reader: drawn``) one reader comes a round and who is clicked pays for that click.

| | |
|---|---|
| action | a bid from 0 to ``cap`` |
| observation | own ``value``, ``click``, ``paid``, ``payoff`` of the round before (NaN before the first); ``board_bid``, ``board_slot`` (N) of all, slot 0 for an ad not shown, -1 before |
| reward | value x click - payment |
| facts | ``round``, ``value``, ``slot``, ``click``, ``paid``, ``payoff`` |
| outcome | means of a round: ``revenue``, ``social_welfare`` (value of all clicks), ``truthful_revenue``, ``truthful_welfare`` (VCG with everybody truthful, same values), ``efficiency`` = social_welfare / truthful_welfare, ``bid_to_value`` (sum of bids / sum of values); and ``rounds`` |

With ``payment: vcg`` truth is dominant in each round; in a repeated auction it need not be all that is reasonable, and nothing
of the kind is claimed. Truthful VCG is the yardstick for every payment rule: its welfare is the most there is.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from gamesim.core.errors import GameFileError
from gamesim.envs.config import EnvironmentConfig

if TYPE_CHECKING:
    from gamesim.core.mechanism import Mechanism
    from gamesim.envs.base import BatchedEnvironment, Environment

    from .describer import AuctionDescriber
    from .position_auction import Payment, PositionAuction


class Auction(EnvironmentConfig):
    """Advertisers bid for slots beside an answer, round after round."""

    abstains: ClassVar[bool] = True

    kind: Literal["position_auction"] = "position_auction"
    players: int = Field(3, ge=1, le=100, description="Advertisers.")
    slots: int = Field(2, ge=1, le=20, description="Places for ads.")
    ads: int | None = Field(None, ge=1, description="Most ads shown; default one a slot.")
    clicks: Literal["mnl", "cascade"] = Field(
        "mnl", description="How the reader clicks: multinomial logit over all ads shown, or slot after slot."
    )
    payment: Literal["vcg", "first_price", "myerson"] = Field("vcg", description="What those who are shown pay.")
    appeal: float | list[float] = Field(0.5, description="Weight of each ad in the first slot.")
    decay: float = Field(0.6, gt=0, le=1, description="Weight in a slot over the weight in the slot before it.")
    weights: list[list[float]] | None = Field(
        None, description="Instead of appeal and decay: weights[i][j] of ad i in slot j."
    )
    values: list[float] | None = Field(None, description="Value of a click to each; default: drawn.")
    low: float = Field(0.0, ge=0, description="Least value that is drawn.")
    high: float = Field(1.0, gt=0, description="Largest value that is drawn.")
    redraw: Literal["episode", "round"] = Field("episode", description="How often values are drawn.")
    cap: float | None = Field(None, gt=0, description="Largest bid; default the largest value there can be.")
    reader: Literal["expected", "drawn"] = Field(
        "expected", description="Payoffs expected over clicks, or of one reader drawn a round."
    )
    horizon: int = Field(100, ge=1, le=1_000_000, description="Rounds.")

    @model_validator(mode="after")
    def _is_an_auction(self) -> Auction:
        for key in ("values", "weights", "appeal"):
            given = getattr(self, key)
            if isinstance(given, list) and len(given) != self.players:
                raise ValueError(f"{key}: {len(given)} were given for {self.players} players")
        if self.weights is not None and any(len(row) != self.slots for row in self.weights):
            raise ValueError(f"weights: every row holds {self.slots} numbers, one a slot")
        if self.values is not None and min(self.values) < 0:
            raise ValueError("values: a value is negative")
        try:
            self.rule()
        except GameFileError as error:
            raise ValueError(f"{error.message} {error.hint or ''}".strip()) from None
        return self

    def rule(self, payment: Payment | None = None) -> PositionAuction:
        """The rule of a round; with another payment, if asked for."""
        import numpy as np

        from .position_auction import PositionAuction, slot_weights

        table = (
            slot_weights(self.players, self.slots, self.appeal, self.decay)
            if self.weights is None
            else np.array(self.weights, dtype=np.float64)
        )
        return PositionAuction(table, self.ads, self.clicks, payment or self.payment, self.low, self.high)

    @cached_property
    def largest_value(self) -> float:
        return self.high if self.values is None else max(self.values)

    @cached_property
    def largest_bid(self) -> float:
        return self.cap or self.largest_value or 1.0

    def seats(self) -> tuple[str, ...]:
        return tuple(f"player_{i}" for i in range(self.players))

    def game(self) -> Mechanism:
        """One round as a mechanism."""
        return self.rule().mechanism()

    def describer(self) -> AuctionDescriber:
        from .describer import AuctionDescriber

        return AuctionDescriber(self)

    def build(self) -> Environment:
        from .environment import AuctionEnvironment

        return AuctionEnvironment(self)

    def batched(self, rows: int) -> BatchedEnvironment:
        from .batched import BatchedAuction

        return BatchedAuction(self, rows)

    def warnings(self) -> list[str]:
        found: list[str] = []
        if self.payment == "myerson" and self.values is not None:
            found.append("payment myerson takes values to be uniform on [low, high], which the given values are not.")
        if self.largest_bid < self.largest_value:
            found.append("cap is below the largest value: whoever has it cannot bid it.")
        return found
