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
    assert models.environment == rules.environment
    back = cast(models, Casting("rules"))
    assert [member.agent for member in back.population] == [member.agent for member in rules.population]
    assert kinds(cast(cast(rules, Casting("llm", "rule:commons.greedy")), Casting("rules"))) == ["commons.greedy"] * 2
    assert cast(rules, Casting("rules")) is rules


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


def test_there_are_some() -> None:
    assert SHIPPED
