"""Risk-averse, quantal risk-averse and CVaR equilibria: closed forms, theorems, hazards, the literature's table of games."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from gamesim_analysis.equilibrium.risk_2x2 import all_2x2, chicken_aversion, thresholds
from gamesim_analysis.equilibrium.risk_averse import fictitious_play, risk_play, warnings_of
from gamesim_analysis.equilibrium.router import solve
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from gamesim.core.certify import certify
from gamesim.core.empirical import EmpiricalGame
from gamesim.core.errors import RiskError, UnsupportedGameError
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.registry import entry
from gamesim.core.risk import CVaR, Entropic, MeanVariance, Neutral, parse_risk
from gamesim.core.risk_game import risk_table
from gamesim.core.risk_response import Attitude, Regulariser, best_response, gradient, joint_opponents, objective


def symmetric(a: float, b: float, c: float, d: float) -> NormalFormGame:
    return NormalFormGame.bimatrix([[a, c], [b, d]], [[a, b], [c, d]])


def pair(p: float) -> list[np.ndarray]:
    return [np.array([p, 1 - p])] * 2


STAG = symmetric(4, 3, 0, 3)


# --- closed forms ------------------------------------------------------------------------------------------------------


def test_stag_hunt_thresholds_and_where_fictitious_play_goes() -> None:
    limit = thresholds(4, 3, 0, 3, tremble=0.01)
    assert limit.first == pytest.approx(3.0609121518, abs=1e-9)
    assert limit.second == np.inf
    for aversion, gain, within in [(3.05, 0, 1e-9), (3.07, 8e-6, 1e-6), (4, 0.068455, 1e-5), (10, 1.495066, 1e-5)]:
        table = risk_table(STAG, MeanVariance(aversion), 0.01)
        assert sum(table.gap(pair(0.99)).regrets) == pytest.approx(gain, abs=within)
    for aversion in (0, 1, 3, 3.07, 4, 10):
        assert sum(risk_table(STAG, MeanVariance(aversion), 0.01).gap(pair(0.01)).regrets) == pytest.approx(
            0, abs=1e-12
        )
    stays = fictitious_play(risk_table(STAG, MeanVariance(3.05), 0.01), pair(0.99))
    leaves = fictitious_play(risk_table(STAG, MeanVariance(3.07), 0.01), pair(0.99))
    assert stays[0][0] == pytest.approx(0.99)
    assert leaves[0][0] < 0.05


@pytest.mark.parametrize("aversion,q", [(0, 0.75), (0.1, 0.840235), (0.5, 0.945352), (1, 0.970720), (2, 0.984866)])
def test_without_tremble_there_are_exactly_three_symmetric_equilibria(aversion: float, q: float) -> None:
    found = [float(point.profile[0][0]) for point in all_2x2(STAG, MeanVariance(aversion), symmetric=True)]
    assert found == pytest.approx([1.0, q, 0.0], abs=1e-6)


@pytest.mark.parametrize(
    "game,first,second",
    [((10, 2, 1, 3), 4.483033, 10.662177), ((9, 1, 3, 5), 6.762541, 2.460502), ((9, 8, 0, 7), 0.651130, np.inf),
     ((10, 1, 0, 1), 4.540353, np.inf)],
)  # fmt: skip
def test_thresholds_hold_on_both_sides(game: tuple[float, ...], first: float, second: float) -> None:
    limit = thresholds(*game, tremble=0.01)
    assert (limit.first, limit.second) == (pytest.approx(first, abs=1e-5), pytest.approx(second, abs=1e-5))
    for aversion, q in ((limit.first, 0.99), (limit.second, 0.01)):
        if np.isfinite(aversion):
            below, above = (
                risk_table(symmetric(*game), MeanVariance(aversion * x), 0.01).gap(pair(q)) for x in (0.99, 1.01)
            )
            assert max(below.regrets) == pytest.approx(0, abs=1e-12)
            assert min(above.regrets) > 1e-7


def test_little_aversion_from_uniform_ends_at_the_risk_dominant_profile() -> None:
    for game, where in (((4, 3, 0, 3), 1), ((10, 1, 0, 1), 0)):
        point = risk_play(symmetric(*game), MeanVariance(0.01), tremble=0.01)
        assert point.profile[0].argmax() == where
        assert thresholds(*game, tremble=0.01).risk_dominant == ("second" if where else "first")


@pytest.mark.parametrize(
    "crash,aversion", [(5, 0.646001), (10, 0.620625), (50, 0.601716), (100, 0.599433), (1e7, 0.597168)]
)
def test_seven_times_fewer_crashes_in_closed_form(crash: float, aversion: float) -> None:
    needed = chicken_aversion(crash, 7.0)
    assert needed == pytest.approx(aversion, abs=1e-5)
    q = 1 / (crash * np.sqrt(7.0))
    game = NormalFormGame.bimatrix([[0, -1], [1, -crash]], [[0, 1], [-1, -crash]])
    if crash <= 100:
        assert risk_table(game, MeanVariance(needed)).gap(pair(1 - q)).gap < 1e-12


@pytest.mark.parametrize(
    "aversion,q,ratio",
    [(0, 0.1, 1), (0.1, 0.0755002, 1.7543), (0.3, 0.0534354, 3.5022), (1, 0.0285861, 12.2374), (5, 0.0085047, 138.255)],
)
def test_chicken_drivers_go_less_the_more_they_mind(aversion: float, q: float, ratio: float) -> None:
    game = NormalFormGame.bimatrix([[0, -1], [1, -10]], [[0, 1], [-1, -10]])
    point = risk_play(game, MeanVariance(aversion), symmetric=True)
    go = float(point.profile[0][1])
    assert go == pytest.approx(q, abs=1e-6)
    assert 0.01 / go**2 == pytest.approx(ratio, abs=1e-3 * max(ratio / 10, 1))
    assert float(game.expected(point.profile)[0]) == pytest.approx(-10 * go**2, abs=1e-9)


# --- definitions and theorems ------------------------------------------------------------------------------------------


def draw(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.random.Generator]:
    rng = np.random.default_rng(seed)
    k, m = rng.integers(2, 5), rng.integers(2, 6)
    return rng.normal(size=(k, m)), rng.dirichlet(np.ones(m)), rng.dirichlet(np.ones(k)), rng


def test_nobody_who_minds_is_nash() -> None:
    for seed in range(100):
        rng = np.random.default_rng(seed)
        game = NormalFormGame(rng.normal(size=(2, 3, 4)))
        play = (rng.dirichlet(np.ones(3)), rng.dirichlet(np.ones(4)))
        raeconv = risk_table(game, MeanVariance(0.0)).gap(play).raeconv
        assert raeconv == pytest.approx(certify(game, play).nash_conv, abs=1e-12)
    rps = NormalFormGame.bimatrix([[0, -1, 1], [1, 0, -1], [-1, 1, 0]])
    sexes = NormalFormGame.bimatrix([[3, 0], [0, 2]], [[2, 0], [0, 3]])
    for game, play in ((rps, [np.ones(3) / 3] * 2), (sexes, [np.array([0.6, 0.4]), np.array([0.4, 0.6])])):
        assert risk_table(game).gap(play).gap < 1e-12


def test_strategic_variance_is_that_of_the_conditional_mean() -> None:
    for seed in range(100):
        u, s, sigma, _ = draw(seed)
        centred = u - (u @ s)[:, None]
        x = sigma @ u
        assert sigma @ ((centred * s) @ centred.T) @ sigma == pytest.approx(s @ (x - s @ x) ** 2, abs=1e-12)


def test_the_gap_is_never_below_the_regret() -> None:
    for seed in range(100):
        u, s, sigma, rng = draw(seed)
        floor = float(rng.uniform(0, 0.9 / len(u)))
        sigma = floor + (1 - len(u) * floor) * sigma
        attitude = Attitude(MeanVariance(float(rng.uniform(0, 3))), floor)
        reply = best_response(u, s, attitude.risk, tremble=floor)
        regret = objective(u, s, reply, attitude) - objective(u, s, sigma, attitude)
        slope = gradient(u, s, sigma, attitude)
        gap = (1 - len(u) * floor) * slope.max() + floor * slope.sum() - slope @ sigma
        assert gap >= regret - 1e-12
        assert regret >= -1e-10


def test_two_actions_in_closed_form() -> None:
    rng = np.random.default_rng(5)
    for _ in range(300):
        u, s = rng.normal(size=(2, 3)), rng.dirichlet(np.ones(3))
        aversion, floor = float(rng.uniform(0.05, 4)), float(rng.uniform(0, 0.2))
        p = best_response(u, s, MeanVariance(aversion), tremble=floor)[0]
        grid = np.linspace(floor, 1 - floor, 4001)
        values = [objective(u, s, np.array([x, 1 - x]), Attitude(MeanVariance(aversion))) for x in grid[::40]]
        assert objective(u, s, np.array([p, 1 - p]), Attitude(MeanVariance(aversion))) >= max(values) - 1e-12
        mean, cov = u @ s, np.cov(u, aweights=s, bias=True)
        curve = cov[0, 0] + cov[1, 1] - 2 * cov[0, 1]
        assert p == pytest.approx(np.clip((mean[0] - mean[1]) / (2 * aversion * curve) + (cov[1, 1] - cov[0, 1]) / curve, floor, 1 - floor), abs=1e-9)  # fmt: skip


def test_many_actions_beat_every_vertex_and_a_general_optimiser() -> None:
    from scipy.optimize import minimize

    for seed in range(12):
        rng = np.random.default_rng(seed)
        u, s = rng.normal(size=(6, 8)), rng.dirichlet(np.ones(8))
        for risk in (MeanVariance(1.3), Entropic(2.0)):
            attitude = Attitude(risk)
            mine = objective(u, s, best_response(u, s, risk), attitude)
            theirs = minimize(
                lambda x, a=attitude, u=u, s=s: -objective(u, s, x, a), np.ones(6) / 6, bounds=[(0, 1)] * 6, method="SLSQP",
                constraints={"type": "eq", "fun": lambda x: x.sum() - 1},
            )  # fmt: skip
            assert mine >= -theirs.fun - 1e-7


def test_total_variance_has_no_equilibrium_and_is_refused() -> None:
    u = np.array([[2.0, -1.0], [-1.0, 1.0]])
    grid = np.linspace(0, 1, 201)
    for aversion, least in ((0.1, 0.0069980), (0.5, 0.0784934)):
        p, q = np.meshgrid(grid, grid, indexing="ij")

        def value(mine: np.ndarray, chances: list[np.ndarray], sign: float, aversion: float = aversion) -> np.ndarray:
            mean = sum(c * sign * v for c, v in zip(chances, u.ravel(), strict=True))
            square = sum(c * v * v for c, v in zip(chances, u.ravel(), strict=True))
            return mean - aversion * (square - mean**2)

        def chances(x: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
            return [x * y, x * (1 - y), (1 - x) * y, (1 - x) * (1 - y)]

        row, column = value(p, chances(p, q), 1.0), value(q, chances(p, q), -1.0)
        regret = (row.max(axis=0)[None, :] - row) + (column.max(axis=1)[:, None] - column)
        assert float(regret.min()) == pytest.approx(least, abs=1e-5)
        point = risk_play(NormalFormGame.bimatrix(u), MeanVariance(aversion))
        assert point.profile[0] == pytest.approx([0.4, 0.6], abs=1e-6)
        assert point.gap < 1e-9
    with pytest.raises(RiskError, match="strategic"):
        solve(NormalFormGame.bimatrix(u), "rae", aversion=0.1, variance="total")


def test_mean_variance_is_the_second_order_of_the_entropic_measure() -> None:
    u, s, sigma, _ = draw(3)
    x = sigma @ u
    ratios = [(Entropic(t).value(x, s) - MeanVariance(t / 2).value(x, s)) / t**2 for t in (0.1, 0.01, 0.001)]
    assert max(ratios) == pytest.approx(min(ratios), rel=0.1)


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.sampled_from([0.5, 3.0, 40.0]))
def test_scaling_payoffs_divides_the_aversion(seed: int, k: float) -> None:
    u, s, _, _ = draw(seed)
    one, other = best_response(u, s, MeanVariance(0.7)), best_response(k * u, s, MeanVariance(0.7 / k))
    assert one == pytest.approx(other, abs=1e-6)
    relative = risk_table(
        NormalFormGame(np.array([u, u])), parse_risk({"kind": "mean_variance", "aversion_relative": 0.2})
    )
    assert relative.attitudes[0].risk.aversion == pytest.approx(0.2 / np.ptp(u))


def test_what_opponents_alone_change_moves_the_averse_but_not_the_neutral() -> None:
    u, s = np.array([[4.0, 0.0], [3.0, 3.0]]), np.array([0.9, 0.1])
    shifted = u + np.array([0.0, 5.0])
    assert best_response(u, s, Neutral()) == pytest.approx(best_response(shifted, s, Neutral()))
    assert abs(best_response(u, s, MeanVariance(1.0))[0] - best_response(shifted, s, MeanVariance(1.0))[0]) > 0.05


def test_relabelling_relabels_and_variance_falls_with_aversion() -> None:
    game = NormalFormGame(np.random.default_rng(2).normal(size=(2, 3, 3)))
    order = [2, 0, 1]
    turned = NormalFormGame(game.payoffs[:, order][:, :, order])
    point = risk_play(game, MeanVariance(0.5))
    moved = [s[order] for s in point.profile]
    assert risk_table(turned, MeanVariance(0.5)).gap(moved).gap == pytest.approx(point.gap, abs=1e-8)
    for seed in range(10):
        u, s, _, _ = draw(seed)
        spread = []
        for aversion in (0.1, 0.5, 1, 3, 10):
            x = best_response(u, s, MeanVariance(aversion)) @ u
            spread.append(float(s @ (x - s @ x) ** 2))
        assert all(b <= a + 1e-9 for a, b in pairwise(spread))


def test_averse_players_may_play_dominated_actions_and_are_warned() -> None:
    u, s = np.array([[10.0, 20.0], [0.0, 0.0]]), np.array([0.5, 0.5])
    for aversion, weight in ((0.29, 1.0), (0.31, 0.967742), (1, 0.3), (5, 0.06)):
        reply = best_response(u, s, MeanVariance(aversion))
        assert reply[0] == pytest.approx(weight, abs=1e-6)
        table = risk_table(NormalFormGame(np.array([u, [[1.0, -1.0], [-1.0, 1.0]]])), MeanVariance(aversion))
        told = [text for text in warnings_of(table, [reply, s]) if "dominated" in text]
        assert bool(told) == (aversion > 0.3)
    for risk in (Entropic(0.1), Entropic(1.0), Entropic(5.0), CVaR(0.1), CVaR(0.5)):
        assert best_response(u, s, risk)[0] == pytest.approx(1.0)


def test_trembles_choose_between_equal_equilibria() -> None:
    game = NormalFormGame.bimatrix([[1, 1], [1, 0]], [[1, 1], [1, 0]])
    a, b = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    assert risk_table(game).gap([a, a]).gap == risk_table(game).gap([b, a]).gap == 0
    near = lambda p: 0.01 + 0.98 * p  # noqa: E731
    trembling = risk_table(game, Neutral(), 0.01)
    assert max(trembling.gap([near(a), near(a)]).regrets) == pytest.approx(0, abs=1e-12)
    assert max(trembling.gap([near(b), near(a)]).regrets) == pytest.approx(0.0098, abs=1e-9)


def test_conditional_value_at_risk_switches_where_it_must() -> None:
    q = np.array([0.99, 0.01])
    u = np.array([[4.0, 0.0], [3.0, 3.0]])
    assert CVaR(0.039).value(u[0], q) == pytest.approx(2.974359, abs=1e-6)
    assert CVaR(0.041).value(u[0], q) == pytest.approx(3.024390, abs=1e-6)
    for alpha, where in ((0.039, 1), (0.0399999, 1), (0.0400001, 0), (0.041, 0)):
        assert int(best_response(u, q, CVaR(alpha)).argmax()) == where


@pytest.mark.parametrize(
    "rationality,q", [(0.5, [0.281511]), (1, [0.059387]), (2, [0.002523]), (5, [0.992183, 0.828889, 3.1e-7])]
)
def test_quantal_responses_of_the_stag_hunt(rationality: float, q: list[float]) -> None:
    found = all_2x2(STAG, regulariser=Regulariser("entropy", 1 / rationality), symmetric=True)
    assert [float(point.profile[0][0]) for point in found] == pytest.approx(q, abs=1e-6)
    assert max(point.gap for point in found) < 1e-10


GAMES = {
    "GHP4": ([[200, 160], [370, 10]], [[160, 10], [200, 370]], (170, 110), (0.001, 0.06), (0.4689, 0.6505)),
    "G1": ([[10, 0], [9, 10]], [[10, 18], [9, 8]], (0.21, 0.555), (0.1, 100), (0.0804, 0.6899)),
    "G2": ([[9, 0], [6, 8]], [[4, 13], [7, 5]], (0.68, 10), (0.08, 2), (0.2142, 0.5245)),
    "G3": ([[8, 0], [7, 10]], [[6, 14], [7, 4]], (0.216, 0.837), (0.1, 56), (0.1629, 0.7929)),
    "G4": ([[7, 0], [5, 9]], [[4, 11], [6, 2]], (0.35, 1.64), (0.1, 30), (0.2871, 0.7362)),
    "G5": ([[7, 0], [4, 8]], [[2, 9], [5, 1]], (0.38, 2.7), (0.1, 10), (0.3278, 0.6647)),
    "G6": ([[7, 1], [3, 8]], [[1, 7], [5, 0]], (0.92, 3.8), (0.1, 6), (0.4580, 0.6099)),
    "G7": ([[10, 4], [9, 14]], [[12, 22], [9, 8]], (0.49, 1.88), (0.1, 11), (0.1415, 0.5641)),
    "G8": ([[9, 3], [6, 11]], [[7, 16], [7, 5]], (0.36, 2.8), (0.1, 10), (0.2492, 0.5860)),
    "G9": ([[8, 3], [7, 13]], [[9, 17], [7, 4]], (0.179, 0.65), (0.1, 90), (0.2553, 0.8276)),
    "G10": ([[7, 2], [5, 11]], [[6, 13], [6, 2]], (0.1, 2.11), (0.3, 20), (0.3658, 0.6989)),
    "G11": ([[7, 2], [4, 10]], [[4, 11], [5, 1]], (0.172, 2.97), (0.1, 25), (0.3282, 0.6524)),
    "G12": ([[7, 3], [3, 10]], [[3, 9], [5, 0]], (0.23, 5.74), (0.04, 19), (0.4387, 0.6040)),
}


@pytest.mark.parametrize("name", GAMES)
def test_risk_averse_quantal_response_of_the_published_games(name: str) -> None:
    """Printed equilibria of the notebook of kishanpb/Risk-averse-Quantal-Equilibria, to .006."""
    row, column, eps, tau, target = GAMES[name]
    solution = entry("solvers", "risk_averse")(
        NormalFormGame.bimatrix(row, column), concept="rqe", tau=list(tau), eps=list(eps)
    )
    (found,) = solution.equilibria
    assert float(found.certificate.gap) < 1e-8
    assert (float(found.play[0][0]), float(found.play[1][0])) == pytest.approx(target, abs=0.006)


def test_weights_are_the_gradient_of_the_value() -> None:
    for seed in range(30):
        u, s, sigma, _ = draw(seed)
        x = sigma @ u
        for risk in (MeanVariance(0.8), Entropic(1.7), Entropic(1.7, "reverse_kl"), CVaR(0.3)):
            w = risk.weights(x, s)
            assert s @ w == pytest.approx(1.0, abs=1e-10)
            if isinstance(risk, CVaR):
                continue
            slope = gradient(u, s, sigma, Attitude(risk))
            step = 1e-6 * np.eye(len(sigma))
            differences = [(risk.value((sigma + h) @ u, s) - risk.value((sigma - h) @ u, s)) / 2e-6 for h in step]
            assert slope == pytest.approx(differences, abs=1e-7)
        centred = u - (u @ s)[:, None]
        assert gradient(u, s, sigma, Attitude(MeanVariance(0.8))) == pytest.approx(
            u @ s - 1.6 * ((centred * s) @ centred.T) @ sigma + (u @ s) * 0, abs=1e-12
        )


# --- larger games, empirical games, errors -------------------------------------------------------------------------------


def test_general_six_by_six_games_are_solved_or_said_not_to_be() -> None:
    for seed in range(1, 7):
        point = risk_play(
            NormalFormGame(np.random.default_rng(seed).uniform(size=(2, 6, 6))), MeanVariance(1.0), seconds=20
        )
        assert point.converged == (point.gap <= 1e-8 * 1.0) or point.gap <= 1e-8
        assert point.gap < 1e-6 or not point.converged


def test_three_players_are_answered_within_limits() -> None:
    from gamesim.core.solution import Limits

    game = NormalFormGame(np.random.default_rng(4).uniform(size=(3, 5, 5, 5)))
    solution = solve(game, "rae", aversion=0.5, limits=Limits(seconds=20))
    listed = solution.equilibria or solution.rejected
    assert len(listed) == 1
    assert float(listed[0].certificate.gap) == pytest.approx(
        listed[0].certificate.details["raeconv"], rel=1.0, abs=1e-6
    )


def noisy(noise: float) -> EmpiricalGame:
    rng, game = np.random.default_rng(0), EmpiricalGame((("calm", "bold"),), roles=(0, 0))
    for profile, mean in {(0, 0): (0.2, 0.2), (0, 1): (0.1, 0.7), (1, 1): (-0.2, -0.2)}.items():
        spread = noise if profile == (1, 1) else 0.01
        game = game.add(profile, np.array(mean) + rng.normal(size=(400, 1)) * spread)
    return game


def test_the_variance_inside_cells_counts_where_it_is_asked_for() -> None:
    game = noisy(3.0)
    shares = {}
    for variance in ("strategic", "strategic+env"):
        point = risk_play(game, MeanVariance(0.2, variance), symmetric=True)
        assert point.gap < 1e-8
        shares[variance] = float(point.profile[0][1])
    assert shares["strategic+env"] < shares["strategic"] / 2
    table = risk_table(game, MeanVariance(0.2))
    assert any(
        "strategic+env" in note
        for note in warnings_of(table, risk_play(game, MeanVariance(0.2), symmetric=True).profile)
    )


def test_bad_attitudes_are_named() -> None:
    game = STAG
    for spec, word in [
        ({"kind": "mean_variance", "aversion": -1}, "aversion"), ({"kind": "entropic", "tau": 0}, "tau"),
        ({"kind": "cvar", "alpha": 1.5}, "alpha"), ({"kind": "cvra", "alpha": 0.5}, "Did you mean 'cvar'"),
        ({"kind": "mean_variance", "aversion": 1, "aversion_relative": 1}, "exactly one"),
        ({"kind": "mean_variance", "aversoin": 1}, "Did you mean 'aversion'"),
        ({"kind": "mean_variance", "aversion": "much"}, "no number"),
        ({"kind": "mean_variance", "aversion": 1, "variance": "env"}, "Variances"),
    ]:  # fmt: skip
        with pytest.raises(RiskError) as caught:
            parse_risk(spec)
        assert word in str(caught.value)
    with pytest.raises(RiskError, match=r"player_0: tremble 0\.5"):
        risk_table(game, Neutral(), 0.5)
    with pytest.raises(RiskError, match="variance inside cells"):
        risk_table(game, MeanVariance(1.0, "strategic+env"))
    once = EmpiricalGame((("a", "b"),), roles=(0, 0))
    for profile in once.profiles():
        once = once.add(profile, [1.0, 1.0])
    with pytest.raises(RiskError, match="a / a needs two episodes"):
        risk_table(once, MeanVariance(1.0, "strategic+env"))
    with pytest.raises(RiskError, match="tau and eps"):
        solve(game, "rqe")


def test_one_value_a_player() -> None:
    table = risk_table(STAG, [MeanVariance(1.0), CVaR(0.5)], [0.01, 0.02])
    assert [type(a.risk).__name__ for a in table.attitudes] == ["MeanVariance", "CVaR"]
    with pytest.raises(RiskError, match="3 values of risk for 2 players"):
        risk_table(STAG, [Neutral()] * 3)
    assert joint_opponents([np.array([0.5, 0.5]), np.array([1.0, 0.0])], 0).tolist() == [1.0, 0.0]


def test_conditional_value_at_risk_equilibria_share_the_mass_at_the_quantile() -> None:
    cycle = NormalFormGame.bimatrix([[0, -1, 2], [1, 0, -1], [-1, 1, 0]])
    for alpha in (0.3, 0.5, 1.0):
        point = risk_play(cycle, CVaR(alpha), tremble=0.01)
        assert point.gap < 1e-8
    for seed in range(6):
        game = NormalFormGame(np.random.default_rng(seed).uniform(size=(2, 3, 4)))
        assert risk_play(game, CVaR(0.3), tremble=0.01).gap < 1e-7


def test_conditional_value_at_risk_at_any_scale() -> None:
    """In small units play is as far from equilibrium as in large ones."""
    rng = np.random.default_rng(0)
    for _ in range(10):
        u, profile = rng.uniform(size=(2, 6, 6)), [rng.dirichlet(np.full(6, 0.3)) for _ in range(2)]
        one, small = (risk_table(NormalFormGame(u * k), CVaR(0.3), 0.01) for k in (1.0, 1e-7))
        profile = one.project(profile)
        assert np.array(small.gap(profile).regrets) * 1e7 == pytest.approx(one.gap(profile).regrets, abs=1e-8)


def test_a_table_without_differences_is_at_rest_everywhere() -> None:
    for risk in (MeanVariance(1.0), CVaR(0.3), Entropic(2.0)):
        assert risk_play(NormalFormGame(np.full((2, 10, 10), 3.0)), risk, tremble=0.09).converged


def test_thresholds_by_the_sign_of_the_slope_in_any_game() -> None:
    """With q = P(S) on both sides the gain of S is (c-d) + k q - 2 lam q (1-q) k [(b-d) + q k]."""
    rng, met = np.random.default_rng(0), 0
    for _ in range(400):
        a, b, c, d = rng.normal(size=4) * 3
        f = float(rng.choice([0.001, 0.01, 0.1, 0.3]))
        if not (a > b and d > c):
            continue
        try:
            limit = thresholds(a, b, c, d, tremble=f)
        except UnsupportedGameError:  # then trembling alone undoes one of them
            k = (a - c) - (b - d)
            assert (c - d) + k * (1 - f) < 0 or (c - d) + k * f > 0
            continue
        met, k = met + 1, (a - c) - (b - d)
        for critical, q, sign in ((limit.first, 1 - f, 1), (limit.second, f, -1)):
            for aversion in (
                0.01,
                1.0,
                100.0,
                *((0.999 * critical, 1.001 * critical) if np.isfinite(critical) else ()),
            ):
                slope = (c - d) + k * q - 2 * aversion * q * (1 - q) * k * ((b - d) + q * k)
                assert (sign * slope >= 0) == (aversion <= critical)
    assert met > 40
    with pytest.raises(RiskError, match="tremble"):
        thresholds(4, 3, 0, 3, tremble=0.5)


def test_segments_of_equilibria_are_listed_by_their_ends() -> None:
    """The column player loses less by her first action as long as the row player, to whom all is one, plays her first
    action with at most .109 (by bisection of the entropic slope), and less by her second from .870 on."""
    game = NormalFormGame.bimatrix([[0, 1], [0, 1]], [[-2, 1], [-1, -2]])
    found = [(float(x.profile[0][0]), float(x.profile[1][0])) for x in all_2x2(game, Entropic(1.0))]
    slope = lambda p, q: _tilt(p, np.array([-2.0, -1.0]) * q + np.array([1.0, -2.0]) * (1 - q)) @ [-3.0, 1.0]  # noqa: E731
    ends = [brentq(lambda p, q=q: slope(p, q), 1e-6, 1 - 1e-6) for q in (0.0, 1.0)]
    listed = sorted([(1.0, 0.0), (ends[0], 0.0), (ends[1], 1.0), (0.0, 1.0)])
    assert np.array(sorted(found)) == pytest.approx(np.array(listed), abs=1e-9)


def _tilt(p: float, returns: np.ndarray) -> np.ndarray:
    weights = np.array([p, 1 - p]) * np.exp(-returns)
    return weights / weights.sum()
