"""The stag hunt on a grid: its rules cell by cell, its table, and what risk makes of it."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from gamesim_analysis.equilibrium.risk_2x2 import thresholds
from hypothesis import given, settings
from hypothesis import strategies as st

from gamesim.core.empirical import EmpiricalGame
from gamesim.core.errors import IllegalActionError, ScenarioError
from gamesim.core.policy import AgentSpec
from gamesim.core.registry import build
from gamesim.core.risk_game import rae_gap
from gamesim.envs.markov.stag_hunt import rules
from gamesim.envs.markov.stag_hunt.config import StagHunt
from gamesim.run.rollout import rollout

PAY = rules.Payoffs(4, 2, 1)
STAY, NORTH, SOUTH, EAST, WEST = range(5)
SEEN = {  # row means of hunt, guard, forage in 400 episodes, as first measured for another implementation of these rules
    "hunt": (18.6, 24.8, -21.2), "guard": (26.7, 31.8, -15.2), "forage": (4.5, 6.2, 7.4),
}  # fmt: skip


@cache
def returns(one: str, two: str, episodes: int = 2000) -> np.ndarray:
    seats = [AgentSpec(f"stag_hunt.{name}") for name in (one, two)]
    return rollout(StagHunt(), seats, np.arange(episodes)).returns


def grid(one: tuple[int, int], two: tuple[int, int], stag: tuple[int, int], plants=((0, 4), (4, 0))) -> rules.Grid:  # type: ignore[no-untyped-def]
    return rules.Grid(np.array([[one, two]]), np.array([stag]), np.array([plants]))


def after(before: rules.Grid, moves: tuple[int, int], *u: float) -> tuple[rules.Grid, rules.Happened]:
    """One step; ``u`` in the order of the rules, 0.99 where not given: nothing comes back near, the stag stays."""
    draws = np.array([[*u, *[0.99] * (rules.DRAWS - len(u))]])
    return rules.advance(before, np.array([moves]), draws, 5, 0.5, PAY)


def test_two_catch_the_stag_and_one_is_mauled() -> None:
    now, what = after(grid((2, 1), (1, 2), (2, 2)), (EAST, SOUTH), 0.0)
    assert what.reward.tolist() == [[4, 4]]
    assert now.stag.tolist() == [[0, 0]]  # u = 0: the first cell
    now, what = after(grid((2, 1), (0, 0), (2, 2)), (EAST, STAY))
    assert what.reward.tolist() == [[-2, 0]]
    assert now.stag.tolist() == [[4, 4]]  # gone from there too


def test_a_plant_is_shared_and_comes_back() -> None:
    now, what = after(grid((0, 3), (1, 4), (4, 4)), (EAST, NORTH), 0.0, 0.5)
    assert what.reward.tolist() == [[0.5, 0.5]]
    assert now.plants.tolist() == [[[2, 2], [4, 0]]]
    _, what = after(grid((0, 3), (2, 4), (4, 4)), (EAST, STAY))
    assert what.reward.tolist() == [[1, 0]]


def test_the_stag_comes_to_the_nearest_and_mauls() -> None:
    before = grid((2, 0), (2, 4), (2, 2))
    now, what = after(before, (EAST, WEST), 0, 0, 0, 0.4, 0.7, 0.0)  # a tie: the first hunter
    assert what.reward.tolist() == [[-2, 0]]
    assert now.stag.tolist() == [[0, 0]]
    now, what = after(before, (STAY, WEST), 0, 0, 0, 0.4, 0.7, 0.0)
    assert what.reward.tolist() == [[0, -2]]
    now, what = after(before, (EAST, WEST), 0, 0, 0, 0.6)  # it does not move
    assert what.reward.tolist() == [[0, 0]]


def test_coins_choose_between_shortest_ways_and_walls_stop() -> None:
    here, there = np.array([[2, 2]]), np.array([[0, 4]])
    assert rules.towards(here, there, np.array([0.4])).tolist() == [NORTH]
    assert rules.towards(here, there, np.array([0.6])).tolist() == [EAST]
    assert rules.towards(here, here, np.array([0.4])).tolist() == [STAY]
    assert rules.moved(np.array([[0, 4], [4, 0]]), np.array([NORTH, WEST]), 5).tolist() == [[0, 4], [4, 0]]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 7))
def test_a_move_towards_comes_nearer_by_one(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    start, goal = rng.integers(0, size, (2, 20, 2))
    reached = rules.moved(start, rules.towards(start, goal, rng.random(20)), size)
    before = rules.distance(start, goal)
    assert (rules.distance(reached, goal) == np.maximum(before - 1, 0)).all()


def test_means_of_scripted_hunters() -> None:
    for one, row in SEEN.items():
        for two, seen in zip(SEEN, row, strict=True):
            mine = returns(one, two)[:, 0]
            error = mine.std() * np.sqrt(1 / len(mine) + 1 / 400)
            assert mine.mean() == pytest.approx(seen, abs=4 * error)


def test_guards_and_foragers_form_a_stag_hunt_whose_prediction_holds() -> None:
    """Statement 32 of the risk experiments: the threshold of the table itself separates equilibrium from none."""
    names = ("guard", "forage")
    game = EmpiricalGame((names,), (0, 0))
    for i, j in ((0, 0), (0, 1), (1, 1)):
        game = game.add((i, j), returns(names[i], names[j]))
    (a, c), (b, d) = game.mean[0]
    error = game.standard_error[0]
    assert a - b > 4 * np.hypot(error[0, 0], error[1, 0])
    assert d - c > 4 * np.hypot(error[1, 1], error[0, 1])
    critical = thresholds(a, b, c, d, tremble=0.01).first
    guards = [np.array([0.99, 0.01])] * 2
    assert rae_gap(game, guards, aversion=0.9 * critical, tremble=0.01).value < 1e-9
    assert rae_gap(game, guards, aversion=1.1 * critical, tremble=0.01).value > 1e-6


def test_single_and_batched_faces_walk_alike() -> None:
    seats = [AgentSpec("stag_hunt.guard"), AgentSpec("stag_hunt.forage")]
    config, seeds = StagHunt(horizon=150), np.arange(6)
    whole = rollout(config, seats, seeds, steps=True)
    for b in range(6):
        alone = rollout(config, seats, seeds[b : b + 1], steps=True)
        assert (alone.returns[0] == whole.returns[b]).all()
    batch, environment = config.batched(2), config.build()
    batch.reset(np.array([1, 3]))
    environment.reset(seed=3)
    rng = np.random.default_rng(0)
    for _ in range(150):
        moves = rng.integers(0, 5, 2)
        seen, rewards, *_ = environment.step({"hunter_0": moves[0], "hunter_1": moves[1]})
        now = batch.step(np.array([[0.0, 0.0], moves]))
        assert list(rewards.values()) == now.reward[1].tolist()
        assert (seen["hunter_1"]["own"] == now.observation["own"][1, 1]).all()


def test_what_is_drawn_and_what_is_refused() -> None:
    environment = StagHunt().build()
    environment.reset(seed=0)
    assert environment.render().splitlines()[1:] == ["A . . . *", ". . . . .", ". . S . .", ". . . . .", "* . . . B"]
    assert environment.action_spec("hunter_0").parse("east") == EAST
    with pytest.raises(IllegalActionError, match="north"):
        environment.step({"hunter_0": 5, "hunter_1": 0})
    with pytest.raises(ScenarioError, match="stag_hunt"):
        build("agents", "stag_hunt.guard").build(build("environments", "matrix"))


def test_every_step_is_its_own_episodes() -> None:
    played = rollout(
        StagHunt(), [AgentSpec("stag_hunt.guard"), AgentSpec("stag_hunt.forage")], np.arange(30), steps=True
    )
    assert played.steps is not None
    assert np.bincount(played.steps["row"]).tolist() == [25 * 2] * 30
    assert np.bincount(played.steps["row"], played.steps["reward"]) == pytest.approx(played.returns.sum(axis=1))
