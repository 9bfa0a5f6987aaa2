"""Rule agents of the stag hunt on a grid: what a scenario may say of them. Only pydantic is imported here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from gamesim.core.config import AgentConfig
from gamesim.core.errors import ScenarioError

if TYPE_CHECKING:
    from gamesim.core.policy import VectorPolicy


class StagHunter(AgentConfig):
    """Plays in ``stag_hunt`` only."""

    rule: ClassVar[str]

    def misfit(self, environment: Any) -> str | None:
        return None if getattr(environment, "kind", None) == "stag_hunt" else "It plays in stag_hunt."

    def build(self, environment: Any) -> VectorPolicy:
        from . import stag_hunt_policies

        reason = self.misfit(environment)
        if reason:
            raise ScenarioError(f"this agent does not play '{environment.kind}'.", hint=reason)
        policy: VectorPolicy = getattr(stag_hunt_policies, self.rule)(environment.size)
        return policy


class Hunt(StagHunter):
    """Walks to the stag by a shortest way, whatever the other does."""

    kind: Literal["stag_hunt.hunt"] = "stag_hunt.hunt"
    rule: ClassVar[str] = "Hunt"


class Guard(StagHunter):
    """Walks to the stag, but waits beside it until the other is beside it too."""

    kind: Literal["stag_hunt.guard"] = "stag_hunt.guard"
    rule: ClassVar[str] = "Guard"


class Forage(StagHunter):
    """Walks to the nearest plant and does not step on the stag's cell."""

    kind: Literal["stag_hunt.forage"] = "stag_hunt.forage"
    rule: ClassVar[str] = "Forage"


class Random(StagHunter):
    """Moves anyhow: each of the five moves alike."""

    kind: Literal["stag_hunt.random"] = "stag_hunt.random"
    rule: ClassVar[str] = "Random"
