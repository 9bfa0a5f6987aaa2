"""Intervals, paired effects, inequality, correlations and multiple comparisons: values, properties, poor data."""

from __future__ import annotations

import math

import numpy as np
import pytest
from gamesim_analysis.stats.correlation import correlation
from gamesim_analysis.stats.inequality import (
    atkinson,
    coefficient_of_variation,
    equality,
    gini,
    gini_rows,
    mean_log_deviation,
    theil,
    top_share,
)
from gamesim_analysis.stats.intervals import bootstrap, mean_interval, wilson
from gamesim_analysis.stats.multiple import holm, multiple_comparison_note
from gamesim_analysis.stats.paired import align, mechanism_effects, paired_effect
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from gamesim.core.errors import MetricError

samples = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=30)
gains = st.lists(st.floats(0, 1e6), min_size=1, max_size=25)


@pytest.mark.parametrize(
    "successes, trials, low, high",
    [
        (5, 100, 0.0215, 0.1118),
        (6, 100, 0.0278, 0.1248),
        (0, 50, 0.0, 0.0713),
        (50, 100, 0.403830, 0.596170),
        (1000, 1000, 0.996173, 1.0),
    ],
)
def test_wilson_values(successes, trials, low, high):
    interval = wilson(successes, trials)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=1e-4)


@given(st.integers(1, 400), st.data(), st.sampled_from([0.8, 0.95, 0.99]))
def test_wilson_equals_scipy(trials, data, confidence):
    successes = data.draw(st.integers(0, trials))
    theirs = stats.binomtest(successes, trials).proportion_ci(confidence, method="wilson")
    ours = wilson(successes, trials, confidence)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_wilson_poor_input():
    assert wilson(0, 0).reason == "no trials"
    for successes in (-1, 11, float("nan")):
        with pytest.raises(MetricError, match="successes"):
            wilson(successes, 10)
    with pytest.raises(MetricError, match="strictly between"):
        wilson(1, 2, 1.0)


@given(samples)
def test_mean_interval_equals_scipy(values):
    ours = mean_interval(values)
    if np.ptp(values) < 1e-6:
        return
    theirs = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), rel=1e-9, abs=1e-9)


def test_intervals_of_poor_data():
    assert mean_interval([3.0]).low is None
    assert mean_interval([0.1] * 7).width == 0
    assert bootstrap([3.0], np.random.default_rng(0)).reason == "one observation cannot be resampled"
    for method in ("percentile", "basic", "BCa"):
        assert bootstrap([2.0] * 9, np.random.default_rng(0), method=method).width == 0
    with pytest.raises(MetricError, match="Possible: percentile, basic, BCa"):
        bootstrap([1.0, 2.0], np.random.default_rng(0), method="bca")
    with pytest.raises(MetricError, match="holds 0 numbers"):
        mean_interval([])


def test_bca_where_scipy_has_none_says_so_or_answers():
    interval = bootstrap([0.0] * 9 + [1.0], np.random.default_rng(2), statistic=np.max, method="BCa", resamples=200)
    assert interval.low is None or math.isfinite(interval.low)
    assert (interval.low is None) == (interval.reason is not None)


@pytest.mark.parametrize("method", ["percentile", "BCa"])
def test_bootstrap_is_scipys_and_seeded(method):
    x = np.random.default_rng(8).exponential(size=40)
    ours = [bootstrap(x, np.random.default_rng(4), method=method, resamples=2000) for _ in range(2)]
    assert ours[0] == ours[1]
    theirs = stats.bootstrap((x,), np.mean, n_resamples=2000, method=method, rng=np.random.default_rng(4))
    assert (ours[0].low, ours[0].high) == pytest.approx(tuple(theirs.confidence_interval), rel=1e-12)


def test_bootstrap_covers():
    rng = np.random.default_rng(12)
    hits = 0
    for _ in range(200):
        i = bootstrap(rng.normal(1.0, 1.0, 30), rng, resamples=500)
        hits += i.low <= 1.0 <= i.high
    assert 0.88 <= hits / 200 <= 0.99


@given(samples, st.floats(-50, 50))
def test_paired_effect_of_a_constant_shift(values, shift):
    e = paired_effect(np.array(values) + shift, values)
    assert e.effect.estimate == pytest.approx(shift, abs=1e-9)
    assert e.higher + e.lower + e.tied == e.n == len(values)


def test_paired_tests_equal_scipy():
    on, off = [5.0, 7, 9, 6, 4, 8], [4.0, 5, 9, 3, 5, 2]
    e = paired_effect(on, off)
    theirs = stats.ttest_rel(on, off)
    assert (e.t, e.t_p) == pytest.approx((theirs.statistic, theirs.pvalue))
    assert (e.effect.low, e.effect.high) == pytest.approx(tuple(theirs.confidence_interval(0.95)))
    assert e.sign_p == pytest.approx(2 * (math.comb(5, 4) + 1) / 2**5)  # 4 up, 1 down, 1 tie
    assert paired_effect(on, off, rng=np.random.default_rng(1)).effect.method == "BCa"


def test_paired_poor_data():
    same = paired_effect([1, 2], [1, 2])
    assert (same.t, same.sign_p, same.reason) == (None, None, "no pair differs")
    assert (same.effect.estimate, same.effect.width) == (0.0, 0.0)
    assert paired_effect([3], [1]).reason == "one pair has no spread"
    steady = paired_effect([2, 3, 4], [1, 2, 3])
    assert steady.t is None
    assert steady.sign_p == 0.25
    with pytest.raises(MetricError, match="same seeds"):
        paired_effect([1, 2], [1])


def test_pairs_are_matched_by_seed():
    on, off, keys = align({3: 1.0, 1: 2.0}, {1: 5.0, 3: 4.0})
    assert (on.tolist(), off.tolist(), keys) == ([1.0, 2.0], [4.0, 5.0], (3, 1))
    with pytest.raises(MetricError, match="seed 2 has no partner in 'off'"):
        align({2: 1.0}, {1: 1.0})
    with pytest.raises(MetricError, match="seed 1 has no partner in 'on'"):
        align({}, {1: 1.0})


def test_mechanisms_are_adjusted_as_a_family():
    rng = np.random.default_rng(0)
    full = rng.normal(size=30)
    without = {
        "voting": full.copy(),
        "imitation": full - 1 + rng.normal(0, 0.1, 30),
        "fines": full + rng.normal(0, 1, 30),
    }
    table = mechanism_effects(full, without)
    assert table["voting"].p_holm is None
    assert table["imitation"].p_holm == pytest.approx(2 * table["imitation"].t_p)
    assert table["imitation"].effect.estimate == pytest.approx(1, abs=0.1)


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_never_lowers_and_keeps_order(p):
    adjusted = holm(p)
    assert all(a >= b for a, b in zip(adjusted, p, strict=True))
    assert all(x <= 1 for x in adjusted)
    for i in range(len(p)):
        for j in range(len(p)):
            if p[i] < p[j]:
                assert adjusted[i] <= adjusted[j]
    with pytest.raises(MetricError, match=r"0\.\.1"):
        holm([*p, 1.5])


def test_the_note_counts():
    assert multiple_comparison_note(1).startswith("1 test at 0.05")


@given(gains)
def test_gini_is_the_mean_absolute_difference(values):
    x = np.array(values)
    found = gini(x)
    if x.sum() == 0:
        assert found.value is None
        return
    direct = np.abs(x[:, None] - x[None]).sum() / (2 * x.size * x.sum())
    assert found.value == pytest.approx(direct, abs=1e-9)
    assert equality(x).value == pytest.approx(1 - direct, abs=1e-9)
    assert 0 <= found.value <= 1 - 1 / x.size + 1e-9
    assert gini_rows(x[None])[0] == pytest.approx(direct, abs=1e-9)


@given(gains, st.floats(0.01, 100), st.randoms(use_true_random=False))
def test_inequality_ignores_scale_and_names(values, scale, random):
    if sum(values) < 1e-3:
        return
    shuffled = random.sample(values, len(values))
    for index in (gini, theil, atkinson, coefficient_of_variation, top_share):
        before, after = index(values).value, index(np.array(shuffled) * scale).value
        assert before == pytest.approx(after, abs=1e-7)


@given(st.integers(2, 12), st.floats(1, 100))
def test_extremes(n, x):
    one, equal = [x] + [0.0] * (n - 1), [x] * n
    assert gini(one).value == pytest.approx((n - 1) / n)
    assert theil(one).value == pytest.approx(math.log(n))
    assert top_share(one).value == pytest.approx(1)
    assert atkinson(one, 1.0).value == 1
    assert mean_log_deviation(one).reason == "somebody gained nothing"
    for index in (gini, theil, mean_log_deviation, atkinson, coefficient_of_variation):
        assert index(equal).value == pytest.approx(0, abs=1e-12)


def test_inequality_needs_gains():
    for index in (gini, equality, theil, mean_log_deviation, atkinson, coefficient_of_variation, top_share):
        assert index([0, 0]).reason == "total gain is zero"
        assert index([-1, 3]).reason == "some gains are negative"
        with pytest.raises(MetricError):
            index([1, float("inf")])
    rows = gini_rows([[0, 0], [1, 1], [-1, 2], [0, 4]])
    assert np.isnan(rows[[0, 2]]).all()
    assert rows[[1, 3]].tolist() == [0.0, 0.5]
    with pytest.raises(MetricError, match="rows, agents"):
        gini_rows([1, 2])
    with pytest.raises(MetricError, match="aversion"):
        atkinson([1, 2], -1)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=3, max_size=30))
def test_correlations_equal_scipy_and_name_their_nulls(pairs):
    x, y = map(list, zip(*pairs, strict=True))
    theirs = {"pearson": stats.pearsonr, "spearman": stats.spearmanr, "kendall": stats.kendalltau}
    for method, test in theirs.items():
        found = correlation(x, y, method)
        if len(set(x)) == 1 or len(set(y)) == 1:
            assert found.coefficient is None
            assert "does not vary" in found.reason
        else:
            assert found.coefficient == pytest.approx(test(x, y).statistic, abs=1e-12)
            assert found.p == pytest.approx(test(x, y).pvalue, abs=1e-12)


def test_correlation_poor_data():
    assert "at least 3" in correlation([1, 2], [2, 1]).reason
    with pytest.raises(MetricError, match="needs pairs"):
        correlation([1, 2, 3], [1, 2])
    with pytest.raises(MetricError, match=r"no correlation 'kendal'\. Did you mean 'kendall'"):
        correlation([1, 2, 3], [1, 2, 3], "kendal")
