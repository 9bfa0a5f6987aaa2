"""One game written in other ways, and games that differ from it in one thing: what a comparison of games is tested on."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.random import Generator

from gamesim.core.extensive_form import CHANCE, TERMINAL, ChanceMove, ExtensiveFormGame, TreeBuilder


def relabelled(game: ExtensiveFormGame, rng: Generator, *, names: bool = True) -> ExtensiveFormGame:
    """The same game with players, actions of every set and branches of chance in another order.

    Parameters
    ----------
    names : whether players, actions and sets get new names as well.
    """
    seats = rng.permutation(game.n)  # old player i becomes player seats[i]
    old = np.argsort(seats)
    players = [f"Player {k}" if names else game.players[old[k]] for k in range(game.n)]
    orders = [rng.permutation(len(own.actions)) for own in game.sets]
    titles = [
        [f"{chr(97 + int(rng.integers(26)))}{k}" if names else own.actions[order[k]] for k in range(len(order))]
        for own, order in zip(game.sets, orders, strict=True)
    ]
    build = TreeBuilder(players, name="a variant" if names else game.name)
    waiting = [0]
    while waiting:
        node = waiting.pop()
        kind, at, children = game.kinds[node], game.at[node], game.children[node]
        if kind == TERMINAL:
            build.leaf([game.payoffs[at][i] for i in old])
            continue
        if kind == CHANCE:
            order = rng.permutation(len(children))
            draw = game.chances[at]
            labels = [f"c{k}" if names else draw.actions[order[k]] for k in range(len(order))]
            build.chance(labels, [draw.probabilities[k] for k in order])
        else:
            order = orders[at]
            build.move(int(seats[kind]), at, titles[at], label="" if names else game.sets[at].label)
        waiting += [children[k] for k in reversed(order)]
    return build.build()


def payoff_mutants(game: ExtensiveFormGame, by: Fraction | int = 1) -> Iterator[ExtensiveFormGame]:
    """Each with one payoff changed."""
    for leaf, paid in enumerate(game.payoffs):
        for i in range(game.n):
            changed = (*paid[:i], paid[i] + by, *paid[i + 1 :])
            yield replace(game, payoffs=(*game.payoffs[:leaf], changed, *game.payoffs[leaf + 1 :]))


def split_set_mutants(game: ExtensiveFormGame) -> Iterator[ExtensiveFormGame]:
    """Each with one node of a set of several told apart."""
    for members in game.members:
        if len(members) > 1:
            for node in members:
                yield rebuilt(game, key=lambda x, node=node: (game.at[x], x == node))  # type: ignore[misc]


def chance_mutants(game: ExtensiveFormGame, by: Fraction = Fraction(1, 100)) -> Iterator[ExtensiveFormGame]:
    """Each with one chance move whose first branch is more probable, and whose second is less."""
    for k, draw in enumerate(game.chances):
        if len(draw.probabilities) > 1:
            p, q, *rest = draw.probabilities
            changed = ChanceMove(draw.actions, (p + by, q - by, *rest), draw.label)
            yield replace(game, chances=(*game.chances[:k], changed, *game.chances[k + 1 :]))


def rebuilt(game: ExtensiveFormGame, key: Callable[[int], Hashable]) -> ExtensiveFormGame:
    """The same tree with other information sets: nodes of a player with one key are one set."""
    build = TreeBuilder(game.players, name=game.name)
    for node, kind in enumerate(game.kinds):
        at = game.at[node]
        if kind == TERMINAL:
            build.leaf(game.payoffs[at])
        elif kind == CHANCE:
            build.chance(game.chances[at].actions, game.chances[at].probabilities)
        else:
            build.move(kind, key(node), game.sets[at].actions)
    return build.build()


def with_forced_move(game: ExtensiveFormGame, leaf: int, player: int) -> ExtensiveFormGame:
    """The game with a move of one action above a leaf, given as a node."""
    build = TreeBuilder(game.players, name=game.name)
    for node, kind in enumerate(game.kinds):
        at = game.at[node]
        if node == leaf:
            build.move(player, "forced", ("go on",))
        if kind == TERMINAL:
            build.leaf(game.payoffs[at])
        elif kind == CHANCE:
            build.chance(game.chances[at].actions, game.chances[at].probabilities)
        else:
            build.move(kind, at, game.sets[at].actions)
    return build.build()


# ---- moves in another order --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tree:
    """A node with what lies below it.

    Attributes
    ----------
    kind : ``leaf``, ``move`` or ``chance``.
    what : payoffs by number, the set by number, or the probabilities.
    """

    kind: str
    what: Any
    children: tuple[Tree, ...] = ()


Change = Callable[[Tree], Tree]


def interchanged_at_random(game: ExtensiveFormGame, rng: Generator, swaps: int) -> tuple[ExtensiveFormGame, int]:
    """The game after up to ``swaps`` random interchanges of unobserved moves and stagings of chance, and how many were made.

    An interchange swaps a move with the move below it where that is the same information set, or the same draw of chance,
    after every action. Chance is staged by drawing first whether one of some branches comes, and unstaged by the reverse.
    """
    tree = _as_nested(game)
    made = 0
    for _ in range(swaps):
        options = list(_options(tree, ()))
        if not options:
            break
        path, change = options[int(rng.integers(len(options)))]
        tree = _changed(tree, path, change)
        made += 1
    return _as_game(game, tree), made


def _as_nested(game: ExtensiveFormGame) -> Tree:
    made: dict[int, Tree] = {}
    for node in range(game.size - 1, -1, -1):
        kind, at = game.kinds[node], game.at[node]
        children = tuple(made.pop(c) for c in game.children[node])
        if kind == CHANCE:
            made[node] = Tree("chance", game.chances[at].probabilities, children)
        else:
            made[node] = Tree("leaf" if kind == TERMINAL else "move", at, children)
    return made[0]


def _as_game(game: ExtensiveFormGame, tree: Tree) -> ExtensiveFormGame:
    build = TreeBuilder(game.players, name=game.name)
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if node.kind == "leaf":
            build.leaf(game.payoffs[node.what])
        elif node.kind == "chance":
            build.chance([str(k) for k in range(len(node.children))], node.what)
        else:
            build.move(game.sets[node.what].player, node.what, game.sets[node.what].actions)
        waiting += reversed(node.children)
    return build.build()


def _options(tree: Tree, path: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], Change]]:
    alike = {(child.kind, child.what) for child in tree.children}
    if len(alike) == 1:
        ((below, _),) = alike
        if below == "move" or (below == "chance" and tree.kind == "move"):
            yield path, _swapped
    if tree.kind == "chance":
        if len(tree.children) > 2:
            yield path, _staged
        if any(child.kind == "chance" for child in tree.children):
            yield path, _unstaged
    for k, child in enumerate(tree.children):
        yield from _options(child, (*path, k))


def _swapped(tree: Tree) -> Tree:
    below = tree.children[0]
    turned = (
        Tree(tree.kind, tree.what, tuple(child.children[b] for child in tree.children))
        for b in range(len(below.children))
    )
    return Tree(below.kind, below.what, tuple(turned))


def _staged(tree: Tree) -> Tree:
    first, second, *rest = tree.what
    both = first + second
    early = Tree("chance", (first / both, second / both), tree.children[:2])
    return Tree("chance", (both, *rest), (early, *tree.children[2:]))


def _unstaged(tree: Tree) -> Tree:
    flat: list[tuple[Fraction, Tree]] = []
    for p, child in zip(tree.what, tree.children, strict=True):
        if child.kind == "chance":
            flat += [(p * q, c) for q, c in zip(child.what, child.children, strict=True)]
        else:
            flat.append((p, child))
    return Tree("chance", tuple(p for p, _ in flat), tuple(c for _, c in flat))


def _changed(tree: Tree, path: Sequence[int], change: Change) -> Tree:
    if not path:
        return change(tree)
    k = path[0]
    below = _changed(tree.children[k], path[1:], change)
    return replace(tree, children=(*tree.children[:k], below, *tree.children[k + 1 :]))
