"""Following a risk-averse equilibrium as the aversion changes: where it lasts, where it turns back, where stag becomes hare.

The unknowns are both players' strategies; at equilibrium each is the projection of itself plus its gradient onto the
strategies with the tremble, so the equations have corners where an action comes into use or leaves it.

    >>> from gamesim.core.normal_form import NormalFormGame
    >>> hunt = NormalFormGame.bimatrix([[4, 0], [3, 3]], [[4, 3], [0, 3]])
    >>> branch = aversion_branch(hunt, to=4.0, start=([[0.99, 0.01]] * 2, 0.0), tremble=0.01)
    >>> round(branch.turning[0], 4)          # hunting the stag is over beyond this aversion; the closed form says 3.060912
    3.0609
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from gamesim.core.arrays import FloatArray
from gamesim.core.certify import certify
from gamesim.core.errors import UnsupportedGameError
from gamesim.core.profiles import as_profile
from gamesim.core.risk import MeanVariance
from gamesim.core.risk_game import RiskTable, risk_table
from gamesim.core.simplex import project
from gamesim.core.solution import Certificate, Limits

from .continuation import Branch, Homotopy, trace


class AversionEquations(Homotopy):
    """``sigma_i = proj(sigma_i + gradient_i / scale)`` for two players with mean_variance of one common aversion."""

    parameter = "aversion"
    smooth = False

    def __init__(self, game: Any, *, tremble: float = 0.01, variance: Any = "strategic") -> None:
        self.game, self.tremble, self.variance = game, tremble, variance
        self.table = risk_table(game, MeanVariance(1.0, variance), tremble)
        if len(self.table.shape) != 2:
            raise UnsupportedGameError("branches in the aversion are followed for two players.")
        self.scale = max(float(np.ptp(u)) for u in self.table.payoffs) or 1.0
        self._cut = self.table.shape[0]

    def at(self, aversion: float) -> RiskTable:
        eased = tuple(replace(a, risk=MeanVariance(max(aversion, 0.0), self.variance)) for a in self.table.attitudes)
        return replace(self.table, attitudes=eased)

    def beginning(self) -> tuple[FloatArray, float]:
        """Without aversion, at the Nash equilibrium that the solver finds from uniform play."""
        from .risk_averse import risk_play

        return np.concatenate(risk_play(self.game, MeanVariance(0.0), tremble=self.tremble).profile), 0.0

    def play(self, x: FloatArray) -> list[FloatArray]:
        return [project(part, self.tremble) for part in (x[: self._cut], x[self._cut :])]

    def unknowns(self, play: Any) -> FloatArray:
        return np.concatenate([np.asarray(s, dtype=np.float64) for s in as_profile(self.table.shape, play)])

    def _slopes(self, x: FloatArray, value: float) -> list[FloatArray]:
        """Gradients as polynomials of the unknowns, which may stray a little from the simplex on the way."""
        sigma = (x[: self._cut], x[self._cut :])
        slopes = []
        for i, u in enumerate(self.table.payoffs):
            s, within = sigma[1 - i], self.table.inside(i)
            earned = sigma[i] @ u
            slope = u @ (s * (1.0 - 2.0 * value * (earned - s @ earned)))
            if self.variance == "strategic+env" and within is not None:
                slope = slope - value * (within @ s)
            slopes.append(slope)
        return slopes

    def residual(self, x: FloatArray, value: float) -> FloatArray:
        parts = (x[: self._cut], x[self._cut :])
        slopes = self._slopes(x, value)
        return np.concatenate(
            [s - project(s + g / self.scale, self.tremble) for s, g in zip(parts, slopes, strict=True)]
        )

    def jacobian(self, x: FloatArray, value: float) -> FloatArray:
        """Exact off the corners: the projection keeps the actions above the tremble and takes their mean off."""
        sigma, cut = (x[: self._cut], x[self._cut :]), self._cut
        slopes, m = self._slopes(x, value), len(x)
        found = np.zeros((m, m + 1))
        found[:, :m] = np.eye(m)
        own = (slice(0, cut), slice(cut, m))
        for i, u in enumerate(self.table.payoffs):
            mine, theirs = own[i], own[1 - i]
            s, within = sigma[1 - i], self.table.inside(i)
            earned, mean = sigma[i] @ u, u @ s
            centred = u - mean[:, None]
            by_own = -2.0 * value * (u * s) @ centred.T
            w = 1.0 - 2.0 * value * (earned - s @ earned)
            by_other = u * w + 2.0 * value * np.outer(u @ s, earned)
            by_value = -2.0 * (u @ (s * (earned - s @ earned)))
            if self.variance == "strategic+env" and within is not None:
                by_other = by_other - value * within
                by_value = by_value - within @ s
            moved = project(sigma[i] + slopes[i] / self.scale, self.tremble)
            free = (moved > self.tremble + 1e-13).astype(np.float64)
            p = np.diag(free) - np.outer(free, free) / max(free.sum(), 1.0)
            found[mine, mine] -= p @ (np.eye(len(free)) + by_own / self.scale)
            found[mine, theirs] -= p @ by_other / self.scale
            found[mine, m] -= p @ by_value / self.scale
        return found

    def allowed(self, x: FloatArray) -> bool:
        return bool((x > -0.1).all() and (x < 1.1).all())

    def certify(self, play: Any, value: float) -> Certificate:
        return certify(
            self.game, play, concept="rae", aversion=max(value, 0.0), variance=self.variance, tremble=self.tremble
        )


def aversion_branch(
    game: Any, *, to: float, start: Any = None, tremble: float = 0.01, variance: Any = "strategic", points: int = 50,
    limits: Limits | None = None,
) -> Branch:  # fmt: skip
    """The branch of risk-averse equilibria from a start to an aversion, with the places where it turns back.

    Parameters
    ----------
    start : (play, aversion); by default the equilibrium without aversion that is found from uniform play.
    to : aversion at which to stop; a branch that turns back before it says so in ``turning`` and ``stopped``.

    Raises
    ------
    SolverError
        If the start is no equilibrium.  UnsupportedGameError : for more than two players.
    """
    branch = trace(
        game, lambda g: AversionEquations(g, tremble=tremble, variance=variance), to, start=start, points=points, limits=limits
    )  # fmt: skip
    return replace(
        branch, points=tuple(p for p in branch.points if p.value >= 0)
    )  # a branch that turned back may overshoot 0
