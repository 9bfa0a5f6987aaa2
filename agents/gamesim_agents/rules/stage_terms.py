"""What a rule agent knows of a stage game: its best reply, its equilibrium, its optimum, as choices that are legal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gamesim.core.arrays import FloatArray
from gamesim.core.errors import ScenarioError
from gamesim.envs.commons import fish_war

if TYPE_CHECKING:
    from gamesim.envs.base import EnvironmentConfig


@dataclass(frozen=True)
class StageTerms:
    """One stage game.

    Attributes
    ----------
    low, high, integer : the choices.
    best_reply : sum of the others' choices to the best own choice, before it is made legal.
    equilibrium, optimum : the symmetric choices, before they are made legal.
    less_is_better : whether choosing less serves the others (taking) or harms them (giving).
    most_fines, fine : most fines one may give to one player (0 without fining), and what each takes.
    """

    players: int
    low: float
    high: float
    integer: bool
    best_reply: Callable[[FloatArray], FloatArray]
    equilibrium: float
    optimum: float
    less_is_better: bool
    most_fines: int
    fine: float

    def legal(self, choice: FloatArray | float) -> FloatArray:
        """The nearest legal choice; halves go down."""
        value = np.asarray(choice, dtype=np.float64)
        rounded = np.ceil(value - 0.5) + 0.0 if self.integer else value
        return np.asarray(np.clip(rounded, self.low, np.floor(self.high) if self.integer else self.high))

    def checked(self, choice: float, key: str) -> float:
        """A choice that a user wrote, if it is legal.

        Raises
        ------
        ScenarioError
            If it is not.
        """
        if not self.low <= choice <= self.high or (self.integer and choice != np.floor(choice)):
            whole = "whole numbers" if self.integer else "numbers"
            raise ScenarioError(
                f"{choice:g} is no legal choice.",
                path=key,
                hint=f"Choices: {whole} from {self.low:g} to {self.high:g}.",
            )
        return choice


def stage_terms(environment: EnvironmentConfig, agent: str) -> StageTerms:
    """Read a stage game's configuration.

    Raises
    ------
    ScenarioError
        If the environment is none of the stage games.
    """
    from gamesim.envs.commons.stage_config import FishWar, OstromGardnerWalker, PublicGood, StageGame

    if not isinstance(environment, StageGame):
        raise ScenarioError(
            f"agent '{agent}' does not play in '{environment.kind}'.",
            path="population",
            hint="It plays in fish_war, ostrom_gardner_walker and public_good.",
        )
    n, fining = environment.players, environment.fining
    rules = environment.rules()
    if isinstance(environment, OstromGardnerWalker):
        slope = (environment.linear - environment.outside) / environment.quadratic
        reply: Callable[[FloatArray], FloatArray] = lambda others: (slope - others) / 2  # noqa: E731
        equilibrium, optimum, less = slope / (n + 1), slope / (2 * n), True
    elif isinstance(environment, PublicGood):
        alone = environment.endowment if environment.mpcr > 1 else 0.0
        reply = lambda others: np.full_like(others, alone)  # noqa: E731
        equilibrium, optimum, less = alone, environment.endowment if environment.mpcr * n > 1 else 0.0, False
    else:
        assert isinstance(environment, FishWar)
        a, b = environment.elasticity, environment.discount
        reply = lambda others: np.asarray(fish_war.best_reply_share(others, a, b))  # noqa: E731
        equilibrium, optimum, less = fish_war.equilibrium_share(n, a, b), fish_war.optimum_share(n, a, b), True
    return StageTerms(
        players=n,
        low=rules.low,
        high=rules.high,
        integer=rules.integer,
        best_reply=reply,
        equilibrium=equilibrium,
        optimum=optimum,
        less_is_better=less,
        most_fines=0 if fining is None else fining.most,
        fine=0.0 if fining is None else fining.fine,
    )
