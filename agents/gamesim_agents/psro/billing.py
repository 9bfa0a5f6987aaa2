"""What a run will ask language models, before anything is played: the bill's part of psro.

An iteration asks every pool's oracle once. The loop may end after the first, and goes on for at most ``stop.iterations``;
pools grow by a policy each time, and prompts with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gamesim.run.models.estimate import CellPlan, Question
from gamesim.run.models.prices import prompt_bytes
from gamesim.scenario.scenario import Scenario

from .checks import pool_of
from .config import PsroConfig

KIND = "oracle"


def plan(label: str, scenario: Scenario, desks: Mapping[str, Any]) -> CellPlan:
    """What one cell of a sweep will ask."""
    config, environment = scenario.experiment, scenario.environment
    assert isinstance(config, PsroConfig)
    assert environment is not None
    oracle, iterations = config.the_oracle.config(), config.stop.iterations
    pools = [[policy.spec for policy in pool_of(config, seat)] for seat in environment.seats()]
    players = range(1 if config.the_samples.symmetric else len(pools))
    questions, most, longest, chain = [], dict[tuple[str, str], int](), dict[tuple[str, str], int](), 0
    for player in players:
        first, last = (oracle.questions(environment, player, pools, desks, more) for more in (0, iterations - 1))
        questions += [Question(label, KIND, request) for request in first]
        chain = max(chain, len(first))
        for request in last:
            key = (request.model, KIND)
            most[key] = most.get(key, 0) + iterations
            longest[key] = max(longest.get(key, 0), prompt_bytes(request))
    return CellPlan(label, questions, ceiling=most, longest=longest, repairs=False, chain=chain)
