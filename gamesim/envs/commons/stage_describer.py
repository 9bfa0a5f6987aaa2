"""What language models are told of the stage games: their rules and payoffs in full, never how many rounds are played.

The fish war's growth stays latent: fishers see the stock, not the law.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gamesim.core.describe import Description, Part, Secrets
from gamesim.core.policy import EMPTY

from .stage_actions import decode_fines

if TYPE_CHECKING:
    from .stage_config import StageGame

PHRASES = ("last round", "rounds remaining", "rounds left")
NAMES = {0: "choose", 1: "sanction", 2: "norm"}


class StageDescriber:
    """See the module."""

    prompts = Path(__file__).parent / "stage_prompts"

    def __init__(self, config: StageGame) -> None:
        self.config = config
        self._rules = config.rules()

    def rules(self) -> dict[str, Any]:
        config, kind = self.config, self.config.kind
        return {
            "game": kind,
            "players": config.players,
            "endowment": getattr(config, "endowment", None),
            "outside": getattr(config, "outside", None),
            "linear": getattr(config, "linear", None),
            "quadratic": getattr(config, "quadratic", None),
            "mpcr": getattr(config, "mpcr", None),
            "fee": config.fining.fee if config.fining else None,
            "fine": config.fining.fine if config.fining else None,
            "votes": config.voting.rule if config.voting else None,
        }

    def describe(self, observation: Any, agent: str, info: Mapping[str, Any] = EMPTY) -> Description:
        phase = NAMES[int(observation["phase"])]
        part = self._part(phase)
        return Description(phase, self._situation(observation, agent, phase), (part,), round=int(observation["round"]))

    def _part(self, phase: str) -> Part:
        rules = self._rules
        if phase == "sanction" and self.config.fining is not None:
            players, most = self.config.players, self.config.fining.most
            return Part("sanction", "fines", write=lambda code: decode_fines(np.array(code), players, most))
        whole = rules.integer and phase == "choose"
        schema = {"type": "integer" if whole else "number", "minimum": _plain(rules.low), "maximum": _plain(rules.high)}
        return Part(phase, "cap" if phase == "norm" else "choice", schema)

    def recap(self, observation: Any, agent: str, info: Mapping[str, Any] = EMPTY) -> dict[str, Any] | None:
        return self._situation(observation, agent, "choose") if not np.isnan(observation["choice"]) else None

    def _situation(self, seen: Any, agent: str, phase: str) -> dict[str, Any]:
        own = int(seen["index"])
        others = [
            {"name": f"player_{i}", "choice": float(choice), "payoff": _value(seen["board_payoff"][i])}
            for i, choice in enumerate(seen["board_choice"])
            if i != own and not np.isnan(choice)
        ]
        return {
            "me": agent,
            "game": self.config.kind,
            "now": phase == "sanction",
            "low": self._rules.low,
            "high": self._rules.high,
            "players": self.config.players,
            "stock": _value(seen["stock"]) if "stock" in seen else None,
            "norm": _value(seen["norm"]),
            "choice": _value(seen["choice"]),
            "payoff": _value(seen["payoff"]),
            "fines": int(seen["fines"]),
            "others": others,
        }

    def bundled(self) -> None:
        return None

    @property
    def latent(self) -> dict[str, float]:
        found = {"horizon": float(self.config.horizon)}
        for key in ("elasticity", "discount"):
            if hasattr(self.config, key):
                found[key] = float(getattr(self.config, key))
        return found

    @property
    def told(self) -> dict[str, float]:
        return {}

    def secrets(self, observation: Any) -> Secrets:
        return Secrets(self.latent, PHRASES)

    def disguised(self) -> list[StageGame]:
        odd = {"horizon": 53, "elasticity": 0.4173, "discount": 0.9091}
        return [self.config.model_copy(update={key: odd[key] for key in self.latent})]

    def altered(self) -> dict[str, StageGame]:
        found = {}
        for key, value in self.latent.items():
            other = int(value) + 7 if key == "horizon" else value * 0.83
            found[key] = self.config.model_copy(update={key: other})
        return found


def _value(number: Any) -> float | None:
    value = float(number)
    return None if np.isnan(value) else value


def _plain(number: float) -> float | int:
    return int(number) if number == int(number) else number
