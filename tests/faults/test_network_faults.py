"""The fault table: every path of the fault server, through the real client over real sockets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gamesim_agents.llm.backends.openai_compatible import OpenAICompatible
from pydantic import SecretStr

from gamesim.core.errors import LimitReached
from gamesim.core.model import Message, ModelRequest, Params
from gamesim.core.model_config import Clocks
from gamesim.core.model_errors import AuthenticationFailed, BadRequest, QuotaExhausted
from gamesim.core.policy import Coordinates
from gamesim.run.models.broker import Broker, Parked
from gamesim.run.models.calls import Answer, CallJournal
from gamesim.run.models.desk import Desk
from gamesim.testing.fault_server import ServerProcess

KEY = "sk-sentinel-Zq94711abcdefXYZ"
CLOCKS = Clocks(attempt=0.8, deadline=2.4, park_after=1.0, retries=5, backoff=0.01)
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["effort"],
    "properties": {"effort": {"type": "number", "minimum": 0, "maximum": 8}},
}


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with ServerProcess() as running:
        yield running


class Asked:
    """What became of one call to a path."""

    def __init__(self, server: ServerProcess, folder: Path, path: str, clocks: Clocks = CLOCKS, calls: int = 1) -> None:
        server.reset()
        self.events: list[Any] = []
        self.answers: list[Any] = []
        desk = Desk.of(OpenAICompatible("big/m", "m", server.url(path), SecretStr(KEY)), clocks=clocks)
        self.broker = Broker({"big": desk}, CallJournal(folder / "calls.sqlite"), on_event=self.events.append)
        self.limiter = desk.limiter
        begin = time.monotonic()
        asyncio.run(self._ask(calls))
        self.seconds = time.monotonic() - begin
        self.said = server.said()
        self.attempts = sum(self.said["hits"].get(path, {}).values())
        self.requests = len(self.said["hits"].get(path, {}))

    async def _ask(self, calls: int) -> None:
        def request(number: int) -> ModelRequest:
            return ModelRequest(
                "big/m", (Message("user", "How much?"),), Params(max_tokens=40), SCHEMA, sample=f"0/{number}"
            )

        asking = (self.broker.ask(request(n), Coordinates("u", 0, "harvest", str(n))) for n in range(calls))
        try:
            self.answers = await asyncio.gather(*asking, return_exceptions=True)
        finally:
            await self.broker.aclose()

    @property
    def answer(self) -> Answer:
        assert isinstance(self.answers[0], Answer), self.answers[0]
        return self.answers[0]

    @property
    def error(self) -> BaseException:
        assert isinstance(self.answers[0], BaseException)
        return self.answers[0]


@pytest.mark.parametrize(
    "path, attempts",
    [("F00", 1), ("F01", 3), ("F04", 3), ("F16", 1), ("F24,retry_after=0.6", 2), ("F00,slicer=7,slicer_delay=0.001", 1)]
    + [("F00,latency=0.1,jitter=0.05", 1), ("F00,bandwidth=20000", 1), ("F00,slow_close=0.2", 1), ("F19,first=2", 3)],
)
def test_what_ends_well_does_so_with_the_stated_attempts(
    server: ServerProcess, tmp_path: Path, path: str, attempts: int
) -> None:
    clocks = CLOCKS if path != "F01" else CLOCKS.model_copy(update={"park_after": 3.0})
    asked = Asked(server, tmp_path, path, clocks)
    assert asked.answer.reply is not None
    assert asked.answer.reply.text.startswith('{"effort"')
    assert (asked.answer.attempts, asked.attempts, asked.requests) == (attempts, attempts, 1)  # one Idempotency-Key
    assert asked.answer.cost.estimated is (path == "F16")
    if path == "F01":
        assert asked.limiter.width < 32


@pytest.mark.parametrize(
    "path, reason, attempts",
    [
        ("F02", "rate_limited", 6),
        ("F09", "bad_body", 6),
        ("F10", "bad_body", 6),
        ("F11", "bad_body", 6),
        ("F17", "server", 6),
        ("F18", "connection", 6),
        ("F19", "connection", 6),
        ("F00,limit_data=150", "connection", 6),
        ("F08", "context_length", 1),
        ("F22", "redirect", 1),
        ("F23", "too_large", 1),
        ("F23,chunked=1", "too_large", 1),
        ("F26", "encoding", 1),
        ("F27malformed", "rate_limited", 6),
        ("F27negative", "rate_limited", 6),
        ("F27past", "rate_limited", 6),
    ],
)
def test_what_fails_is_a_transport_failure_and_no_answer(
    server: ServerProcess, tmp_path: Path, path: str, reason: str, attempts: int
) -> None:
    asked = Asked(server, tmp_path, path)
    assert asked.answer.reply is None
    assert asked.answer.failure is not None
    assert (asked.answer.failure.outcome, asked.answer.failure.reason) == ("transport", reason)
    assert asked.answer.attempts == asked.attempts == attempts
    assert asked.requests == 1  # every attempt carried the same Idempotency-Key
    assert asked.seconds <= CLOCKS.deadline + 1
    assert asked.said["elsewhere"] == 0
    assert KEY not in asked.answer.failure.message


@pytest.mark.parametrize("path", ["F20", "F21"])
def test_slow_ones_time_out_within_the_deadline(server: ServerProcess, tmp_path: Path, path: str) -> None:
    asked = Asked(server, tmp_path, path)
    assert asked.answer.failure is not None
    assert asked.answer.failure.outcome == "timeout"
    assert 2 <= asked.attempts <= 4
    assert CLOCKS.deadline - 0.5 <= asked.seconds <= CLOCKS.deadline + 1
    assert asked.answer.cost.possibly_billed_tokens > 0


@pytest.mark.parametrize(
    "path, field, value",
    [("F12", "text", None), ("F13", "refusal", "I cannot take part in this."), ("F14", "finish_reason", "length")]
    + [("F15", "finish_reason", "content_filter")],
)
def test_well_formed_answers_without_an_action_come_through_as_they_are(
    server: ServerProcess, tmp_path: Path, path: str, field: str, value: Any
) -> None:
    asked = Asked(server, tmp_path, path)
    assert getattr(asked.answer.reply, field) == value
    assert asked.attempts == 1


@pytest.mark.parametrize("path", ["F05", "F06"])
def test_an_overloaded_server_opens_the_breaker_and_parks_the_unit(
    server: ServerProcess, tmp_path: Path, path: str
) -> None:
    asked = Asked(server, tmp_path, path)
    assert isinstance(asked.error, Parked)
    assert asked.attempts == 5
    assert asked.seconds <= CLOCKS.deadline + 1
    assert {"event": "model_down", "model": "big/m"} in asked.events


def test_no_quota_is_fatal_after_one_attempt_and_resumable(server: ServerProcess, tmp_path: Path) -> None:
    asked = Asked(server, tmp_path, "F03")
    assert isinstance(asked.error, QuotaExhausted)
    assert isinstance(asked.error, LimitReached)
    assert asked.error.exit_code == 5
    assert asked.attempts == 1
    assert "big/m" in str(asked.error)
    assert "gamesim resume" in str(asked.error)


def test_a_refused_key_is_fatal_after_one_attempt_and_not_shown(server: ServerProcess, tmp_path: Path) -> None:
    asked = Asked(server, tmp_path, "F07")
    assert isinstance(asked.error, AuthenticationFailed)
    assert asked.attempts == 1
    assert KEY not in str(asked.error)
    assert KEY[:8] not in str(asked.error)


def test_waits_are_told_at_once_and_long_ones_park(server: ServerProcess, tmp_path: Path) -> None:
    asked = Asked(server, tmp_path, "F24,retry_after=0.8")
    assert [event["event"] for event in asked.events] == ["waiting"]
    assert asked.events[0]["seconds"] == 0.8
    for path in ("F24", "F25", "F27forever"):
        (folder := tmp_path / path).mkdir()
        asked = Asked(server, folder, path)
        assert isinstance(asked.error, Parked), path
        assert asked.attempts == 1
        assert asked.seconds < 1
        assert "gamesim resume" in str(asked.error)


def test_a_dangling_reference_in_a_schema_is_a_bad_request(server: ServerProcess, tmp_path: Path) -> None:
    model = OpenAICompatible("big/m", "m", server.url("strict_schema"), SecretStr(KEY))

    async def ask() -> None:
        try:
            schema = {"type": "object", "properties": {"act": {"$ref": "#/$defs/missing"}}}
            await model.complete(ModelRequest("big/m", (Message("user", "?"),), Params(max_tokens=9), schema))
        finally:
            await model.aclose()

    with pytest.raises(BadRequest, match=r"Unresolved \$ref"):
        asyncio.run(ask())


def test_one_agent_that_always_fails_leaves_the_others_alone(server: ServerProcess, tmp_path: Path) -> None:
    server.reset()
    desk = Desk.of(OpenAICompatible("big/m", "m", server.url("F10,only=Dora"), SecretStr(KEY)), clocks=CLOCKS)
    broker = Broker({"big": desk}, CallJournal(tmp_path / "calls.sqlite"))

    async def society() -> list[Answer]:
        try:
            found = []
            for step in range(3):
                found += await asyncio.gather(
                    *(
                        broker.ask(
                            ModelRequest(
                                "big/m", (Message("user", f"{name}, round {step}?"),), Params(max_tokens=40), SCHEMA
                            ),
                            Coordinates("u", step, "harvest", name),
                        )
                        for name in ("Ann", "Ben", "Cem", "Dora")
                    )
                )
            return found
        finally:
            await broker.aclose()

    answers = asyncio.run(society())
    assert [answer.reply is None for answer in answers] == [False, False, False, True] * 3


def test_a_server_that_restarts_in_mid_round_costs_attempts_and_no_answer(
    server: ServerProcess, tmp_path: Path
) -> None:
    server.reset()
    clocks = Clocks(attempt=2, deadline=8, backoff=0.1, probe_every=0.4)
    desk = Desk.of(OpenAICompatible("big/m", "m", server.url("F00,latency=0.3"), SecretStr(KEY)), clocks=clocks)
    broker = Broker({"big": desk}, CallJournal(tmp_path / "calls.sqlite"))

    async def round_() -> list[Answer]:
        try:
            asking = [
                asyncio.ensure_future(
                    broker.ask(
                        ModelRequest("big/m", (Message("user", f"{n}?"),), Params(max_tokens=40), SCHEMA),
                        Coordinates("u", 0, "harvest", str(n)),
                    )
                )
                for n in range(4)
            ]
            await asyncio.sleep(0.15)
            await asyncio.to_thread(server.restart, 0.3)
            return list(await asyncio.gather(*asking))
        finally:
            await broker.aclose()

    answers = asyncio.run(round_())
    assert all(answer.reply is not None for answer in answers)
    assert sum(answer.attempts for answer in answers) > 4
