"""Every shipped scenario for language models plays on a rule, without a network; and so does any other, with models put in."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from gamesim_agents.llm.config import stand_in

from gamesim.core.errors import ScenarioError
from gamesim.core.language import LanguageKeys
from gamesim.core.policy import AgentSpec
from gamesim.core.registry import build, entry
from gamesim.core.seeds import Seeds
from gamesim.run.episode import Episode
from gamesim.run.models.opening import open_broker
from gamesim.run.seating import seat_members, seated
from gamesim.run.speaking import attached, check_language, listening, on_invalid
from gamesim.scenario.packaged import find_scenario, packaged_names
from gamesim.scenario.resolve import load_scenario
from gamesim.scenario.sweep import cells

SPOKEN = [name for name in packaged_names() if name.startswith("llm/")]
RULES = [
    "commons/demo",
    "commons/govsim_newcomer",
    "commons/leader",
    "commons/two_stocks",
    "commons/vcm_punish",
    "games/auction_learners",
    "games/hats_llm",
    "games/reciprocity",
]


def first_steps(scenario: Any, specs: list[AgentSpec], tmp_path: Path, steps: int = 6) -> tuple[Mapping[str, Any], int]:
    broker = open_broker(
        scenario, tmp_path, tmp_path, models={s.params["model"] for s in specs if s.kind == "llm"}, cache="off"
    )
    try:
        language, environment = scenario.language, scenario.environment
        check_language(environment, language)
        groups = [attached(group, broker, language) for group in seated(environment, specs)]
        episode = Episode(
            listening(environment.build(), language), groups, Seeds(scenario.seeds.episode(0)),
            on_invalid=on_invalid(environment, language), unit="unit",
        )  # fmt: skip
        outcome = asyncio.run(episode.run(steps))
        return outcome, len(list(broker.journal.rows()))
    finally:
        broker.close()


def test_there_are_some() -> None:
    assert len(SPOKEN) >= 5


@pytest.mark.parametrize("name", SPOKEN)
def test_a_shipped_scenario_on_a_rule(name: str, tmp_path: Path) -> None:
    scenario = load_scenario(name)
    for alias in scenario.models:
        scenario = load_scenario(name, overrides=[f"models.{alias}=rule:random"])
        assert scenario.models[alias].backend == "rule"
    for number, cell in enumerate(cells(scenario)):
        place = tmp_path / str(number)
        place.mkdir()
        names = cell.scenario.environment.seats()
        members = seat_members(cell.scenario.population, names, scenario.seeds, episode=scenario.seeds.episode(0))
        specs = [cell.scenario.population[index].agent for index in members]
        _, calls = first_steps(cell.scenario, specs, place)
        assert calls > 0


@pytest.mark.parametrize("name", RULES)
def test_a_scenario_of_rules_with_models_put_in(name: str, tmp_path: Path) -> None:
    scenario = next(iter(cells(load_scenario(find_scenario(name))))).scenario
    names = scenario.environment.seats()
    members = seat_members(scenario.population, names, scenario.seeds, episode=scenario.seeds.episode(0))
    agents = [scenario.population[index].agent for index in members]
    specs = [
        AgentSpec("llm", {**entry("agents", "llm")(**stand_in(a, "rule:random")).model_dump(exclude={"kind"})})
        for a in agents
    ]
    _, calls = first_steps(scenario, specs, tmp_path)
    assert calls > 0


@pytest.mark.parametrize(
    ("environment", "language", "problem"),
    [
        ("matrix", {"on_invalid": "repeat_last"}, "none"),
        ("matrix", {"on_invalid": "abstain"}, "none"),
        ("matrix", {"calls": "bundled"}, "one decision"),
        ("commons", {"lang": "tlh"}, "no prompts in language"),
        (
            "commons",
            {"communication": {}, "injection": {"carrier": "bob", "text": "abcd", "canary": "abcd"}},
            "no seat",
        ),
    ],
)
def test_what_a_game_cannot_give_is_said_before(environment: str, language: Any, problem: str) -> None:
    with pytest.raises(ScenarioError, match=problem):
        check_language(build("environments", environment), language)
    check_language(build("environments", environment), {})


def test_language_keys_are_checked() -> None:
    for wrong in (
        {"on_invalid": "ignore"},
        {"memory": {"window": 0}},
        {"paraphrase": 3},
        {"lang": "EN"},
        {"repair": 2},
    ):
        with pytest.raises(ValueError):
            LanguageKeys(**wrong)
    assert LanguageKeys(memory="summary").memory == LanguageKeys(memory={"summary": {}}).memory
    assert on_invalid(build("environments", "commons"), {}) == "repeat_last"
    assert on_invalid(build("environments", "matrix"), {}) == "abort_run"


def test_keys_of_language_are_placed_and_meant() -> None:
    text = "name: a/b\nenvironment: {kind: commons}\npopulation: [{agent: llm}]\nlanguage:\n  memry: none\n"
    with pytest.raises(ScenarioError, match=r"language\.memry.*Did you mean 'memory'"):
        load_scenario(text)
    scenario = load_scenario(text.replace("memry", "memory"))
    assert scenario.language == {"memory": "none"}


def test_short_forms_survive_a_sweep() -> None:
    """What was written as one word stands for all that it means, in every cell."""
    text = (
        "name: a/b\nmodels: {m: local}\nenvironment: {kind: commons, institutions: {voting: plurality}}\n"
        "population: [{agent: llm, model: m}]\nsweep: {axes: {environment.horizon: [3, 4]}}\n"
    )
    found = [cell.scenario for cell in cells(load_scenario(text))]
    assert [s.environment.institutions.voting.rule for s in found] == ["plurality"] * 2
    assert [s.models["m"].backend for s in found] == ["local"] * 2
