"""Drivers for highway-env's merge: what a scenario may say of them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from gamesim.core.config import AgentConfig
from gamesim.core.policy import VectorPolicy


class Cruise(AgentConfig):
    """Keeps its speed after it slowed down or sped up so many times at the start."""

    kind: Literal["highway.cruise"] = "highway.cruise"
    faster: int = Field(0, ge=-6, le=6, description="Steps of 5 m/s at the start: 2 speeds up twice, -2 slows twice.")

    def misfit(self, environment: Any) -> str | None:
        kind = getattr(environment, "kind", None)
        return None if kind in ("highway_merge", "highway_two_way") else "It drives in highway_merge."

    def build(self, environment: Any) -> VectorPolicy:
        from .highway_policy import CruisePolicy

        return CruisePolicy(self.faster)


class HighwayGap(AgentConfig):
    """Slows down while the gap it has at the merge is below a threshold, and speeds up otherwise."""

    kind: Literal["highway.gap_acceptance"] = "highway.gap_acceptance"
    threshold: float = Field(
        0.0, ge=-60, le=60, description="Smallest gap taken, in seconds: go -9, push -1, fair 0, polite 1, yield 9."
    )

    def misfit(self, environment: Any) -> str | None:
        return None if getattr(environment, "kind", None) == "highway_merge" else "It drives in highway_merge."

    def build(self, environment: Any) -> VectorPolicy:
        from .highway_policy import GapPolicy

        return GapPolicy(self.threshold)
