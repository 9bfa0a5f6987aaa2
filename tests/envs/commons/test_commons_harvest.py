"""Catching and rationing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gamesim.core.seeds import Seeds
from gamesim.envs.commons import harvest

WANTED = arrays(np.float64, (3, 6), elements=st.integers(0, 40).map(float))
REAL = arrays(np.float64, (3, 6), elements=st.floats(0, 40))
STOCK = arrays(np.float64, (3,), elements=st.floats(0, 150))


def ration(rule, wanted, stock, seed):
    seeds = Seeds(seed)
    if rule == "proportional":
        return harvest.ration_proportional(wanted, stock)
    if rule == "sequential":
        return harvest.ration_sequential(wanted, stock, harvest.random_order(seeds.block("o", shape=wanted.shape)))
    clocks = -np.log1p(-seeds.block("l", shape=(*wanted.shape, 40)))
    short = wanted.sum(axis=1) > stock
    given = harvest.ration_lottery(wanted, stock, clocks)
    return np.where(short[:, None], given, wanted)


@pytest.mark.parametrize("rule", ["proportional", "sequential", "lottery"])
@given(wanted=st.one_of(WANTED, REAL), stock=STOCK, seed=st.integers(0, 2**32))
def test_everything_is_handed_out_and_nobody_gets_more_than_asked(rule, wanted, stock, seed):
    given_out = ration(rule, wanted, stock, seed)
    assert (given_out >= 0).all()
    assert (given_out <= wanted + 1e-9).all()
    assert given_out.sum(axis=1) == pytest.approx(np.minimum(stock, wanted.sum(axis=1)), abs=1e-8)


@given(wanted=WANTED, stock=st.integers(0, 150), seed=st.integers(0, 2**32))
def test_lottery_hands_out_whole_units(wanted, stock, seed):
    given_out = ration("lottery", wanted, np.full(3, float(stock)), seed)
    assert np.array_equal(given_out, np.round(given_out))


@given(wanted=REAL, stock=STOCK, order=st.permutations(range(6)))
def test_proportional_shares_do_not_depend_on_names(wanted, stock, order):
    order = list(order)
    assert ration("proportional", wanted[:, order], stock, 0) == pytest.approx(
        ration("proportional", wanted, stock, 0)[:, order], rel=1e-9
    )


def test_lottery_is_the_unit_by_unit_draw():
    """Against a loop that gives one unit at a time to a uniformly drawn agent who still wants some."""
    wanted, stock, runs = np.array([1.0, 3.0, 9.0]), 6, 20_000
    rng = np.random.default_rng(0)
    slow = np.zeros(3)
    for _ in range(runs):
        left = wanted.copy()
        for _ in range(stock):
            left[rng.choice(np.flatnonzero(left > 0))] -= 1
        slow += wanted - left
    rows = np.tile(wanted, (runs, 1))
    clocks = -np.log1p(-Seeds(1).block("lottery", shape=(runs, 3, 9)))
    fast = harvest.ration_lottery(rows, np.full(runs, float(stock)), clocks)
    spread = fast.std(axis=0) / np.sqrt(runs)
    assert np.abs(fast.mean(axis=0) - slow / runs).max() < 5 * np.sqrt(2) * spread.max()


def test_lottery_treats_equals_equally():
    rows = np.full((20_000, 4), 10.0)
    clocks = -np.log1p(-Seeds(2).block("lottery", shape=(20_000, 4, 10)))
    mean = harvest.ration_lottery(rows, np.full(20_000, 11.0), clocks).mean(axis=0)
    assert np.abs(mean - 2.75).max() < 0.06


@given(seed=st.integers(0, 2**32), productivity=st.floats(0.001, 1.0))
def test_shuffled_catch_is_one_after_the_other(seed, productivity):
    seeds = Seeds(seed)
    effort, u = seeds.block("e", shape=(3, 7)), seeds.block("u", shape=(3, 7))
    stock = 100 * seeds.block("s", shape=(3,))
    caught = harvest.catch_shuffled(effort, stock, productivity, harvest.random_order(u))
    for row in range(3):
        left = stock[row]
        for agent in np.argsort(u[row]):
            taken = productivity * effort[row, agent] * left
            assert caught[row, agent] == pytest.approx(taken, rel=1e-9, abs=1e-12)
            left -= taken


@given(seed=st.integers(0, 2**32), agents=st.integers(1, 70))
def test_random_order_is_the_order_of_the_uniforms(seed, agents):
    u = Seeds(seed).block("u", shape=(4, agents))
    assert np.array_equal(harvest.random_order(u), np.argsort(u, axis=1))


def test_a_newcomer_leaves_the_order_of_the_others():
    u = Seeds(3).block("u", shape=(50, 11))
    eleven, ten = harvest.random_order(u), harvest.random_order(np.ascontiguousarray(u[:, :10]))
    assert np.array_equal(eleven[eleven != 10].reshape(50, 10), ten)
