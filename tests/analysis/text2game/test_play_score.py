"""Play of trees scored: exact regrets of uniform and equilibrium play, missing data, records, rationality."""

from __future__ import annotations

import numpy as np
import pytest
from gamesim_analysis.text2game.play_score import equilibria_of, play_score, score

from gamesim.core.registry import entry
from gamesim.run.runner import run
from gamesim.scenario.resolve import load_scenario

UNIFORM = {"kuhn": 11 / 12, "liars_dice": 10 / 9, "ferry_fare": 5 / 2, "forklift_aisle": 0, "hill_and_bridge": 2 / 3,
           "ice_seller": 3 / 2, "jam_shelf": 21 / 16, "museum_or_fair": 5 / 4, "seed_loan": 13 / 8, "three_bakers": 33 / 8,
           "three_card_raise": 2 / 3, "two_night_camp": 3}  # fmt: skip


@pytest.mark.parametrize("name", UNIFORM)
def test_regret_of_uniform_play(name: str) -> None:
    game = entry("games", name)()
    found = play_score([np.ones(len(s.actions)) for s in game.sets], game)
    assert found.nash_conv == pytest.approx(UNIFORM[name], abs=1e-9)
    assert found.coverage == 1.0
    assert found.lower_bound == (False,) * game.n


@pytest.mark.slow
def test_regret_of_uniform_play_of_leduc() -> None:
    game = entry("games", "leduc")()
    found = play_score([np.ones(len(s.actions)) for s in game.sets], game)
    assert found.nash_conv == pytest.approx(1709 / 360, abs=1e-6)


@pytest.mark.parametrize("name", ["ferry_fare", "seed_loan", "kuhn", "jam_shelf", "hill_and_bridge"])
def test_equilibrium_play_has_no_regret(name: str) -> None:
    game = entry("games", name)()
    solution = equilibria_of(game)
    counts = [1e6 * np.asarray(v, dtype=np.float64) for v in solution.equilibria[0].play.probabilities]
    found = play_score(counts, game, solution)
    assert found.nash_conv == pytest.approx(0, abs=1e-9)
    assert found.distance == pytest.approx(0, abs=1e-9)
    assert found.nearest == 0


def test_unseen_sets_bound_the_regret_from_below_or_leave_it_out() -> None:
    game = entry("games", "ferry_fare")()
    counts = [np.ones(len(s.actions)) for s in game.sets]
    whole = play_score(counts, game)
    skipper = game.players.index("Skipper")
    unseen = next(h for h, s in enumerate(game.sets) if s.player != skipper)
    counts[game.sets_of[skipper][0]] = np.array([0.0 if k == 0 else 1.0 for k in range(len(counts[0]))])
    counts[unseen] = np.zeros(len(counts[unseen]))
    part = play_score(counts, game)
    assert part.coverage < 1
    assert part.lower_bound[skipper]
    assert part.regrets[skipper] is not None
    assert whole.lower_bound == (False, False)
    counts = [np.ones(len(s.actions)) for s in game.sets]
    counts[unseen] = np.zeros(len(counts[unseen]))
    lost = play_score(counts, game)
    assert lost.nash_conv is None
    assert "without data" in lost.reason


def test_moves_no_credible_plan_makes_are_counted() -> None:
    game = entry("games", "ferry_fare")()
    counts = [np.zeros(len(s.actions)) for s in game.sets]
    for h, s in enumerate(game.sets):
        counts[h][s.actions.index("Refuse") if "Refuse" in s.actions else 0] = 10
    found = play_score(counts, game, equilibria_of(game))
    assert 0 < found.non_credible <= 1


def test_a_record_is_scored(tmp_path) -> None:
    record = run(load_scenario("games/seed_loan", overrides=["replicates=120"]), store=tmp_path)
    table = score(record)
    assert table["player"] == ["Lender", "Grower"]
    assert table["regret"][0] > 0.5
    assert table["coverage"][0] <= 1
    assert table["low"][0] is None or table["low"][0] <= table["exploitability"][0] <= table["high"][0] + 1e-9
    assert all(isinstance(text, str) for text in table["rationality_in_words"])
