"""What may be played in the stage games, and how several fines travel as one number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator

from gamesim.core.arrays import AnyArray, FloatArray
from gamesim.core.errors import IllegalActionError

EXACT = 2**53  # whole numbers up to here are exact in a float


def decode_fines(codes: FloatArray, players: int, most: int) -> FloatArray:
    """Fines by target: the digits of ``codes`` in base ``most + 1``, player 0 first.

    Parameters
    ----------
    codes : shape (...,), whole numbers.

    Returns
    -------
    Shape (..., players).

    Examples
    --------
    >>> decode_fines(np.array(0 + 2 * 4 + 3 * 16), 3, most=3).tolist()
    [0.0, 2.0, 3.0]
    """
    powers = np.array([(most + 1) ** j for j in range(players)], dtype=np.int64)
    return ((np.asarray(codes, dtype=np.int64)[..., None] // powers) % (most + 1)).astype(np.float64)


def encode_fines(fines: AnyArray, most: int) -> FloatArray:
    """The inverse of ``decode_fines``: shape (..., players) to (...,).

    Examples
    --------
    >>> float(encode_fines(np.array([0, 2, 3]), most=3))
    56.0
    """
    array = np.asarray(fines)
    powers = np.array([float((most + 1) ** j) for j in range(array.shape[-1])])
    return np.asarray((array * powers).sum(axis=-1))


@dataclass(frozen=True)
class Amount:
    """A number in [low, high], whole if ``integer``."""

    low: float
    high: float
    integer: bool = False
    key: str = "amount"

    def legal(self, action: Any) -> bool:
        value = _single(action, self.key)
        return value is not None and self.low <= value <= self.high and (not self.integer or value == np.floor(value))

    def sample(self, rng: Generator) -> float:
        if self.integer:
            return float(rng.integers(int(self.low), int(self.high), endpoint=True))
        return float(rng.uniform(self.low, self.high))

    def text(self) -> str:
        return f"a{' whole' if self.integer else ''} number from {self.low:g} to {self.high:g}"

    def json_schema(self) -> Mapping[str, Any]:
        return {"type": "integer" if self.integer else "number", "minimum": self.low, "maximum": self.high}

    def parse(self, value: Any) -> float:
        if not self.legal(value):
            raise IllegalActionError(f"{value!r} is not {self.text()}.", path=self.key)
        number = _single(value, self.key)
        assert number is not None
        return number


@dataclass(frozen=True)
class Fines:
    """How many fines to give to each player: a list of that length, or its code (``encode_fines``)."""

    players: int
    own: int
    most: int
    key: str = "fines"

    def legal(self, action: Any) -> bool:
        return self._fines(action) is not None

    def sample(self, rng: Generator) -> float:
        fines = rng.integers(0, self.most, size=self.players, endpoint=True)
        fines[self.own] = 0
        return float(encode_fines(fines, self.most))

    def text(self) -> str:
        return f"{self.players} whole numbers of fines from 0 to {self.most}, 0 for oneself (place {self.own})"

    def json_schema(self) -> Mapping[str, Any]:
        fine = {"type": "integer", "minimum": 0, "maximum": self.most}
        return {"type": "array", "items": fine, "minItems": self.players, "maxItems": self.players}

    def parse(self, value: Any) -> float:
        fines = self._fines(value)
        if fines is None:
            raise IllegalActionError(f"{value!r} is not {self.text()}.", path=self.key)
        return float(encode_fines(fines, self.most))

    def _fines(self, action: Any) -> FloatArray | None:
        if isinstance(action, Mapping):
            action = action.get(self.key)
        try:
            array = np.asarray(action, dtype=np.float64).ravel()
        except (TypeError, ValueError):
            return None
        if array.size == 1:
            code = float(array[0])
            if not (0 <= code < (self.most + 1) ** self.players and code == np.floor(code)):
                return None
            array = decode_fines(np.array(code), self.players, self.most)
        whole = array.size == self.players and bool(
            np.all((array >= 0) & (array <= self.most) & (array == np.floor(array)))
        )
        return array if whole and array[self.own] == 0 else None


def _single(action: Any, key: str) -> float | None:
    """The number in an action given as a number, an array of one, or the dictionary of all phases; None if there is none."""
    if isinstance(action, Mapping):
        action = action.get(key)
    if action is None or isinstance(action, (str, bytes, bool)):
        return None
    try:
        array = np.asarray(action, dtype=np.float64)
    except (TypeError, ValueError):
        return None
    return float(array.ravel()[0]) if array.size == 1 and np.isfinite(array).all() else None
