"""The principal branch as a curve along which a likelihood can be maximised: nodes, what lies between them, and a cache."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
from scipy.optimize import brentq
from scipy.special import logsumexp

from gamesim.core.arrays import FloatArray
from gamesim.core.errors import MetricError
from gamesim_analysis.equilibrium.continuation import Curve, Point
from gamesim_analysis.equilibrium.quantal_branch import REACH, LogitEquations

from .choice_fit import BOUND, FLAT, WIDE, Fitted
from .counts import Game

FINE = 16  # points between two nodes
AT_END = 1e-8  # a maximum within this, relative, of the likelihood at the end of the branch is one at infinity


class Path:
    """One game's branch, or those of several games at common rationalities.

    Attributes
    ----------
    rationality : (S,) along the path.  logs : (S, K) log probabilities, games and their blocks after one another.
    fine_rationality, fine_logs : the same on ``FINE`` times as many points, by Hermite interpolation.
    """

    def __init__(self, games: Sequence[Game], direction: int, reach: float) -> None:
        self._sizes: list[int] = []
        self._branches: list[Curve] = []
        for game in games:
            equations = LogitEquations(game)
            self._sizes += equations.system.sizes
            self._branches.append(Curve(equations, direction=direction))
        walks = [list(branch.walk(direction * reach)) for branch in self._branches]
        if len(walks) == 1:
            self._nodes: list[list[Point]] = [[point] for point in walks[0]]
        else:
            self._nodes = [list(points) for points in zip(*_in_step(self._branches, walks), strict=True)]
        self.rationality = np.array([points[0].value for points in self._nodes])
        self.logs = np.array([np.concatenate([point.x for point in points]) for points in self._nodes])
        self.fine_rationality, self.fine_logs = self._interpolated()

    def _slope(self, points: Sequence[Point]) -> FloatArray:
        """Direction of (logs, rationality): by arc length on one branch, by rationality on several."""
        if len(points) == 1:
            return points[0].tangent
        sides = [point.tangent[:-1] / point.tangent[-1] for point in points]
        return np.append(np.concatenate(sides), 1.0)

    def _interpolated(self) -> tuple[FloatArray, FloatArray]:
        values = np.column_stack([self.logs, self.rationality])
        slopes = np.array([self._slope(points) for points in self._nodes])
        if len(self._branches) == 1:
            lengths = np.linalg.norm(np.diff(values, axis=0), axis=1)
        else:
            lengths = np.diff(self.rationality)
        t = np.arange(FINE)[None, :, None] / FINE
        a, b, h = values[:-1, None], values[1:, None], lengths[:, None, None]
        da, db = slopes[:-1, None] * h, slopes[1:, None] * h
        curve = (
            a * (2 * t**3 - 3 * t**2 + 1) + da * (t**3 - 2 * t**2 + t) + b * (3 * t**2 - 2 * t**3) + db * (t**3 - t**2)
        )
        fine = np.concatenate([curve.reshape(-1, values.shape[1]), values[-1:]])
        logs, edge = fine[:, :-1], 0
        for size in self._sizes:  # what was interpolated need not sum to 1 exactly
            block = logs[:, edge : edge + size]
            block -= logsumexp(block, axis=1, keepdims=True)
            edge += size
        return fine[:, -1], logs

    def maximum_near(self, weights: FloatArray, node: int) -> tuple[float, FloatArray]:
        """The stationary point of ``weights @ logs`` on the path beside a node: rationality and logs there."""
        best: tuple[float, FloatArray] = (float(self.rationality[node]), self.logs[node])
        for first in (node - 1, node):
            if not 0 <= first < len(self._nodes) - 1:
                continue
            found = self._stationary(weights, first)
            if found is not None and weights @ found[1] >= weights @ best[1]:
                best = found
        return best

    def _stationary(self, weights: FloatArray, first: int) -> tuple[float, FloatArray] | None:
        points, after = self._nodes[first], self._nodes[first + 1]
        slope = self._slope(points)[:-1] @ weights
        if slope <= 0 or self._slope(after)[:-1] @ weights > 0:
            return None
        place = self._place(points, after)
        length = self._length(points, after)

        def rise(x: float) -> float:
            return float(self._slope(place(x))[:-1] @ weights)

        if rise(length) > 0:
            return None
        found = place(float(brentq(rise, 0.0, length, xtol=1e-12 * (1 + length), rtol=1e-13)))
        return found[0].value, np.concatenate([point.x for point in found])

    def crossing(self, value: Callable[[FloatArray], float], first: int) -> float:
        """The rationality between a node and the next at which ``value(logs)`` changes its sign."""
        points, after = self._nodes[first], self._nodes[first + 1]
        place, length = self._place(points, after), self._length(points, after)

        def at(x: float) -> float:
            return value(np.concatenate([point.x for point in place(x)]))

        if at(0.0) * at(length) > 0:
            return points[0].value
        return place(float(brentq(at, 0.0, length, xtol=1e-11 * (1 + length))))[0].value

    def _length(self, points: Sequence[Point], after: Sequence[Point]) -> float:
        if len(points) == 1:
            return float((after[0].where - points[0].where) @ points[0].tangent)
        return after[0].value - points[0].value

    def _place(self, points: Sequence[Point], after: Sequence[Point]) -> Callable[[float], list[Point]]:
        if len(points) == 1:
            return lambda x: [self._branches[0].between(points[0], x)]

        def place(x: float) -> list[Point]:
            goal = points[0].value + x
            return [
                _at(branch, goal, point)
                for branch, point in zip(self._branches, points, strict=True)
            ]  # fmt: skip

        return place


def _at(branch: Curve, rationality: float, near: Point) -> Point:
    return branch.point(branch.at(rationality, near), rationality, near)


def _in_step(branches: Sequence[Curve], walks: Sequence[Sequence[Point]]) -> list[list[Point]]:
    """The branches at the rationalities of all of them, which must all grow along the way."""
    for walk in walks:
        if any(b.value <= a.value for a, b in pairwise(walk)):
            raise MetricError(
                "the branch of one of the games folds back, so one lambda names several of its points.",
                hint="Fit the games one by one.",
            )
    end = min(walk[-1].value for walk in walks)
    goals = sorted({point.value for walk in walks for point in walk if point.value <= end})
    found: list[list[Point]] = []
    for branch, walk in zip(branches, walks, strict=True):
        levels = np.array([point.value for point in walk])
        row = []
        for goal in goals:
            near = walk[int(np.abs(levels - goal).argmin())]
            row.append(near if near.value == goal else _at(branch, goal, near))
        found.append(row)
    return found


def path_of(games: Sequence[Game], direction: int = 1, reach: float = REACH) -> Path:
    """The path of these games; kept for the last few, as bootstraps and per-player fits walk the same one."""
    return _path_of(tuple(_Same(game) for game in games), direction, reach)


class _Same:
    """A game as a key of the cache: by identity."""

    def __init__(self, game: Game) -> None:
        self.game = game

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.game is self.game

    def __hash__(self) -> int:
        return id(self.game)


@lru_cache(maxsize=16)
def _path_of(games: tuple[_Same, ...], direction: int, reach: float) -> Path:
    return Path([same.game for same in games], direction, reach)


def best_along(path: Path, back: Callable[[], Path], weights: FloatArray) -> Fitted:
    """Maximum likelihood along a path, with its guards.

    Parameters
    ----------
    back : the path on the other side of 0, walked only where play was worse than random.
    weights : (K,) counts in the order of the path's logs.
    """
    values = path.fine_logs @ weights
    near = np.abs(path.fine_rationality) <= WIDE
    if np.ptp(values[near]) < FLAT:
        return Fitted(None, float(values[0]), identified=False, reason="the likelihood is the same at every lambda")
    top = int(values.argmax())
    nodes = path.logs @ weights
    if values[top] - values[-1] <= AT_END * max(1.0, abs(values[0])):
        limit = float(values[-1])
        short = np.flatnonzero(limit - nodes > BOUND)
        bound = 0.0
        if len(short):
            bound = path.crossing(lambda logs: limit - float(weights @ logs) - BOUND, int(short[-1]))
        return Fitted(None, limit, lower_bound=bound, reason="the likelihood grows with lambda for ever")
    if top == 0 or values[top] <= values[0]:
        other = back()
        mirrored = other.fine_logs @ weights
        far = int(mirrored.argmax())
        free = -np.inf
        if mirrored[far] - mirrored[-1] > AT_END * max(1.0, abs(mirrored[0])):
            free = other.maximum_near(weights, round(far / FINE))[0]
        return Fitted(0.0, float(values[0]), below_random=free < 0, unconstrained=float(free))
    estimate, logs = path.maximum_near(weights, round(top / FINE))
    return Fitted(float(estimate), float(weights @ logs), unconstrained=float(estimate))


def estimates(path: Path, weights: FloatArray) -> FloatArray:
    """Constrained estimates of many samples, weights (B, K); infinite where the maximum lies at the end of the path."""
    values = weights @ path.fine_logs.T
    top = values.argmax(axis=1)
    rows = np.arange(len(values))
    inner = np.clip(top, 1, values.shape[1] - 2)
    left, middle, right = values[rows, inner - 1], values[rows, inner], values[rows, inner + 1]
    bend = left - 2 * middle + right
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = np.where(bend < 0, np.clip(0.5 * (left - right) / bend, -1, 1), 0.0)
    level = path.fine_rationality
    slope = np.where(shift >= 0, level[inner + 1] - level[inner], level[inner] - level[inner - 1])
    found = level[inner] + shift * slope
    endless = values[rows, top] - values[:, -1] <= AT_END * np.maximum(1.0, np.abs(values[:, 0]))
    return np.where(endless, np.inf, np.where(top == 0, 0.0, np.maximum(found, 0.0)))
