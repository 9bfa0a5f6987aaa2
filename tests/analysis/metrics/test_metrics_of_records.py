"""Metrics on records of real runs: tables written, cells summed up, nulls with reasons, and errors that name the key."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gamesim_analysis.commons.deviation import deviation_gains
from gamesim_analysis.commons.societies import play, society_of
from gamesim_analysis.metrics import compute, evaluate, summary

from gamesim.core.errors import MetricError, UnknownKindError
from gamesim.run.record import Record
from gamesim.run.runner import run
from gamesim.scenario.resolve import load_scenario

BASE = """
name: tests/society
seed: 3
replicates: 12
environment: {kind: commons, players: 4, horizon: 20, growth: {rate: 0.4, capacity: 100}, harvest: {productivity: 0.08},
  upkeep: {consumption: 1, initial_wealth: 20}}
population: [{agent: commons.paper_abm, count: 2}, {agent: commons.paper_abm, init: selfish, count: 2, label: selfish}]
"""
STILL = """
name: tests/still
replicates: 3
environment: {kind: commons, players: 3, horizon: 6, upkeep: {consumption: 1, initial_wealth: 20}}
population: [{agent: commons.fixed, effort: 0.0, count: 3}]
"""


def played(text: str, store: Path, *overrides: str) -> Record:
    return run(load_scenario(text, overrides=overrides), store=store)


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Record:
    text = BASE + "sweep: {axes: {environment.institutions.sanctions: [{fine: 10}, null]}}\n"
    return played(text, tmp_path_factory.mktemp("runs"))


def test_every_metric_that_applies_is_written(swept: Record) -> None:
    tables = compute(swept)
    again = Record(swept.path, verify="full")
    assert set(again.tables) >= set(tables)
    assert {"survival", "norms", "welfare", "summary", "mechanisms", "paired_effects", "social_regret"} <= set(tables)
    reasons = {row["metric"]: row["reason"] for row in again.table("not_applicable").rows()}
    assert "doubling_cap" in reasons["govsim"]
    assert "inverse" in reasons["shortfall"]


def test_the_summary_has_a_row_a_cell_and_says_what_the_brackets_are(swept: Record) -> None:
    rows = summary(swept).rows()
    assert [row["cell"] for row in rows] == [0, 1]
    times = np.asarray(swept.outcomes()["T_s"], dtype=float)
    for row in rows:
        own = times[swept.outcomes()["cell"] == row["cell"]]
        assert row["T_s"] == pytest.approx(own.mean())
        assert row["T_s_n"] == 12
        assert row["T_s_lower"] <= row["T_s"] <= row["T_s_upper"]
        assert 0 <= row["survived_lower"] <= row["survived"] <= row["survived_upper"] <= 1
        assert "Student" in row["brackets"]
        assert "Wilson" in row["brackets"]


def test_a_mechanism_switched_off_equals_the_cell_without_it(swept: Record) -> None:
    found, _ = evaluate(swept, ["mechanisms", "paired_effects"])
    replayed = {
        (cell, measure): effect
        for cell, mechanism, measure, effect in zip(
            *(found["mechanisms"][name] for name in ("cell", "mechanism", "measure", "effect")), strict=True
        )
        if mechanism == "punishment"
    }
    between = dict(zip(found["paired_effects"]["measure"], found["paired_effects"]["effect"], strict=True))
    assert {cell for cell, _ in replayed} == {0}
    for (_, measure), effect in replayed.items():
        assert effect == pytest.approx(-between[measure], abs=1e-9)


def test_returns_by_seat_and_member(swept: Record) -> None:
    found, _ = evaluate(swept, ["returns_by_seat", "returns_by_member", "welfare"])
    outcomes = swept.outcomes().fetch()
    seat = found["returns_by_seat"]
    assert seat["agent"][:4] == ["player_0", "player_1", "player_2", "player_3"]
    assert seat["mean"][0] == pytest.approx(outcomes["return.0"][outcomes["cell"] == 0].mean())
    member = found["returns_by_member"]
    both = (outcomes["return.2"] + outcomes["return.3"]) / 2
    place = member["member"].index("selfish")
    assert member["mean"][place] == pytest.approx(both[outcomes["cell"] == member["cell"][place]].mean())
    assert set(member["n"]) == {12}
    assert np.sum(found["welfare"]["welfare"]) == pytest.approx(float(outcomes["welfare"].sum()))


def test_panel_metrics_agree_with_the_environments_own_outcome(swept: Record) -> None:
    found, _ = evaluate(swept, ["norms", "distribution", "social_regret", "effort_distance"])
    outcomes = swept.outcomes().fetch()
    order = np.lexsort((outcomes["seed"], outcomes["cell"]))
    on = outcomes["cell"][order] == 0
    np.testing.assert_allclose(found["norms"]["fines"][on], outcomes["fines"][order][on])
    np.testing.assert_allclose(
        found["norms"]["fine_rate"][on], (outcomes["fines"] / outcomes["agent_rounds"])[order][on]
    )
    np.testing.assert_allclose(found["social_regret"]["harvest"], outcomes["total_harvest"][order])
    np.testing.assert_allclose(found["distribution"]["gain"] * 4, outcomes["total_harvest"][order])
    np.testing.assert_allclose(found["effort_distance"]["mean_effort"], outcomes["mean_effort"][order])
    assert (found["social_regret"]["harvest_regret"] >= -1e-6).all()
    fined = outcomes["fines"][order] > 0
    assert (found["social_regret"]["social_regret"] > found["social_regret"]["harvest_regret"])[on & fined].all()
    assert np.isnan(found["norms"]["fine_rate"][~on]).all()
    assert "fine_rate: sanctions are off" in found["norms"]["null_reason"][~on][0]


def test_nothing_harvested_is_null_with_the_reason(tmp_path: Path) -> None:
    record = played(STILL, tmp_path)
    found, _ = evaluate(record)
    assert np.isnan(found["distribution"]["equality"]).all()
    assert "nobody harvested" in found["distribution"]["null_reason"][0]
    assert np.isnan(found["norms"]["antisocial_share"]).all()
    assert "nobody was fined" in found["norms"]["null_reason"][0]
    assert found["stock_use"]["eta"].tolist() == [0.0, 0.0, 0.0]
    assert found["norms"]["compliance"].tolist() == [1.0, 1.0, 1.0]
    assert any("nobody was ever fined though sanctions are on" in text for text in found["caveats"]["caveat"])
    assert any("reached the horizon" in text for text in found["caveats"]["caveat"])


def test_upkeep_beyond_the_yield_is_warned_of(tmp_path: Path) -> None:
    found, _ = evaluate(played("commons/paper_a_harsh_selfish", tmp_path, "replicates=2"), ["caveats"])
    text = " ".join(found["caveats"]["caveat"])
    assert "exceeds the maximum sustainable yield" in text
    assert "not the authors' values" in text
    assert "inert over 60 rounds" in text


def test_the_scenario_selects_its_metrics(tmp_path: Path) -> None:
    record = played(BASE + "metrics: [survival, stock_use]\n", tmp_path)
    assert set(compute(record)) == {"survival", "stock_use", "summary"}


def test_harvest_metrics_of_the_inverse_game_point_to_shortfall(tmp_path: Path) -> None:
    record = played("commons/inverse_trash", tmp_path, "replicates=2")
    for name in ("govsim", "stock_use", "distribution", "social_regret"):
        with pytest.raises(MetricError, match=rf"'{name}'.*'shortfall'"):
            compute(record, [name])
    rows = compute(record, ["shortfall"])["shortfall"].rows()
    by_total = {row["total_effort"]: row for row in rows}
    assert by_total[60.0]["months"] == 12
    assert by_total[60.0]["excess_effort"] == 0
    assert by_total[600.0]["shortfall"] == 0
    assert by_total[0.0]["months"] == 1


def test_unknown_metrics_are_named_with_the_nearest(swept: Record) -> None:
    with pytest.raises(UnknownKindError, match="Did you mean 'survival'"):
        compute(swept, ["survivall"])


def test_metrics_that_need_steps_say_so(tmp_path: Path) -> None:
    record = played(BASE, tmp_path, "record.steps=outcomes")
    with pytest.raises(MetricError, match=r"record\.steps: all"):
        compute(record, ["norms"])
    assert "survival" in compute(record)


def test_a_strangers_plain_function_is_a_metric(swept: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    def luck(record: Record) -> dict[str, Any]:
        outcomes = record.outcomes().fetch()
        return {"cell": outcomes["cell"], "seed": outcomes["seed"], "luck": outcomes["seed"] * 2.0}

    module = sys.modules["gamesim_analysis.metrics.compute"]  # the package shows its function under that name
    monkeypatch.setattr(module, "names", lambda group: ["luck"])
    monkeypatch.setattr(module, "entry", lambda group, name: luck)
    assert [row["luck"] for row in summary(swept).rows()] == [11.0, 11.0]


def test_exploitability_by_definition(tmp_path: Path) -> None:
    """The table's gain is that of the best fixed effort, found here by playing each of them."""
    record = played(STILL, tmp_path)
    found, _ = evaluate(record, ["exploitability_lower_bound"])
    society = society_of(record.scenario, seed=0)
    assert found["exploitability_lower_bound"]["best_effort"] == [1.0, 1.0, 1.0]  # nobody else fishes: take all you can
    gains = deviation_gains(society, replicates=3, seed=0)
    assert gains.shape == (3, 21, 3)
    np.testing.assert_allclose(gains[:, 0], 0.0, atol=1e-12)  # effort 0 is what they play
    np.testing.assert_allclose(found["exploitability_lower_bound"]["gain"], gains[:, 20].mean(axis=1))
    again = play(society, 3, 0)
    np.testing.assert_array_equal(again["returns"], play(society, 3, 0)["returns"])


def test_recovery_after_a_shock(tmp_path: Path) -> None:
    shock = "environment.perturbations=[{kind: growth, at: 3, stock: 30}]"
    record = played(STILL, tmp_path, "environment.horizon=40", "environment.upkeep.initial_wealth=100", shock)
    found, _ = evaluate(record, ["recovery"])
    assert np.isfinite(found["recovery"]["recovery"]).all()
    assert len(set(found["recovery"]["recovery"].tolist())) == 1
    with pytest.raises(MetricError, match="no shock"):
        evaluate(played(STILL, tmp_path), ["recovery"])


def test_the_digest_is_the_same_however_often_metrics_are_computed(swept: Record) -> None:
    compute(swept)
    first = Record(swept.path).digest()
    compute(Record(swept.path))
    assert Record(swept.path).digest() == first


def test_punishment_efficiency_from_paired_runs(swept: Record) -> None:
    found, _ = evaluate(swept, ["punishment_efficiency"])
    table = found["punishment_efficiency"]
    outcomes = swept.outcomes().fetch()
    on, off = (np.flatnonzero(outcomes["cell"] == cell) for cell in (0, 1))
    on, off = on[np.argsort(outcomes["seed"][on])], off[np.argsort(outcomes["seed"][off])]
    np.testing.assert_allclose(table["spent"], 10 * outcomes["fines"][on], atol=1e-9)  # fines of 10, costs of 0
    fined = outcomes["fines"][on] > 0
    expected = (outcomes["welfare"][on] - outcomes["welfare"][off])[fined] / (10 * outcomes["fines"][on][fined])
    np.testing.assert_allclose(table["punishment_efficiency"][fined], expected)
    assert np.isnan(table["punishment_efficiency"][~fined]).all()


def test_findings_can_be_checked_with_a_records_own_parameters(tmp_path: Path) -> None:
    from gamesim_analysis.commons.findings import check_findings

    record = played("commons/paper_a_harsh_selfish", tmp_path, "replicates=2", "environment.upkeep.consumption=1.5")
    found = check_findings(record, replicates=10, seed=2)
    assert found.names == ("F1", "F2", "F3", "F4")
    base = check_findings("A", replicates=10, seed=2)
    own = next(line for line in found.lines if line.finding == "F3" and line.role == "claim")
    assert own.means != next(line for line in base.lines if line.finding == "F3").means
