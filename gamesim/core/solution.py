"""What solvers return.

A solution never certifies itself: ``certificate`` is computed by ``gamesim.core.certify`` from the game and the play
alone. Methods that rank instead of solving return a ``Ranking``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .arrays import FloatArray
from .errors import ParameterError
from .policy import EMPTY

Arithmetic = Literal["exact", "float", "sampled"]
Guarantee = Literal["proved", "heuristic"]
Stopped = Literal["seconds", "memory", "crash", "count", "iterations"]


@dataclass(frozen=True)
class Limits:
    """How much a solver may use before it must stop and hand over what it has."""

    seconds: float = 60.0
    cpu_seconds: float = 60.0
    memory: int = 2 << 30
    equilibria: int = 1000
    nodes: int = 10**6
    cells: int = 10**7

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value > 0:
                raise ParameterError(f"limit {name} is {value}.", hint="Limits are positive.")


@dataclass(frozen=True)
class Certificate:
    """How far play is from what it claims to be, found by checking every deviation.

    Attributes
    ----------
    concept : what was claimed: ``nash``, ``spe``, ``correlated``, ``coarse``, or a registered concept such as ``regularised``.
    gap : the gap of that concept, >= 0, in units of payoff; for ``nash`` the largest regret of a player.
    gap_name : its name, such as ``epsilon``.
    regrets : what each player could gain alone, by the best single deviation from the play's own marginals or plans.
    nash_conv : their sum.
    relative : gap over the game's payoff range.
    best_responses : for each player an action that gains most, the sentence a reader can check; in a tree a plan, one
        action at each of its sets.
    arithmetic : ``exact`` in Fractions, ``float`` with ``rounding``, ``sampled`` with ``interval``.
    rounding : how much float arithmetic can have hidden; ``bound`` = gap + rounding.
    interval : for a sampled game, bounds of the gap at the asked confidence; the upper one is None where a profile that
        matters was played less than twice (``details["reason"]``).
    guarantee : ``proved`` where all deviations were checked, ``heuristic`` where only some could be.
    details : more of the check: ``tangent_residual`` and ``natural_residual`` of a table, ``cce_slack``,
        ``subgame_regrets``, ``intervals``, the parameters of a registered concept.
    """

    concept: str
    gap: Any
    gap_name: str
    regrets: tuple[Any, ...]
    nash_conv: Any
    relative: float
    best_responses: tuple[int | tuple[int, ...], ...]
    arithmetic: Arithmetic
    rounding: float = 0.0
    interval: tuple[float, float | None] | None = None
    guarantee: Guarantee = "proved"
    details: Mapping[str, Any] = field(default_factory=lambda: EMPTY)

    @property
    def bound(self) -> float:
        """The gap with all rounding counted against it."""
        return float(self.gap) + self.rounding

    @property
    def grade(self) -> Literal["exact", "float", "approximate", "rejected"]:
        """What the play may be called: an equilibrium exactly, to 1e-9 or 1e-4 of the payoff range, or none."""
        if self.arithmetic == "exact" and self.gap == 0:
            return "exact"
        return "float" if self.relative <= 1e-9 else "approximate" if self.relative <= 1e-4 else "rejected"


@dataclass(frozen=True)
class Gap:
    """What a concept makes of play; returned by the functions registered under ``gamesim.concepts``.

    Such a function takes (game, play, **parameters), raises ``SolverError`` for what it does not measure, and stands apart
    from every solver. ``certify`` puts its gap into a certificate, beside the Nash regrets.

    Attributes
    ----------
    value : >= 0, zero exactly where the play is what the concept asks.
    name : of the number.
    scale : what a relative gap is measured against, such as the payoff range.
    rounding : how much float arithmetic can have hidden.
    """

    value: Any
    name: str
    scale: float
    rounding: float = 0.0
    details: Mapping[str, Any] = field(default_factory=lambda: EMPTY)


@dataclass(frozen=True, eq=False)
class Equilibrium:
    """Play with its payoffs and its certificate.

    ``play`` is a mixed profile, a behaviour or Markov profile, or a ``Joint``; ``payoffs`` in player order.
    """

    play: Any
    payoffs: tuple[Any, ...]
    certificate: Certificate
    details: Mapping[str, Any] = field(default_factory=lambda: EMPTY)


@dataclass(frozen=True, eq=False)
class Solution:
    """What a method found, and what may be said of the list.

    Attributes
    ----------
    equilibria : admitted by their certificates.  rejected : found, but with a regret too large to be called so.
    selection : how one was chosen where there are several, in words.
    covers : what the list holds: ``one``, ``pure``, ``extreme``, ``isolated``, ``accessible`` ...
    complete : whether it holds all of them; None = unknown.
    stopped : which limit ended the search early, if one did.
    details : what else the method tells, as the ``branch`` that it followed.
    """

    equilibria: tuple[Equilibrium, ...]
    concept: str
    method: str
    rejected: tuple[Equilibrium, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    selection: str = ""
    covers: str = "one"
    complete: bool | None = None
    exact: bool = False
    stopped: Stopped | None = None
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    versions: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    notes: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=lambda: EMPTY)

    @property
    def max_gap(self) -> Any | None:
        """Largest gap among the equilibria; None if there are none."""
        return max((equilibrium.certificate.gap for equilibrium in self.equilibria), default=None)

    @property
    def max_regret(self) -> Any | None:
        """Largest regret among the equilibria, where Nash equilibria were asked for."""
        return self.max_gap if self.concept == "nash" else None


@dataclass(frozen=True, eq=False)
class Ranking:
    """Strategies in order, by a method that does not claim equilibrium.

    Attributes
    ----------
    names : of strategies or profiles.  scores : shape (len(names),), larger is better.
    unique : whether the method's answer is unique; False where a chain has several closed classes, for example.
    """

    names: tuple[str, ...]
    scores: FloatArray
    method: str
    parameters: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    unique: bool = True
    details: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    notes: tuple[str, ...] = ()

    @property
    def order(self) -> tuple[str, ...]:
        """Names from best to worst; ties keep their given order."""
        return tuple(self.names[i] for i in sorted(range(len(self.names)), key=lambda i: -self.scores[i]))
