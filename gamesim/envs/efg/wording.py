"""Numbers of a description against numbers of a game: a heuristic, and called so.

W04 quotes a number of the text that stands nowhere in the game; W05 names a payoff whose number stands nowhere in the text,
comes from no parameter and lies under no assumption.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from gamesim.core.errors import clean
from gamesim.core.expressions import ExpressionError, evaluate, names_in

from .expand import Expansion
from .problems import Problem, pointer

_WORDS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
]
_NOTHING = ("nothing", "none", "neither", "nobody", "no")
_TOKEN = re.compile(r"[-−]?\d+(?:\.\d+)?(?:/\d+)?(?:\s?%)?|[A-Za-z]+")


def numbers(text: str) -> dict[Fraction, str]:
    """Numbers of a text, in digits or in words up to twenty, each with the quote.

    Examples
    --------
    >>> {str(k): v for k, v in numbers("Two cards, 3/4 or 25% of 10.").items()}
    {'2': 'Two', '3/4': '3/4', '1/4': '25%', '10': '10'}
    """
    found: dict[Fraction, str] = {}
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token[0].isalpha():
            word = token.casefold()
            if word in _WORDS:
                found.setdefault(Fraction(_WORDS.index(word)), token)
            elif word in _NOTHING:
                found.setdefault(Fraction(0), token)
            continue
        try:
            value = evaluate(token.replace("−", "-").rstrip("% "))
        except ExpressionError:
            continue
        found.setdefault(value / 100 if token.endswith("%") else value, token)
    return found


def unsaid(text: str, data: Mapping[str, Any], tree: Expansion) -> Iterator[Problem]:
    """W04 and W05."""
    said = numbers(text)
    sizes = {abs(value) for value in said}
    assumed = [a for a in data.get("assumptions") or () if isinstance(a, Mapping)]
    in_game: set[Fraction] = {abs(v) for v in tree.parameters.values()}
    for node in tree.nodes:
        in_game |= {abs(v) for v in node.payoffs.values()} | set(node.odds or ())
        in_game.add(Fraction(len(node.labels)))
        for label in [*node.labels, node.label, node.infoset or ""]:
            in_game |= {abs(v) for v in numbers(label)}
        for own in node.own.values():
            in_game |= {abs(v) for v in numbers(str(own))}
    in_game |= {Fraction(len(data.get("players") or ())), Fraction(len(tree.nodes)), Fraction(0), Fraction(1)}
    for part in (*(str(a.get("text", "")) for a in assumed), str(data.get("title", ""))):
        in_game |= {abs(v) for v in numbers(part)}
    for value, quote in said.items():
        if abs(value) not in in_game:
            yield Problem(
                "W04",
                "warning",
                "/description",
                "description",
                f"'{clean(quote, 40)}' of the text is nowhere in the game",
            )
    paths = [str(a.get("path", "")) for a in assumed if a.get("kind") == "payoff"]
    covered = any(not path for path in paths)
    told: set[Fraction] = set()
    for node in tree.nodes:
        if node.kind != "terminal" or covered:
            continue
        here = pointer(node.place.path)
        if any(path and here.startswith(path) for path in paths):
            continue
        for name, value in node.payoffs.items():
            own = node.own.get(name)
            if isinstance(own, str) and names_in(own):
                continue
            if abs(value) in sizes or value == 0 or abs(value) in told:
                continue
            told.add(abs(value))
            yield node.place.problem("W05", f"{name} gets {value}, a number that is not in the text", at=("payoffs", name), warning=True)  # fmt: skip
