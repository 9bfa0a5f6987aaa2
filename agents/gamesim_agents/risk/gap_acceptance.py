"""Drivers who go where the gap they believe to have is at least a threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from gamesim.core.config import AgentConfig
from gamesim.core.policy import VectorPolicy

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMED = {"go": -9.0, "push": -1.0, "fair": 0.0, "polite": 1.0, "yield": 9.0}


class GapAcceptance(AgentConfig):
    """Gives way until the gap is at least a threshold in seconds; -9 never gives way, 9 always does."""

    kind: Literal["driving.gap_acceptance"] = "driving.gap_acceptance"
    threshold: float = Field(
        0.0, ge=-60, le=60, description="Smallest gap taken, in seconds: go -9, push -1, fair 0, polite 1, yield 9."
    )
    threshold_sd: float = Field(
        0.0, ge=0, le=60, description="Drivers differ: standard deviation of the threshold, drawn once an episode."
    )
    bias_sd: float | None = Field(
        None, ge=0, le=60, description="Misjudgement of gaps, in seconds; default the environment's."
    )

    def misfit(self, environment: Any) -> str | None:
        return None if getattr(environment, "kind", None) == "conflict_point" else "It drives in conflict_point."

    def build(self, environment: Any) -> VectorPolicy:
        from .gap_policy import GapPolicy

        return GapPolicy(environment.variant, self.threshold, self.threshold_sd)

    def seat_profile(self) -> Mapping[str, Any]:
        return {} if self.bias_sd is None else {"bias_sd": self.bias_sd}
