"""The principal branch of logit quantal response equilibria, traced from uniform play.

In a logit equilibrium of rationality lambda every player chooses action a with probability proportional to
exp(lambda u(a)), u taken against the others' equilibrium play. The solutions form curves in (play, lambda); the one that
starts at uniform play with lambda = 0 is the principal branch. It may fold, so it is followed by arc length: predict along
the tangent, correct by Newton's method. Unknowns are logarithms of probabilities, in which rare actions keep their digits.

Payoffs are divided by the game's payoff range here: ``rationality`` is unit-free. Divide by ``payoff_range`` for lambda in
1/payoff.

References
----------
.. [1] McKelvey, Palfrey, "Quantal response equilibria for normal form games", Games and Economic Behavior 10, 1995.
.. [2] Turocy, "A dynamic homotopy interpretation of the logistic quantal response equilibrium correspondence", GEB 51, 2005.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from gamesim.core.arrays import FloatArray
from gamesim.core.errors import SolverError
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.profiles import MixedProfile
from gamesim.core.symmetric import SymmetricGame, opponent_counts

REACH = 1000.0  # how far branches are traced: an action worth a thousandth of the payoff range less is then rare by a factor e
_TIGHT = 1e-13  # residual at which a point counts as on the branch
_STEPS = 20_000


class System(Protocol):
    """The equilibrium conditions of a game in log probabilities."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """Actions of each block of unknowns: a player, or all players of a symmetric game."""
        ...

    @property
    def copies(self) -> int:
        """Players that a block stands for."""
        ...

    def utilities(self, logs: FloatArray) -> FloatArray:
        """Payoff of every action, blocks after one another, payoffs scaled to range 1."""
        ...

    def slopes(self, logs: FloatArray) -> FloatArray:
        """Derivatives of ``utilities`` in the logs, square."""
        ...


class NormalSystem:
    """One block a player."""

    copies = 1

    def __init__(self, game: NormalFormGame) -> None:
        self.sizes = game.shape
        self._tables = (game.payoffs - game.payoffs.min()) / game.payoff_range
        self._edges = np.cumsum([0, *game.shape])

    def _play(self, logs: FloatArray) -> list[FloatArray]:
        return [np.exp(logs[a:b]) for a, b in zip(self._edges[:-1], self._edges[1:], strict=True)]

    def utilities(self, logs: FloatArray) -> FloatArray:
        play = self._play(logs)
        return np.concatenate([self._kept(i, (i,), play) for i in range(len(play))])

    def slopes(self, logs: FloatArray) -> FloatArray:
        play, edges = self._play(logs), self._edges
        out = np.zeros((len(logs), len(logs)))
        for i in range(len(play)):
            for j in range(len(play)):
                if i != j:
                    table = self._kept(i, (i, j), play)
                    out[edges[i] : edges[i + 1], edges[j] : edges[j + 1]] = table * play[j]
        return out

    def _kept(self, player: int, axes: tuple[int, ...], play: list[FloatArray]) -> FloatArray:
        """A player's payoffs with all axes averaged over but those named, which come first, in that order."""
        table = np.moveaxis(self._tables[player], axes, range(len(axes)))
        for j in reversed([j for j in range(len(play)) if j not in axes]):
            table = table @ play[j]
        return np.asarray(table)


class SymmetricSystem:
    """One block for all: everybody plays alike, as on the principal branch of a symmetric game."""

    def __init__(self, game: SymmetricGame) -> None:
        from scipy.special import gammaln

        self.sizes = (game.k,)
        self.copies = game.n
        self._table = (game.payoffs - game.payoffs.min()) / game.payoff_range
        self._counts = opponent_counts(game.n - 1, game.k).astype(np.float64)
        self._ways = gammaln(game.n) - gammaln(self._counts + 1).sum(axis=1)

    def _chances(self, logs: FloatArray) -> FloatArray:
        return np.asarray(np.exp(self._ways + self._counts @ logs))

    def utilities(self, logs: FloatArray) -> FloatArray:
        return np.asarray(self._table @ self._chances(logs))

    def slopes(self, logs: FloatArray) -> FloatArray:
        return np.asarray((self._table * self._chances(logs)) @ self._counts)


@dataclass(frozen=True)
class Point:
    """A point of the branch: log probabilities by action, blocks after one another; and the unit tangent there."""

    logs: FloatArray
    rationality: float
    tangent: FloatArray  # of (logs, rationality)

    @property
    def where(self) -> FloatArray:
        return np.append(self.logs, self.rationality)


class Branch:
    """The principal branch of a game, walked on demand.

    Parameters
    ----------
    direction : 1 towards rationality, -1 towards its reverse.
    """

    def __init__(self, game: NormalFormGame | SymmetricGame, *, direction: int = 1) -> None:
        self.system: System = SymmetricSystem(game) if isinstance(game, SymmetricGame) else NormalSystem(game)
        sizes = self.system.sizes
        self._edges = np.cumsum([0, *sizes])
        start = np.concatenate([np.full(k, -np.log(k)) for k in sizes])
        towards = np.zeros(len(start) + 1)
        towards[-1] = direction
        self.start = Point(start, 0.0, self._tangent(np.append(start, 0.0), towards))

    def split(self, logs: FloatArray) -> list[FloatArray]:
        """Log probabilities by block."""
        return [logs[a:b] for a, b in zip(self._edges[:-1], self._edges[1:], strict=True)]

    def walk(self, reach: float = REACH) -> Iterator[Point]:
        """Points in order along the branch, from uniform play until ``abs(rationality)`` has passed ``reach``.

        Raises
        ------
        SolverError
            If the branch cannot be followed.
        """
        point, step = self.start, 0.01
        yield point
        for _ in range(_STEPS):
            if abs(point.rationality) >= reach:
                return
            following = self._step(point, step)
            while following is None:
                step /= 2
                if step < 1e-12:
                    raise SolverError(
                        f"the logit branch cannot be followed beyond rationality {point.rationality:.6g}.",
                        hint="It crosses another branch there.",
                    )
                following = self._step(point, step)
            bend = 1.0 - float(following.tangent @ point.tangent)
            point = following
            yield point
            step *= 1.5 if bend < 1e-4 else 1.0 if bend < 2e-3 else 0.6
        raise SolverError(f"the logit branch is longer than {_STEPS:,} steps.", hint="Ask for a smaller reach.")

    def _step(self, point: Point, step: float) -> Point | None:
        guess = point.where + step * point.tangent
        found = self._corrected(guess, normal=point.tangent)
        if found is None or np.linalg.norm(found - guess) > 0.5 * step:  # so far off it may be another branch
            return None
        tangent = self._tangent(found, point.tangent)
        if tangent @ point.tangent < 0.97:
            return None
        return Point(found[:-1], float(found[-1]), tangent)

    def between(self, point: Point, step: float) -> Point:
        """The point of the branch a small step of arc length beyond another one."""
        found = self._corrected(point.where + step * point.tangent, normal=point.tangent)
        if found is None:
            raise SolverError("a point between two of the logit branch was lost.")
        return Point(found[:-1], float(found[-1]), self._tangent(found, point.tangent))

    def point(self, logs: FloatArray, rationality: float, near: Point) -> Point:
        """A point of the branch with its tangent, turned as at a point near it."""
        return Point(logs, rationality, self._tangent(np.append(logs, rationality), near.tangent))

    def at(self, rationality: float, near: Point) -> FloatArray:
        """Log probabilities at exactly this rationality, on the branch near a point."""
        level = np.zeros(len(near.logs) + 1)
        level[-1] = 1.0
        guess = near.where.copy()
        if abs(near.tangent[-1]) > 1e-9:
            guess += near.tangent * (rationality - near.rationality) / near.tangent[-1]
        guess[-1] = rationality
        found = self._corrected(guess, normal=level)
        if found is None:
            raise SolverError(f"no logit equilibrium was found at rationality {rationality:.6g}.")
        return found[:-1]

    # ---- the equations ---------------------------------------------------------------------------------------------

    def _residual(self, y: FloatArray) -> FloatArray:
        logs, rationality = y[:-1], y[-1]
        gap = logs - rationality * self.system.utilities(logs)
        parts = []
        for a, b in zip(self._edges[:-1], self._edges[1:], strict=True):
            parts.append(gap[a + 1 : b] - gap[a])
            parts.append([np.exp(logs[a:b]).sum() - 1.0])
        return np.concatenate(parts)

    def _jacobian(self, y: FloatArray) -> FloatArray:
        logs, rationality = y[:-1], y[-1]
        utilities = self.system.utilities(logs)
        whole = np.eye(len(logs)) - rationality * self.system.slopes(logs)
        rows = []
        for a, b in zip(self._edges[:-1], self._edges[1:], strict=True):
            differences = np.column_stack([whole[a + 1 : b] - whole[a], -(utilities[a + 1 : b] - utilities[a])])
            total = np.zeros((1, len(y)))
            total[0, a:b] = np.exp(logs[a:b])
            rows += [differences, total]
        return np.vstack(rows)

    def _tangent(self, y: FloatArray, towards: FloatArray) -> FloatArray:
        null: FloatArray = np.linalg.qr(self._jacobian(y).T, mode="complete")[0][:, -1]
        return null if null @ towards >= 0 else -null

    def _corrected(self, guess: FloatArray, normal: FloatArray) -> FloatArray | None:
        """Newton's method in the plane through the guess across ``normal``."""
        y = guess.copy()
        if y[:-1].max() > 1:  # a probability above e is no guess
            return None
        before = np.inf
        for _ in range(12):
            residual = self._residual(y)
            size = float(np.abs(residual).max())
            if not np.isfinite(size) or size > max(10.0, 2 * before):
                return None
            scale = 1.0 + abs(float(y[-1])) + float(np.abs(y[:-1]).max())
            if size <= _TIGHT * scale:
                return y
            matrix = np.vstack([self._jacobian(y), normal])
            try:
                y = y - np.linalg.solve(matrix, np.append(residual, normal @ (y - guess)))
            except np.linalg.LinAlgError:
                return None
            if y[:-1].max() > 1:
                return None
            before = size
        size = float(np.abs(self._residual(y)).max())
        return y if size <= 1e3 * _TIGHT * (1.0 + abs(float(y[-1])) + float(np.abs(y[:-1]).max())) else None


def logit_equilibrium(game: NormalFormGame | SymmetricGame, rationality: float) -> MixedProfile:
    """The logit equilibrium on the principal branch, where the branch first comes to this rationality.

    Parameters
    ----------
    rationality : lambda, in 1/payoff; negative for players who shun what pays.

    Returns
    -------
    One vector a player.

    Examples
    --------
    >>> game = NormalFormGame.bimatrix([[3, 0], [5, 1]], [[3, 5], [0, 1]])
    >>> [round(float(p), 6) for p in logit_equilibrium(game, 1.0)[0]]
    [0.226751, 0.773249]
    """
    goal = rationality * game.payoff_range
    branch = Branch(game, direction=1 if goal >= 0 else -1)
    before = branch.start
    logs = before.logs
    if goal != 0.0:
        for point in branch.walk(abs(goal)):
            if abs(point.rationality) >= abs(goal):
                nearer = min((before, point), key=lambda p: abs(p.rationality - goal))
                logs = branch.at(goal, nearer)
                break
            before = point
    blocks = [np.exp(block) / np.exp(block).sum() for block in branch.split(logs)]
    return tuple(block.copy() for block in blocks for _ in range(branch.system.copies))
