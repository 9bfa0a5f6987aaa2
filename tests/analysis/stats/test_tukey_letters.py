"""Tukey's comparisons equal scipy's; two groups share a letter exactly when they do not differ."""

from __future__ import annotations

import numpy as np
import pytest
from gamesim_analysis.stats.tukey import compact_letters, tukey_hsd
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from gamesim.core.errors import MetricError

WORKED = {
    "one": [24.5, 23.5, 26.4, 27.1, 29.9],
    "two": [28.4, 34.2, 29.5, 32.2, 30.1],
    "three": [26.1, 28.3, 24.3, 26.2, 27.8],
}


def test_worked_example():
    table = tukey_hsd(WORKED)
    assert (table.p[0, 1], table.p[0, 2], table.p[1, 2]) == pytest.approx((0.0144, 0.9803, 0.0203), abs=5e-5)
    assert table.letters == ("b", "a", "b")


@settings(max_examples=8)
@given(st.integers(0, 10**6), st.integers(2, 4))
def test_equals_scipy_with_unequal_groups(seed, k):
    rng = np.random.default_rng(seed)
    groups = {f"g{i}": rng.normal(rng.normal(), 1, rng.integers(2, 9)) for i in range(k)}
    ours, theirs = tukey_hsd(groups), stats.tukey_hsd(*groups.values())
    bounds = theirs.confidence_interval(0.95)
    assert np.abs(ours.p - theirs.pvalue).max() < 1e-8
    assert np.abs(ours.low - bounds.low).max() < 1e-8
    assert np.abs(ours.high - bounds.high).max() < 1e-8
    assert np.abs(ours.difference - theirs.statistic).max() < 1e-8


@st.composite
def p_matrices(draw):
    k = draw(st.integers(1, 12))
    p = np.ones((k, k))
    for i in range(k):
        for j in range(i):
            p[i, j] = p[j, i] = draw(st.sampled_from([0.0, 0.001, 0.049999, 0.05, 0.0500001, 0.3, 1.0]))
    return p


@settings(max_examples=300)
@given(p_matrices())
def test_share_a_letter_iff_not_different(p):
    letters = compact_letters(p)
    for i in range(len(p)):
        assert letters[i]
        for j in range(i):
            assert bool(set(letters[i]) & set(letters[j])) == (p[i, j] >= 0.05)


@settings(max_examples=150)
@given(p_matrices(), st.randoms(use_true_random=False))
def test_order_of_the_groups_does_not_matter(p, random):
    k = len(p)
    means = [float(x) for x in random.sample(range(100), k)]
    order = random.sample(range(k), k)
    letters = compact_letters(p, means=means)
    shuffled = compact_letters(p[np.ix_(order, order)], means=[means[i] for i in order])
    assert shuffled == [letters[i] for i in order]
    assert letters[int(np.argmax(means))].startswith("a")


def test_no_letter_is_superfluous_in_simple_cases():
    assert compact_letters([[1.0]]) == ["a"]
    assert compact_letters(np.ones((3, 3))) == ["a", "a", "a"]
    assert compact_letters(np.zeros((3, 3)), means=[1, 3, 2]) == ["c", "a", "b"]
    chain = [[1, 0.5, 0.01], [0.5, 1, 0.5], [0.01, 0.5, 1]]
    assert compact_letters(chain, means=[1, 2, 3]) == ["b", "ab", "a"]


def test_the_worst_case_of_twelve_groups_still_has_letters():
    p = np.ones((12, 12))
    for block in range(0, 12, 3):
        p[block : block + 3, block : block + 3] = 0.0  # 3^4 maximal sets
    letters = compact_letters(p)
    assert len(set("".join(letters))) == 81


def test_poor_data():
    lone = tukey_hsd({"a": [1], "b": [2, 3]})
    assert (lone.p, lone.letters, lone.reason) == (None, None, "group 'a' holds one observation")
    flat = tukey_hsd({"a": [1, 1], "b": [2, 2]})
    assert (flat.p, flat.reason) == (None, "no variation within any group")
    with pytest.raises(MetricError, match="at least 2 groups"):
        tukey_hsd({"a": [1, 2]})
    with pytest.raises(MetricError, match="symmetric"):
        compact_letters([[1, 0.1], [0.9, 1]])
    with pytest.raises(MetricError, match=r"outside 0\.\.1"):
        compact_letters([[1, float("nan")], [float("nan"), 1]])


def test_a_planted_difference_of_three_standard_deviations_gets_its_own_letter():
    rng = np.random.default_rng(5)
    table = tukey_hsd({"weak": rng.normal(0, 1, 20), "strong": rng.normal(3, 1, 20)})
    assert table.letters == ("b", "a")
