"""What a scenario may say of a repeated matrix game: kind ``matrix``.

The same game in normal form is played for ``horizon`` rounds; everybody sees what everybody played. With ``noise`` e each
action is replaced, with probability e, by one of the player's other actions. A player's reward is her payoff in the round.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from gamesim.core.config import LARGEST
from gamesim.core.errors import GamesimError, PluginError, ScenarioError, did_you_mean, listed
from gamesim.core.extensive_form import ExtensiveFormGame
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.registry import entries, entry, load
from gamesim.core.symmetric import SymmetricGame
from gamesim.envs.config import EnvironmentConfig

if TYPE_CHECKING:
    from gamesim.envs.base import BatchedEnvironment, Environment

    from .describer import MatrixDescriber

DEFAULT = "prisoners_dilemma"
TREE_CELLS = 100_000  # payoffs in the table of a tree's plans


class _StageSchema:
    """The JSON schema of ``{game: name, parameters}``: one form for each registered game."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: Any) -> dict[str, Any]:
        forms = []
        for name, point in entries("games").items():
            try:
                keys = _parameters(load(point))
            except PluginError:
                continue  # `gamesim list --broken` names it
            properties = {"game": {"const": name}, **{key: {} for key in keys}}
            forms.append({"type": "object", "properties": properties, "required": ["game"]})
        return {"anyOf": [{**form, "additionalProperties": False} for form in forms]}


def _parameters(builder: Callable[..., Any]) -> list[str]:
    """What a registered game may be told."""
    return list(inspect.signature(builder).parameters)


class Matrix(EnvironmentConfig):
    """A game in normal form, repeated; see gamesim/envs/repeated/batched.py for what is seen."""

    kind: Literal["matrix"] = "matrix"
    stage: str | Annotated[dict[str, Any], _StageSchema] | None = Field(
        None,
        description="A registered game, by name or as {game: name, parameters}; of a tree players choose whole plans; "
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
        except ScenarioError:
            raise
        except GamesimError as error:
            raise ScenarioError(str(error), path="stage" if self.payoffs is None else "payoffs") from error
        return self

    @cached_property
    def table(self) -> NormalFormGame:
        """The game of one round."""
        if self.payoffs is not None:
            try:
                payoffs = np.array(self.payoffs)
            except ValueError as error:
                raise ScenarioError("rows differ in length.", path="payoffs") from error
            game = NormalFormGame(payoffs, tuple(map(tuple, self.actions or ())))
            if (np.abs(game.payoffs) > LARGEST).any():
                raise ScenarioError(f"payoffs lie between -{LARGEST:g} and {LARGEST:g}.", path="payoffs")
            return game
        given = dict(self.stage) if isinstance(self.stage, Mapping) else {"game": self.stage or DEFAULT}
        name = given.pop("game", None)
        if not isinstance(name, str):
            raise ValueError("stage needs the name of a game: {game: name, parameters}.")
        builder = entry("games", name)
        known = _parameters(builder)
        for key in given:
            if key not in known:
                hint = did_you_mean(key, known) or f"Possible: {listed(known) if known else 'none.'}"
                raise ScenarioError("unknown key.", path=f"stage.{key}", hint=hint)
        try:
            made: Any = builder(**given)
        except ScenarioError as error:
            error.path = f"stage.{error.path}" if error.path else "stage"
            raise
        except (TypeError, ValueError, OverflowError, ZeroDivisionError) as error:
            raise ScenarioError(f"'{name}' cannot be made of these values.", path="stage") from error
        if isinstance(made, SymmetricGame):
            made = made.to_normal_form()
        if isinstance(made, ExtensiveFormGame):
            made = made.to_normal_form(TREE_CELLS)  # players choose whole plans
        if not isinstance(made, NormalFormGame):
            raise ScenarioError(
                f"'{name}' has no normal form, and only games that have one can be repeated here.", path="stage"
            )
        return made

    def game(self) -> NormalFormGame:
        """The game of one round in what players intend: what noise makes of it is part of the payoffs."""
        table = self.table
        if self.noise == 0:
            return table
        payoffs = table.payoffs if table.exact is None else table.exact
        slip: Any = self.noise if table.exact is None else Fraction(str(self.noise))
        for axis, k in enumerate(table.shape, 1):
            if k > 1:  # one of the other actions, each alike
                payoffs = (1 - slip * k / (k - 1)) * payoffs + slip / (k - 1) * payoffs.sum(axis=axis, keepdims=True)
        return NormalFormGame(payoffs, table.actions, table.players, name=table.name)

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
