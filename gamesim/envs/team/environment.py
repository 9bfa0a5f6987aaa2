"""Levine's hats as a PettingZoo environment: one row of ``BatchedHats``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from gymnasium import spaces

from gamesim.envs.simultaneous import Simultaneous, whole

from .batched import BatchedHats

if TYPE_CHECKING:
    from .config import LevineHats


class HatsEnvironment(Simultaneous):
    """All name a position at once; an action is its index from the top."""

    def __init__(self, config: LevineHats, batched: BatchedHats | None = None) -> None:
        n, h = config.players, config.hats
        seen = spaces.Dict(
            {
                **whole("phase", "round", "index"),
                "last": spaces.Box(-1, h - 1, (n,), np.int64),
                "shown": spaces.Box(-1, 1, (n,), np.int64),
                "stacks": spaces.Box(-1, 1, (n, h), np.int64),
                "payoff": spaces.Box(0, 1, (), np.float64),
            }
        )
        self._hats = batched if batched is not None else BatchedHats(config, 1)
        super().__init__(config, self._hats, [seen] * n, [spaces.Discrete(h)] * n)

    def abstain(self, agent: str) -> int:
        """What a forfeited decision counts as: the top hat, named without looking."""
        return 0

    def render(self) -> str:
        last = self._hats.observation()
        if last["last"][0, 0, 0] < 0:
            return f"round {self._hats.round} {self.phase or 'over'}"
        named = ", ".join(
            f"{agent} {place + 1} {'black' if black else 'white'}"
            for agent, place, black in zip(self.possible_agents, last["last"][0, 0], last["shown"][0, 0], strict=True)
        )
        return f"round {self._hats.round} {self.phase or 'over'}: {named}"
