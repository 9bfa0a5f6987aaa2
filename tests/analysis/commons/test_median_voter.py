"""Black's median voter theorem on the rule the environment plays: the median proposal wins every pairwise majority."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gamesim.envs.commons.voting import median_norm

# A voter with a single-peaked preference: a peak, and how fast utility falls on either side of it.
voter = st.tuples(st.integers(0, 60), st.floats(0.01, 50), st.floats(0.01, 50))


def majority(voters, one, other):
    """Votes for ``one`` less votes for ``other``."""
    peak, left, right = (np.array(column, dtype=float) for column in zip(*voters, strict=True))

    def utility(x):
        return -np.where(x < peak, left * (peak - x), right * (x - peak))

    return int(np.sign(utility(one) - utility(other)).sum())


@settings(max_examples=500)
@given(st.lists(voter, min_size=1, max_size=11), st.integers(-5, 70))
def test_the_median_beats_or_at_least_ties_every_other_cap(voters, other):
    cap = float(median_norm(np.array([[float(peak) for peak, _, _ in voters]]))[0])
    if other == cap:
        return
    if len(voters) % 2:
        assert majority(voters, cap, other) > 0
    else:
        assert majority(voters, cap, other) >= 0


def test_the_mean_has_no_such_virtue():
    voters = [(0, 1.0, 1.0), (1, 1.0, 1.0), (50, 1.0, 1.0)]
    assert majority(voters, 17, 1) < 0


def test_the_dead_do_not_vote():
    proposals, alive = np.array([[1.0, 2.0, 90.0, 91.0]]), np.array([[True, True, True, False]])
    assert median_norm(proposals, alive).tolist() == [2.0]
    assert np.isnan(median_norm(proposals, np.zeros_like(alive))).all()
