"""What a statistic returns when it may have no value: the value, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from gamesim.core.arrays import FloatArray
from gamesim.core.errors import MetricError, did_you_mean


@dataclass(frozen=True)
class Measure:
    """One number, or None and why.

    Examples
    --------
    >>> Measure(0.5).value, Measure.null("no fines").reason
    (0.5, 'no fines')
    """

    value: float | None
    reason: str | None = None

    @classmethod
    def null(cls, reason: str) -> Measure:
        return cls(None, reason)


@dataclass(frozen=True)
class Interval:
    """An estimate with an interval around it.

    ``low`` and ``high`` are None exactly where ``reason`` says why; ``estimate`` may stand alone, as with one observation.
    """

    estimate: float | None
    low: float | None
    high: float | None
    confidence: float
    method: str
    reason: str | None = None

    @property
    def width(self) -> float | None:
        return None if self.low is None or self.high is None else self.high - self.low


def sample(values: ArrayLike, name: str = "values", *, least: int = 1) -> FloatArray:
    """A finite one-dimensional float sample, or a MetricError that says what it was instead."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise MetricError(f"{name} must be numbers, not {type(values).__name__}.") from None
    if array.ndim != 1:
        raise MetricError(f"{name} must be one-dimensional; its shape is {array.shape}.")
    if array.size < least:
        raise MetricError(
            f"{name} holds {array.size} numbers; at least {least} {'is' if least == 1 else 'are'} needed."
        )
    bad = np.flatnonzero(~np.isfinite(array))
    if bad.size:
        raise MetricError(f"{name}[{bad[0]}] is {array[bad[0]]}; only finite numbers can be measured.")
    return array


def level(confidence: float) -> float:
    """The confidence level itself, or a MetricError unless it lies strictly between 0 and 1."""
    if not 0.0 < confidence < 1.0:
        raise MetricError(f"confidence must lie strictly between 0 and 1, not {confidence}.")
    return float(confidence)


def choose(name: str, options: Sequence[str], what: str) -> str:
    """``name`` if it is one of ``options``, or a MetricError with the likeliest meant."""
    if name not in options:
        hint = did_you_mean(name, options) or ""
        raise MetricError(f"no {what} '{name}'.", hint=f"{hint} Possible: {', '.join(options)}.".strip())
    return name


def spread(values: FloatArray, scale: float = 0.0) -> bool:
    """Whether the sample varies at all, beyond the rounding of numbers of its size (or of ``scale``, if it came from larger ones)."""
    size = max(scale, float(np.abs(values).max()))
    return bool(np.ptp(values) > max(8 * np.finfo(np.float64).eps * size, 1e-140))  # squares of less than that vanish
