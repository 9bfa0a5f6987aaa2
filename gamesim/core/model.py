"""What is said to a language model, and what comes back: one request, one attempt, one reply.

A ``Model`` makes single attempts and raises when one fails; waiting, retrying, budgets, caching and the journal belong to
the Broker (``gamesim.run.models``), reading an answer to the player.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, Protocol

from .canonical import canonical

Structured = Literal["json_schema", "grammar", "text"]

SHARED = "shared"  # the sample of requests whose equal prompts are one draw; sound at temperature 0 alone


@dataclass(frozen=True)
class Message:
    """One message. A lone surrogate, which no encoding can carry to a server, becomes U+FFFD."""

    role: Literal["system", "user", "assistant"]
    content: str

    def __post_init__(self) -> None:
        if not self.content.isascii() and any(0xD800 <= ord(character) <= 0xDFFF for character in self.content):
            whole = self.content.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            object.__setattr__(self, "content", whole)


@dataclass(frozen=True)
class Params:
    """Sampling parameters; what is None is left to the server. ``extra`` is passed on as it is."""

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return {
            "temperature": self.temperature,
            "top_p": self.top_p,
            "max_tokens": self.max_tokens,
            "seed": self.seed,
            "stop": list(self.stop),
            "extra": dict(self.extra),
        }


@dataclass(frozen=True)
class ModelRequest:
    """One question.

    Attributes
    ----------
    model : ``<endpoint alias>/<id>``.
    schema : JSON schema of the answer, or None for free text.
    sample : ``trial/agent/occurrence``, so that equal prompts of two agents are two draws; or ``SHARED``.
    context : observation, policy state and stream path; neither sent nor hashed, read by rule backends alone. The Broker
        adds ``call``, the identity of this call over all its attempts.
    """

    model: str
    messages: tuple[Message, ...]
    params: Params = field(default_factory=Params)
    schema: Mapping[str, Any] | None = None
    structured: Structured = "json_schema"
    sample: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def key(self) -> str:
        """sha256 of everything that determines the answer, and of nothing else (no keys, headers, timeouts, prices)."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @cached_property
    def text(self) -> str:
        """Canonical JSON of ``identity``, as journals keep it."""
        return canonical(self.identity()).decode()

    def identity(self) -> dict[str, Any]:
        return {
            "v": 1,
            "model": self.model,
            "params": self.params.as_dict(),
            "messages": [{"role": m.role, "content": m.content} for m in self.messages],
            "schema": self.schema,
            "structured": self.structured,
            "sample": self.sample,
        }


@dataclass(frozen=True)
class Usage:
    input: int
    output: int
    cached_input: int = 0
    reasoning: int = 0


@dataclass(frozen=True)
class ModelReply:
    """What one attempt brought.

    Attributes
    ----------
    text : None where the server sent no content.
    usage : None where the server did not say.
    served_model, fingerprint, request_id : what the server calls the model, its build, and this answer.
    extra : a rule backend hands back the rule's next state here; JSON.
    """

    text: str | None
    refusal: str | None = None
    finish_reason: str = "stop"
    usage: Usage | None = None
    served_model: str = ""
    fingerprint: str | None = None
    request_id: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Capabilities:
    structured: tuple[Structured, ...] = ("json_schema", "text")
    seed: bool = True
    logprobs: bool = False
    context_tokens: int | None = None
    network: bool = True  # False: answered in this process, free and immediate; journalled but never cached


class Model(Protocol):
    name: str
    capabilities: Capabilities

    async def complete(self, request: ModelRequest) -> ModelReply:
        """One attempt.

        Raises
        ------
        TransportError, FatalModelError
            As in ``gamesim.core.model_errors``; nothing else. A backend that holds resources also has ``aclose()``;
            one that takes long to begin has ``prepare()``, called before the clock of an attempt runs.
        """
        ...
