"""Small random game trees and play of them, for property tests of solvers and readers."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from gamesim.core.behaviour import BehaviourProfile, as_behaviour
from gamesim.core.extensive_form import ExtensiveFormGame, TreeBuilder


def random_tree(seed: int, players: int = 2, depth: int = 3, forget: bool = False) -> ExtensiveFormGame:
    """A small tree; nodes of a player with one own history and one draw of a label share a set."""
    rng = np.random.default_rng(seed)
    build = TreeBuilder([f"P{i}" for i in range(players)])

    def grow(level: int, histories: tuple[tuple[object, ...], ...]) -> None:
        kind = rng.integers(0, players + 2) if level else rng.integers(0, players + 1)
        if level >= depth or kind == players + 1:
            build.leaf([Fraction(int(rng.integers(-6, 7)), int(rng.integers(1, 4))) for _ in range(players)])
        elif kind == players:
            weights = [int(w) for w in rng.integers(0, 4, size=2)]
            total = sum(weights) or 1
            odds = [Fraction(w, total) for w in weights] if sum(weights) else [Fraction(1), Fraction(0)]
            build.chance(("x", "y"), odds)
            for _ in range(2):
                grow(level + 1, histories)
        else:
            width = 2 if forget else int(rng.integers(2, 4))
            key = (int(rng.integers(0, 2)), width) if forget else (histories[kind], int(rng.integers(0, 2)), width)
            build.move(int(kind), key, [f"a{a}" for a in range(width)])
            for a in range(width):
                longer = tuple((*h, key, a) if i == kind else h for i, h in enumerate(histories))
                grow(level + 1, longer)

    grow(0, ((),) * players)
    return build.build()


def random_play(game: ExtensiveFormGame, seed: int) -> BehaviourProfile:
    rng = np.random.default_rng(seed)
    vectors = []
    for information in game.sets:
        weights = [int(w) for w in rng.integers(0, 4, size=len(information.actions))]
        weights[int(rng.integers(len(weights)))] += 1
        vectors.append([Fraction(w, sum(weights)) for w in weights])
    return as_behaviour(game, vectors)
