"""Equilibria of players with an attitude to risk: risk-averse (RAE), risk-averse quantal (RQE), CVaR, and logit as a limit.

Definition, protocol and numbers are gamesim's reading. The risk-averse equilibrium follows the concept that the abstract of
Slumbers et al. (PMLR 202, 2023) describes; their paper's parameters are not known here and none of its results is claimed.

    1  start (uniform, unless given)
    2  fictitious play for ``FICTITIOUS`` rounds: it finds the neighbourhood
    3  projected extragradient on the players' gradients, with backtracking: it comes close
    4  Newton on ``sigma = proj(sigma + gradient)``: it makes it exact; then restarts from pure and random profiles
    5  whatever remains is handed over with its gap, unconverged, never as an exception

    >>> from gamesim.core.normal_form import NormalFormGame
    >>> from gamesim.core.risk import CVaR, MeanVariance
    >>> chicken = NormalFormGame.bimatrix([[0, -1], [1, -10]], [[0, 1], [-1, -10]])
    >>> point = risk_play(chicken, MeanVariance(1.0), symmetric=True)
    >>> round(float(point.profile[0][1]), 6), point.gap < 1e-9          # how often they go
    (0.028586, True)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise, product
from typing import Any

import numpy as np
from scipy.special import expit

from gamesim.core.arrays import FloatArray
from gamesim.core.empirical import EmpiricalGame
from gamesim.core.errors import RiskError, clean
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.profiles import as_profile
from gamesim.core.risk import CVaR, MeanVariance
from gamesim.core.risk_game import Aims, RiskTable, cvar_aims, rae_aims, risk_table, rqe_aims
from gamesim.core.risk_response import Regulariser, RiskGap, joint_opponents, softmax, stationarity
from gamesim.core.simplex import project
from gamesim.core.solution import Limits
from gamesim.core.symmetric import SymmetricGame

from .method import SAME, Found, Method

FICTITIOUS = 150
TOLERANCE = 1e-8
CROWDED = 64  # pure profiles that a restart tries; where each attempt is long, as of CVaR, fewer
FEW = 6


@dataclass(frozen=True)
class RiskPoint:
    """A profile, how far it is from equilibrium, and how it was reached."""

    profile: tuple[FloatArray, ...]
    certificate: RiskGap
    converged: bool
    branch: str
    stages: tuple[str, ...] = ()

    @property
    def gap(self) -> float:
        return self.certificate.gap


def fictitious_play(
    table: RiskTable, start: Sequence[FloatArray], rounds: int = FICTITIOUS, tied: bool = False
) -> list[FloatArray]:
    """``sigma += (best response - sigma) / (t + 1)`` for all players at once."""
    profile = [np.array(s, dtype=np.float64) for s in start]
    for t in range(1, rounds + 1):
        replies = table.replies(profile, 1e-6)
        if tied:
            replies = [replies[0]] * len(replies)
        profile = [s + (r - s) / (t + 1) for s, r in zip(profile, replies, strict=True)]
    return profile


def extragradient(
    table: RiskTable, start: Sequence[FloatArray], *, tolerance: float, steps: int, tied: bool, stop: Callable[[], bool]
) -> list[FloatArray]:
    """Projected extragradient with backtracking; returns the point of the least gap that it met."""
    tie = (lambda vs: [vs[0]] * len(vs)) if tied else (lambda vs: vs)
    sigma = table.project(tie(list(start)))
    best, least, step = sigma, np.inf, 1.0
    scale = max(float(np.abs(np.concatenate(table.slopes(_soften(table, sigma)))).max()), 1e-300)
    step = 1.0 / scale
    for count in range(steps):
        slopes = tie(table.slopes(sigma))
        for _ in range(60):
            half = tie(table.project([s + step * g for s, g in zip(sigma, slopes, strict=True)]))
            ahead = tie(table.slopes(half))
            moved = np.concatenate(half) - np.concatenate(sigma)
            turned = np.concatenate(ahead) - np.concatenate(slopes)
            if not step * np.linalg.norm(turned) > 0.7 * np.linalg.norm(moved):
                break
            step *= 0.6
        sigma = tie(table.project([s + step * g for s, g in zip(sigma, ahead, strict=True)]))
        step *= 1.05
        if count % 10 == 9:
            gap = table.first_order(sigma)
            if gap < least:
                best, least = sigma, gap
            if gap <= tolerance or stop():
                break
    return best


def _soften(table: RiskTable, profile: Sequence[FloatArray]) -> list[FloatArray]:
    return [np.maximum(s, 1e-9) / np.maximum(s, 1e-9).sum() for s in profile]


def newton(table: RiskTable, start: Sequence[FloatArray], tied: bool, rounds: int = 40) -> list[FloatArray]:
    """Semismooth Newton on ``sigma - proj(sigma + gradient)``, the Jacobian by differences; keeps the best point met."""
    sizes = np.cumsum((0, *(table.shape[:1] if tied else table.shape)))
    n = len(table.shape)

    def spread(x: FloatArray) -> list[FloatArray]:
        parts = [x[a:b] for a, b in pairwise(sizes)]
        return parts * n if tied else parts

    scale = max(float(np.ptp(np.concatenate([u.ravel() for u in table.payoffs]))), 1e-300)

    def residual(x: FloatArray) -> FloatArray:
        slopes = table.slopes(spread(x))
        stepped = [s + g / scale for s, g in zip(spread(x), slopes, strict=True)]
        moved = table.project(stepped)
        whole = [a - b for a, b in zip(spread(x), moved, strict=True)]
        return np.concatenate(whole[:1] if tied else whole)

    x = np.concatenate(list(start)[:1] if tied else list(start))
    best, least = x, np.inf
    for _ in range(rounds):
        r = residual(x)
        size = float(np.linalg.norm(r))
        if size < least:
            best, least = x, size
        if size <= 1e-15:
            break
        jacobian = np.empty((len(x), len(x)))
        for j in range(len(x)):
            h = 1e-7
            up = x.copy()
            up[j] += h
            jacobian[:, j] = (residual(up) - r) / h
        move = np.linalg.lstsq(jacobian, -r, rcond=1e-12)[0]
        length = 1.0
        while length > 1e-4:
            after = np.concatenate(table.project(spread(x + length * move))[: 1 if tied else n])
            if float(np.linalg.norm(residual(after))) < size:
                break
            length *= 0.5
        else:
            break
        x = after
    return [np.asarray(part) for part in spread(best)]


def interior(table: RiskTable, start: Sequence[FloatArray], tied: bool) -> list[FloatArray] | None:
    """Root of the first-order conditions in the interior, for regularised play; None where it is not found."""
    from scipy.optimize import root

    shape = table.shape[:1] if tied else table.shape
    sizes = np.cumsum((0, *(k - 1 for k in shape)))
    n = len(table.shape)

    def spread(z: FloatArray) -> list[FloatArray]:
        parts = []
        for a, b in pairwise(sizes):
            parts.append(softmax(np.append(z[a:b], 0.0)))
        return parts * n if tied else parts

    def residual(z: FloatArray) -> FloatArray:
        profile = spread(z)
        conditions = zip(table.slopes(profile), profile, table.attitudes, strict=True)
        return np.concatenate(
            [stationarity(g, s, a.regulariser)[:-1] for g, s, a in list(conditions)[: 1 if tied else n]]
        )

    z0 = np.concatenate(
        [np.log(np.maximum(s[:-1], 1e-12) / max(s[-1], 1e-12)) for s in list(start)[: 1 if tied else n]]
    )
    found = root(residual, z0, method="hybr", options={"xtol": 1e-14})
    profile = spread(found.x)
    return profile if float(np.abs(residual(found.x)).max(initial=0.0)) <= 1e-10 else None


def risk_play(
    game: Any, risk: Any = None, *, tremble: Any = 0.0, regulariser: Any = None, start: Any = None, symmetric: bool = False,
    tolerance: float = TOLERANCE, seconds: float = 60.0, restarts: bool = True, rng: np.random.Generator | None = None,
    near: Any = None,
) -> RiskPoint:  # fmt: skip
    """One equilibrium of a table under an attitude to risk.

    Parameters
    ----------
    game, risk, tremble, regulariser : as in ``table_of``.
    start : a profile; uniform by default. Which equilibrium is found depends on it.
    symmetric : everybody plays alike; the game must look alike from every seat.
    restarts : from pure profiles and random points, where the first attempt stays short of ``tolerance``.
    rng : of the random restarts; a fixed one by default, so that the same call gives the same answer.
    near : an equilibrium of a table that hardly differs; one close to it is looked for first, which is quick.

    Returns
    -------
    The point with its gap; ``converged`` is False where it stayed above ``tolerance`` times the payoff range.
    """
    table, first, branch, bound = _prepared(game, risk, tremble, regulariser, start, symmetric, tolerance)
    deadline = time.monotonic() + seconds
    if near is not None:
        close = _nearby(table, [s.astype(np.float64) for s in as_profile(table.shape, near)], symmetric, bound)
        if close is not None:
            return close
    best: RiskPoint | None = None
    for label, point in _starts(table, first, branch, symmetric, rng if rng is not None else np.random.default_rng(0)):
        found = _attempt(table, point, symmetric, bound, deadline, label)
        if best is None or found.gap < best.gap:
            best = found
        if best.gap <= bound or not restarts or time.monotonic() > deadline:
            break

    assert best is not None
    return best


def risk_plays(
    game: Any, risk: Any = None, *, tremble: Any = 0.0, regulariser: Any = None, start: Any = None, symmetric: bool = False,
    tolerance: float = TOLERANCE, seconds: float = 60.0, most: int = 1000,
) -> list[RiskPoint]:  # fmt: skip
    """Every equilibrium that is met from uniform play, from pure profiles and from random points; parameters of ``risk_play``.

    Of a 2x2 table those of ``all_2x2``. Where none is met, the one point that came closest.
    """
    from .risk_2x2 import all_2x2

    table, first, branch, bound = _prepared(game, risk, tremble, regulariser, start, symmetric, tolerance)
    if table.shape == (2, 2):
        return all_2x2(game, risk, tremble=tremble, regulariser=regulariser, symmetric=symmetric)
    deadline = time.monotonic() + seconds
    kept: list[RiskPoint] = []
    closest: RiskPoint | None = None
    for label, point in _starts(table, first, branch, symmetric, np.random.default_rng(0)):
        found = _attempt(table, point, symmetric, bound, deadline, label)
        flat = np.concatenate(found.profile)
        if found.converged and all(np.abs(flat - np.concatenate(other.profile)).max() > SAME for other in kept):
            kept.append(found)
        if closest is None or found.gap < closest.gap:
            closest = found
        if time.monotonic() > deadline or len(kept) == most:
            break
    assert closest is not None
    return kept or [closest]


def _prepared(
    game: Any, risk: Any, tremble: Any, regulariser: Any, start: Any, symmetric: bool, tolerance: float
) -> tuple[RiskTable, list[FloatArray], str, float]:
    """The table, where to start and what that is called, and the gap below which play is an equilibrium."""
    table = risk_table(game, risk, tremble, regulariser)
    if symmetric:
        _require_symmetric(table)
    first, branch = [np.full(k, 1.0 / k) for k in table.shape], "from uniform"
    if start is not None:
        first, branch = [s.astype(np.float64) for s in as_profile(table.shape, start)], "from the given start"
    first = table.project(first) if not any(a.regulariser for a in table.attitudes) else first
    ranges = [float(np.ptp(u)) for u in table.payoffs]
    bound = tolerance * max(ranges)
    if not bound:  # a game without differences has no gap but rounding
        bound = max(1e-14 * max(float(np.abs(u).max()) for u in table.payoffs), 1e-300)
    return table, first, branch, bound


def _starts(table: RiskTable, first: Any, branch: str, tied: bool, rng: np.random.Generator) -> Any:
    costly = any(isinstance(a.risk, CVaR) for a in table.attitudes)
    yield branch, first
    if tied:
        for a in range(table.shape[0]):
            unit = np.eye(table.shape[0])[a]
            yield f"restart from action {a}", [project(unit, table.attitudes[0].tremble)] * len(table.shape)
    else:
        for pure in islice(product(*(range(k) for k in table.shape)), FEW if costly else CROWDED):
            yield f"restart from {pure}", [project(np.eye(k)[a], t.tremble) for k, a, t in zip(table.shape, pure, table.attitudes, strict=True)]  # fmt: skip
    for number in range(2 if costly else 8):
        drawn = [rng.dirichlet(np.ones(k)) for k in table.shape]
        yield f"restart from random point {number}", table.project([drawn[0]] * len(drawn) if tied else drawn)


@dataclass(frozen=True)
class _Smoothed(CVaR):
    """CVaR with its kink rounded over a width of payoffs: max over c of c - (1/alpha) E width softplus((c - X) / width)."""

    width: float = 1.0

    def value(self, returns: FloatArray, probabilities: FloatArray) -> float:
        c = self._quantile(returns, probabilities)
        return float(c - probabilities @ (self.width * np.logaddexp(0.0, (c - returns) / self.width)) / self.alpha)

    def weights(self, returns: FloatArray, probabilities: FloatArray) -> FloatArray:
        c = self._quantile(returns, probabilities)
        return np.asarray(expit((c - returns) / self.width) / self.alpha)

    def _quantile(self, x: FloatArray, s: FloatArray) -> float:
        """Where the smoothed chances of the worse add to alpha."""
        from scipy.optimize import brentq

        low, high = float(x.min()) - 60 * self.width, float(x.max()) + 60 * self.width
        return float(
            brentq(lambda c: float(s @ expit((c - x) / self.width)) - self.alpha, low, high, xtol=1e-300, rtol=1e-15)
        )


def smoothed(table: RiskTable, start: Sequence[FloatArray], tied: bool, stop: Callable[[], bool]) -> list[FloatArray]:
    """Follow the equilibrium of smoothed CVaR while the smoothing vanishes; mass at a quantile is shared as play needs it."""
    profile, scale = [np.asarray(s) for s in start], max(float(np.ptp(u)) for u in table.payoffs) or 1.0
    for width in np.geomspace(0.3, 1e-9, 30) * scale:
        eased = tuple(
            replace(a, risk=_Smoothed(a.risk.alpha, float(width)))
            if isinstance(a.risk, CVaR) and a.risk.alpha < 1
            else a
            for a in table.attitudes
        )
        now = replace(table, attitudes=eased)
        after = newton(now, profile, tied)
        if now.first_order(after) > 1e-7 * scale and width > 1e-5 * scale:
            pulled = extragradient(now, profile, tolerance=1e-9 * scale, steps=60, tied=tied, stop=stop)
            after = min((after, newton(now, pulled, tied)), key=now.first_order)
        profile = after
        if stop():
            break
    return profile


def _nearby(table: RiskTable, near: list[FloatArray], tied: bool, bound: float) -> RiskPoint | None:
    """The equilibrium that Newton's steps, or else the gradients, lead to from a point close by; None where they do not."""
    if any(a.regulariser for a in table.attitudes):
        root = interior(table, near, tied)
        found = [] if root is None else [root]
    else:
        found = [newton(table, table.project(near), tied)]
        if not table.first_order(found[0]) <= bound * 1e-2:
            pulled = extragradient(table, near, tolerance=bound, steps=100, tied=tied, stop=lambda: False)
            found.append(newton(table, pulled, tied))
    for profile in found:
        certificate = table.gap(profile)
        if certificate.gap <= bound:
            return RiskPoint(tuple(profile), certificate, True, "near the given point", ("Newton",))
    return None


def _attempt(table: RiskTable, start: Any, tied: bool, bound: float, deadline: float, branch: str) -> RiskPoint:
    def out_of_time() -> bool:
        return time.monotonic() > deadline

    stages: list[str] = []
    candidates: list[Any] = []
    profile = start
    if any(a.regulariser for a in table.attitudes):
        for origin in ("start", "fictitious play"):
            if origin != "start":
                stages.append(origin)
                profile = fictitious_play(table, start, tied=tied)
                candidates.append(profile)
            root = interior(table, profile, tied)
            if root is not None:
                stages.append("interior root")
                candidates.append(root)
                break
    elif any(isinstance(a.risk, CVaR) for a in table.attitudes):
        stages.append("smoothing")
        candidates.append(smoothed(table, start, tied, out_of_time))
    else:
        stages.append("fictitious play")
        profile = fictitious_play(table, start, tied=tied)
        candidates.append(profile)
        for steps in (0, 300, 1200):  # Newton as soon as it is close enough, which nobody knows beforehand
            if steps and not out_of_time():
                stages.append("extragradient")
                profile = extragradient(
                    table, profile, tolerance=bound * 1e-2, steps=steps, tied=tied, stop=out_of_time
                )
                candidates.append(profile)
            if sum(table.shape) <= 200 and table.first_order(profile) > 1e-6 * bound:
                stages.append("Newton")
                candidates.append(newton(table, profile, tied))
            if min(table.first_order(c) for c in candidates[-2:]) <= bound * 1e-2:
                break
    scored = [(table.gap(c), c) for c in candidates[-3:]]
    certificate, profile = min(scored, key=lambda pair: pair[0].gap)
    return RiskPoint(tuple(profile), certificate, certificate.gap <= bound, branch, tuple(stages))


def _require_symmetric(table: RiskTable) -> None:
    same = all(len(u) == len(table.payoffs[0]) for u in table.payoffs)
    if not same or any(a != table.attitudes[0] for a in table.attitudes[1:]):
        raise RiskError("a symmetric profile needs players alike.", hint="Use profile: any.")
    own, n = table.payoffs[0], len(table.payoffs)
    seats = own.reshape((len(own),) * n)
    turned = [
        np.swapaxes(seats, j, j + 1).reshape(own.shape) for j in range(1, n - 1)
    ]  # which other does what is all one
    scale = float(np.ptp(own)) or 1.0
    if any(float(np.abs(own - other).max()) > 1e-9 * scale for other in (*table.payoffs[1:], *turned)):
        seen = "two seats" if n == 2 else f"{n} seats"
        raise RiskError(
            f"the game looks different from the {seen}.", hint="Pool the seats in one role, or use profile: any."
        )


def risk_equilibrium(
    game: Any, *, concept: str, limits: Limits, aversion: Any = None, aversion_relative: Any = None,
    variance: Any = "strategic", tremble: Any = None, tau: Any = None, eps: Any = None, divergence: Any = "kl",
    regulariser: Any = "log_barrier", alpha: Any = None, rationality: Any = None, start: Any = None, profile: str = "any",
    tolerance: float = TOLERANCE, every: bool = False,
) -> Found:  # fmt: skip
    """Equilibria of concept ``rae``, ``rqe``, ``cvar`` or ``qre``: one, which its start chooses, or all that are met.

    Parameters
    ----------
    aversion, aversion_relative, variance, tremble : of ``rae``.  tau, eps, divergence, regulariser : of ``rqe``.
    alpha, tremble : of ``cvar``.  rationality : of ``qre``.
    start : a profile, or one action a player.  profile : ``any``, or ``symmetric`` for everybody alike.
    tolerance : gap, relative to the payoff range, below which play counts as converged.
    every : all that ``risk_plays`` meets.

    Raises
    ------
    RiskError
        For a parameter out of range or of another concept.
    """
    given = {
        "rae": {"aversion": aversion, "aversion_relative": aversion_relative, "variance": variance, "tremble": tremble},
        "rqe": {"tau": tau, "eps": eps, "divergence": divergence, "regulariser": regulariser},
        "cvar": {"alpha": alpha, "tremble": tremble},
        "qre": {"rationality": rationality},
    }[concept]
    parameters = {key: value for key, value in given.items() if value is not None}
    if concept == "qre" and rationality == 0:
        even = [np.full(k, 1.0 / k) for k in risk_table(game).shape]
        return Found(
            [even], complete=True, selection="the only one: everybody errs as much as can be", of_concept=parameters
        )
    aims = AIMS[concept](**parameters)
    if profile not in ("any", "symmetric"):
        raise RiskError(f"no profile '{clean(str(profile), 40)}'.", hint="Profiles: any, symmetric.")
    began = time.monotonic()
    asked: dict[str, Any] = {
        "tremble": aims.tremble, "regulariser": aims.regulariser, "start": start, "symmetric": profile == "symmetric",
        "tolerance": tolerance, "seconds": limits.seconds,
    }  # fmt: skip
    points = risk_plays(game, aims.risk, **asked, most=limits.equilibria) if every else [risk_play(game, aims.risk, **asked)]  # fmt: skip
    late = time.monotonic() - began > limits.seconds
    table = risk_table(game, aims.risk, aims.tremble, aims.regulariser)
    notes = [text for point in points for text in warnings_of(table, point.profile)]
    reached = list(
        dict.fromkeys(", by ".join((p.branch, *((", ".join(p.stages),) if p.stages else ()))) for p in points)
    )
    converged = all(point.converged for point in points)
    if not converged:
        notes.append(
            f"not converged: the gap is {points[0].gap:.3g} after {', '.join(points[0].stages)} and all restarts."
        )
    return Found(
        [point.profile for point in points], covers="accessible" if every else "one", selection="; ".join(reached[:8]), notes=notes,
        of_concept=parameters, stopped="seconds" if late and (every or not converged) else None, details={"converged": converged},
    )  # fmt: skip


def qre_aims(*, rationality: Any = None) -> Aims:
    """Logit quantal response as the limit of no risk: the regulariser is entropy of weight 1 / ``rationality``."""
    if isinstance(rationality, bool) or not isinstance(rationality, (int, float)) or not 0 < rationality < np.inf:
        raise RiskError("quantal responses of a table take a rationality, a finite number > 0.")
    return Aims(None, 0.0, Regulariser("entropy", 1.0 / rationality))


AIMS: dict[str, Callable[..., Aims]] = {"rae": rae_aims, "rqe": rqe_aims, "cvar": cvar_aims, "qre": qre_aims}


def warnings_of(table: RiskTable, profile: Sequence[FloatArray]) -> list[str]:
    """What a careful reader should know of play under risk: dominated actions, and the wrong variance."""
    found = []
    for i, (player, u) in enumerate(zip(table.players, table.payoffs, strict=True)):
        mass = dominated_mass(u, profile[i], table.attitudes[i].tremble)
        if mass > 1e-9:
            found.append(f"{player} plays strictly dominated actions with chance {mass:.3g} (their variance is lower).")
        risk = table.attitudes[i].risk
        within = table.inside(i)
        if isinstance(risk, MeanVariance) and risk.variance == "strategic" and risk.aversion > 0 and within is not None:
            s = joint_opponents(profile, i)
            centred = profile[i] @ u
            inside, strategic = float(profile[i] @ within @ s), float(s @ (centred - s @ centred) ** 2)
            if inside > strategic:
                found.append(f"{player}: the variance inside cells ({inside:.3g}) exceeds the strategic one ({strategic:.3g}); risk such as crashes lies inside cells: variance: strategic+env sees it.")  # fmt: skip
    return found


def dominated_mass(payoffs: FloatArray, strategy: FloatArray, tremble: float = 0.0) -> float:
    """Chance, beyond the tremble, of actions that another pure action beats against everything."""
    beaten = [any(bool((other > own).all()) for other in payoffs) for own in payoffs]
    return float(np.maximum(strategy - tremble, 0.0)[beaten].sum())


def _suits(game: Any, concept: str) -> str:
    if isinstance(game, (NormalFormGame, SymmetricGame, EmpiricalGame)):
        return ""
    form = " (in Python, game.to_normal_form() is one)" if hasattr(game, "to_normal_form") else ""
    return f"{type(game).__name__} is no table of payoffs{form}"


risk_averse = Method(
    "risk_averse",
    frozenset(AIMS),
    "equilibria under an attitude to risk: RAE, RQE, CVaR, and QRE; fictitious play, extragradient, Newton",
    _suits,
    risk_equilibrium,
    suits="tables, empirical games",
    covers="one, or all that are met",
    complete="never",
)
