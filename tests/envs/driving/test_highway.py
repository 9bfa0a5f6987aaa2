"""highway-env's roads under our rewards. Skipped where highway-env is not installed: ``pip install 'gamesim[driving]'``."""

from __future__ import annotations

import logging
from importlib.util import find_spec

import numpy as np
import pytest

from gamesim.core.errors import EnvironmentConfigError
from gamesim.core.policy import AgentSpec
from gamesim.envs.driving import highway
from gamesim.envs.driving.highway_config import HighwayMerge, HighwayTwoWay
from gamesim.run.rollout import rollout
from gamesim.testing import check_agent, check_environment

needs_highway = pytest.mark.skipif(find_spec("highway_env") is None, reason="needs the extra driving: highway-env")


def drive(one: int, two: int, seeds: int):
    seats = [AgentSpec("highway.cruise", {"faster": steps}) for steps in (one, two)]
    return rollout(HighwayMerge(), seats, np.arange(seeds))


@needs_highway
@pytest.mark.slow
def test_a_ramp_car_that_slows_merges_and_two_that_keep_their_speed_collide(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        slowing, keeping = drive(0, -2, 20), drive(0, 0, 20)
    assert slowing.outcome["crash"].sum() == 0
    assert slowing.outcome["arrived_1"].sum() == 20
    assert (slowing.returns > 0).all()
    assert keeping.outcome["crash"].sum() >= 1
    crashed = keeping.outcome["crash"] == 1
    assert (keeping.returns[crashed] == -10).all()  # both: with each other, not with the ramp's end
    assert not caplog.records


@needs_highway
def test_the_merge_has_two_drivers_and_two_rewards_and_ends_on_the_main_lane() -> None:
    simulator = highway.simulator("merge", 10.0, 40.0)
    simulator.reset(seed=0)
    assert len(simulator.controlled_vehicles) == 2
    _, rewards, *_ = simulator.step((1, 1))
    assert rewards == (0.0, 0.0)
    environment = HighwayMerge().build()
    environment.reset(seed=3)
    for step in range(80):
        if not environment.agents:
            break
        environment.step({agent: 0 if agent == "car_1" and step < 2 else 1 for agent in environment.agents})
    assert environment.cars[1].lane_index == ("c", "d", 1)
    assert environment.outcome()["crash"] == 0


@needs_highway
def test_fewer_drivers_than_asked_for_are_an_error() -> None:
    with pytest.raises(EnvironmentConfigError, match="2 players were asked for, and OvertakingEnv lets 1 drive"):
        HighwayTwoWay(players=2).build()
    with pytest.raises(EnvironmentConfigError, match="3 players"):
        HighwayMerge(players=3).build()


@needs_highway
def test_frames_are_pictures() -> None:
    environment = HighwayTwoWay().build()
    environment.reset(seed=0)
    frame = environment.render()
    assert frame.shape[2] == 3
    assert frame.std() > 1


@needs_highway
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["highway_merge", "highway_two_way"])
def test_contract(kind: str) -> None:
    check_environment({"kind": kind, "horizon": 10})
    check_agent("highway.cruise", [{"kind": kind, "horizon": 5}], seeds=(0,))
    if kind == "highway_merge":
        check_agent("highway.gap_acceptance", [{"kind": kind, "horizon": 5}], seeds=(0,))
