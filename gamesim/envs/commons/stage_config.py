"""What a scenario may say of the repeated stage games: ``ostrom_gardner_walker``, ``public_good`` and ``fish_war``.

All three are played for ``horizon`` rounds. A round's phases are ``choose`` (tokens, or a share of the stock), then
``sanction`` where fining is on, then ``norm`` where the players vote on a number that everybody sees in the next round.
A voted norm binds nobody by itself; fines are the players' own.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator

from gamesim.core.config import Config
from gamesim.envs.config import EnvironmentConfig

if TYPE_CHECKING:
    from gamesim.envs.base import BatchedEnvironment, Environment

    from .stage_describer import StageDescriber
    from .stage_rules import StageRules


class Fining(Config):
    """The second stage: every player may give fines to every other."""

    fee: float = Field(1.0, ge=0, description="What one fine costs who gives it.")
    fine: float = Field(3.0, ge=0, description="What one fine takes from who gets it.")
    most: int = Field(10, ge=1, description="Most fines one player may give to one other in a round.")


class NormVote(Config):
    """Players propose a number each round; the chosen one is shown in the next."""

    rule: Literal["median", "mean"] = Field("median", description="How one number is made of the proposals.")


class StageGame(EnvironmentConfig):
    """What the three games share."""

    abstains: ClassVar[bool] = True

    players: int = Field(4, ge=2, le=1_000_000, description="How many play.")
    horizon: int = Field(10, ge=1, le=1_000_000, description="Rounds.")
    fining: Fining | None = Field(None, description="Fines after each round; null plays without.")
    voting: NormVote | None = Field(None, description="A vote on a norm after each round; null plays without.")

    @model_validator(mode="after")
    def _codes_are_exact(self) -> StageGame:
        if self.fining is not None and (self.fining.most + 1) ** self.players > 2**53:
            raise ValueError(
                f"fining.most: {self.players} players with up to {self.fining.most} fines for each other are too many "
                "combinations; (most + 1) ** players must stay within 2**53."
            )
        return self

    def rules(self) -> StageRules:
        """The game's arithmetic."""
        raise NotImplementedError

    def seats(self) -> tuple[str, ...]:
        return tuple(f"player_{i}" for i in range(self.players))

    def describer(self) -> StageDescriber:
        from .stage_describer import StageDescriber

        return StageDescriber(self)

    def build(self) -> Environment:
        from .stage_environment import StageEnvironment

        return StageEnvironment(self)

    def batched(self, rows: int) -> BatchedEnvironment:
        from .stage_batched import BatchedStageGame

        return BatchedStageGame(self, rows)


class OstromGardnerWalker(StageGame):
    """Tokens are put into a shared resource whose yield falls with use; see ``stage_games``."""

    kind: Literal["ostrom_gardner_walker"] = "ostrom_gardner_walker"
    players: int = Field(8, ge=2, le=1_000_000, description="How many play.")
    endowment: float = Field(10.0, gt=0, description="Tokens of each player in each round.")
    outside: float = Field(5.0, description="What a token earns outside the resource.")
    linear: float = Field(23.0, gt=0, description="a of the yield a X - b X**2.")
    quadratic: float = Field(0.25, gt=0, description="b of the yield a X - b X**2.")
    tokens: Literal["integer", "real"] = Field("integer", description="Whether tokens can be split.")

    def rules(self) -> StageRules:
        from .stage_rules import appropriation_rules

        return appropriation_rules(self)

    def to_normal_form(self, points: int | Sequence[float] | None = None) -> Any:
        """One round as a full payoff table: on whole tokens, on so many evenly spaced amounts, or on those given."""
        from .stage_games import ostrom_gardner_walker

        numbers = self.players, self.endowment, self.outside, self.linear, self.quadratic
        return ostrom_gardner_walker(*numbers, points=points, form="normal")

    def game(self) -> Any:
        """One round, by counts: on whole tokens where that is small enough, else on six evenly spaced amounts."""
        from .stage_games import ostrom_gardner_walker

        points = None if self.tokens == "integer" and _fits(self.players, self.endowment) else 6
        return ostrom_gardner_walker(
            self.players, self.endowment, self.outside, self.linear, self.quadratic, points=points
        )


class PublicGood(StageGame):
    """Tokens given to a common project come back to all alike; see ``stage_games``."""

    kind: Literal["public_good"] = "public_good"
    endowment: float = Field(20.0, gt=0, description="Tokens of each player in each round.")
    mpcr: float = Field(0.4, gt=0, description="What each player gets for each token anybody gives.")
    tokens: Literal["integer", "real"] = Field("integer", description="Whether tokens can be split.")

    def rules(self) -> StageRules:
        from .stage_rules import contribution_rules

        return contribution_rules(self)

    def to_normal_form(self, points: int | Sequence[float] | None = None) -> Any:
        """One round without fines as a full payoff table; ``points`` as in the appropriation game."""
        from .stage_games import public_good

        return public_good(self.players, self.endowment, self.mpcr, points=points, form="normal")

    def game(self) -> Any:
        """One round without fines; ``points`` chosen as in the appropriation game."""
        from .stage_games import public_good

        points = None if self.tokens == "integer" and _fits(self.players, self.endowment) else 6
        return public_good(self.players, self.endowment, self.mpcr, points=points)


class FishWar(StageGame):
    """Players take shares of a stock that regrows as a power of what is left; see ``fish_war``."""

    kind: Literal["fish_war"] = "fish_war"
    players: int = Field(2, ge=1, le=1_000_000, description="How many players fish.")
    horizon: int = Field(50, ge=1, le=1_000_000, description="Seasons.")
    elasticity: float = Field(
        0.4, gt=0, lt=1, description="Exponent of growth: next stock = (what is left) ** elasticity."
    )
    discount: float = Field(
        0.9, ge=0, lt=1, description="Weight of next season's utility; used by theory and summaries."
    )
    initial: float = Field(1.0, gt=0, description="Stock before the first season.")
    floor: float = Field(
        1e-12, gt=0, lt=1, description="Fish that always stay in the sea, so that utilities stay finite."
    )
    least_share: float = Field(
        1e-6, gt=0, lt=1, description="Smallest share one may take, so that utilities stay finite."
    )

    def rules(self) -> StageRules:
        from .stage_rules import fish_war_rules

        return fish_war_rules(self)


def _fits(players: int, endowment: float) -> bool:
    """Whether the game on whole tokens has at most a million entries by counts."""
    size = int(endowment) + 1
    return size * comb(players + size - 2, size - 1) <= 10**6
