"""Scenarios that make no sense: numbers beyond reckoning, agents of another game, societies no record can hold, odd names."""

from __future__ import annotations

import time

import pytest

from gamesim.core.errors import ScenarioError
from gamesim.scenario.names import ID, checked_name, slug
from gamesim.scenario.resolve import load_scenario


def refused(text: str) -> str:
    began = time.process_time()
    with pytest.raises(ScenarioError) as caught:
        load_scenario(text)
    assert time.process_time() - began < 2
    return str(caught.value)


@pytest.mark.parametrize(
    "keys",
    ["growth: {rate: 1.0e+308}", "growth: {capacity: 2.0e+15}", "harvest: {productivity: 1.0e+300}",
     "upkeep: {initial_wealth: -1.0e+16}", "second_stock: {addition: 1.0e+99}"],
)  # fmt: skip
def test_numbers_beyond_reckoning(keys: str) -> None:
    told = refused(f"environment: {{kind: commons, {keys}}}\npopulation: [{{agent: commons.greedy}}]\n")
    assert "is too large: numbers lie between -1e+15 and 1e+15." in told
    assert told.startswith("<text>:1:")
    vanishing = refused(
        "environment: {kind: commons, harvest: {productivity: 1.0e-300}}\npopulation: [{agent: commons.greedy}]\n"
    )
    assert "1e-300 is too small: numbers are 0 or at least 1e-15 in size." in vanishing


@pytest.mark.parametrize(
    ("environment", "agent", "told"),
    [
        ("commons", "matrix.random", "agent 'matrix.random' does not play in 'commons'. It plays in matrix."),
        ("commons", "stage.punisher", "agent 'stage.punisher' does not play in 'commons'. It plays in fish_war, ostrom_gardner_walker, public_good."),
        ("matrix", "commons.paper_abm", "agent 'commons.paper_abm' does not play in 'matrix'. It plays in commons."),
        ("fish_war", "commons.greedy", "agent 'commons.greedy' does not play in 'fish_war'. It plays in commons."),
    ],
)  # fmt: skip
def test_an_agent_of_another_game_is_found_before_anything_is_played(environment: str, agent: str, told: str) -> None:
    text = f"environment: {{kind: {environment}}}\npopulation:\n  - {{agent: {agent}}}\n"
    assert refused(text) == f"<text>:3:13: population.0.agent: {told}"


@pytest.mark.parametrize(
    ("effort", "told"),
    [
        ("[0]", "the list is too short: its item 2 is missing."),
        ("[0, 0.5, 1]", "a list of 3 items; it has at most 2."),
        ("[1, 0]", "a range is [lowest, highest], not [1, 0]."),
    ],
)
def test_lists_of_the_wrong_length(effort: str, told: str) -> None:
    text = f"environment: {{kind: commons}}\npopulation: [{{agent: commons.paper_abm, init: {{effort: {effort}}}}}]\n"
    assert refused(text) == f"<text>:2:56: population.0.init.effort: {told}"


def test_a_society_that_no_record_can_hold() -> None:
    text = "environment: {kind: commons, players: %d}\npopulation: [{agent: commons.greedy}]\n"
    assert load_scenario(text % 40_000).environment is not None
    assert refused(text % 40_001) == (
        "<text>:1:14: environment: 40,001 seats; a record holds episodes of at most 40,000."
    )


def test_names_in_every_script_become_ids() -> None:
    assert checked_name("島の漁業") == "島の漁業"
    for name in ("島の漁業", "Ловля рыбы", "صيد", "Überfischung/été", "123"):
        assert all(ID.fullmatch(part) for part in slug(name).split("/")), name
    assert slug("島") != slug("海")
    with pytest.raises(ValueError, match="holds no letter or digit"):
        checked_name("🎣")
