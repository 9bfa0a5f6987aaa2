"""Any learner as an agent of repeated matrix games, and an adversary who knows which learner she faces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from gamesim.core.config import AgentConfig
from gamesim.core.errors import ScenarioError
from gamesim.core.learners.feedback import learner_of
from gamesim.core.policy import Learner, VectorPolicy

from .matrix import stage

if TYPE_CHECKING:
    from numpy.random import Generator


class _Learning(AgentConfig):
    """What both say of a learner."""

    rule: str = Field("hedge", description="The learner; names from `gamesim list learners`.")
    parameters: dict[str, Any] = Field({}, description="Of the rule, such as {eta: 0.1}.")
    horizon: int | None = Field(
        None, ge=1, description="Rounds its step size is made for; by default those of the environment."
    )

    @model_validator(mode="after")
    def _is_a_learner(self) -> Self:
        self.learner()  # says what is wrong with the rule or its parameters
        return self

    def learner(self) -> Learner:
        return learner_of({"rule": self.rule, **self.parameters})

    def rounds(self, environment: Any) -> int | None:
        found = self.horizon if self.horizon is not None else getattr(environment, "horizon", None)
        return int(found) if found is not None else None

    def misfit(self, environment: Any) -> str | None:
        if not hasattr(environment, "table"):
            return "It plays in matrix."
        try:
            self.learner().initial_state(2, self.rounds(environment), _still())
        except ScenarioError as error:
            return str(error)
        return None


class LearnerAgent(_Learning):
    """Plays by a learning rule of `gamesim list learners`: no-regret, swap regret, bandit, fictitious play."""

    kind: Literal["learner"] = "learner"
    feedback: Literal["full", "bandit"] | None = Field(
        None,
        description="What it hears: what every action would have paid, or what the chosen one paid; default what its rule learns from.",
    )

    @model_validator(mode="after")
    def _hears_enough(self) -> Self:
        if self.feedback == "bandit" and not self.learner().bandit:
            raise ScenarioError(
                f"learner '{self.rule}' needs to know what every action would have paid.",
                path="feedback",
                hint="Bandit learners: exp3_ix, exp3, ucb1.",
            )
        return self

    def warnings(self, environment: Any) -> list[str]:
        learner = self.learner()
        warning = str(getattr(learner, "warning", ""))
        found = [warning] if warning else []
        if self.feedback == "full" and learner.bandit:
            found.append(f"{self.rule} is a bandit learner: of the full feedback it reads what its own action paid.")
        return found

    def build(self, environment: Any) -> VectorPolicy:
        from .learner_policies import LearnerPolicy

        return LearnerPolicy(stage(environment), self.learner(), self.rounds(environment))


class Adversary(_Learning):
    """Knows which learner the other player is, follows it, and does what pays it least."""

    kind: Literal["learner.adversary"] = "learner.adversary"

    def misfit(self, environment: Any) -> str | None:
        found = super().misfit(environment)
        if found is None and len(environment.table.players) != 2:
            return "It plays against one other."
        return found

    def build(self, environment: Any) -> VectorPolicy:
        from .learner_policies import AdversaryPolicy

        game = stage(environment)
        if len(game.players) != 2:
            raise ScenarioError("this agent plays against one other.")
        return AdversaryPolicy(game, self.learner(), self.rounds(environment))


def _still() -> Generator:
    """A generator for a state that is thrown away."""
    import numpy as np

    return np.random.default_rng(0)
