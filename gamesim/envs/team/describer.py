"""What language models are told of Levine's hats: the rules in full, the stacks they see, never how many rounds are played."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gamesim.core.describe import Description, Part, Secrets
from gamesim.core.policy import EMPTY

if TYPE_CHECKING:
    from .config import LevineHats

PHRASES = ("last round", "rounds remaining", "rounds left")
COLOURS = ("white", "black")


class HatsDescriber:
    """See the module."""

    prompts = Path(__file__).parent / "prompts"

    def __init__(self, config: LevineHats) -> None:
        self.config = config

    def rules(self) -> dict[str, Any]:
        return {"players": list(self.config.seats()), "hats": self.config.hats, "black": self.config.black}

    def describe(self, observation: Any, agent: str, info: Mapping[str, Any] = EMPTY) -> Description:
        own, seats = int(observation["index"]), self.config.seats()
        stacks = [
            {"name": seats[i], "hats": [COLOURS[hat] for hat in stack]}
            for i, stack in enumerate(np.asarray(observation["stacks"]).tolist())
            if i != own
        ]
        slots = {"me": agent, "hats": self.config.hats, "stacks": stacks, **self._last(observation)}
        return Description("choose", slots, (Part("choose", "hat"),), round=int(observation["round"]))

    def recap(self, observation: Any, agent: str, info: Mapping[str, Any] = EMPTY) -> dict[str, Any] | None:
        last = self._last(observation)
        return last if last["last"] else None

    def _last(self, seen: Any) -> dict[str, Any]:
        named, shown = (np.asarray(seen[key]).tolist() for key in ("last", "shown"))
        if min(named) < 0:
            return {"last": [], "won": None}
        last = [
            {"name": name, "hat": place + 1, "colour": COLOURS[colour]}
            for name, place, colour in zip(self.config.seats(), named, shown, strict=True)
        ]
        return {"last": last, "won": bool(min(shown))}

    def bundled(self) -> None:
        return None

    @property
    def latent(self) -> dict[str, float]:
        return {"horizon": float(self.config.horizon)}

    @property
    def told(self) -> dict[str, float]:
        return {"black": self.config.black}

    def secrets(self, observation: Any) -> Secrets:
        return Secrets(self.latent, PHRASES)

    def disguised(self) -> list[LevineHats]:
        return [self.config.model_copy(update={"horizon": 5347})]

    def altered(self) -> dict[str, LevineHats]:
        return {"horizon": self.config.model_copy(update={"horizon": self.config.horizon + 7})}
