"""Stage 3 of a translation: our own words for the game, made without a model, held against the text by the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gamesim.envs.efg.problems import Problem

from .outline import Kind, quoted, shape_problems

CODE = "T01"  # a contradiction, among the problems of a document


@dataclass(frozen=True)
class Contradiction:
    """A place where a model finds that the game says something else than the text.

    Attributes
    ----------
    quote : of the text.  statement : what the game says instead.
    verbatim : whether the quote stands in the text, letter by letter.
    """

    quote: str
    statement: str
    kind: str
    verbatim: bool = True

    def told(self) -> str:
        """In a sentence, which claims of the text only what stands in it."""
        source = "the text says" if self.verbatim else "the check quotes what does not stand in the text,"
        return f'{source} "{self.quote}"; the game says: {self.statement}'

    def problem(self) -> Problem:
        """As something to be repaired."""
        return Problem(CODE, "error", "/description", "description", self.told(), "a game that says what the text says")

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    quote: Annotated[str, Field(min_length=1, max_length=1000)]
    statement: Annotated[str, Field(max_length=1000)] = ""
    kind: Kind = "other"


class _Found(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    contradictions: Annotated[tuple[_Entry, ...], Field(max_length=100)]


def read_contradictions(
    data: Mapping[str, Any], text: str
) -> tuple[tuple[Contradiction, ...] | None, Sequence[Problem]]:
    """The contradictions, or None and what is wrong with the answer."""
    try:
        found = _Found.model_validate(data)
    except ValidationError as error:
        return None, shape_problems(error, ["contradictions"])
    entries = found.contradictions
    return tuple(Contradiction(e.quote, e.statement, e.kind, quoted(e.quote, text)) for e in entries), ()
