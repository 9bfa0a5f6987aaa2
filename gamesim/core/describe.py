"""What an environment says of itself to those who read: names, numbers and choices, without prose.

A Describer turns an observation into a Description: the name of a template, the values for its places, and the form of
the answer. Sentences lie in templates beside the environment and are set by ``gamesim.envs.prompts``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from .policy import EMPTY


@dataclass(frozen=True)
class Option:
    """One line of a list to choose from, and the action that choosing it is."""

    text: str
    action: Any


@dataclass(frozen=True)
class Part:
    """One decision within an answer.

    Attributes
    ----------
    phase : of the environment, in which it is played; a later one where several decisions are asked for at once.
    key : in the answer; where the action is an object, its own keys stand in its place.
    schema : of that key, where it is not the one of the ActionSpec.
    options : a list to choose from by place, 1 to M; shown to every reader in an order of its own.
    view : what to change in the observation to see it as in that phase; for rules that answer in a model's place.
    read, write : from the value in the answer to what ``ActionSpec.parse`` takes, and back from an action; by default as it is.
    """

    phase: str
    key: str
    schema: Mapping[str, Any] | None = None
    options: tuple[Option, ...] | None = None
    view: Mapping[str, Any] = field(default_factory=dict)
    read: Callable[[Any], Any] | None = None
    write: Callable[[Any], Any] | None = None


@dataclass(frozen=True)
class Words:
    """A sentence asked for beside the action.

    Attributes
    ----------
    first : it stands before the action, being the thing decided.
    cut : where it is too long it is cut, not refused.
    """

    key: str
    max_chars: int = 300
    first: bool = False
    cut: bool = False


@dataclass(frozen=True)
class Description:
    """One question to one agent.

    Attributes
    ----------
    template : name of the section that puts the question.
    slots : values for it, and for the sections ``rules`` and ``situation``; strings, numbers, truths, None, lists and mappings of these.
    parts : the decisions asked for; the first is the phase's own.
    words : sentences asked for.
    round : for the memory of the reader.
    """

    template: str
    slots: Mapping[str, Any]
    parts: tuple[Part, ...]
    words: tuple[Words, ...] = ()
    round: int = 0


@dataclass(frozen=True)
class Secrets:
    """What no prompt may hold at that moment: figures by name, and phrases."""

    figures: Mapping[str, float]
    phrases: tuple[str, ...] = ()


class Describer(Protocol):
    """What language models are told of one environment. Rules are the same for all agents of a scenario.

    Attributes
    ----------
    prompts : folder with one folder a language, each with the wordings ``0.txt``, ``1.txt``, ``2.txt``.
    latent : parameters that nobody is told.
    told : figures that a prompt must hold, because the scenario says so.
    """

    prompts: Path

    @property
    def latent(self) -> Mapping[str, float]: ...
    @property
    def told(self) -> Mapping[str, float]: ...

    def rules(self) -> Mapping[str, Any]:
        """Values for the section ``rules``."""
        ...

    def describe(self, observation: Any, agent: str, info: Mapping[str, Any] = EMPTY) -> Description:
        """``info``: what the environment says in words: norms, proposals."""
        ...

    def recap(self, observation: Any, agent: str, info: Mapping[str, Any] = EMPTY) -> Mapping[str, Any] | None:
        """Values for the section ``recap``, one line on the round before this one; None where there is nothing to say."""
        ...

    def bundled(self) -> Describer | None:
        """The same with fewer, larger questions; None where the game has no such form."""
        ...

    def secrets(self, observation: Any) -> Secrets:
        """What must not be told to who sees this."""
        ...

    def disguised(self) -> Sequence[Any]:
        """Configurations with odd latent values, which stand out in a prompt that leaks them."""
        ...

    def altered(self) -> Mapping[str, Any]:
        """For each latent parameter a configuration in which it alone differs."""
        ...
