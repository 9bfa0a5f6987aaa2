"""Subgame-perfect equilibria of any tree, by solving its subgames from the last upward.

A solved subgame is replaced by a leaf that pays what one of its equilibria pays, once for every payoff vector that its
equilibria have.
"""

from __future__ import annotations

import time
from itertools import product
from typing import Any

from gamesim.core.behaviour import BehaviourProfile
from gamesim.core.extensive_form import CHANCE, TERMINAL, ExtensiveFormGame, TreeBuilder
from gamesim.core.solution import Limits

from .method import Found, Method

COMBINATIONS = 256  # of continuations tried at one subgame

Part = tuple[tuple[Any, ...], dict[int, Any]]  # payoffs of a subgame, and what is played at its sets


def _check(game: Any, concept: str) -> str:
    if not isinstance(game, ExtensiveFormGame):
        return "it works on trees"
    return "" if game.perfect_recall else "a player forgets"


def _run(game: ExtensiveFormGame, *, concept: str, limits: Limits) -> Found:
    roots = game.subgame_roots
    if not roots:
        return Found([BehaviourProfile(())], covers="SPE payoffs", complete=True)
    inside = set(roots)
    owner = [0] * game.size
    for node in range(1, game.size):
        owner[node] = node if node in inside else owner[game.above[node]]
    nested: dict[int, list[int]] = {root: [] for root in roots}
    for root in roots[1:]:
        nested[owner[game.above[root]]].append(root)
    deadline = time.monotonic() + limits.seconds
    parts: dict[int, list[Part]] = {}
    complete: bool = True
    stopped: Any = None
    for root in reversed(roots):
        solved: dict[tuple[Any, ...], dict[int, Any]] = {}
        options = [parts.pop(child) for child in nested[root]]
        for tried, chosen in enumerate(product(*options)):
            if tried >= COMBINATIONS or len(solved) >= limits.equilibria:
                complete, stopped = False, "count"
                break
            if time.monotonic() > deadline and solved:
                complete, stopped = False, "seconds"
                break
            leaves = {child: payoffs for child, (payoffs, _) in zip(nested[root], chosen, strict=True)}
            small, sets = _subgame(game, root, leaves)
            below = {h: vector for _, play in chosen for h, vector in play.items()}
            found, whole = _all(small, limits, max(0.1, deadline - time.monotonic()))
            complete &= whole
            for play in found:
                payoffs = tuple(small.expected(play))
                solved.setdefault(payoffs, {**below, **{h: play[k] for k, h in enumerate(sets)}})
        if not solved:
            return Found([], covers="SPE payoffs", complete=False, notes=[f"No equilibrium was found of the subgame at node {root + 1}."], stopped=stopped)  # fmt: skip
        parts[root] = list(solved.items())
    plays = [BehaviourProfile(tuple(play[h] for h in range(len(game.sets)))) for _, play in parts[roots[0]]]
    return Found(
        plays,
        covers="SPE payoffs",
        complete=complete,
        selection="every payoff vector of the extreme equilibria of each subgame",
        stopped=stopped,
    )


def _subgame(game: ExtensiveFormGame, root: int, leaves: dict[int, Any]) -> tuple[ExtensiveFormGame, list[int]]:
    """The subgame with nested ones as leaves, and which set of the game each of its sets is."""
    build = TreeBuilder(game.players)
    sets: list[int] = []
    node = root
    while node < game.end[root]:
        who, at = game.kinds[node], game.at[node]
        if node in leaves:
            build.leaf(leaves[node])
            node = game.end[node]
            continue
        if who == TERMINAL:
            build.leaf(game.payoffs[at])
        elif who == CHANCE:
            build.chance(game.chances[at].actions, game.chances[at].probabilities)
        else:
            if at not in sets:
                sets.append(at)
            build.move(who, at, game.sets[at].actions)
        node += 1
    return build.build(), sets


def _all(small: ExtensiveFormGame, limits: Limits, seconds: float) -> tuple[list[BehaviourProfile], bool]:
    """All equilibria of a game without proper subgames that can be had, and whether they are all."""
    from dataclasses import replace

    from .backward_induction import backward_induction
    from .router import every_nash

    if not small.sets:
        return [BehaviourProfile(())], True
    if small.perfect_information:
        found = backward_induction(small, concept="spe", limits=limits)
    else:
        found = every_nash(small, replace(limits, seconds=seconds))
    return [equilibrium.play for equilibrium in found.equilibria], found.complete is True


subgame_decomposition = Method(
    "subgame_decomposition",
    frozenset({"spe"}),
    "Subgame-perfect equilibria of any tree with perfect recall, subgame by subgame.",
    _check,
    _run,
    suits="trees of perfect recall",
    covers="SPE",
    complete="if each subgame is",
)
