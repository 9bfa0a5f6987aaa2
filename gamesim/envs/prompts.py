"""The one renderer of prompts: templates that lie beside their environment, numbers in one form, nothing executed.

A folder holds one folder a language, and in it the wordings ``0.txt``, ``1.txt``, ``2.txt`` of equal content. A file is a
row of sections, each under a line ``=== name``; a section is a Jinja template. Text of agents enters as values only.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from gamesim.core.errors import ModelError, ScenarioError, clean, did_you_mean

CAP = 64 * 1024  # bytes of one rendered section
WORDINGS = 3


class PromptError(ModelError):
    """A template that cannot be set: an undefined place, a forbidden operation, too much output."""

    exit_code = 2


def said(value: Any) -> str:
    """A value as prompts show it: whole numbers whole, others with at most four digits that count, never an exponent.

    Raises
    ------
    PromptError
        For a missing value; a template must ask before it shows one.

    Examples
    --------
    >>> said(3.0), said(2.71828), said(123456.7), said(["a", 0.5]), said(True)
    ('3', '2.718', '123500', 'a, 0.5', 'yes')
    """
    if type(value) is str:
        return value
    if value is None or (isinstance(value, float) and value != value):
        raise PromptError("a template shows a value that is missing.", hint="Ask with `is none` before.")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(said(item) for item in value)
    if isinstance(value, float):
        if value in (float("inf"), float("-inf")):
            raise PromptError("a template shows an infinite value.")
        if abs(value) < 1e-9 or (value == int(value) and abs(value) < 1e15):
            return str(int(value))
        text = f"{value:.4g}"
        return text if "e" not in text else f"{Decimal(text):f}"
    return str(value)


@cache
def _environment() -> Any:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Bounded(ImmutableSandboxedEnvironment):
        """The sandbox, without the two operators that make a large thing of small ones."""

        intercepted_binops = frozenset(["*", "**"])

        def getattr(self, obj: Any, attribute: str) -> Any:
            """Of our lists of facts the values, without a search among methods first."""
            return obj[attribute] if type(obj) is dict and attribute in obj else super().getattr(obj, attribute)

        def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
            numbers = isinstance(left, (int, float)) and isinstance(right, (int, float))
            if operator == "**" or not numbers:
                raise PromptError(f"the operator {operator} is not for templates.")
            return super().call_binop(context, operator, left, right)

    environment = Bounded(
        undefined=StrictUndefined, finalize=_finalized, autoescape=False, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals.clear()
    environment.filters["said"] = said
    return environment


def _finalized(value: Any) -> Any:
    if type(value) is str:
        return value
    if type(value) in (float, int, bool):
        return said(value)
    from jinja2 import Undefined

    return value if isinstance(value, Undefined) else said(value)


@cache
def sections(file: Path) -> Mapping[str, str]:
    """Templates by name, as they stand in a file."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith("=== "):
            name = line[4:].strip()
            if name in found:
                raise PromptError(f"section '{clean(name, 40)}' stands twice.", where=str(file))
            found[name] = []
        elif name:
            found[name].append(line)
        elif line.strip():
            raise PromptError("text stands before the first section.", where=str(file))
    return {name: "\n".join(lines).strip() for name, lines in found.items()}


@cache
def _compiled(source: str) -> Any:
    return _environment().from_string(source)


def languages(folder: Path) -> list[str]:
    """Languages that a folder of prompts speaks."""
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and (entry / "0.txt").is_file())


class Prompts:
    """The sections of one folder in one language and wording.

    Raises
    ------
    ScenarioError
        Where the folder does not speak the language.
    """

    def __init__(self, folder: Path, lang: str = "en", wording: int = 0) -> None:
        self.file = folder / lang / f"{wording}.txt"
        if not self.file.is_file():
            spoken = languages(folder)
            raise ScenarioError(
                f"no prompts in language '{clean(lang, 20)}', wording {wording}.",
                path="language.lang",
                hint=did_you_mean(lang, spoken) or f"There are: {', '.join(spoken) or 'none'}.",
            )
        self._sections = sections(self.file)

    def __contains__(self, name: object) -> bool:
        return name in self._sections

    @property
    def names(self) -> list[str]:
        return list(self._sections)

    def places(self, name: str) -> set[str]:
        """Names of the values that a section uses."""
        from jinja2 import meta

        return set(meta.find_undeclared_variables(_environment().parse(self._source(name))))

    def render(self, name: str, slots: Mapping[str, Any]) -> str:
        """A section with its values, blank lines and trailing blanks removed."""
        return render(self._source(name), slots, where=f"{self.file.name}: {name}")

    def _source(self, name: str) -> str:
        if name not in self._sections:
            raise PromptError(
                f"no section '{clean(name, 40)}'.", where=str(self.file), hint=did_you_mean(name, self._sections)
            )
        return self._sections[name]


def render(source: str, slots: Mapping[str, Any], *, where: str | None = None) -> str:
    """Text of a template.

    Raises
    ------
    PromptError
        Undefined place, forbidden operation, more than ``CAP`` bytes.
    """
    from jinja2.exceptions import TemplateError

    size, pieces = 0, []
    try:
        for piece in _compiled(source).generate(**slots):
            size += len(piece)
            pieces.append(piece)
            if size > CAP:
                break
    except (TemplateError, TypeError, ValueError, ArithmeticError, AttributeError, LookupError) as error:
        raise PromptError(f"{type(error).__name__}: {clean(error)}.", where=where) from error
    text = "".join(pieces)
    if len(text.encode("utf-8", "surrogatepass")) > CAP:
        raise PromptError(f"a section is longer than {CAP // 1024} KiB.", where=where)
    lines = (line.rstrip() for line in text.splitlines())
    return "\n".join(line for line in lines if line.strip())
