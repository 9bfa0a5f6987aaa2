"""GovSim's fishery by its pure functions: greed, thresholds and small overdrafts, scored as the released code scores them."""

from __future__ import annotations

import numpy as np
import pytest
from gamesim_analysis.commons.govsim_scores import scores, threshold

from gamesim.envs.commons.growth import GrowthLaw, grow, sustainable_harvest
from gamesim.envs.commons.harvest import ration_lottery, ration_proportional

LAW = GrowthLaw("doubling_cap", capacity=100.0)


def play(ask, ration, months=12, players=5):
    """Months of one society: ``ask(stock)`` units each; it ends when less than 5 are left after a harvest."""
    stock, taken, stocks, survived = np.array([100.0]), [], [], True
    for _ in range(months):
        wanted = np.full((1, players), float(ask(stock[0])))
        got = ration(wanted, stock)
        taken.append(got[0])
        stocks.append(stock[0])
        rest = stock - got.sum(axis=1)
        if rest[0] < 5:
            survived = False
            break
        stock = grow(rest, LAW)
    return scores(np.array(taken), np.array(stocks), horizon=months, survived=survived)


def test_thresholds():
    assert sustainable_harvest(np.array(100.0), LAW, integer=True) == 50
    assert sustainable_harvest(np.array(60.0), LAW, integer=True) == 30
    assert threshold(np.array([100.0, 60.0]), 5).tolist() == [10, 6]
    assert threshold(np.array([100.0]), 4).tolist() == [12]


def test_everybody_asks_for_everything():
    rng = np.random.default_rng(13)
    found = [
        play(lambda _: 100, lambda w, s: ration_lottery(w, s, rng.standard_exponential((1, 5, 100))))
        for _ in range(2000)
    ]
    assert {s.months for s in found} == {1}
    assert {s.total for s in found} == {100.0}
    assert {s.gain for s in found} == {20.0}
    assert found[0].efficiency == pytest.approx(16.67, abs=0.005)
    equal = np.array([s.equality for s in found])
    assert equal.mean() == pytest.approx(89.9, abs=0.5)
    assert equal.std() == pytest.approx(3.8, abs=0.3)


def test_the_threshold_policy():
    s = play(lambda stock: float(threshold(np.array(stock), 5)), ration_proportional)
    assert (s.months, s.survived, s.gain, s.efficiency, s.equality, s.over_usage) == (12, True, 120, 100, 100, 0)


@pytest.mark.parametrize("ask, months, gain", [(11, 4, 39), (12, 3, 32)])
def test_a_little_too_much(ask, months, gain):
    s = play(lambda _: ask, ration_proportional)
    assert (s.months, s.survived) == (months, False)
    assert s.gain == pytest.approx(gain)
    assert s.over_usage == 100
