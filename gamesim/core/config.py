"""The base of everything that can be written in a scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict, field_validator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .policy import AsyncPolicy, Policy, VectorPolicy


# Beyond 1e15 a float no longer tells one fish from the next; products of a few such numbers, or of their inverses, run
# into infinity or vanish.
LARGEST, SMALLEST = 1e15, 1e-15


class Config(BaseModel):
    """Frozen, strict about keys and numbers; defaults live here and nowhere else."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)

    @field_validator("*")
    @classmethod
    def _is_a_size_to_reckon_with(cls, value: Any) -> Any:
        if isinstance(value, float) and abs(value) > LARGEST:
            raise ValueError(f"{value:g} is too large: numbers lie between -{LARGEST:g} and {LARGEST:g}")
        if isinstance(value, float) and 0 < abs(value) < SMALLEST:
            raise ValueError(f"{value:g} is too small: numbers are 0 or at least {SMALLEST:g} in size")
        return value


class AgentConfig(Config):
    """What a scenario may say about one kind of agent, and how to build its policy.

    Subclasses register under the entry-point group ``gamesim.agents`` and import heavy libraries inside ``build``.
    """

    version: ClassVar[int] = 1
    external: ClassVar[bool] = False  # answers come from outside this process: journal every step

    def build(self, environment: Any) -> Policy[Any, Any, Any] | VectorPolicy | AsyncPolicy:
        """The policy, for play in that environment (an ``EnvironmentConfig``). It holds no mutable state."""
        raise NotImplementedError

    def misfit(self, environment: Any) -> str | None:
        """Where it plays instead, as a sentence; None where it can play in that environment.

        Asked when a scenario is checked, before anything is played, so it imports nothing heavy.
        """
        return None

    def warnings(self, environment: Any) -> list[str]:
        """What a careful author would like to hear before it plays there, one sentence each."""
        return []

    def seat_profile(self) -> Mapping[str, Any]:
        """What the environment should know of who sits here before play: initial traits, a team. JSON only."""
        return {}
