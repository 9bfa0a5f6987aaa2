"""Rule agents of repeated position auctions: what a scenario may say of them. Only pydantic is imported here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from gamesim.core.config import AgentConfig

if TYPE_CHECKING:
    from gamesim.core.policy import VectorPolicy


class AuctionAgent(AgentConfig):
    """Plays in ``position_auction`` only."""

    def misfit(self, environment: Any) -> str | None:
        return None if environment.kind == "position_auction" else "It plays in position_auction."

    def build(self, environment: Any) -> VectorPolicy:
        from gamesim.core.errors import ScenarioError

        reason = self.misfit(environment)
        if reason:
            raise ScenarioError(f"this agent bids in auctions, not in '{environment.kind}'.", hint=reason)
        return self.rule(environment)

    def rule(self, environment: Any) -> VectorPolicy:
        raise NotImplementedError


class Truthful(AuctionAgent):
    """Bids its value."""

    kind: Literal["auction.truthful"] = "auction.truthful"

    def rule(self, environment: Any) -> VectorPolicy:
        from .auction_policies import Shade

        return Shade(environment.largest_bid, 1.0)


class Shade(AuctionAgent):
    """Bids a fixed share of its value."""

    kind: Literal["auction.shade"] = "auction.shade"
    share: float = Field(0.5, ge=0, description="Bid over value.")

    def rule(self, environment: Any) -> VectorPolicy:
        from .auction_policies import Shade as Rule

        return Rule(environment.largest_bid, self.share)


class Random(AuctionAgent):
    """Bids anything up to its value."""

    kind: Literal["auction.random"] = "auction.random"

    def rule(self, environment: Any) -> VectorPolicy:
        from .auction_policies import Random as Rule

        return Rule(environment.largest_bid)


class BestReply(AuctionAgent):
    """Bids the share of its value that would have been best against the others' last bids; begins with the truth."""

    kind: Literal["auction.best_reply"] = "auction.best_reply"
    points: int = Field(21, ge=2, le=1001, description="Shares that it compares, from 0 to 1.")

    def rule(self, environment: Any) -> VectorPolicy:
        from .auction_policies import BestReply as Rule

        return Rule(environment.largest_bid, environment.rule(), self.points)


class Hedge(AuctionAgent):
    """Learns which share of its value to bid by multiplicative weights over a grid, from what each would have earned."""

    kind: Literal["auction.hedge"] = "auction.hedge"
    points: int = Field(11, ge=2, le=1001, description="Shares that it weighs, from 0 to 1.")
    rate: float | None = Field(
        None, gt=0, description="Of learning; default sqrt(8 ln K / T) for K points and T rounds."
    )

    def rule(self, environment: Any) -> VectorPolicy:
        from math import log, sqrt

        from .auction_policies import Hedge as Rule

        rate = self.rate or sqrt(8 * log(self.points) / environment.horizon)
        return Rule(environment.largest_bid, environment.rule(), self.points, rate / (environment.largest_value or 1.0))
