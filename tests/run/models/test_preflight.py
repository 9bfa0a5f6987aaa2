"""Before the first round: what is missing is said, what was left open is settled, and a resumed run asks nothing again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from asking import QUICK, SCHEMA, SENTINEL, question

from gamesim.core.errors import LimitReached
from gamesim.core.model_errors import PreflightError
from gamesim.run.models.broker import Broker
from gamesim.run.models.opening import open_broker
from gamesim.run.models.preflight import Settled, preflight
from gamesim.scenario.resolve import load_scenario
from gamesim.scenario.scenario import Scenario
from gamesim.testing.fault_server import ServerProcess

TIMEOUTS = "{" + ", ".join(f"{key}: {value}" for key, value in QUICK.model_dump().items()) + "}"


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIG_KEY", SENTINEL)


def scenario(url: str, model: str = "id: some-model", limits: str = "{}") -> Scenario:
    return load_scenario(f"""
name: a
environment: {{kind: matrix}}
population: [{{agent: matrix.cooperator, count: 2}}]
limits: {limits}
models: {{big: {{backend: openai, {model}, base_url: "{url}", api_key_env: BIG_KEY, timeouts: {TIMEOUTS}}}}}
""")


def check(folder: Path, asked: Scenario, **more: Any) -> tuple[Settled, Broker]:
    import asyncio

    broker = open_broker(asked, folder, folder / "store", models=["big"])

    async def go() -> dict[str, Settled]:
        try:
            first = {"big": question("big/some-model", sample="0/a/0")} if more.pop("first", True) else None
            return await preflight(broker, first, **more)
        finally:
            await broker.aclose()

    return asyncio.run(go())["big"], broker


def test_a_good_server_is_asked_once_and_remembered(counted: ServerProcess, tmp_path: Path) -> None:
    asked = scenario(counted.url("F00,served=some-model-2026"))
    settled, broker = check(tmp_path, asked)
    assert settled.structured == "json_schema"
    assert settled.token_field == "max_tokens"
    assert (settled.served, settled.fingerprint, settled.listed) == ("some-model-2026", "fp_test", True)
    assert broker.budget.spent["calls"] == 1
    again, broker = check(tmp_path, asked)
    assert again == settled
    assert counted.attempts("F00,served=some-model-2026") == 1
    assert broker.desk("big").served == "some-model-2026"


def test_without_the_call_nothing_is_asked_but_the_list(counted: ServerProcess, tmp_path: Path) -> None:
    settled, _ = check(tmp_path, scenario(counted.url("F05")), call=False)
    assert settled.outcome == ""
    assert counted.attempts("F05") == 0


@pytest.mark.parametrize(
    "what, field, value",
    [
        ("maxLength", "dropped", ("maxLength",)),
        ("max_tokens", "token_field", "max_completion_tokens"),
        ("response_format", "structured", "text"),
    ],
)
def test_what_a_host_rejects_is_settled(
    counted: ServerProcess, tmp_path: Path, what: str, field: str, value: Any
) -> None:
    path = f"refuses_schema,what={what}"
    settled, broker = check(tmp_path, scenario(counted.url(path)))
    assert getattr(settled, field) == value
    assert counted.attempts(path) == 2
    desk = broker.desk("big")
    assert desk.structured == settled.structured
    assert desk.model.token_field == settled.token_field  # type: ignore[union-attr]
    again, broker = check(tmp_path, scenario(counted.url(path)))
    assert again == settled
    assert counted.attempts(path) == 2
    assert broker.desk("big").model.dropped == frozenset(settled.dropped)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "path, said", [("F07", "key was not accepted"), ("F09", "not the JSON"), ("F08", "longer than")]
)
def test_failures_end_before_the_first_round(counted: ServerProcess, tmp_path: Path, path: str, said: str) -> None:
    with pytest.raises(PreflightError, match=said) as caught:
        check(tmp_path, scenario(counted.url(path)))
    assert caught.value.exit_code == 2
    assert SENTINEL not in str(caught.value)
    if path != "F09":
        assert counted.attempts(path) == 1


def test_a_form_that_was_asked_for_by_name_is_not_given_up(counted: ServerProcess, tmp_path: Path) -> None:
    path = "refuses_schema,what=response_format"
    with pytest.raises(PreflightError):
        check(tmp_path, scenario(counted.url(path), "id: some-model, structured: json_schema"))


def test_a_slip_in_the_name_of_a_model_is_an_error_with_the_likeliest_meant(
    counted: ServerProcess, tmp_path: Path
) -> None:
    with pytest.raises(PreflightError, match="Did you mean 'some-model'"):
        check(tmp_path, scenario(counted.url("F00"), "id: sme-model"))
    assert counted.attempts("F00") == 0
    settled, _ = check(tmp_path, scenario(counted.url("F00"), "id: entirely/unlisted"), first=False)
    assert settled.listed is False


def test_no_quota_and_no_budget_stop_the_run_resumably(counted: ServerProcess, tmp_path: Path) -> None:
    with pytest.raises(LimitReached):
        check(tmp_path, scenario(counted.url("F03")))
    (other := tmp_path / "other").mkdir()
    with pytest.raises(LimitReached):
        check(other, scenario(counted.url("F00"), limits="{calls: 0}"))
    assert counted.attempts("F00") == 0


def test_the_schema_of_a_question_reaches_the_server(counted: ServerProcess, tmp_path: Path) -> None:
    check(tmp_path, scenario(counted.url("F00")))
    from gamesim.run.models.calls import CallJournal

    row = next(iter(CallJournal(tmp_path / "calls.sqlite", readonly=True).rows()))
    assert row["request"]["schema"] == SCHEMA
    assert row["unit"] == "preflight"
