"""``rule:<policy>``: a rule agent behind the interface of a model, with the same prompts, schema, journal and gate, at no cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from gamesim.core.errors import ScenarioError
from gamesim.core.model_config import ModelConfig

if TYPE_CHECKING:
    from .acting import RuleModel


class Rule(ModelConfig):
    """``id`` is a registered rule agent, ``commons.greedy`` or only ``greedy``; ``random`` draws legal answers anywhere."""

    backend: Literal["rule"] = "rule"
    parameters: dict[str, Any] = Field({}, description="Of the rule agent.")

    def seat_profile(self, environment: Any) -> Mapping[str, Any]:
        """What the environment should know of the rule that sits here."""
        config = self.build("rule").agent(environment)
        return {} if config is None else dict(config.seat_profile())

    def check(self, environment: Any) -> None:
        self.build("rule").agent(environment)

    def build(self, alias: str) -> RuleModel:
        if not self.id:
            raise ScenarioError(
                "backend rule needs the name of an agent, such as rule:commons.greedy.", path=f"models.{alias}"
            )
        from .acting import RuleModel

        return RuleModel(self.name(alias), self.id, self.parameters)
