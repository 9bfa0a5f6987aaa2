"""Rule agents of Levine's hats: what a scenario may say of them. Only pydantic is imported here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from gamesim.core.config import AgentConfig

if TYPE_CHECKING:
    from gamesim.core.policy import VectorPolicy


class HatsAgent(AgentConfig):
    """Plays in ``levine_hats`` only."""

    def misfit(self, environment: Any) -> str | None:
        return None if environment.kind == "levine_hats" else "It plays in levine_hats."

    def checked(self, environment: Any) -> Any:
        """The environment, if it is one of hats.

        Raises
        ------
        ScenarioError
            If it is not, with where the agent plays.
        """
        from gamesim.core.errors import ScenarioError

        reason = self.misfit(environment)
        if reason:
            raise ScenarioError(f"this agent does not play '{environment.kind}' like that.", hint=reason)
        return environment


class FirstBlack(HatsAgent):
    """Names the first position at which all the hats it sees are black, the top where there is none."""

    kind: Literal["hats.first_black"] = "hats.first_black"

    def build(self, environment: Any) -> VectorPolicy:
        from .hats_policies import FirstBlack as Rule

        self.checked(environment)
        return Rule()


class BlockReset(HatsAgent):
    """For two: skips blocks of one colour, and names a hat of the first other block by a table; reaches 7/20."""

    kind: Literal["hats.block_reset"] = "hats.block_reset"
    block: int = Field(3, ge=2, le=5, description="Hats in a block: 2 is worth 1/3, 3 to 5 about 7/20.")

    def misfit(self, environment: Any) -> str | None:
        return super().misfit(environment) or (None if environment.players == 2 else "It plays in twos.")

    def build(self, environment: Any) -> VectorPolicy:
        from .hats_policies import BlockReset as Rule

        self.checked(environment)
        return Rule(self.block)


class Random(HatsAgent):
    """Names any hat, without looking."""

    kind: Literal["hats.random"] = "hats.random"

    def build(self, environment: Any) -> VectorPolicy:
        from .hats_policies import Random as Rule

        return Rule(self.checked(environment).hats)


class Table(HatsAgent):
    """Names the hat that its table has for what it sees, such as a play that `gamesim solve` found."""

    kind: Literal["hats.table"] = "hats.table"
    tables: list[list[int]] = Field(
        ...,
        description="One for each seat, or one for all: a position from 1 for every sight, counted as a binary number whose "
        "first digit is the top hat of the first other stack, 1 for black.",
    )

    @model_validator(mode="after")
    def _are_positions(self) -> Table:
        if not self.tables or any(place < 1 for table in self.tables for place in table):
            raise ValueError("tables: positions are counted from 1")
        return self

    def misfit(self, environment: Any) -> str | None:
        wrong = super().misfit(environment)
        if wrong:
            return wrong
        n, h = environment.players, environment.hats
        if len(self.tables) not in (1, n):
            return f"It has {len(self.tables)} tables; {n} players need one or {n}."
        bits = (n - 1) * h
        if bits > 20 or any(len(table) != 2**bits for table in self.tables):
            return f"Its tables hold {', '.join(str(len(t)) for t in self.tables)} positions; {n} players with {h} hats need 2**{bits}."
        return None if max(map(max, self.tables)) <= h else f"Its tables name hats below the {h} there are."

    def build(self, environment: Any) -> VectorPolicy:
        import numpy as np

        from .hats_policies import Table as Rule

        tables = np.array(self.tables) - 1
        return Rule(np.broadcast_to(tables, (self.checked(environment).players, tables.shape[1])))
