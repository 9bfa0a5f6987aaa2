"""Certificates against brute force, exactness, rounding and sampling."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gamesim.core.certify import certify
from gamesim.core.empirical import EmpiricalGame
from gamesim.core.errors import SolverError
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.profiles import Joint, uniform
from gamesim.core.solution import Certificate, Equilibrium, Limits, Ranking, Solution
from gamesim.core.symmetric import SymmetricGame
from gamesim.core.zero_sum import zero_sum
from gamesim.testing.strategies import mixed_profiles, normal_form_games, symmetric_games, zero_sum_matrices

CHICKEN = NormalFormGame.bimatrix([[0, 7], [2, 6]], [[0, 2], [7, 6]])


def brute_force_regrets(game: NormalFormGame, profile: tuple[np.ndarray, ...]) -> list[Fraction]:
    """Over all pure deviations and all cells, in Fractions."""

    def value(play: list[np.ndarray], player: int) -> Fraction:
        total = Fraction(0)
        for cell in np.ndindex(*game.shape):
            weight = Fraction(1)
            for i, a in enumerate(cell):
                weight *= Fraction(play[i][a])
            total += weight * game.exact[(player, *cell)]  # type: ignore[index]
        return total

    found = []
    for i in range(game.n):
        deviations = []
        for a in range(game.shape[i]):
            play = list(profile)
            play[i] = np.array([Fraction(int(a == b)) for b in range(game.shape[i])], dtype=object)
            deviations.append(value(play, i))
        found.append(max(deviations) - value(list(profile), i))
    return found


@settings(deadline=None, max_examples=60)
@given(st.data(), normal_form_games(actions=(1, 3)))
def test_exact_certificate_is_brute_force(data: st.DataObject, game: NormalFormGame) -> None:
    profile = data.draw(mixed_profiles(game.shape, exact=True))
    certificate = certify(game, profile)
    expected = brute_force_regrets(game, profile)
    assert certificate.arithmetic == "exact"
    assert list(certificate.regrets) == expected
    assert certificate.nash_conv == sum(expected)
    assert certificate.gap == max(expected)
    floats = certify(game, [strategy.astype(float) for strategy in profile])
    assert floats.arithmetic == "float"
    assert abs(floats.gap - float(max(expected))) <= floats.rounding
    assert floats.bound >= float(max(expected))


@settings(deadline=None, max_examples=40)
@given(st.data(), symmetric_games())
def test_symmetric_certificate_is_that_of_the_normal_form(data: st.DataObject, game: SymmetricGame) -> None:
    full = game.to_normal_form()
    (strategy,) = data.draw(mixed_profiles((game.k,), exact=True))
    assert certify(game, strategy).regrets == certify(full, (strategy,) * game.n).regrets
    profile = data.draw(mixed_profiles(game.shape, exact=True))
    assert certify(game, profile).regrets == certify(full, profile).regrets
    pure = [data.draw(st.integers(0, game.k - 1)) for _ in range(game.n)]
    assert certify(game, pure).regrets == certify(full, pure).regrets


@settings(deadline=None, max_examples=40)
@given(zero_sum_matrices())
def test_the_zero_sum_kernel_is_certified(matrix: np.ndarray) -> None:
    _, row, column = zero_sum(matrix)
    assert certify(NormalFormGame.bimatrix(matrix), (row, column)).grade in ("exact", "float")


@settings(deadline=None, max_examples=40)
@given(st.data(), normal_form_games(), st.integers(1, 5), st.integers(-9, 9))
def test_regrets_scale_with_payoffs_and_ignore_shifts(
    data: st.DataObject, game: NormalFormGame, scale: int, shift: int
) -> None:
    profile = data.draw(mixed_profiles(game.shape, exact=True))
    moved = certify(NormalFormGame(game.exact * scale + shift), profile)  # type: ignore[operator]
    here = certify(game, profile)
    assert list(moved.regrets) == [r * scale for r in here.regrets]
    if np.ptp(game.payoffs) > 0:
        assert moved.relative == pytest.approx(here.relative)


def test_correlated_play_of_chicken() -> None:
    third = Fraction(1, 3)
    joint = Joint(np.array([[0, third], [third, third]], dtype=object))  # Aumann's lights
    certificate = certify(CHICKEN, joint, concept="correlated")
    assert certificate.gap == 0
    assert certificate.grade == "exact"
    assert certify(CHICKEN, joint, concept="coarse").gap == 0
    crash = Joint(np.array([[Fraction(1), 0], [0, 0]], dtype=object))
    assert certify(CHICKEN, crash, concept="correlated").gap == 2
    with pytest.raises(SolverError, match="no Nash profile"):
        certify(CHICKEN, joint)


@settings(deadline=None, max_examples=40)
@given(st.data(), normal_form_games())
def test_a_product_joint_has_the_gap_of_its_profile(data: st.DataObject, game: NormalFormGame) -> None:
    """Against independent play the coarse gap is the Nash gap, and correlated adds the swaps of each action played."""
    profile = data.draw(mixed_profiles(game.shape, exact=True))
    nash = certify(game, profile)
    assert certify(game, profile, concept="coarse").gap == nash.gap
    assert certify(game, profile, concept="correlated").gap == nash.gap


def test_grades() -> None:
    assert certify(CHICKEN, (0, 1)).grade == "exact"
    assert certify(CHICKEN, ([1.0, 0.0], [0.0, 1.0])).grade == "float"
    assert certify(CHICKEN, ([1 - 1e-5, 1e-5], [0.0, 1.0])).grade == "approximate"
    assert certify(CHICKEN, (0, 0)).grade == "rejected"
    assert certify(CHICKEN, (0, 0)).best_responses == (1, 1)


def sampled(noise: float, episodes: int, seed: int) -> EmpiricalGame:
    rng = np.random.default_rng(seed)
    game = EmpiricalGame((("dare", "yield"), ("dare", "yield")))
    for profile in np.ndindex(2, 2):
        game = game.add(profile, CHICKEN.payoffs[:, profile[0], profile[1]] + rng.normal(0, noise, size=(episodes, 2)))
    return game


def test_sampled_certificate_covers_the_true_regret() -> None:
    profile = (np.array([0.3, 0.7]), np.array([0.6, 0.4]))
    truth = certify(CHICKEN, profile)
    held = 0
    for seed in range(200):
        certificate = certify(sampled(2.0, 30, seed), profile)
        assert certificate.interval is not None
        low, high = certificate.interval
        assert high is not None
        held += bool(low <= truth.gap <= high)
        assert certificate.arithmetic == "sampled"
    assert held >= 190


def test_variance_of_a_gain_is_the_formula() -> None:
    """One deviation, by hand: Var g = sum over cells of w^2 var / count."""
    game = sampled(1.0, 10, 3)
    profile = (np.array([1.0, 0.0]), np.array([0.25, 0.75]))
    certificate = certify(game, profile)
    variance = sum(
        weight**2 * game.variance[0, own, other] / 10
        for own, sign in ((0, -1), (1, 1))
        for other, weight in ((0, 0.25 * sign), (1, 0.75 * sign))
    )
    gain = (game.mean[0, 1] - game.mean[0, 0]) @ profile[1]
    from scipy.special import ndtri

    z = float(ndtri(1 - 0.05 / (2 * 4)))
    assert certificate.details["intervals"][0][1] == pytest.approx(max(0.0, gain + z * np.sqrt(variance)), rel=1e-6)


def test_a_symmetric_zero_sum_table_counts_each_cell_once() -> None:
    game = EmpiricalGame((("a", "b"),), roles=(0, 0))
    rng = np.random.default_rng(2)
    for profile in game.profiles():
        x = rng.normal(size=(20, 1))
        game = game.add(profile, np.hstack([x, -x]))
    # (a, a) pays exactly zero to each in a zero-sum game of interchangeable players, whatever was drawn
    assert game.mean[0, 0, 0] == 0
    certificate = certify(game, (0, 0))
    a_against_b = game.cells[(0, 1)]
    assert certificate.regrets[0] == pytest.approx(max(0.0, a_against_b.mean[1]))


def test_an_unplayed_profile_is_named_and_a_thin_one_leaves_the_bound_open() -> None:
    game = EmpiricalGame((("a", "b"), ("x",))).add((0, 0), [[1.0, 1.0], [2.0, 1.0]])
    with pytest.raises(SolverError, match="never played: b / x"):
        certify(game, (0, 0))
    certificate = certify(game.add((1, 0), [3.0, 0.0]), (0, 0))
    assert certificate.interval == (certificate.interval[0], None)  # type: ignore[index]
    assert certificate.details["reason"] == "played less than twice: b / x"


def test_an_exact_table_is_certified_like_its_game() -> None:
    certificate = certify(EmpiricalGame.exact(CHICKEN), (0, 0))
    assert certificate.arithmetic == "float"
    assert certificate.interval == (2.0, 2.0)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: certify(CHICKEN, (0, 1), concept="nosh"),
        lambda: certify(CHICKEN, (0, 1), beta=1.0),
        lambda: certify("chicken", (0, 1)),
        lambda: certify(CHICKEN, (0, 2)),
        lambda: certify(CHICKEN, Joint(np.full((2, 3), 1 / 6)), concept="coarse"),
        lambda: certify(sampled(1, 2, 0), (0, 1), concept="coarse"),
        lambda: Limits(seconds=0),
    ],
)
def test_wrong_questions_are_refused(wrong: object) -> None:
    with pytest.raises(SolverError):
        wrong()  # type: ignore[operator]


def test_solution_and_ranking_sum_up() -> None:
    def found(play: tuple[int, int]) -> Equilibrium:
        certificate: Certificate = certify(CHICKEN, play)
        return Equilibrium(play, tuple(CHICKEN.expected(play)), certificate)

    solution = Solution((found((0, 1)), found((1, 0))), "nash", "enumpure", covers="pure", complete=True)
    assert solution.max_regret == 0
    assert Solution((), "coarse", "lp").max_regret is None
    assert Ranking(("a", "b", "c"), np.array([1.0, 3.0, 1.0]), "alpha_rank").order == ("b", "a", "c")
    assert certify(CHICKEN, uniform((2, 2))).arithmetic == "exact"


def test_matching_pennies_to_the_last_digit() -> None:
    pennies = NormalFormGame.bimatrix([[1, -1], [-1, 1]])
    assert certify(pennies, ([0.5, 0.5], [0.5, 0.5])).nash_conv == 0.0
    exact = certify(pennies, uniform((2, 2)))
    assert (exact.nash_conv, exact.arithmetic) == (0, "exact")
    assert certify(pennies, ([1.0, 0.0], [1.0, 0.0])).regrets == (0, 2)


@pytest.mark.parametrize(("players", "games"), [(2, 300), (3, 200)])
def test_the_tangent_residual_bounds_nash_conv(players: int, games: int) -> None:
    rng = np.random.default_rng(players)
    for number in range(games):
        game = NormalFormGame(rng.normal(size=(players, *rng.integers(2, 8, size=players))))
        profile = [rng.dirichlet(np.full(k, 0.5)) for k in game.shape]
        if number % 3 == 0:  # some actions unused
            profile = [np.where(x < x.max() / 2, 0.0, x) for x in profile]
            profile = [x / x.sum() for x in profile]
        certificate = certify(game, profile)
        assert certificate.nash_conv <= np.sqrt(2 * players) * certificate.details["tangent_residual"] + 1e-7


@settings(max_examples=40)
@given(st.data(), normal_form_games())
def test_both_residuals_vanish_exactly_at_equilibria(data: st.DataObject, game: NormalFormGame) -> None:
    for cell in game.pure_equilibria():
        details = certify(game, cell).details
        assert details["tangent_residual"] == pytest.approx(0, abs=1e-12)
        assert details["natural_residual"] == pytest.approx(0, abs=1e-12)
    certificate = certify(game, data.draw(mixed_profiles(game.shape, exact=True)))
    if certificate.gap > 1e-6:
        assert certificate.details["tangent_residual"] > 0
        assert certificate.details["natural_residual"] > 0


def test_the_tangent_residual_by_its_definition() -> None:
    """Against the least over a fine grid of mu."""
    from gamesim.core.residuals import tangent_residual

    rng = np.random.default_rng(8)
    for _ in range(50):
        k = int(rng.integers(2, 7))
        earned, mixed = rng.normal(size=k), rng.dirichlet(np.ones(k))
        mixed[rng.random(k) < 0.4] = 0.0
        if not mixed.any():
            continue
        used = mixed > 0
        mus = np.linspace(-5, 5, 20_001)[:, None]
        on, off = -earned[None, used] + mus, np.minimum(-earned[None, ~used] + mus, 0)
        least = float(((on**2).sum(axis=1) + (off**2).sum(axis=1)).min())
        assert tangent_residual([earned], [mixed / mixed.sum()]) ** 2 == pytest.approx(least, abs=1e-6)


def test_certify_is_brute_force_in_floats() -> None:
    rng = np.random.default_rng(12)
    for _ in range(200):
        n = int(rng.integers(2, 5))
        game = NormalFormGame(rng.normal(size=(n, *rng.integers(2, 4, size=n))))
        profile = [rng.dirichlet(np.ones(k)) for k in game.shape]

        def value(play: list[np.ndarray], player: int, game: NormalFormGame = game) -> float:
            weights = play[0]
            for strategy in play[1:]:
                weights = np.multiply.outer(weights, strategy)
            return float((weights * game.payoffs[player]).sum())

        expected = []
        for i, k in enumerate(game.shape):
            deviations = [value([*profile[:i], np.eye(k)[a], *profile[i + 1 :]], i) for a in range(k)]
            expected.append(max(0.0, max(deviations) - value(profile, i)))
        assert certify(game, profile).regrets == pytest.approx(expected, abs=1e-12)


def test_regrets_of_kuhn_are_those_of_all_pure_plans() -> None:
    from itertools import product

    from gamesim.core.behaviour import BehaviourProfile, node_values
    from gamesim.envs.efg.poker import kuhn

    game = kuhn()
    rng = np.random.default_rng(3)
    play = BehaviourProfile(tuple(rng.dirichlet(np.ones(2)) for _ in game.sets))
    now = node_values(game, play)[0]
    for player, own in enumerate(game.sets_of):
        best = -np.inf
        for plan in product(range(2), repeat=len(own)):
            vectors = list(play.probabilities)
            for h, action in zip(own, plan, strict=True):
                vectors[h] = np.eye(2)[action]
            best = max(best, node_values(game, BehaviourProfile(tuple(vectors)))[0][player])
        assert certify(game, play).regrets[player] == pytest.approx(best - now[player], abs=1e-12)


@settings(max_examples=40)
@given(st.data(), normal_form_games(actions=(2, 4)))
def test_new_labels_move_the_best_responses(data: st.DataObject, game: NormalFormGame) -> None:
    orders = [data.draw(st.permutations(range(k))) for k in game.shape]
    profile = data.draw(mixed_profiles(game.shape, exact=True))
    moved = NormalFormGame(game.exact[np.ix_(range(game.n), *orders)])  # type: ignore[index]
    here = certify(game, profile)
    there = certify(moved, [x[order] for x, order in zip(profile, orders, strict=True)])
    assert here.regrets == there.regrets
    for i, (order, own) in enumerate(zip(orders, game.shape, strict=True)):
        earned = game.action_payoffs(i, profile)
        assert earned[order[there.best_responses[i]]] == earned[here.best_responses[i]]
        assert 0 <= there.best_responses[i] < own


def test_intervals_cover_in_five_hundred_repeats() -> None:
    """Cells of different noise and count; a weighted cell that was played once leaves the upper bound open."""
    rng = np.random.default_rng(21)
    truth = NormalFormGame(rng.normal(size=(2, 3, 2)))
    noise, counts = rng.uniform(0.2, 3, size=(2, 3, 2)), rng.integers(5, 60, size=(3, 2))
    profile = (np.array([0.5, 0.2, 0.3]), np.array([0.6, 0.4]))
    regrets = certify(truth, profile).regrets
    covered = 0
    for _ in range(500):
        game = EmpiricalGame((("a", "b", "c"), ("x", "y")))
        for cell in np.ndindex(3, 2):
            sample = (
                truth.payoffs[:, cell[0], cell[1]] + rng.normal(size=(counts[cell], 2)) * noise[:, cell[0], cell[1]]
            )
            game = game.add(cell, sample)
        intervals = certify(game, profile).details["intervals"]
        covered += all(low <= regret <= high for regret, (low, high) in zip(regrets, intervals, strict=True))
    assert covered >= 465


def test_certificates_know_no_solver() -> None:
    import ast
    import inspect

    from gamesim.core import certify as module

    tree = ast.parse(inspect.getsource(inspect.getmodule(module)))  # type: ignore[arg-type]
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    assert not any("analysis" in name or "agents" in name or "zero_sum" in name for name in imported)


def test_a_concept_of_ones_own() -> None:
    """A registered gap stands beside the Nash regrets."""
    from gamesim.core.preference_game import PreferenceGame

    game = PreferenceGame([[0.5, 0.8], [0.2, 0.5]], beta=0.1)
    certificate = certify(game, ([1.0, 0.0], [1.0, 0.0]), concept="regularised")
    assert certificate.concept == "regularised"
    assert certificate.gap_name == "regularised_gap"
    assert certificate.gap > 0
    assert certificate.nash_conv == 0
    with pytest.raises(SolverError, match="Concepts: nash"):
        certify(game, (0, 0), concept="serenity")
