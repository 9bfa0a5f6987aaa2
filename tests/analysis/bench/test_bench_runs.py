"""Benches really played: which societies, between which anchors, who is ranked, what company does, what is played twice."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gamesim_analysis.bench.experiment import Bench
from gamesim_analysis.bench.leaderboard import Leaderboard, leaderboard
from gamesim_analysis.bench.plan import plan_of
from gamesim_analysis.metrics import evaluate

from gamesim.core.errors import MetricError, ScenarioError, UnknownKindError
from gamesim.core.model import ModelRequest
from gamesim.run.record import Record
from gamesim.run.reuse import forget
from gamesim.run.runner import resume, run
from gamesim.scenario.resolve import load_scenario, resolve_data
from tests.analysis.bench.conftest import DILEMMA

RULES = DILEMMA + 'models: ["agent:cooperator", "agent:defector", "agent:tit_for_tat"]\n'
MIXED = DILEMMA + (
    'models: ["agent:cooperator", "agent:defector", "rule:tit_for_tat"]\n'
    'compositions: [pure, {"agent:defector": 1, "rule:tit_for_tat": 1}, {focal: 1, background: "agent:cooperator"}]\n'
)
Board = Callable[..., Leaderboard]


# ---- the plan ----------------------------------------------------------------------------------------------------------


def test_every_distinct_society_is_one_cell() -> None:
    plan = plan_of(load_scenario(RULES))
    assert len(plan.cells) == 3
    doubled = plan_of(load_scenario(DILEMMA + 'models: ["agent:defector", {name: again, agent: matrix.defector}]\n'))
    assert len(doubled.cells) == 1
    assert [entry.player for entry in doubled.entries] == ["agent:defector", "again"]
    anchors = plan_of(
        load_scenario(RULES, overrides=['scenarios.0.anchors={"zero": "rule:defector", "one": "rule:cooperator"}'])
    )
    assert len(anchors.cells) == 3  # the anchors are on the board already


def test_units_are_those_of_the_scenario_itself() -> None:
    from gamesim.run.play import Play

    scenario = load_scenario(RULES)
    keys = {unit.key for unit in Bench().units(scenario, {})}
    alone = load_scenario(
        "games/reciprocity",
        overrides=["environment.horizon=8", "replicates=4", "population=[{agent: matrix.defector, count: 2}]"],
    )
    assert {unit.key for unit in Play().units(alone, {})} < keys
    assert len(keys) == 3


def test_the_resolved_bench_needs_no_other_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.yaml").write_text(
        "environment: {kind: matrix, horizon: 3}\npopulation: [{agent: matrix.grim, count: 2}]\n"
    )
    (tmp_path / "bench.yaml").write_text("kind: bench\nmodels: ['agent:defector']\nscenarios: [mine.yaml]\nseeds: 2\n")
    monkeypatch.chdir(tmp_path.parent)
    scenario = load_scenario(tmp_path / "bench.yaml")  # beside the bench, wherever one stands
    (tmp_path / "mine.yaml").unlink()
    again = resolve_data(scenario.data)
    assert again.data == scenario.data
    assert [c.scenario.data for c in plan_of(again).cells] == [c.scenario.data for c in plan_of(scenario).cells]


def test_wordings_are_cells_for_those_who_read_only() -> None:
    plan = plan_of(load_scenario(DILEMMA + 'models: ["agent:defector", "rule:defector"]\nparaphrase: all\n'))
    assert [cell.values.get("wording") for cell in plan.cells] == [None, 0, 1, 2]
    assert len(plan.find("pure", "dilemma", player="agent:defector")) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("models: []\n", "nobody plays"),
        ("models: ['agent:defector', 'agent:defector']\n", "two players are called"),
        ("models: ['agent:defector']\ncompositions: [{a: 1, b: 1}]\n", "pure"),
        ("models: ['agent:defector']\ncompositions: [pure, {'agent:defector': 1, x: 1}]\n", "not on the board"),
        ("models: ['agent:defector', 'agent:grim']\ncompositions: [pure, {'agent:defector': 1, 'agent:grim': 2}]\n", "2 seats"),
        ("models: ['agent:defector']\ncompositions: [pure, {focal: 2, background: 'agent:grim'}]\n", "focal seats"),
        ("models: [{name: x}]\n", "a player has a model or an agent"),
        ("models: ['agent:defector']\nboard: [x]\n", "Keep one"),
    ],
)  # fmt: skip
def test_what_cannot_be_played_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        plan_of(load_scenario(DILEMMA + text))


def test_wrong_scenarios_anchors_and_rules_are_named() -> None:
    with pytest.raises(ScenarioError, match="it has a sweep; say which cell"):
        load_scenario("kind: bench\nmodels: ['agent:greedy']\nscenarios: [commons/govsim_fishery]\n")
    with pytest.raises(ScenarioError, match="no cell 9"):
        load_scenario("kind: bench\nmodels: ['agent:greedy']\nscenarios: [{file: commons/govsim_fishery, cell: 9}]\n")
    with pytest.raises(ScenarioError, match="no such file"):
        load_scenario("kind: bench\nmodels: ['agent:greedy']\nscenarios: [commons/dmo]\n")
    with pytest.raises(UnknownKindError, match="Did you mean 'defector'"):
        plan_of(load_scenario(DILEMMA + "models: ['agent:defecter']\n"))
    with pytest.raises(ScenarioError, match=r"'optimun' is no anchor\. Did you mean 'optimum'"):
        plan_of(load_scenario(RULES, overrides=['scenarios.0.anchors={"one": "optimun"}']))
    with pytest.raises(ScenarioError, match="theory says welfare"):
        plan_of(load_scenario(RULES, overrides=["scenarios.0.primary=rounds"]))


# ---- the board ---------------------------------------------------------------------------------------------------------


def test_rules_stand_where_the_stage_game_puts_them(board: Board) -> None:
    found = board(RULES, "scenarios.0.set={environment.horizon: 8, environment.noise: 0.0}")
    assert [row.player for row in found.rows] == ["agent:cooperator", "agent:tit_for_tat", "agent:defector"]
    cooperator, _, defector = found.rows
    assert cooperator.standing.score.estimate == pytest.approx(1.0)
    assert defector.standing.score.estimate == pytest.approx(0.0)
    ends = found.ends["dilemma"]
    assert (ends.zero, ends.one) == (8 * 2, 8 * 6)  # everybody defects, everybody cooperates, for eight rounds
    assert defector.rationality.nash_conv == 0
    assert cooperator.rationality.nash_conv == pytest.approx(4 / 5)
    assert defector.rationality.fit.lower_bound is not None
    assert cooperator.rationality.fit.below_random
    assert all(row.reason is None and row.rates.asked == 0 for row in found.rows)


def test_a_rule_behind_the_model_interface_scores_as_the_rule(board: Board) -> None:
    found = board(DILEMMA + 'models: ["agent:tit_for_tat", "rule:tit_for_tat"]\n')
    rule, model = found.row("agent:tit_for_tat"), found.row("rule:tit_for_tat")
    assert rule.standing.score == model.standing.score
    assert model.rates.asked == 4 * 8 * 2
    assert model.rates.share("ok") == 1.0
    assert model.costs["calls"] == model.rates.asked
    assert model.costs["cost"] == 0
    assert rule.note == "rule"
    assert model.note == ""


def test_anchors_are_played_on_the_boards_own_seeds(bench: Callable[..., Record]) -> None:
    text = (
        "kind: bench\nname: t/fishery\nmodels: ['agent:greedy', 'agent:sustainable']\nseeds: 3\nresamples: 200\n"
        "scenarios: [{file: commons/govsim_fishery, cell: 0, name: fishery, primary: harvest, anchors: {zero: 'rule:greedy', one: optimum}}]\n"
    )
    record = bench(text)
    found = leaderboard(record)
    assert len(record.units) == 2
    assert found.row("agent:greedy").standing.score.estimate == pytest.approx(0.0)
    assert found.row("agent:sustainable").standing.score.estimate == pytest.approx(10 / 11)  # all but the last harvest
    lives = leaderboard(bench(text.replace("primary: harvest, ", "").replace("one: optimum", "one: horizon")))
    assert set(lives.curves["fishery"]) == {"agent:greedy", "agent:sustainable"}
    curve = lives.curves["fishery"]["agent:sustainable"]
    assert curve.events.sum() == 0  # reaching the horizon is no collapse
    assert lives.statistics.letters.method.startswith("log-rank")


def test_anchors_without_room_between_them_are_an_error(bench: Callable[..., Record]) -> None:
    record = bench(RULES, 'scenarios.0.anchors={"zero": "rule:defector", "one": "rule:defector"}')
    with pytest.raises(MetricError, match="nothing lies between"):
        leaderboard(record)


def test_who_does_not_know_a_game_is_listed(board: Board) -> None:
    text = DILEMMA.replace(
        "scenarios: [", "scenarios: [{file: commons/vcm_punish, cell: 0, name: good, set: {environment.horizon: 2}}, "
    )
    found = board(
        text + 'models: ["agent:defector", {name: free, agent: {matrix: defector, public_good: free_rider}}]\n'
    )
    row = found.row("agent:defector")
    assert row.reason == "played 1 of 2 scenarios; not good"
    assert row.standing.rank is None
    assert set(row.standing.by_scenario) == {"dilemma"}
    assert found.row("free").standing.rank == 1
    assert any("not know the game of good" in note for note in found.notes)


def test_metrics_read_a_bench_cell_by_cell(bench: Callable[..., Record]) -> None:
    found, _ = evaluate(bench(MIXED), ["welfare", "invalid_rates"])
    assert set(found["welfare"]["cell"]) == {cell.index for cell in plan_of(load_scenario(MIXED)).cells}
    assert found["invalid_rates"]["asked"][0] > 0


# ---- company -----------------------------------------------------------------------------------------------------------


def test_focal_and_background_add_up_to_the_society(bench: Callable[..., Record]) -> None:
    from gamesim_analysis.bench.results import Results

    results = Results(bench(MIXED))
    entries = results.plan.find("focal", "dilemma")
    assert {entry.player for entry in entries} == {"agent:cooperator", "agent:defector", "rule:tit_for_tat"}
    for entry in entries:
        shared = results.shared(entry)
        focal, background = shared.seats
        assert (focal, background) == (1, 1)
        assert shared.focal * focal + shared.background * background == pytest.approx(shared.total)
        welfare = results.values(entry.cell, "welfare")
        assert list(shared.total) == pytest.approx([welfare[seed] for seed in shared.seeds])


def test_replacing_a_player_by_itself_changes_nothing(board: Board) -> None:
    found = board(MIXED)
    by = {(r.society, r.original): r.effect for r in found.replacements}
    same = by["agent:cooperator: 1 of 2 among agent:cooperator", "agent:cooperator"]
    assert same.effect.estimate == 0
    assert same.effect.low <= 0 <= same.effect.high
    other = by["agent:defector: 1 of 2 among agent:cooperator", "agent:cooperator"]
    assert other.effect.estimate < 0
    assert ("1 agent:defector + 1 rule:tit_for_tat", "agent:defector") in by
    company = {c.player: c for c in found.company}
    assert company["agent:defector"].focal.estimate > company["agent:defector"].background.estimate
    assert {c.mode for c in found.company} == {"visitor"}


# ---- models that fail --------------------------------------------------------------------------------------------------

SILENT = DILEMMA + (
    'models: [{mute: {backend: scripted, answers: [""], cycle: true}}, "agent:cooperator", "rule:random"]\n'
    "language: {on_invalid: 'action:C'}\n"
)


def test_a_silent_model_is_not_ranked_however_well_its_society_does(bench: Callable[..., Record]) -> None:
    record = bench(SILENT)
    found = leaderboard(record)
    mute = found.row("mute")
    assert mute.rates.silent
    assert mute.rates.invalid.estimate == 1.0
    assert mute.reason == "100% empty"
    assert mute.standing.rank is None
    assert mute.standing.score.estimate > 0.8  # the rule that fills in cooperates
    assert found.rows[-1] is mute
    assert {unit.status for unit in record.units if unit.cell["values"]["society"] == "mute"} == {"invalid"}
    assert mute.rationality.fit is None  # no imputed step is taken for a choice
    assert [f.outcome for f in found.failures] == ["empty"] * 5
    assert leaderboard(record, gate=1.0).row("mute").standing.rank is not None


def test_wording_that_turns_the_board_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gamesim_agents.llm.backends import scripted

    seen: list[str] = []
    lock = threading.Lock()

    def by_wording(request: ModelRequest) -> dict[str, Any]:
        rules = request.messages[0].content
        with lock:
            if rules not in seen:
                seen.append(rules)
        assert request.schema is not None
        properties = request.schema["properties"]
        first = next(iter(properties))
        return dict.fromkeys(properties) | {first: "CD"[seen.index(rules) % 2]}

    monkeypatch.setattr(
        scripted.Scripted, "build", lambda self, alias: scripted.ScriptedModel(self.name(alias), by_wording)
    )
    text = DILEMMA + (
        'models: [{reader: {backend: scripted}}, "agent:cooperator", "agent:defector", "rule:tit_for_tat"]\nparaphrase: all\n'
    )
    record = run(load_scenario(text), store=tmp_path)
    assert record.manifest.status == "complete"
    found = leaderboard(record)
    assert len(seen) == 3
    assert found.statistics.depends_on_wording
    spreads = {w.player: w.spread for w in found.statistics.wordings}
    assert spreads["reader"].estimate > 0.8
    assert spreads["rule:tit_for_tat"].estimate == spreads["agent:defector"].estimate == 0
    assert "Ranking depends on wording" in (found.write(tmp_path / "out")[0]).read_text()


# ---- nothing twice -----------------------------------------------------------------------------------------------------


def test_a_finished_bench_plays_nothing(tmp_path: Path) -> None:
    events: list[dict[str, Any]] = []
    first = run(load_scenario(RULES), store=tmp_path)
    again = run(load_scenario(RULES), store=tmp_path, on_event=lambda e: events.append(dict(e)))
    assert again.path == first.path
    assert [e["played"] for e in events if e["event"] == "run_done"] == [0]
    assert leaderboard(again).table() == leaderboard(first).table()
    assert resume(first.path).digest() == first.digest()


def test_another_player_or_more_seeds_cost_only_what_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gamesim_agents.llm.backends.acting import RuleModel

    asked: list[str] = []
    real = RuleModel.complete

    async def counted(self: RuleModel, request: ModelRequest) -> Any:
        asked.append(request.key)
        return await real(self, request)

    monkeypatch.setattr(RuleModel, "complete", counted)
    text = DILEMMA + 'models: ["agent:defector", "rule:tit_for_tat"]\n'
    first = run(load_scenario(text), store=tmp_path / "one")
    preflight = len(asked) - 4 * 8 * 2
    asked.clear()
    forget()
    more = run(
        load_scenario(text, overrides=["seeds=5", 'board=["agent:defector", "rule:tit_for_tat", "agent:grim"]']),
        store=tmp_path / "one",
    )
    assert len(asked) - preflight == 8 * 2  # the fifth society alone
    fresh = run(
        load_scenario(text, overrides=["seeds=5", 'board=["agent:defector", "rule:tit_for_tat", "agent:grim"]']),
        store=tmp_path / "other",
    )
    assert more.digest() == fresh.digest()  # what was taken over is what would have been played
    assert Record(more.path, verify="full").digest() == more.digest()
    own, lent = leaderboard(fresh), leaderboard(more)
    assert [r.standing for r in own.rows] == [r.standing for r in lent.rows]
    assert lent.row("rule:tit_for_tat").costs["calls"] == 5 * 8 * 2
    assert first.path != more.path
    monkeypatch.setenv("GAMESIM_FRESH", "1")
    asked.clear()
    run(load_scenario(text, overrides=["seeds=6"]), store=tmp_path / "one")
    assert len(asked) - preflight == 6 * 8 * 2


def test_a_damaged_run_lends_nothing(tmp_path: Path) -> None:
    first = run(load_scenario(RULES), store=tmp_path)
    journal = next((first.path / "events").glob("*.jsonl"))
    journal.write_bytes(journal.read_bytes().replace(b'"seed":0', b'"seed":9', 1))
    forget()
    more = run(load_scenario(RULES, overrides=["seeds=5"]), store=tmp_path)
    whole = run(load_scenario(RULES, overrides=["seeds=5"]), store=tmp_path / "other")
    assert more.digest() == whole.digest()


# ---- files -------------------------------------------------------------------------------------------------------------


def test_the_files_say_the_same(bench: Callable[..., Record], tmp_path: Path) -> None:
    import csv

    found = leaderboard(bench(MIXED))
    page, table, data = found.write(tmp_path)
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert [row["player"] for row in rows] == [row.player for row in found.rows]
    told = json.loads(data.read_text())
    assert [row["player"] for row in told["rows"]] == [row["player"] for row in rows]
    assert float(rows[0]["score"]) == pytest.approx(told["rows"][0]["standing"]["score"]["estimate"])
    text = page.read_text()
    assert all(row.player in text for row in found.rows)
    assert "<script" not in text
    again = leaderboard(bench(MIXED)).write(tmp_path / "again")
    assert [p.read_bytes() for p in again] == [p.read_bytes() for p in (page, table, data)]


def test_several_benches_are_one_board_if_they_fit(bench: Callable[..., Record]) -> None:
    one, two = bench(DILEMMA + 'models: ["agent:cooperator"]\n'), bench(DILEMMA + 'models: ["agent:defector"]\n')
    both = leaderboard([one, two])
    assert [row.player for row in both.rows] == ["agent:cooperator", "agent:defector"]
    with pytest.raises(MetricError, match="stands in two"):
        leaderboard([one, one])
    with pytest.raises(MetricError, match="do not score the same"):
        leaderboard([one, bench(DILEMMA + 'models: ["agent:defector"]\n', "scenarios.0.set={environment.horizon: 4}")])


def test_what_is_no_bench_is_said(tmp_path: Path) -> None:
    record = run(load_scenario("games/grim_against_alternation"), store=tmp_path)
    with pytest.raises(MetricError, match="no bench"):
        leaderboard(record)


def test_the_shipped_bench_is_a_bench() -> None:
    plan = plan_of(load_scenario("bench/societies"))
    assert set(plan.scales) == {"fishery", "public good", "dilemma"}
    assert all(not players for players in plan.absent.values())
