"""Sums of payoffs, prices of anarchy and stability with their conditions, entropy, distances (section 6 of the spec)."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from gamesim_analysis.equilibrium.router import solve
from gamesim_analysis.equilibrium.sources import catalog
from gamesim_analysis.equilibrium.welfare import distance_to_set, entropy, optimum, welfare
from hypothesis import given, settings
from hypothesis import strategies as st

from gamesim.core.normal_form import NormalFormGame
from gamesim.testing.trees import random_tree


def test_prices_by_hand() -> None:
    stag = catalog("stag_hunt")
    worth = welfare(stag, solve(stag, every=True))
    sums = sorted(worth.equilibria)
    assert worth.optimum == 8
    assert worth.anarchy == worth.optimum / sums[0]
    assert (worth.stability, worth.of) == (1, "all equilibria")
    assert welfare(stag, solve(stag, "pure")).of == "those found"


def test_no_price_where_it_means_nothing() -> None:
    pennies = catalog("matching_pennies")
    assert welfare(pennies, solve(pennies)).reason == "some payoffs are negative"
    nothing = NormalFormGame(np.zeros((2, 2, 2), dtype=int))
    assert welfare(nothing, solve(nothing, "pure")).reason == "an equilibrium is worth nothing"
    assert welfare(pennies, solve(pennies, "pure")).reason == "no equilibrium is listed"
    leduc = catalog("leduc")
    assert optimum(leduc) is None


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_the_optimum_of_a_tree_is_that_of_its_table(seed: int) -> None:
    tree = random_tree(seed)
    if max(tree.strategy_count(i) for i in range(tree.n)) > 300:
        return
    table = tree.to_normal_form()
    assert optimum(tree) == table.exact.sum(axis=0).max()


def test_entropy_and_distance() -> None:
    pennies = catalog("matching_pennies")
    solution = solve(pennies, every=True)
    assert entropy(pennies, solution.equilibria[0].play) == pytest.approx(2 * math.log(2))
    assert entropy(pennies, ((1, 0), (0, 1))) == 0
    kuhn = catalog("kuhn")
    assert entropy(kuhn, solve(kuhn).equilibria[0].play) > 0
    chicken = catalog("chicken")
    found = solve(chicken, every=True)
    assert distance_to_set(((1, 0), (0, 1)), found) == 0
    assert distance_to_set(((Fraction(1, 2), Fraction(1, 2)),) * 2, found) == pytest.approx(1 / 6)
    assert distance_to_set(((1, 0), (0, 1)), []) is None
