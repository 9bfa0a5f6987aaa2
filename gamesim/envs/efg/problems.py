"""What is wrong with a game document, one entry each: a code, the place, what came, what was expected, what may be meant.

E01 not JSON or YAML           E10 imperfect recall, not allowed        W01 move with one action
E02 schema                     E11 absent-mindedness, not allowed       W02 player who never moves
E03 unknown player             E12 template                             W03 chance with one outcome
E04 payoff keys                E13 expression                           W04 number of the text that is nowhere in the game
E05 probability                E14 limits                               W05 payoff number that is not in the text
E06 sum of probabilities       E15 information set against step         W06 ordinal payoffs with chance
E07 set with two players       E16 constraint                           W07 set against what the player is said to see
E08 set with different actions E17 game file
E09 labels that read alike
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from gamesim.core.errors import GameDocumentError, clean

SHOWN = 50
Part = str | int


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, or remarkable.

    Attributes
    ----------
    pointer : JSON pointer into the document, such as ``/root/actions/Lend/outcomes/0/prob``; inside a template also where
        the template is used.
    path : the same for people, ``root > Lend > rain``.
    """

    code: str
    severity: Literal["error", "warning"]
    pointer: str
    path: str
    found: str
    expected: str = ""
    hint: str = ""

    def __str__(self) -> str:
        told = f"{self.path or self.pointer or 'document'}: {self.code}: {self.found}"
        return told + "".join(f"; {part}" for part in (self.expected, self.hint) if part)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Problems(list[Problem]):
    """Problems sorted by place, at most fifty of them; ``total`` counts all."""

    total: int = 0

    @classmethod
    def of(cls, found: Iterable[Problem]) -> Problems:
        every = sorted(dict.fromkeys(found), key=lambda p: (_order(p.pointer), p.code))
        kept = cls([p for p in every if p.severity == "error"][:SHOWN])
        kept += [p for p in every if p.severity != "error"][: SHOWN - len(kept)]
        kept.sort(key=lambda p: (_order(p.pointer), p.code))
        kept.total = len(every)
        return kept


def _order(pointer: str) -> list[tuple[int, int, str]]:
    return [(0, int(part), "") if part.isdecimal() and len(part) < 10 else (1, 0, part) for part in pointer.split("/")]


def pointer(parts: Sequence[Part]) -> str:
    """A JSON pointer (RFC 6901).

    Examples
    --------
    >>> pointer(("root", "actions", "a/b", 0))
    '/root/actions/a~1b/0'
    """
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def error(problems: Sequence[Problem], where: str | None = None) -> GameDocumentError:
    """One error that tells all errors among the problems."""
    wrong = [p for p in problems if p.severity == "error"]
    made = [_one(p, where) for p in wrong]
    first = made[0]
    first.others = tuple(made[1:])
    first.problems = tuple(problems)
    first.more = max(0, getattr(problems, "total", len(problems)) - len(problems))
    return first


def _one(problem: Problem, where: str | None) -> GameDocumentError:
    line = re.fullmatch(r"line (\d+), column (\d+)", problem.path)
    place = f"{where or 'text'}:{line[1]}:{line[2]}" if line else where
    path = None if line else clean(problem.path or problem.pointer or "document", 400)
    message = "; ".join(part for part in (problem.found, problem.expected) if part)
    return GameDocumentError(
        f"{problem.code}: {clean(message, 600)}" + ("" if message.endswith(".") else "."),
        where=place,
        path=path,
        hint=clean(problem.hint, 400) or None,
    )
