"""Rule agents of repeated matrix games: what a scenario may say of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from gamesim.core.config import AgentConfig
from gamesim.core.errors import GamesimError, ScenarioError
from gamesim.core.memory_strategy import NAMES, MemoryStrategy, from_settings
from gamesim.core.policy import VectorPolicy

if TYPE_CHECKING:
    from .matrix_policies import MatrixRule


class MatrixAgent(AgentConfig):
    """Plays environments of kind ``matrix``."""

    rule: ClassVar[str]

    def misfit(self, environment: Any) -> str | None:
        return None if hasattr(environment, "table") else "It plays in matrix."

    def build(self, environment: Any) -> VectorPolicy:
        from . import matrix_policies

        policy: type[MatrixRule] = getattr(matrix_policies, self.rule)
        return policy(np.array(stage(environment).shape))


def stage(environment: Any) -> Any:
    """The game of one round.

    Raises
    ------
    ScenarioError
        If the environment is no repeated matrix game.
    """
    table = getattr(environment, "table", None)
    if table is None:
        raise ScenarioError(
            f"this agent plays repeated matrix games, not '{environment.kind}'.", hint="Environment kind: matrix."
        )
    return table


class Cooperator(MatrixAgent):
    """Always plays its first action."""

    kind: Literal["matrix.cooperator"] = "matrix.cooperator"
    rule: ClassVar[str] = "Cooperator"


class Defector(MatrixAgent):
    """Always plays its last action."""

    kind: Literal["matrix.defector"] = "matrix.defector"
    rule: ClassVar[str] = "Defector"


class Alternator(MatrixAgent):
    """Plays its first action in odd rounds, its last in even ones."""

    kind: Literal["matrix.alternator"] = "matrix.alternator"
    rule: ClassVar[str] = "Alternator"


class TitForTat(MatrixAgent):
    """Cooperates first, then repeats what the other did (of several others, the least cooperative)."""

    kind: Literal["matrix.tit_for_tat"] = "matrix.tit_for_tat"
    rule: ClassVar[str] = "TitForTat"


class Grim(MatrixAgent):
    """Cooperates until another once does not, then defects for ever."""

    kind: Literal["matrix.grim"] = "matrix.grim"
    rule: ClassVar[str] = "Grim"


class Memory(MatrixAgent):
    """Cooperates with a probability that depends on the last round, or the last two or three: by name or by its probabilities."""

    kind: Literal["matrix.memory_one"] = "matrix.memory_one"
    strategy: str | None = Field(None, description=f"A strategy of the literature: {', '.join(NAMES)}.")
    first: float | None = Field(
        None, ge=0, le=1, description="Probability of cooperation in the first round; default 1."
    )
    after: list[float] | None = Field(
        None,
        description="Instead of a name: probabilities of cooperation after CC, CD, DC, DD, its own action first; 16 or 64 of "
        "them by the last two or three rounds, the latest changing fastest.",
    )
    opening: list[list[float]] | None = Field(
        None,
        description="With 16 or 64: the same for the rounds in which fewer are past, 4 and then 16; by default as if all had "
        "cooperated before.",
    )

    @model_validator(mode="after")
    def _is_a_strategy(self) -> Memory:
        if (self.strategy is None) == (self.after is None):
            raise ValueError("needs a strategy by name, or the probabilities after each outcome: one of the two.")
        if self.strategy is not None and (self.first is not None or self.opening is not None):
            raise ValueError("first and opening go with probabilities, not with a name.")
        if self.after is not None and len(self.after) not in (4, 16, 64):
            raise ValueError(f"after has {len(self.after)} probabilities; it takes 4, 16 or 64.")
        try:
            self.automaton()
        except GamesimError as error:
            raise ScenarioError(str(error), path="strategy" if self.after is None else "after") from error
        return self

    def automaton(self) -> MemoryStrategy:
        """The strategy as a table of states."""
        return from_settings(self.strategy, self.first, self.after, self.opening)

    def build(self, environment: Any) -> VectorPolicy:
        from .matrix_policies import WithMemory

        return WithMemory(np.array(stage(environment).shape), self.automaton())


class Random(MatrixAgent):
    """Plays each action with a fixed probability, independently every round."""

    kind: Literal["matrix.random"] = "matrix.random"
    weights: tuple[float, ...] | None = Field(None, description="Relative weight of each action; default: all alike.")

    @model_validator(mode="after")
    def _are_weights(self) -> Random:
        if self.weights is not None and (min(self.weights, default=-1) < 0 or sum(self.weights) <= 0):
            raise ValueError("weights must be >= 0 and not all zero.")
        return self

    def build(self, environment: Any) -> VectorPolicy:
        from .matrix_policies import Mixed

        sizes = stage(environment).shape
        rows = np.ones((len(sizes), max(sizes)))
        for i, size in enumerate(sizes):
            weights = np.ones(size) if self.weights is None else np.array(self.weights)
            if self.weights is not None and any(k != len(weights) for k in sizes):
                raise ScenarioError(
                    f"{len(weights)} weights were given; the players have {', '.join(map(str, sizes))} actions."
                )
            rows[i, :size] = np.cumsum(weights / weights.sum())
        return Mixed(np.array(sizes), rows)
