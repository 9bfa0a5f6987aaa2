"""Every shipped scenario of the commons: complete, explained, quick, and one with the list of the documentation."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import numpy as np
import pytest

from gamesim.core.seeds import Seeds
from gamesim.run.episode import Episode
from gamesim.run.rollout import rollout
from gamesim.run.seating import agent_config, seat_members, seated
from gamesim.scenario.resolve import load_scenario
from gamesim.scenario.scenario import Scenario
from gamesim.scenario.sweep import cells

FOLDER = Path(__file__).parents[2] / "scenarios" / "commons"
FILES = sorted(FOLDER.rglob("*.yaml"))
NAMES = [str(path.relative_to(FOLDER).with_suffix("")) for path in FILES]
PAPER = [f"paper_a_{lake}_{who}{ablation}" for lake in ("harsh", "rich") for who in ("selfish", "mixed", "altruistic")
         for ablation in ("", "_osl", "_ogd", "_neither")]  # fmt: skip
LISTED = [
    *PAPER, "punishment_shock_10", "punishment_shock_14", "sweep_beta_growth", "govsim_fishery", "govsim_sheep",
    "govsim_pollution", "govsim_newcomer", "govsim_universal", "inverse_trash", "ogw_10", "ogw_25", "vcm_punish", "fish_war",
    "network_ring", "network_small_world", "network_scale_free", "leader", "two_stocks", "noisy_monitoring", "newcomer", "demo",
]  # fmt: skip


def test_the_whole_grid_is_shipped() -> None:
    assert set(LISTED) <= set(NAMES)


def rules_only(scenario: Scenario) -> bool:
    return not any(agent_config(member.agent).external for member in scenario.population)


def play(scenario: Scenario, runs: int, max_steps: int | None = None) -> dict[str, np.ndarray]:
    """Outcomes of some replicates of one cell."""
    assert scenario.environment is not None
    names = scenario.environment.seats()
    members = seat_members(scenario.population, names, scenario.seeds, seating=scenario.seating, episode=0)
    specs = [scenario.population[index].agent for index in members]
    episodes = [scenario.seeds.episode(replicate) for replicate in range(runs)]
    return dict(rollout(scenario.environment, specs, episodes, max_steps=max_steps).outcome)


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_it_explains_itself(path: Path) -> None:
    scenario = load_scenario(path)
    assert scenario.name == f"commons/{path.relative_to(FOLDER).with_suffix('')}"
    assert len(scenario.description) > 80
    assert scenario.source is not None
    assert "\t" not in scenario.source
    assert "preset" not in scenario.name or scenario.replicates
    if "paper" in path.stem or "punishment" in path.stem or "sweep" in path.stem:
        assert scenario.provenance == "calibrated by gamesim, not the authors' values"


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_it_plays_three_rounds_in_under_a_second(path: Path) -> None:
    scenario = load_scenario(path)
    if not rules_only(scenario):
        pytest.skip("needs a language model")
    for cell in cells(scenario):
        assert cell.scenario.environment is not None
        start = time.process_time()
        play(cell.scenario, runs=2, max_steps=15)  # at most five phases a round
        assert time.process_time() - start < 1.0


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_one_by_one_it_plays_as_in_a_batch(path: Path) -> None:
    scenario = load_scenario(path)
    if not rules_only(scenario):
        pytest.skip("needs a language model")
    assert scenario.environment is not None
    names = scenario.environment.seats()
    members = seat_members(scenario.population, names, scenario.seeds, seating=scenario.seating, episode=0)
    specs = [scenario.population[index].agent for index in members]
    seed = scenario.seeds.episode(0)
    episode = Episode(scenario.environment.build(), seated(scenario.environment, specs), Seeds(seed))
    asyncio.run(episode.run(max_steps=24))
    together = rollout(scenario.environment, specs, [seed + 1, seed], max_steps=24)
    np.testing.assert_array_equal(episode.returns, together.returns[1])


def test_every_member_can_sit_down_in_every_cell() -> None:
    for path in FILES:
        for cell in cells(load_scenario(path)):
            scenario = cell.scenario
            assert scenario.environment is not None
            names = scenario.environment.seats()
            members = seat_members(scenario.population, names, scenario.seeds, seating=scenario.seating, episode=1)
            assert len(seated(scenario.environment, [scenario.population[index].agent for index in members])) >= 1


def outcomes(name: str, column: str, runs: int) -> dict[str, float]:
    """Mean outcome of each cell of a shipped scenario, by its swept values."""
    found = {}
    for cell in cells(load_scenario(FOLDER / f"{name}.yaml")):
        values = np.asarray(play(cell.scenario, runs)[column], dtype=np.float64)
        found[" ".join(str(value) for value in cell.values.values())] = float(values.mean())
    return found


def test_the_demonstration_shows_what_its_description_says() -> None:
    lived = outcomes("demo", "T_s", 60)
    assert lived["fermi 18"] - lived["fermi 0"] > 5  # heavy fines hold greed back where it is copied
    assert lived["none 0"] > lived["fermi 0"] + 20  # where success is copied, greed spreads
    paid = outcomes("demo", "welfare", 60)
    assert paid["none 18"] < paid["none 0"]  # where nobody copies, fines only cost


def test_an_elected_leader_saves_what_the_median_ruins() -> None:
    lived = list(outcomes("leader", "T_s", 10).values())
    assert lived[0] < 30
    assert lived[1:] == [100, 100]


def test_five_careful_fishers_survive_and_one_less_is_too_few() -> None:
    assert list(outcomes("govsim_fishery", "rounds", 2).values()) == [12, 4, 2, 2, 1]


def test_misread_violations_shorten_the_life_of_a_village_that_lives_by_fines() -> None:
    lived = list(outcomes("noisy_monitoring", "T_s", 60).values())
    assert lived[0] > lived[-1] + 10


def test_fines_raise_contributions_among_the_same_players() -> None:
    given = outcomes("vcm_punish", "mean_choice", 5)
    without, with_fines = given.values()
    assert with_fines > without
