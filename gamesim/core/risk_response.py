"""What a player with an attitude to risk maximises in a table, her best response, and how far play is from it.

Player i mixes over actions a against opponents' joint actions b with chances s:

    J_i(sigma; s) = value(X; s) - aversion sigma' W s + nu(sigma),      X_b = sum_a sigma(a) u_i(a, b)

over strategies that give every action at least the tremble f. W holds the variance inside cells and counts for
``strategic+env`` only; nu is an optional regulariser. J is concave in sigma, so best responses form convex sets, an
equilibrium exists, and the Frank-Wolfe gap ``max over the strategies of grad J . (x - sigma)`` bounds what the player
could gain: it is zero exactly at a best response.

    >>> stag = np.array([[4.0, 0.0], [3.0, 3.0]])                     # hunt the stag or the hare; against a stag hunter q = .99
    >>> best_response(stag, np.array([0.99, 0.01]), MeanVariance(4.0)).round(6).tolist()
    [0.757576, 0.242424]
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np

from .arrays import FloatArray
from .errors import RiskError, SolverError
from .risk import CVaR, Entropic, MeanVariance, Neutral, RiskMeasure
from .simplex import project

NEUTRAL = Neutral()


@dataclass(frozen=True)
class Regulariser:
    """A concave bonus for mixing: ``weight`` times the entropy, or times the sum of logarithms (a barrier).

    Logit quantal response at rationality r is ``entropy`` of weight 1 / r; the quantal part of a risk-averse quantal
    response equilibrium is a ``log_barrier`` or ``entropy`` of weight eps.
    """

    kind: Literal["entropy", "log_barrier"]
    weight: float
    kinds: ClassVar[tuple[str, ...]] = ("entropy", "log_barrier")

    def __post_init__(self) -> None:
        if self.kind not in self.kinds:
            raise RiskError(f"no regulariser '{self.kind}'.", hint=f"Regularisers: {', '.join(self.kinds)}.")
        if not (self.weight > 0 and np.isfinite(self.weight)):
            raise RiskError(f"the regulariser's weight {self.weight:g} is not a finite number > 0.")

    def value(self, strategy: FloatArray) -> float:
        live = strategy[strategy > 0]
        if self.kind == "log_barrier":
            return float(self.weight * np.log(live).sum()) if len(live) == len(strategy) else -np.inf
        return float(-self.weight * (live * np.log(live)).sum())

    def gradient(self, strategy: FloatArray) -> FloatArray:
        safe = np.maximum(strategy, 1e-300)
        return np.asarray(self.weight / safe if self.kind == "log_barrier" else -self.weight * (np.log(safe) + 1.0))


@dataclass(frozen=True)
class Attitude:
    """How one player looks at a game: her risk measure, tremble and regulariser."""

    risk: RiskMeasure = NEUTRAL
    tremble: float = 0.0
    regulariser: Regulariser | None = None

    def check(self, player: str, actions: int, within: FloatArray | None) -> None:
        """
        Raises
        ------
        RiskError
            If the tremble is too large, or the variance asked for is unknown here or has no equilibrium.
        """
        if not 0 <= self.tremble < 1 / actions:
            raise RiskError(f"{player}: tremble {self.tremble:g} is not in [0, 1/{actions}).")
        if isinstance(self.risk, Entropic) and self.risk.divergence == "reverse_kl" and self.regulariser is None:
            raise RiskError(f"{player}: the reverse_kl divergence is for quantal play only.", hint="Use kl, or a regulariser.")  # fmt: skip
        if self.tremble and self.regulariser is not None:
            raise RiskError(f"{player}: a regulariser keeps play mixed; it takes no tremble beside it.")
        if isinstance(self.risk, MeanVariance):
            if self.risk.variance == "total":
                raise RiskError(
                    "under 'total' variance an equilibrium need not exist, so nothing solves for it.",
                    hint="Use strategic or strategic+env.",
                )
            if self.risk.variance == "strategic+env" and within is None:
                raise RiskError(
                    "'strategic+env' needs the variance inside cells, and this game has none.",
                    hint="Use an empirical game, or variance: strategic.",
                )
            if self.regulariser is not None and self.risk.variance == "strategic+env":
                raise RiskError("'strategic+env' takes no regulariser.", hint="Use variance: strategic.")


def _inside(risk: RiskMeasure, within: FloatArray | None, opponents: FloatArray) -> FloatArray | None:
    """What the variance inside cells costs each action, or None."""
    if isinstance(risk, MeanVariance) and risk.variance == "strategic+env":
        if within is None:
            raise RiskError("'strategic+env' needs the variance inside cells.", hint="Use variance: strategic.")
        return np.asarray(risk.aversion * (within @ opponents))
    return None


def objective(
    payoffs: FloatArray,
    opponents: FloatArray,
    strategy: FloatArray,
    attitude: Attitude,
    within: FloatArray | None = None,
) -> float:
    """J of the module's head.

    Parameters
    ----------
    payoffs, within : shape (k, m), by own action and opponents' joint action.
    opponents : shape (m,).  strategy : shape (k,).
    """
    value = attitude.risk.value(strategy @ payoffs, opponents)
    inside = _inside(attitude.risk, within, opponents)
    if inside is not None:
        value -= float(inside @ strategy)
    return value + (attitude.regulariser.value(strategy) if attitude.regulariser else 0.0)


def gradient(
    payoffs: FloatArray,
    opponents: FloatArray,
    strategy: FloatArray,
    attitude: Attitude,
    within: FloatArray | None = None,
) -> FloatArray:
    """Gradient of J in the own strategy, shape (k,); of ``cvar`` a supergradient."""
    slope = payoffs @ (opponents * attitude.risk.weights(strategy @ payoffs, opponents))
    inside = _inside(attitude.risk, within, opponents)
    if inside is not None:
        slope = slope - inside
    return np.asarray(slope + attitude.regulariser.gradient(strategy) if attitude.regulariser else slope)


def frank_wolfe(slope: FloatArray, strategy: FloatArray, tremble: float = 0.0) -> float:
    """``max over x >= tremble of slope . (x - strategy)``, >= 0 up to rounding."""
    k = len(slope)
    return float((1 - k * tremble) * slope.max() + tremble * slope.sum() - slope @ strategy)


def best_response(
    payoffs: FloatArray, opponents: FloatArray, risk: RiskMeasure, *, tremble: float = 0.0,
    within: FloatArray | None = None, regulariser: Regulariser | None = None, start: FloatArray | None = None, precision: float = 1e-14,
) -> FloatArray:  # fmt: skip
    """The strategy that maximises J against opponents; deterministic, the lowest index where several are best.

    Parameters
    ----------
    payoffs : shape (k, m), what each own action earns against each joint action.
    opponents : shape (m,), chances of the joint actions.
    within : shape (k, m), variance inside cells, for ``strategic+env``.
    start : where a search begins.  precision : its gap, as a share of the largest gradient.

    Raises
    ------
    RiskError
        If the attitude does not fit the table.
    """
    u, s = np.asarray(payoffs, dtype=np.float64), np.asarray(opponents, dtype=np.float64)
    if isinstance(risk, MeanVariance):
        risk = risk.for_range(float(np.ptp(u)) or 1.0)
    attitude = Attitude(risk, tremble, regulariser)
    attitude.check("the player", len(u), within)
    if regulariser is None and isinstance(risk, CVaR):
        return _cvar_program(u, s, risk.alpha, tremble)
    inside = _inside(risk, within, s)
    mean = u @ s - (0.0 if inside is None else inside)
    if isinstance(risk, Neutral) or (isinstance(risk, MeanVariance) and risk.aversion == 0):
        return _soft(mean, regulariser) if regulariser else _floor_and_best(mean, tremble)
    if isinstance(risk, MeanVariance) and regulariser is None:
        centred = u - (u @ s)[:, None]
        spread = (centred * s) @ centred.T
        if len(u) == 2:
            return _two_actions(mean, spread, risk.aversion, tremble)
        return _quadratic(mean, 2 * risk.aversion * spread, tremble)
    if regulariser is not None:
        return _mix(lambda x: gradient(u, s, x, attitude, within), regulariser, len(u), start)
    return _newton(u, s, risk, tremble, start, precision)  # type: ignore[arg-type]


def _floor_and_best(values: FloatArray, floor: float) -> FloatArray:
    strategy = np.full(len(values), floor)
    strategy[int(values.argmax())] += 1.0 - floor * len(values)
    return strategy


def _two_actions(mean: FloatArray, spread: FloatArray, aversion: float, floor: float) -> FloatArray:
    curvature = spread[0, 0] + spread[1, 1] - 2 * spread[0, 1]
    slope = mean[0] - mean[1] + 2 * aversion * (spread[1, 1] - spread[0, 1])
    if 2 * aversion * curvature <= 1e-300 * max(abs(slope), 1.0):
        p = 1 - floor if slope >= 0 else floor
    else:
        p = min(max(slope / (2 * aversion * curvature), floor), 1 - floor)
    return np.array([p, 1.0 - p])


def _quadratic(linear: FloatArray, bend: FloatArray, floor: float) -> FloatArray:
    """Maximise ``linear . x - x' bend x / 2``, bend positive semidefinite, exactly but for rounding.

    Actions enter one by one, the one that gains most first; the play of those in use is solved for, and what would turn
    negative leaves (the method of Lawson and Hanson, with one equation beside).
    """
    k = len(linear)
    scale = float(np.abs(linear).max()) + float(np.trace(bend))
    if scale == 0:
        return _floor_and_best(linear, floor)
    mass, lift, firm = 1.0 - k * floor, (linear - floor * bend.sum(axis=1)) / scale, bend / scale
    firm = firm + 1e-15 * float(np.trace(firm)) * np.eye(k)
    used = [int((lift - mass * np.diag(firm) / 2).argmax())]
    above = np.zeros(k)
    above[used[0]] = mass
    best, least = above.copy(), np.inf
    for _ in range(10 * k + 10):
        system = np.ones((len(used) + 1, len(used) + 1))
        system[:-1, :-1], system[-1, -1] = firm[np.ix_(used, used)], 0.0
        right = np.append(lift[used], mass)
        try:
            found = np.linalg.solve(system, right)
        except np.linalg.LinAlgError:
            found = np.linalg.lstsq(system, right, rcond=1e-17)[0]  # ten times as slow
        aim, now = found[:-1], above[used]
        if len(used) > 1 and aim.min() < 0:
            share = np.where(aim < 0, now / np.maximum(now - aim, 1e-300), np.inf)
            leaves = int(share.argmin())
            above[used] = np.maximum(now + min(float(share[leaves]), 1.0) * (aim - now), 0.0)
            above[used.pop(leaves)] = 0.0
            continue
        above[used] = aim
        slope = lift - firm @ above
        gap = mass * float(slope.max()) - float(slope @ above)
        if gap < least:
            best, least = above.copy(), gap
        slope[used] = -np.inf
        if gap <= 1e-16 or len(used) == k:
            break
        used.append(int(slope.argmax()))
    return project(floor + best, floor)


def _newton(u: FloatArray, s: FloatArray, risk: Entropic, floor: float, start: FloatArray | None, precision: float) -> FloatArray:  # fmt: skip
    """Newton's method for the entropic measure, tau raised in steps: at a large one the measure is all but the worst case,
    whose corners the method would not get round from afar."""
    attitude, spread = Attitude(risk, floor), float(np.ptp(u, axis=0).max())
    x = project(np.full(len(u), 1.0 / len(u)) if start is None else start, floor)
    stages = max(int(np.ceil(np.log(max(risk.tau * spread, 1.0)) / np.log(4.0))), 1)
    for tau in risk.tau * 4.0 ** np.arange(1 - stages, 1):
        now = replace(attitude, risk=replace(risk, tau=float(tau)))
        best, least = x, np.inf
        for _ in range(50):
            g, tilted = gradient(u, s, x, now), s * now.risk.weights(x @ u, s)
            size, gap = float(np.abs(g).max()), frank_wolfe(g, x, floor)
            if gap < least:
                best, least = x, gap
            if gap <= precision * size:
                break
            centred = u - (u @ tilted)[:, None]
            bend = float(tau) * (centred * tilted) @ centred.T
            way = _quadratic(g + bend @ x, bend, floor) - x
            ahead, here = float(g @ way), objective(u, s, x, now)
            share, rounding = 1.0, 1e-14 * size
            while share > 1e-9:
                after = x + share * way
                gain = objective(u, s, after, now) - here
                if gain >= 1e-4 * share * ahead and gain > rounding:
                    break
                if abs(gain) <= rounding and frank_wolfe(gradient(u, s, after, now), after, floor) < gap / 2:
                    break
                share /= 2
            else:
                break
            x = after
        x = best
    return project(x, floor)


def _soft(values: FloatArray, regulariser: Regulariser) -> FloatArray:
    """Maximise ``values . x + nu(x)`` over the simplex."""
    if regulariser.kind == "entropy":
        tilt = np.exp((values - values.max()) / regulariser.weight)
        return np.asarray(tilt / tilt.sum())
    from scipy.optimize import brentq  # log barrier: x_a = weight / (c - values_a), c above the largest value

    top, k, w = float(values.max()), len(values), regulariser.weight
    c = float(
        brentq(lambda c: float((w / (c + top - values)).sum()) - 1.0, w * (1 - 1e-12), k * w * (1 + 1e-12), rtol=1e-15)
    )
    x = w / (c + top - values)
    return np.asarray(x / x.sum())


def stationarity(slope: FloatArray, strategy: FloatArray, regulariser: Regulariser | None) -> FloatArray:
    """First-order conditions of regularised play, shape (k,): zero at a maximum in the interior and nowhere else.

    ``slope`` is the whole gradient of J. Written without division by small chances, so that play near a corner is no root.
    """
    if regulariser is None:
        raise RiskError("first-order conditions in the interior are those of regularised play.")
    plain = slope - regulariser.gradient(strategy)
    w = regulariser.weight
    if regulariser.kind == "entropy":
        logs = np.log(np.maximum(strategy, 1e-300))
        return np.asarray((plain - plain[-1]) / w - (logs - logs[-1]))
    return np.asarray(strategy * (plain - plain @ strategy - len(strategy) * w) / w + 1.0)


def softmax(logits: FloatArray) -> FloatArray:
    tilt = np.exp(np.clip(logits - logits.max(), -700.0, 0.0))
    return np.asarray(tilt / tilt.sum())


def _mix(
    slope: Callable[[FloatArray], FloatArray], regulariser: Regulariser, k: int, start: FloatArray | None
) -> FloatArray:
    """The interior maximum of a concave J: root of its first-order conditions in log chances.

    Where the root is not found from the start, the regulariser is followed down from a strong one, under which play is
    all but uniform.
    """
    from scipy.optimize import root

    def conditions(z: FloatArray, strength: float) -> FloatArray:
        x = softmax(np.append(z, 0.0))
        eased = Regulariser(regulariser.kind, regulariser.weight * strength)
        return stationarity(slope(x) - regulariser.gradient(x) + eased.gradient(x), x, eased)[:-1]

    begin = np.full(k, 1.0 / k) if start is None else np.maximum(start, 1e-12)
    z, strengths = np.log(begin[:-1] / begin[-1]), np.ones(1)
    for _ in range(2):
        for strength in strengths:
            found = root(conditions, z, args=(float(strength),), method="hybr", options={"xtol": 1e-14})
            z = found.x
        if float(np.abs(found.fun).max(initial=0.0)) <= 1e-9:
            break
        z, strengths = np.zeros(k - 1), np.geomspace(1e4, 1.0, 40)
    return softmax(np.append(z, 0.0))


def _cvar_program(u: FloatArray, s: FloatArray, alpha: float, floor: float) -> FloatArray:
    """max c - (1/alpha) sum_b s_b z_b with z_b >= c - X_b, z >= 0: the program of Rockafellar and Uryasev."""
    from scipy.optimize import linprog
    from scipy.sparse import csr_matrix, eye, hstack

    k, m = u.shape
    u = (u - u.min()) / (float(np.ptp(u)) or 1.0)  # the program's tolerances are absolute
    answer = linprog(
        np.concatenate([np.zeros(k), [-1.0], s / alpha]),
        A_ub=hstack([csr_matrix(-u.T), np.ones((m, 1)), -eye(m)]).tocsr(),
        b_ub=np.zeros(m),
        A_eq=np.concatenate([np.ones(k), np.zeros(m + 1)])[None],
        b_eq=[1.0],
        bounds=[(floor, 1.0)] * k + [(None, None)] + [(0.0, None)] * m,
        method="highs",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    if answer.status != 0:
        raise SolverError(f"the linear program of a best response to risk failed: {answer.message}")
    return project(answer.x[:k], floor)


@dataclass(frozen=True)
class RiskGap:
    """How far a profile is from a risk-averse equilibrium.

    Attributes
    ----------
    gaps : per player the Frank-Wolfe gap, >= ``regrets``; for ``cvar``, whose gradient jumps, the exact regret.
    regrets : what each player would gain by her best response, in units of J.
    best_responses : her strategies that gain it.
    """

    gaps: tuple[float, ...]
    regrets: tuple[float, ...]
    best_responses: tuple[FloatArray, ...]

    @property
    def gap(self) -> float:
        return max(self.gaps)

    @property
    def raeconv(self) -> float:
        """Sum of the gaps; NashConv where nobody minds risk and nobody trembles."""
        return float(sum(self.gaps))


def player_gap(
    payoffs: FloatArray,
    opponents: FloatArray,
    strategy: FloatArray,
    attitude: Attitude,
    within: FloatArray | None = None,
) -> tuple[float, float, FloatArray]:
    """Frank-Wolfe gap, exact regret and best response of one player."""
    a = attitude
    reply = best_response(payoffs, opponents, a.risk, tremble=a.tremble, within=within, regulariser=a.regulariser)
    regret = max(
        objective(payoffs, opponents, reply, a, within) - objective(payoffs, opponents, strategy, a, within), 0.0
    )
    if isinstance(a.risk, CVaR):
        return regret, regret, reply
    slope = gradient(payoffs, opponents, strategy, a, within)
    return max(frank_wolfe(slope, strategy, a.tremble), regret, 0.0), regret, reply


def joint_opponents(profile: Any, player: int) -> FloatArray:
    """Chances of the others' joint actions, flattened, players in order; shape (m,)."""
    chances = np.ones(1)
    for j, strategy in enumerate(profile):
        if j != player:
            chances = np.multiply.outer(chances, np.asarray(strategy, dtype=np.float64)).ravel()
    return chances
