"""How play of a formal game is written: a mixed profile, a pure profile, or a joint distribution over pure profiles.

A mixed profile holds one vector a player; its entries are floats, or Fractions (an object array) where the arithmetic is
to stay exact. A pure profile is one action index a player.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np

from .arrays import AnyArray
from .errors import ParameterError

MixedProfile: TypeAlias = tuple[AnyArray, ...]

TOLERANCE = 1e-9  # how far from one a vector of float probabilities may sum


@dataclass(frozen=True, eq=False)
class Joint:
    """Correlated play: a distribution over pure profiles.

    Attributes
    ----------
    probabilities : shape (k_1, ..., k_n), sums to one.
    """

    probabilities: AnyArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "probabilities", distribution(self.probabilities, "the joint distribution"))

    @classmethod
    def of(cls, profile: MixedProfile) -> Joint:
        """The product of independent mixed strategies."""
        product = profile[0]
        for strategy in profile[1:]:
            product = np.multiply.outer(product, strategy)
        return cls(product)


def is_exact(values: AnyArray) -> bool:
    """Whether an array holds Fractions (or whole numbers) and no float."""
    return values.dtype == object or bool(np.issubdtype(values.dtype, np.integer))


def fractions(values: Any) -> AnyArray:
    """Whole numbers and Fractions as an object array of Fractions, of the same shape."""
    source = np.asarray(values, dtype=object)
    out = np.empty(source.shape, dtype=object)
    out.reshape(-1)[:] = [Fraction(value) for value in source.flat]
    return out


def distribution(values: Any, what: str) -> AnyArray:
    """Check a vector of probabilities; Fractions and whole numbers stay exact, anything else becomes float64.

    Raises
    ------
    ParameterError
        For a negative entry, a NaN, or a sum that differs from one (by more than ``TOLERANCE`` for floats).
    """
    array = np.asarray(values)
    if is_exact(array):
        array = fractions(array)
        total = sum(array.flat, Fraction(0))
        if total != 1:
            raise ParameterError(f"{what} sums to {total}.", hint="Probabilities sum to 1.")
    else:
        array = array.astype(np.float64)
        total = float(array.sum())
        if not abs(total - 1.0) <= TOLERANCE:  # written so that a NaN fails too
            raise ParameterError(f"{what} sums to {total!r}.", hint="Probabilities sum to 1.")
    if min(array.flat) < 0:
        raise ParameterError(f"{what} holds the negative probability {min(array.flat)}.")
    array.setflags(write=False)
    return array


def pure(shape: Sequence[int], actions: Sequence[int]) -> MixedProfile:
    """The profile in which each player surely plays one action; exact."""
    if len(actions) != len(shape):
        raise ParameterError(f"{len(actions)} actions were given for {len(shape)} players.")
    vectors = []
    for player, (size, action) in enumerate(zip(shape, actions, strict=True)):
        if not 0 <= action < size:
            raise ParameterError(f"player {player} has no action {action}.", hint=f"Actions: 0 to {size - 1}.")
        vectors.append(distribution([int(a == action) for a in range(size)], f"strategy of player {player}"))
    return tuple(vectors)


def as_profile(shape: Sequence[int], play: Any) -> MixedProfile:
    """A checked mixed profile from a mixed or a pure one.

    Parameters
    ----------
    shape : number of actions of each player.
    play : n vectors, the i-th of length ``shape[i]``, or n action indices.
    """
    parts = list(play)
    if parts and all(isinstance(part, (int, np.integer)) and not isinstance(part, bool) for part in parts):
        return pure(shape, [int(part) for part in parts])
    if len(parts) != len(shape):
        raise ParameterError(f"{len(parts)} strategies were given for {len(shape)} players.")
    profile = []
    for player, (size, part) in enumerate(zip(shape, parts, strict=True)):
        vector = np.asarray(part)
        if vector.shape != (size,):
            raise ParameterError(
                f"the strategy of player {player} has shape {vector.shape}.", hint=f"Expected ({size},)."
            )
        profile.append(distribution(vector, f"the strategy of player {player}"))
    return tuple(profile)


def uniform(shape: Sequence[int]) -> MixedProfile:
    """Everybody plays every action alike; exact."""
    return tuple(distribution([Fraction(1, k)] * k, "uniform") for k in shape)
