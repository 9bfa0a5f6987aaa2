"""A table of payoffs as players with attitudes to risk look at it, and the gaps of the concepts they define.

Registered under ``gamesim.concepts``: ``rae`` (mean_variance), ``rqe`` (entropic with a regulariser) and ``cvar``, so that
``certify`` measures play apart from every solver. The gap of a player is the Frank-Wolfe gap of ``risk_response``, which is
never below what she could gain; ``raeconv`` is the sum over players, and equals NashConv where nobody minds risk.

    >>> from gamesim.core.normal_form import NormalFormGame
    >>> chicken = NormalFormGame.bimatrix([[0, -1], [1, -10]], [[0, 1], [-1, -10]])
    >>> q = 1 / (10 * 7 ** .5)                                         # seven times fewer crashes than at Nash
    >>> rae_gap(chicken, ([1 - q, q], [1 - q, q]), aversion=0.620625, tremble=0).value < 1e-6
    True
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .arrays import FloatArray
from .empirical import EmpiricalGame
from .errors import GameTooLargeError, RiskError, SolverError, UnsupportedGameError, clean
from .normal_form import NormalFormGame
from .profiles import as_profile
from .risk import CVaR, Entropic, MeanVariance, parse_risk
from .risk_response import (
    Attitude,
    Regulariser,
    RiskGap,
    best_response,
    frank_wolfe,
    gradient,
    joint_opponents,
    player_gap,
)
from .simplex import project
from .solution import Gap
from .symmetric import SymmetricGame

JOINT = 10**6  # joint opponent actions beyond which nothing is summed
TREMBLE = (
    0.01  # of risk-averse and CVaR equilibria, unless given: at a strict pure equilibrium nothing varies without one
)


@dataclass(frozen=True)
class RiskTable:
    """A game as risk looks at it: for each player her payoffs (k, m) by own and opponents' joint action.

    Attributes
    ----------
    within : variance inside the cells, same shapes; None where the game has none.
    """

    payoffs: tuple[FloatArray, ...]
    within: tuple[FloatArray, ...] | None
    attitudes: tuple[Attitude, ...]
    players: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(len(u) for u in self.payoffs)

    def inside(self, i: int) -> FloatArray | None:
        return None if self.within is None else self.within[i]

    def slopes(self, profile: Sequence[FloatArray]) -> list[FloatArray]:
        """Gradient of every player's objective."""
        return [
            gradient(u, joint_opponents(profile, i), profile[i], self.attitudes[i], self.inside(i))
            for i, u in enumerate(self.payoffs)
        ]

    def replies(self, profile: Sequence[FloatArray], precision: float = 1e-14) -> list[FloatArray]:
        """Every player's best response to the others."""
        found = []
        for i, (u, a) in enumerate(zip(self.payoffs, self.attitudes, strict=True)):
            s = joint_opponents(profile, i)
            found.append(
                best_response(
                    u,
                    s,
                    a.risk,
                    tremble=a.tremble,
                    within=self.inside(i),
                    regulariser=a.regulariser,
                    start=profile[i],
                    precision=precision,
                )
            )
        return found

    def gap(self, profile: Sequence[FloatArray]) -> RiskGap:
        parts = [
            player_gap(u, joint_opponents(profile, i), profile[i], self.attitudes[i], self.inside(i))
            for i, u in enumerate(self.payoffs)
        ]
        gaps, regrets, replies = zip(*parts, strict=True)
        return RiskGap(gaps, regrets, replies)

    def first_order(self, profile: Sequence[FloatArray]) -> float:
        """Largest Frank-Wolfe gap; cheap, for no best response is computed."""
        slopes = self.slopes(profile)
        return max(frank_wolfe(g, s, a.tremble) for g, s, a in zip(slopes, profile, self.attitudes, strict=True))

    def project(self, vectors: Sequence[FloatArray]) -> list[FloatArray]:
        return [project(v, a.tremble) for v, a in zip(vectors, self.attitudes, strict=True)]


def each(value: Any, n: int, what: str) -> list[Any]:
    """One value for everybody, or one a player."""
    if isinstance(value, (list, tuple)):
        if len(value) != n:
            raise RiskError(f"{len(value)} values of {what} for {n} players.", hint="Give one, or one a player.")
        return list(value)
    return [value] * n


def risk_table(game: Any, risk: Any = None, tremble: Any = 0.0, regulariser: Any = None) -> RiskTable:
    """A game with its players' attitudes, checked.

    Parameters
    ----------
    game : a ``NormalFormGame``, ``SymmetricGame`` or ``EmpiricalGame`` without missing cells.
    risk, tremble, regulariser : one for all, or one a player.

    Raises
    ------
    RiskError
        For an attitude out of range, or one that needs variances the game does not have.
    GameTooLargeError
        Above a million joint opponent actions.
    """
    if isinstance(game, EmpiricalGame):
        missing = game.missing()
        if missing:
            raise SolverError(f"profiles were never played: {game.label(missing[0])}.", hint="Fill every cell first.")
        tensor, spread = game.mean, game.variance
        players = tuple(f"player_{i}" for i in range(game.n))
    elif isinstance(game, (NormalFormGame, SymmetricGame)):
        table = game.to_normal_form()
        tensor, spread, players = table.payoffs, None, table.players
    else:
        raise UnsupportedGameError(f"risk needs a table of payoffs, not a {type(game).__name__}.")
    n, shape = len(players), tensor.shape[1:]
    for i in range(n):
        joint = int(np.prod([k for j, k in enumerate(shape) if j != i], dtype=np.int64))
        if joint > JOINT:
            raise GameTooLargeError(
                f"the opponents of {players[i]} have {joint:,} joint actions; the limit is {JOINT:,}."
            )

    def flat(array: FloatArray, i: int) -> FloatArray:
        return np.ascontiguousarray(np.moveaxis(array, i, 0).reshape(shape[i], -1))

    payoffs = tuple(flat(tensor[i], i) for i in range(n))
    attitudes = []
    risks, trembles, regularisers = (
        each(risk, n, "risk"),
        each(tremble, n, "tremble"),
        each(regulariser, n, "regulariser"),
    )
    needed = False
    for i in range(n):
        measure = parse_risk(risks[i])
        if isinstance(measure, MeanVariance):
            measure = measure.for_range(float(np.ptp(payoffs[i])) or 1.0)
            needed |= measure.variance == "strategic+env"
        attitudes.append(Attitude(measure, _number(trembles[i], "tremble"), regularisers[i]))
    within = None
    if spread is not None and (needed or np.isfinite(spread).all()):
        thin = np.argwhere(~np.isfinite(spread))
        if len(thin):
            raise RiskError(f"the variance of {game.label(tuple(thin[0][1:]))} needs two episodes at least.")
        within = tuple(flat(spread[i], i) for i in range(n))
    for i in range(n):
        attitudes[i].check(players[i], shape[i], None if within is None else within[i])
    return RiskTable(payoffs, within, tuple(attitudes), players)


@dataclass(frozen=True)
class Aims:
    """What a concept makes of its parameters: risk, tremble and regulariser, one for all or one a player."""

    risk: Any
    tremble: Any = 0.0
    regulariser: Any = None


def rae_aims(*, aversion: Any = None, aversion_relative: Any = None, variance: Any = "strategic", tremble: Any = TREMBLE) -> Aims:  # fmt: skip
    """Risk-averse: the mean less ``aversion`` times the variance; one of the two aversions, a number or one a player."""
    if (aversion is None) == (aversion_relative is None):
        raise RiskError("a risk-averse equilibrium takes exactly one of aversion and aversion_relative.")
    relative = aversion is None
    given = aversion_relative if relative else aversion
    return Aims(_made(lambda value: MeanVariance(value, variance, relative), given, "aversion"), tremble)


def rqe_aims(*, tau: Any = None, eps: Any = None, divergence: Any = "kl", regulariser: Any = "log_barrier") -> Aims:
    """Risk-averse quantal response: ``tau`` and ``eps``, each a number or one a player."""
    if tau is None or eps is None:
        raise RiskError("a risk-averse quantal response equilibrium takes tau and eps.")
    kind: Any = "entropy" if regulariser == "negative_entropy" else regulariser
    measures = _made(lambda value: Entropic(value, divergence), tau, "tau")
    return Aims(measures, 0.0, _made(lambda value: Regulariser(kind, value), eps, "eps"))


def cvar_aims(*, alpha: Any = None, tremble: Any = TREMBLE) -> Aims:
    """Conditional value at risk: ``alpha``, a number or one a player."""
    if alpha is None:
        raise RiskError("a CVaR equilibrium takes alpha.")
    return Aims(_made(CVaR, alpha, "alpha"), tremble)


def _made(make: Callable[[float], Any], given: Any, what: str) -> Any:
    """What a number means, or a list of that for numbers of the players; complaints name the player."""
    if not isinstance(given, (list, tuple)):
        return make(_number(given, what))
    found = []
    for i, value in enumerate(given):
        try:
            found.append(make(_number(value, what)))
        except RiskError as error:
            raise RiskError(f"player {i}: {error.message}", hint=error.hint) from None
    return found


def _number(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise RiskError(f"{what} '{clean(str(value), 40)}' is no number.")
    return float(value)


def rae_gap(game: Any, play: Any, **parameters: Any) -> Gap:
    """Gap of a risk-averse equilibrium; parameters of ``rae_aims``."""
    return risk_gap(game, play, rae_aims(**parameters))


def rqe_gap(game: Any, play: Any, **parameters: Any) -> Gap:
    """Gap of a risk-averse quantal response equilibrium; parameters of ``rqe_aims``."""
    return risk_gap(game, play, rqe_aims(**parameters))


def cvar_gap(game: Any, play: Any, **parameters: Any) -> Gap:
    """Gap of a CVaR equilibrium; parameters of ``cvar_aims``."""
    return risk_gap(game, play, cvar_aims(**parameters))


def risk_gap(game: Any, play: Any, aims: Aims) -> Gap:
    """Largest gap of a player, with ``raeconv``, exact regrets and attitudes in the details."""
    table = risk_table(game, aims.risk, aims.tremble, aims.regulariser)
    profile = [np.asarray(s, dtype=np.float64) for s in as_profile(table.shape, play)]
    for player, strategy, attitude in zip(table.players, profile, table.attitudes, strict=True):
        if strategy.min() < attitude.tremble - 1e-9:
            raise SolverError(f"{player} plays an action less often than the tremble {attitude.tremble:g}.")
    found = table.gap(profile)
    scale = max(float(np.ptp(u)) for u in table.payoffs) or 1.0
    details = {"raeconv": found.raeconv, "risk_regrets": found.regrets, "risk_gaps": found.gaps}
    return Gap(found.gap, "raeconv_max", scale, 0.0, details)
