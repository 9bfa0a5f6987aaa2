"""Rule agents of the repeated stage games (appropriation, public good, fish war), as a scenario names them: ``stage.best_reply`` and so on.

Each answers every phase: it chooses, may fine, proposes a norm. Only pydantic is imported here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from gamesim.core.config import AgentConfig

if TYPE_CHECKING:
    from gamesim.core.policy import VectorPolicy

Share = Annotated[float, Field(ge=0, le=1)]


class StageAgent(AgentConfig):
    """Plays in the repeated stage games only."""

    def misfit(self, environment: Any) -> str | None:
        from gamesim.envs.commons.stage_config import StageGame

        return (
            None if isinstance(environment, StageGame) else "It plays in fish_war, ostrom_gardner_walker, public_good."
        )


class Equilibrium(StageAgent):
    """Plays the symmetric equilibrium of the stage game (of the fish war: its linear Markov equilibrium)."""

    def build(self, environment: Any) -> VectorPolicy:
        from .stage_policies import Equilibrium as Rule
        from .stage_terms import stage_terms

        return Rule(stage_terms(environment, "stage.equilibrium"))


class Optimum(StageAgent):
    """Plays its part of what is best for all together."""

    def build(self, environment: Any) -> VectorPolicy:
        from .stage_policies import Optimum as Rule
        from .stage_terms import stage_terms

        return Rule(stage_terms(environment, "stage.optimum"))


class BestReply(StageAgent):
    """Plays the best reply to what the others did in the last round; starts at the equilibrium."""

    first: float | None = Field(None, ge=0, description="Choice of the first round; null starts at the equilibrium.")

    def build(self, environment: Any) -> VectorPolicy:
        from .stage_policies import BestReply as Rule
        from .stage_terms import stage_terms

        terms = stage_terms(environment, "stage.best_reply")
        first = None if self.first is None else terms.checked(self.first, "population: stage.best_reply: first")
        return Rule(terms, first=first)


class Fixed(StageAgent):
    """The same choice in every round."""

    choice: float = Field(..., ge=0, description="Tokens; in the fish war the share of the stock.")

    def build(self, environment: Any) -> VectorPolicy:
        from .stage_policies import Fixed as Rule
        from .stage_terms import stage_terms

        terms = stage_terms(environment, "stage.fixed")
        return Rule(terms, choice=terms.checked(self.choice, "population: stage.fixed: choice"))


class ConditionalCooperator(StageAgent):
    """Does what the others did on average in the last round, times a slope."""

    slope: float = Field(1.0, ge=0, description="Choice = slope x mean of the others' last choices.")
    first: float | None = Field(None, ge=0, description="Choice of the first round; null starts at the optimum.")

    def build(self, environment: Any) -> VectorPolicy:
        from .stage_policies import ConditionalCooperator as Rule
        from .stage_terms import stage_terms

        terms = stage_terms(environment, "stage.conditional_cooperator")
        first = (
            None if self.first is None else terms.checked(self.first, "population: stage.conditional_cooperator: first")
        )
        return Rule(terms, slope=self.slope, first=first)


class FreeRider(StageAgent):
    """Does what is best for itself while all others cooperate, and leaves the fining to them."""

    def build(self, environment: Any) -> VectorPolicy:
        from .stage_policies import FreeRider as Rule
        from .stage_terms import stage_terms

        return Rule(stage_terms(environment, "stage.free_rider"))


class Punisher(StageAgent):
    """Cooperates, and fines everybody who fell short of the norm (or, before there is one, of the optimum)."""

    fines: int = Field(1, ge=0, description="Fines it gives to each who fell short.")
    tolerance: float = Field(0.0, ge=0, description="How far one may fall short without a fine.")

    def build(self, environment: Any) -> VectorPolicy:
        from .stage_policies import Punisher as Rule
        from .stage_terms import stage_terms

        return Rule(stage_terms(environment, "stage.punisher"), fines=self.fines, tolerance=self.tolerance)


class FearfulFreeRider(StageAgent):
    """Rides free until it is fined; then cooperates for as long as it remembers."""

    memory: int = Field(5, ge=1, description="Rounds that it cooperates after having been fined.")

    def build(self, environment: Any) -> VectorPolicy:
        from .stage_policies import FearfulFreeRider as Rule
        from .stage_terms import stage_terms

        return Rule(stage_terms(environment, "stage.fearful_free_rider"), memory=self.memory)


class Random(StageAgent):
    """Any legal choice, uniformly; fines one player at random half of the time."""

    def build(self, environment: Any) -> VectorPolicy:
        from .stage_policies import Random as Rule
        from .stage_terms import stage_terms

        return Rule(stage_terms(environment, "stage.random"))
