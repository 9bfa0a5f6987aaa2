"""What language models are told on the hunt: the whole grid, and the rules with their numbers. Nothing is hidden."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gamesim.core.describe import Description, Part, Secrets
from gamesim.core.policy import EMPTY

from .rules import MOVES

if TYPE_CHECKING:
    from .config import StagHunt


class StagHuntDescriber:
    """Rows are told from 1 in the north, columns from 1 in the west."""

    prompts = Path(__file__).parent / "prompts"

    def __init__(self, config: StagHunt) -> None:
        self.config = config

    def rules(self) -> dict[str, Any]:
        keys = ("size", "horizon", "catch", "maul", "plant")
        return {**{key: getattr(self.config, key) for key in keys}, "chase": 100 * self.config.chase}

    def describe(self, observation: Any, agent: str, info: Mapping[str, Any] = EMPTY) -> Description:
        slots = {
            "me": agent,
            "round": int(observation["round"]),
            "actions": list(MOVES),
            **{key: _place(observation[key]) for key in ("own", "other", "stag")},
            "plants": [_place(plant) for plant in np.asarray(observation["plants"])],
            "payoff": _number(observation["payoff"]),
        }
        return Description("move", slots, (Part("move", "action"),), round=int(observation["round"]))

    def recap(self, observation: Any, agent: str, info: Mapping[str, Any] = EMPTY) -> dict[str, Any] | None:
        payoff = _number(observation["payoff"])
        return None if payoff is None else {"payoff": payoff, "own": _place(observation["own"])}

    def bundled(self) -> None:
        return None

    @property
    def latent(self) -> dict[str, float]:
        return {}

    @property
    def told(self) -> dict[str, float]:
        return {}

    def secrets(self, observation: Any) -> Secrets:
        return Secrets({})

    def disguised(self) -> list[StagHunt]:
        return []

    def altered(self) -> dict[str, StagHunt]:
        return {}


def _place(cell: Any) -> dict[str, int]:
    row, column = (int(x) + 1 for x in np.asarray(cell))
    return {"row": row, "column": column}


def _number(value: Any) -> float | None:
    found = float(value)
    return None if np.isnan(found) else found
