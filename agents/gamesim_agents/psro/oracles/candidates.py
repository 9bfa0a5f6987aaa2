"""An oracle that learns nothing and needs nothing: of given candidates the one that answers best, found by playing them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from ..config import PolicyKeys, worded
from ..pools import labelled
from .base import OracleConfig

if TYPE_CHECKING:
    from gamesim.core.policy import AgentSpec
    from gamesim.core.solving import Oracle


class Candidates(OracleConfig):
    """Plays every candidate against the meta-strategy, on the same draws, and answers the one that gains most."""

    kind: Literal["candidates"] = "candidates"
    policies: tuple[PolicyKeys, ...] = Field(
        min_length=1, max_length=200, description="Who may join, as under policies."
    )
    episodes: int = Field(1000, ge=2, le=1_000_000, description="Episodes of each against the mixture.")

    def specs(self) -> tuple[AgentSpec, ...]:
        return tuple(keys.spec() for keys in self.policies)

    @model_validator(mode="after")
    def _have_names(self) -> Self:
        worded(lambda: labelled(self.policies), "policies")
        return self

    def labels(self) -> Mapping[str, str]:
        return {policy.spec.id: policy.label for policy in labelled(self.policies)}

    def misfit(self, environment: Any) -> str | None:
        from gamesim.core.registry import entry

        models = [entry("agents", spec.kind).model_validate(dict(spec.params)) for spec in self.specs()]
        return next((said for model in models if (said := model.misfit(environment)) is not None), None)

    def build(self) -> Oracle:
        from .screening import best_of

        return best_of(self.specs(), self.episodes)
