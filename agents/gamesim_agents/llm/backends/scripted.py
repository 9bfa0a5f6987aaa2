"""Answers written beforehand, or by a function: for tests, teaching and arguments about prompts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from pydantic import Field

from gamesim.core import model_errors
from gamesim.core.errors import ModelError
from gamesim.core.model import Capabilities, ModelReply, ModelRequest, Usage
from gamesim.core.model_config import ModelConfig
from gamesim.core.model_errors import TransportError

Entry = Any  # text, an object to be written as JSON, a ModelReply, an exception, or {"raise": name}
Script = Sequence[Entry] | Mapping[str, Sequence[Entry]] | Callable[[ModelRequest], Entry]


class Scripted(ModelConfig):
    """Answers in a row, by phase, or both."""

    backend: Literal["scripted"] = "scripted"
    answers: list[Any] | dict[str, list[Any]] = Field(
        [], description="Texts or objects in order, or such a list for each phase; {raise: AttemptTimeout} fails."
    )
    by: Literal["all", "agent"] = Field("all", description="One script for all, or each agent goes through it alone.")
    cycle: bool = Field(False, description="Begin again at the end; otherwise running out is an error.")

    def build(self, alias: str) -> ScriptedModel:
        return ScriptedModel(self.name(alias), self.answers, by=self.by, cycle=self.cycle)


class ScriptedModel:
    """A model that says what is written.

    Parameters
    ----------
    script : a list, a list for each phase, or a function of the request.
    by : ``agent`` gives each agent the script from its beginning; where a run is resumed, only that finds its place again.
    """

    def __init__(
        self, name: str, script: Script, *, by: Literal["all", "agent"] = "all", cycle: bool = False, free: bool = True
    ) -> None:
        self.name = name
        self.capabilities = Capabilities(structured=("json_schema", "grammar", "text"), network=not free)
        self.requests: list[ModelRequest] = []
        self._script = script
        self._by = by
        self._cycle = cycle
        self._counts: dict[str, int] = {}

    async def complete(self, request: ModelRequest) -> ModelReply:
        self.requests.append(request)
        return self._reply(self._next(request), request)

    def _next(self, request: ModelRequest) -> Entry:
        if callable(self._script):
            return self._script(request)
        at = request.context.get("at")
        phase = at.phase if at is not None else ""
        if isinstance(self._script, Mapping):
            if phase not in self._script:
                raise ModelError(f"the script of {self.name} has no answers for phase '{phase}'.")
            answers = self._script[phase]
        else:
            answers, phase = self._script, ""
        if self._by == "agent" and not phase:
            place = int(request.context.get("number", 0))
        else:
            who = f"{phase}/{at.agent if at is not None and self._by == 'agent' else ''}"
            place = self._counts.get(who, 0)
            self._counts[who] = place + 1
        if place >= len(answers) and not (self._cycle and answers):
            raise ModelError(
                f"the script of {self.name} has run out after {len(answers)} answers.",
                hint="Write more, or cycle: true.",
            )
        return answers[place % len(answers)]

    @staticmethod
    def _reply(entry: Entry, request: ModelRequest) -> ModelReply:
        if isinstance(entry, ModelReply):
            return entry
        if isinstance(entry, Mapping) and set(entry) == {"raise"}:
            kind = getattr(model_errors, str(entry["raise"]), None)
            if not (isinstance(kind, type) and issubclass(kind, TransportError)):
                raise ModelError(f"'{entry['raise']}' is no transport error that a script can raise.")
            raise kind("as the script says.")
        if isinstance(entry, BaseException):
            raise entry
        text = entry if isinstance(entry, str) or entry is None else json.dumps(entry, ensure_ascii=False)
        size = sum(len(message.content.encode()) for message in request.messages)
        return ModelReply(text, usage=Usage(size // 4, len((text or "").encode()) // 4), served_model="scripted")
