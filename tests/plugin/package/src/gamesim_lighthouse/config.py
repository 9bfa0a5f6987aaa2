"""What a scenario may say of the lighthouse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from gamesim.envs.config import EnvironmentConfig

if TYPE_CHECKING:
    from gamesim.envs.base import Environment


class Lighthouse(EnvironmentConfig):
    """Keepers decide in turn whether to pay for oil; enough payments light the night for all."""

    kind: Literal["lighthouse"] = "lighthouse"
    keepers: int = Field(3, ge=1, description="How many keepers there are.")
    nights: int = Field(5, ge=1, description="How many nights are played.")
    needed: int = Field(2, ge=1, description="Payments that light one night.")
    storm: float = Field(0.2, ge=0, le=1, description="Chance that a storm puts the light out.")

    def seats(self) -> tuple[str, ...]:
        return tuple(f"keeper_{i}" for i in range(self.keepers))

    def build(self) -> Environment:
        from .environment import LighthouseEnvironment

        return LighthouseEnvironment(self)
