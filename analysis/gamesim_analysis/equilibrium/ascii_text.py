"""Games drawn with the letters of ASCII: a tree with its branches, a table of two players; for terminals, mails and comments.

>>> from gamesim.envs.efg.catalog import seed_loan
>>> print(ascii_text(seed_loan())[0].splitlines()[0])
Lender
"""

from __future__ import annotations

import unicodedata
from typing import Any

import numpy as np

from gamesim.core.extensive_form import CHANCE, TERMINAL, ExtensiveFormGame
from gamesim.core.normal_form import NormalFormGame
from gamesim.envs.efg.describe_game import number

NODES = 400  # of a tree that are drawn
CELLS = 400  # of a table


def ascii_text(game: Any) -> tuple[str, dict[str, str]]:
    """The drawing, and the labels that ASCII does not have with what stands for each.

    Nodes that a mover cannot tell apart carry the name of their information set in brackets. A table of more than two players
    has a row a profile.
    """
    names = _Names()
    if isinstance(game, ExtensiveFormGame):
        lines = _tree(game, names)
    else:
        lines = _table(game.to_normal_form(), names)
    return "\n".join(lines) + "\n", {label: said for label, said in names.said.items() if label != said}


class _Names:
    """Labels in ASCII; two that differ stay different."""

    def __init__(self) -> None:
        self.said: dict[str, str] = {}

    def __call__(self, label: str) -> str:
        if label not in self.said:
            wanted = "".join(map(_letter, unicodedata.normalize("NFKD", label))) or "-"
            taken, found, k = set(self.said.values()), wanted, 2
            while found in taken and found != label:
                found, k = f"{wanted}_{k}", k + 1
            self.said[label] = found
        return self.said[label]


def _letter(character: str) -> str:
    """A letter for a letter: its own, or the one that its Unicode name ends with."""
    if character.isascii():
        return character if character.isprintable() else ""
    kind = unicodedata.category(character)
    if kind[0] == "M":
        return ""  # an accent
    if kind[0] != "L":
        return "-" if kind[0] in "PS" else " " if kind[0] == "Z" else ""
    said = unicodedata.name(character, "x").split(" WITH ")[0].split()[-1].lower()
    return said.capitalize() if character.isupper() else said


def _tree(game: ExtensiveFormGame, names: _Names) -> list[str]:
    lines: list[str] = []
    waiting: list[tuple[int, str, str]] = [(0, "", "")]
    while waiting:
        node, before, branch = waiting.pop()
        if len(lines) == NODES:
            return [*lines, f"... and {game.size - NODES:,} nodes more."]
        lines.append(f"{before}{branch}{_said(game, node, names)}")
        inner = before + ("" if not branch else "    " if branch[0] == "`" else "|   ")
        below = game.children[node]
        for place in range(len(below) - 1, -1, -1):  # the first is popped first
            waiting.append((below[place], inner, f"{'`' if place == len(below) - 1 else '|'}-- "))
    return lines


def _said(game: ExtensiveFormGame, node: int, names: _Names) -> str:
    head, above = "", game.above[node]
    if above >= 0:
        at, taken = game.at[above], game.taken[node]
        if game.kinds[above] == CHANCE:
            drawn = game.chances[at]
            head = f"{names(drawn.actions[taken])} ({number(drawn.probabilities[taken])}): "
        else:
            head = f"{names(game.sets[at].actions[taken])}: "
    kind, at = game.kinds[node], game.at[node]
    if kind == TERMINAL:
        return f"{head}({', '.join(number(value) for value in game.payoffs[at])})"
    if kind == CHANCE:
        return f"{head}chance"
    return head + names(game.players[kind]) + (f" [{names(game.set_names[at])}]" if len(game.members[at]) > 1 else "")


def _table(game: NormalFormGame, names: _Names) -> list[str]:
    source = game.payoffs if game.exact is None else game.exact
    actions = [[names(action) for action in own] for own in game.actions]

    def paid(cell: tuple[int, ...]) -> str:
        return ", ".join(number(source[(i, *cell)]) for i in range(game.n))

    if game.n == 2:
        head = [f"{names(game.players[0])} \\ {names(game.players[1])}", *actions[1]]
        rows = [[own, *(paid((a, b)) for b in range(game.shape[1]))] for a, own in enumerate(actions[0])]
        left = max(0, len(rows) - max(1, CELLS // game.shape[1]))
        rows = rows[: len(rows) - left]
    else:
        head = [*map(names, game.players), "payoffs"]
        cells = list(np.ndindex(*game.shape))
        left = max(0, len(cells) - CELLS)
        rows = [[*(actions[i][a] for i, a in enumerate(cell)), paid(cell)] for cell in cells[:CELLS]]
    widths = [max(len(row[k]) for row in [head, *rows]) for k in range(len(head))]
    rule = "+" + "+".join("-" * (width + 2) for width in widths) + "+"
    drawn = [
        "| " + " | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) + " |"
        for row in [head, *rows]
    ]
    lines = [rule, drawn[0], rule, *drawn[1:], rule]
    return [*lines, f"... and {left:,} rows more."] if left else lines
