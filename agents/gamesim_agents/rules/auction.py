"""Rule agents of repeated position auctions: what a scenario may say of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from gamesim.core.config import AgentConfig
from gamesim.core.learners.feedback import learner_of

if TYPE_CHECKING:
    from gamesim.core.policy import Learner, VectorPolicy


class AuctionAgent(AgentConfig):
    """Plays in ``position_auction`` only."""

    def misfit(self, environment: Any) -> str | None:
        return None if environment.kind == "position_auction" else "It plays in position_auction."

    def build(self, environment: Any) -> VectorPolicy:
        from gamesim.core.errors import ScenarioError

        reason = self.misfit(environment)
        if reason:
            raise ScenarioError(f"this agent bids in auctions, not in '{environment.kind}'.", hint=reason)
        return self.policy(environment)

    def policy(self, environment: Any) -> VectorPolicy:
        raise NotImplementedError


class Truthful(AuctionAgent):
    """Bids its value."""

    kind: Literal["auction.truthful"] = "auction.truthful"

    def policy(self, environment: Any) -> VectorPolicy:
        from .auction_policies import Shade

        return Shade(environment.largest_bid, 1.0)


class Shade(AuctionAgent):
    """Bids a fixed share of its value."""

    kind: Literal["auction.shade"] = "auction.shade"
    share: float = Field(0.5, ge=0, description="Bid over value.")

    def policy(self, environment: Any) -> VectorPolicy:
        from .auction_policies import Shade as Rule

        return Rule(environment.largest_bid, self.share)


class Random(AuctionAgent):
    """Bids anything up to its value."""

    kind: Literal["auction.random"] = "auction.random"

    def policy(self, environment: Any) -> VectorPolicy:
        from .auction_policies import Random as Rule

        return Rule(environment.largest_bid)


class BestReply(AuctionAgent):
    """Bids the share of its value that would have been best against the others' last bids; begins with the truth."""

    kind: Literal["auction.best_reply"] = "auction.best_reply"
    points: int = Field(21, ge=2, le=1001, description="Shares that it compares, from 0 to 1.")

    def policy(self, environment: Any) -> VectorPolicy:
        from .auction_policies import BestReply as Rule

        return Rule(environment.largest_bid, environment.rule(), self.points)


class BidLearner(AuctionAgent):
    """Learns which share of its value to bid, by any rule of `gamesim list learners` over a grid of shares."""

    kind: Literal["auction.learner"] = "auction.learner"
    rule: str = Field("hedge", description="The learner; names from `gamesim list learners`.")
    parameters: dict[str, Any] = Field({}, description="Of the rule, such as {eta: 0.1}.")
    points: int = Field(11, ge=2, le=1001, description="Shares that it weighs, from 0 to 1.")

    @model_validator(mode="after")
    def _is_a_learner(self) -> Self:
        self.learner()  # says what is wrong with the rule or its parameters
        return self

    def learner(self) -> Learner:
        return learner_of({"rule": self.rule, **self.parameters})

    def warnings(self, environment: Any) -> list[str]:
        warning = str(getattr(self.learner(), "warning", ""))
        return [warning] if warning else []

    def policy(self, environment: Any) -> VectorPolicy:
        from .auction_policies import BidLearner as Rule

        return Rule(
            environment.largest_bid,
            environment.rule(),
            self.points,
            self.learner(),
            environment.horizon,
            environment.largest_value or 1.0,
        )
