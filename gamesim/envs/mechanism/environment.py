"""A repeated position auction as a PettingZoo environment: one row of ``BatchedAuction``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from gymnasium import spaces

from gamesim.envs.simultaneous import Simultaneous, whole

from .batched import BatchedAuction

if TYPE_CHECKING:
    from .config import Auction


class AuctionEnvironment(Simultaneous):
    """All bid at once; an action is a bid per click."""

    def __init__(self, config: Auction, batched: BatchedAuction | None = None) -> None:
        n, top = config.players, config.largest_bid
        numbers = {key: spaces.Box(0, np.inf, (), np.float64) for key in ("value", "click", "paid")}
        seen = spaces.Dict(
            {
                **whole("phase", "round", "index"),
                **numbers,
                "payoff": spaces.Box(-np.inf, np.inf, (), np.float64),
                "board_bid": spaces.Box(0, top, (n,), np.float64),
                "board_slot": spaces.Box(-1, config.slots, (n,), np.int64),
            }
        )
        self._auction = batched if batched is not None else BatchedAuction(config, 1)
        super().__init__(config, self._auction, [seen] * n, [spaces.Box(0.0, top, (1,), np.float64)] * n)

    def abstain(self, agent: str) -> float:
        """What a forfeited decision counts as: no bid."""
        return 0.0

    def render(self) -> str:
        seen = self._auction.observation()
        bids, slots = seen["board_bid"][0, 0], seen["board_slot"][0, 0]
        shown = ", ".join(
            f"{agent} {bid:.3g}" + (f" in slot {slot}" if slot > 0 else "")
            for agent, bid, slot in zip(self.possible_agents, bids, slots, strict=True)
            if not np.isnan(bid)
        )
        return f"round {self._auction.round} {self.phase or 'over'}" + (f": {shown}" if shown else "")
