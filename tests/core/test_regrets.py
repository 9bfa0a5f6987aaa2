"""Regret by brute force over the definition, and its theorems."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gamesim.core.errors import SolverError
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.regrets import counterfactual_utilities, regrets


@st.composite
def plays(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    rounds, k = draw(st.integers(1, 12)), draw(st.integers(1, 4))
    utilities = draw(st.lists(st.integers(-5, 5), min_size=rounds * k, max_size=rounds * k))
    actions = draw(st.lists(st.integers(-1, k - 1), min_size=rounds, max_size=rounds))
    return np.array(actions), np.array(utilities, dtype=float).reshape(rounds, k)


@settings(deadline=None)
@given(plays())
def test_by_definition(play: tuple[np.ndarray, np.ndarray]) -> None:
    actions, utilities = play
    external, swap = (regrets(actions, utilities, kind=kind) for kind in ("external", "swap"))
    k = utilities.shape[1]
    for t in range(len(actions)):
        rounds = [s for s in range(t + 1) if actions[s] >= 0]
        best = max(sum(utilities[s, b] - utilities[s, actions[s]] for s in rounds) for b in range(k))
        assert external[t] == pytest.approx(best)
        total = sum(
            max(sum(utilities[s, b] - utilities[s, a] for s in rounds if actions[s] == a) for b in range(k))
            for a in range(k)
        )
        assert swap[t] == pytest.approx(total)
    assert (swap >= external - 1e-12).all()
    assert (swap >= 0).all()


def test_leading_axes_are_independent_sequences() -> None:
    rng = np.random.default_rng(0)
    actions, utilities = rng.integers(0, 3, size=(4, 9)), rng.normal(size=(4, 9, 3))
    for kind in ("external", "swap"):
        batch = regrets(actions, utilities, kind=kind)
        assert np.array_equal(batch, [regrets(a, u, kind=kind) for a, u in zip(actions, utilities, strict=True)])


def test_counterfactuals_hold_the_others_fixed() -> None:
    game = NormalFormGame(np.arange(24.0).reshape(2, 3, 4))
    history = np.array([[0, 1], [2, 3]])
    assert counterfactual_utilities(game, history, 0).tolist() == game.payoffs[0][:, [1, 3]].T.tolist()
    assert counterfactual_utilities(game, history, 1).tolist() == game.payoffs[1][[0, 2]].tolist()


def test_a_best_reply_has_no_regret() -> None:
    game = NormalFormGame.bimatrix([[3, 0], [5, 1]], [[3, 5], [0, 1]])
    history = np.array([[1, 0], [1, 1], [1, 0]])
    assert regrets(history[:, 0], counterfactual_utilities(game, history, 0), kind="swap")[-1] == 0


def test_wrong_input_is_refused() -> None:
    with pytest.raises(SolverError, match="do not fit"):
        regrets([0, 1], np.zeros((3, 2)), kind="external")
    with pytest.raises(SolverError, match="outside"):
        regrets([0, 2], np.zeros((2, 2)), kind="external")
    with pytest.raises(SolverError, match="kind"):
        regrets([0], np.zeros((1, 2)), kind="internal")  # type: ignore[arg-type]
