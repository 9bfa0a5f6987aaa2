"""Mechanisms: everybody reports a type, and a rule makes of the reports what happens and who pays what.

Bidder i has a type t_i in its type space, drawn independently of the others', and reports b_i. ``outcome(b)`` happens and
``payments(b)[i]`` is taken from i, who has ``utility(i, t_i, outcome, payment)``. Truth is dominant where no report is ever
better than the type, whatever the others report.

All functions work on B profiles at once: reports have shape (B, n), an outcome is an array that leads with B.

    >>> second_price = Mechanism(
    ...     ("a", "b"), (TypeSpace(0, 1),) * 2,
    ...     outcome=lambda bids: (bids == bids.max(axis=1, keepdims=True)) / 1.0,
    ...     payments=lambda bids: (bids == bids.max(axis=1, keepdims=True)) * bids.min(axis=1, keepdims=True),
    ...     utility=lambda i, own, outcome, payment: own * outcome[:, i] - payment,
    ... )
    >>> incentive_check(second_price, np.array([[.3, .8], [.5, .2]])).gain
    0.0
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator

from .arrays import AnyArray, FloatArray
from .errors import ParameterError
from .seeds import Seeds

TRUTH = "truth"  # how it is played where everybody reports its type
SAMPLE = 4096  # type profiles behind an expectation


@dataclass(frozen=True)
class TypeSpace:
    """Types that are uniform on [low, high], or each of ``values`` alike."""

    low: float = 0.0
    high: float = 1.0
    values: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.values:
            object.__setattr__(self, "low", float(min(self.values)))
            object.__setattr__(self, "high", float(max(self.values)))
        if not (np.isfinite(self.low) and np.isfinite(self.high) and self.low <= self.high):
            raise ParameterError(f"types from {self.low} to {self.high} are no type space.")

    def draw(self, rng: Generator, size: int) -> FloatArray:
        """Types by the space's law, shape (size,)."""
        if self.values:
            return np.array(self.values)[rng.integers(len(self.values), size=size)]
        return rng.uniform(self.low, self.high, size)

    def grid(self, size: int) -> FloatArray:
        """The types themselves where they are listed, else so many evenly spaced ones."""
        return np.array(self.values) if self.values else np.linspace(self.low, self.high, size)


@dataclass(frozen=True, eq=False)
class Mechanism:
    """See the module.

    Attributes
    ----------
    outcome : reports (B, n) -> array (B, ...).
    payments : reports (B, n) -> (B, n).
    utility : (i, types (B,), outcome, payments (B,)) -> (B,).
    amounts : outcome -> (B, n), how much each gets, where types are values of one more unit; None where that has no meaning.
    facts : what a reader should know of the rule, by name.
    """

    players: tuple[str, ...]
    types: tuple[TypeSpace, ...]
    outcome: Callable[[FloatArray], AnyArray]
    payments: Callable[[FloatArray], FloatArray]
    utility: Callable[[int, FloatArray, AnyArray, FloatArray], FloatArray]
    amounts: Callable[[AnyArray], FloatArray] | None = None
    name: str = ""
    facts: tuple[tuple[str, Any], ...] = ()

    def __post_init__(self) -> None:
        if len(self.players) != len(self.types) or len(set(self.players)) != len(self.players) or not self.players:
            raise ParameterError(f"{len(self.types)} type spaces were given for {len(self.players)} bidders.")

    @property
    def n(self) -> int:
        return len(self.players)

    @property
    def scale(self) -> float:
        """The largest type in size: gains are judged against it."""
        return max((max(abs(space.low), abs(space.high)) for space in self.types), default=0.0) or 1.0

    def draw(self, rng: Generator, size: int) -> FloatArray:
        """Type profiles, shape (size, n)."""
        return np.stack([space.draw(rng, size) for space in self.types], axis=1)

    def expected(self, play: str = TRUTH) -> tuple[float, ...]:
        """What each has on average when all report the truth: means over ``SAMPLE`` drawn type profiles, always the same."""
        if play != TRUTH:
            raise ParameterError("of a mechanism only truthful reports have an expectation.")
        types = self.draw(Seeds(0).stream("expected"), SAMPLE)
        return tuple(map(float, self.utilities(types, types).mean(axis=0)))

    def utilities(self, types: FloatArray, reports: FloatArray) -> FloatArray:
        """What each of the types has when these are the reports; both (B, n), and so is the answer."""
        happened, paid = self.outcome(reports), self.payments(reports)
        return np.stack([self.utility(i, types[:, i], happened, paid[:, i]) for i in range(self.n)], axis=1)


@dataclass(frozen=True)
class Misreport:
    """One report that is not the type, and what it gains."""

    player: str
    types: tuple[float, ...]
    report: float
    gain: float


@dataclass(frozen=True)
class IncentiveReport:
    """What was found by trying misreports.

    Attributes
    ----------
    gains : for each bidder the most any misreport gained, >= 0.
    worst : the misreport that gained most, None where none gained.
    fall : the most that a bidder's amount fell when its report rose, >= 0 (0: monotone); None where amounts have no meaning.
    least_utility, least_payment : of truthful reports.
    reports : how many were tried.
    """

    gains: tuple[float, ...]
    worst: Misreport | None
    fall: float | None
    least_utility: float
    least_payment: float
    reports: int

    @property
    def gain(self) -> float:
        return max(self.gains)


def incentive_check(mechanism: Mechanism, types: FloatArray, *, grid: int = 41) -> IncentiveReport:
    """Try misreports of every bidder at every type profile, the others reporting the truth.

    Truth is dominant where nothing gains at any profile; profiles and misreports are a sample, so that a gain disproves it
    and its absence does not prove it.

    Parameters
    ----------
    types : shape (M, n), or one profile (n,).
    grid : misreports tried of each type, evenly spaced over the type space.
    """
    types = np.atleast_2d(np.asarray(types, dtype=np.float64))
    if types.ndim != 2 or types.shape[1] != mechanism.n or not np.isfinite(types).all() or not len(types):
        raise ParameterError(f"types of shape {types.shape} are no profiles of {mechanism.n} bidders.")
    truth = mechanism.utilities(types, types)
    gains, falls, count = [], [], 0
    worst: Misreport | None = None
    for i in range(mechanism.n):
        reports = np.sort(mechanism.types[i].grid(grid))
        tried = np.repeat(types[:, None], len(reports), axis=1)
        tried[:, :, i] = reports
        flat = tried.reshape(-1, mechanism.n)
        happened, paid = mechanism.outcome(flat), mechanism.payments(flat)
        own = np.repeat(types[:, i], len(reports))
        gain = mechanism.utility(i, own, happened, paid[:, i]).reshape(len(types), -1) - truth[:, [i]]
        at = np.unravel_index(int(gain.argmax()), gain.shape)
        gains.append(max(0.0, float(gain[at])))
        if gain[at] > (worst.gain if worst else 0.0):
            profile = tuple(float(t) for t in types[at[0]])
            worst = Misreport(mechanism.players[i], profile, float(reports[at[1]]), float(gain[at]))
        if mechanism.amounts is not None:
            amounts = mechanism.amounts(happened)[:, i].reshape(len(types), -1)
            falls.append(float(np.maximum(-np.diff(amounts, axis=1), 0.0).max(initial=0.0)))
        count += len(flat)
    return IncentiveReport(
        tuple(gains),
        worst,
        max(falls) if falls else None,
        float(truth.min()),
        float(mechanism.payments(types).min()),
        count,
    )
