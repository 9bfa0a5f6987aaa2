"""The sentinel key: in no file, log, exception or answer, in none of its forms."""

from __future__ import annotations

import asyncio
import base64
import io
import logging
import re
import traceback
import urllib.parse
from pathlib import Path

import pytest
from asking import SENTINEL, at, broker_in, http_desk, played, question

from gamesim.core.errors import GamesimError, OverrideError, ScenarioError
from gamesim.core.model_errors import MissingKeyError
from gamesim.run.models.broker import Broker
from gamesim.run.models.keys import read_key
from gamesim.run.models.redact import Redactor, protect, redacted
from gamesim.scenario.resolve import load_scenario
from gamesim.testing.fault_server import ServerProcess


def forms(key: str = SENTINEL) -> list[str]:
    raw = key.encode()
    found = [key, key[:8], repr(key)[1:-1], urllib.parse.quote(key, safe=""), urllib.parse.quote_plus(key)]
    found += [base64.b64encode(text).decode() for text in (raw, b"Bearer " + raw, b"user:" + raw, b"xy" + raw)]
    return found + [base64.urlsafe_b64encode(raw).decode().rstrip("="), raw.hex()]


@pytest.mark.parametrize("form", forms())
def test_every_form_is_taken_out_wherever_it_stands(form: str) -> None:
    said = Redactor([SENTINEL])(f"before {form} after")
    assert form not in said
    assert "before " in said
    assert " after" in said
    leaked = base64.b64encode(SENTINEL.encode()).decode()[4:-4]
    assert leaked not in said


def test_other_text_is_left_alone_and_placeholders_are_no_secrets() -> None:
    assert Redactor([SENTINEL])("The stock is 41.3 tons.") == "The stock is 41.3 tons."
    assert Redactor(["EMPTY", ""])("EMPTY nets, and nothing") == "EMPTY nets, and nothing"


@pytest.mark.parametrize(
    "path", ["F07", "F00", "F09", "echo", "echo,form=base64", "echo,form=first8", "refuses_schema,what=How"]
)
def test_no_file_log_or_exception_of_a_run_says_the_key(
    counted: ServerProcess, tmp_path: Path, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BIG_KEY", SENTINEL)
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(logging.DEBUG)
    seen = []
    try:
        key = read_key("BIG_KEY").get_secret_value()
        broker = broker_in(tmp_path, http_desk(counted.url(path), key=key), cache="read_write", on_event=seen.append)

        async def ask(b: Broker) -> None:
            try:
                answer = await b.ask(question("big/m", f"How much? My key is {SENTINEL}."), at())
                assert SENTINEL not in repr(answer)
                seen.append(answer)
            except GamesimError as error:
                seen.append(str(error))
                seen.append("".join(traceback.format_exception(error)))

        played(broker, ask)
        try:
            raise RuntimeError(f"a stranger's error with {SENTINEL}")
        except RuntimeError:
            logging.getLogger("stranger").exception("failed with %s", SENTINEL)
    finally:
        logging.getLogger().removeHandler(handler)
        logging.getLogger().setLevel(logging.WARNING)
    texts = {str(file): file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    texts["log"] = stream.getvalue().encode()
    texts["seen"] = repr(seen).encode()
    assert len(texts) >= 3
    assert b"failed with [redacted]" in texts["log"]
    for form in forms():
        for place, text in texts.items():
            assert form.encode() not in text, (place, form)


def test_a_wrong_format_string_does_not_bring_the_arguments_to_light() -> None:
    protect(SENTINEL)
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logger = logging.getLogger("wrong")
    logger.addHandler(handler)
    logger.warning("%d keys", SENTINEL)
    logger.removeHandler(handler)
    assert SENTINEL not in stream.getvalue()
    assert redacted(SENTINEL) == "[redacted]"


def test_a_missing_or_impossible_key_names_the_variable_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BIG_KEY", raising=False)
    with pytest.raises(MissingKeyError, match="BIG_KEY is not set") as caught:
        read_key("BIG_KEY")
    assert caught.value.exit_code == 2
    monkeypatch.setenv("BIG_KEY", "sk-with a space and ünicode")
    with pytest.raises(MissingKeyError) as caught:
        read_key("BIG_KEY")
    assert "sk-with" not in str(caught.value)


SCENARIO = """
name: a
environment: {kind: matrix}
population: [{agent: matrix.cooperator, count: 2}]
models: {big: {backend: openai, id: some-model%s}}
"""


@pytest.mark.parametrize(
    "literal",
    [
        ", api_key: sk-abcdefghijklmnopqrst",
        ", api_key: hunter2",
        ", api_key_env: sk-abcdefghijklmnopqrst",
        ", api_key_env: 0123456789abcdef0123456789abcdef",
        ", params: {extra: {token: QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=}}",
        ", params: {extra: {headers: {Authorization: Bearer abc}}}",
        ", id: sk-abcdefghijklmnopqrst",
        ", base_url: 'https://user:hunter2@host/v1'",
        ", base_url: 'https://host/v1?key=hunter2'",
    ],
)
def test_a_literal_key_in_a_file_is_refused_and_not_quoted(literal: str) -> None:
    if literal.startswith(", id"):
        text = SCENARIO.replace("id: some-model%s", literal[2:])
    else:
        text = SCENARIO % literal
    with pytest.raises(ScenarioError) as caught:
        load_scenario(text)
    said = str(caught.value)
    assert caught.value.exit_code == 2
    assert "<text>:5: models.big." in said  # no column: a terminal would show the line
    for secret in ("sk-abc", "hunter2", "0123456789", "QUJD", "Bearer abc"):
        assert secret not in said


def test_a_literal_key_on_the_command_line_is_refused_and_not_quoted() -> None:
    for override in (
        "models.big.api_key=hunter2",
        "models.big.id=sk-abcdefghijklmnopqrst",
        "population.9.api_key=hunter2",
    ):
        with pytest.raises(OverrideError) as caught:
            load_scenario(SCENARIO % "", overrides=[override])
        assert "hunter2" not in str(caught.value)
        assert "sk-abc" not in str(caught.value)


def test_nothing_that_stole_keys_or_runs_pickles_is_needed() -> None:
    """Neither here nor in any extra; and requests of the tests reach real sockets, which respx would not see."""
    from importlib.metadata import requires

    needed = {re.split(r"[^\w.-]", line)[0].lower() for line in requires("gamesim") or ()}
    assert "openai" in needed
    assert not needed & {"litellm", "diskcache", "respx"}


def test_names_of_variables_are_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIG_KEY", SENTINEL)
    scenario = load_scenario(SCENARIO % ", api_key_env: BIG_KEY, base_url: 'https://host/v1'")
    model = scenario.models["big"].build("big")
    for text in (repr(scenario), repr(model), repr(vars(model)), str(scenario.data)):
        assert SENTINEL not in text
        assert "BIG_KEY" in repr(scenario)
    asyncio.run(model.aclose())  # type: ignore[attr-defined]
