"""Kaplan-Meier and log-rank against Freireich's remission data, scipy, and their own definitions."""

from __future__ import annotations

import numpy as np
import pytest
from gamesim_analysis.stats.survival import kaplan_meier, logrank, pairwise_logrank
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from gamesim.core.errors import MetricError

# Freireich et al., Blood 21 (1963): weeks of remission, 6-mercaptopurine against placebo; False = still in remission.
DRUG = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
DRUG_SEEN = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]


def test_freireich_remission_curve():
    curve = kaplan_meier(DRUG, DRUG_SEEN)
    known = {6: 0.8571, 7: 0.8067, 10: 0.7529, 13: 0.6902, 16: 0.6275, 22: 0.5378, 23: 0.4482}
    for week, share in known.items():
        assert curve.at(week) == pytest.approx(share, abs=5e-5)
    assert curve.band_at(10) == pytest.approx((0.5032, 0.8894), abs=5e-5)
    assert curve.median().value == 23
    assert kaplan_meier(PLACEBO, [1] * 21).median().value == 8


def test_freireich_log_rank():
    result = logrank((DRUG, DRUG_SEEN), (PLACEBO, [1] * 21))
    assert result.chi2 == pytest.approx(16.7929, rel=1e-5)
    assert result.p == pytest.approx(4.17e-5, rel=1e-3)
    assert result.observed == (9, 21)
    assert result.expected == pytest.approx((19.25, 10.75), abs=0.005)


def test_restricted_mean_of_everyone_observed_is_the_mean_of_the_cut_times():
    curve = kaplan_meier(PLACEBO, [1] * 21)
    for limit in (5, 12, 23, 40):
        cut = np.minimum(PLACEBO, limit)
        interval = curve.restricted_mean(limit)
        assert interval.estimate == pytest.approx(cut.mean(), abs=1e-12)
        # Without censoring Greenwood's variance of the area is the sample variance over n (ddof 0).
        assert interval.high - interval.estimate == pytest.approx(1.959964 * cut.std() / np.sqrt(21), rel=1e-6)


def test_restricted_mean_with_censoring_by_hand():
    curve = kaplan_meier([2, 4, 4, 6], [1, 0, 1, 0])  # S: 1 until 2, .75 until 4, .5 until 6
    interval = curve.restricted_mean()
    assert interval.estimate == pytest.approx(2 + 1.5 + 1.0)
    variance = 2.5**2 * 1 / (4 * 3) + 1.0**2 * 1 / (3 * 2)
    assert interval.high - interval.estimate == pytest.approx(1.959964 * np.sqrt(variance), rel=1e-6)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=40))
def test_uncensored_curve_is_the_empirical_survival_function(times):
    curve = kaplan_meier(times, [True] * len(times))
    for t in range(0, 31):
        if t <= max(times):
            assert curve.at(t) == pytest.approx(np.mean(np.array(times) > t), abs=1e-12)
    assert curve.at(99) == 0


lifetimes = st.lists(st.tuples(st.integers(1, 12), st.booleans()), min_size=1, max_size=40)


@given(lifetimes)
def test_a_censored_run_is_never_a_collapse(pairs):
    times, seen = zip(*pairs, strict=True)
    curve = kaplan_meier(times, seen)
    assert curve.events.sum() == sum(seen)
    assert curve.censored.sum() == len(seen) - sum(seen)
    for t, events, before, after in zip(
        curve.times, curve.events, [1.0, *curve.survival[:-1]], curve.survival, strict=True
    ):
        assert (after < before) == (events > 0), t
    assert (curve.low >= 0).all()
    assert (curve.low <= curve.survival + 1e-12).all()
    assert (curve.survival <= curve.high + 1e-12).all()
    assert (curve.high <= 1).all()
    assert (np.diff(curve.survival) <= 0).all()


@given(lifetimes)
def test_log_log_band_is_scipys_where_scipy_has_one(pairs):
    times, seen = zip(*pairs, strict=True)
    curve = kaplan_meier(times, seen)
    data = stats.CensoredData.right_censored(times, ~np.array(seen))
    with np.errstate(all="ignore"):
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = stats.ecdf(data).sf.confidence_interval(method="log-log")
    inner = (curve.survival > 0) & (curve.survival < 1)
    assert curve.low[inner] == pytest.approx(theirs.low.probabilities[inner], abs=1e-10)
    assert curve.high[inner] == pytest.approx(theirs.high.probabilities[inner], abs=1e-10)


@settings(max_examples=60)
@given(lifetimes, lifetimes)
def test_two_groups_equal_scipys_log_rank(first, second):
    a, b = (tuple(zip(*pairs, strict=True)) for pairs in (first, second))
    ours = logrank(a, b)
    if ours.chi2 is None:
        assert ours.reason
        return
    theirs = stats.logrank(*(stats.CensoredData.right_censored(t, ~np.array(seen)) for t, seen in (a, b)))
    assert ours.chi2 == pytest.approx(theirs.statistic**2, rel=1e-8, abs=1e-10)
    assert ours.p == pytest.approx(theirs.pvalue, rel=1e-7, abs=1e-12)


def test_three_groups_by_an_independent_computation():
    rng = np.random.default_rng(3)
    groups = [(rng.integers(1, 9, 15), rng.random(15) < 0.7) for _ in range(3)]
    result = logrank(*groups)
    assert result.df == 2
    # Drop one group, invert the rest: the textbook form of the same quadratic.
    u, v = np.zeros(2), np.zeros((2, 2))
    for t in range(1, 9):
        n = np.array([(times >= t).sum() for times, _ in groups])
        d = np.array([(seen & (times == t)).sum() for times, seen in groups])
        if d.sum() == 0:
            continue
        u += (d - d.sum() * n / n.sum())[:2]
        if n.sum() > 1:
            c = d.sum() * (n.sum() - d.sum()) / (n.sum() - 1) / n.sum() ** 2
            v += c * (np.diag(n * n.sum()) - np.outer(n, n))[:2, :2]
    assert result.chi2 == pytest.approx(u @ np.linalg.solve(v, u), rel=1e-10)


def test_log_rank_does_not_depend_on_the_order_of_groups_or_the_unit_of_time():
    a, b, c = ([1, 2, 2, 5], [1, 1, 0, 1]), ([3, 3, 6], [1, 1, 0]), ([2, 7, 8], [1, 0, 1])
    scaled = [(np.array(t) * 10, seen) for t, seen in (a, b, c)]
    assert logrank(a, b, c).chi2 == pytest.approx(logrank(c, a, b).chi2)
    assert logrank(a, b, c).chi2 == pytest.approx(logrank(*scaled).chi2)


def test_nobody_collapsed():
    curve = kaplan_meier([30, 30], [False, False])
    assert curve.survival.tolist() == [1.0]
    assert (curve.low[0], curve.high[0]) == (1.0, 1.0)
    assert curve.median().value is None
    assert "more than half" in curve.median().reason
    assert curve.restricted_mean().estimate == 30
    assert logrank(([30], [False]), ([30], [False])).reason == "no collapse in any group"
    assert pairwise_logrank({"a": ([30], [0]), "b": ([30], [0])}).tolist() == [[1, 1], [1, 1]]


def test_one_run_and_everybody_at_once():
    curve = kaplan_meier([4], [True])
    assert curve.survival.tolist() == [0.0]
    assert (curve.low[0], curve.high[0]) == (0.0, 1.0)
    assert curve.restricted_mean().low is None
    together = kaplan_meier([4, 4, 4], [1, 1, 1])
    assert together.at(3.9) == 1
    assert together.at(4) == 0


def test_no_number_beyond_the_follow_up():
    curve = kaplan_meier([4, 10], [True, False])
    with pytest.raises(MetricError, match="the longest run ends at 10"):
        curve.at(11)
    with pytest.raises(MetricError, match="the longest run ends at 10"):
        curve.restricted_mean(12)


@pytest.mark.parametrize(
    "times, observed, words",
    [
        ([], [], "at least 1"),
        ([1, -1], [1, 1], "at least 0"),
        ([1, float("nan")], [1, 1], "only finite"),
        ([1, 2], [1], "must agree"),
        ([1, 2], [1, 2], "only true"),
        ([[1, 2]], [[1, 1]], "one-dimensional"),
    ],
)
def test_bad_lifetimes(times, observed, words):
    with pytest.raises(MetricError, match=words):
        kaplan_meier(times, observed)


def test_unknown_band():
    with pytest.raises(MetricError, match=r"no band 'loglog'\. Did you mean 'log-log'"):
        kaplan_meier([1], [1], band="loglog")
