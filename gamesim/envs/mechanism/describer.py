"""What bidders who read are told of a position auction: its rules and their own value, never how many rounds are played."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gamesim.core.describe import Description, Part, Secrets
from gamesim.core.policy import EMPTY

if TYPE_CHECKING:
    from .config import Auction

PHRASES = ("last round", "rounds remaining", "rounds left")


class AuctionDescriber:
    """See the module."""

    prompts = Path(__file__).parent / "prompts"

    def __init__(self, config: Auction) -> None:
        self.config = config
        self._rule = config.rule()

    def rules(self) -> dict[str, Any]:
        config = self.config
        weights = [
            {"name": name, "weights": [float(w) for w in row]}
            for name, row in zip(config.seats(), self._rule.weights.tolist(), strict=True)
        ]
        return {
            "players": config.players, "slots": config.slots, "ads": int(self._rule.ads or config.slots),
            "clicks": config.clicks, "payment": config.payment, "drawn": config.reader == "drawn", "weights": weights,
        }  # fmt: skip

    def describe(self, observation: Any, agent: str, info: Mapping[str, Any] = EMPTY) -> Description:
        slots = {
            "me": agent,
            "value": float(observation["value"]),
            "cap": self.config.largest_bid,
            **self._last(observation),
        }
        return Description("bid", slots, (Part("bid", "bid"),), round=int(observation["round"]))

    def recap(self, observation: Any, agent: str, info: Mapping[str, Any] = EMPTY) -> dict[str, Any] | None:
        last = self._last(observation)
        return last if last["last"] else None

    def _last(self, seen: Any) -> dict[str, Any]:
        bids, slots = np.asarray(seen["board_bid"]), np.asarray(seen["board_slot"])
        if np.isnan(bids).any():
            return {"last": [], "click": None, "paid": None, "payoff": None}
        last = [
            {"name": name, "bid": float(bid), "slot": int(slot) or None}
            for name, bid, slot in zip(self.config.seats(), bids, slots, strict=True)
        ]
        return {"last": last, **{key: float(seen[key]) for key in ("click", "paid", "payoff")}}

    def bundled(self) -> None:
        return None

    @property
    def latent(self) -> dict[str, float]:
        return {"horizon": float(self.config.horizon)}

    @property
    def told(self) -> dict[str, float]:
        return {}

    def secrets(self, observation: Any) -> Secrets:
        return Secrets(self.latent, PHRASES)

    def disguised(self) -> list[Auction]:
        return [self.config.model_copy(update={"horizon": 5347})]

    def altered(self) -> dict[str, Auction]:
        return {"horizon": self.config.model_copy(update={"horizon": self.config.horizon + 7})}
