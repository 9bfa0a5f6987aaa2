"""Game trees as environments: both faces, PettingZoo's turn-based test, chance, repetition, what models read."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from pettingzoo.test import api_test

from gamesim.core.errors import GamesimError, IllegalActionError
from gamesim.core.policy import AgentSpec
from gamesim.core.registry import build
from gamesim.envs.efg.config import ExtensiveForm
from gamesim.envs.efg.describer import views
from gamesim.envs.efg.environment import ExtensiveFormEnv
from gamesim.run.rollout import rollout
from gamesim.testing import check_environment

LEAF = 'EFG 2 R "leaf" { "A" "B" }\n\nt "" 1 "" { 3, 1/2 }\n'
LUCK = 'EFG 2 R "luck" { "A" }\n\nc "" 1 "" { "x" 1/4 "y" 3/4 } 0\nt "" 1 "" { 4 }\nt "" 2 "" { 0 }\n'
ALONE = 'EFG 2 R "alone" { "A" }\n\np "" 1 1 "" { "x" "y" } 0\nt "" 1 "" { 4 }\nt "" 2 "" { 0 }\n'
ABSENT = (
    'EFG 2 R "driver" { "D" }\n\np "" 1 1 "" { "exit" "go" } 0\nt "" 1 "" { 0 }\np "" 1 1 "" { "exit" "go" } 0\n'
    't "" 2 "" { 4 }\nt "" 3 "" { 1 }\n'
)
GAMES = ["ferry_fare", "forklift_aisle", "hill_and_bridge", "ice_seller", "jam_shelf", "museum_or_fair", "seed_loan",
         "three_bakers", "three_card_raise", "two_night_camp", "kuhn", "selten_horse"]  # fmt: skip


def config_of(text: str, tmp_path) -> ExtensiveForm:
    path = tmp_path / "game.efg"
    path.write_text(text)
    return ExtensiveForm(file=str(path))


@pytest.mark.parametrize("name", GAMES)
def test_every_tree_is_an_environment_turn_by_turn(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        api_test(ExtensiveFormEnv(ExtensiveForm(game=name)), num_cycles=40, verbose_progress=False)


@pytest.mark.parametrize("text", [ALONE, ABSENT])
def test_one_player_and_absent_minded_games(text: str, tmp_path) -> None:
    config = config_of(text, tmp_path)
    check_environment(config.model_dump(mode="json", by_alias=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        api_test(ExtensiveFormEnv(config), num_cycles=20, verbose_progress=False)


@pytest.mark.parametrize("text,payoffs", [(LEAF, {"A": 3.0, "B": 0.5}), (LUCK, None)])
def test_a_tree_without_decisions_is_over_at_once(text: str, payoffs, tmp_path) -> None:
    config = config_of(text, tmp_path)
    turn = ExtensiveFormEnv(config)
    means = []
    for seed in range(200):
        turn.reset(seed=seed)
        assert all(turn.terminations.values())
        means.append(turn.rewards["A"])
        if payoffs:
            assert turn.rewards == payoffs
    assert payoffs or np.mean(means) == pytest.approx(1.0, abs=0.4)
    batch = config.batched(3).reset(np.arange(3))
    assert not batch.needs_action.any()
    assert batch.phase == ""


def uniform(name: str, episodes: int, **more: object):
    config = ExtensiveForm(game=name, **more)
    return rollout(config, [AgentSpec("efg.uniform")] * len(config.seats()), np.arange(episodes))


def test_uniform_play_pays_what_it_must() -> None:
    """To 3 standard errors of 40,000 plays: seed_loan (53/16, 59/16), Kuhn 1/8."""
    loan, kuhn = uniform("seed_loan", 40_000).returns, uniform("kuhn", 40_000).returns
    assert loan.mean(axis=0) == pytest.approx([53 / 16, 59 / 16], abs=0.07)
    assert kuhn[:, 0].mean() == pytest.approx(1 / 8, abs=0.03)


def test_batched_and_single_faces_play_alike() -> None:
    config, seats = ExtensiveForm(game="kuhn", repeat=3, rotate=True), [AgentSpec("efg.uniform")] * 2
    whole = rollout(config, seats, np.arange(8), steps=True)
    for b in range(8):
        alone = rollout(config, seats, [b], steps=True)
        assert (alone.returns[0] == whole.returns[b]).all()
        here = whole.steps["row"] == b
        for key in ("agent", "action", "set", "role", "play"):
            np.testing.assert_array_equal(alone.steps[key], whole.steps[key][here])


def test_rotation_moves_roles_and_leaves_chance_alone() -> None:
    still, turned = (uniform("kuhn", 200, repeat=4, rotate=r) for r in (False, True))
    assert not (still.returns == turned.returns).all()
    config = ExtensiveForm(game="seed_loan", repeat=2, rotate=True)
    environment = config.build()
    environment.reset(seed=0)
    first = environment.movers()
    while environment._row._play[0] == 1 and environment.phase:
        environment.step({environment.movers()[0]: 0})
    assert environment.movers() != first


def test_illegal_moves_name_the_labels() -> None:
    environment = ExtensiveForm(game="ferry_fare").build()
    environment.reset(seed=0)
    (mover,) = environment.movers()
    with pytest.raises(IllegalActionError, match="Offer 1"):
        environment.step({mover: 17})
    other = next(agent for agent in environment.agents if agent != mover)
    with pytest.raises(IllegalActionError, match="does not move"):
        environment.step({mover: 0, other: 0})
    environment.step({mover: environment.action_spec(mover).parse("Offer 1")})
    assert "Offer 1" in environment.render()


@pytest.mark.parametrize("name", GAMES)
def test_what_is_read_depends_on_the_information_set_alone(name: str) -> None:
    config = ExtensiveForm(game=name)
    said = views(config)
    assert len(said) == len(config.tree.sets)
    for own in config.tree.sets_of:
        assert len({said[h] for h in own}) == len(own), "two different views read alike"


def test_where_a_game_comes_from(tmp_path) -> None:
    path = tmp_path / "mine.efg"
    path.write_text(ALONE)
    config = ExtensiveForm(file=str(path))
    path.unlink()  # the record keeps the text
    again = ExtensiveForm.model_validate(config.model_dump(mode="json", by_alias=True))
    assert again == config
    assert again.tree == config.tree
    english = "Players: Ann and Bob.\nAnn and Bob simultaneously choose A or B.\nPayoffs (Ann, Bob): A/A 3, 3; A/B 2, 5; B/A 5, 2; B/B 0, 0.\n"
    assert ExtensiveForm(english=english).seats() == ("Ann", "Bob")
    for bad, word in [({}, "none was given"), ({"game": "kuhn", "english": english}, "game, english"), ({"game": "kunh"}, "Did you mean 'kuhn'"),
                      ({"file": "nowhere.efg"}, "nowhere.efg"), ({"game": "kuhn", "rules": "original"}, "description")]:  # fmt: skip
        with pytest.raises(Exception) as caught:
            build("environments", {"kind": "efg", **bad})
        assert word in str(caught.value), bad


def test_rules_for_trees() -> None:
    config = ExtensiveForm(game="ferry_fare")
    seats = [AgentSpec("efg.equilibrium"), AgentSpec("efg.equilibrium")]
    assert (rollout(config, seats, [0, 1]).returns == [[5, 1], [5, 1]]).all()
    table = AgentSpec("efg.table", {"play": {"after Offer 1": "Refuse"}})
    assert rollout(config, [AgentSpec("efg.equilibrium"), table], [0]).returns.tolist() == [[0, 0]]
    for key, action, word in [("after Ofer 1", "Refuse", "Did you mean 'after Offer 1'"), ("after Offer 1", "Refus", "Did you mean 'Refuse'"), ("#1", "Take", "Say which")]:  # fmt: skip
        with pytest.raises(GamesimError) as caught:
            rollout(config, [AgentSpec("efg.table", {"play": {key: action}}), AgentSpec("efg.uniform")], [0])
        assert word in str(caught.value)
    kuhn = ExtensiveForm(game="kuhn")
    level = rollout(kuhn, [AgentSpec("efg.level_k", {"level": 1}), AgentSpec("efg.uniform")], np.arange(4000)).returns
    assert level[:, 0].mean() > 0.3
