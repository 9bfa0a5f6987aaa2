"""Backward induction: all subgame-perfect payoffs of a tree with perfect information, exact, each with a profile.

From the leaves up every node keeps the payoff vectors that play from there can have. At a move, a child's vector stays if
every other child has one that pays the mover no more; at a chance node vectors add with their weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from gamesim.core.behaviour import BehaviourProfile
from gamesim.core.extensive_form import CHANCE, TERMINAL, ExtensiveFormGame
from gamesim.core.profiles import distribution
from gamesim.core.solution import Limits

from .method import Found, Method

CAP = 10_000  # payoff vectors kept at one node

Vector = tuple[Fraction, ...]
Choice = tuple[int, tuple[Vector, ...]]  # the action taken (-1: chance), and the vector played at each child


def _check(game: Any, concept: str) -> str:
    if not isinstance(game, ExtensiveFormGame):
        return "it works on trees"
    if not game.perfect_information:
        return "some player does not see all that happened"
    return ""


def _run(game: ExtensiveFormGame, *, concept: str, limits: Limits) -> Found:
    options: list[Mapping[Vector, Choice]] = [{} for _ in range(game.size)]
    ties = capped = False
    for node in range(game.size - 1, -1, -1):
        who = game.kinds[node]
        below = [options[child] for child in game.children[node]]
        if who == TERMINAL:
            options[node] = {game.payoffs[game.at[node]]: (-1, ())}
        elif who == CHANCE:
            options[node], over = _chance(game.chances[game.at[node]].probabilities, below, game.n)
            capped |= over
        else:
            kept: dict[Vector, Choice] = {}
            least = [min(vectors, key=lambda vector: vector[who]) for vectors in below]
            for action, vectors in enumerate(below):
                bar = max((low[who] for other, low in enumerate(least) if other != action), default=None)
                for vector in vectors:
                    if bar is None or vector[who] >= bar:
                        ties |= bar is not None and vector[who] == bar
                        kept.setdefault(vector, (action, tuple(vector if k == action else low for k, low in enumerate(least))))  # fmt: skip
                        if len(kept) > CAP:
                            capped = True
                            break
            options[node] = kept
    if capped:  # one profile is enough to answer honestly
        options[0] = dict(list(options[0].items())[:1])
    found = list(options[0])
    over = len(found) > limits.equilibria
    plays = [_profile(game, options, vector) for vector in found[: limits.equilibria]]
    notes = []
    if ties:
        notes.append("Some choices are ties: mixtures of them are subgame-perfect too and are not listed.")
    return Found(
        plays,
        covers="pure SPE payoffs" if ties else "SPE payoffs",
        complete=not (capped or over),
        selection="every payoff vector once, ties to the first action",
        notes=notes,
        stopped="count" if over or capped else None,
    )


def _chance(odds: Any, below: Any, n: int) -> tuple[dict[Vector, Choice], bool]:
    zero: Vector = (Fraction(0),) * n
    sums: dict[Vector, tuple[Vector, ...]] = {zero: ()}
    over = False
    for chance, vectors in zip(odds, below, strict=True):
        more: dict[Vector, tuple[Vector, ...]] = {}
        for total, chosen in sums.items():
            for vector in vectors:
                key = tuple(a + chance * b for a, b in zip(total, vector, strict=True))
                more.setdefault(key, (*chosen, vector))
                if len(more) > CAP:
                    over = True
                    break
            if over and len(more) > CAP:
                break
        sums = more
    return {total: (-1, chosen) for total, chosen in sums.items()}, over


def _profile(game: ExtensiveFormGame, options: Any, vector: Vector) -> BehaviourProfile:
    """Walk down from the root with the vector that each node is to have."""
    wanted: list[Any] = [None] * game.size
    wanted[0] = vector
    vectors: list[Any] = [None] * len(game.sets)
    for node in range(game.size):
        if game.kinds[node] == TERMINAL:
            continue
        action, below = options[node][wanted[node]]
        for child, value in zip(game.children[node], below, strict=True):
            wanted[child] = value
        if action >= 0:
            h = game.at[node]
            unit = [int(a == action) for a in range(len(game.sets[h].actions))]
            vectors[h] = distribution(unit, game.set_names[h])
    return BehaviourProfile(tuple(vectors))


backward_induction = Method(
    "backward_induction",
    frozenset({"spe", "nash"}),
    "All subgame-perfect payoffs of a tree with perfect information, exact.",
    _check,
    _run,
    suits="trees of perfect information",
    covers="SPE payoffs",
    complete="yes",
)
