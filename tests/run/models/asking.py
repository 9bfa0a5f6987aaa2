"""Brokers and models for these tests: the real client on a fault server, and a model that only takes its time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from gamesim_agents.llm.backends.openai_compatible import OpenAICompatible
from pydantic import SecretStr

from gamesim.core.model import Capabilities, Message, ModelReply, ModelRequest, Params, Usage
from gamesim.core.model_config import Clocks, Concurrency
from gamesim.core.policy import Coordinates
from gamesim.run.models.broker import Broker
from gamesim.run.models.budget import Budget
from gamesim.run.models.cache import ResponseCache
from gamesim.run.models.calls import CallJournal
from gamesim.run.models.desk import Desk

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["effort", "reason"],
    "properties": {
        "effort": {"type": "number", "minimum": 0, "maximum": 8},
        "reason": {"type": "string", "maxLength": 60},
    },
}
QUICK = Clocks(attempt=1.5, deadline=4.0, park_after=1.2, retries=5, backoff=0.01, probe_every=0.2, give_up_after=1.0)
SENTINEL = "sk-sentinel/Zq9+4711=abcdefXYZ"


def at(number: int = 0, *, unit: str = "u", agent: str = "a", **more: Any) -> Coordinates:
    return Coordinates(unit, number, "harvest", agent, **more)


def question(model: str, text: str = "How much?", sample: str = "0/a/0", **params: Any) -> ModelRequest:
    params.setdefault("max_tokens", 40)
    return ModelRequest(model, (Message("user", text),), Params(**params), SCHEMA, sample=sample)


def http_desk(url: str, alias: str = "big", key: str = SENTINEL, clocks: Clocks = QUICK, **more: Any) -> Desk:
    model = OpenAICompatible(f"{alias}/m", "m", url, SecretStr(key))
    return Desk.of(model, clocks=clocks, **more)


class Slow:
    """A model asked over no network at all, though it counts as one: answers after a fixed time."""

    def __init__(self, name: str = "slow/m", seconds: float = 0.0, usage: Usage | None = Usage(10, 5)) -> None:
        self.name, self.seconds, self.usage = name, seconds, usage
        self.capabilities = Capabilities()
        self.calls = self.now = self.most = 0
        self.asked: list[ModelRequest] = []

    async def complete(self, request: ModelRequest) -> ModelReply:
        self.calls += 1
        self.asked.append(request)
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.now -= 1
        return ModelReply('{"effort": 1}', usage=self.usage, served_model="m")


def slow_desk(model: Slow, cap: int = 32, **more: Any) -> Desk:
    return Desk.of(model, concurrency=Concurrency(cap=cap), **more)


def broker_in(folder: Path, *desks: Desk, cache: str = "off", budget: Budget | None = None, **more: Any) -> Broker:
    return Broker(
        {desk.name: desk for desk in desks},
        CallJournal(folder / "calls.sqlite"),
        ResponseCache(folder / "store" / "responses.sqlite", cache),  # type: ignore[arg-type]
        budget or Budget(),
        **more,
    )


def played(broker: Broker, play: Callable[[Broker], Awaitable[Any]]) -> Any:
    """Run a coroutine with the broker, and close it."""

    async def whole() -> Any:
        try:
            return await play(broker)
        finally:
            await broker.aclose()

    return asyncio.run(whole())
