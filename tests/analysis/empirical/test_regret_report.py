"""One regret report for learners and language models: statement 65 of the solvers, and what it says of any record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gamesim_analysis.empirical.regret import NOTE, regret_report
from gamesim_analysis.metrics import compute
from gamesim_analysis.metrics.regret import report_of
from gamesim_analysis.report import build

from gamesim.core.certify import certify
from gamesim.core.errors import MetricError, ScenarioError
from gamesim.core.learners import play
from gamesim.core.profiles import Joint
from gamesim.core.registry import entry
from gamesim.core.regrets import counterfactual_utilities, regrets
from gamesim.run.record import Record
from gamesim.run.runner import run
from gamesim.scenario.resolve import load_scenario

MIXED = """
name: tests/model_and_hedge
environment: {kind: matrix, stage: {game: shapley}, horizon: 40}
models:
  player: MODEL
population:
  - {agent: llm, model: player, seat: player_0, label: model}
  - {agent: learner, rule: hedge, seat: player_1, label: hedge}
language: {repair: 0, on_invalid: "action:0", memory: none, reason: null}
limits: {failures: 100%}
replicates: 2
"""


def mixed(store: Path, bad: int) -> Record:
    """A language model of which so many of forty answers are nonsense, and Hedge."""
    answers = [{"action": str(t % 3)} for t in range(40)]
    for t in range(bad):
        answers[3 * t + 1] = "no idea"  # type: ignore[call-overload]
    model = json.dumps({"backend": "scripted", "id": "s", "answers": answers, "by": "agent"})
    first = run(load_scenario(MIXED.replace("MODEL", model)), store=store)
    again = json.dumps({"backend": "replay", "id": str(first.path)})
    return Record(run(load_scenario(MIXED.replace("MODEL", again)), store=store / "again").path)


def by(report: Any) -> dict[tuple[str, str], Any]:
    return {(row.agent, row.kind): row for row in report.rows}


def test_a_replayed_model_and_hedge_share_one_table(tmp_path: Path) -> None:
    record = mixed(tmp_path, bad=2)
    report = regret_report(record)
    rows = by(report)
    assert rows["player_0", "external"].member == "model"
    assert rows["player_1", "external"].member == "hedge"
    model = rows["player_0", "swap"]
    assert (model.rounds, model.excluded, model.ranked) == (80, 4, "ranked")
    assert model.excluded_rate == 0.05
    assert model.bound is None
    assert rows["player_1", "external"].bound == pytest.approx(np.sqrt(40 * np.log(3) / 2))
    assert {rows["player_0", "external"].rank, rows["player_1", "external"].rank} == {1, 2}
    assert NOTE in report.notes
    assert any("4 of 80 rounds without a valid answer" in note for note in report.notes)
    by_definition = [regrets_of(record, seed) for seed in (0, 1)]
    assert rows["player_0", "external"].regret == pytest.approx(np.mean(by_definition))
    assert rows["player_0", "external"].per_round == pytest.approx(np.mean(by_definition) / 38)


def regrets_of(record: Record, seed: int) -> float:
    """The model's external regret in one episode, from the step table."""
    steps = record.steps().columns
    at = steps["seed"] == seed
    history = np.stack([steps["played"][at & (steps["agent"] == p)] for p in ("player_0", "player_1")], axis=1)
    imputed = np.nan_to_num(np.ma.filled(steps["imputed"][at & (steps["agent"] == "player_0")], 0)) > 0
    own = np.where(imputed, -1, history[:, 0].astype(int))
    utilities = counterfactual_utilities(entry("games", "shapley")(), history.astype(int), 0)
    return float(regrets(own, utilities, kind="external")[-1])


def test_above_five_percent_nothing_is_ranked(tmp_path: Path) -> None:
    record = mixed(tmp_path, bad=3)
    rows = by(regret_report(record))
    assert rows["player_0", "external"].ranked == "not ranked: 7.5% invalid"
    assert rows["player_0", "external"].rank is None
    assert rows["player_1", "external"].rank == 1
    build(record)
    page = (record.path / "report.html").read_text()
    assert "not ranked: 7.5% invalid" in page
    assert "held fixed" in page


def learned(tmp_path: Path, *sets: str) -> Record:
    return Record(run(load_scenario("games/learners_shapley", overrides=["replicates=3", *sets]), store=tmp_path).path)


def test_gaps_are_the_largest_regrets_and_the_curves_end_there(tmp_path: Path) -> None:
    record = learned(tmp_path, "environment.horizon=200", "environment.noise=0.05")
    report = regret_report(record)
    game = entry("games", "shapley")()
    steps = record.steps().columns
    for place in range(len(report.gaps["cell"])):
        at = (steps["cell"] == report.gaps["cell"][place]) & (steps["seed"] == report.gaps["seed"][place])
        history = np.stack([steps["played"][at & (steps["agent"] == p)] for p in game.players], axis=1).astype(int)
        joint = np.zeros((3, 3))
        np.add.at(joint, tuple(history.T), 1 / 200)
        assert report.gaps["ce_gap"][place] == pytest.approx(certify(game, Joint(joint), concept="correlated").gap)
        worst = [
            max(regrets(history[:, i], counterfactual_utilities(game, history, i), kind=kind)[-1] for i in range(2))
            for kind in ("external", "swap")
        ]
        assert report.gaps["cce_slack"][place] == pytest.approx(worst[0] / 200, abs=1e-12)
        assert report.gaps["ce_gap"][place] == pytest.approx(worst[1] / 200, abs=1e-12)
    row = next(row for row in report.rows if row.agent == "player_0" and row.kind == "swap" and row.cell == 0)
    last = max(i for i, key in enumerate(zip(*(report.curves[k] for k in ("cell", "agent", "kind")), strict=True)) if key == (0, "player_0", "swap"))  # fmt: skip
    assert report.curves["round"][last] == 200
    assert report.curves["regret"][last] == pytest.approx(row.regret)
    assert row.regret_lower is not None
    assert row.regret_lower <= row.regret <= row.regret_upper
    assert row.per_round == pytest.approx(row.regret / 200)
    assert str(report) == str(regret_report(Record(record.path)))  # the same record, the same bootstrap


def test_ucb_is_warned_of_in_every_report(tmp_path: Path) -> None:
    record = run(load_scenario("games/ucb_against_adversary", overrides=["environment.horizon=100"]), store=tmp_path)
    report = regret_report(record)
    assert sum("linearly" in note for note in report.notes) == 1
    assert by(regret_report(record))["player_0", "external"] is not None
    ucb = next(row for row in report.rows if row.agent == "player_0")
    assert ucb.per_round == pytest.approx(0.8)
    assert ucb.bound is None
    build(record)
    assert "linearly" in (record.path / "report.html").read_text()
    assert "linearly" in str(regret_report(play(entry("games", "shapley")(), "ucb1", 30)))


def test_analysis_keys_choose_kinds_and_members(tmp_path: Path) -> None:
    told = "analysis=[{regret: {kinds: [swap], per: member}}]"
    short = ["environment.horizon=20", "replicates=2"]
    pair = ["population=[{agent: learner, rule: hedge, count: 2, label: both}]"]
    record = run(load_scenario("games/learners_zero_sum", overrides=[*short, *pair, told, "metrics=[welfare]"]), store=tmp_path)  # fmt: skip
    tables = compute(record)
    assert list(tables["regret"]["kind"]) == ["swap"]
    assert list(tables["regret"]["agent"]) == ["both"]
    assert list(tables["regret"]["rounds"]) == [80]
    assert report_of(record).rows[0].episodes == 2
    record.analysis = [{"regret": {"kind": "swap"}}]  # as a scenario that continues the run may ask
    with pytest.raises(MetricError, match="Did you mean 'kinds'"):
        report_of(record)
    for wrong in ("[{regrets: {}}]", "[{regret: {}, regret_curve: {}}]", "[{regret: swap}]"):
        with pytest.raises(ScenarioError, match=r"Did you mean 'regret'|Such as: - regret"):
            load_scenario("games/learners_zero_sum", overrides=[f"analysis={wrong}"])


def test_a_match_of_learners_has_the_same_report() -> None:
    done = play(entry("games", "biased_rps")(), ["hedge", "exp3_ix"], 300, seeds=range(4))
    report = regret_report(done)
    rows = by(report)
    assert rows["player_0", "external"].regret == pytest.approx(done.external[:, 0].mean())
    assert rows["player_1", "swap"].regret == pytest.approx(done.swap[:, 1].mean())
    assert rows["player_1", "external"].holds == "with probability .95"
    assert report.gaps["ce_gap"] == pytest.approx((done.swap.max(axis=1) / 300).tolist())
    one = regret_report(play(entry("games", "biased_rps")(), "hedge", 10))
    assert one.rows[0].regret_lower is None


def test_what_is_no_repeated_game_is_said(tmp_path: Path) -> None:
    commons = run(load_scenario("commons/fish_war", overrides=["replicates=1"]), store=tmp_path)
    with pytest.raises(MetricError, match="repeated game"):
        regret_report(commons)
    outcomes = run(load_scenario("games/pennies_mixed", overrides=["replicates=2", "record.steps=outcomes"]), store=tmp_path)  # fmt: skip
    with pytest.raises(MetricError, match=r"record\.steps"):
        regret_report(outcomes)
    with pytest.raises(MetricError, match="external, swap"):
        regret_report(outcomes, kinds=["internal"])  # type: ignore[list-item]
