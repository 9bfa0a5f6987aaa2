"""CFR+, regret matching and the anchored gradient: gaps after so many iterations, in which a wrong order would show."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from gamesim_analysis.equilibrium import router, solve
from gamesim_analysis.equilibrium.cfr_plus import average_plans, cfr_plus
from gamesim_analysis.equilibrium.extragradient import (
    eag,
    extragradient,
    fast_extragradient,
    is_monotone,
    polymatrix,
    spectral_norm,
)
from gamesim_analysis.equilibrium.regret_matching import alternate, regret_matching
from gamesim_analysis.equilibrium.sources import catalog
from hypothesis import given, settings
from hypothesis import strategies as st

from gamesim.core.certify import certify
from gamesim.core.errors import SolverError
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.sequence_form import sequence_form
from gamesim.core.simplex import project
from gamesim.core.solution import Limits
from gamesim.envs.efg.poker import kuhn, leduc, liars_dice
from gamesim.testing.trees import random_tree

GAUSS = np.random.RandomState(0).randn(10, 10)


def test_kuhn_by_cfr_plus() -> None:
    form = sequence_form(kuhn())
    plain, predictive = (average_plans(form, iterations=1000, variant=v) for v in ("cfr+", "pcfr+"))
    assert plain.nash_conv == pytest.approx(1.5e-4, abs=0.2e-4)
    assert predictive.nash_conv <= 1e-6
    assert form.value(predictive.plans) == pytest.approx([-1 / 18, 1 / 18], abs=1e-7)
    assert plain.iterations == predictive.iterations == 1000


def test_leduc_by_cfr_plus() -> None:
    """Rounding decides ties, so later gaps differ by a few per cent between equal programs."""
    form = sequence_form(leduc())
    assert form.game.size == 9457
    assert [plex.sequences for plex in form.plexes] == [1093, 1093]
    for iterations, gap, tolerance in ((100, 2.64e-2, 0.02), (277, 5.29e-3, 0.05), (1000, 4.88e-4, 0.05)):
        assert average_plans(form, iterations=iterations).nash_conv == pytest.approx(gap, rel=tolerance)
    assert [plex.sequences for plex in sequence_form(leduc(suits=False)).plexes] == [337, 337]


def test_liars_dice_by_cfr_plus() -> None:
    game = liars_dice()
    assert game.size == 1147
    found = average_plans(sequence_form(game), iterations=1000)
    assert found.nash_conv <= 2e-5
    (equilibrium,) = cfr_plus(game, iterations=2000, variant="pcfr+").equilibria
    assert float(equilibrium.payoffs[0]) == pytest.approx(1 / 9, abs=1e-6)


@settings(max_examples=25)
@given(st.integers(0, 10**6))
def test_cfr_plus_finds_the_value_of_any_constant_sum_tree(seed: int) -> None:
    from dataclasses import replace

    tree = random_tree(np.random.default_rng(seed), players=2)
    game = replace(tree, payoffs=tuple((p[0], 7 - p[0]) for p in tree.payoffs))
    if not game.perfect_recall:
        return
    (exact,) = solve(game, "value").equilibria
    (found,) = cfr_plus(game, concept="value", variant="pcfr+").equilibria
    assert found.certificate.relative <= 1e-5 + 1e-12
    assert float(found.payoffs[0]) == pytest.approx(float(exact.payoffs[0]), abs=2e-5 * game.payoff_range)
    assert sum(found.payoffs) == pytest.approx(7)


def test_budgets_of_cfr_plus() -> None:
    form = sequence_form(leduc())
    assert average_plans(form, cpu_seconds=0.05).cpu_seconds >= 0.05
    solution = cfr_plus(leduc(), tolerance=1e-12, limits=Limits(seconds=0.2))
    assert solution.stopped == "seconds"
    assert solution.equilibria or solution.rejected
    assert cfr_plus(leduc(), iterations=3).stopped is None
    with pytest.raises(SolverError, match="Variants: cfr"):
        average_plans(form, iterations=1, variant="cfr")
    with pytest.raises(SolverError, match="Budgets are positive"):
        average_plans(form, iterations=0)
    with pytest.raises(SolverError, match="Did you mean 'iterations'"):
        cfr_plus(leduc(), iteration=3)


def test_predictive_regret_matching_in_turns() -> None:
    assert alternate(GAUSS, 2000).nash_conv <= 2e-5
    assert alternate(np.random.RandomState(0).randn(50, 50), 2000).nash_conv <= 1e-5
    assert alternate(GAUSS, 2000, variant="rm+").nash_conv <= 2e-3


def swapped(a: np.ndarray, iterations: int) -> float:
    """The same rule, but each player's regret is measured at the strategy that answers it."""
    x, y = np.full(len(a), 1 / len(a)), np.full(a.shape[1], 1 / a.shape[1])
    rx, ry, sx, sy = np.zeros(len(x)), np.zeros(len(y)), np.zeros(len(x)), np.zeros(len(y))
    gx, gy = np.zeros(len(x)), np.zeros(len(y))
    for t in range(1, iterations + 1):
        rx, ry = np.maximum(rx + gx, 0), np.maximum(ry + gy, 0)
        ux = a @ y
        x = np.maximum(rx + gx, 0)
        x = x / x.sum() if x.sum() > 0 else np.full(len(x), 1 / len(x))
        gx = ux - x @ ux
        uy = -(x @ a)
        y = np.maximum(ry + gy, 0)
        y = y / y.sum() if y.sum() > 0 else np.full(len(y), 1 / len(y))
        gy = -uy + y @ uy
        sx, sy = sx + t * t * x, sy + t * t * y
    return float((a @ sy).max() / sy.sum() - (sx @ a).min() / sx.sum())


def test_a_wrong_order_would_be_noticed() -> None:
    assert swapped(GAUSS, 2000) > 2e-5


@settings(max_examples=8)
@given(st.integers(0, 10**6))
def test_self_play_finds_the_value_of_matrices(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a = rng.integers(-5, 6, size=rng.integers(1, 6, size=2))
    game = NormalFormGame.bimatrix(a, 3 - a)
    (exact,) = solve(game, "value").equilibria
    for method in (regret_matching, extragradient):
        (found,) = method(game).equilibria
        assert float(found.payoffs[0]) == pytest.approx(float(exact.payoffs[0]), abs=2e-4 * game.payoff_range)
        moved = NormalFormGame.bimatrix(2 * a[::-1] + 1, 2 * (3 - a[::-1]))  # relabelled, scaled and shifted
        (again,) = method(moved).equilibria
        assert float(again.payoffs[0]) == pytest.approx(2 * float(exact.payoffs[0]) + 1, abs=4e-4 * game.payoff_range)


def of_matrix(a: np.ndarray, start: np.ndarray, step: float, steps: int):
    rows = len(a)
    z = eag(
        lambda z: np.concatenate([-a @ z[rows:], a.T @ z[:rows]]),
        start,
        lipschitz=float(np.linalg.norm(a, 2)) / step,
        steps=steps,
        projection=lambda z: np.concatenate([project(z[:rows]), project(z[rows:])]),
    )
    return certify(NormalFormGame.bimatrix(a), (z[:rows], z[rows:]))


def test_the_anchored_gradient() -> None:
    certificate = of_matrix(GAUSS, np.full(20, 0.1), 1.0, 1000)
    residual = certificate.details["tangent_residual"]
    assert residual == pytest.approx(2.5e-3, rel=0.2)
    assert certificate.nash_conv == pytest.approx(1.7e-3, rel=0.2)
    assert certificate.nash_conv <= 2 * residual
    pennies = np.array([[1.0, -1.0], [-1.0, 1.0]])
    away = np.array([0.8, 0.2, 0.2, 0.8])
    assert of_matrix(pennies, away, 0.25, 10_000).nash_conv == pytest.approx(4.8e-4, rel=0.2)


def test_the_fast_extragradient_attains_its_bound() -> None:
    turn = np.array([[0.0, 1.0], [-1.0, 0.0]])  # of f = xy
    for start in ([0.6, 0.8], [1.0, 0.0], [-0.28, 0.96]):
        path = fast_extragradient(lambda z: turn @ z, np.array(start), lipschitz=1.0, steps=2000)
        worst = max(k * float(np.linalg.norm(turn @ z)) for k, z in enumerate(path, 1))
        assert worst == pytest.approx(2.0, abs=0.01)
        assert worst <= 2.0 + 1e-9


def test_the_halpern_step_without_a_second_query_does_not_settle() -> None:
    """Why the package has no such method: deterministic Algorithm 1 of arXiv 2310.02987 needs a cocoercive game."""
    a = np.array([[1.0, -1.0], [-1.0, 1.0]])
    norm = float(np.linalg.norm(a, 2))
    start = z = np.array([0.8, 0.2, 0.2, 0.8])
    for k in range(10_000):
        weight = 2 / (k + 4)
        gradient = np.concatenate([-a @ z[2:], a.T @ z[:2]])
        moved = weight * start + (1 - weight) * z - 0.25 * gradient / norm
        z = np.concatenate([project(moved[:2]), project(moved[2:])])
    assert certify(NormalFormGame.bimatrix(a), (z[:2], z[2:])).nash_conv > 0.1


@settings(max_examples=8)
@given(st.integers(0, 10**6))
def test_polymatrix_games_are_recognised_and_solved(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(2, 4, size=3))
    payoffs = np.zeros((3, *shape))
    for i, j in ((0, 1), (0, 2), (1, 2)):
        pair = rng.integers(-3, 4, size=(shape[i], shape[j]))
        wide = [1, 1, 1]
        wide[i], wide[j] = shape[i], shape[j]
        payoffs[i] += pair.reshape(wide)
        payoffs[j] -= pair.reshape(wide)
    game = NormalFormGame(payoffs)
    matrix = polymatrix(game)
    assert matrix is not None
    assert is_monotone(matrix, shape)
    mixed = [rng.dirichlet(np.ones(k)) for k in shape]
    earned = np.concatenate([game.action_payoffs(i, mixed) for i in range(3)])
    assert -matrix @ np.concatenate(mixed) == pytest.approx(earned, abs=1e-12)
    assert spectral_norm(matrix) == pytest.approx(np.linalg.norm(matrix, 2), rel=1e-6)
    (found,) = extragradient(game, steps=40_000).equilibria
    assert found.certificate.relative <= 1e-4


def test_games_of_no_known_convergence_are_refused() -> None:
    assert "not monotone" in extragradient.accepts(catalog("prisoners_dilemma")).reason
    cubic = np.zeros((3, 2, 2, 2))
    cubic[0, 1, 1, 1] = 1
    assert "do not add over opponents" in extragradient.accepts(NormalFormGame(cubic)).reason
    assert not regret_matching.accepts(catalog("chicken"))
    assert not cfr_plus.accepts(catalog("matching_pennies"))


def test_large_games_go_to_self_play(monkeypatch: pytest.MonkeyPatch) -> None:
    def first(name: str) -> str:
        return router.choose(catalog(name))[0].method

    assert (first("kuhn"), first("matching_pennies")) == ("sequence_form_lp", "zero_sum_lp")
    monkeypatch.setattr(router, "SEQUENCES", 25)
    monkeypatch.setattr(router, "MATRIX", 3)
    assert (first("kuhn"), first("matching_pennies")) == ("cfr_plus", "regret_matching")
    (equilibrium,) = solve(catalog("kuhn")).equilibria
    assert float(equilibrium.payoffs[0]) == pytest.approx(float(Fraction(-1, 18)), abs=1e-4)
