"""Language players in an episode, with a real Broker and journal, without a network."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gamesim_agents.llm.backends.scripted import ScriptedModel

from gamesim.core.language import LanguageKeys
from gamesim.core.model import Message, Params
from gamesim.core.model_config import spelled_out
from gamesim.core.policy import AgentSpec
from gamesim.core.registry import build, entry
from gamesim.core.seeds import Seeds
from gamesim.run.episode import Episode, Step
from gamesim.run.models.broker import Broker
from gamesim.run.models.calls import CallJournal
from gamesim.run.models.desk import Desk
from gamesim.run.seating import seated
from gamesim.run.speaking import attached, listening, on_invalid


@dataclass
class Notes:
    """A UnitWriter that keeps what it is given."""

    events: list[dict[str, Any]] = field(default_factory=list)

    def event(self, type: str, **data: Any) -> None:
        self.events.append({"type": type, **data})

    def commit(self, *, state: str, rng: str) -> None:
        self.events.append({"type": "commit", "state": state, "rng": rng})

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == kind]


@dataclass
class Played:
    episode: Episode
    steps: list[Step]
    outcome: Mapping[str, Any]
    calls: list[Mapping[str, Any]]
    journal: Notes
    requests: list[Any]

    @property
    def table(self) -> dict[str, Any]:
        assert self.episode.log is not None
        return self.episode.log.columns()

    def decisions(self, phase: str) -> list[Any]:
        return [d for step in self.steps if step.phase == phase for d in step.decisions.values()]


class Heard:
    """A model, and everything it is asked as it is asked."""

    def __init__(self, model: Any, requests: list[Any]) -> None:
        self.name, self.capabilities = model.name, model.capabilities
        self._model, self._requests = model, requests

    async def complete(self, request: Any) -> Any:
        self._requests.append(request)
        return await self._model.complete(request)


def desk_of(alias: str, spec: Any, params: Params | None = None) -> Desk:
    """A desk for a short form, a script or a model."""
    if isinstance(spec, str):
        data = spelled_out(spec)
        config = entry("models", data["backend"])(**data)
        desk = Desk.of(config.build(data["backend"]))
        desk.config = config
    else:
        desk = Desk.of(spec if hasattr(spec, "complete") else ScriptedModel(f"{alias}/x", spec))
    if params is not None:
        desk.params = params
    return desk


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., Played]:
    """``play(environment, models, language={}, ...)``: one episode; ``models`` are short forms, scripts, functions or models,
    one for all or one a seat; a string that begins with ``agent:`` seats a rule agent itself."""

    def play(
        environment: Mapping[str, Any],
        models: Any,
        language: Mapping[str, Any] | None = None,
        *,
        seed: int = 3,
        params: Params | None = None,
        agent: Mapping[str, Any] | None = None,
        journal: str = "calls.sqlite",
        structured: str | None = None,
        max_steps: int | None = None,
    ) -> Played:
        config = build("environments", environment)
        names = config.seats()
        each = list(models) if isinstance(models, Sequence) and not isinstance(models, str) else [models]
        desks, specs, requests = {}, [], []
        for place in range(len(names)):
            spec = each[place % len(each)]
            if isinstance(spec, str) and spec.startswith("agent:"):
                specs.append(AgentSpec(spec.removeprefix("agent:")))
                continue
            alias = f"model{each.index(spec)}"
            if alias not in desks:
                desks[alias] = desk_of(alias, spec, params)
                desks[alias].model = Heard(desks[alias].model, requests)
                if structured:
                    desks[alias].structured = structured  # type: ignore[assignment]
            specs.append(AgentSpec("llm", {"model": alias, **(agent or {})}))
        broker = Broker(desks, CallJournal(tmp_path / journal))
        keys = LanguageKeys(**dict(language or {}))
        notes = Notes()
        try:
            groups = [attached(group, broker, keys) for group in seated(config, specs)]
            episode = Episode(
                listening(config.build(), keys), groups, Seeds(seed), on_invalid=on_invalid(config, keys), unit="unit",
                journal=notes, steps=True,
            )  # fmt: skip

            async def steps() -> list[Step]:
                found: list[Step] = []
                while (max_steps is None or len(found) < max_steps) and (step := await episode.advance()) is not None:
                    found.append(step)
                return found

            found = asyncio.run(steps())
            calls = list(broker.journal.rows())
        finally:
            broker.close()
        return Played(episode, found, episode.outcome(), calls, notes, requests)

    return play


@pytest.fixture
def same_table() -> Callable[[Played, Played], None]:
    def same(one: Played, other: Played) -> None:
        a, b = one.table, other.table
        assert list(a) == list(b)
        for key in a:
            assert np.array_equal(a[key], b[key], equal_nan=a[key].dtype.kind == "f"), key
        assert one.outcome == other.outcome

    return same


@pytest.fixture
def answer() -> Callable[..., Callable[[Any], Mapping[str, Any]]]:
    """A script that answers every question of every game: ``answer(effort=0.3)``; a function is given the request."""

    def answer(**said: Any) -> Callable[[Any], Mapping[str, Any]]:
        usual = {
            "effort": 0.3, "request": 5, "target": None, "cap": 4.0, "personal": "", "community": "", "choice": 1, "reason": None,
            "action": "C", "act": "pass", "to": "all", "next": None, "say": "", "note": "Nothing much.", "fines": None,
        }  # fmt: skip

        def script(request: Any) -> Mapping[str, Any]:
            found = {**usual, **said}
            return {
                key: found[key](request) if callable(found[key]) else found[key] for key in request.schema["properties"]
            }

        return script

    return answer


@pytest.fixture
def text_of() -> Callable[[Any], str]:
    """All messages of a request."""

    def text(request: Any) -> str:
        messages = request.messages if hasattr(request, "messages") else request["messages"]
        return "\n".join(m.content if isinstance(m, Message) else m["content"] for m in messages)

    return text
