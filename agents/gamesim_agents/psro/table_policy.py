"""Situations as numbers, tables as text, and who plays by them."""

from __future__ import annotations

import base64
import binascii
import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from gamesim.core.arrays import AnyArray, Arrays, FloatArray, IntArray
from gamesim.core.errors import ScenarioError

from .table import UNSEEN

NOWHERE = -1  # number of what has no place in a table


def situations(values: Sequence[int], count: Sequence[int]) -> int:
    """How many there are.

    Examples
    --------
    >>> situations([5, 3], [2, 1])
    75
    """
    return math.prod(k**n for k, n in zip(values, count, strict=True))


def packed(table: AnyArray) -> str:
    return base64.b64encode(zlib.compress(np.asarray(table, dtype=np.uint8).tobytes(), 9)).decode()


def unpacked(text: str, size: int, actions: int) -> AnyArray:
    """Actions (size,) from their text.

    Raises
    ------
    ValueError
        If it is no such text, or an action is none of those there are.
    """
    try:
        stream = zlib.decompressobj()
        data = stream.decompress(base64.b64decode(text, validate=True), size + 1)
    except (binascii.Error, ValueError, zlib.error) as error:
        raise ValueError(f"tables: no base64 of a zlib stream ({error})") from None
    table = np.frombuffer(data, dtype=np.uint8)
    if len(table) != size or not stream.eof:
        raise ValueError(f"tables: not the {size:,} bytes that the parts need")
    if ((table >= actions) & (table != UNSEEN)).any():
        raise ValueError(f"tables: an action that is not below {actions}")
    return table


@dataclass(frozen=True)
class Places:
    """Which numbers of an observation make a situation, and its number."""

    keys: tuple[str, ...]
    low: tuple[int, ...]
    values: tuple[int, ...]
    count: tuple[int, ...]

    @property
    def size(self) -> int:
        return situations(self.values, self.count)

    def of(self, observation: Arrays, rows: int, seats: int) -> IntArray:
        """Numbers (rows, seats); ``NOWHERE`` where a value is out of range.

        Raises
        ------
        ScenarioError
            If the observation lacks a key, or has another number of values there.
        """
        place, inside = np.zeros((rows, seats), dtype=np.int64), np.ones((rows, seats), dtype=bool)
        for key, low, values, count in zip(self.keys, self.low, self.values, self.count, strict=True):
            if key not in observation:
                raise ScenarioError(f"this table reads '{key}', which is not seen here.")
            part = np.asarray(observation[key])
            part = part.reshape(*part.shape[:2], -1)
            if part.shape[-1] != count:
                raise ScenarioError(f"this table reads {count} numbers of '{key}', and sees {part.shape[-1]} here.")
            for number in np.moveaxis(part, -1, 0):
                at = np.nan_to_num(number, nan=low - 1.0) - low
                inside &= (at >= 0) & (at < values)
                place = place * values + np.clip(at, 0, values - 1).astype(np.int64)
        return np.where(inside, place, NOWHERE)


def even(u: FloatArray, actions: int, observation: Arrays) -> IntArray:
    """One of the actions that there are, by a uniform (...)."""
    if "action_mask" not in observation:
        return np.minimum((u * actions).astype(np.int64), actions - 1)
    mask = np.asarray(observation["action_mask"], dtype=bool).reshape(*u.shape, actions)
    mask = mask | ~mask.any(axis=-1, keepdims=True)
    nth = np.minimum((u * mask.sum(axis=-1)).astype(np.int64), mask.sum(axis=-1) - 1)
    return np.asarray((np.cumsum(mask, axis=-1) > nth[..., None]).argmax(axis=-1))


@dataclass(frozen=True, eq=False)
class TablePolicy:
    """See ``table.Table``; it remembers which of its tables it plays."""

    places: Places
    tables: AnyArray  # (tables, situations)
    bounds: FloatArray
    actions: int
    columns: ClassVar[int] = 1

    @classmethod
    def of(cls, config: Any) -> TablePolicy:
        places = Places(config.keys, config.low, config.values, config.count)
        tables = np.stack([unpacked(text, places.size, config.actions) for text in config.tables])
        return cls(places, tables, np.cumsum(config.weights)[:-1], config.actions)

    def initial_state(self, rows: int, seats: int, u: FloatArray) -> IntArray:
        return np.asarray((u[..., 0, None] >= self.bounds).sum(axis=-1))

    def act(self, observation: Arrays, state: IntArray, u: FloatArray) -> tuple[FloatArray, IntArray]:
        place = self.places.of(observation, *u.shape[:2])
        chosen = np.where(place == NOWHERE, UNSEEN, self.tables[state, place])
        free = even(u[..., 0], self.actions, observation)
        return np.where(chosen == UNSEEN, free, chosen).astype(np.float64), state
