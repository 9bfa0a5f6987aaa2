"""What language models are told at the wheel: the road, both cars, the gap as they believe it; never the other's bias."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gamesim.core.describe import Description, Part, Secrets
from gamesim.core.policy import EMPTY

if TYPE_CHECKING:
    from .config import ConflictPoint


class DrivingDescriber:
    """See the module."""

    prompts = Path(__file__).parent / "prompts"

    def __init__(self, config: ConflictPoint) -> None:
        self.config = config

    def rules(self) -> dict[str, Any]:
        return {"variant": self.config.variant, "seconds": self.config.seconds, "crash_cost": self.config.crash_cost}

    def describe(self, observation: Any, agent: str, info: Mapping[str, Any] = EMPTY) -> Description:
        o = {key: float(np.asarray(value)) for key, value in observation.items()}
        overtaking = self.config.variant == "two_way" and int(o["index"]) == 0
        slots: dict[str, Any] = {"me": agent, "overtaking": overtaking}
        slots |= {key: None if np.isnan(o[key]) else round(o[key], 1) for key in ("place", "speed", "other_place", "other_speed", "truck")}  # fmt: skip
        slots |= {
            "gap": round(o["gap"], 1) if np.isfinite(o["gap"]) else None,
            "out": bool(o["out"]),
            "time": round(o["time"], 1),
        }
        return Description(
            "drive", slots, (Part("acceleration", "action"),), round=round(o["time"] / self.config.dt) + 1
        )

    def recap(self, observation: Any, agent: str, info: Mapping[str, Any] = EMPTY) -> dict[str, Any] | None:
        return None

    def bundled(self) -> None:
        return None

    @property
    def latent(self) -> dict[str, float]:
        return {"bias_sd": self.config.bias_sd}

    @property
    def told(self) -> dict[str, float]:
        return {}

    def secrets(self, observation: Any) -> Secrets:
        return Secrets(self.latent, ("bias", "misjudge"))

    def disguised(self) -> list[ConflictPoint]:
        return [self.config.model_copy(update={"bias_sd": 0.73191})]

    def altered(self) -> dict[str, ConflictPoint]:
        return {"bias_sd": self.config.model_copy(update={"bias_sd": self.config.bias_sd + 0.25})}
