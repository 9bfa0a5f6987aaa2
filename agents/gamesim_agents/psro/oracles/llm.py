"""An oracle that asks a language model for policies of a declared family, and lets play judge them.

    oracle:
      kind: llm
      model: big                                         # an alias under models:, or a short form
      family:
        - {agent: driving.gap_acceptance, vary: {threshold: [-9, 9]}}
        - {agent: stag_hunt.guard}

The model is told the rules, the pools with what they earn, and the family; it answers with a policy's name and its numbers.
Every proposal is played against the mixture; the best is played again on fresh episodes, and joins the pool only if the lower
end of its gain's 95 % interval is above 0. What cannot be read is an event and nothing more. Never claimed to be a best response.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from gamesim.core.config import Config
from gamesim.core.errors import GamesimError, clean
from gamesim.core.policy import AgentSpec
from gamesim.core.registry import entry

from .base import OracleConfig

if TYPE_CHECKING:
    from gamesim.core.model import ModelRequest
    from gamesim.core.solving import Oracle


class FamilyKeys(Config):
    """One kind of agent with what a proposal may choose, and parameters that stay."""

    model_config = ConfigDict(extra="allow")

    agent: str = Field(description="Kind of the agent.")
    vary: dict[str, tuple[float, float]] = Field({}, description="Numbers to choose, each between two bounds.")

    @model_validator(mode="after")
    def _is_a_family(self) -> Self:
        for key, (low, high) in self.vary.items():
            if not low < high:
                raise ValueError(f"vary.{clean(key, 60)}: {low:g} is not below {high:g}")
        try:
            self.made({key: low for key, (low, _) in self.vary.items()})
            self.made({key: high for key, (_, high) in self.vary.items()})
        except GamesimError as error:
            raise ValueError(str(error)) from None
        return self

    def made(self, numbers: dict[str, float]) -> AgentSpec:
        """The policy with those numbers.

        Raises
        ------
        GamesimError, ValueError
            If the agent does not take them.
        """
        model = entry("agents", self.agent)
        integers = {key for key in numbers if model.model_fields.get(key) and model.model_fields[key].annotation is int}
        given = {key: round(value) if key in integers else value for key, value in numbers.items()}
        config = model.model_validate({**(self.model_extra or {}), **given})
        return AgentSpec(self.agent, config.model_dump(mode="json", by_alias=True, exclude={"kind"}))


class LlmOracle(OracleConfig):
    """A language model proposes policies of a declared family; the best that play confirms joins the pool."""

    kind: Literal["llm"] = "llm"
    model: str = Field(description="An alias under models:, or a short form such as openai/<id>.")
    family: tuple[FamilyKeys, ...] = Field(min_length=1, max_length=20, description="What may be proposed.")
    candidates: int = Field(3, ge=1, le=50, description="Proposals for each answer, one call each.")
    screen: int = Field(1000, ge=16, le=1_000_000, description="Episodes that screen a proposal, and that confirm it.")

    @model_validator(mode="after")
    def _has_names(self) -> Self:
        kinds = [keys.agent for keys in self.family]
        if len(set(kinds)) < len(kinds):
            raise ValueError("family: one entry for each kind of agent")
        return self

    @property
    def asks(self) -> tuple[str, ...]:
        return (self.model,)

    def questions(
        self, environment: Any, player: int, pools: Sequence[Sequence[AgentSpec]], desks: Mapping[str, Any], more: int = 0
    ) -> Sequence[ModelRequest]:  # fmt: skip
        from .proposing import Proposing

        return Proposing(self).rehearsed(environment, player, pools, desks[self.model], more)

    def misfit(self, environment: Any) -> str | None:
        for keys in self.family:
            spec = keys.made({key: low for key, (low, _) in keys.vary.items()})
            instead = entry("agents", keys.agent).model_validate(dict(spec.params)).misfit(environment)
            if instead is not None:
                return f"family: {clean(keys.agent, 60)}: {instead}"
        return None

    def build(self) -> Oracle:
        from .proposing import Proposing

        return Proposing(self)
