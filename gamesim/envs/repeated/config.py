"""What a scenario may say of a repeated matrix game: kind ``matrix``.

The same game in normal form is played for ``horizon`` rounds; everybody sees what everybody played. With ``noise`` e each
action is replaced, with probability e, by one of the player's other actions. A player's reward is her payoff in the round.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from gamesim.core.errors import GamesimError
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.registry import entry
from gamesim.core.symmetric import SymmetricGame
from gamesim.envs.config import EnvironmentConfig

if TYPE_CHECKING:
    from gamesim.envs.base import BatchedEnvironment, Environment

    from .describer import MatrixDescriber

DEFAULT = "prisoners_dilemma"


class Matrix(EnvironmentConfig):
    """A game in normal form, repeated; see gamesim/envs/repeated/batched.py for what is seen."""

    kind: Literal["matrix"] = "matrix"
    stage: str | dict[str, Any] | None = Field(
        None,
        description="A registered game in normal form, by name or as {game: name, parameters}; "
        f"default {DEFAULT} where no payoffs are given.",
    )
    payoffs: list[Any] | None = Field(
        None,
        description="Instead of a name: payoffs[i][a_1]...[a_n] is what player i gets when the actions are a_1 to a_n.",
    )
    actions: list[list[str]] | None = Field(None, description="Labels of each player's actions; with payoffs only.")
    horizon: int = Field(100, ge=1, le=1_000_000, description="Rounds.")
    noise: float = Field(0.0, ge=0, lt=1, description="Probability that an action is replaced by another one.")

    @model_validator(mode="after")
    def _is_a_game(self) -> Matrix:
        if self.stage is not None and self.payoffs is not None:
            raise ValueError("stage and payoffs are both given. Keep one.")
        if self.actions is not None and self.payoffs is None:
            raise ValueError("actions are labels for payoffs, which are not given.")
        try:
            _ = self.table
        except GamesimError as error:
            raise ValueError(str(error)) from error
        return self

    @cached_property
    def table(self) -> NormalFormGame:
        """The game of one round."""
        if self.payoffs is not None:
            try:
                payoffs = np.array(self.payoffs)
            except ValueError as error:
                raise ValueError("payoffs are no table: rows differ in length.") from error
            return NormalFormGame(payoffs, tuple(map(tuple, self.actions or ())))
        given = dict(self.stage) if isinstance(self.stage, Mapping) else {"game": self.stage or DEFAULT}
        name = given.pop("game", None)
        if not isinstance(name, str):
            raise ValueError("stage needs the name of a game: {game: name, parameters}.")
        builder = entry("games", name)
        try:
            game = builder(**given)
        except TypeError as error:
            raise ValueError(f"stage '{name}': {error}.") from error
        if isinstance(game, SymmetricGame):
            game = game.to_normal_form()
        if not isinstance(game, NormalFormGame):
            raise ValueError(f"stage '{name}' is a {type(game).__name__}, not a game in normal form.")
        return game

    def game(self) -> NormalFormGame:
        return self.table

    def describer(self) -> MatrixDescriber:
        from .describer import MatrixDescriber

        return MatrixDescriber(self)

    def seats(self) -> tuple[str, ...]:
        return self.table.players

    def build(self) -> Environment:
        from .environment import MatrixEnvironment

        return MatrixEnvironment(self)

    def batched(self, rows: int) -> BatchedEnvironment:
        from .batched import BatchedMatrix

        return BatchedMatrix(self, rows)

    def warnings(self) -> list[str]:
        if self.noise > 0 and all(k == 1 for k in self.table.shape):
            return ["noise has no effect: nobody has two actions."]
        return []
