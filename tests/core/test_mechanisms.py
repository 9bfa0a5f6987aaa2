"""Mechanisms: misreports that pay are found, and truth that is dominant is not disproved."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gamesim.core.certify import certify
from gamesim.core.errors import SolverError
from gamesim.core.mechanism import TRUTH, Mechanism, TypeSpace, incentive_check
from gamesim.core.seeds import Seeds


def one_good(n: int, price: int, space: TypeSpace | None = None) -> Mechanism:
    """One good to the highest bid, at the price-th highest bid (1 is one's own)."""

    def wins(bids: Any) -> Any:
        return np.eye(n)[bids.argmax(axis=1)]

    return Mechanism(
        tuple(f"bidder {i}" for i in range(n)),
        (space or TypeSpace(),) * n,
        outcome=wins,
        payments=lambda bids: wins(bids) * np.sort(bids, axis=1)[:, [-price]],
        utility=lambda i, value, won, paid: value * won[:, i] - paid,
        amounts=lambda won: won,
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 4))
def test_second_prices_are_truthful_and_first_prices_are_not(seed: int, n: int) -> None:
    types = np.random.default_rng(seed).uniform(0.1, 1, (20, n))
    second = incentive_check(one_good(n, 2), types)
    assert second.gain == 0
    assert second.worst is None
    assert second.fall == 0
    assert min(second.least_utility, second.least_payment) >= 0
    first = incentive_check(one_good(n, 1), types)
    assert first.gain > 0
    assert first.worst is not None
    i = one_good(n, 1).players.index(first.worst.player)  # the misreport gains what it says
    mechanism, profile = one_good(n, 1), np.array([first.worst.types])
    told = profile.copy()
    told[0, i] = first.worst.report
    gain = mechanism.utilities(profile, told)[0, i] - mechanism.utilities(profile, profile)[0, i]
    assert gain == pytest.approx(first.worst.gain, abs=1e-15)


def test_certificates_say_that_they_are_samples() -> None:
    good = certify(one_good(3, 2), TRUTH)
    assert (good.grade, good.guarantee, good.gap) == ("float", "heuristic", 0)
    assert "7,380 misreports were tried, at 60 type profiles" in good.details["reason"]
    assert certify(one_good(3, 1), TRUTH).grade == "rejected"
    with pytest.raises(SolverError, match="truthful"):
        certify(one_good(3, 2), [0, 0, 0])
    with pytest.raises(SolverError, match="expectation"):
        one_good(2, 2).expected("lie")


def test_listed_types_are_all_tried() -> None:
    space = TypeSpace(values=(0.0, 0.5, 2.0))
    mechanism = one_good(2, 1, space)
    assert (space.low, space.high, mechanism.scale) == (0, 2, 2)
    assert set(mechanism.draw(Seeds(0).stream("types"), 100).ravel()) == {0.0, 0.5, 2.0}
    assert incentive_check(mechanism, np.array([[2.0, 0.5]])).reports == 6
    for wrong in (TypeSpace, lambda *_: mechanism.__class__((), (), *[None] * 3)):
        with pytest.raises(SolverError):
            wrong(2.0, 1.0)
    for types in (np.zeros((0, 2)), np.zeros((3, 3)), np.full((1, 2), np.nan)):
        with pytest.raises(SolverError):
            incentive_check(mechanism, types)
