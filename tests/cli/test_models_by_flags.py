"""One file on rules or on models: ``--agents``, ``--model``; the shipped language scenarios without any network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gamesim.cli.casting import Casting, cast
from gamesim.cli.main import run as command
from gamesim.core.errors import MissingExtraError, ScenarioError
from gamesim.scenario.resolve import load_scenario

ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "scenarios" / "llm").glob("*.yaml"))


def kinds(scenario: Any) -> list[str]:
    return [member.agent.kind for member in scenario.population]


def test_the_same_file_on_models_and_back() -> None:
    rules = load_scenario("commons/paper_a_harsh_mixed")
    models = cast(rules, Casting("llm", "openai/x", base_url="http://127.0.0.1:9/v1", api_key_env="X_KEY"))
    assert kinds(models) == ["llm", "llm"]
    assert [member.agent.params["disposition"] for member in models.population] == ["altruistic", "selfish"]
    assert [member.count for member in models.population] == [5, 5]
    assert models.models["openai"].base_url == "http://127.0.0.1:9/v1"  # type: ignore[attr-defined]
    assert models.environment != rules.environment  # models vote on sentences, see below
    back = cast(models, Casting("rules"))
    assert [member.agent for member in back.population] == [member.agent for member in rules.population]
    assert kinds(cast(cast(rules, Casting("llm", "rule:commons.greedy")), Casting("rules"))) == ["commons.greedy"] * 2
    assert cast(rules, Casting("rules")) is rules


def test_models_speak_where_rules_count() -> None:
    """Paper A's villages: a median of caps among rules, sentences and four questions a round among models."""
    rules, told = load_scenario("commons/paper_a_harsh_mixed"), list[str]()
    spoken = cast(rules, Casting("llm", "openai/x"), told.append).environment
    assert (spoken.institutions.voting.norms, spoken.institutions.voting.rule) == ("text", "plurality")  # type: ignore[union-attr]
    assert "--set environment.institutions.voting.norms=number" in told[0]
    for name, overrides, model in (
        ("paper_a_harsh_mixed", ["environment.institutions.voting.norms=number"], "openai/x"),  # somebody said so
        ("paper_a_harsh_mixed", ["environment.institutions.voting=median"], "openai/x"),
        ("paper_a_harsh_mixed", [], "rule:commons.greedy"),  # a rule plays by numbers, as without the interface
        ("leader", [], "openai/x"),  # a leader decides on numbers, in some cells
        ("govsim_fishery", [], "openai/x"),
    ):
        before = load_scenario(f"commons/{name}", overrides=overrides)
        assert cast(before, Casting("llm", model), told.append).environment == before.environment, name
    assert len(told) == 1


def test_what_flags_cannot_mean() -> None:
    rules = load_scenario("commons/paper_a_harsh_mixed")
    with pytest.raises(ScenarioError, match="Did you mean 'llm'"):
        cast(rules, Casting("lm"))
    with pytest.raises(ScenarioError, match="Add --agents llm"):
        cast(rules, Casting(model="local"))
    with pytest.raises(ScenarioError, match="no address"):
        cast(rules, Casting("llm", "local", base_url="http://127.0.0.1:9/v1"))
    with pytest.raises(ScenarioError, match="request"):
        cast(load_scenario("commons/govsim_sheep"), Casting("llm", "local"))
    with pytest.raises(MissingExtraError, match="matrix"):
        cast(cast(load_scenario("games/reciprocity"), Casting("llm", "local")), Casting("rules"))


@pytest.mark.parametrize("file", SHIPPED, ids=lambda path: path.stem)
def test_shipped_language_scenarios_play_without_network(file: Path, tmp_path: Path) -> None:
    arguments = ["run", str(file), "--model", "rule:random", "--seeds", "1", "--store", str(tmp_path), "--quiet"]
    assert command(arguments) == 0


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--model", "locl"], "Did you mean 'local'"),
        (["--model", "openia/x"], "Did you mean 'openai'"),
        (["--model", "openia/x", "--base-url", "http://127.0.0.1:9/v1"], "Did you mean 'openai'"),
        (["--model", "rule:gredy"], "Did you mean 'greedy'"),
        (["--model", "rule:commons.gredy"], "Did you mean 'commons.greedy'"),
        (["--model", "openai/x", "--base-url", "http://127.0.0.1:9/v1"], "(http://127.0.0.1:9/v1)"),
        (["--model", "openai/x", "--base-url", "http://127.0.0.1:9/v1", "--budget", "5"], "prices.yaml"),
        (["--model", "openai/x", "--api-key-env", "NOT_SET_KEY"], "NOT_SET_KEY"),
    ],
)
def test_slips_and_absences_are_named_before_anything_is_played(
    flags: list[str], said: str, tmp_path: Path, capsys: Any
) -> None:
    file = tmp_path / "village.yaml"
    file.write_text(
        "environment: {kind: commons, players: 3, horizon: 2}\npopulation: [{agent: commons.greedy, count: 3}]\n"
    )
    assert command(["run", str(file), "--agents", "llm", *flags, "--store", str(tmp_path / "runs"), "--quiet"]) == 2
    assert said in capsys.readouterr().err
    assert not list((tmp_path / "runs").glob("*/events/*"))


def test_there_are_some() -> None:
    assert SHIPPED
