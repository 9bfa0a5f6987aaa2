"""What a scenario may say of a language player: ``agent: llm``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from gamesim.core.config import AgentConfig
from gamesim.core.errors import ScenarioError, did_you_mean

from ..rules.priors import ALTRUISTIC, RANGES, SELFISH, ranges
from .personas import persona_names

if TYPE_CHECKING:
    from gamesim.core.policy import AgentSpec

    from .policy import LanguagePolicy

SPECIAL = ("none", "any")


def _known(name: str) -> str:
    known = (*SPECIAL, *persona_names())
    if name not in known:
        hint = did_you_mean(name, known) or f"There are: {', '.join(known)}."
        raise ValueError(f"no persona '{name[:60]}'. {hint}")
    return name


Persona = Annotated[str, AfterValidator(_known)]
Disposition = Literal["general", "altruistic", "selfish"]


class LanguageAgent(AgentConfig):
    """A language model as a player, in any environment that describes itself."""

    kind: Literal["llm"] = "llm"
    external: ClassVar[bool] = True

    model: str = Field(
        "local", min_length=1, max_length=200, description="Alias of `models:`, or such as rule:commons.greedy."
    )
    persona: Persona | tuple[Persona, ...] = Field(
        "none", description="A shipped character, several to draw from, any, or none."
    )
    disposition: Disposition = Field(
        "general",
        description="Commons: type whose bank of sentences the first personal one is drawn from; general has none.",
    )
    sentence: int | None = Field(None, ge=1, le=8, description="Commons: the one sentence of the bank.")

    @model_validator(mode="after")
    def _sentence_has_a_bank(self) -> Self:
        if self.sentence is not None and self.disposition == "general":
            raise ValueError("sentence belongs to disposition altruistic or selfish")
        return self

    def sentences(self) -> tuple[str, ...]:
        """The bank that the first personal sentence is drawn from."""
        if self.disposition == "general":
            return ()
        bank = ALTRUISTIC if self.disposition == "altruistic" else SELFISH
        chosen = bank if self.sentence is None else bank[self.sentence - 1 : self.sentence]
        return tuple(prior.sentence for prior in chosen)

    def seat_profile(self) -> Mapping[str, Any]:
        bank = ALTRUISTIC if self.disposition == "altruistic" else SELFISH
        init = ranges(self.disposition) if self.sentence is None else bank[self.sentence - 1].init()
        return {"init": init, "speaks": True, **({"personal": list(self.sentences())} if self.sentences() else {})}

    def build(self, environment: Any) -> LanguagePolicy:
        from .policy import LanguagePolicy

        describer = environment.describer()
        if describer is None:
            raise ScenarioError(
                f"environment '{environment.kind}' does not describe itself in words; language models cannot play it."
            )
        return LanguagePolicy(self, environment, describer)


def stand_in(spec: AgentSpec, model: str) -> dict[str, Any]:
    """Parameters of the language player that takes a rule agent's place: the same seat on a model, with the same bank
    of sentences where the rule had one."""
    found: dict[str, Any] = {"model": model}
    init = spec.params.get("init")
    if isinstance(init, str) and init in RANGES:
        found["disposition"] = init
        if spec.params.get("sentence") is not None:
            found["sentence"] = spec.params["sentence"]
    return found
