"""Policies that a tabular oracle learned: an action for each situation, written as numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from gamesim.core.config import AgentConfig

if TYPE_CHECKING:
    from gamesim.core.policy import VectorPolicy

MOST = 1_000_000  # situations of a table
UNSEEN = 255


class Table(AgentConfig):
    """Plays what a table has for the situation; of several tables one, drawn for each episode. An oracle made it."""

    kind: Literal["table"] = "table"
    keys: tuple[str, ...] = Field(..., max_length=20, description="Parts of the observation that it reads, in order.")
    low: tuple[int, ...] = Field(..., description="Least value of each part.")
    values: tuple[int, ...] = Field(..., description="How many values a number of that part has.")
    count: tuple[int, ...] = Field(..., description="How many numbers the part holds.")
    actions: int = Field(..., ge=1, le=UNSEEN, description="Of which one is played.")
    tables: tuple[str, ...] = Field(
        ..., min_length=1, max_length=1000,
        description="Base64 of a zlib stream of bytes: an action for each situation; 255, one drawn evenly.",
    )  # fmt: skip
    weights: tuple[float, ...] = Field(..., description="Chance of each table.")

    @model_validator(mode="after")
    def _fits(self) -> Table:
        from .table_policy import situations, unpacked

        if not len(self.keys) == len(self.low) == len(self.values) == len(self.count):
            raise ValueError("low, values, count: one number for each key")
        if min(self.values, default=1) < 1 or min(self.count, default=1) < 1 or max(self.count, default=1) > 100:
            raise ValueError("values, count: from 1 up")
        size = situations(self.values, self.count)
        if size > MOST:
            raise ValueError(f"a table of {size:,} situations; at most {MOST:,}")
        if len(self.weights) != len(self.tables) or min(self.weights) < 0 or abs(sum(self.weights) - 1) > 1e-6:
            raise ValueError("weights: chances, one for each table")
        for text in self.tables:
            unpacked(text, size, self.actions)
        return self

    def misfit(self, environment: Any) -> str | None:
        return None if environment.batched(1) is not None else "It plays in environments that are batched."

    def build(self, environment: Any) -> VectorPolicy:
        from .table_policy import TablePolicy

        return TablePolicy.of(self)
