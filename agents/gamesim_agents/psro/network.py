"""Policies that were learned: small networks, written as numbers, played without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from gamesim.core.config import AgentConfig

if TYPE_CHECKING:
    from gamesim.core.policy import VectorPolicy


class Network(AgentConfig):
    """Draws one of its actions with chances that a small network gives to what it sees; an oracle made it."""

    kind: Literal["network"] = "network"
    keys: tuple[str, ...] = Field(..., min_length=1, description="Parts of the observation that it reads, in order.")
    sizes: tuple[int, ...] = Field(..., min_length=2, max_length=8, description="Inputs, hidden units, actions.")
    shift: tuple[float, ...] = Field(..., description="Taken off each input.")
    scale: tuple[float, ...] = Field(..., description="What each input is then divided by.")
    weights: str = Field(
        ..., max_length=8_000_000, description="Base64 of little-endian float32: matrix and bias of each layer in turn."
    )

    @model_validator(mode="after")
    def _fits(self) -> Network:
        from .network_policy import layers

        if min(self.sizes) < 1 or max(self.sizes) > 4096:
            raise ValueError("sizes: from 1 to 4,096 units in a layer")
        if len(self.shift) != self.sizes[0] or len(self.scale) != self.sizes[0] or any(s <= 0 for s in self.scale):
            raise ValueError("shift, scale: one number for each input, scales above 0")
        layers(self.weights, self.sizes)
        return self

    def misfit(self, environment: Any) -> str | None:
        return None if environment.batched(1) is not None else "It plays in environments that are batched."

    def build(self, environment: Any) -> VectorPolicy:
        from .network_policy import NetworkPolicy

        return NetworkPolicy.of(self)
