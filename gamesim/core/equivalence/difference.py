"""The first thing in which two trees differ, in words: counts, then payoffs, chances, sets, then what stands around them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from typing import Any

from ..extensive_form import CHANCE, TERMINAL, ExtensiveFormGame
from .payoffs import PayoffMode, leaf_keys
from .players import Matching


def first_difference(g: ExtensiveFormGame, h: ExtensiveFormGame, matching: Matching, mode: PayoffMode = "exact") -> str:
    """One sentence; empty if colours show no difference.

    Parameters
    ----------
    matching : the i-th player of ``g`` is this one of ``h``.
    """
    for what, a, b in (
        ("players", g.n, h.n),
        ("nodes", g.size, h.size),
        ("leaves", len(g.payoffs), len(h.payoffs)),
        ("chance moves", g.kinds.count(CHANCE), h.kinds.count(CHANCE)),
        ("information sets", len(g.sets), len(h.sets)),
    ):
        if a != b:
            return f"{a} {what} against {b}."
    mine, its = _Colours(g, leaf_keys(g, mode), tuple(range(g.n))), _Colours(h, leaf_keys(h, mode), matching)
    for i, name in enumerate(g.players):
        a, b = len(g.sets_of[i]), len(h.sets_of[matching[i]])
        if a != b:
            return f"{name} has {a} information sets against {b} of {h.players[matching[i]]}."
    found = _differing(mine.leaves(), its.leaves())
    if found is not None:
        node, there = found
        return _told(g, h, node, there, _leaf_words, "leaf")
    found = _differing(mine.draws(), its.draws())
    if found is not None:
        return _told(g, h, *found, _draw_words, "chance move")
    found = _differing(mine.sets(), its.sets())
    if found is not None:
        return _told(g, h, *found, _set_words, "information set")
    classes = 0
    while (now := len(set(mine.nodes)) + len(set(mine.of_sets))) > classes:
        classes = now
        found = _round(mine, its)
        if found is not None:
            return _told(g, h, *found, lambda game, node: f"{_what(game, node)} at {path(game, node)}", "node")
    return ""


def path(game: ExtensiveFormGame, node: int) -> str:
    return " > ".join(("root", *game.history(node)))


class _Colours:
    """Colours of nodes and sets of one game, players numbered as in the first."""

    def __init__(self, game: ExtensiveFormGame, keys: list[tuple[Any, ...]], matching: Matching) -> None:
        self.game = game
        first_name = {image: i for i, image in enumerate(matching)}
        self.mover = [first_name.get(kind, kind) for kind in game.kinds]
        self.paid = [tuple(own[i] for i in matching) for own in keys]
        self.nodes: list[int] = [0] * game.size
        self.of_sets: list[int] = [0] * len(game.sets)

    def leaves(self) -> list[tuple[Hashable, int]]:
        return [(self.paid[self.game.at[x]], x) for x, kind in enumerate(self.game.kinds) if kind == TERMINAL]

    def draws(self) -> list[tuple[Hashable, int]]:
        game = self.game
        return [
            (tuple(sorted(game.chances[game.at[x]].probabilities)), x)
            for x, kind in enumerate(game.kinds)
            if kind == CHANCE
        ]

    def sets(self) -> list[tuple[Hashable, int]]:
        game = self.game
        return [
            ((self.mover[nodes[0]], len(nodes), len(game.sets[h].actions)), nodes[0])
            for h, nodes in enumerate(game.members)
        ]


def _round(mine: _Colours, its: _Colours) -> tuple[int, int] | None:
    """Refine once; the smallest node of the first game without counterpart, and one of the second, if there is any."""
    up: dict[Any, int] = {}
    down: dict[Any, int] = {}
    sets: dict[Any, int] = {}
    for side in (mine, its):
        game = side.game
        below = [0] * game.size
        for x in range(game.size - 1, -1, -1):
            kind, at = game.kinds[x], game.at[x]
            if kind == TERMINAL:
                own: Any = side.paid[at]
            elif kind == CHANCE:
                odds = game.chances[at].probabilities
                own = tuple(sorted((p, below[c]) for p, c in zip(odds, game.children[x], strict=True)))
            else:
                own = (side.of_sets[at], tuple(sorted(below[c] for c in game.children[x])))
            below[x] = up.setdefault((side.nodes[x], side.mover[x], own), len(up))
        side.nodes = below
    found = _differing(_sized(mine), _sized(its))
    if found is not None:
        return found
    for side in (mine, its):
        game, below = side.game, side.nodes
        nodes = [0] * game.size
        for x in range(game.size):
            above = game.above[x]
            chance = above >= 0 and game.kinds[above] == CHANCE
            odds_here = game.chances[game.at[above]].probabilities[game.taken[x]] if chance else None
            key = (nodes[above] if above >= 0 else -1, odds_here, below[x])
            nodes[x] = down.setdefault(key, len(down))
        side.nodes = nodes
        side.of_sets = [
            sets.setdefault((colour, *sorted(nodes[m] for m in members)), len(sets))
            for colour, members in zip(side.of_sets, game.members, strict=True)
        ]
    return _differing(_sized(mine), _sized(its))


def _sized(side: _Colours) -> list[tuple[Hashable, int]]:
    order = sorted(range(side.game.size), key=lambda x: (side.game.end[x] - x, x))
    return [(side.nodes[x], x) for x in order]


def _differing(mine: Iterable[tuple[Hashable, int]], its: Iterable[tuple[Hashable, int]]) -> tuple[int, int] | None:
    """The first of mine that its lacks, and the first of its that mine lacks."""
    mine, its = list(mine), list(its)
    more = Counter(key for key, _ in mine) - Counter(key for key, _ in its)
    less = Counter(key for key, _ in its) - Counter(key for key, _ in mine)
    if not more:
        return None
    return next(x for key, x in mine if key in more), next(x for key, x in its if key in less)


def _told(g: ExtensiveFormGame, h: ExtensiveFormGame, x: int, y: int, words: Any, what: str) -> str:
    return f"{what} without counterpart: {words(g, x)} in the first game; {words(h, y)} in the second."


def _leaf_words(game: ExtensiveFormGame, x: int) -> str:
    paid = ", ".join(f"{name} {value}" for name, value in zip(game.players, game.payoffs[game.at[x]], strict=True))
    return f"{path(game, x)} pays {paid}"


def _draw_words(game: ExtensiveFormGame, x: int) -> str:
    draw = game.chances[game.at[x]]
    odds = ", ".join(f"{label} {p}" for label, p in zip(draw.actions, draw.probabilities, strict=True))
    return f"chance at {path(game, x)} draws {odds}"


def _set_words(game: ExtensiveFormGame, x: int) -> str:
    information = game.sets[game.at[x]]
    members = len(game.members[game.at[x]])
    return (
        f"{game.players[information.player]} at {path(game, x)} chooses among {len(information.actions)} actions"
        f" without telling {members} node{'s' if members > 1 else ''} apart"
        if members > 1
        else f"{game.players[information.player]} at {path(game, x)} chooses among {len(information.actions)} actions"
        " and knows where"
    )


def _what(game: ExtensiveFormGame, x: int) -> str:
    kind = game.kinds[x]
    if kind == TERMINAL:
        return "the leaf"
    return "chance" if kind == CHANCE else f"the move of {game.players[kind]}"
