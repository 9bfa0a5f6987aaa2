"""The zero-sum kernel by its definition: each side guarantees the value."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gamesim.core.errors import GameFileError
from gamesim.core.zero_sum import zero_sum
from gamesim.testing.strategies import zero_sum_matrices

numbers = st.one_of(st.integers(-6, 6), st.floats(-1e3, 1e3, allow_nan=False))


@settings(deadline=None, max_examples=150)
@given(zero_sum_matrices(payoffs=numbers))
def test_both_sides_guarantee_the_value(matrix: np.ndarray) -> None:
    value, row, column = zero_sum(matrix)
    scale = max(np.ptp(matrix), 1e-300)
    assert row.sum() == pytest.approx(1, abs=1e-12)
    assert column.sum() == pytest.approx(1, abs=1e-12)
    assert row.min() >= 0
    assert column.min() >= 0
    assert (row @ matrix).min() >= value - 2e-9 * scale - 1e-12
    assert (matrix @ column).max() <= value + 2e-9 * scale + 1e-12


@settings(deadline=None, max_examples=60)
@given(zero_sum_matrices(), st.integers(1, 9), st.integers(-9, 9))
def test_value_follows_affine_payoffs_and_duality(matrix: np.ndarray, scale: int, shift: int) -> None:
    value = zero_sum(matrix)[0]
    assert zero_sum(matrix * scale + shift)[0] == pytest.approx(value * scale + shift, abs=1e-8)
    assert zero_sum(-matrix.T)[0] == pytest.approx(-value, abs=1e-9)


def test_known_values() -> None:
    assert zero_sum([[3, 1], [0, 2]])[0] == pytest.approx(1.5)
    value, row, column = zero_sum([[2, 3], [1, 4]])  # a saddle point
    assert (value, row.tolist(), column.tolist()) == (2.0, [1.0, 0.0], [1.0, 0.0])
    value, row, _ = zero_sum([[0, -1, 2], [1, 0, -1], [-2, 1, 0]])  # rock pays double: odds of the other pairs' stakes
    assert value == pytest.approx(0, abs=1e-12)
    assert np.allclose(row, [0.25, 0.5, 0.25])


@pytest.mark.parametrize("unit", [1e-200, 1e-12, 1e12, 1e300])
def test_any_unit_of_payoff(unit: float) -> None:
    value, row, column = zero_sum(np.array([[0, -1, 2], [1, 0, -1], [-2, 1, 0]]) * unit)
    assert abs(value) <= 1e-9 * unit
    assert np.allclose(row, column)


def test_payoffs_at_the_end_of_the_float_range() -> None:
    value, row, _ = zero_sum(np.array([[1.7, -1.7], [-1.7, 1.7]]) * 1e308)
    assert value == 0
    assert np.allclose(row, 0.5)


@pytest.mark.parametrize("size", [30, 60])
def test_larger_random_games(size: int) -> None:
    matrix = np.random.default_rng(size).normal(size=(size, size + 7))
    value, row, column = zero_sum(matrix)
    assert (matrix @ column).max() - (row @ matrix).min() < 1e-9
    assert (row @ matrix).min() == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize("matrix", [[], [[]], [1, 2], [[np.inf, 0]], [[np.nan]]])
def test_what_is_no_matrix_game_is_refused(matrix: list[object]) -> None:
    with pytest.raises(GameFileError):
        zero_sum(matrix)
