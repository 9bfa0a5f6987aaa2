"""What a scenario may say of Levine's hats: kind ``levine_hats``.

Data sheet. In each of ``horizon`` rounds every player gets a new stack of ``hats`` hats, each black with probability ``black``
independently, sees the stacks of all others and not its own, and names a position of its own stack. Nobody speaks. All get
1 if every named hat is black, else 0. After the round all see which positions were named and how they came out.

| | |
|---|---|
| action | index of a position from the top, 0 to h-1; models say 1 to h |
| observation | ``stacks`` (N, h): 1 black, 0 white, -1 one's own; ``last``, ``shown`` (N): positions named a round ago and their colours, -1 before |
| reward | 1 or 0, the same for all |
| facts | ``round``, ``black`` (whether the own named hat was), ``payoff`` |
| outcome | ``rounds``, ``wins``, ``score`` = wins / rounds, ``welfare`` (sum of rewards) |

What scores mean, and what is not claimed: ``levine_hats``. A score above the best known value in some hundred rounds is luck
until its interval says otherwise. Talk after the stacks are seen makes it another game, which is always won.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from gamesim.envs.config import EnvironmentConfig

if TYPE_CHECKING:
    from gamesim.core.team_game import TeamGame
    from gamesim.envs.base import BatchedEnvironment, Environment

    from .describer import HatsDescriber

SEEN = 10**6  # numbers in the observation of all players together


class LevineHats(EnvironmentConfig):
    """A team game: each sees the others' stacks of hats and names one of its own; all win if all named hats are black."""

    abstains: ClassVar[bool] = True

    kind: Literal["levine_hats"] = "levine_hats"
    players: int = Field(2, ge=2, le=100, description="How many wear a stack.")
    hats: int = Field(3, ge=1, le=1000, description="Hats in a stack.")
    black: float = Field(0.5, gt=0, lt=1, description="Probability that a hat is black.")
    horizon: int = Field(100, ge=1, le=1_000_000, description="Rounds, each with new stacks.")

    @model_validator(mode="after")
    def _is_seen(self) -> LevineHats:
        if self.players**2 * self.hats > SEEN:
            raise ValueError(f"players and hats: {self.players} players with {self.hats} hats see too much.")
        return self

    def seats(self) -> tuple[str, ...]:
        return tuple(f"player_{i}" for i in range(self.players))

    def game(self) -> TeamGame | None:
        """One round, where it is small enough to be written out."""
        from gamesim.core.errors import SolverLimitError

        from .levine_hats import levine_hats

        try:
            return levine_hats(self.players, self.hats, self.black)
        except SolverLimitError:
            return None

    def describer(self) -> HatsDescriber:
        from .describer import HatsDescriber

        return HatsDescriber(self)

    def build(self) -> Environment:
        from .environment import HatsEnvironment

        return HatsEnvironment(self)

    def batched(self, rows: int) -> BatchedEnvironment:
        from .batched import BatchedHats

        return BatchedHats(self, rows)
