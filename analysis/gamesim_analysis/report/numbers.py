"""Numbers as people read them, and the intervals a report states."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from gamesim.core.arrays import FloatArray

LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean or a share with its interval; ``low`` and ``high`` are NaN where n is too small for one."""

    value: float
    low: float
    high: float
    n: int

    @property
    def known(self) -> bool:
        return math.isfinite(self.value)

    @property
    def bounded(self) -> bool:
        return math.isfinite(self.low) and math.isfinite(self.high)

    def __str__(self) -> str:
        if not self.known:
            return "–"
        digits = decimals(self.value, self.low, self.high)
        text = number(self.value, digits)
        return f"{text} [{number(self.low, digits)}, {number(self.high, digits)}]" if self.bounded else text


def estimate(value: float, low: float | None, high: float | None, n: int = 0) -> Estimate:
    """A value with what bounds there are."""
    return Estimate(value, math.nan if low is None else low, math.nan if high is None else high, n)


NOTHING = Estimate(math.nan, math.nan, math.nan, 0)


def mean_interval(values: ArrayLike) -> Estimate:
    """Mean with Student's 95 % interval over the finite values, as ``stats.mean_interval`` has it; runs are independent.

    Examples
    --------
    >>> print(mean_interval([1.0, 2.0, 3.0, 4.0]))
    2.50 [0.45, 4.55]
    """
    x = np.asarray(values, dtype=np.float64).ravel()
    x = x[np.isfinite(x)]
    if x.size == 0:
        return NOTHING
    if x.size > 1 and np.ptp(x) == 0.0:  # rounding of the mean is no spread
        return Estimate(float(x[0]), float(x[0]), float(x[0]), int(x.size))
    spread = float(x.std(ddof=1)) if x.size > 1 else math.nan
    mean, low, high = (float(v) for v in moments(x.mean(), spread, x.size))
    return Estimate(mean, low, high, int(x.size))


def share_interval(hits: int, n: int) -> Estimate:
    """A share with Wilson's 95 % interval, as ``stats.wilson`` has it; it stays inside [0, 1] and is honest at 0 and n.

    Examples
    --------
    >>> print(share_interval(3, 8))
    0.375 [0.137, 0.694]
    """
    if n == 0:
        return NOTHING
    from scipy.special import ndtri

    rate, z = hits / n, float(ndtri(0.5 + LEVEL / 2))
    centre = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return Estimate(
        rate, 0.0 if hits == 0 else max(0.0, centre - half), 1.0 if hits == n else min(1.0, centre + half), n
    )


def moments(mean: ArrayLike, spread: ArrayLike, n: ArrayLike) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Means with the ends of Student's 95 % interval, from standard deviations and counts; NaN where n < 2."""
    from scipy.special import stdtrit

    m, s, k = (np.asarray(a, dtype=np.float64) for a in (mean, spread, n))
    with np.errstate(invalid="ignore", divide="ignore"):
        half = np.where(k > 1, stdtrit(np.maximum(k - 1, 1), 0.5 + LEVEL / 2) * s / np.sqrt(k), np.nan)
    return m, m - half, m + half


def decimals(*values: float) -> int:
    """Digits after the point that show about three figures of the largest."""
    size = max((abs(v) for v in values if math.isfinite(v)), default=0.0)
    return 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3 if size >= 0.01 else 4 if size > 0 else 0


def number(value: float, digits: int | None = None) -> str:
    """A number for reading: thousands apart, a true minus, no negative zero.

    Examples
    --------
    >>> number(12345.6), number(-0.5), number(0.04256), number(-0.0001, 2), number(4)
    ('12,346', '−0.500', '0.043', '0.00', '4')
    """
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, (int, np.integer)):
        return f"{int(value):,}".replace("-", "−")
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    digits = (0 if value == int(value) else decimals(value)) if digits is None else digits
    text = f"{value:,.{digits}f}"
    if text.startswith("-"):
        text = text[1:] if not text.strip("-0.,") else "−" + text[1:]
    return text


def count(n: int, one: str, many: str | None = None) -> str:
    """``3 societies``.

    Examples
    --------
    >>> count(1, "society", "societies"), count(2000, "run")
    ('1 society', '2,000 runs')
    """
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def thinned(n: int, most: int) -> list[int]:
    """Up to ``most`` of n positions, first and last among them, evenly spread."""
    if n <= most:
        return list(range(n))
    return sorted({round(i * (n - 1) / (most - 1)) for i in range(most)})
