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
