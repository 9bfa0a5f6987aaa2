"""Repeated matrix games: payoffs are the table's, noise is as frequent as it says and paired across rules."""

from __future__ import annotations

from inspect import signature

import numpy as np
import pytest
from pydantic import ValidationError

from gamesim.core.certify import certify
from gamesim.core.errors import IllegalActionError, ScenarioError
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.policy import AgentSpec
from gamesim.core.registry import build, entry, names
from gamesim.core.zero_sum import zero_sum
from gamesim.envs.repeated.config import Matrix
from gamesim.envs.repeated.stage_games import prisoners_dilemma, rock_paper_scissors, shapley
from gamesim.run.rollout import rollout


def spec(kind: str, **params: object) -> AgentSpec:
    return AgentSpec(f"matrix.{kind}", params)


@pytest.mark.parametrize(
    "game", [name for name in names("games") if signature(entry("games", name)).return_annotation == "NormalFormGame"]
)
def test_rewards_are_the_tables(game: str) -> None:
    config = Matrix(stage=game, horizon=50, noise=0.1)
    played = rollout(config, [spec("random")] * 2, [1, 2, 3], steps=True)
    table: NormalFormGame = entry("games", game)()
    assert played.steps is not None
    action = played.steps["played"].reshape(3, 50, 2).astype(int)
    reward = played.steps["reward"].reshape(3, 50, 2)
    assert np.array_equal(reward, np.moveaxis(table.payoffs[:, action[..., 0], action[..., 1]], 0, -1))
    assert np.allclose(played.returns, reward.sum(axis=1))
    assert np.allclose(played.outcome["welfare"], reward.sum(axis=(1, 2)))
    assert np.allclose(played.outcome["first_action_share"], (action == 0).mean(axis=(1, 2)))


def test_noise_is_as_frequent_as_it_says_and_chooses_another_action_evenly() -> None:
    config = Matrix(stage="rock_paper_scissors", horizon=500, noise=0.3)
    played = rollout(config, [spec("cooperator"), spec("defector")], range(40), steps=True)
    assert played.steps is not None
    first = played.steps["played"].reshape(40, 500, 2)[..., 0]
    shares = [(first == a).mean() for a in range(3)]
    assert shares == pytest.approx([0.7, 0.15, 0.15], abs=0.01)


def test_the_same_slips_whoever_plays() -> None:
    """Counterfactual runs share every draw: slips depend on the seed, not on the rules."""
    config = Matrix(horizon=300, noise=0.1)
    slips = []
    for rule in ("cooperator", "defector"):
        played = rollout(config, [spec(rule)] * 2, [5], steps=True)
        assert played.steps is not None
        slips.append(played.steps["played"] != played.steps["action"])
    assert slips[0].sum() > 20
    assert np.array_equal(*slips)


def test_a_longer_horizon_begins_as_the_shorter_one() -> None:
    rounds = [
        rollout(Matrix(horizon=h, noise=0.1), [spec("tit_for_tat"), spec("random")], [5], steps=True).steps
        for h in (130, 260)
    ]
    short, long = (steps["played"] for steps in rounds if steps is not None)
    assert np.array_equal(long[: len(short)], short)


def test_tit_for_tat_among_slips_falls_short_of_cooperation() -> None:
    config = Matrix(horizon=1000, noise=0.02)
    played = rollout(config, [spec("tit_for_tat")] * 2, range(20))
    assert played.outcome["first_action_share"].mean() == pytest.approx(0.5, abs=0.06)  # the echo of slips levels all
    clean = rollout(Matrix(horizon=1000), [spec("tit_for_tat")] * 2, [1])
    assert clean.outcome["first_action_share"][0] == 1


def test_its_formal_game_is_the_stage_game() -> None:
    assert Matrix().game() == prisoners_dilemma()
    assert Matrix(stage="shapley").game() == shapley()
    config = Matrix(stage={"game": "prisoners_dilemma", "temptation": 7})
    assert config.game().payoffs[0, 1, 0] == 7
    assert Matrix(payoffs=[[1, 2, 3]], actions=[["a", "b", "c"]]).seats() == ("player_0",)


def test_the_named_games_are_what_their_names_say() -> None:
    assert certify(entry("games", "prisoners_dilemma")(), (1, 1)).grade == "exact"
    assert len(entry("games", "chicken")().pure_equilibria()) == 2
    assert entry("games", "stag_hunt")().pure_equilibria() == [(0, 0), (1, 1)]
    assert entry("games", "battle_of_the_sexes")().pure_equilibria() == [(0, 0), (1, 1)]
    assert rock_paper_scissors().is_zero_sum
    assert rock_paper_scissors().is_symmetric
    assert zero_sum(entry("games", "matching_pennies")().payoffs[0])[0] == pytest.approx(0)
    assert shapley().pure_equilibria() == []
    with pytest.raises(ScenarioError, match="no prisoners' dilemma"):
        prisoners_dilemma(temptation=2)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"stage": "prisoners_dilema"}, "Did you mean 'prisoners_dilemma'"),
        ({"stage": {"name": "chicken"}}, "needs the name of a game"),
        ({"stage": {"game": "chicken", "crush": 1}}, "crush"),
        ({"stage": "chicken", "payoffs": [[1, 2]]}, "Keep one"),
        ({"actions": [["a", "b"]]}, "payoffs, which are not given"),
        ({"payoffs": [[1, 2], [3]]}, "rows differ in length"),
        ({"payoffs": [1, 2]}, "no game in normal form"),
        ({"payoffs": [["a", "b"]]}, "must be numbers"),
        ({"payoffs": [[1, 2]], "actions": [["a", "a"]]}, "repeat"),
        ({"horizon": 0}, "greater than or equal to 1"),
        ({"noise": 1.0}, "less than 1"),
        ({"noise": -0.1}, "greater than or equal to 0"),
        ({"rounds": 3}, "Extra inputs"),
    ],
)
def test_wrong_keys_are_explained(keys: dict[str, object], said: str) -> None:
    with pytest.raises((ValidationError, ScenarioError)) as caught:
        Matrix(**keys)  # type: ignore[arg-type]
    assert said in str(caught.value)


def test_illegal_actions_are_named() -> None:
    environment = Matrix(horizon=2).build()
    environment.reset(seed=1)
    with pytest.raises(IllegalActionError, match=r"player_1 played 2 .*Legal: 0 \(C\), 1 \(D\)"):
        environment.step({"player_0": 0, "player_1": 2})
    batched = Matrix(horizon=2).batched(2)
    batched.reset(np.array([1, 2]))
    with pytest.raises(IllegalActionError, match=r"player_1 played 0\.5"):
        batched.step(np.array([[0, 1], [1, 0.5]]))


def test_labels_are_read_as_actions() -> None:
    choice = Matrix(stage="rock_paper_scissors").build()
    choice.reset(seed=0)
    assert choice.action_spec("player_0").parse("paper") == 1
    with pytest.raises(IllegalActionError, match="Did you mean 'scissors'"):
        choice.action_spec("player_0").parse("scisors")


def test_agents_of_matrix_games_refuse_other_environments() -> None:
    with pytest.raises(ScenarioError, match="not 'fish_war'"):
        rollout(build("environments", "fish_war"), [spec("grim")] * 4, [1])
    with pytest.raises(ScenarioError, match="3 weights were given"):
        rollout(Matrix(), [spec("random", weights=[1, 1, 1])] * 2, [1])


def test_a_row_under_way_renders_and_goes_on() -> None:
    environment = Matrix(horizon=3).build()
    environment.reset(seed=0)
    assert environment.render() == "round 1 choose: - -"
    environment.step({"player_0": 0, "player_1": 1})
    assert environment.render() == "round 2 choose: C D"


def test_of_a_tree_players_choose_whole_plans() -> None:
    environment = Matrix(stage="ferry_fare", horizon=3)
    assert environment.seats() == ("Skipper", "Traveller")
    assert environment.table.shape == (3, 8)
    done = rollout(environment, [AgentSpec("learner", {"rule": "regret_matching_plus"})] * 2, [1, 2])
    assert done.returns.shape == (2, 2)
