"""One of a player's labelled actions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator

from gamesim.core.errors import IllegalActionError, did_you_mean


@dataclass(frozen=True)
class Choice:
    """An index into ``labels``, as any whole number; ``parse`` reads a label too."""

    labels: tuple[str, ...]

    def legal(self, action: Any) -> bool:
        if isinstance(action, (bool, str, bytes)) or action is None:
            return False
        try:
            value = np.asarray(action, dtype=np.float64)
        except (TypeError, ValueError):
            return False
        return value.size == 1 and bool(
            0 <= value.flat[0] < len(self.labels) and value.flat[0] == np.floor(value.flat[0])
        )

    def sample(self, rng: Generator) -> int:
        return int(rng.integers(len(self.labels)))

    def text(self) -> str:
        return ", ".join(
            f"{index} ({label})" if label != str(index) else label for index, label in enumerate(self.labels)
        )

    def json_schema(self) -> Mapping[str, Any]:
        return {"type": "string", "enum": list(self.labels)}

    def parse(self, value: Any) -> int:
        if isinstance(value, str) and value in self.labels:
            return self.labels.index(value)
        if self.legal(value):
            return int(np.asarray(value).flat[0])
        hint = did_you_mean(value, self.labels) if isinstance(value, str) else None
        raise IllegalActionError(f"{value!r} is no action.", hint=hint or f"Legal: {self.text()}.")
