"""What the strategies draw is what the platform takes: every drawn scenario loads, plays on both faces, and alike."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings

from gamesim.core.seeds import Seeds
from gamesim.run.rollout import rollout
from gamesim.run.seating import seat_members
from gamesim.scenario.resolve import resolve_data
from gamesim.testing import check_environment
from gamesim.testing.strategies import matrix_scenarios
from gamesim.testing.transcript import transcript


@settings(deadline=None, max_examples=25)
@given(matrix_scenarios())
def test_drawn_scenarios_play_alike_at_once_and_one_by_one(data: dict[str, Any]) -> None:
    scenario = resolve_data(data)
    assert scenario.environment is not None
    members = seat_members(scenario.population, scenario.environment.seats(), scenario.seeds, episode=0)
    seats = [scenario.population[member].agent for member in members]
    seeds = [Seeds(scenario.seed).episode(r) for r in range(scenario.replicates)]
    together = rollout(scenario.environment, seats, seeds)
    for row, seed in enumerate(seeds):
        alone = rollout(scenario.environment, seats, [seed])
        assert np.array_equal(alone.returns[0], together.returns[row])
    assert transcript(scenario) == transcript(scenario)


@settings(deadline=None, max_examples=8)
@given(matrix_scenarios(horizon=6))
def test_drawn_environments_keep_the_contract(data: dict[str, Any]) -> None:
    check_environment(data["environment"], pettingzoo=False)


def test_a_transcript_says_what_was_played() -> None:
    data = {
        "name": "grim",
        "environment": {"kind": "matrix", "horizon": 3},
        "population": [{"agent": "matrix.grim", "count": 1}, {"agent": "matrix.defector", "count": 1}],
    }
    lines = transcript(resolve_data(data), steps=2).splitlines()
    assert "environment  kind=matrix horizon=3" in lines
    assert "  rewards       player_0 0  player_1 5" in lines
    assert "... 1 more steps" in lines
    assert "  returns       player_0 2  player_1 7" in lines
