"""Deterrence, fixation and the fish war: formula, simulation, and best replies by search."""

from __future__ import annotations

import numpy as np
import pytest
from gamesim_analysis.commons.deterrence import deterrence, probability_fined, simulate_fines
from gamesim_analysis.commons.fish_war import levhari_mirman
from gamesim_analysis.commons.fixation import fermi_fixation, fixation, simulate_fixation
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from gamesim.core.errors import MetricError


def test_chance_of_a_fine_by_formula_and_by_simulation():
    assert probability_fined(1.0, 0.3, 8) == pytest.approx(0.264069, abs=1e-6)
    assert probability_fined(0.6, 0.5, 8) == pytest.approx(0.264069, abs=1e-6)
    fines = simulate_fines(0.6, 0.5, 8, 200_000, np.random.default_rng(20))
    assert (fines > 0).mean() == pytest.approx(0.264069, abs=0.003)
    assert fines.mean() == pytest.approx(0.3, abs=0.005)
    assert deterrence(0.6, 0.5, 8).expected_fines == pytest.approx(0.3, abs=1e-12)


@given(st.floats(0, 1), st.floats(0, 1), st.integers(2, 40), st.floats(0, 1))
def test_deterrence_properties(m, p, n, misread):
    d = deterrence(m, p, n, misread=misread)
    assert d.expected_fines == pytest.approx(m * p * (1 - misread))
    assert d.probability == pytest.approx(1 - (1 - d.per_inspector) ** (n - 1), abs=1e-12)
    assert 0 <= d.probability <= d.expected_fines + 1e-12  # at least one is at most the mean number
    needed = d.fine_needed(3.0)
    if needed.value is None:
        assert needed.reason == "violators are never fined"
    elif needed.value < 1e9:
        assert d.expected_payment(needed.value) == pytest.approx(3.0)
    assert d.fine_needed(-1.0).value == 0


def test_two_players_are_certain_to_meet():
    assert probability_fined(1.0, 1.0, 2) == 1.0
    with pytest.raises(MetricError, match="nobody to meet"):
        probability_fined(1.0, 1.0, 1)
    with pytest.raises(MetricError, match="punishing must lie"):
        probability_fined(0.5, 1.1, 5)


@pytest.mark.parametrize("players, advantage, value", [(6, 0.3, 0.310508), (8, 0.2, 0.227125), (6, 0.0, 1 / 6)])
def test_fixation_by_formula_and_by_simulation(players, advantage, value):
    assert fermi_fixation(players, advantage) == pytest.approx(value, abs=1e-6)
    runs = simulate_fixation(players, advantage, 200_000, np.random.default_rng(21))
    assert runs.share.estimate == pytest.approx(value, abs=0.005)


@given(st.integers(2, 30), st.floats(-5, 5), st.data())
def test_fixation_is_the_chains_absorption_probability(n, d, data):
    i = data.draw(st.integers(0, n))
    # Solve the harmonic equation on the birth-death chain: h_k = up h_{k+1} + (1 - up) h_{k-1}.
    up = 1 / (1 + np.exp(-d))
    a, b = np.eye(n + 1), np.zeros(n + 1)
    b[n] = 1
    for k in range(1, n):
        a[k, k - 1], a[k, k + 1] = -(1 - up), -up
    assert fermi_fixation(n, d, mutants=i) == pytest.approx(np.linalg.solve(a, b)[i], rel=1e-5, abs=1e-12)
    assert fixation([d] * (n - 1), mutants=i) == pytest.approx(fermi_fixation(n, d, mutants=i), rel=1e-9, abs=1e-300)


def test_extreme_advantages_do_not_overflow():
    assert fermi_fixation(1000, 50.0) == pytest.approx(1)
    assert fermi_fixation(1000, -50.0) == 0.0
    assert fermi_fixation(5, 1e-12) == pytest.approx(0.2)
    assert fermi_fixation(5, -1e-12) == pytest.approx(0.2)
    assert simulate_fixation(4, 2.0, 10, np.random.default_rng(0), mutants=4).fixed == 10
    assert simulate_fixation(4, 2.0, 10, np.random.default_rng(0), mutants=0).fixed == 0
    with pytest.raises(MetricError, match="did not end within 1 meetings"):
        simulate_fixation(10, 0.0, 5, np.random.default_rng(0), max_steps=1)
    with pytest.raises(MetricError, match="7 mutants among 6"):
        fermi_fixation(6, 0.1, mutants=7)


def test_fixation_with_frequency_dependence_by_simulation():
    """A coordination-like advantage: disadvantage while rare, advantage when common."""
    advantages = [-0.5, -0.1, 0.3, 0.6]
    rng = np.random.default_rng(3)
    count, live = np.ones(40_000, dtype=int), np.ones(40_000, dtype=bool)
    while live.any():
        k = count[live]
        up = 1 / (1 + np.exp(-np.array(advantages)[k - 1]))
        count[live] = k + np.where(rng.random(k.size) < up, 1, -1)  # meetings of unlike pairs only
        live = (count > 0) & (count < 5)
    assert (count == 5).mean() == pytest.approx(fixation(advantages), abs=0.01)


@pytest.mark.parametrize("n, share, stock", [(1, 0.64, 0.506060), (2, 0.390244, 0.363892), (5, 0.179775, 0.217054)])
def test_fish_war_values(n, share, stock):
    war = levhari_mirman(n, 0.4, 0.9)
    assert war.share == pytest.approx(share, abs=1e-6)
    assert war.stock == pytest.approx(stock, abs=1e-6)
    assert war.best_reply((n - 1) * war.share) == pytest.approx(war.share, abs=1e-6)
    assert war.simulate(war.share, 0.9, 500)[-1] == pytest.approx(war.stock, abs=1e-6)


@settings(max_examples=30)
@given(st.integers(1, 6), st.floats(0.1, 0.9), st.floats(0.1, 0.95))
def test_fish_war_equilibrium_by_search(n, a, b):
    war = levhari_mirman(n, a, b)
    others = (n - 1) * war.share

    def utility(own):
        return -war.value(own, others + own, 0.7)

    best = minimize_scalar(utility, bounds=(1e-6, 1 - others - 1e-6), method="bounded", options={"xatol": 1e-10}).x
    assert best == pytest.approx(war.share, abs=1e-5)
    together = minimize_scalar(lambda s: -war.value(s, n * s, 0.7), bounds=(1e-6, 1 / n - 1e-6), method="bounded").x
    assert together == pytest.approx(war.optimum_share, abs=1e-4)
    assert war.stock <= war.optimum_stock + 1e-12


def test_fish_war_value_is_the_discounted_sum():
    war = levhari_mirman(2, 0.4, 0.9)
    stocks = war.simulate(war.share, 0.5, 400)
    total = sum(0.9**t * np.log(war.share * x) for t, x in enumerate(stocks))
    assert war.value(war.share, 2 * war.share, 0.5) == pytest.approx(total, abs=1e-9)


def test_fish_war_refuses():
    with pytest.raises(MetricError, match="discount 1"):
        levhari_mirman(2, 0.4, 1.0)
    with pytest.raises(MetricError, match="others must lie"):
        levhari_mirman(2, 0.4, 0.9).best_reply(1.5)
