"""Closed forms of the logistic stock against simulation with the environment's own growth law."""

from __future__ import annotations

import numpy as np
import pytest
from gamesim_analysis.commons.bioeconomics import (
    collapse_threshold,
    extinction_fraction,
    fixed_points,
    gordon_schaefer,
    law_extinction_fraction,
    law_yield,
    long_run,
    maximum_sustainable_yield,
    steady_point,
    steady_state,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gamesim.core.errors import MetricError
from gamesim.envs.commons.growth import GrowthLaw, grow, sustainable_harvest
from gamesim.envs.commons.growth import extinction_fraction as law_says
from gamesim.envs.commons.growth import maximum_sustainable_yield as law_most

LAWS = [
    GrowthLaw("logistic", rate=0.4, capacity=100.0),
    GrowthLaw("logistic", rate=1.7, capacity=80.0),
    GrowthLaw("logistic", rate=2.6, capacity=80.0),
    GrowthLaw("doubling_cap", capacity=100.0),
    GrowthLaw("doubling_cap", capacity=90.0, factor=3.0),
    GrowthLaw("inverse", capacity=100.0),
    GrowthLaw("chemostat", rate=0.3, capacity=60.0),
    GrowthLaw("allee", rate=0.5, capacity=100.0, allee=20.0),
    GrowthLaw("allee", rate=2.0, capacity=100.0, allee=10.0),
    GrowthLaw("none", capacity=100.0),
]


def name(law):
    return f"{law.law}-{law.rate:g}-{law.order}"


def test_yield_harvest_then_grow():
    best = maximum_sustainable_yield(0.4, 100)
    assert best.harvest == pytest.approx(10.0, abs=1e-6)
    assert best.escapement == pytest.approx(50.0, abs=1e-6)
    assert best.stock == pytest.approx(60.0, abs=1e-6)
    assert best.fraction == pytest.approx(1 / 6, abs=1e-6)
    assert best.effort(0.05) == pytest.approx(3.333333, abs=1e-6)


def test_steady_stocks_equal_long_simulations():
    law = GrowthLaw(rate=0.4, capacity=100.0)
    for fraction, stock in ((0.10, 80.2469), (0.20, 46.8750)):
        assert steady_state(fraction, 0.4, 100) == pytest.approx(stock, abs=1e-4)
        assert long_run(law, 100.0, fraction=fraction) == pytest.approx(steady_state(fraction, 0.4, 100), abs=1e-4)


def test_extinction():
    law = GrowthLaw(rate=0.4, capacity=100.0)
    border = extinction_fraction(0.4)
    assert border == pytest.approx(0.285714, abs=1e-6)
    assert long_run(law, 100.0, fraction=1.01 * border) < 1e-4
    assert long_run(law, 100.0, fraction=0.95 * border) == pytest.approx(9.4195, abs=1e-3)
    assert steady_state(0.95 * border, 0.4, 100) == pytest.approx(9.4195, abs=1e-3)
    assert (extinction_fraction(0.2), extinction_fraction(0.6)) == pytest.approx((1 / 6, 0.375), abs=1e-12)
    assert steady_state(border, 0.4, 100) == 0


def test_grow_net():
    best = maximum_sustainable_yield(0.4, 100, "grow_net")
    assert (best.fraction, best.stock, best.harvest) == pytest.approx((0.2, 50.0, 10.0), abs=1e-9)
    assert steady_state(0.1, 0.4, 100, "grow_net") == pytest.approx(75.0, abs=1e-9)


@given(st.floats(0.05, 3.5), st.floats(0.0, 1.0))
def test_grow_net_is_stable_iff_growth_less_fraction_is_in_0_2(r, a):
    """By iterating the uncut map from beside its steady state, not by trusting the slope."""
    gap = r - a
    assume(min(abs(gap), abs(gap - 2)) > 0.02 and a < r)
    point = steady_point(a, r, 100.0, "grow_net")
    assert point.stock == pytest.approx(100 * (1 - a / r))
    assert point.stable == (0 < gap < 2)
    s = point.stock + 1e-6
    for _ in range(1500):
        s = s + r * s * (1 - s / 100) - a * s
        if abs(s - point.stock) > 1:
            break
    assert (abs(s - point.stock) < 1e-6) == point.stable


@settings(max_examples=40)
@given(st.floats(0.05, 3.0), st.floats(0.0, 0.95))
def test_harvest_then_grow_slope_and_limit_are_those_of_the_environment(r, a):
    law = GrowthLaw(rate=r, capacity=100.0)
    border = extinction_fraction(r)
    assume(abs(a - border) > 0.01 and abs(r * (1 - a) - 1) > 0.01)
    point = steady_point(a, r, 100.0)
    assert float(grow(np.array((1 - a) * point.stock), law)) == pytest.approx(point.stock, abs=1e-9)
    assert float(long_run(law, 100.0, fraction=a)) == pytest.approx(point.stock, abs=1e-6)
    if 0 < point.stock < 100:
        near = [float(grow(np.array((1 - a) * (point.stock + h)), law)) for h in (1e-4, -1e-4)]
        assert point.slope == pytest.approx((near[0] - near[1]) / 2e-4, abs=1e-6)


@settings(max_examples=40)
@given(st.floats(0.05, 2.9), st.floats(0.0, 0.95))
def test_grow_net_rests_where_theory_says_also_beyond_r_1(r, a):
    law = GrowthLaw(rate=r, capacity=100.0, order="grow_net")
    point = steady_point(a, r, 100.0, "grow_net")
    assume(abs(point.slope) < 0.98 and abs(r - a) > 0.02)
    assert float(long_run(law, 90.0, fraction=a)) == pytest.approx(point.stock, abs=1e-4)


def test_rich_lake_at_full_effort_cannot_be_emptied():
    stock = steady_state(0.30, 0.6, 300)
    assert stock == pytest.approx(122.4490, abs=1e-4)
    assert 0.30 * stock / 10 == pytest.approx(3.6735, abs=1e-4)
    assert extinction_fraction(0.6) > 0.30
    assert maximum_sustainable_yield(0.2, 300).harvest == pytest.approx(15.0)


def test_gordon_schaefer_values():
    g = gordon_schaefer(8, 0.4, 100, 0.05, 1)
    assert (g.effort_optimum, g.effort_nash, g.effort_open_access) == pytest.approx((3.2, 5.688889, 6.4), abs=1e-6)
    assert (g.rent_optimum, g.rent_nash) == pytest.approx((6.4, 2.528395), abs=1e-6)
    assert g.ratio == pytest.approx(32 / 81, abs=1e-12)


@pytest.mark.parametrize("n", range(1, 51))
def test_gordon_schaefer_ratio(n):
    g = gordon_schaefer(n, 0.37, 140, 0.03, 0.8)
    assert g.ratio == pytest.approx(4 * n / (n + 1) ** 2, abs=1e-12)
    each = g.effort_nash / n
    assert g.best_reply(g.effort_nash - each) == pytest.approx(each, abs=1e-12)
    assert g.rent(g.effort_open_access) == pytest.approx(0, abs=1e-9)
    assert g.stock_open_access == pytest.approx(0.8 / 0.03)  # rent is gone where a unit of effort catches what it costs


@given(st.integers(1, 12), st.floats(0.1, 2), st.floats(0.001, 0.2), st.floats(0, 3))
def test_gordon_schaefer_nash_by_definition(n, r, alpha, cost):
    g = gordon_schaefer(n, r, 100, alpha, cost)
    if g.ratio is None:
        assert (g.effort_nash, g.rent_optimum) == (0, 0)
        assert g.reason
        return
    each, others = g.effort_nash / n, g.effort_nash * (n - 1) / n

    def payoff(e):
        return e * (g.margin - g.slope * (e + others))

    assert all(payoff(e) <= payoff(each) + 1e-9 for e in np.linspace(0, 2 * g.effort_open_access, 400))
    assert all(g.rent(e) <= g.rent_optimum + 1e-9 for e in np.linspace(0, g.effort_open_access, 200))


@pytest.mark.parametrize("law", LAWS, ids=name)
def test_yield_of_every_law_is_the_maximum_by_search(law):
    found = law_yield(law)
    grid = np.linspace(0, law.capacity, 200_001)
    assert found.harvest == pytest.approx(float((grow(grid, law) - grid).max()), abs=2e-3)
    assert found.harvest == pytest.approx(law_most(law), abs=2e-3)
    # It repeats itself: what is left grows back to the stock it was taken from.
    assert float(grow(np.array(found.stock - found.harvest), law)) == pytest.approx(found.stock, abs=1e-9)
    # Nor does any stock sustain more.
    assert float(sustainable_harvest(grid[::40], law).max()) <= found.harvest + 1e-6


@pytest.mark.parametrize("law", [law for law in LAWS if law.law == "logistic"], ids=name)
@pytest.mark.parametrize("order", ["harvest_then_grow", "grow_net"])
def test_closed_form_yield_is_the_laws(law, order):
    law = GrowthLaw(law.law, law.rate, law.capacity, order=order)
    ours, general = maximum_sustainable_yield(law.rate, law.capacity, order), law_yield(law)
    assert ours.harvest == pytest.approx(general.harvest, abs=1e-9)
    assert ours.stock == pytest.approx(general.stock, abs=1e-9)


@pytest.mark.parametrize("order", ["harvest_then_grow", "grow_net"])
@pytest.mark.parametrize("law", LAWS, ids=name)
def test_extinction_fraction_of_every_law_by_simulation(law, order):
    if law.law == "inverse" and order == "grow_net":
        return  # not playable
    law = GrowthLaw(law.law, law.rate, law.capacity, law.factor, law.addition, law.allee, order)
    border = law_extinction_fraction(law)
    if law_says(law) is not None:
        assert border == pytest.approx(law_says(law))
    starts = np.linspace(0.01, 1, 50) * law.capacity
    if border is None:
        fractions = np.array([0.5, 0.99])
        assert (long_run(law, law.capacity, fraction=fractions, rounds=500) > 0).all()
        return
    if 1.02 * border <= 1:
        above = max(1.02 * border, 0.01)
        assert long_run(law, starts, fraction=above, rounds=6000).max() < 1e-6 * law.capacity
    if border > 0 and law.rate < 2 and 0.97 * border <= 1:
        assert long_run(law, starts, fraction=0.97 * border, rounds=6000).max() > 1e-3 * law.capacity


@settings(max_examples=15)
@given(st.floats(0.1, 0.9), st.floats(0.05, 0.6), st.floats(0.0, 0.25))
def test_allee_threshold_is_where_the_fate_turns(rate, share, fraction):
    law = GrowthLaw("allee", rate=rate, capacity=100.0, allee=100 * share)
    border = collapse_threshold(law, fraction=fraction)
    worst = law_extinction_fraction(law)
    assume(abs(fraction - worst) > 0.01)
    if fraction > worst:
        assert border is None
        return
    # g((1-a)R) = R on the rest E = (1-a)R: E^2 - (A+K) E + A K (1 + a/(r (1-a))) = 0, lower root.
    a, k, q = law.allee, 100.0, fraction / (rate * (1 - fraction))
    rest = ((a + k) - np.sqrt((k - a) ** 2 - 4 * a * k * q)) / 2
    assert border == pytest.approx(rest / (1 - fraction), rel=1e-6)
    below, above = long_run(law, [0.98 * border, min(100.0, 1.02 * border)], fraction=fraction, rounds=20_000)
    assert below < 1e-3
    assert above > border


def test_quota_threshold_by_hand_and_by_simulation():
    law = GrowthLaw(rate=0.4, capacity=100.0)
    border = collapse_threshold(law, quota=8.0)
    rest = 50 - np.sqrt(2500 - 8.0 * 100 / 0.4)  # r E (1 - E/K) = Q
    assert border == pytest.approx(rest + 8.0, abs=1e-6)
    low, high = long_run(law, [border - 0.1, border + 0.1], quota=8.0)
    assert low == 0
    assert high == pytest.approx(100 - rest + 8.0, abs=1e-6)  # the other root of the same equation
    assert collapse_threshold(law, quota=10.01) is None


def test_fixed_points_of_a_whole_stretch_are_refused():
    with pytest.raises(MetricError, match="a whole stretch of stocks is steady"):
        fixed_points(GrowthLaw("none", capacity=10.0))
    assert [p.stock for p in fixed_points(GrowthLaw("none", capacity=10.0), fraction=0.1)] == [0.0]


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: maximum_sustainable_yield(0, 100), "growth must be"),
        (lambda: maximum_sustainable_yield(0.4, float("nan")), "capacity must be"),
        (lambda: maximum_sustainable_yield(0.4, 100, "grow_then_harvest"), "no order 'grow_then_harvest'"),
        (lambda: steady_state(1.2, 0.4, 100), "fraction must lie in 0..1"),
        (lambda: gordon_schaefer(0, 0.4, 100, 0.05, 1), "players must be at least 1"),
        (lambda: long_run(LAWS[0], 101.0), "stock must lie in 0..100"),
        (lambda: collapse_threshold(LAWS[0], fraction=-0.1), "fraction must lie"),
        (lambda: maximum_sustainable_yield(0.4, 100).effort(0), "catchability"),
    ],
)
def test_bad_numbers(call, words):
    with pytest.raises(MetricError, match=words):
        call()
