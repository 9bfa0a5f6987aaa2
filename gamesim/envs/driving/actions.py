"""How hard to accelerate or brake, and whether to pull out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator

from gamesim.core.arrays import BoolArray, FloatArray
from gamesim.core.errors import IllegalActionError

from .rules import HARDEST, PULL_OUT, SOFTEST


@dataclass(frozen=True)
class Pedals:
    """An acceleration in m/s^2; the overtaking car may also play 3, which leaves the lane and accelerates."""

    overtakes: bool = False

    def allows(self, values: FloatArray) -> BoolArray:
        within = (values >= HARDEST) & (values <= SOFTEST)
        return np.asarray(within | (values == PULL_OUT) if self.overtakes else within)

    def legal(self, action: Any) -> bool:
        if isinstance(action, (bool, str, bytes)) or action is None:
            return False
        try:
            value = np.asarray(action, dtype=np.float64)
        except (TypeError, ValueError):
            return False
        return value.size == 1 and bool(self.allows(value).all())

    def sample(self, rng: Generator) -> float:
        if self.overtakes and rng.random() < 0.1:
            return PULL_OUT
        return float(rng.uniform(HARDEST, SOFTEST))

    def text(self) -> str:
        return f"a number from {HARDEST:g} to {SOFTEST:g}" + (
            f", or {PULL_OUT:g} to pull out" if self.overtakes else ""
        )

    def json_schema(self) -> Mapping[str, Any]:
        return {"type": "number", "minimum": HARDEST, "maximum": PULL_OUT if self.overtakes else SOFTEST}

    def parse(self, value: Any) -> float:
        if not self.legal(value):
            raise IllegalActionError(f"{value!r} is not {self.text()}.", path="acceleration")
        return float(np.asarray(value, dtype=np.float64).flat[0])
