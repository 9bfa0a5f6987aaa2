"""From ``models:`` and ``limits:`` to a Broker."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from gamesim.core.errors import ScenarioError, UnknownKindError
from gamesim.core.model_config import spelled_out
from gamesim.core.model_errors import MissingKeyError, UnknownPriceError
from gamesim.run.models.opening import open_broker
from gamesim.run.models.prices import SHIPPED, find_price, known_prices, read_prices
from gamesim.run.units import kind_versions, run_identity
from gamesim.scenario.identity import identity
from gamesim.scenario.resolve import load_scenario, resolve_data
from gamesim.scenario.scenario import Scenario

TODAY = date(2026, 11, 22)
PRICED = 'prices: {input: 1, output: 2, checked: "2026-11-01"}'


def scenario(models: str, limits: str = "{}") -> Scenario:
    return load_scenario(f"""
name: a
environment: {{kind: matrix}}
population: [{{agent: matrix.cooperator, count: 2}}]
limits: {limits}
models: {models}
""")


def opened(folder: Path, models: str, bounds: str = "{}", **more: object):  # type: ignore[no-untyped-def]
    made = scenario(models, bounds)
    broker = open_broker(made, folder, folder, models=list(made.models), today=TODAY, **more)  # type: ignore[arg-type]
    broker.close()
    return broker


@pytest.fixture(autouse=True)
def no_user_table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("GAMESIM_PRICES", raising=False)


LOCAL = "backend: openai, base_url: 'http://127.0.0.1:9/v1'"


def test_limits_become_a_budget_in_integers(tmp_path: Path) -> None:
    broker = opened(tmp_path, f"{{a: {{{LOCAL}, id: m, {PRICED}}}}}", "{cost: 5.1 USD, calls: 20, tokens: 3000}")
    assert broker.budget.limits == {"money": 5_100_000_000, "tokens": 3000, "calls": 20}
    broker = opened(tmp_path, f"{{a: {{{LOCAL}, id: m, {PRICED}}}}}", "{cost: 5 USD}", limits={"cost": 10})
    assert broker.budget.limits["money"] == 10_000_000_000


def test_aliases_on_one_server_share_one_limit(tmp_path: Path) -> None:
    cap = "concurrency: {cap: 4}"
    broker = opened(tmp_path, f"{{a: {{{LOCAL}, id: m, {cap}}}, b: {{{LOCAL}, id: n, {cap}}}}}")
    assert broker.desk("a").limiter is broker.desk("b").limiter
    assert broker.desk("a").breaker is not broker.desk("b").breaker
    assert broker.desk("a").limiter.cap == 4
    other = opened(
        tmp_path, f"{{a: {{{LOCAL}, id: m}}, b: {{backend: openai, id: n, base_url: 'http://127.0.0.1:8/v1'}}}}"
    )
    assert other.desk("a").limiter is not other.desk("b").limiter
    with pytest.raises(ScenarioError, match=r"models\.b\.concurrency: 'a' and 'b' are on one server"):
        opened(tmp_path, f"{{a: {{{LOCAL}, id: m, {cap}}}, b: {{{LOCAL}, id: n}}}}")


def test_a_money_limit_needs_a_price_and_without_one_the_cost_is_unknown(tmp_path: Path) -> None:
    with pytest.raises(UnknownPriceError, match=r"price of 'a/m' is not known") as caught:
        opened(tmp_path, f"{{a: {{{LOCAL}, id: m}}}}", "{cost: 5 USD}")
    assert caught.value.exit_code == 2
    assert opened(tmp_path, f"{{a: {{{LOCAL}, id: m}}}}").desk("a").price is None
    eur = "prices: {input: 1, output: 2, currency: EUR, checked: '2026-11-01'}"
    with pytest.raises(UnknownPriceError, match="in EUR"):
        opened(tmp_path, f"{{a: {{{LOCAL}, id: m, {eur}}}}}", "{cost: 5 USD}")


@pytest.mark.parametrize("checked, days", [("2026-08-23", 91), ("2026-08-24", None)])
def test_old_prices_are_called_old(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, checked: str, days: int | None
) -> None:
    opened(tmp_path, f"{{a: {{{LOCAL}, id: m, prices: {{input: 1, output: 2, checked: '{checked}'}}}}}}")
    assert (f"{days} days ago" in caplog.text) is (days is not None)


def test_the_users_table_comes_before_the_shipped_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_prices(SHIPPED) == ()  # nothing is shipped that nobody vouches for
    table = tmp_path / "prices.yaml"
    table.write_text(
        "entries:\n- {match: 'some-*', input: 0.25, output: 2, checked: '2026-11-01', source: here}\n"
        "- {match: '*', endpoint: big, input: 9, output: 9, checked: '2026-11-01'}\n"
    )
    monkeypatch.setenv("GAMESIM_PRICES", str(table))
    prices = known_prices()
    assert find_price(prices, "a", "some-model").input == 0.25  # type: ignore[union-attr]
    assert find_price(prices, "big", "other").input == 9  # type: ignore[union-attr]
    assert find_price(prices, "a", "other") is None
    table.write_text("entries:\n- {match: 'some-*', input: 0.25, outputs: 2}\n")
    with pytest.raises(ScenarioError, match=r"prices\.yaml:2:\d+: entries\.0"):
        known_prices()
    monkeypatch.setenv("GAMESIM_PRICES", str(tmp_path / "absent.yaml"))
    with pytest.raises(ScenarioError, match="names no file"):
        known_prices()


def test_a_missing_key_is_said_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BIG_KEY", raising=False)
    with pytest.raises(MissingKeyError, match="BIG_KEY"):
        opened(tmp_path, f"{{a: {{{LOCAL}, id: m, api_key_env: BIG_KEY}}}}")
    assert not list(tmp_path.glob("*.sqlite"))
    made = scenario(f"{{a: {{{LOCAL}, id: m, api_key_env: BIG_KEY}}}}")
    (tmp_path / "empty").mkdir()
    replay = open_broker(made, tmp_path / "empty", tmp_path, models=["a"], offline=True)  # a replay needs no key
    assert replay.desk("a").model is None
    replay.close()


def test_short_forms_stand_for_configurations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-only-for-openai-itself")
    made = scenario("{}")
    broker = open_broker(made, tmp_path, tmp_path, models=["openai/some-model"])
    assert broker.desk("openai/some-model").name == "openai/some-model"
    broker.close()
    with pytest.raises(UnknownKindError, match=r"no model 'opanai'\. Did you mean 'openai'"):
        open_broker(made, tmp_path, tmp_path, models=["opanai/x"])
    assert spelled_out("mock:commons.greedy") == {"backend": "rule", "id": "commons.greedy"}


def test_the_key_of_one_service_is_not_shown_to_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-only-for-openai-itself")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-secret")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Authorization: Bearer sk-custom")
    model = scenario(f"{{a: {{{LOCAL}, id: m}}}}").models["a"].build("a")
    client = model._opened()  # type: ignore[attr-defined]
    assert "sk-only" not in str(client.auth_headers)
    assert not {"org-secret", "Bearer sk-custom"} & {str(value) for value in client.default_headers.values()}


def test_what_does_not_determine_answers_does_not_make_another_run() -> None:
    def made(more: str, model: str = "m") -> Scenario:
        return scenario(f"{{a: {{{LOCAL}, id: {model}{more}}}}}")

    def name(of: Scenario) -> str:
        return run_identity(of, kind_versions(of))

    base = name(made(""))
    for more in (", concurrency: {cap: 2}", ", timeouts: {deadline: 9}", ", " + PRICED, ", api_key_env: OTHER_KEY"):
        assert name(made(more)) == base, more
    assert name(made(", params: {temperature: 0.5}")) != base
    assert name(made("", "other")) != base
    unused = made("")
    assert "models" not in identity(unused)  # nobody asks it
    assert resolve_data(unused.data) == unused


def test_openai_is_not_imported_by_help_list_schema_or_check(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(
        "environment: {kind: matrix}\npopulation: [{agent: matrix.cooperator, count: 2}]\n"
        f"models: {{a: {{{LOCAL}, id: m}}}}\n"
    )
    code = (
        "import sys\nfrom gamesim.scenario.resolve import load_scenario\nfrom gamesim.scenario.json_schema import scenario_schema\n"
        f"load_scenario(__import__('pathlib').Path({str(file)!r})); schema = scenario_schema()\n"
        "assert 'base_url' in str(schema['properties']['models'])\n"
        "print([name for name in ('openai', 'httpx2', 'xllamacpp', 'jinja2', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr
