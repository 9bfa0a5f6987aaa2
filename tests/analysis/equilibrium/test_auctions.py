"""Position auctions: welfare against all placements, payments against the definition, revenue against theory."""

from __future__ import annotations

import json
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from gamesim_analysis.equilibrium.auction import (
    allocate,
    cascade_best,
    cascade_heuristic,
    cascade_welfare,
    incentive_check,
    myerson_revenue,
    truthful_reports,
    vcg,
)
from gamesim_analysis.equilibrium.router import choose, solve
from gamesim_analysis.equilibrium.told import certificate_in_words, facts, told
from hypothesis import given, settings
from hypothesis import strategies as st

from gamesim.core.errors import GameFileError, UnsupportedGameError
from gamesim.envs.mechanism.position_auction import PositionAuction, position_auction
from gamesim.envs.repeated.stage_games import chicken


def cases(count: int, seed: int, most: int = 4) -> Any:
    rng = np.random.default_rng(seed)
    for _ in range(count):
        n, m = (int(x) for x in rng.integers(1, most + 1, 2))
        yield rng.uniform(0, 1, n), rng.uniform(0.05, 3, (n, m)), int(rng.integers(1, m + 1))


def brute_welfare(values: Any, weights: Any, most: int) -> float:
    """Over every way to put ads into slots, by the formula."""
    n, m = weights.shape
    best = 0.0
    ads = [*range(n), *[-1] * m]
    for row in set(permutations(ads, m)):
        shown = [(i, j) for j, i in enumerate(row) if i >= 0]
        if len(shown) <= most:
            there = [weights[i, j] for i, j in shown]
            best = max(best, sum(values[i] * w for (i, _), w in zip(shown, there, strict=True)) / (1 + sum(there)))
    return best


# ---- statement 58 --------------------------------------------------------------------------------------------------------


def test_welfare_equals_all_placements() -> None:
    steps = []
    for values, weights, most in cases(300, 58):
        found = allocate(values, weights, most)
        assert found.welfare == pytest.approx(PositionAuction(weights, most).best(values[None])[1][0], abs=1e-12)
        assert found.welfare == pytest.approx(float((values * found.clicks).sum()), abs=1e-12)
        assert sum(slot >= 0 for slot in found.slots) <= most
        steps.append(found.iterations)
    assert max(steps) <= 8


def test_both_equal_a_brute_force_of_their_own() -> None:
    for values, weights, most in cases(40, 5, 3):
        assert allocate(values, weights, most).welfare == pytest.approx(brute_welfare(values, weights, most), abs=1e-12)


@pytest.mark.parametrize(("second", "shown", "welfare"), [(0.4, 1, 0.5), (0.6, 2, 1.6 / 3)])
def test_one_ad_or_both(second: float, shown: int, welfare: float) -> None:
    found = allocate([1, second], [[1, 1], [1, 1]])
    assert sum(slot >= 0 for slot in found.slots) == shown
    assert found.welfare == pytest.approx(welfare, abs=1e-15)


@settings(max_examples=100, deadline=None)
@given(st.floats(0.01, 1), st.floats(0.01, 1), st.floats(0.05, 9))
def test_the_second_ad_enters_above_its_threshold(one: float, other: float, w: float) -> None:
    first, second = max(one, other), min(one, other)
    threshold = first * w / (1 + w)
    if abs(second - threshold) > 1e-9:
        assert (allocate([first, second], [[w, w], [w, w]]).slots[1] >= 0) == (second > threshold)


def test_large_auctions_are_solved_without_a_list() -> None:
    rng = np.random.default_rng(0)
    found = allocate(rng.uniform(size=200), rng.uniform(0.1, 1, (200, 30)), 20)
    assert sum(slot >= 0 for slot in found.slots) <= 20
    assert found.iterations <= 8


# ---- statement 59 --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("clicks", ["mnl", "cascade"])
@pytest.mark.parametrize("payment", ["vcg", "myerson"])
def test_truth_is_best_and_nobody_loses(payment: str, clicks: str) -> None:
    worst = []
    for number, (values, weights, most) in enumerate(cases(60, 59)):
        scale = 1.0 if clicks == "mnl" else 1 / 3
        mechanism = PositionAuction(weights * scale, most, clicks, payment).mechanism()  # type: ignore[arg-type]
        found = incentive_check(mechanism, np.stack([values, np.random.default_rng(number).uniform(size=len(values))]), grid=41)  # fmt: skip
        worst.append(found.gain)
        assert found.fall is not None
        assert found.fall <= 1e-12  # who bids more is not clicked less
        assert min(found.least_utility, found.least_payment) >= -1e-12
    assert max(worst) <= 1e-12


def test_payments_are_what_others_lose() -> None:
    for values, weights, most in cases(60, 7):
        outcome = vcg(values, weights, most)
        sale = PositionAuction(weights, most).sale(values[None])
        assert outcome.payments == pytest.approx(sale.paid[0], abs=1e-12)
        for i in range(len(values)):
            rest = np.delete(values, i), np.delete(weights, i, axis=0)
            without = allocate(*rest, most).welfare if len(rest[0]) else 0.0
            others = outcome.allocation.welfare - values[i] * outcome.allocation.clicks[i]
            assert outcome.payments[i] == pytest.approx(without - others, abs=1e-12)


def test_first_prices_are_found_out() -> None:
    mechanism = position_auction(payment="first_price")
    solution = solve(mechanism, "truthful")
    assert not solution.equilibria
    assert solution.rejected[0].certificate.gap > 0.1
    assert "no equilibrium" in certificate_in_words(solution)
    assert "gains" in told(mechanism, solution.rejected[0])["words"]


# ---- statement 60 --------------------------------------------------------------------------------------------------------


def test_the_revenue_of_one_ad_is_myersons() -> None:
    revenue, error = myerson_revenue([[3.0]], draws=40_000, rng=np.random.default_rng(60))
    assert revenue == pytest.approx(0.25 * 3 / 4, abs=0.003)
    assert revenue == pytest.approx(0.1875, abs=4 * error)


def test_myerson_brings_more_than_vcg_and_less_welfare() -> None:
    values = np.random.default_rng(3).uniform(size=(5000, 3))
    sales = {rule: PositionAuction(np.full((3, 2), 1.0), None, "mnl", rule).sale(values) for rule in ("vcg", "myerson")}  # type: ignore[arg-type]
    revenue = {rule: float(sale.paid.sum(axis=1).mean()) for rule, sale in sales.items()}
    welfare = {rule: float((values * sale.click).sum(axis=1).mean()) for rule, sale in sales.items()}
    assert revenue["myerson"] > revenue["vcg"] + 0.02
    assert welfare["vcg"] > welfare["myerson"]


def test_myerson_payments_are_the_integral_of_clicks() -> None:
    auction = PositionAuction(np.array([[1.0, 0.5], [2.0, 1.0]]), None, "mnl", "myerson", 0.2, 1.3)
    values = np.array([[1.1, 0.9], [0.5, 1.2], [1.25, 1.28]])
    grid = np.linspace(0.2, 1.3, 40_001)
    for row in values:
        for i in range(2):
            bids = np.repeat(row[None], len(grid), axis=0)
            bids[:, i] = grid
            click = auction.sale(bids).click[:, i]
            below = np.where(grid <= row[i], click, 0.0)
            integral = float(((below[1:] + below[:-1]) / 2).sum() * (grid[1] - grid[0]))
            sold = auction.sale(row[None])
            assert sold.paid[0, i] == pytest.approx(row[i] * sold.click[0, i] - integral, abs=1e-4)


def test_larger_values_first_is_the_best_order() -> None:
    for values, weights, most in cases(200, 61):
        n, m = weights.shape
        chances, k = weights / 3, min(n, m, most)
        placement = tuple((i, i) for i in range(k))
        best = max(cascade_welfare(values, chances, order, order="given") for order in permutations(placement))
        assert cascade_welfare(values, chances, placement) == pytest.approx(best, abs=1e-12)


def test_the_heuristic_comes_near() -> None:
    rng, ratios = np.random.default_rng(62), []
    for _ in range(400):
        n, m = int(rng.integers(1, 6)), int(rng.integers(1, 5))
        values, chances = rng.uniform(size=n), rng.uniform(0.01, 1, (n, m))
        placement, welfare = cascade_heuristic(values, chances)
        assert welfare == cascade_welfare(values, chances, placement)
        ratios.append(welfare / cascade_best(values, chances)[1])
    assert 0.95 <= min(ratios) <= max(ratios) <= 1 + 1e-12
    assert "heuristic" in str(cascade_heuristic.__doc__)


# ---- the solver ----------------------------------------------------------------------------------------------------------


def test_the_router_and_what_is_said() -> None:
    mechanism = position_auction(players=2, ads=1, clicks="cascade")
    assert choose(mechanism, "truthful")[0].method == "truthful_reports"
    solution = solve(mechanism, "truthful")
    assert solution.equilibria[0].certificate.guarantee == "heuristic"
    assert "a sample, no proof" in certificate_in_words(solution)
    one = told(mechanism, solution.equilibria[0])
    json.dumps([one, facts(mechanism)], allow_nan=False)
    assert one["certificate"]["monotone"] is True
    with pytest.raises(UnsupportedGameError, match="--concept truthful"):
        solve(mechanism, "nash")
    with pytest.raises(UnsupportedGameError, match="mechanisms"):
        solve(chicken(), "truthful")
    assert not truthful_reports.accepts(chicken(), "truthful")


@pytest.mark.parametrize(
    "wrong",
    [
        {"weights": [[0.0]]}, {"weights": [[1, "x"]]}, {"weights": [[1], [1, 2]]}, {"ads": 3}, {"ads": 0}, {"clicks": "mnll"},
        {"payment": "gsp"}, {"clicks": "cascade", "weights": [[1.5]]}, {"low": 2.0}, {"players": 12, "slots": 8},
    ],
)  # fmt: skip
def test_what_is_no_auction(wrong: dict[str, Any]) -> None:
    with pytest.raises(GameFileError):
        position_auction(**wrong)


def test_bids_that_are_none() -> None:
    for call in (
        lambda: vcg([-0.1, 1], [[1], [1]]), lambda: vcg([np.nan, 1], [[1], [1]]), lambda: allocate([1], [[1], [1]]),
        lambda: allocate([1], [[1]], 2), lambda: PositionAuction(np.ones((2, 1))).sale(np.array([[-1.0, 0.0]])),
        lambda: cascade_welfare(["x"], [[1]], ()),
    ):  # fmt: skip
        with pytest.raises(GameFileError):
            call()
