"""What language models read at an information set: the rules, and what all its nodes have in common; never more.

Two nodes of a set give the same bytes, for the text is made from the set alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gamesim.core.describe import Description, Part, Secrets
from gamesim.core.policy import EMPTY

from .describe_game import describe_game, knows, place, told

if TYPE_CHECKING:
    from .config import ExtensiveForm


class TreeDescriber:
    """See the module."""

    prompts = Path(__file__).parent / "prompts"

    def __init__(self, config: ExtensiveForm) -> None:
        self.config = config

    def rules(self) -> dict[str, Any]:
        texts = []
        if self.config.rules in ("original", "both"):
            texts.append(self.config.description)
        if self.config.rules in ("generated", "both"):
            texts.append(describe_game(self.config.tree))
        return {"texts": texts, "again": self.config.repeat > 1, "rotates": self.config.rotate}

    def describe(self, observation: Any, agent: str, info: Mapping[str, Any] = EMPTY) -> Description:
        game, h = self.config.tree, int(observation["set"])
        slots = {
            "me": agent,
            "role": told(game.players[game.sets[h].player]),
            "place": place(game, h),
            "knows": knows(game, h),
            "actions": [told(action) for action in game.sets[h].actions],
        }
        return Description("move", slots, (Part("choice", "action"),), round=int(observation["play"]))

    def recap(self, observation: Any, agent: str, info: Mapping[str, Any] = EMPTY) -> dict[str, Any] | None:
        return None

    def bundled(self) -> None:
        return None

    @property
    def latent(self) -> dict[str, float]:
        return {}

    @property
    def told(self) -> dict[str, float]:
        return {}

    def secrets(self, observation: Any) -> Secrets:
        return Secrets({}, ())

    def disguised(self) -> list[ExtensiveForm]:
        return []

    def altered(self) -> dict[str, ExtensiveForm]:
        return {}
