"""A network of tanh layers in numpy: observations to numbers, numbers to chances, a uniform to an action."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from gamesim.core.arrays import Arrays, FloatArray
from gamesim.core.errors import ScenarioError

Layers = tuple[tuple[FloatArray, FloatArray], ...]
FAR = 20.0  # scaled inputs beyond that are cut


def layers(text: str, sizes: Sequence[int]) -> Layers:
    """Matrices (in, out) and biases (out,) from their text.

    Raises
    ------
    ValueError
        If there are not as many numbers as the sizes need, or one is not finite.
    """
    try:
        numbers = np.frombuffer(base64.b64decode(text, validate=True), dtype="<f4").astype(np.float64)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"weights: no base64 of 4-byte numbers ({error})") from None
    needed = sum((a + 1) * b for a, b in pairwise(sizes))
    if len(numbers) != needed or not np.isfinite(numbers).all():
        raise ValueError(f"weights: {len(numbers):,} numbers; layers of {list(sizes)} need {needed:,} finite ones")
    found, start = [], 0
    for a, b in pairwise(sizes):
        matrix = numbers[start : start + a * b].reshape(a, b)
        found.append((matrix, numbers[start + a * b : start + (a + 1) * b]))
        start += (a + 1) * b
    return tuple(found)


def written(parts: Layers) -> str:
    """The text of such layers."""
    numbers = np.concatenate([part.ravel() for layer in parts for part in layer])
    return base64.b64encode(numbers.astype("<f4").tobytes()).decode()


def inputs(observation: Arrays, keys: Sequence[str]) -> FloatArray:
    """Parts of an observation as (B, n, d); what has no value is 0.

    Raises
    ------
    ScenarioError
        If the observation lacks a key.
    """
    missing = [key for key in keys if key not in observation]
    if missing:
        raise ScenarioError(f"this network reads '{missing[0]}', which is not seen here.")
    parts = [np.asarray(observation[key], dtype=np.float64) for key in keys]
    rows, seats = max(part.shape[0] for part in parts), max(part.shape[1] for part in parts)
    flat = [np.broadcast_to(part.reshape(*part.shape[:2], -1), (rows, seats, part[0, 0].size)) for part in parts]
    return np.nan_to_num(np.concatenate(flat, axis=-1), nan=0.0, posinf=0.0, neginf=0.0)


def scaled(raw: FloatArray, shift: FloatArray, scale: FloatArray) -> FloatArray:
    return np.asarray(np.clip((raw - shift) / scale, -FAR, FAR))


def chances(x: FloatArray, parts: Layers) -> FloatArray:
    """Of each action, (..., k)."""
    for number, (matrix, bias) in enumerate(parts):
        x = x @ matrix + bias
        if number < len(parts) - 1:
            x = np.tanh(x)
    x = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(x / x.sum(axis=-1, keepdims=True))


def masked(p: FloatArray, observation: Arrays) -> tuple[FloatArray, FloatArray]:
    """Chances (..., k) without what may not be played, and the mask; where no ``action_mask`` is seen everything may."""
    if "action_mask" not in observation:
        return p, np.ones_like(p)
    mask = np.asarray(observation["action_mask"], dtype=np.float64).reshape(p.shape)
    mask = np.where(mask.any(axis=-1, keepdims=True), mask, 1.0)  # who does not move is not asked
    return np.asarray(p * mask / (p * mask).sum(axis=-1, keepdims=True)), mask


def drawn(p: FloatArray, u: FloatArray) -> FloatArray:
    """Actions (...) from chances (..., k) and uniforms (...)."""
    place = (u[..., None] >= np.cumsum(p, axis=-1)).sum(axis=-1)
    return np.asarray(np.minimum(place, p.shape[-1] - 1), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class NetworkPolicy:
    """See ``network.Network``; it remembers nothing."""

    keys: tuple[str, ...]
    shift: FloatArray
    scale: FloatArray
    parts: Layers
    columns: ClassVar[int] = 1

    @classmethod
    def of(cls, config: Any) -> NetworkPolicy:
        return cls(config.keys, np.array(config.shift), np.array(config.scale), layers(config.weights, config.sizes))

    def initial_state(self, rows: int, seats: int, u: FloatArray) -> Any:
        return None

    def act(self, observation: Arrays, state: Any, u: FloatArray) -> tuple[FloatArray, Any]:
        return drawn(self.distribution(observation), u[..., 0]), state

    def distribution(self, observation: Arrays) -> FloatArray:
        """Chances of all actions, (B, n, k)."""
        raw = inputs(observation, self.keys)
        if raw.shape[-1] != len(self.shift):
            raise ScenarioError(f"this network reads {len(self.shift)} numbers, and sees {raw.shape[-1]} here.")
        return masked(chances(scaled(raw, self.shift, self.scale), self.parts), observation)[0]
