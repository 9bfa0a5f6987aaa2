"""GovSim and the inverse game, played by rule agents through the real environment; thresholds, rationing, collapse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gamesim.core.policy import AgentSpec
from gamesim.envs.commons.config import Commons
from gamesim.run.contracts import Rollout
from gamesim.run.rollout import rollout
from gamesim.scenario.resolve import load_scenario

SHIPPED = Path(__file__).parents[3] / "scenarios" / "commons"


def govsim(**changes: Any) -> Commons:
    """The shipped GovSim preset, with other keys."""
    environment = load_scenario(SHIPPED / "presets" / "govsim.yaml").environment
    assert isinstance(environment, Commons)
    data = environment.model_dump(mode="json")
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = data
        for key in parents:
            place = place[key]
        place[last] = value
    return Commons(**data)


def trash() -> Commons:
    environment = load_scenario(SHIPPED / "inverse_trash.yaml").environment
    assert isinstance(environment, Commons)
    return environment


def play(config: Commons, agent: str, runs: int = 1, **params: Any) -> Rollout:
    return rollout(config, [AgentSpec(f"commons.{agent}", params)] * config.players, np.arange(runs), steps=True)


def caught(played: Rollout) -> np.ndarray:
    """Total harvest of each agent, shape (runs, N)."""
    assert played.steps is not None
    agents = sorted(set(played.steps["agent"]))
    total = np.zeros((len(played.seeds), len(agents)))
    for i, agent in enumerate(agents):
        mine = played.steps["agent"] == agent
        np.add.at(total[:, i], played.steps["row"][mine], played.steps["harvest"][mine].astype(float))
    return total


def equality(gains: np.ndarray) -> np.ndarray:
    """1 less the mean absolute difference over twice the mean, in percent, by run."""
    n = gains.shape[1]
    spread = np.abs(gains[:, :, None] - gains[:, None, :]).sum(axis=(1, 2))
    return 100 * (1 - spread / (2 * n * gains.sum(axis=1)))


def test_all_greedy_ends_in_the_first_month() -> None:
    played = play(govsim(), "greedy", runs=2000)
    gains = caught(played)
    assert set(played.outcome["rounds"]) == {1}
    assert set(played.outcome["status"]) == {"collapsed"}
    assert gains.sum(axis=1).tolist() == [100.0] * 2000
    assert gains.mean() == pytest.approx(20.0)
    assert 100 * gains[0].sum() / 600 == pytest.approx(16.67, abs=0.005)
    equal = equality(gains)
    assert equal.mean() == pytest.approx(89.9, abs=0.5)
    assert equal.std() == pytest.approx(3.8, abs=0.5)


def test_the_threshold_sustains_twelve_months_of_ten_each() -> None:
    played = play(govsim(), "sustainable")
    assert played.outcome["rounds"][0] == 12
    assert played.outcome["status"][0] == "survived"
    assert caught(played).tolist() == [[120.0] * 5]
    assert equality(caught(played)).tolist() == [100.0]


@pytest.mark.parametrize(("request_", "months", "gain"), [(11, 4, 39), (12, 3, 32), (10, 12, 120)])
def test_one_ton_too_many_under_proportional_rationing(request_: int, months: int, gain: int) -> None:
    played = play(govsim(harvest__rationing="proportional"), "fixed", request=request_)
    assert played.outcome["rounds"][0] == months
    assert caught(played)[0] == pytest.approx(np.full(5, gain))


def test_the_best_that_whole_tons_allow_is_650_in_all() -> None:
    """By dynamic programming over whole tons: a stock under 5 after the harvest ends it, twice what is left comes back."""
    worth = np.zeros(101)
    for month in range(12):
        better = np.zeros(101)
        for stock in range(101):
            options = [stock]  # take everything: the last harvest
            options += [stock - left + worth[min(100, 2 * left)] for left in range(5, stock + 1)] if month else []
            better[stock] = max(options)
        worth = better
    assert worth[100] == 650 == 100 + 11 * 50


def test_taking_what_the_optimum_says_earns_it_in_the_environment() -> None:
    config = govsim()
    environment = config.build()
    environment.reset(seed=0)
    total = 0.0
    for month in range(1, 13):
        asked = 20.0 if month == 12 else 10.0
        _, rewards, *_ = environment.step(dict.fromkeys(environment.agents, asked))
        total += sum(rewards.values())
    assert total == 650
    assert not environment.agents


def requests(config: Commons, month: int, agents: list[AgentSpec]) -> dict[str, float]:
    steps = rollout(config, agents, [0], steps=True).steps
    assert steps is not None
    now = steps["round"] == month
    return dict(zip(steps["agent"][now], steps["action"][now], strict=True))


@pytest.mark.parametrize(
    ("stock", "players", "share"),
    [(100, 5, 10), (60, 5, 6), (100, 4, 12), (99, 5, 9), (61, 5, 6), (10, 5, 1), (9, 5, 0)],
)
def test_each_may_take_floor_of_floor_half_the_stock_over_heads(stock: int, players: int, share: int) -> None:
    config = govsim(players=players, growth__initial=stock)
    agents = [AgentSpec("commons.sustainable")] * players
    assert set(requests(config, 1, agents).values()) == {share}


@pytest.mark.parametrize(("legacy", "share"), [(False, 10), (True, 12)])
def test_the_threshold_counts_the_newcomer_unless_it_is_the_legacy_one(legacy: bool, share: int) -> None:
    config = govsim(
        horizon=15, perturbations=[{"kind": "newcomer", "at": 3, "count": 1}], information__legacy_threshold=legacy
    )
    agents = [AgentSpec("commons.sustainable")] * 4 + [AgentSpec("commons.newcomer_greedy", {"greed": 0.2})]
    before, after = requests(config, 2, agents), requests(config, 3, agents)
    assert before == dict.fromkeys([f"player_{i}" for i in range(4)], 12.0)
    assert after == {f"player_{i}": float(share) for i in range(4)} | {"player_4": 20.0}


@pytest.mark.parametrize(
    ("each", "months", "removed", "status"),
    [(0, 1, 0, "collapsed"), (1, 12, 60, "survived"), (10, 12, 600, "survived"), (20, 12, 650, "survived")],
)
def test_the_inverse_game_needs_little_work(each: int, months: int, removed: int, status: str) -> None:
    played = play(trash(), "fixed", request=each)
    assert played.outcome["rounds"][0] == months
    assert played.outcome["total_harvest"][0] == removed
    assert played.outcome["status"][0] == status
    assert played.returns.sum() == -removed  # each unit costs its remover one


def test_shares_of_the_inflow_and_the_least_work_in_the_inverse_game() -> None:
    assert play(trash(), "sustainable").outcome["total_harvest"][0] == 600
    assert play(trash(), "planner").outcome["total_harvest"][0] == 60
    assert play(trash(), "greedy").outcome["rounds"][0] == 1
