"""Preference games: two players each propose something, and a judge prefers the one with some probability.

``preferences[i, j]`` is the probability that i is preferred to j, so P + P' = 1: a symmetric constant-sum game of value 1/2.
Play is drawn towards a reference policy with strength ``beta``: a player maximises q'P pi - beta KL(q, reference).

    >>> game = PreferenceGame([[0.5, 0.9, 0.2], [0.1, 0.5, 0.7], [0.8, 0.3, 0.5]], beta=0.1)
    >>> game.to_normal_form().is_constant_sum, game.k
    (True, 3)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .arrays import AnyArray, FloatArray
from .errors import GameFileError
from .normal_form import NormalFormGame
from .profiles import as_profile, fractions, is_exact

BETA = 0.1


@dataclass(frozen=True, eq=False, repr=False)
class PreferenceGame:
    """A preference game; arrays are read-only.

    Parameters
    ----------
    preferences : shape (k, k) in [0, 1], P + P' = 1. Fractions stay exact in the normal form.
    reference : shape (k,), every entry above zero; by default uniform.
    beta : strength of the pull towards the reference, > 0, in units of preference.
    actions : labels; by default "0", "1", ...
    exact : the preferences as Fractions; derived from them where they are.

    Raises
    ------
    GameFileError
        If the preferences do not add to 1, or the reference or beta is not as above; names the first place.
    """

    preferences: FloatArray
    reference: FloatArray | None = None
    beta: float = BETA
    actions: tuple[str, ...] = ()
    exact: AnyArray | None = None
    name: str = ""

    def __post_init__(self) -> None:
        try:
            given = np.asarray(self.preferences if self.exact is None else self.exact)
            exact = fractions(given) if is_exact(given) else None
            p = (given if exact is None else exact).astype(np.float64)
            reference = self.reference
            r = np.full(len(p), 1 / max(len(p), 1)) if reference is None else np.array(reference, dtype=np.float64)
        except (TypeError, ValueError, OverflowError):
            raise GameFileError("preferences and the reference are numbers.") from None
        if p.ndim != 2 or p.shape[0] != p.shape[1] or p.size == 0:
            raise GameFileError(f"preferences of shape {p.shape} are no square table.")
        table = p if exact is None else exact
        wrong = np.asarray(~((p >= 0) & (p <= 1)) | ~(abs(table + table.T - 1) <= (0 if exact is not None else 1e-12)))
        if wrong.any():
            i, j = (int(x) for x in np.argwhere(wrong)[0])
            raise GameFileError(
                f"preferences of {i} over {j} and back are {table[i, j]} and {table[j, i]}.",
                hint="They are probabilities that add to 1; of an action over itself it is 1/2.",
            )
        if r.shape != (len(p),) or not (r > 0).all() or not abs(r.sum() - 1) <= 1e-9:
            raise GameFileError("the reference is no distribution with all entries above zero.")
        if not (np.isfinite(self.beta) and self.beta > 0):
            raise GameFileError(f"beta is {self.beta}.", hint="beta is above zero.")
        labels = tuple(self.actions) or tuple(str(a) for a in range(len(p)))
        r = r / r.sum()
        p.setflags(write=False)
        r.setflags(write=False)
        for key, value in (("preferences", p), ("reference", r), ("actions", labels), ("exact", exact)):
            object.__setattr__(self, key, value)
        self.to_normal_form()  # which checks the labels

    @property
    def k(self) -> int:
        return len(self.preferences)

    @property
    def n(self) -> int:
        return 2

    @property
    def shape(self) -> tuple[int, int]:
        return (self.k, self.k)

    @property
    def players(self) -> tuple[str, str]:
        return ("player_0", "player_1")

    @property
    def payoff_range(self) -> float:
        return self._table.payoff_range

    @cached_property
    def _table(self) -> NormalFormGame:
        p = self.preferences if self.exact is None else self.exact
        return NormalFormGame(np.array([p, p.T]), (self.actions,) * 2, self.players, name=self.name)

    def to_normal_form(self, limit: int = 0) -> NormalFormGame:
        """The game without its regularisation: a player gets the probability of being preferred."""
        return self._table

    def profile(self, play: Any) -> tuple[AnyArray, AnyArray]:
        """Both players' strategies, from a pair or from one vector that both play."""
        pure = len(play) == 2 and all(isinstance(a, (int, np.integer)) for a in play)
        first, second = as_profile(self.shape, (play, play) if np.ndim(play[0]) == 0 and not pure else play)
        return first, second

    def expected(self, play: Any) -> AnyArray:
        """Probability of being preferred, of each player."""
        return self._table.expected(self.profile(play))

    def __repr__(self) -> str:
        return f"PreferenceGame({self.k} actions, beta {self.beta:g})"
