"""What an oracle will ask is counted before anything is asked, and bounded while it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from gamesim_agents.psro.billing import plan

from gamesim.cli.playing import announce
from gamesim.core.errors import LimitReached
from gamesim.core.model_errors import UnknownPriceError
from gamesim.run.manifest import read_manifest
from gamesim.run.model_use import ModelUse
from gamesim.run.models.calls import NAME, CallJournal
from gamesim.run.models.opening import priced_desks
from gamesim.run.models.prices import prompt_bytes
from gamesim.run.models.rehearsal import bill, first_questions
from gamesim.run.runner import resume, run
from gamesim.scenario.resolve import load_scenario
from gamesim.testing.fault_server import ServerProcess

STAG_HUNT = "league/psro_stag_hunt"


def scenario(*more: str) -> Any:
    return load_scenario(STAG_HUNT, overrides=more)


def calls_of(path: Path) -> list[dict[str, Any]]:
    journal = CallJournal(path / NAME, readonly=True)
    try:
        return [dict(row) for row in journal.rows()]
    finally:
        journal.close()


def test_the_bill_holds_the_calls_that_are_made(tmp_path: Path) -> None:
    told = bill(scenario(), tmp_path)
    assert (told.calls.low, told.calls.high) == (3 * 2, 3 * 2 * 3)  # candidates x pools, and so often again
    calls = calls_of(run(scenario(), store=tmp_path).path)
    assert told.calls.low <= len(calls) <= told.calls.high
    desks: dict[str, Any] = {"designer": _desk()}
    planned = plan("", scenario(), desks)
    sizes = [sum(len(m["content"].encode()) for m in row["request"]["messages"]) for row in calls]
    assert max(sizes) <= max(planned.longest.values())
    assert prompt_bytes(planned.questions[0].request) == pytest.approx(min(sizes), abs=12)  # the first asks least


def _desk() -> Any:
    from datetime import date

    from gamesim.run.limits import RunLimits

    return priced_desks(scenario(), RunLimits(), date(2026, 1, 1))["designer"]


def test_one_pool_asks_half_as_often_and_a_fixed_pool_asks_nobody(tmp_path: Path) -> None:
    alike = scenario("samples.symmetric=true", "oracle.candidates=2", "stop.iterations=5")
    told = bill(alike, tmp_path).calls
    assert (told.low, told.high) == (2, 10)
    assert bill(scenario("oracle=none"), tmp_path).calls.high == 0
    each = load_scenario(STAG_HUNT, axes=["seed=1,2"])
    assert bill(each, tmp_path).calls.high == 2 * 18


def test_prices_are_asked_for_where_money_is_bounded_and_the_header_says_that_models_are_called(tmp_path: Path) -> None:
    paid = scenario("models.designer=openai/some-model")
    with pytest.raises(UnknownPriceError, match="price of 'designer/some-model' is not known"):
        bill(paid, tmp_path, {"cost": 1})
    priced = scenario(
        "models.designer={backend: openai, id: m, prices: {input: 1, output: 100000, checked: 2026-11-01}}"
    )
    assert bill(priced, tmp_path).needs_confirmation()
    said: list[str] = []
    out: Any = type("Out", (), {"note": staticmethod(said.append)})
    assert announce(paid, out, tmp_path)["model_calls"] is None
    assert announce(scenario("oracle=none"), out, tmp_path)["model_calls"] == 0
    assert ["no model calls" in line for line in said] == [False, True]
    assert "grown by llm in at most 3 iterations" in said[0]


def test_the_first_call_to_a_model_is_a_real_question() -> None:
    found = first_questions(scenario(), {"designer": _desk()}, ["designer"])
    assert "Propose one more policy" in found["designer"].messages[1].content


def test_a_budget_stops_the_oracle_and_a_larger_one_ends_the_run(tmp_path: Path) -> None:
    """A server on this machine, which proposes guards whenever it is asked."""
    with ServerProcess("--answer", '{"policy": "stag_hunt.guard"}') as server:
        asks = scenario(f"models.designer={{backend: openai, id: m, base_url: '{server.url()}'}}")
        quiet = ModelUse(preflight=False)
        with pytest.raises(LimitReached, match="calls") as stopped:
            run(asks, store=tmp_path, limits={"calls": 4}, models=quiet)
        assert stopped.value.where is not None
        path = Path(stopped.value.where)
        assert (read_manifest(path).status, len(calls_of(path))) == ("stopped", 4)
        record = resume(path, limits={"calls": 100}, models=quiet)
        assert record.manifest.status == "complete"
        calls = calls_of(path)
        assert bill(asks, tmp_path / "nowhere").calls.high >= len(calls) == server.attempts("F00")  # none twice
