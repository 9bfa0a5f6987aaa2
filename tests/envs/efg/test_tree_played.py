"""Game trees as environments: both faces, PettingZoo's turn-based test, chance, repetition, what models read."""

from __future__ import annotations

import re
import warnings
from dataclasses import replace

import numpy as np
import pytest
from pettingzoo.test import api_test

from gamesim.cli.casting import Casting, cast
from gamesim.core.behaviour import best_replies
from gamesim.core.errors import GamesimError, IllegalActionError
from gamesim.core.policy import AgentSpec
from gamesim.core.registry import build
from gamesim.envs.efg.config import ExtensiveForm
from gamesim.envs.efg.describe_game import knowledge, knows, place
from gamesim.envs.efg.environment import ExtensiveFormEnv
from gamesim.run.play import Play
from gamesim.run.rollout import rollout
from gamesim.run.runner import resume, run
from gamesim.scenario.resolve import load_scenario
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


@pytest.mark.parametrize("text", [ALONE, ABSENT, LEAF, LUCK], ids=["alone", "absent", "leaf", "luck"])
def test_the_contract_holds_for_odd_trees(text: str, tmp_path) -> None:
    check_environment(config_of(text, tmp_path).model_dump(mode="json", by_alias=True))


@pytest.mark.parametrize("name", GAMES)
def test_the_contract_holds_for_shipped_trees(name: str) -> None:
    check_environment({"kind": "efg", "game": name})


@pytest.mark.parametrize("text", [ALONE, ABSENT])
def test_one_player_and_absent_minded_games(text: str, tmp_path) -> None:
    config = config_of(text, tmp_path)
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


@pytest.mark.parametrize("name", ["kuhn", "three_bakers", "seed_loan", "liars_dice"])
def test_turn_by_turn_it_is_the_same_game(name: str) -> None:
    """Equal seeds and moves, seats going round: sets, masks, rewards and the exact payoffs agree with the other face."""
    config = ExtensiveForm(game=name, repeat=40, rotate=True)
    turn, plain = ExtensiveFormEnv(config), config.build()
    for seed in (0, 7):
        turn.reset(seed=seed)
        plain.reset(seed=seed)
        rng = np.random.default_rng(seed)
        while plain.phase:
            (mover,) = plain.movers()
            assert turn.agent_selection == mover
            for agent in plain.agents:
                seen, other = plain.observation_of(agent), turn.observe(agent)
                assert other["observation"][0] == seen["set"]
                np.testing.assert_array_equal(other["action_mask"], seen["action_mask"])
            action = int(rng.integers(plain.observation_of(mover)["action_mask"].sum()))
            _, rewards, over, _, infos = plain.step({mover: action})
            turn.step(action)
            assert (turn.rewards, turn.terminations) == (rewards, over)
            assert {a: i for a, i in turn.infos.items() if i} == {a: i for a, i in infos.items() if i}
        assert turn.render() == plain.render()


def test_turn_by_turn_illegal_moves_are_refused() -> None:
    turn = ExtensiveFormEnv(ExtensiveForm(game="ferry_fare"))
    turn.reset(seed=0)
    before = turn.render()
    for wrong in (17, -1, 0.5, "Ofer 1", None):
        with pytest.raises(IllegalActionError, match="Offer 1"):
            turn.step(wrong)
    assert turn.render() == before
    turn.step(np.int64(0))
    assert turn.render() != before


def uniform(name: str, episodes: int, **more: object):
    config = ExtensiveForm(game=name, **more)
    return rollout(config, [AgentSpec("efg.uniform")] * len(config.seats()), np.arange(episodes))


def test_uniform_play_pays_what_it_must() -> None:
    """200,000 plays, some five standard errors: seed_loan (53/16, 59/16), Kuhn 1/8."""
    loan, kuhn = (uniform(name, 1_000, repeat=200).returns.mean(axis=0) / 200 for name in ("seed_loan", "kuhn"))
    assert loan == pytest.approx([53 / 16, 59 / 16], abs=0.03)
    assert kuhn[0] == pytest.approx(1 / 8, abs=0.02)


def test_batched_and_single_faces_play_alike() -> None:
    config, seats = ExtensiveForm(game="kuhn", repeat=3, rotate=True), [AgentSpec("efg.uniform")] * 2
    whole = rollout(config, seats, np.arange(8), steps=True)
    for b in range(8):
        alone = rollout(config, seats, [b], steps=True)
        assert (alone.returns[0] == whole.returns[b]).all()
        here = whole.steps["row"] == b
        for key in ("agent", "action", "set", "role", "play"):
            np.testing.assert_array_equal(alone.steps[key], whole.steps[key][here])


def test_rotation_changes_no_draw_of_chance() -> None:
    """The first mover of a play of Kuhn's poker stands at one of three sets by its card, whoever sits there."""
    cards = []
    for rotate in (False, True):
        config = ExtensiveForm(game="kuhn", repeat=12, rotate=rotate)
        steps = rollout(config, [AgentSpec("efg.uniform"), AgentSpec("efg.level_k")], np.arange(20), steps=True).steps
        moved = ~np.isnan(steps["set"])
        order = np.lexsort((steps["step"][moved], steps["play"][moved], steps["row"][moved]))
        row, play, sets = (steps[key][moved][order] for key in ("row", "play", "set"))
        first = np.flatnonzero(np.r_[True, (row[1:] != row[:-1]) | (play[1:] != play[:-1])])
        cards.append((row[first], play[first], sets[first]))
    for still, turned in zip(*cards, strict=True):
        np.testing.assert_array_equal(still, turned)
    assert len(np.unique(cards[0][2])) == 3


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


def described() -> list[ExtensiveForm]:
    """Every shipped game that is played from a name or a text; Leduc and liar's dice once, below."""
    from gamesim_analysis.text2game.dataset import load_dataset

    from gamesim.core.efg_format import write_efg

    found = [
        ExtensiveForm(game=name) for name in [*GAMES, "one_card_poker", "beer_quiche", "centipede", "entry_deterrence"]
    ]
    for one in load_dataset("own").values():
        if one.reference is not None:
            found.append(ExtensiveForm(file=f"{one.name}.efg", source=write_efg(one.game())))
    return found


@pytest.mark.parametrize("config", described(), ids=lambda config: config.tree.name)
def test_what_is_read_depends_on_the_information_set_alone(config: ExtensiveForm) -> None:
    """At every node, through the environment: bytes are equal over a set and differ between sets of a player."""
    game, describer, row = config.tree, config.describer(), config.batched(1)
    row.reset(np.array([0]))
    said: dict[int, set[str]] = {}
    for node, kind in enumerate(game.kinds):
        if kind >= 0:
            row._node[:] = node
            environment = row.row(0)
            (mover,) = environment.movers()
            told = describer.describe(environment.observation_of(mover), mover)
            said.setdefault(game.at[node], set()).add(repr(told))
    assert all(len(texts) == 1 for texts in said.values())
    assert set(said) == set(range(len(game.sets)))
    for own in game.sets_of:
        assert len({next(iter(said[h])) for h in own}) == len(own), "two different views read alike"


@pytest.mark.parametrize("name", [*GAMES, "beer_quiche", "one_card_poker"])
def test_nobody_is_told_a_fact_that_only_some_nodes_of_the_set_have(name: str) -> None:
    """Sentinels planted at one branch of chance or another's move are never known where the set does not tell them."""
    game = ExtensiveForm(game=name).tree
    planted = replace(
        game,
        sets=tuple(replace(s, actions=tuple(f"act{h}x{a}" for a in range(len(s.actions))), label="") for h, s in enumerate(game.sets)),
        chances=tuple(replace(c, actions=tuple(f"luck{k}x{a}" for a in range(len(c.actions)))) for k, c in enumerate(game.chances)),
    )  # fmt: skip
    for h, nodes in enumerate(planted.members):
        paths = [set(planted.history(node)) for node in nodes]
        certain, possible = set.intersection(*paths), set.union(*paths)
        known = dict(enumerate(knowledge(planted, h).known)).values()
        assert {action for _, action in known} == certain
        text = f"{place(planted, h)}; {knows(planted, h)}"
        told = set(re.findall(r"(?:act|luck)\d+x\d+", text))
        assert told <= possible
        before, _, after = text.partition("does not know")
        leaked = {label for label in possible - certain if re.search(rf"{label}\b", before)}
        assert not leaked, text
        assert not certain & set(re.findall(r"(?:act|luck)\d+x\d+", after))


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


def test_a_game_file_beside_the_scenario_is_played(tmp_path) -> None:
    (tmp_path / "mine.efg").write_text(ALONE)
    (tmp_path / "mine.yaml").write_text(
        "name: mine\nenvironment: {kind: efg, file: mine.efg}\npopulation: [{agent: efg.uniform, count: 1}]\nreplicates: 20\n"
    )
    record = run(load_scenario(tmp_path / "mine.yaml"), store=tmp_path / "runs")
    paid = record.outcomes().fetch()["payoff_A"]
    assert set(np.asarray(paid).tolist()) == {0.0, 4.0}


def test_a_market_in_words_is_played_by_rules_and_by_models(tmp_path) -> None:
    rules = load_scenario("games/described_market", overrides=["replicates=8"])
    whole = run(rules, store=tmp_path / "rules")
    models = run(cast(rules, Casting("llm", "rule:efg.uniform")), store=tmp_path / "models")
    assert whole.manifest.status == models.manifest.status == "complete"
    asked = models.sql('SELECT count(*) AS n FROM steps WHERE NOT isnan("set")').fetch()["n"]
    assert int(asked[0]) == 16


def test_a_run_that_was_cut_is_the_same_record(tmp_path, monkeypatch) -> None:
    scenario = load_scenario("games/kuhn_poker", overrides=["replicates=120", "environment.repeat=2"])
    whole = run(scenario, store=tmp_path / "whole")
    units, played = [], Play.run_unit

    def cut(self, unit, *rest, **more):
        if units:
            raise KeyboardInterrupt
        units.append(unit)
        return played(self, unit, *rest, **more)

    monkeypatch.setattr(Play, "run_unit", cut)
    with pytest.raises((KeyboardInterrupt, GamesimError)):
        run(scenario, store=tmp_path / "cut")
    monkeypatch.undo()
    (directory,) = (tmp_path / "cut").glob("games-*")
    assert resume(directory).digest() == whole.digest()


def test_answers_to_a_named_profile_and_play_that_was_learned() -> None:
    kuhn = ExtensiveForm(game="kuhn")
    learned = AgentSpec("efg.cfr", {"iterations": 2000})
    answer = AgentSpec("efg.best_response", {"to": {"agent": "efg.cfr", "iterations": 2000}})
    tree = kuhn.tree
    gains = best_replies(tree, build("agents", {"kind": "efg.cfr", "iterations": 2000}).behaviour(tree)).gains[0]
    assert 0 < max(gains) < 0.01  # close to an equilibrium: nobody gains more than that by any answer
    returns = rollout(kuhn, [learned, answer], np.arange(3000)).returns
    assert returns[:, 0].mean() == pytest.approx(-1 / 18, abs=0.12)
    ferry = ExtensiveForm(game="ferry_fare")
    refuses = {"agent": "efg.table", "play": {"after Offer 1": "Refuse"}}
    answered = build("agents", {"kind": "efg.best_response", "to": refuses}).behaviour(ferry.tree)
    assert answered[0].tolist() != build("agents", {"kind": "efg.equilibrium"}).behaviour(ferry.tree)[0].tolist()
    first = build("agents", {"kind": "efg.best_response", "to": "efg.uniform"}).behaviour(tree)
    second = build("agents", {"kind": "efg.level_k", "level": 1}).behaviour(tree)
    assert all((a == b).all() for a, b in zip(first.probabilities, second.probabilities, strict=True))
    for to, word in [("efg.unifrm", "Did you mean 'efg.uniform'"), ({"agent": "commons.greedy"}, "no agent for trees"), ({"play": {}}, "no agent for trees")]:  # fmt: skip
        with pytest.raises(GamesimError) as caught:
            build("agents", {"kind": "efg.best_response", "to": to})
        assert word in str(caught.value)
    assert "constant" in str(build("agents", {"kind": "efg.cfr"}).misfit(ferry))


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
