"""Good HTTP with a bad answer inside: every content fault arrives as it was said, and is read as what it is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from gamesim_agents.llm.backends.openai_compatible import OpenAICompatible
from gamesim_agents.llm.structured import read_answer

from gamesim.core.model import Message, ModelReply, ModelRequest, Params
from gamesim.run.models.calls import Answer
from gamesim.testing.bad_answers import CANARY, CONTENT_FAULTS, legal_value, spoiled
from gamesim.testing.fault_server import ServerProcess

SCHEMAS: dict[str, dict[str, Any]] = {
    "label": {
        "type": "object",
        "additionalProperties": False,
        "required": ["action", "reason"],
        "properties": {
            "action": {"type": "string", "enum": ["cooperate", "defect"]},
            "reason": {"type": "string", "maxLength": 80},
        },
    },
    "number": {
        "type": "object",
        "additionalProperties": False,
        "required": ["effort", "reason"],
        "properties": {
            "effort": {"type": "number", "minimum": 0, "maximum": 8},
            "reason": {"type": "string", "maxLength": 80},
        },
    },
}
# What only the state of the game can judge is legal by its schema.
BY_STATE = {"illegal_here", "injected"}


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with ServerProcess() as running:
        yield running


def asked(server: ServerProcess, fault: str, schema: dict[str, Any]) -> ModelReply:
    async def ask() -> ModelReply:
        model = OpenAICompatible("big/m", "m", server.url(f"content-{fault}"))
        try:
            return await model.complete(ModelRequest("big/m", (Message("user", "?"),), Params(max_tokens=80), schema))
        finally:
            await model.aclose()

    return asyncio.run(ask())


def test_there_are_twenty_one() -> None:
    assert len(CONTENT_FAULTS) == 21
    counts = {outcome: list(CONTENT_FAULTS.values()).count(outcome) for outcome in set(CONTENT_FAULTS.values())}
    assert counts == {"malformed": 12, "illegal": 5, "empty": 1, "injected": 1, "ok": 2}


@pytest.mark.parametrize("kind", SCHEMAS)
@pytest.mark.parametrize("fault, outcome", CONTENT_FAULTS.items())
def test_each_is_read_as_what_it_is(server: ServerProcess, fault: str, outcome: str, kind: str) -> None:
    schema = SCHEMAS[kind]
    reply = asked(server, fault, schema)
    assert reply.text == spoiled(fault, schema)
    reading = read_answer(Answer("k", reply, None, "network"), schema)
    assert reading.outcome == ("ok" if fault in BY_STATE else outcome), reading
    assert (reading.fields is not None) is (reading.outcome == "ok")
    assert reading.fenced is (fault == "fenced")
    if fault == "injected":
        assert CANARY in json.dumps(dict(reading.fields or {}))


@pytest.mark.parametrize("draw", range(7))
@pytest.mark.parametrize("kind", SCHEMAS)
def test_good_answers_are_legal_by_their_schema(kind: str, draw: int) -> None:
    jsonschema.validate(legal_value(SCHEMAS[kind], draw), SCHEMAS[kind])
