"""Levine's hats played: nobody sees the own stack, the rules win as often as their strategies are worth, and models can play."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from gamesim.core.errors import IllegalActionError, ScenarioError
from gamesim.core.policy import AgentSpec
from gamesim.core.registry import build
from gamesim.envs.team.config import LevineHats
from gamesim.envs.team.levine_hats import block_reset_value, first_black_value, levine_hats
from gamesim.run.record import Record
from gamesim.run.rollout import rollout
from gamesim.run.runner import run
from gamesim.scenario.resolve import load_scenario
from gamesim.testing import check_agent


def spec(kind: str, **params: Any) -> AgentSpec:
    return AgentSpec(f"hats.{kind}", params)


def score(config: LevineHats, agent: AgentSpec, rows: int) -> float:
    return float(rollout(config, [agent] * config.players, range(rows)).outcome["score"].mean())


# ---- statement 57, played ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", [2, 3, 4, 5])
def test_block_reset_wins_as_often_as_it_says(block: int) -> None:
    """400,000 plays; with 30 hats a stack is as good as unbounded."""
    config = LevineHats(hats=30, horizon=1000)
    expected = float(block_reset_value(block))
    assert score(config, spec("block_reset", block=block), 400) == pytest.approx(expected, abs=0.0025)
    assert block == 2 or expected >= 0.349


@pytest.mark.parametrize("black", [0.5, 0.2])
def test_first_black_and_blind_naming(black: float) -> None:
    config = LevineHats(hats=20, black=black, horizon=1000)
    exact = float(first_black_value(Fraction(str(black)), 20))
    assert score(config, spec("first_black"), 100) == pytest.approx(exact, abs=4 * (0.25 / 100_000) ** 0.5)
    assert score(config, spec("random"), 100) == pytest.approx(black**2, abs=4 * (0.25 / 100_000) ** 0.5)


@pytest.mark.parametrize(("players", "hats"), [(2, 3), (3, 2)])
def test_a_table_that_was_solved_plays_as_it_was_solved(players: int, hats: int) -> None:
    from gamesim_analysis.equilibrium.hats import hats_value

    found = hats_value(players, hats)
    tables = [(np.asarray(own) + 1).tolist() for own in found.play]
    config = LevineHats(players=players, hats=hats, horizon=1000)
    assert score(config, spec("table", tables=tables), 100) == pytest.approx(float(found.value), abs=0.007)


# ---- the environment -----------------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 4), st.integers(1, 4))
def test_all_win_exactly_if_all_named_hats_are_black(seed: int, players: int, hats: int) -> None:
    environment = LevineHats(players=players, hats=hats, horizon=3).build()
    seen, _ = environment.reset(seed=seed)
    rng = np.random.default_rng(seed)
    while environment.agents:
        stacks = np.stack([seen[agent]["stacks"] for agent in environment.agents])
        worn = stacks.max(axis=0)  # each stack is seen by the others, and they agree
        for i in range(players):
            assert (stacks[i, i] == -1).all()
            assert all((stacks[j, i] == worn[i]).all() for j in range(players) if j != i)
        named = rng.integers(hats, size=players)
        seen, rewards, *_ = environment.step(dict(zip(environment.agents, named, strict=True)))
        won = float(worn[np.arange(players), named].all())
        assert set(rewards.values()) == {won}
        assert seen["player_0"]["shown"].tolist() == worn[np.arange(players), named].tolist()
    assert environment.outcome()["rounds"] == 3


def test_the_formal_game_is_one_round() -> None:
    game = LevineHats(hats=2, black=0.25).game()
    assert game is not None
    play = ([0, 1, 0, 0], [0, 1, 0, 0])
    assert game.value(play) == levine_hats(2, 2, "1/4").value(play)
    assert LevineHats(hats=30).game() is None


def test_a_longer_horizon_begins_as_the_shorter_one() -> None:
    short, long = (rollout(LevineHats(horizon=h), [spec("random")] * 2, [7], steps=True).steps for h in (130, 260))
    assert short is not None
    assert long is not None
    assert np.array_equal(long["black"][: len(short["black"])], short["black"])


def test_positions_are_said_from_one() -> None:
    environment = LevineHats(hats=3).build()
    environment.reset(seed=0)
    action = environment.action_spec("player_0")
    assert action.json_schema() == {"type": "string", "enum": ["1", "2", "3"]}
    assert (action.parse("3"), action.parse(0)) == (2, 0)
    with pytest.raises(IllegalActionError, match="1 "):
        environment.step({"player_0": 3, "player_1": 0})


@pytest.mark.parametrize(
    "wrong", [{"players": 1}, {"hats": 0}, {"black": 1}, {"horizon": 0}, {"players": 100, "hats": 101}]
)
def test_what_is_no_hats(wrong: dict[str, Any]) -> None:
    with pytest.raises((ValidationError, ScenarioError)):
        build("environments", {"kind": "levine_hats", **wrong})


def test_rules_say_where_they_play() -> None:
    three, commons = LevineHats(players=3), build("environments", "commons")
    block = build("agents", "hats.block_reset")
    assert block.misfit(three) == "It plays in twos."
    assert block.misfit(commons) == "It plays in levine_hats."
    for config in (three, commons):
        with pytest.raises(ScenarioError):
            block.build(config)
    for tables, said in (([[1]] * 3, "2\\*\\*6"), ([[1] * 64] * 2, "need one or 3"), ([[4] * 64], "below the 3")):
        with pytest.raises(ScenarioError, match=said):
            build("agents", {"kind": "hats.table", "tables": tables}).build(three)
    for tables in ([], [[0, 1]]):
        with pytest.raises(ScenarioError):
            build("agents", {"kind": "hats.table", "tables": tables})


@pytest.mark.parametrize("agent", ["hats.first_black", "hats.random"])
def test_rules_of_larger_teams_keep_the_contract(agent: str) -> None:
    check_agent(agent, [{"kind": "levine_hats", "players": 4, "hats": 7, "horizon": 5}], seeds=(0,))


def test_tall_stacks_keep_the_contract_of_blocks() -> None:
    check_agent("hats.block_reset", [{"kind": "levine_hats", "hats": 13, "horizon": 130}], seeds=(0,))


# ---- the shipped scenario ------------------------------------------------------------------------------------------------


def test_models_that_answer_as_rules_score_as_rules(tmp_path: Path) -> None:
    short = ["environment.horizon=6", "replicates=3"]
    rules = run(load_scenario("games/hats_llm", overrides=short), store=tmp_path)
    model = run(
        load_scenario("games/hats_llm", overrides=[*short, "models.m=rule:hats.first_black", "population=[{agent: llm, model: m, count: 2}]"]),
        store=tmp_path,
    )  # fmt: skip
    assert Record(model.path).outcomes()["score"].tolist() == Record(rules.path).outcomes()["score"].tolist()


def test_the_report_holds_the_ceilings(tmp_path: Path) -> None:
    from gamesim_analysis.metrics import compute
    from gamesim_analysis.report.page import build as report

    record = run(load_scenario("games/hats_llm", overrides=["environment.horizon=10", "replicates=3"]), store=tmp_path)
    tables = compute(record)
    assert "team_score" in tables
    row = Record(record.path).table("team_score").rows()[0]
    assert (row["without looking"], row["best known, unbounded stacks"]) == (0.25, 0.35)
    assert row["first black, unbounded stacks"] == pytest.approx(1 / 3)
    page = report(Record(record.path)).read_text("utf-8")
    for words in ("The team won", "1/4", "1/3", "7/20", "1433/4096", "lower bound", "No upper bound is claimed"):
        assert words in page
