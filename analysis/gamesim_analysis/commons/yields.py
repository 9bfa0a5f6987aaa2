"""What a sustainable yield is, shared by the closed forms and the numeric theory of growth laws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gamesim.core.errors import MetricError

Order = Literal["harvest_then_grow", "grow_net"]


@dataclass(frozen=True)
class Yield:
    """A harvest that repeats for ever.

    Attributes
    ----------
    stock : before the harvest, fish.  harvest : fish a round.  fraction : harvest over stock (0 of an empty stock)
    escapement : what the harvest leaves to grow (``harvest_then_grow``), or the stock that stands there (``grow_net``), fish
    """

    stock: float
    harvest: float
    fraction: float
    escapement: float
    order: Order

    def effort(self, catchability: float) -> float:
        """Total effort that takes that fraction, at ``catchability`` of the stock per unit of effort."""
        if not catchability > 0:
            raise MetricError(f"catchability must be above 0, not {catchability}.")
        return self.fraction / catchability
