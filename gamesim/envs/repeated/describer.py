"""What language models are told of a repeated matrix game: the table of payoffs in full, never how many rounds are played."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gamesim.core.describe import Description, Part, Secrets
from gamesim.core.policy import EMPTY

if TYPE_CHECKING:
    from .config import Matrix

PHRASES = ("last round", "rounds remaining", "rounds left")


class MatrixDescriber:
    """See the module."""

    prompts = Path(__file__).parent / "prompts"

    def __init__(self, config: Matrix) -> None:
        self.config = config

    def rules(self) -> dict[str, Any]:
        stage = self.config.table
        rows = [
            {
                "moves": [
                    {"player": player, "action": stage.actions[i][a]}
                    for i, (player, a) in enumerate(zip(stage.players, cell, strict=True))
                ],
                "payoffs": [float(stage.payoffs[(i, *cell)]) for i in range(stage.n)],
            }
            for cell in product(*map(range, stage.shape))
        ]
        return {"players": list(stage.players), "rows": rows, "noise": self.config.noise or None}

    def describe(self, observation: Any, agent: str, info: Mapping[str, Any] = EMPTY) -> Description:
        index = int(observation["index"])
        slots = {"me": agent, "actions": list(self.config.table.actions[index]), **self._last(observation)}
        return Description("choose", slots, (Part("choose", "action"),), round=int(observation["round"]))

    def recap(self, observation: Any, agent: str, info: Mapping[str, Any] = EMPTY) -> dict[str, Any] | None:
        last = self._last(observation)
        return last if last["last"] else None

    def _last(self, seen: Any) -> dict[str, Any]:
        stage = self.config.table
        played = [int(a) for a in np.asarray(seen["last"])]
        if any(a < 0 for a in played):
            return {"last": [], "payoff": None}
        last = [
            {"player": player, "action": stage.actions[i][a]}
            for i, (player, a) in enumerate(zip(stage.players, played, strict=True))
        ]
        return {"last": last, "payoff": float(seen["payoff"])}

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

    def disguised(self) -> list[Matrix]:
        return [self.config.model_copy(update={"horizon": 53})]

    def altered(self) -> dict[str, Matrix]:
        return {"horizon": self.config.model_copy(update={"horizon": self.config.horizon + 7})}
