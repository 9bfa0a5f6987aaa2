"""The best harvest over a finite horizon: closed forms, brute force on small lakes, and no plan that beats it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from gamesim_analysis.commons.bioeconomics import horizon_optimum, horizon_values, least_removal, value_table
from hypothesis import given, settings
from hypothesis import strategies as st

from gamesim.core.errors import MetricError
from gamesim.envs.commons.growth import GrowthLaw, advance, grow

GOVSIM = GrowthLaw("doubling_cap", capacity=100.0)


def test_logistic_from_a_full_lake():
    poor = horizon_optimum(GrowthLaw(rate=0.4, capacity=100.0), 100, 10, points=2221)
    assert poor.total == pytest.approx(190, abs=0.01)
    rich = GrowthLaw(rate=0.6, capacity=300.0)
    free, bound = horizon_optimum(rich, 300, 50), horizon_optimum(rich, 300, 50, max_fraction=0.3)
    assert free.total == pytest.approx(2505, rel=1e-4)
    assert bound.total == pytest.approx(2381.8, rel=2e-3)
    assert bound.total < free.total
    for plan in (poor, free, bound):
        assert plan.value == pytest.approx(plan.total, rel=1e-5)


@given(st.floats(0.05, 2.0), st.floats(10, 500), st.integers(1, 40))
def test_closed_form_holds_for_any_logistic_lake(r, k, horizon):
    plan = horizon_optimum(GrowthLaw(rate=r, capacity=k), k, horizon, points=401)
    assert plan.total == pytest.approx(k + (horizon - 1) * r * k / 4, rel=1e-6)


def test_govsim_twelve_months():
    plan = horizon_optimum(GOVSIM, 100, 12, integer=True, collapse=5)
    assert plan.total == plan.value == 650 == 100 + 11 * 50
    assert plan.total / 5 == 130
    assert plan.harvests == (50.0,) * 11 + (100.0,)
    assert len(plan.stocks) == 12


def test_govsim_from_lower_stocks_recovers_first():
    plan = horizon_optimum(GOVSIM, 20, 3, integer=True, collapse=5)
    # Leave all 20 -> 40; leave all 40 -> 80; take 80.
    assert plan.total == 80
    assert horizon_optimum(GOVSIM, 3, 5, integer=True, collapse=5).total == 3  # below 5 the lake ends this month


@settings(max_examples=60)
@given(
    st.integers(1, 9), st.integers(0, 9), st.integers(1, 4), st.integers(2, 3), st.sampled_from([1.0, 0.6, 0.34]),
    st.integers(0, 3), st.sampled_from(["after_harvest", "after_growth"]), st.sampled_from(["doubling_cap", "none"]),
    st.sampled_from(["harvest_then_grow", "grow_net"]), st.sampled_from([1, 3, 99]),
)  # fmt: skip
def test_integer_plans_equal_brute_force(k, start, horizon, factor, most, collapse, tested, kind, order, limit):
    start = min(start, k)
    law = GrowthLaw(kind, capacity=float(k), factor=float(factor), order=order)

    def best(stock, left):
        if left == 0:
            return 0
        values = []
        for taken in range(min(limit, int(most * stock + 1e-9)) + 1):
            rest = stock - taken
            following = float(advance(np.array(stock), np.array(rest), np.array(taken), law))
            left_over = rest if order == "harvest_then_grow" else following
            alive = collapse == 0 or (left_over >= collapse if tested == "after_harvest" else following > collapse)
            values.append(taken + (best(following, left - 1) if alive else 0))
        return max(values)

    plan = horizon_optimum(
        law, start, horizon, integer=True, max_fraction=most, max_harvest=limit, collapse=collapse, tested=tested
    )
    assert plan.total == plan.value == best(float(start), horizon)


CONTINUOUS = [
    GrowthLaw("logistic", rate=0.5, capacity=50.0),
    GrowthLaw("logistic", rate=2.4, capacity=50.0),
    GrowthLaw("doubling_cap", capacity=50.0),
    GrowthLaw("chemostat", rate=0.4, capacity=50.0),
    GrowthLaw("allee", rate=0.8, capacity=50.0, allee=8.0),
    GrowthLaw("none", capacity=50.0),
    GrowthLaw("logistic", rate=0.5, capacity=50.0, order="grow_net"),
    GrowthLaw("allee", rate=0.8, capacity=50.0, allee=8.0, order="grow_net"),
]


@settings(max_examples=25)
@given(
    st.sampled_from(CONTINUOUS),
    st.floats(1, 50),
    st.integers(1, 8),
    st.sampled_from([1.0, 0.5, 0.2]),
    st.integers(0, 999),
)
def test_no_random_plan_beats_it_and_it_can_be_played(law, start, horizon, most, seed):
    plan = horizon_optimum(law, start, horizon, max_fraction=most)
    s = np.array(start)
    for harvest, stock in zip(plan.harvests, plan.stocks, strict=True):
        assert float(s) == pytest.approx(stock, abs=1e-9)
        assert -1e-9 <= harvest <= most * stock + 1e-9
        s = advance(s, s - harvest, np.array(harvest), law)
    assert plan.value == pytest.approx(plan.total, rel=1e-4, abs=1e-3)
    rng = np.random.default_rng(seed)
    stocks, total = np.full(2000, start), np.zeros(2000)
    style = rng.random((2000, 1)) ** 3
    for u in (rng.random((2000, horizon)) * style).T:
        taken = most * u * stocks
        total += taken
        stocks = advance(stocks, stocks - taken, taken, law)
    assert total.max() <= plan.value + 1e-3


@pytest.mark.parametrize("law", CONTINUOUS, ids=lambda law: f"{law.law}-{law.rate:g}-{law.order}")
def test_a_small_exhaustive_grid_of_plans_finds_nothing_better(law):
    best = 0.0
    shares = np.linspace(0, 1, 21)
    for plan in itertools.product(shares, repeat=3):
        s, total = np.array(40.0), 0.0
        for share in plan:
            taken = share * s
            total += float(taken)
            s = advance(s, s - taken, taken, law)
        best = max(best, total)
    plan = horizon_optimum(law, 40.0, 3)
    assert best <= plan.total + 1e-6
    assert best >= 0.9 * plan.total


def test_values_of_many_stocks_and_the_policy_of_a_planner():
    law = GrowthLaw(rate=0.4, capacity=100.0)
    stocks = np.array([[10.0, 50.0], [77.7, 100.0]])
    values = horizon_values(law, stocks, 12)
    assert values.shape == (2, 2)
    singles = [horizon_optimum(law, s, 12).value for s in stocks.ravel()]
    assert values.ravel() == pytest.approx(singles, abs=1e-12)
    table = value_table(law, 12)
    assert table.harvest(stocks)[1, 1] == pytest.approx(50.0, abs=0.05)  # down to K/2 at once
    assert table.harvest(stocks, left=1) == pytest.approx(stocks)
    assert table.harvest([10.0]) == 0  # rebuilding
    with pytest.raises(MetricError, match=r"rounds to go must lie in 1\.\.12"):
        table.harvest(stocks, left=13)


@given(st.floats(5, 100), st.integers(2, 20))
def test_more_is_never_worse(stock, horizon):
    law = GrowthLaw(rate=0.5, capacity=100.0)

    def best(s, t, f=1.0, **kw):
        return horizon_optimum(law, s, t, max_fraction=f, points=501, **kw).value

    base = best(stock, horizon, 0.5)
    assert best(stock, horizon) >= base - 1e-6
    assert best(stock, horizon + 1, 0.5) >= base - 1e-6
    assert best(min(100, stock * 1.1), horizon, 0.5) >= base - 1e-6
    assert best(stock, horizon, 0.5, collapse=10) <= base + 1e-6
    assert best(stock, horizon, 0.5, discount=0.9) <= base + 1e-6


def test_discounting_takes_all_when_growth_is_slower_than_impatience():
    law = GrowthLaw(rate=0.3, capacity=100.0)
    plan = horizon_optimum(law, 100, 30, discount=0.5)
    assert plan.harvests[0] == pytest.approx(100)
    patient = horizon_optimum(law, 100, 30, discount=0.999)
    assert patient.harvests[0] < 60


def test_nothing_left_to_take():
    assert horizon_optimum(GrowthLaw(rate=0.3, capacity=100.0), 0, 5).total == 0
    assert horizon_optimum(GrowthLaw("none", capacity=10.0), 8, 5).total == pytest.approx(8)
    half = horizon_optimum(GrowthLaw("none", capacity=10.0), 8, 5, max_fraction=0.5)
    assert half.total == pytest.approx(8 * (1 - 0.5**5), rel=1e-3)


def test_inverse_has_its_own_question():
    law = GrowthLaw("inverse", capacity=100.0)
    with pytest.raises(MetricError, match="shortfall"):
        horizon_optimum(law, 100, 12)
    work = least_removal(law, 100, 12)
    assert work.total == 60
    assert set(work.removed) == {5.0}
    # Brute force over whole units on a small house.
    small = GrowthLaw("inverse", capacity=10.0, addition=4.0)

    def least(stock, left):
        if left == 0:
            return 0
        options = [
            x + least(float(grow(np.array(stock - x), small)), left - 1)
            for x in range(int(stock) + 1)
            if stock - x <= 8
        ]
        return min(options)

    for start in (3, 8, 10):
        assert least_removal(small, start, 4, limit=8).total == least(float(start), 4)
    with pytest.raises(MetricError, match="no nuisance"):
        least_removal(GOVSIM, 100, 12)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"horizon": 0}, "horizon 0"),
        ({"max_fraction": 0.0}, "max_fraction 0.0"),
        ({"discount": 1.5}, "discount 1.5"),
        ({"stock": 101}, r"stock must lie in 0\.\.100"),
        ({"stock": float("nan")}, "stock must lie"),
    ],
)
def test_bad_arguments(change, words):
    arguments = {"law": GOVSIM, "stock": 100, "horizon": 12} | change
    with pytest.raises(MetricError, match=words):
        horizon_optimum(**arguments)


def test_whole_plans_need_whole_stocks():
    with pytest.raises(MetricError, match="does not keep whole stocks whole"):
        horizon_optimum(GrowthLaw(rate=0.4, capacity=100.0), 100, 3, integer=True)
    with pytest.raises(MetricError, match="not a whole number"):
        horizon_optimum(GOVSIM, 10.5, 3, integer=True)
