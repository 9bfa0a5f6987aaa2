"""Driving: crash rates by policy, both faces alike, what is seen and what is legal."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest
from gamesim_agents.risk.gap_acceptance import NAMED

from gamesim.core.errors import IllegalActionError, ScenarioError
from gamesim.core.policy import AgentSpec
from gamesim.core.registry import entry
from gamesim.core.seeds import Seeds
from gamesim.envs.driving import rules
from gamesim.envs.driving.config import ConflictPoint
from gamesim.envs.repeated.config import Matrix
from gamesim.run.episode import Episode
from gamesim.run.rollout import rollout
from gamesim.run.seating import seated


def drive(variant: str, one: str, two: str, episodes: int = 4000, **more: object):
    seats = [AgentSpec("driving.gap_acceptance", {"threshold": NAMED[name], **more}) for name in (one, two)]
    return rollout(ConflictPoint(variant=variant), seats, np.arange(episodes))


@pytest.mark.parametrize(
    "one,two,rate",
    [
        ("go", "go", 0.588),
        ("go", "polite", 0.033),
        ("fair", "fair", 0.090),
        ("polite", "polite", 0.0001),
        *(("yield", other, 0) for other in NAMED),
    ],
)
def test_crash_rates_at_a_crossing(one: str, two: str, rate: float) -> None:
    crashes = drive("crossing", one, two).outcome["crash"]
    assert crashes.mean() == pytest.approx(rate, abs=max(3 * np.sqrt(rate * (1 - rate) / len(crashes)), 0.005))


def test_returns_at_a_crossing() -> None:
    assert drive("crossing", "go", "yield").returns[:, 0].mean() == pytest.approx(0.724, abs=0.01)
    assert drive("crossing", "polite", "polite").returns.mean() == pytest.approx(0.200, abs=0.01)


def test_merging_is_symmetric_and_safer_the_more_one_yields() -> None:
    names, episodes = list(NAMED), 3000
    rate = np.array([[drive("merge", a, b, episodes).outcome["crash"].mean() for b in names] for a in names])
    error = np.sqrt(np.maximum(rate * (1 - rate), 1e-3) / episodes)
    assert (np.abs(rate - rate.T) <= 4 * np.sqrt(error**2 + error.T**2)).all()
    assert (np.diff(rate, axis=1) <= 3 * np.sqrt(error[:, 1:] ** 2 + error[:, :-1] ** 2)).all()
    assert (rate[-1] == 0).all()
    assert (rate[:, -1] == 0).all()
    assert rate[0, 0] == pytest.approx(0.40, abs=0.03)
    assert rate[3, 3] < 0.002


def test_overtaking_is_no_symmetric_game() -> None:
    assert drive("two_way", "go", "go").outcome["crash"].mean() == pytest.approx(0.096, abs=0.02)
    for other in NAMED:
        assert drive("two_way", "yield", other, 1000).outcome["crash"].sum() == 0
    returns = drive("two_way", "polite", "polite").returns.mean(axis=0)
    assert returns[0] > returns[1] + 0.1


NOISY = [AgentSpec("driving.gap_acceptance", {"threshold": h, "threshold_sd": 1.0, "bias_sd": 1.0}) for h in (-1, 0)]


@pytest.mark.parametrize(
    "config,seats",
    [
        *((ConflictPoint(variant=variant), NOISY) for variant in ("crossing", "merge", "two_way")),
        (
            Matrix(stage={"game": "driving_chicken", "crash_cost": 5}, horizon=1),
            [AgentSpec("matrix.random")] * 2,
        ),
    ],
    ids=["crossing", "merge", "two_way", "chicken"],
)
def test_the_pettingzoo_face_drives_as_the_batched_one_does(config: Any, seats: list[AgentSpec]) -> None:
    """Statement 30: every number of every step, not only what is earned."""
    seeds = np.arange(12)
    whole = rollout(config, seats, seeds, steps=True)
    assert whole.steps is not None
    for row, seed in enumerate(seeds.tolist()):
        episode = Episode(config.build(), seated(config, seats), Seeds(seed), steps=True)
        asyncio.run(episode.run())
        assert episode.returns.tolist() == whole.returns[row].tolist()
        assert episode.log is not None
        mine = whole.steps["row"] == row
        for name, values in episode.log.columns().items():
            if name != "row":
                np.testing.assert_array_equal(values, whole.steps[name][mine], err_msg=name)
        for name, value in episode.outcome().items():
            assert value == whole.outcome[name][row]


@pytest.mark.parametrize("variant", ["crossing", "merge", "two_way"])
def test_both_faces_see_the_same(variant: str) -> None:
    config = ConflictPoint(variant=variant)
    environment = config.build()
    observations, _ = environment.reset(seed=3)
    batch = config.batched(2).reset(np.array([1, 3]))
    for i, agent in enumerate(environment.agents):
        for key, value in observations[agent].items():
            other = batch.observation[key]
            np.testing.assert_array_equal(value, other[1, 0 if other.shape[1] == 1 else i])


def test_who_arrived_is_gone_and_who_crashed_stands_still() -> None:
    environment = ConflictPoint().build()
    environment.reset(seed=1)
    while len(environment.agents) == 2:
        environment.step({"car_0": 2.5, "car_1": -6.0 if environment._row.cars.v[0, 1] > 0 else 0.0})
    assert environment.agents == ["car_1"]
    assert [event.type for event in environment.events()] == ["arrival"]
    with pytest.raises(IllegalActionError, match="does not move"):
        environment.step({"car_0": 0.0, "car_1": 0.0})
    seen = environment.observation_of("car_1")
    assert np.isnan(seen["other_place"])
    assert np.isinf(seen["gap"])
    assert "B" in environment.render()
    assert "A" not in environment.render().splitlines()[1]


def test_crashes_cost_both_and_end_the_episode() -> None:
    environment = ConflictPoint(crash_cost=7).build()
    for seed in range(50):
        environment.reset(seed=seed)
        total = dict.fromkeys(environment.agents, 0.0)
        while environment.agents:
            _, rewards, *_ = environment.step(dict.fromkeys(environment.agents, 2.5))
            for agent, reward in rewards.items():
                total[agent] += reward
        if environment.outcome()["crash"]:
            assert total == {"car_0": -7.0, "car_1": -7.0}
            assert "X" in environment.render()
            return
    raise AssertionError("nobody crashed in 50 reckless drives")


def test_only_the_overtaker_may_pull_out() -> None:
    environment = ConflictPoint(variant="two_way").build()
    environment.reset(seed=0)
    with pytest.raises(IllegalActionError, match="oncoming"):
        environment.step({"overtaker": 0.0, "oncoming": rules.PULL_OUT})
    environment.step({"overtaker": rules.PULL_OUT, "oncoming": 0.0})
    assert environment._row.cars.out[0]
    with pytest.raises(IllegalActionError):
        environment.step({"overtaker": 2.7, "oncoming": 0.0})


def test_noisy_drivers_misjudge_more() -> None:
    sure = drive("crossing", "fair", "fair", 3000, bias_sd=0.0).outcome["crash"].mean()
    noisy = drive("crossing", "fair", "fair", 3000, bias_sd=2.0).outcome["crash"].mean()
    assert noisy > sure + 0.1


def test_chicken_in_closed_form() -> None:
    """Statement 4 on the registered game: at that aversion crashes are seven times rarer than at Nash, and nobody gains."""
    from gamesim_analysis.equilibrium.risk_2x2 import chicken_aversion

    from gamesim.core.risk_game import rae_gap

    for cost in (5, 10, 50):
        game = entry("games", "driving_chicken")(cost)
        q = 1 / (cost * np.sqrt(7))
        assert rae_gap(game, [np.array([1 - q, q])] * 2, aversion=chicken_aversion(cost, 7.0), tremble=0).value < 1e-12
    with pytest.raises(ScenarioError, match="crash_cost is 1"):
        entry("games", "driving_chicken")(1)
