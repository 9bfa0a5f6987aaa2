"""Following a curve of equilibria as a parameter changes: predictor and corrector, in arc length, so that folds are no end.

A family of equilibria is a ``Homotopy``: m equations in m unknowns and one parameter. From a start the curve is predicted
along its tangent and corrected by Newton's method in the plane across it; a step that fails is halved. Where the curve turns
back in the parameter the place is found and reported. ``trace`` gives a branch whose every point is certified.

References
----------
.. [1] Allgower, Georg, "Introduction to Numerical Continuation Methods", SIAM, 2003.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import brentq

from gamesim.core.arrays import FloatArray
from gamesim.core.errors import SolverError, clean, did_you_mean
from gamesim.core.solution import Certificate, Limits

TIGHT = 1e-13  # residual, relative to the size of the unknowns, at which a point counts as on the curve
STEPS = 20_000
SMALLEST = 1e-12  # step of arc length at which a curve is given up
NEAR = 0.1  # how far, relative to their size, a start's unknowns may be corrected
CORNER = 1e-3  # below this step a curve that is not smooth is taken to have a corner ahead


class Homotopy:
    """A family of equilibria: subclasses say which equations hold at which parameter.

    Attributes
    ----------
    parameter : its name.
    unit : the parameter as the equations have it, for one unit of it as it is told.
    smooth : False where the equations have corners, as projections onto a simplex do; the curve may then turn sharply.
    first_step : of arc length.
    """

    parameter: str
    unit: float = 1.0
    smooth: bool = True
    first_step: float = 0.01

    def beginning(self) -> tuple[FloatArray, float]:
        """Unknowns and parameter of the point where the curve starts unless another is given."""
        raise NotImplementedError

    def residual(self, x: FloatArray, value: float) -> FloatArray:
        """Shape (m,), zero at equilibrium."""
        raise NotImplementedError

    def jacobian(self, x: FloatArray, value: float) -> FloatArray:
        """Shape (m, m + 1), derivatives in the unknowns and then in the parameter; by differences unless overridden.

        Equations with corners want their own: differences across a corner are no derivatives.
        """
        at = np.append(x, value)
        columns = []
        for j in range(len(at)):
            step = 1e-6 * max(1.0, abs(at[j]))
            up, down = at.copy(), at.copy()
            up[j] += step
            down[j] -= step
            columns.append((self.residual(up[:-1], up[-1]) - self.residual(down[:-1], down[-1])) / (2 * step))
        return np.stack(columns, axis=1)

    def at_rest(self, x: FloatArray, value: float) -> bool:
        """Whether the curve may as well end here: where others cross it, it is then not left for them."""
        return False

    def towards(self, direction: FloatArray) -> float:
        """1 or -1: which way along a direction of the unknowns to take where both lead from a crossing."""
        return 1.0 if direction[np.abs(direction) > 1e-3 * np.abs(direction).max()][0] > 0 else -1.0

    def allowed(self, x: FloatArray) -> bool:
        """Whether unknowns are fit to be a guess."""
        return True

    def play(self, x: FloatArray) -> Any:
        """The profile that unknowns stand for."""
        raise NotImplementedError

    def unknowns(self, play: Any) -> FloatArray:
        """The unknowns of a profile: a start."""
        raise NotImplementedError

    def certify(self, play: Any, value: float) -> Certificate:
        """What a profile is worth as an equilibrium at a parameter (in its told unit), by a check apart from these equations."""
        raise NotImplementedError


@dataclass(frozen=True)
class Point:
    """A point of a curve: unknowns, parameter, and the unit tangent of (unknowns, parameter) there."""

    x: FloatArray
    value: float
    tangent: FloatArray

    @property
    def where(self) -> FloatArray:
        return np.append(self.x, self.value)


class Curve:
    """A curve of equilibria, walked on demand.

    Parameters
    ----------
    direction : 1 to begin towards larger parameters, -1 towards smaller ones.
    start : unknowns and parameter of a point of the curve, to be corrected; by default the homotopy's own beginning.
    leave : where another curve crosses, as symmetry makes them, follow that one, in the direction that plays first actions
        more: what a game a little off the symmetry would do. By default the curve is followed straight on.

    Attributes
    ----------
    crossings : values of the parameter at which other curves were seen to cross.

    Raises
    ------
    SolverError
        If the start is not near the curve.
    """

    def __init__(
        self,
        homotopy: Homotopy,
        *,
        direction: int = 1,
        start: tuple[FloatArray, float] | None = None,
        leave: bool = False,
    ) -> None:
        self.homotopy, self.leave = homotopy, leave
        self.halvings = 0
        self.crossings: list[float] = []
        x, value = homotopy.beginning() if start is None else start
        if start is not None:
            found = self._corrected(np.append(x, value), _level(len(x)))
            if found is None or np.abs(found[:-1] - x).max() > NEAR * (1.0 + np.abs(x).max()):
                raise SolverError(f"the start is no equilibrium at {homotopy.parameter} {value / homotopy.unit:.6g}.")
            x = found[:-1]
        self.start = Point(x, value, self._tangent(np.append(x, value), direction * _level(len(x))))

    def walk(self, to: float, seconds: float | None = None) -> Iterator[Point]:
        """Points in order, from the start until the parameter has passed ``to``, or its start again on the way back.

        Raises
        ------
        SolverError
            If the curve cannot be followed; says how far it came.
        """
        sign = 1.0 if to >= self.start.value else -1.0
        point, step = self.start, self.homotopy.first_step
        until = math.inf if seconds is None else time.monotonic() + seconds
        side = self._side(point)
        yield point
        for _ in range(STEPS):
            if (
                (point.value - to) * sign >= 0
                or (point.value - self.start.value) * sign < 0
                or time.monotonic() > until
            ):
                return
            following = self._step(point, step)
            while following is None:
                step /= 2
                self.halvings += 1
                if step < (SMALLEST if self.homotopy.smooth else CORNER / 100):
                    following = None if self.homotopy.smooth else self._around_corner(point)
                    if following is None:
                        raise SolverError(
                            f"the curve cannot be followed beyond {self.homotopy.parameter} "
                            f"{point.value / self.homotopy.unit:.6g}.",
                            hint="It crosses another one there.",
                        )
                    step = CORNER
                else:
                    following = self._step(point, step)
            beyond = self._side(following)
            if side * beyond < 0:
                other = self._crossing(point, following, side)
                if other is not None:
                    following, step = other, self.homotopy.first_step
                    beyond = self._side(following)
            bend = 1.0 - float(following.tangent @ point.tangent)
            point, side = following, beyond
            yield point
            step *= 1.5 if bend < 1e-4 else 1.0 if bend < 2e-3 else 0.6
        raise SolverError(f"the curve is longer than {STEPS:,} steps.", hint="Ask for less of it.")

    def between(self, point: Point, step: float) -> Point:
        """The point a small step of arc length beyond another one."""
        found = self._corrected(point.where + step * point.tangent, point.tangent)
        if found is None:
            raise SolverError("a point between two of the curve was lost.")
        return self.point(found[:-1], float(found[-1]), point)

    def point(self, x: FloatArray, value: float, near: Point) -> Point:
        """A point of the curve with its tangent, turned as at a point near it."""
        return Point(x, value, self._tangent(np.append(x, value), near.tangent))

    def at(self, value: float, near: Point) -> FloatArray:
        """Unknowns at exactly this parameter, on the curve near a point."""
        guess = near.where.copy()
        if abs(near.tangent[-1]) > 1e-9:
            guess += near.tangent * (value - near.value) / near.tangent[-1]
        guess[-1] = value
        found = self._corrected(guess, _level(len(near.x)))
        if found is None:
            unit = self.homotopy.unit
            raise SolverError(f"no equilibrium was found at {self.homotopy.parameter} {value / unit:.6g}.")
        return found[:-1]

    def turning_between(self, point: Point, after: Point) -> Point | None:
        """Where the parameter stands still between two neighbours, if it turns there."""
        if point.tangent[-1] * after.tangent[-1] >= 0:
            return None
        length = float((after.where - point.where) @ point.tangent)
        if not self.homotopy.smooth and float(after.tangent @ point.tangent) < 0.9:  # at a corner
            ahead = float(np.linalg.norm(after.where - point.where))
            return max((self._corner(point, ahead), after), key=lambda p: p.value * np.sign(point.tangent[-1]))
        try:
            place = brentq(lambda s: self.between(point, s).tangent[-1], 0.0, length, xtol=1e-12 * (1 + length))
            return self.between(point, float(place))
        except (SolverError, ValueError):
            return max((point, after), key=lambda p: p.value * np.sign(point.tangent[-1]))

    def _corner(self, point: Point, length: float) -> Point:
        """The last point before a corner that lies ahead within a length."""
        low, high, last = 0.0, length, point
        for _ in range(40):
            middle = (low + high) / 2
            try:
                found = self.between(point, middle)
                near = float(np.linalg.norm(found.where - point.where)) <= 2 * middle  # and no other curve
            except SolverError:
                near = False
            if near and found.tangent[-1] * point.tangent[-1] > 0:
                low, last = middle, found
            else:
                high = middle
        return last

    # ---- crossings -------------------------------------------------------------------------------------------------

    def _side(self, point: Point) -> float:
        """A sign that changes where another curve crosses this one, and at no fold."""
        if not self.homotopy.smooth:
            return 0.0
        return float(np.linalg.slogdet(np.vstack([self.homotopy.jacobian(point.x, point.value), point.tangent]))[0])

    def _crossing(self, point: Point, after: Point, side: float) -> Point | None:
        """Note the crossing between two points, and if it is to be taken, give the first point of the other curve."""
        low, high = 0.0, float((after.where - point.where) @ point.tangent)
        here = point
        try:
            for _ in range(60):
                if high - low <= 1e-9 * (1.0 + high):
                    break
                middle = self.between(point, (low + high) / 2)
                if self._side(middle) == side:
                    low, here = (low + high) / 2, middle
                else:
                    high = (low + high) / 2
        except SolverError:  # Newton's method is weak so near a crossing
            pass
        self.crossings.append(here.value)
        if not self.leave or self.homotopy.at_rest(here.x, here.value):
            return None
        # Two directions solve the equations at the crossing, so its own tangent is any mixture of them: use the one before.
        flat = np.linalg.svd(np.vstack([self.homotopy.jacobian(here.x, here.value), point.tangent]))[2][-1]
        flat = flat * self.homotopy.towards(flat[:-1])
        for step in (0.03, 0.1, 0.01, 0.3):
            found = self._corrected(here.where + step * flat, flat)
            if found is not None and np.linalg.norm(found - here.where) < 3 * step:
                return Point(found[:-1], float(found[-1]), self._tangent(found, flat))
        return None

    # ---- steps -----------------------------------------------------------------------------------------------------

    def _step(self, point: Point, step: float) -> Point | None:
        guess = point.where + step * point.tangent
        found = self._corrected(guess, point.tangent)
        cornered = not self.homotopy.smooth and step <= CORNER
        if found is None or np.linalg.norm(found - guess) > (4.0 if cornered else 0.5) * step:
            return None  # so far off it may be another curve
        tangent = self._tangent(found, found - point.where if cornered else point.tangent)
        if not cornered:
            turn, off = float(np.linalg.norm(tangent - point.tangent)), float(np.linalg.norm(found - guess))
            # A curve that bends by an angle leaves its tangent by half of it; farther off lies another one beside it.
            if turn > 0.25 or off > 1.5 * step * turn + 1e-7 * (1.0 + float(np.abs(found).max())):
                return None
        return Point(found[:-1], float(found[-1]), tangent)

    def _around_corner(self, point: Point) -> Point | None:
        """The curve beyond a corner at which it turns so far that the plane across the old tangent misses it."""
        before, beyond = (self._tangent(point.where + d * point.tangent, point.tangent) for d in (-1e-4, 1e-5))
        best: Point | None = None
        for turned in (beyond, -beyond):
            for step in (CORNER, CORNER / 10):
                found = self._corrected(point.where + step * turned, turned)
                if found is None:
                    continue
                way = found - point.where
                back = self._corrected(point.where - step * before, before)
                if not 0.2 * step <= np.linalg.norm(way) <= 4 * step:
                    continue
                if back is not None and np.linalg.norm(found - back) <= 1e-5 * step:  # the way it came
                    continue
                candidate = Point(found[:-1], float(found[-1]), self._tangent(found, way))
                if best is None or candidate.tangent @ point.tangent > best.tangent @ point.tangent:
                    best = candidate
                break
        return best

    def _tangent(self, y: FloatArray, towards: FloatArray) -> FloatArray:
        jacobian = self.homotopy.jacobian(y[:-1], float(y[-1]))
        null: FloatArray = np.linalg.qr(jacobian.T, mode="complete")[0][:, -1]
        return null if null @ towards >= 0 else -null

    def _corrected(self, guess: FloatArray, normal: FloatArray) -> FloatArray | None:
        """Newton's method in the plane through the guess across ``normal``."""
        y = guess.copy()
        if not self.homotopy.allowed(y[:-1]):
            return None
        before = np.inf
        for _ in range(12):
            residual = self.homotopy.residual(y[:-1], float(y[-1]))
            size = float(np.abs(residual).max())
            if not np.isfinite(size) or size > max(10.0, 2 * before):
                return None
            if size <= TIGHT * (1.0 + float(np.abs(y).max())):
                return y
            matrix = np.vstack([self.homotopy.jacobian(y[:-1], float(y[-1])), normal])
            try:
                y = y - np.linalg.solve(matrix, np.append(residual, normal @ (y - guess)))
            except np.linalg.LinAlgError:
                return None
            if not self.homotopy.allowed(y[:-1]):
                return None
            before = size
        size = float(np.abs(self.homotopy.residual(y[:-1], float(y[-1]))).max())
        return y if size <= 1e3 * TIGHT * (1.0 + float(np.abs(y).max())) else None


def _named(parameter: str) -> Callable[[Any], Homotopy]:
    from .quantal_branch import LogitEquations

    known: dict[str, Callable[[Any], Homotopy]] = {"rationality": LogitEquations}
    if parameter not in known:
        hint = did_you_mean(parameter, known) or f"Parameters: {', '.join(known)}; or give what makes a Homotopy."
        raise SolverError(f"no branch in '{clean(parameter, 40)}'.", hint=hint)
    return known[parameter]


def _level(unknowns: int) -> FloatArray:
    """The direction of the parameter alone."""
    axis = np.zeros(unknowns + 1)
    axis[-1] = 1.0
    return axis


# ---- branches as results -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class BranchPoint:
    """An equilibrium of a branch.

    Attributes
    ----------
    value : of the parameter.
    turns : whether the branch turns back in the parameter here.
    """

    value: float
    play: Any
    certificate: Certificate
    turns: bool = False


@dataclass(frozen=True, eq=False)
class Branch:
    """A curve of equilibria, in order.

    Attributes
    ----------
    points : certified; the first is the start, the last lies at the value that was asked for unless ``stopped``.
    turning : values of the parameter at which the branch turns back.
    crossings : values at which others cross it.
    steps, halvings : how the curve was walked.
    stopped : why it ends early: ``seconds``, or in words why it could not be followed.
    """

    parameter: str
    points: tuple[BranchPoint, ...]
    turning: tuple[float, ...] = ()
    crossings: tuple[float, ...] = ()
    steps: int = 0
    halvings: int = 0
    stopped: str | None = None

    @property
    def end(self) -> BranchPoint:
        return self.points[-1]

    @property
    def max_gap(self) -> float:
        """The largest gap among the points."""
        return max(float(point.certificate.gap) for point in self.points)


def trace(
    game: Any,
    parameter: str | Callable[[Any], Homotopy],
    to: float,
    *,
    start: Any = None,
    points: int = 50,
    leave: bool = True,
    limits: Limits | None = None,
) -> Branch:
    """Follow a branch of equilibria of a game as a parameter changes.

    Parameters
    ----------
    parameter : ``rationality`` (lambda of logit equilibria, in 1/payoff), or what makes a ``Homotopy`` of the game.
    to : value of the parameter at which to stop; reached exactly where the branch first comes to it.
    start : (play, value), an equilibrium and its parameter; by default where the family begins, as uniform play at
        rationality 0.
    points : about how many points are kept and certified, evenly along the branch; start, end and turning points always are.
    leave : where another branch crosses, follow it, towards first actions, as a game a little off its symmetry would;
        unless play is at rest, as a Nash equilibrium that is also a logit equilibrium is. Else straight on.

    Raises
    ------
    SolverError
        If the start is no equilibrium, or ``to`` is where the branch starts.

    Examples
    --------
    >>> from gamesim.core.normal_form import NormalFormGame
    >>> hunt = NormalFormGame.bimatrix([[4, 0], [3, 3]], [[4, 3], [0, 3]])
    >>> branch = trace(hunt, "rationality", 5.0)
    >>> branch.end.value, round(float(branch.end.play[0][0]), 9), branch.max_gap < 1e-10       # it goes to the hare
    (5.0, 3.06e-07, True)
    """
    homotopy = (_named(parameter) if isinstance(parameter, str) else parameter)(game)
    if not math.isfinite(to):
        raise SolverError(f"a branch is followed to a finite {homotopy.parameter}, not {to}.")
    unit = homotopy.unit
    first = None if start is None else (homotopy.unknowns(start[0]), float(start[1]) * unit)
    begin = homotopy.beginning()[1] if first is None else first[1]
    goal = to * unit
    curve = Curve(homotopy, direction=1 if goal >= begin else -1, start=first, leave=leave)
    walked, stopped = [], None
    seconds = limits.seconds if limits is not None else None
    try:
        for point in curve.walk(goal, seconds):
            walked.append((point, False))
            if len(walked) > 1 and (turn := curve.turning_between(walked[-2][0], point)) is not None:
                walked.insert(-1, (turn, True))
    except SolverError as error:
        stopped = error.message
    sign = 1.0 if goal >= begin else -1.0
    last = walked[-1][0]
    if (last.value - goal) * sign > 0:  # passed: the end lies between the last two
        before = walked[-2][0] if len(walked) > 1 else last
        near = min((before, last), key=lambda p: abs(p.value - goal))
        walked[-1] = (curve.point(curve.at(goal, near), goal, near), False)
    elif stopped is None and (last.value - begin) * sign < 0:
        stopped = "it turned back to where it began."
    elif stopped is None and last.value != goal:
        stopped = "seconds"
    kept = {len(walked) - 1, *np.linspace(0, len(walked) - 1, min(points, len(walked))).round().astype(int).tolist()}
    told = []
    for number, (point, turns) in enumerate(walked):
        if number in kept or turns:
            play, value = homotopy.play(point.x), point.value / unit
            told.append(BranchPoint(value, play, homotopy.certify(play, value), turns))
    if stopped is None:
        told[-1] = BranchPoint(float(to), told[-1].play, told[-1].certificate, told[-1].turns)
    return Branch(
        homotopy.parameter,
        tuple(told),
        tuple(point.value for point in told if point.turns),
        tuple(value / unit for value in curve.crossings),
        steps=len(walked) - 1,
        halvings=curve.halvings,
        stopped=stopped,
    )
