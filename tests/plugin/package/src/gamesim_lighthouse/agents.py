"""A keeper who pays with a probability that falls with what was paid already."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from gamesim.core.config import AgentConfig


class Keeper(AgentConfig):
    """Pays while payments are still needed, with some probability."""

    kind: Literal["lighthouse.keeper"] = "lighthouse.keeper"
    diligence: float = Field(0.9, ge=0, le=1, description="Probability of paying when it is needed.")

    def build(self, environment: Any) -> KeeperPolicy:
        return KeeperPolicy(self.diligence, environment.needed)


class KeeperPolicy:
    def __init__(self, diligence: float, needed: int) -> None:
        self.diligence = diligence
        self.needed = needed

    def initial_state(self, rng: Any) -> int:
        return 0

    def act(self, observation: Any, state: int, rng: Any) -> tuple[int, int]:
        pays = int(observation["paid"]) < self.needed and rng.random() < self.diligence
        return int(pays), state + int(pays)
