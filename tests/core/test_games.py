"""Normal-form and symmetric games: definitions, and the two forms against each other."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gamesim.core.errors import GameFileError, SolverError
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.profiles import Joint, as_profile, pure, uniform
from gamesim.core.symmetric import SymmetricGame, count_vectors, opponent_counts
from gamesim.testing.strategies import mixed_profiles, normal_form_games, symmetric_games


def brute_force_payoffs(game: NormalFormGame, profile: tuple[np.ndarray, ...]) -> np.ndarray:
    """Expected payoffs as the definition has them: a sum over all pure profiles."""
    total = np.zeros(game.n)
    for cell in np.ndindex(*game.shape):
        total += np.prod([float(profile[i][a]) for i, a in enumerate(cell)]) * game.payoffs[(slice(None), *cell)]
    return total


@settings(deadline=None, max_examples=60)
@given(st.data(), normal_form_games())
def test_expected_payoffs_by_definition(data: st.DataObject, game: NormalFormGame) -> None:
    profile = data.draw(mixed_profiles(game.shape))
    assert np.allclose(game.expected(profile).astype(float), brute_force_payoffs(game, profile), atol=1e-9)
    for player in range(game.n):
        for action in range(game.shape[player]):
            deviation = list(profile)
            deviation[player] = np.eye(game.shape[player])[action]
            expected = brute_force_payoffs(game, tuple(deviation))[player]
            assert float(game.action_payoffs(player, profile)[action]) == pytest.approx(expected, abs=1e-9)


@settings(deadline=None, max_examples=40)
@given(st.data(), symmetric_games())
def test_the_two_forms_of_a_symmetric_game_agree(data: st.DataObject, game: SymmetricGame) -> None:
    full = game.to_normal_form()
    assert full.is_symmetric
    assert np.array_equal(full.to_symmetric().payoffs, game.payoffs)
    (strategy,) = data.draw(mixed_profiles((game.k,)))
    same = (strategy,) * game.n
    assert np.allclose(game.action_payoffs(strategy), full.action_payoffs(0, same).astype(float), atol=1e-9)
    assert game.expected(strategy) == pytest.approx(float(full.expected(same)[0]), abs=1e-9)
    others = data.draw(mixed_profiles((game.k,) * game.n))
    against = game.action_payoffs_against(others[1:]).astype(float)
    assert np.allclose(against, full.action_payoffs(0, others).astype(float), atol=1e-9)


@settings(deadline=None, max_examples=40)
@given(st.data(), normal_form_games())
def test_restriction_is_the_subtable(data: st.DataObject, game: NormalFormGame) -> None:
    kept = [data.draw(st.lists(st.integers(0, k - 1), min_size=1, unique=True)) for k in game.shape]
    small = game.restrict(kept)
    assert np.array_equal(small.payoffs, game.payoffs[np.ix_(range(game.n), *kept)])
    assert small.actions == tuple(tuple(game.actions[i][a] for a in some) for i, some in enumerate(kept))


@settings(deadline=None, max_examples=40)
@given(normal_form_games(), st.integers(1, 5), st.integers(-9, 9))
def test_pure_equilibria_survive_affine_payoffs(game: NormalFormGame, scale: int, shift: int) -> None:
    assert game.exact is not None
    moved = NormalFormGame(game.exact * scale + shift)
    assert moved.pure_equilibria() == game.pure_equilibria()


@settings(deadline=None, max_examples=40)
@given(st.data(), normal_form_games())
def test_relabelling_actions_relabels_the_pure_equilibria(data: st.DataObject, game: NormalFormGame) -> None:
    order = [data.draw(st.permutations(range(k))) for k in game.shape]
    moved = game.restrict(order).pure_equilibria()
    assert sorted(tuple(order[i][a] for i, a in enumerate(cell)) for cell in moved) == game.pure_equilibria()


def test_fractions_stay_fractions() -> None:
    third = Fraction(1, 3)
    game = NormalFormGame.bimatrix([[third, 0], [0, 2 * third]])
    value = game.expected(uniform(game.shape))
    assert value[0] == Fraction(1, 4)
    assert game.payoffs.dtype == np.float64
    assert game.is_zero_sum
    assert list(game.best_replies(1, (1, 0))) == [0]


def test_a_float_constant_sum_is_seen_within_rounding() -> None:
    chance = np.array([[0.9, 0.3], [0.1, 0.7]])
    game = NormalFormGame.bimatrix(chance, 1 - chance)
    assert game.is_constant_sum
    assert not game.is_zero_sum


@pytest.mark.parametrize(
    "payoffs",
    [
        np.zeros(3),
        np.zeros((2, 3)),
        np.zeros((3, 2, 2)),
        np.full((2, 2, 2), np.nan),
        np.zeros((0,)),
        [["a", "b"]],
        np.zeros((2, 0, 2)),
    ],
)
def test_a_table_that_is_no_game_is_refused(payoffs: object) -> None:
    with pytest.raises(GameFileError):
        NormalFormGame(payoffs)  # type: ignore[arg-type]


def test_labels_must_fit() -> None:
    with pytest.raises(GameFileError, match="repeat"):
        NormalFormGame(np.zeros((2, 2, 2)), (("c", "c"), ("c", "d")))
    with pytest.raises(GameFileError, match="labels for the 2"):
        NormalFormGame(np.zeros((2, 2, 2)), (("c",), ("c", "d")))
    with pytest.raises(GameFileError, match="columns"):
        SymmetricGame(3, np.zeros((2, 2)))


@pytest.mark.parametrize(
    "play", [(0,), (0, 2), ([0.5, 0.6], [1, 0]), ([1.5, -0.5], [1, 0]), ([1.0], [1, 0]), ([np.nan, 1], [1, 0])]
)
def test_play_that_does_not_fit_is_refused(play: object) -> None:
    with pytest.raises(SolverError):
        as_profile((2, 2), play)


def test_counts_are_all_ways_to_spread_players() -> None:
    counts = opponent_counts(4, 3)
    assert len(counts) == count_vectors(4, 3) == len({tuple(row) for row in counts.tolist()})
    assert (counts.sum(axis=1) == 4).all()
    assert opponent_counts(0, 2).tolist() == [[0, 0]]


def test_symmetric_restriction_and_limit() -> None:
    game = SymmetricGame(3, np.arange(18).reshape(3, 6))
    small = game.restrict([2, 0])
    assert small.payoff(0, (1, 1)) == game.payoff(2, (1, 0, 1))
    assert small.actions == ("2", "0")
    with pytest.raises(SolverError, match="limit"):
        game.to_normal_form(limit=10)


def test_one_player_is_a_decision() -> None:
    game = NormalFormGame([[1, 5, 3]])
    assert game.pure_equilibria() == [(1,)]
    assert SymmetricGame(1, [[1], [5]]).to_normal_form().pure_equilibria() == [(1,)]


def test_joint_of_a_profile_is_the_product() -> None:
    joint = Joint.of(pure((2, 3), (1, 2)))
    assert joint.probabilities[1, 2] == 1
    assert joint.probabilities.sum() == 1
    with pytest.raises(SolverError, match="sums to"):
        Joint(np.ones((2, 2)))
