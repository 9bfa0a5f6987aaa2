"""Empirical games against numpy on the stored samples, and against the theorems of sampling."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gamesim.core.canonical import canonical
from gamesim.core.empirical import EmpiricalGame
from gamesim.core.errors import SolverError
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.symmetric import SymmetricGame

ASYMMETRIC = EmpiricalGame((("a", "b"), ("x", "y", "z")))
SYMMETRIC = EmpiricalGame((("a", "b"),), roles=(0, 0, 0))
MIXED = EmpiricalGame((("lead",), ("a", "b")), roles=(1, 0, 1))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(1, 7), min_size=1, max_size=6), st.integers(0, 2**32 - 1), st.permutations(range(6)))
def test_moments_are_numpys_in_any_order(sizes: list[int], seed: int, order: list[int]) -> None:
    rng = np.random.default_rng(seed)
    batches = [rng.normal(1e3, 2.0, size=(size, 2)) for size in sizes]
    whole = np.concatenate(batches)
    parts = [ASYMMETRIC.add((1, 2), batches[i]) for i in order if i < len(batches)]
    game = parts[0]
    for part in parts[1:]:
        game = game.merge(part)
    assert np.allclose(game.mean[:, 1, 2], whole.mean(axis=0), rtol=0, atol=1e-10 * 1e3)
    assert game.count[1, 2] == len(whole)
    if len(whole) > 1:
        assert np.allclose(game.cells[(1, 2)].covariance, np.cov(whole, rowvar=False), rtol=1e-9, atol=1e-9)
        at_once = ASYMMETRIC.add((1, 2), whole)
        assert np.allclose(game.variance[:, 1, 2], at_once.variance[:, 1, 2], rtol=1e-9)


def test_profiles_are_sorted_within_roles_and_returns_follow_their_players() -> None:
    game = MIXED.add((1, 0, 0), [10.0, 20.0, 30.0])
    assert list(game.cells) == [(0, 0, 1)]
    assert game.cells[(0, 0, 1)].mean.tolist() == [30.0, 20.0, 10.0]
    assert game.mean[:, 1, 0, 0].tolist() == [10.0, 20.0, 30.0]
    assert game.mean[:, 0, 0, 1].tolist() == [30.0, 20.0, 10.0]
    assert game.missing() == [(0, 0, 0), (1, 0, 1)]


def test_players_of_one_role_and_policy_share_their_mean() -> None:
    game = SYMMETRIC.add((0, 0, 1), [[1.0, 3.0, 9.0], [2.0, 4.0, 9.0]])
    assert game.mean[:, 0, 0, 1].tolist() == [2.5, 2.5, 9.0]
    assert game.mean[:, 1, 0, 0].tolist() == [9.0, 2.5, 2.5]
    # the mean of two places of equal returns plus a constant has the variance of one place
    assert game.standard_error[0, 0, 0, 1] == pytest.approx(math.sqrt(0.5 / 2))


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 4), st.integers(2, 9), st.integers(0, 2**32 - 1), st.floats(1e-6, 1e6))
def test_a_resampled_zero_sum_table_is_zero_sum(players: int, episodes: int, seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    game = EmpiricalGame((("a", "b"),) * players)
    for profile in np.ndindex(*game.shape):
        returns = rng.normal(size=(episodes, players)) * scale
        game = game.add(profile, returns - returns.mean(axis=1, keepdims=True))
    drawn = game.resample(rng)
    assert not np.array_equal(drawn.mean, game.mean)
    assert np.abs(drawn.mean.sum(axis=0)).max() <= 1e-9 * scale
    assert np.array_equal(drawn.count, game.count)


def test_resamples_spread_like_the_mean_does() -> None:
    rng = np.random.default_rng(5)
    samples = rng.multivariate_normal([1.0, -2.0], [[4.0, -1.5], [-1.5, 1.0]], size=400)
    game = EmpiricalGame((("a",), ("b",))).add((0, 0), samples)
    draws = np.array([game.resample(rng).mean[:, 0, 0] for _ in range(4000)])
    assert np.allclose(np.cov(draws, rowvar=False), np.cov(samples, rowvar=False) / 400, rtol=0.15, atol=3e-4)
    assert np.allclose(draws.mean(axis=0), game.mean[:, 0, 0], atol=0.01)


def test_resample_is_a_function_of_its_generator() -> None:
    game = ASYMMETRIC.add((0, 0), np.arange(8.0).reshape(4, 2))
    first, second = (game.resample(np.random.default_rng(3)).mean[:, 0, 0] for _ in range(2))
    assert first.tolist() == second.tolist()


def test_intervals_cover_the_mean() -> None:
    rng = np.random.default_rng(11)
    covered = 0
    for _ in range(2000):
        low, high = EmpiricalGame((("a",),)).add((0,), rng.normal(3.0, 2.0, size=(12, 1))).interval()
        covered += bool(low[0, 0] <= 3.0 <= high[0, 0])
    assert 0.93 <= covered / 2000 <= 0.97


def test_intervals_of_one_none_and_exact() -> None:
    game = EmpiricalGame((("a", "b", "c"),)).add((0,), [1.0]).known((1,), [5.0])
    low, high = game.interval()
    assert low[0, 0] == -np.inf
    assert high[0, 0] == np.inf
    assert low[0, 1] == high[0, 1] == 5.0
    assert np.isnan(low[0, 2])


def test_exact_cells_stay_exact() -> None:
    game = ASYMMETRIC.known((0, 0), [1.0, -1.0])
    assert game.add((0, 0), [[9.0, 9.0]], {"crash": 1}).mean[:, 0, 0].tolist() == [1.0, -1.0]
    assert game.resample(np.random.default_rng(0)).mean[0, 0, 0] == 1.0
    with pytest.raises(SolverError, match="differ"):
        game.known((0, 0), [2.0, -2.0])


def test_merge_unites_pools_by_name() -> None:
    left = EmpiricalGame((("a", "b"),), (0, 0)).add((0, 1), [1.0, 2.0], {"crash": 2})
    right = EmpiricalGame((("c", "b", "a"),), (0, 0)).add((1, 2), [5.0, 3.0], {"crash": 1, "tie": 4})
    both = left.merge(right)
    assert both.policies == (("a", "b", "c"),)
    cell = both.cells[(0, 1)]
    assert cell.count == 2
    assert cell.mean.tolist() == [2.0, 3.5]  # a got 1 and 3, b got 2 and 5
    assert cell.events == {"crash": 3, "tie": 4}
    assert (0, 2) in both.missing()


def test_to_game_names_what_was_never_played() -> None:
    with pytest.raises(SolverError, match="3 profiles were never played: a / a"):
        EmpiricalGame((("a", "b"),), (0, 0)).to_game()


def test_to_game_is_by_counts_for_one_role_and_dense_otherwise() -> None:
    game = SYMMETRIC
    for i, profile in enumerate(game.profiles()):
        game = game.add(profile, np.arange(3.0) + i)
    solved = game.to_game()
    assert isinstance(solved, SymmetricGame)
    assert np.array_equal(solved.to_normal_form().payoffs, game.mean)
    dense = EmpiricalGame.exact(NormalFormGame(np.arange(12.0).reshape(2, 2, 3)))
    back = dense.to_game()
    assert isinstance(back, NormalFormGame)
    assert np.array_equal(back.payoffs, np.arange(12.0).reshape(2, 2, 3))


def test_json_there_and_back() -> None:
    game = MIXED.add((1, 0, 0), np.random.default_rng(0).normal(size=(3, 3)), {"crash": 1}).known((0, 0, 0), [1, 2, 3])
    data = game.as_dict()
    assert canonical(EmpiricalGame.from_dict(data).as_dict()) == canonical(data)
    assert np.array_equal(EmpiricalGame.from_dict(data).mean, game.mean, equal_nan=True)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: ASYMMETRIC.add((0, 3), [1.0, 2.0]),
        lambda: ASYMMETRIC.add((0,), [1.0, 2.0]),
        lambda: ASYMMETRIC.add((0, 0), [1.0, 2.0, 3.0]),
        lambda: ASYMMETRIC.add((0, 0), [1.0, np.nan]),
        lambda: ASYMMETRIC.profile(("a", "q")),
        lambda: EmpiricalGame((("a", "a"),)),
        lambda: EmpiricalGame((("a",),), (1,)),
        lambda: EmpiricalGame(((),)),
        lambda: ASYMMETRIC.merge(SYMMETRIC),
        lambda: ASYMMETRIC.interval(1.5),
    ],
)
def test_wrong_input_is_refused(wrong: object) -> None:
    with pytest.raises(SolverError):
        wrong()  # type: ignore[operator]
