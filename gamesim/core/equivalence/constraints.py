"""Conditions on payoffs: ``Ana[Low/Accept] > Ana[High/Reject]``, chains of them, arithmetic on both sides.

An outcome is a path of labels joined by ``/``, or the label of a leaf.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from ..expressions import ExpressionError, Operand, evaluate
from ..extensive_form import TERMINAL, ExtensiveFormGame

_SIGN = re.compile(r"<=|>=|==|<|>")
_HOLDS: Mapping[str, Callable[[Fraction, Fraction], bool]] = {
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
}

Paid = Callable[[int, int], Fraction]  # (player, leaf by its position in ``payoffs``) -> payoff


@dataclass(frozen=True)
class Outcomes:
    """Names of a game's leaves: paths and labels -> positions in ``payoffs``."""

    players: tuple[str, ...]
    leaves: Mapping[str, tuple[int, ...]]

    @classmethod
    def of(cls, game: ExtensiveFormGame) -> Outcomes:
        found: dict[str, tuple[int, ...]] = {}
        for node, kind in enumerate(game.kinds):
            if kind == TERMINAL:
                names = ["/".join(game.history(node))]
                if game.labels and game.labels[node] and game.labels[node] != names[0]:
                    names.append(game.labels[node])
                for name in names:
                    found[name] = (*found.get(name, ()), game.at[node])
        return cls(game.players, found)

    def read(self, text: str, at: int) -> tuple[int, int, int] | None:
        """``Player[outcome]`` at a position: player, leaf and the position behind it; None for anything else."""
        player = max((p for p in self.players if text.startswith(f"{p}[", at)), key=len, default=None)
        if player is None:
            return None
        start = at + len(player) + 1
        end = text.find("]", start)
        first = end
        while end >= 0:  # a label may hold "]"
            leaves = self.leaves.get(text[start:end].strip(), ())
            if len(leaves) == 1:
                return self.players.index(player), leaves[0], end + 1
            if len(leaves) > 1:
                raise ExpressionError(f"'{text[start:end]}' names {len(leaves)} outcomes", start + 1)
            end = text.find("]", end + 1)
        if first < 0:
            raise ExpressionError("'[' is never closed", start)
        raise ExpressionError(f"no outcome '{text[start:first]}'", start + 1)


def holds(text: str, outcomes: Outcomes, paid: Paid, values: Mapping[str, Fraction] | None = None) -> tuple[bool, str]:
    """Whether a constraint holds, and its sides with their values.

    Parameters
    ----------
    paid : the payoffs to judge.
    values : names that stand for numbers.

    Raises
    ------
    ExpressionError
        For an unknown outcome, a name that is nothing, or syntax.
    """
    named = values or {}

    def operand(side: str, at: int) -> tuple[Fraction, int] | None:
        found = outcomes.read(side, at)
        if found is not None:
            return paid(found[0], found[1]), found[2]
        name = re.compile(r"[A-Za-z]\w*").match(side, at)
        return (named[name[0]], name.end()) if name and name[0] in named else None

    sides, signs = _split(text, outcomes)
    if not signs:
        raise ExpressionError("no comparison: one of < > <= >= == was expected", len(text) + 1)
    numbers = [_valued(side, operand, start) for start, side in sides]
    told = str(numbers[0]) + "".join(f" {sign} {value}" for sign, value in zip(signs, numbers[1:], strict=True))
    ok = all(_HOLDS[sign](a, b) for sign, a, b in zip(signs, numbers, numbers[1:], strict=False))
    return ok, told


def _valued(side: str, operand: Operand, start: int) -> Fraction:
    try:
        return evaluate(side, operand)
    except ExpressionError as error:
        raise ExpressionError(error.message, start + error.column) from None


def _split(text: str, outcomes: Outcomes) -> tuple[list[tuple[int, str]], list[str]]:
    """Sides with where they start, and the signs between them."""
    sides, signs, start, at = [], [], 0, 0
    while at < len(text):
        found = outcomes.read(text, at)
        if found is not None:
            at = found[2]
            continue
        sign = _SIGN.match(text, at)
        if sign:
            sides.append((start, text[start:at]))
            signs.append(sign[0])
            start = at = sign.end()
        else:
            at += 1
    return [*sides, (start, text[start:])], signs
