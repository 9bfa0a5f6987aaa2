"""Self-play as a solver: certified like any other, and refused where its averages prove nothing."""

from __future__ import annotations

import numpy as np
import pytest
from gamesim_analysis.equilibrium.router import solve
from gamesim_analysis.equilibrium.self_play import SelfPlay

from gamesim.core.errors import SolverError, UnsupportedGameError
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.registry import entry
from gamesim.core.solution import Limits


@pytest.mark.parametrize("concept", ["coarse", "correlated"])
@pytest.mark.parametrize("name", ["prisoners_dilemma", "chicken", "shapley", "three_bakers", "biased_rps"])
def test_joint_play_is_a_certified_equilibrium_of_any_game(name: str, concept: str) -> None:
    found = solve(entry("games", name)(), concept, method="self_play")
    assert len(found.equilibria) == 1
    assert found.equilibria[0].certificate.relative <= 1e-4
    assert not found.rejected


def test_averages_of_zero_sum_games_are_nash_also_of_trees() -> None:
    for name in ("biased_rps", "matching_pennies", "one_card_poker"):
        game = entry("games", name)()
        found = solve(game, "nash", method="self_play")
        assert found.equilibria[0].certificate.relative <= 1e-4
        value = float(solve(game, "value").equilibria[0].payoffs[0])
        assert float(found.equilibria[0].payoffs[0]) == pytest.approx(value, abs=1e-3)


def test_what_averages_do_not_prove_is_refused() -> None:
    for name in ("shapley", "three_bakers"):
        with pytest.raises(UnsupportedGameError, match="only in two-player constant-sum games"):
            solve(entry("games", name)(), "nash", method="self_play")
    with pytest.raises(UnsupportedGameError, match="not swap regret"):
        solve(entry("games", "chicken")(), "correlated", method="self_play", learner="hedge")
    with pytest.raises(UnsupportedGameError, match="drawn actions"):
        solve(entry("games", "chicken")(), "coarse", method="self_play", learner="exp3")
    with pytest.raises(SolverError, match=r"no parameter 'lerner'\. Did you mean 'learner'"):
        solve(entry("games", "chicken")(), "coarse", method="self_play", lerner="hedge")


def test_a_length_that_is_given_is_played_and_judged() -> None:
    found = SelfPlay("hedge", 200)(entry("games", "chicken")(), concept="coarse")
    assert "after 200 rounds" in found.notes[0]
    assert len(found.equilibria) + len(found.rejected) == 1
    assert found.equilibria or found.rejected[0].certificate.relative > 1e-4


def test_a_limit_that_comes_first_is_said() -> None:
    rng = np.random.default_rng(2)
    game = NormalFormGame(rng.normal(size=(2, 40, 40)))
    found = solve(game, "correlated", method="self_play", limits=Limits(seconds=0.2))
    assert found.stopped == "seconds"
    assert not found.equilibria
    assert "regret per round" in found.notes[0]
