"""What a scenario may say about an environment. Apart from ``base`` so that reading a scenario needs no PettingZoo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from gamesim.core.config import Config

if TYPE_CHECKING:
    from gamesim.core.describe import Describer

    from .base import BatchedEnvironment, Environment


class EnvironmentConfig(Config):
    """What a scenario may say about one family of environments, and how to build it.

    Subclasses register under ``gamesim.environments`` and import their simulation inside ``build`` and ``batched``.
    """

    kind: str
    version: ClassVar[int] = 1  # enters unit keys: raise it when equal seeds give other trajectories
    external: ClassVar[bool] = False  # a simulator outside this process: journal every step
    on_invalid: ClassVar[str] = "abort_run"  # what a model's failed answer becomes where the scenario does not say
    pictured: ClassVar[Literal["", "scenes", "frames"]] = (
        ""  # what it can be filmed by: ``Environment.scene`` or ``frames``
    )
    abstains: ClassVar[bool] = False  # whether an agent may forfeit a decision (``Environment.abstain``)

    def seats(self) -> tuple[str, ...]:
        """Names of the seats, in agent order."""
        raise NotImplementedError

    def build(self) -> Environment:
        """The PettingZoo face. The seed enters by ``reset(seed=)`` alone."""
        raise NotImplementedError

    def batched(self, rows: int) -> BatchedEnvironment | None:
        """The same environment over ``rows`` rows at once, or None where there is no such path."""
        return None

    def describer(self) -> Describer | None:
        """What language models are told of it, or None."""
        return None

    def spoken(self) -> Mapping[str, Any]:
        """Keys, by dotted path, that are otherwise where language models take the seats of rules: what rules do in numbers and
        models in words."""
        return {}

    def game(self) -> Any | None:
        """Its formal game, where it has one: used by solve, regret and reports."""
        return None

    def warnings(self) -> list[str]:
        """What a careful author would like to hear before the run, one sentence each."""
        return []
