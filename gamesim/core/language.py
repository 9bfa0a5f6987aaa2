"""How language models are spoken to: the keys of a scenario's ``language:``."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from .config import Config


class Window(Config):
    """The last rounds, word for word."""

    window: int = Field(5, ge=1, le=10_000, description="Rounds remembered.")


class SummaryKeys(Config):
    every: int = Field(5, ge=1, le=10_000, description="Rounds between two notes.")
    max_chars: int = Field(600, ge=50, le=10_000, description="Length of the note.")


class Summary(Config):
    """A note that the model itself writes from time to time; one more call."""

    summary: SummaryKeys = Field(default_factory=SummaryKeys)


Memory = Literal["none", "full"] | Window | Summary


def _memory(value: Any) -> Any:
    """``window`` and ``summary`` alone mean their defaults."""
    return {value: {} if value == "summary" else 5} if value in ("window", "summary") else value


class Reason(Config):
    max_chars: int = Field(200, ge=1, le=10_000)


class Communication(Config):
    """Free talk in every round."""

    protocol: Literal["simultaneous", "round_robin", "chosen_speaker"] = Field(
        "simultaneous", description="All speak at once, one after the other, or each speaker names the next."
    )
    when: Literal["before", "after"] = Field(
        "before", description="Before the round's first decision, or after its first."
    )
    rounds: int = Field(1, ge=1, le=100, description="simultaneous: how often all speak.")
    utterances: int = Field(10, ge=1, le=10_000, description="Most messages in one talk.")
    max_chars: int = Field(400, ge=1, le=10_000, description="Of one message; more is cut.")
    chars_per_agent: int | None = Field(None, ge=1, description="Of all messages of one agent in an episode.")


class Injection(Config):
    """A planted message, to measure how many do as it says."""

    carrier: str = Field(description="Seat whose every message is the planted text.")
    text: str = Field(max_length=10_000)
    canary: str = Field(min_length=4, max_length=200, description="A word that appears in answers of who obeys.")

    @model_validator(mode="after")
    def _is_planted(self) -> Self:
        if self.canary not in self.text:
            raise ValueError("the canary does not stand in the text; nobody could repeat it")
        return self


def _on_invalid(value: str) -> str:
    if value not in ("repeat_last", "abstain", "abort_run") and not value.startswith("action:"):
        raise ValueError(f"'{value[:60]}' is not repeat_last, abstain, abort_run or action:<label>")
    return value


class LanguageKeys(Config):
    """How language models are spoken to, and what becomes of answers that fail."""

    lang: str = Field("en", pattern="^[a-z]{2,3}(-[A-Za-z]+)?$", description="Language of the prompts.")
    paraphrase: Literal[0, 1, 2] = Field(0, description="Wording: three of equal content are shipped.")
    memory: Annotated[
        Memory, BeforeValidator(_memory, json_schema_input_type=Memory | Literal["window", "summary"])
    ] = Field(Window(), description="What a model is reminded of.")
    reason: Reason | None = Field(Reason(), description="Ask for a reason after the action; null asks for none.")
    repair: Literal[0, 1] = Field(1, description="Calls that quote the error of an answer that could not be used.")
    on_invalid: Annotated[str, AfterValidator(_on_invalid)] | None = Field(
        None,
        description="What a failed answer becomes: repeat_last, abstain, abort_run or action:<label>; default the game's.",
    )
    structured: Literal["auto", "json_schema", "grammar", "text"] = Field(
        "auto", description="How the form of answers is asked for; auto leaves it to each model."
    )
    calls: Literal["faithful", "bundled"] = Field(
        "faithful", description="One call a decision, or several decisions in one, which is not the paper's protocol."
    )
    communication: Communication | None = Field(None, description="Free talk; null has none.")
    injection: Injection | None = None
    samples: Literal["per_agent", "shared"] = Field(
        "per_agent", description="Whether equal prompts of two agents are two draws, or, at temperature 0, one."
    )
    independent_cells: bool = Field(False, description="Draw anew in every cell of a sweep.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.injection is not None and self.communication is None:
            raise ValueError("injection needs communication: nobody would hear it")
        return self
