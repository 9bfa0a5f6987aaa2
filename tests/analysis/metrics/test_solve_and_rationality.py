"""``analysis: [{solve: ...}, {rationality: ...}]``: equilibria of the game that was played, and fitted rationality, in tables and reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gamesim_analysis.commons.stage_theory import appropriation_theory
from gamesim_analysis.empirical.observed import observed
from gamesim_analysis.empirical.quantal_response import fit_logit
from gamesim_analysis.metrics import compute
from gamesim_analysis.report import build

from gamesim.core.certify import certify
from gamesim.core.errors import GamesimError
from gamesim.core.registry import entry
from gamesim.run.record import Record
from gamesim.run.runner import run
from gamesim.scenario.resolve import load_scenario

BOTH = "analysis=[{solve: {concept: all}}, {rationality: {per: member}}]"


def played(
    store: Path, name: str, *sets: str, analysis: str = BOTH
) -> tuple[Record, dict[str, dict[str, list[Any]]], str]:
    record = run(load_scenario(name, overrides=[*sets, analysis]), store=store)
    tables = {
        name: {c: np.asarray(v).tolist() for c, v in table.columns.items()} for name, table in compute(record).items()
    }
    build(record)
    return record, tables, (record.path / "report.html").read_text()


def test_the_keys_of_the_specification_work_in_one_file(tmp_path: Path) -> None:
    text = """
name: tests/shapley
environment: {kind: matrix, stage: {game: shapley}, horizon: 60}
population: [{agent: learner, rule: hedge}, {agent: learner, rule: blum_mansour}]
replicates: 3
analysis:
  - solve: {concept: all, method: auto, exact: false, limit_wall: 60s, limit_memory: 2GiB}
  - regret: {kinds: [external, swap], per: agent}
  - rationality: {belief: equilibrium, per: agent}
"""
    record = run(load_scenario(text), store=tmp_path)
    tables = compute(record)
    solve = tables["solve"].columns
    assert np.allclose(solve["payoff"], 1 / 3)
    assert set(solve["grade"]) == {"exact"}
    assert set(solve["complete"]) == {True}
    assert np.allclose(solve["welfare"], 2 / 3)
    assert np.allclose(solve["optimum"], 1)
    returns = record.outcomes().fetch()
    assert solve["payoff_played"][0] == pytest.approx(float(np.mean(returns["return.0"])) / 60)
    fits = tables["rationality"].columns
    assert list(fits["who"]) == ["player_0", "player_1", "all"]
    assert list(fits["n"]) == [180, 180, 360]
    assert set(fits["identified"]) == {False}  # uniform play is the branch of this game
    page = build(record).read_text()
    for words in ("Equilibria of the game that was played", "no player can gain anything", "What was played beside it", "Fitted rationality"):  # fmt: skip
        assert words in page


def test_a_tree_is_solved_and_its_members_are_fitted(tmp_path: Path) -> None:
    record, tables, page = played(tmp_path, "games/kuhn_poker", "replicates=5", analysis="analysis=[{solve: {}}, {rationality: {per: member}}]")  # fmt: skip
    solve, fits = tables["solve"], tables["rationality"]
    assert solve["payoff"] == pytest.approx([-1 / 18, 1 / 18])
    assert solve["payoff_played"] == [None, None]  # seats went round
    assert 0 < solve["distance"][0] < 1
    assert fits["who"] == ["efg.equilibrium", "efg.level_k", "all"]
    assert fits["belief"] == ["known", "known", "empirical"]
    assert fits["n"][0] + fits["n"][1] == fits["n"][2]
    (one,) = observed(record)
    direct = fit_logit(one.counts(), one.game, clusters=one.episodes(), resamples=200)
    assert fits["value"][2] == pytest.approx(direct.value)
    assert [fits["low"][2], fits["high"][2]] == pytest.approx([direct.low, direct.high])
    assert "Equilibria of the game that was played" in page


def test_players_who_are_alike_and_many(tmp_path: Path) -> None:
    """Eight players with eleven actions: 1.7 thousand million payoffs, solved by counts."""
    sets = ["replicates=2", "sweep=null", "environment.horizon=3"]
    _, tables, page = played(tmp_path, "commons/ogw_10", *sets)
    solve, fits = tables["solve"], tables["rationality"]
    assert max(solve["equilibrium"]) == len(appropriation_theory().whole_equilibria()) == 5
    assert set(solve["grade"]) == {"exact"}
    assert set(solve["optimum"]) == {724.0}
    at = [i for i, near in enumerate(solve["nearest"]) if near]
    assert {solve["words"][i] for i in at} == {"; ".join(f"player_{i} 8" for i in range(8))}
    assert {solve["distance"][i] for i in at} == {0.0}
    assert fits["lower_bound"][0] > 0
    assert fits["reason"] == ["all choices were best replies"] * 2
    assert "players are alike" in page.lower()


def test_noise_is_part_of_the_game_that_is_solved(tmp_path: Path) -> None:
    _, tables, page = played(
        tmp_path, "games/reciprocity", "replicates=2", "environment.noise=0.02", "environment.horizon=5"
    )
    slip, u = 0.02, np.array([[3, 0], [5, 1]])
    mix = np.array([[1 - slip, slip], [slip, 1 - slip]])
    assert tables["solve"]["payoff"] == pytest.approx([(mix @ u @ mix.T)[1, 1]] * 2)
    assert "with probability 0.02" in page


def test_the_lambda_of_random_players_is_found(tmp_path: Path) -> None:
    """A quarter gives in a donation game of benefit 3 and cost 1, whatever the other does: lambda = ln 3 up to the draws."""
    sets = [
        "environment={kind: matrix, payoffs: [[[2, -1], [3, 0]], [[2, 3], [-1, 0]]], horizon: 200}",
        "replicates=20",
    ]
    who = "population=[{agent: matrix.random, weights: [1, 3], count: 2}]"
    _, tables, _ = played(tmp_path, "games/reciprocity", *sets, who)
    fits = tables["rationality"]
    assert fits["low"][0] < np.log(3) < fits["high"][0]
    assert fits["high"][0] - fits["low"][0] < 0.15
    assert fits["normalised"][0] == pytest.approx(4 * fits["value"][0])


def test_teams_are_solved_without_counting_choices(tmp_path: Path) -> None:
    sets = ["replicates=2", "environment.horizon=5", "environment.hats=2"]
    _, tables, page = played(tmp_path, "games/hats_llm", *sets, analysis="analysis=[{solve: {}}]")
    assert set(tables["solve"]["payoff"]) == {5 / 16}
    assert set(tables["solve"]["distance"]) == {None}
    assert set(tables["solve"]["regret_played"]) == {None}
    assert "Fitted rationality" not in page


def test_cells_that_play_one_game_share_its_answer(tmp_path: Path) -> None:
    sets = ["replicates=2", "environment.horizon=2", "environment.endowment=6"]
    _, tables, page = played(tmp_path, "commons/vcm_punish", *sets, analysis="analysis=[{solve: {concept: pure}}]")
    assert sorted(set(tables["solve"]["cell"])) == [0, 1]
    assert page.count('id="solve"') == 1
    assert page.count("linear public good: 4 players") == 1
    assert "this is the game without them" in page


def test_cross_check_and_correlated_play(tmp_path: Path) -> None:
    analysis = "analysis=[{solve: {cross_check: true, limit_wall: 20s}}]"
    *_, page = played(tmp_path, "games/reciprocity", "replicates=2", "environment.horizon=4", analysis=analysis)
    assert "No method contradicts another." in page
    again = "analysis=[{solve: {concept: correlated, parameters: {objective: worst}}}]"
    record = run(load_scenario("games/reciprocity", overrides=["replicates=2", "environment.stage=chicken", "environment.noise=0", again]), store=tmp_path)  # fmt: skip
    solve = compute(record)["solve"].columns
    assert set(solve["concept"]) == {"correlated"}
    assert set(solve["distance"]) == {None}


WRONG = {
    "[{solve: {concpt: all}}]": "Did you mean 'concept'",
    "[{solve: {concept: nsh}}]": "Did you mean 'nash'",
    "[{solve: {method: lemke_hoson}}]": "Did you mean 'lemke_howson'",
    "[{solve: {limit_wall: 60}}]": "write '60s'",
    "[{solve: {limit_memory: much}}]": "512MiB",
    "[{rationality: {belief: equilibriun}}]": "Did you mean 'equilibrium'",
    "[{rationality: {per: seat}}]": "agent, member",
    "[{welfare: {of: all}}]": "takes no parameters",
}


@pytest.mark.parametrize("asked", WRONG)
def test_wrong_parameters_are_told_before_anything_is_played(asked: str) -> None:
    with pytest.raises(GamesimError, match=WRONG[asked]):
        load_scenario("games/reciprocity", overrides=[f"analysis={asked}"])


@pytest.mark.parametrize(
    ("scenario", "asked", "reason"),
    [
        ("commons/demo", "[{solve: {}}]", "no formal game"),
        ("games/hats_llm", "[{rationality: {}}]", "table or a tree"),
        ("commons/fish_war", "[{regret: {}}]", "normal form"),
        ("games/memory_one_tournament", "[{rationality: {}}]", "record.steps"),
    ],
)
def test_what_cannot_be_had_is_told_before_anything_is_played(scenario: str, asked: str, reason: str) -> None:
    with pytest.raises(GamesimError, match=reason):
        load_scenario(scenario, overrides=[f"analysis={asked}"])


def test_imputed_choices_are_left_out(tmp_path: Path) -> None:
    answers = [{"action": "D"}, "no idea", {"action": "D"}, {"action": "C"}]
    model = json.dumps({"backend": "scripted", "id": "s", "answers": answers, "by": "agent"})
    text = f"""
name: tests/imputed
environment: {{kind: matrix, stage: prisoners_dilemma, horizon: 4}}
models: {{player: {model}}}
population: [{{agent: llm, model: player, seat: player_0}}, {{agent: matrix.defector, seat: player_1}}]
language: {{repair: 0, on_invalid: "action:0", memory: none, reason: null}}
limits: {{failures: 100%}}
analysis: [{{solve: {{}}}}, {{rationality: {{}}}}]
"""
    record = run(load_scenario(text), store=tmp_path)
    fits = compute(record)["rationality"].columns
    assert list(fits["n"]) == [3, 4, 7]
    assert list(fits["excluded"]) == [1, 0, 1]
    assert fits["ranked"][0] == "not ranked: 25% invalid"


def test_pure_equilibria_by_counts_are_those_of_the_table() -> None:
    from gamesim_analysis.equilibrium.method import payoffs_of

    from gamesim.core.profiles import pure

    for name, parameters in (("ostrom_gardner_walker", (3, 6)), ("public_good", (3, 4))):
        alike = entry("games", name)(*parameters, form="symmetric")
        table = alike.to_normal_form()
        mine = alike.pure_equilibria()
        assert mine == sorted({tuple(sorted(cell)) for cell in table.pure_equilibria()})
        for cell in mine:
            assert certify(alike, pure(alike.shape, cell)).grade == "exact"
            assert payoffs_of(alike, pure(alike.shape, cell)) == payoffs_of(table, pure(alike.shape, cell))
        assert alike.best_sum == max(table.exact.sum(axis=0).ravel())
        assert alike.is_constant_sum is table.is_constant_sum
