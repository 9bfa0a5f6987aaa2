"""Growth laws against closed forms, and the society's stock against theory (logistic, constant total effort)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gamesim.envs.commons.config import Commons
from gamesim.envs.commons.growth import (
    GrowthLaw,
    advance,
    extinction_fraction,
    grow,
    maximum_sustainable_yield,
    sustainable_harvest,
)

ALONE = {"sanctions": None, "revision": None, "voting": None}


def constant(fraction, rounds, *, rate, capacity=100.0, players=10, order="harvest_then_grow"):
    """A society in which everybody always plays effort 1, taking that fraction of the stock in all."""
    config = Commons.model_validate(
        {
            "players": players,
            "horizon": rounds,
            "growth": {"rate": rate, "capacity": capacity, "minimum": 0, "order": order},
            "harvest": {"productivity": fraction / players},
            "upkeep": {"consumption": 0, "starvation": "none"},
            "collapse": "stock",
            "institutions": ALONE,
        }
    )
    society = config.batched(1)
    batch = society.reset([0])
    efforts = np.ones((1, players))
    while batch.needs_action.any():
        batch = society.step(efforts)
    return batch


def before_harvest(fraction, rate):
    """The steady stock before the harvest, of 100."""
    return 100 * (1 - fraction / (rate * (1 - fraction))) / (1 - fraction)


@pytest.mark.parametrize(("fraction", "expected"), [(0.10, 80.2469), (0.20, 46.8750)])
def test_steady_stock_equals_theory(fraction, expected):
    batch = constant(fraction, 4000, rate=0.4)
    theory = before_harvest(fraction, 0.4)
    assert batch.outcome["stock_final"][0] == pytest.approx(theory, abs=1e-4)
    assert theory == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("rate", [0.2, 0.4, 0.6])
def test_extinction_fraction_is_where_the_stock_vanishes(rate):
    edge = extinction_fraction(GrowthLaw(rate=rate))
    assert edge == pytest.approx(rate / (1 + rate), abs=1e-12)
    assert constant(1.01 * edge, 10_000, rate=rate).outcome["stock_final"][0] < 1e-4
    left = constant(0.95 * edge, 4000, rate=rate).outcome["stock_final"][0]
    assert left == pytest.approx(before_harvest(0.95 * edge, rate), abs=1e-3)


def test_stated_figures_of_the_extinction_experiment():
    assert extinction_fraction(GrowthLaw(rate=0.4)) == pytest.approx(0.285714, abs=1e-6)
    assert extinction_fraction(GrowthLaw(rate=0.2)) == pytest.approx(1 / 6, abs=1e-12)
    assert extinction_fraction(GrowthLaw(rate=0.6)) == pytest.approx(0.375, abs=1e-12)
    assert constant(0.95 * 0.4 / 1.4, 4000, rate=0.4).outcome["stock_final"][0] == pytest.approx(9.4195, abs=1e-3)
    assert constant(1.01 * 0.4 / 1.4, 4000, rate=0.4).outcome["stock_final"][0] < 1e-4


def test_grow_net_rests_at_its_own_steady_state():
    batch = constant(0.2, 2000, rate=0.4, order="grow_net")
    assert batch.outcome["stock_final"][0] == pytest.approx(50.0, abs=1e-9)
    assert batch.reward[0].sum() == pytest.approx(10.0, abs=1e-9)
    assert constant(0.1, 2000, rate=0.4, order="grow_net").outcome["stock_final"][0] == pytest.approx(75.0, abs=1e-9)


@pytest.mark.parametrize("rate", [0.5, 1.2, 1.8, 2.05, 2.2, 2.6])
@pytest.mark.parametrize("fraction", [0.1, 0.4])
def test_grow_net_is_locally_stable_iff_the_slope_says_so(rate, fraction):
    """R' = R + rR(1-R/K) - aR has slope 1 - (r - a) at its steady state."""
    law = GrowthLaw(rate=rate, capacity=1000.0, order="grow_net")
    steady = 1000 * (1 - fraction / rate)
    stock = np.array([steady * (1 + 1e-6)])
    for _ in range(400):
        stock = advance(stock, stock, fraction * stock, law)
    near = abs(stock[0] - steady) < 1e-6 * steady
    assert near == (0 < rate - fraction < 2)


def test_rich_society_cannot_exhaust_its_stock():
    batch = constant(0.30, 500, rate=0.6, capacity=300.0)
    assert batch.outcome["stock_final"][0] == pytest.approx(122.4490, abs=1e-4)
    assert batch.reward[0, 0] == pytest.approx(3.6735, abs=1e-4)


def test_yields_and_the_warning_they_give():
    assert maximum_sustainable_yield(GrowthLaw(rate=0.4, capacity=100.0)) == pytest.approx(10.0, abs=1e-12)
    assert maximum_sustainable_yield(GrowthLaw(rate=0.2, capacity=300.0)) == pytest.approx(15.0, abs=1e-12)
    harsh = {"growth": {"rate": 0.2}}
    assert any("15" in text for text in Commons.model_validate(harsh | {"upkeep": {"consumption": 2}}).warnings())
    enough = Commons.model_validate(harsh | {"upkeep": {"consumption": 1.5}})
    assert not any("yield" in text for text in enough.warnings())


LAWS = [
    GrowthLaw(rate=0.4, capacity=100.0),
    GrowthLaw(rate=1.7, capacity=100.0),
    GrowthLaw("doubling_cap", capacity=100.0),
    GrowthLaw("doubling_cap", capacity=100.0, factor=1.5),
    GrowthLaw("inverse", capacity=100.0),
    GrowthLaw("chemostat", rate=0.3, capacity=100.0),
    GrowthLaw("chemostat", rate=1.0, capacity=100.0),
    GrowthLaw("allee", rate=0.8, capacity=100.0, allee=30.0),
    GrowthLaw("none", capacity=100.0),
]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: f"{law.law}-{law.rate}-{law.factor}")
@given(share=st.floats(0, 1))
def test_sustainable_harvest_by_definition(law, share):
    """f(S) is the largest x with g(S - x) >= S: it restores the stock, and a little more does not."""
    stock = np.array([share * law.capacity])
    most = sustainable_harvest(stock, law)
    assert 0 <= most[0] <= stock[0]
    restores = grow(stock - most, law)[0] >= stock[0] - 1e-6 * law.capacity
    assert restores or most[0] == 0.0
    if most[0] < stock[0] - 1e-3 and stock[0] > 0:
        more = stock - most - 1e-3 * law.capacity
        assert more[0] < 0 or grow(more, law)[0] < stock[0] + 1e-9 or law.law == "allee"


@pytest.mark.parametrize("law", LAWS, ids=lambda law: f"{law.law}-{law.rate}-{law.factor}")
def test_maximum_yield_is_the_largest_surplus(law):
    stock = np.linspace(0, law.capacity, 200_001)
    assert maximum_sustainable_yield(law) == pytest.approx((grow(stock, law) - stock).max(), abs=1e-3)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: f"{law.law}-{law.rate}-{law.factor}")
@given(share=st.floats(0, 1))
def test_stock_stays_within_bounds(law, share):
    grown = grow(np.array([share * law.capacity]), law)[0]
    assert 0 <= grown <= law.capacity


def test_threshold_figures_of_govsim():
    law = GrowthLaw("doubling_cap", capacity=100.0)
    assert sustainable_harvest(np.array([100.0]), law, integer=True)[0] == 50
    assert sustainable_harvest(np.array([60.0]), law, integer=True)[0] == 30
    assert sustainable_harvest(np.array([61.0]), law, integer=True)[0] == 30
