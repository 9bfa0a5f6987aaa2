"""Rates, costs and clocks of language models, on records whose journals were written by the run's own writers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from gamesim_analysis.metrics import compute, evaluate, summary
from gamesim_analysis.metrics.model_calls import (
    cost_columns,
    ideal_seconds,
    imputation,
    invalid_rates,
    model_costs,
    model_parallelism,
    position_bias,
    self_agreement,
)
from gamesim_analysis.metrics.model_journal import Rates, calls_of, decisions_of

from gamesim.core.config import Config
from gamesim.core.errors import MetricError
from gamesim.core.model import Message, ModelReply, ModelRequest, Usage
from gamesim.core.policy import Coordinates
from gamesim.run.contracts import Context, Unit, UnitResult
from gamesim.run.models.budget import Charge
from gamesim.run.models.calls import NAME, Answer, CallJournal, Cost, Failure
from gamesim.run.record import Record
from gamesim.run.runner import run
from gamesim.run.units import make_unit
from gamesim.scenario.resolve import load_scenario
from gamesim.testing.metrics import check_metric

GAME = """
name: tests/answers
environment: {kind: matrix, stage: prisoners_dilemma, horizon: 10}
population: [{agent: matrix.random, count: 2}]
replicates: 2
"""
MODEL_METRICS = (
    "imputation", "invalid_rates", "model_costs", "model_parallelism", "position_bias", "self_agreement",
)  # fmt: skip


class Told:
    """An experiment that writes the decisions it is told to have seen: one unit a replicate, step by step."""

    config: ClassVar[type[Config]] = Config
    version: ClassVar[int] = 1

    def units(self, scenario: Any, done: Mapping[str, UnitResult]) -> Sequence[Unit]:
        return () if done else [make_unit(scenario, (int(s),), mode="step") for s in script_of(scenario)]

    def run_unit(self, unit: Unit, context: Context) -> UnitResult:
        (seed,) = unit.seeds
        context.writer.event("begin", replicates=[seed], seats={"player_0": 0, "player_1": 0})
        for step, (agent, phase, outcome, more) in enumerate(script_of(context.scenario)[str(seed)]):
            data: dict[str, Any] = {"action": 1, "calls": [f"{seed}-{step}"], **more}
            if outcome != "ok":
                data |= {"outcome": outcome, "imputed": outcome not in ("repaired", "injected")}
            context.writer.event("action", step=step, phase=phase, agent=agent, **data)
            context.writer.commit(state="s", rng="r")
        outcome_row = {"seed": seed, "episode": seed, "returns": [1.0, 2.0], "welfare": 3.0}
        context.writer.event("outcome", **outcome_row)
        return UnitResult(unit.key, "complete", (outcome_row,))


def script_of(scenario: Any) -> dict[str, list[tuple[str, str, str, dict[str, Any]]]]:
    found: dict[str, Any] = json.loads(Path(scenario.description).read_text())
    return found


def told(store: Path, script: Mapping[int, Sequence[Any]]) -> Record:
    path = store / "script.json"
    path.write_text(json.dumps(script))
    scenario = load_scenario(GAME, overrides=[f"description={path}"])
    return run(scenario, store=store, experiment=f"{__file__}:Told", new=True)


def ask(
    journal: CallJournal,
    at: Coordinates,
    text: str | None,
    *,
    model: str = "big/gpt",
    prompt: str = "?",
    sample: str = "",
    source: str = "network",
    cost: Cost | None = None,
    attempts: int = 1,
    latency: float = 0.5,
    failure: Failure | None = None,
) -> str:
    request = ModelRequest(model, (Message("user", prompt),), sample=sample or f"{at.unit}/{at.step}/{at.agent}")
    reply = None if failure else ModelReply(text, usage=Usage(10, 5))
    answer = Answer(request.key, reply, failure, source, cost or Cost(), attempts, 0.1, latency, 200)  # type: ignore[arg-type]
    if source == "network":
        journal.intend(at, request, Charge())
    journal.answer(at, request, answer)
    return request.key


# ---- rates -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("invalid", "asked", "low", "high", "ranked", "dagger"),
    [(5, 100, 0.0215, 0.1118, True, True), (6, 100, 0.0278, 0.1248, False, True), (0, 50, 0, 0.0713, True, False)],
)
def test_gate_and_dagger(invalid: int, asked: int, low: float, high: float, ranked: bool, dagger: bool) -> None:
    rates = Rates({"ok": asked - invalid, "malformed": invalid})
    assert rates.invalid.low == pytest.approx(low, abs=1e-4)
    assert rates.invalid.high == pytest.approx(high, abs=1e-4)
    assert (rates.ranked(), rates.dagger) == (ranked, dagger)


def test_the_taxonomy_of_rates() -> None:
    rates = Rates({"ok": 70, "repaired": 10, "injected": 5, "illegal": 3, "refusal": 2, "timeout": 6, "transport": 4})
    assert rates.asked == 100
    assert rates.invalid.estimate == pytest.approx(0.15)
    assert rates.invalid_model.estimate == pytest.approx(5 / 90)  # what the network lost counts on neither side
    assert rates.share("ok") == 0.7
    assert rates.share("repaired") == 0.1
    assert rates.share("injected") == 0.05
    assert not rates.silent
    assert Rates({"empty": 9, "refusal": 1}).silent
    assert Rates({}).share("ok") is None


def test_a_run_of_rules_has_no_rates(tmp_path: Path) -> None:
    record = run(load_scenario(GAME), store=tmp_path)
    found, reasons = evaluate(record)
    assert not set(found) & set(MODEL_METRICS)
    assert "no language model was asked" in reasons["invalid_rates"]
    assert "invalid_rate" not in summary(record).rows()[0]
    with pytest.raises(MetricError, match="no language model"):
        evaluate(record, ["model_costs"])


@pytest.fixture
def mixed(tmp_path: Path) -> Record:
    """Two societies: 20 decisions each; player_0 answers well, player_1 is silent in half of the second society."""
    steps = [("player_0", "choose", "ok", {}) for _ in range(10)]
    first = steps + [("player_1", "choose", "ok", {}) for _ in range(9)] + [("player_1", "vote", "repaired", {})]
    second = steps + [("player_1", "choose", "empty" if i % 2 else "ok", {"action": 1 - i % 2}) for i in range(9)]
    second += [("player_1", "vote", "injected", {"notes": {"fenced": True}})]
    record = told(tmp_path, {0: first, 1: second})
    keys = {unit.seeds[0]: unit.key for unit in record.units}
    journal = CallJournal(record.path / NAME)
    for seed, script in ((0, first), (1, second)):
        for step, (agent, phase, outcome, _) in enumerate(script):
            at = Coordinates(keys[seed], step, phase, agent)
            model = "big/gpt" if agent == "player_0" else "small/x"
            ask(journal, at, None if outcome == "empty" else '{"choice": "C"}', model=model)
            if outcome == "repaired":
                ask(journal, Coordinates(keys[seed], step, phase, agent, "repair", 1), '{"choice": "D"}', model=model)
    journal.close()
    return Record(record.path)


def rows_of(columns: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def test_rates_stand_at_every_level(mixed: Record) -> None:
    rows = rows_of(invalid_rates(mixed))
    total = next(row for row in rows if row["level"] == "total")
    assert (total["asked"], total["empty"], total["repaired"], total["injected"], total["fenced"]) == (40, 4, 1, 1, 1)
    assert total["invalid_rate"] == pytest.approx(0.1)
    assert total["imputed"] == 4
    assert total["gate"] == "not ranked: 10% invalid"
    assert {row["level"] for row in rows} == {"total", "cell", "model", "kind", "agent", "unit", "cell and model"}
    kinds = {(row["kind"], row["asked"]) for row in rows if row["level"] == "kind"}
    assert ("vote", 2) in kinds
    units = [row for row in rows if row["level"] == "unit"]
    assert sorted(row["invalid_rate"] for row in units) == pytest.approx([0.0, 0.2])
    assert sum(row["asked"] for row in rows if row["level"] == "agent") == 40


def test_rates_know_the_model_from_the_journal(mixed: Record) -> None:
    # Keys in events name calls; here they are made up, so the population's own word stands in.
    assert {decision.model for decision in decisions_of(mixed)} == {"matrix.random"}


def test_keys_of_calls_lead_to_their_models(tmp_path: Path) -> None:
    probe = ModelRequest("big/gpt", (Message("user", "?"),), sample="s")
    record = told(tmp_path, {0: [("player_0", "choose", "ok", {"calls": [probe.key]})]})
    journal = CallJournal(record.path / NAME)
    at = Coordinates(record.units[0].key, 0, "choose", "player_0")
    journal.answer(at, probe, Answer(probe.key, ModelReply("{}"), None, "network"))
    journal.close()
    assert [decision.model for decision in decisions_of(Record(record.path))] == ["big/gpt"]


def test_rates_stand_beside_every_figure(mixed: Record) -> None:
    tables = compute(mixed)
    row = tables["summary"].rows()[0]
    assert row["invalid_rate"] == pytest.approx(0.1)
    assert row["invalid_rate_lower"] < 0.1 < row["invalid_rate_upper"]
    assert row["invalid_rate_n"] == 40
    assert row["gate"] == "not ranked: 10% invalid"
    assert "decisions asked of models" in row["brackets"]
    stored = set(Record(mixed.path).tables)
    assert "invalid_rates" in stored
    assert not {"model_costs", "model_parallelism"} & stored  # clocks would make digests of equal runs differ


def test_the_silent_model_is_named(tmp_path: Path) -> None:
    record = told(tmp_path, {0: [("player_0", "choose", "empty", {})] * 12})
    row = summary(record).rows()[0]
    assert row["invalid_rate"] == 1.0
    assert row["gate"] == "not ranked: 100% empty"


# ---- costs and clocks --------------------------------------------------------------------------------------------------


def test_costs_add_up(tmp_path: Path) -> None:
    record = told(tmp_path, {0: [("player_0", "choose", "ok", {})] * 4})
    unit = record.units[0].key
    journal = CallJournal(record.path / NAME)
    paid = Cost(2_000_000, "USD", 100, 20, 40, 5)
    ask(journal, Coordinates(unit, 0, "choose", "player_0"), "{}", cost=paid, attempts=3, latency=1.0)
    ask(journal, Coordinates(unit, 1, "choose", "player_0"), "{}", cost=Cost(1_000_000, "USD", 50, 10, estimated=True))
    ask(journal, Coordinates(unit, 2, "choose", "player_0"), "{}", source="cache", cost=Cost(0))
    lost = Cost(0, "USD", possibly_billed=500_000, possibly_billed_tokens=70)
    failure = Failure("timeout", "deadline", "too late")
    ask(journal, Coordinates(unit, 3, "choose", "player_0"), None, failure=failure, cost=lost, attempts=2)
    journal.close()
    (row,) = rows_of(model_costs(Record(record.path)))
    assert (row["calls"], row["attempts"], row["cached"], row["failed"]) == (4, 7, 1, 1)
    assert (row["tokens_in"], row["tokens_in_cached"], row["tokens_out"], row["tokens_reasoning"]) == (150, 40, 30, 5)
    assert row["cost"] == pytest.approx(0.003)
    assert (row["currency"], row["possibly_billed"]) == ("USD", 0.0005)
    assert row["share_estimated"] == pytest.approx(1 / 3)
    assert row["latency_p50"] == pytest.approx(0.75)
    assert row["latency_p95"] == pytest.approx(0.975)


def test_a_price_that_is_not_known_is_no_zero() -> None:
    row = {"source": "network", "reply": {}, "attempts": 1, "queue_s": 0, "latency_s": 1.0}
    assert cost_columns([{**row, "cost": {"money": None, "currency": ""}}])["cost"] is None
    two = [{**row, "cost": {"money": 1, "currency": c}} for c in ("USD", "EUR")]
    assert cost_columns(two)["cost"] is None


def test_ideal_times() -> None:
    assert ideal_seconds([[100] * 15], 32, 0.5) == 30.0
    assert ideal_seconds([[5, *[1] * 9, 12, 5]], 32, 1.0) == 12.0
    assert ideal_seconds([[5, *[1] * 9, 12, 5]] * 100, 32, 1.0) == pytest.approx(31 * 100 / 32)


def test_parallel_efficiency_reads_the_log_of_the_run(mixed: Record) -> None:
    lines = [
        {"at": "2026-01-01T00:00:00.000+00:00", "event": "run_started"},
        {"at": "2026-01-01T00:00:10.000+00:00", "event": "run_stopped"},
        {"at": "2026-01-01T09:00:00.000+00:00", "event": "run_started"},
        {"at": "2026-01-01T09:00:15.500+00:00", "event": "run_done"},
    ]
    log = mixed.path / "log.jsonl"
    log.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"torn', encoding="utf-8")
    (row,) = rows_of(model_parallelism(Record(mixed.path)))
    assert row["calls"] == 41  # an empty answer is an answer; the repair is one more
    assert row["t_wall"] == pytest.approx(25.5)
    # The longer society asks 20 questions one after the other, and one repair.
    assert row["t_ideal"] == pytest.approx(0.5 * 21)
    assert row["parallel_efficiency"] == pytest.approx(10.5 / 25.5)
    assert row["mean_concurrency"] == pytest.approx(0.5 * 41 / 25.5)
    assert row["reissued_in_flight"] == 0


# ---- what imputation, places and samples do -------------------------------------------------------------------------


def test_imputed_steps_are_dropped_and_both_values_shown(mixed: Record) -> None:
    rows = [row for row in rows_of(imputation(mixed)) if row["kind"] == "choose"]
    (row,) = rows
    assert (row["decisions"], row["imputed"]) == (38, 4)
    assert row["mean_action"] == pytest.approx(34 / 38)
    assert row["mean_action_without_imputed"] == pytest.approx(1.0)
    assert row["note"] == "may be moved by imputation"


def test_position_bias_needs_shuffled_lists(tmp_path: Path) -> None:
    def vote(i: int, shuffled: bool) -> tuple[str, str, str, dict[str, Any]]:
        shown = [0, 1, 2, 3][i % 4 :] + [0, 1, 2, 3][: i % 4] if shuffled else [0, 1, 2, 3]
        return (
            "player_0",
            "vote",
            "ok",
            {"notes": {"options": {"choice": {"shown": shown, "place": 1 if i < 30 else 2}}}},
        )

    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    biased = told(tmp_path / "a", {0: [vote(i, True) for i in range(40)]})
    (row,) = rows_of(position_bias(biased))
    assert (row["n"], row["first_share"], row["expected"], row["biased"]) == (40, 0.75, 0.25, True)
    fixed = told(tmp_path / "b", {0: [vote(i, False) for i in range(40)]})
    with pytest.raises(MetricError, match="shuffled"):
        position_bias(fixed)


def test_self_agreement_counts_pairs_of_samples(tmp_path: Path) -> None:
    record = told(tmp_path, {0: [("player_0", "choose", "ok", {})] * 6})
    unit = record.units[0].key
    journal = CallJournal(record.path / NAME)
    for step, text in enumerate(['{"a": "C", "why": "x"}', '{"a": "C", "why": "y"}', '{"a": "D"}', '{"a": "C"}']):
        ask(journal, Coordinates(unit, step, "choose", "player_0"), text, prompt="same")
    ask(journal, Coordinates(unit, 4, "choose", "player_0"), '{"a": "D"}', prompt="other")
    ask(
        journal,
        Coordinates(unit, 5, "choose", "player_0"),
        '{"a": "C", "why": "x"}',
        prompt="same",
        sample=f"{unit}/0/player_0",
    )
    journal.close()
    (row,) = rows_of(self_agreement(Record(record.path)))
    assert (row["prompts"], row["pairs"]) == (1, 6)  # the last one is the first draw again
    assert row["agreement"] == pytest.approx(0.5)


@pytest.mark.parametrize("name", ["invalid_rates", "model_costs", "imputation", "self_agreement"])
def test_they_keep_the_promises_of_a_metric(mixed: Record, name: str) -> None:
    record = mixed
    if name == "self_agreement":
        assert len(calls_of(record)) == 41
    check_metric(name, record)


def test_numbers_in_rates_are_plain(mixed: Record) -> None:
    columns = invalid_rates(mixed)
    assert np.asarray(columns["asked"]).dtype.kind == "i"
