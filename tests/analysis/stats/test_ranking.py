"""Ranks of paired groups: joint resampling, probabilities of ranks, what n can detect, strata of lifetimes."""

from __future__ import annotations

import numpy as np
import pytest
from gamesim_analysis.stats.ranking import detectable_difference, joint_bootstrap, rank_probabilities
from gamesim_analysis.stats.survival import logrank, stratified_logrank
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gamesim.core.errors import MetricError
from gamesim.core.seeds import Seeds


def stream(name: str) -> np.random.Generator:
    return Seeds(4).stream("bootstrap", name)


def test_groups_are_resampled_together() -> None:
    rng = Seeds(1).stream("x")
    base = rng.normal(size=20)
    draws = joint_bootstrap({"s": np.array([base, base + 0.5, -base])}, stream, 400)
    assert np.allclose(draws[1] - draws[0], 0.5)  # what is paired has no spread in its difference
    assert np.ptp(draws[0]) > 0.1
    assert np.allclose(draws[0], -draws[2])


def test_the_bootstrap_spread_is_that_of_the_mean() -> None:
    rng = Seeds(2).stream("x")
    a, b = rng.normal(size=50), rng.normal(size=30)
    draws = joint_bootstrap({"s": a[None], "t": b[None]}, stream, 20_000)
    expected = 0.5 * np.sqrt(a.var() / 50 + b.var() / 30)
    assert draws[0].std() == pytest.approx(expected, rel=0.03)
    assert draws[0].mean() == pytest.approx((a.mean() + b.mean()) / 2, abs=3 * expected / np.sqrt(20_000))


def test_a_stratum_more_changes_nobody_elses_draws() -> None:
    values = Seeds(3).stream("x").normal(size=(2, 10))
    alone = joint_bootstrap({"s": values}, stream, 50)
    both = joint_bootstrap({"t": np.zeros((2, 4)), "s": values}, stream, 50)
    assert np.allclose(both, alone / 2)


def test_wordings_of_one_seed_stay_together() -> None:
    words = np.array([[[0.0, 2.0], [2.0, 0.0]]])  # one player, two wordings, two seeds: each seed has mean 1
    assert np.allclose(joint_bootstrap({"s": words}, stream, 100), 1.0)


@settings(max_examples=60, deadline=None)
@given(arrays(np.float64, st.tuples(st.integers(1, 6), st.integers(1, 30)), elements=st.integers(-3, 3).map(float)))
def test_rank_probabilities_are_doubly_stochastic(scores: np.ndarray) -> None:
    found = rank_probabilities(scores)
    assert np.allclose(found.sum(axis=0), 1)
    assert np.allclose(found.sum(axis=1), 1)
    order = Seeds(0).stream("o").permutation(len(scores))
    assert np.allclose(rank_probabilities(scores[order]), found[order])


def test_ties_share_their_ranks() -> None:
    assert rank_probabilities([[1.0], [1.0], [0.0]]).tolist() == [[0.5, 0.5, 0], [0.5, 0.5, 0], [0, 0, 1]]


def test_the_detectable_difference_is_detected_four_times_in_five() -> None:
    difference = detectable_difference([1.0, 0.5], 25)
    rng = Seeds(8).stream("x")
    first = (rng.normal(0, 1, size=(20_000, 25)).mean(axis=1) + rng.normal(0, 0.5, size=(20_000, 25)).mean(axis=1)) / 2
    second = (rng.normal(0, 1, size=(20_000, 25)).mean(axis=1) + rng.normal(0, 0.5, size=(20_000, 25)).mean(axis=1)) / 2
    error = np.sqrt(2 * (1 + 0.25) / 25) / 2
    assert np.mean(np.abs(first + difference - second) / error > 1.959964) == pytest.approx(0.8, abs=0.015)
    with pytest.raises(MetricError):
        detectable_difference([], 5)


def test_one_stratum_is_the_plain_log_rank_test() -> None:
    a, b = ([1, 2, 3, 8], [1, 1, 1, 0]), ([4, 5, 6, 9], [1, 1, 0, 1])
    assert stratified_logrank([(a, b)]).chi2 == pytest.approx(logrank(a, b).chi2)
    twice = stratified_logrank([(a, b), (a, b)])
    assert twice.chi2 == pytest.approx(2 * logrank(a, b).chi2)


def test_what_differs_between_strata_is_left_out() -> None:
    rng = Seeds(6).stream("x")
    short, long = ([list(rng.exponential(s, size=30)) for _ in range(2)] for s in (1.0, 100.0))
    seen = [1] * 30
    pooled = logrank((short[0] + long[0][:3], [1] * 33), (short[1][:3] + long[1], [1] * 33))
    apart = stratified_logrank([((short[0], seen), (short[1][:3], [1] * 3)), ((long[0][:3], [1] * 3), (long[1], seen))])
    assert pooled.p is not None
    assert apart.p is not None
    assert pooled.p < 1e-3 < apart.p
    assert stratified_logrank([(([5, 5], [0, 0]), ([5, 5], [0, 0]))]).reason == "no collapse in any group"
