"""What solvers, meta-solvers, oracles and risk measures must offer to be used by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from numpy.random import Generator

from .arrays import FloatArray
from .empirical import EmpiricalGame
from .policy import EMPTY, AgentSpec
from .profiles import Joint, MixedProfile
from .solution import Certificate, Limits, Solution


@dataclass(frozen=True)
class Support:
    """Whether a solver takes a game, and if not, why."""

    ok: bool
    reason: str = ""

    def __bool__(self) -> bool:
        return self.ok


class Solver(Protocol):
    """Registered under ``gamesim.solvers``. The same call gives the same answer."""

    name: str
    concepts: frozenset[str]

    def accepts(self, game: Any, concept: str) -> Support:
        """Never raises."""
        ...

    def __call__(self, game: Any, *, concept: str, limits: Limits, **parameters: Any) -> Solution: ...


@dataclass(frozen=True, eq=False)
class MetaStrategy:
    """How a meta-solver would play an empirical game.

    Attributes
    ----------
    marginals : one mixed strategy a player.  joint : where play is correlated.
    """

    marginals: MixedProfile
    joint: Joint | None = None
    certificate: Certificate | None = None
    details: Mapping[str, Any] = field(default_factory=lambda: EMPTY)


class MetaSolver(Protocol):
    """Registered under ``gamesim.meta_solvers``; a function of the table alone."""

    def __call__(self, game: EmpiricalGame, *, limits: Limits, rng: Generator) -> MetaStrategy: ...


Opponents: TypeAlias = tuple[tuple[tuple[AgentSpec, ...], FloatArray], ...]  # for each player: a pool and its weights


@dataclass(frozen=True)
class Answer:
    """A policy that answers a mixture, what it gains against it, and whether it is proved to be a best one."""

    agent: AgentSpec
    gain: float
    interval: tuple[float, float] | None = None
    exact: bool = False


class Risk(Protocol):
    """A risk measure over a discrete distribution of returns, both of shape (m,)."""

    def value(self, returns: FloatArray, probabilities: FloatArray) -> float: ...

    def weights(self, returns: FloatArray, probabilities: FloatArray) -> FloatArray:
        """Weight of each outcome in the gradient of ``value``."""
        ...


class Oracle(Protocol):
    """Registered under ``gamesim.oracles``: answers a mixture of opponents with one more policy."""

    def __call__(
        self, subject: Any, player: int, opponents: Opponents, *, risk: Risk, rng: Generator, context: Any
    ) -> Answer: ...
