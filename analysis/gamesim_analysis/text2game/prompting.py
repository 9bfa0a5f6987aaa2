"""What is asked of a model, from the templates beside this file; the description always stands between fences, as data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from gamesim.core.errors import clean
from gamesim.core.model import Message
from gamesim.envs.efg.problems import Problem
from gamesim.envs.efg.schema import SCHEMA

if TYPE_CHECKING:
    from jinja2 import Environment

TOLD = 20  # problems in one repair call
QUOTED = 60_000  # characters of an answer that are sent back with them


def outline_question(text: str) -> tuple[Message, ...]:
    """Stage 1: who can do what, when, knowing what."""
    return (Message("system", render("outline")), Message("user", _given(text)))


def tree_question(text: str, outline: Mapping[str, Any] | None) -> tuple[Message, ...]:
    """Stage 2, or, without an outline, the only one: the game document."""
    schema = json.dumps(SCHEMA, separators=(",", ":"))
    told = json.dumps(outline, ensure_ascii=False) if outline is not None else ""
    system = render("tree", schema=schema, two_stage=outline is not None)
    return (Message("system", system), Message("user", _given(text, told)))


def check_question(text: str, words: str) -> tuple[Message, ...]:
    """Stage 3: whether our words for the game contradict the text."""
    return (Message("system", render("check", words=words)), Message("user", _given(text)))


def repair(answer: str, problems: Sequence[Problem]) -> tuple[Message, ...]:
    """An answer and what is wrong with it; at most twenty problems."""
    told = render("repair", problems=[_cleaned(p) for p in problems[:TOLD]], more=max(0, len(problems) - TOLD))
    return (Message("assistant", answer[:QUOTED] or "-"), Message("user", told))


def render(name: str, **slots: Any) -> str:
    """A template, filled."""
    text: str = _environment().get_template(f"{name}.j2").render(example=_examples(), **slots)
    return text.strip() + "\n"


def _given(text: str, outline: str = "") -> str:
    # No text can know the digest of itself, so none can close its fence.
    fence = f"=== {hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:12]} ==="
    return render("text", text=text.strip(), outline=outline, fence=fence)


def _cleaned(problem: Problem) -> dict[str, str]:
    return {key: clean(value, 600) for key, value in problem.as_dict().items()}


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    def source(name: str) -> str:
        return (files(__package__) / "prompts" / name).read_text("utf-8")

    # Prompts are no markup: nothing is escaped, and what models or users wrote is never a template.
    return Environment(loader=FunctionLoader(source), undefined=StrictUndefined, trim_blocks=True, autoescape=False)


@cache
def _examples() -> dict[str, str]:
    return {name: json.dumps(data, ensure_ascii=False) for name, data in examples().items()}


def examples() -> dict[str, Any]:
    """The worked examples as data."""
    from gamesim.yaml.source import load_yaml

    text = (files(__package__) / "prompts" / "examples.yaml").read_text("utf-8")
    found: dict[str, Any] = load_yaml(text, name="examples.yaml").data
    return found
