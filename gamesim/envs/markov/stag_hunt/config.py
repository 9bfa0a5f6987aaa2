"""What a scenario may say of the stag hunt on a grid: kind ``stag_hunt``.

=========== ======================================================================================================
observation ``own``, ``other``, ``stag`` (row, column), ``plants`` two of these, all counted from 0 in the north-west;
            ``round`` from 1, ``payoff`` of the last step (NaN before the first), ``index``
action      stay, north, south, east or west: 0 to 4
reward      of the step: a catch together, less being mauled alone, and plants (``rules``)
outcome     ``catches``, ``maulings``, ``plants``, ``welfare`` (sum over hunters), ``rounds``
=========== ======================================================================================================

Trust pays best and loses most. The numbers are gamesim's; that hunters who wait for each other and foragers form a stag hunt
is read off the table of their policies, not assumed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from gamesim.envs.config import EnvironmentConfig

if TYPE_CHECKING:
    from gamesim.envs.base import BatchedEnvironment, Environment

    from .describer import StagHuntDescriber


class StagHunt(EnvironmentConfig):
    """Two hunters on a grid: a stag for both, or a plant for each; see gamesim/envs/markov/stag_hunt/rules.py."""

    kind: Literal["stag_hunt"] = "stag_hunt"
    version: ClassVar[int] = 2
    abstains: ClassVar[bool] = True
    pictured: ClassVar[Literal["", "scenes", "frames"]] = "scenes"
    size: int = Field(5, ge=2, le=50, description="Cells along each side of the grid.")
    horizon: int = Field(25, ge=1, le=100_000, description="Steps.")
    catch: float = Field(4.0, ge=0, description="What each earns when both are on the stag's cell.")
    maul: float = Field(2.0, ge=0, description="What it costs to be there alone.")
    plant: float = Field(1.0, ge=0, description="What a plant earns, shared by those on its cell.")
    chase: float = Field(0.5, ge=0, le=1, description="Chance that the stag steps towards the nearest hunter.")

    def seats(self) -> tuple[str, ...]:
        return ("hunter_0", "hunter_1")

    def build(self) -> Environment:
        from .environment import StagHuntEnvironment

        return StagHuntEnvironment(self)

    def batched(self, rows: int) -> BatchedEnvironment:
        from .batched import BatchedStagHunt

        return BatchedStagHunt(self, rows)

    def describer(self) -> StagHuntDescriber:
        from .describer import StagHuntDescriber

        return StagHuntDescriber(self)
