"""Branches of risk-averse equilibria: turning points by the closed form, certificates, agreement with the solver."""

from __future__ import annotations

import numpy as np
import pytest
from gamesim_analysis.equilibrium.risk_2x2 import thresholds
from gamesim_analysis.equilibrium.risk_averse import risk_play
from gamesim_analysis.equilibrium.risk_homotopy import AversionEquations, aversion_branch

from gamesim.core.normal_form import NormalFormGame
from gamesim.core.risk import MeanVariance


@pytest.mark.parametrize("game", [(4, 3, 0, 3), (9, 8, 0, 7), (10, 1, 0, 1), (10, 2, 1, 3)])
def test_the_branch_of_the_first_profile_turns_where_the_closed_form_says(game: tuple[float, ...]) -> None:
    a, b, c, d = game
    table = NormalFormGame.bimatrix([[a, c], [b, d]], [[a, b], [c, d]])
    limit = thresholds(*game, tremble=0.01).first
    branch = aversion_branch(table, to=2 * limit, start=([[0.99, 0.01]] * 2, 0.0))
    assert branch.turning[0] == pytest.approx(limit, rel=1e-5)
    assert branch.max_gap < 1e-7
    assert branch.stopped


def test_chicken_is_followed_to_where_the_solver_is() -> None:
    chicken = NormalFormGame.bimatrix([[0, -1], [1, -10]], [[0, 1], [-1, -10]])
    start = ([[0.9, 0.1]] * 2, 0.0)
    branch = aversion_branch(chicken, to=1.0, start=start, tremble=0.0)
    assert branch.end.value == 1.0
    assert float(branch.end.play[0][1]) == pytest.approx(0.0285861, abs=1e-6)
    other = risk_play(chicken, MeanVariance(1.0), symmetric=True)
    assert branch.end.play[0] == pytest.approx(other.profile[0], abs=1e-7)
    shares = [float(point.play[0][1]) for point in branch.points]
    assert shares == sorted(shares, reverse=True)


def test_derivatives_are_those_of_the_equations() -> None:
    rng = np.random.default_rng(0)
    equations = AversionEquations(NormalFormGame(rng.normal(size=(2, 3, 4))), tremble=0.01)
    for _ in range(10):
        x = np.concatenate([rng.dirichlet(np.ones(3)), rng.dirichlet(np.ones(4))])
        exact, near = equations.jacobian(x, 0.7), super(AversionEquations, equations).jacobian(x, 0.7)
        if np.abs(exact - near).max() > 1e-3:
            continue  # a corner within the step of the differences
        assert exact == pytest.approx(near, abs=1e-6)
