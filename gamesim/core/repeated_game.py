"""Repeated games: one stage game in normal form, played again and again.

How a stream of stage payoffs is worth is said once: the mean of ``horizon`` rounds, the discounted mean
(1 - d) sum d^t u_t, or the long-run average. With ``noise`` e every action is replaced, with probability e, by another one
of the player's, each alike; everybody sees what was played.

    >>> from gamesim.core.normal_form import NormalFormGame
    >>> dilemma = NormalFormGame.bimatrix([[3, 0], [5, 1]], [[3, 5], [0, 1]])
    >>> float(RepeatedGame(dilemma, discount=0.5).value([5, 1, 1]))
    2.875
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .arrays import FloatArray
from .errors import ParameterError
from .normal_form import NormalFormGame


@dataclass(frozen=True)
class RepeatedGame:
    """A stage game and how often it is played.

    Parameters
    ----------
    horizon : rounds; ``discount`` : in (0, 1), weight of a round relative to the one before. At most one of the two; with
        neither, payoffs are long-run averages.
    noise : probability that an action comes out as another one.

    Raises
    ------
    ParameterError
        If both are given, or a number is out of its range.
    """

    stage: NormalFormGame
    horizon: int | None = None
    discount: float | None = None
    noise: float = 0.0

    def __post_init__(self) -> None:
        if self.horizon is not None and self.discount is not None:
            raise ParameterError(
                "a horizon and a discount are both given.", hint="Keep one; without either, averages count."
            )
        if self.horizon is not None and not (isinstance(self.horizon, int) and self.horizon >= 1):
            raise ParameterError(f"a horizon of {self.horizon} rounds.", hint="A whole number from 1 on.")
        if self.discount is not None and not 0 < self.discount < 1:
            raise ParameterError(f"discount {self.discount} is not between 0 and 1.")
        if not 0 <= self.noise < 1:
            raise ParameterError(f"noise {self.noise} is not from 0 to below 1.")

    @property
    def players(self) -> tuple[str, ...]:
        return self.stage.players

    def value(self, payoffs: Any) -> FloatArray:
        """What a stream of stage payoffs is worth, per round; shape (..., T) in, (...) out.

        A discounted stream counts as it stands: later rounds, which are not given, pay nothing.
        """
        stream = np.asarray(payoffs, dtype=np.float64)
        if self.discount is None:
            return np.asarray(stream.mean(axis=-1))
        weights = (1 - self.discount) * self.discount ** np.arange(stream.shape[-1])
        return np.asarray(stream @ weights)
