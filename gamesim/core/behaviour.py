"""Play of a tree: behaviour profiles, what they pay, and the best answers to them.

A behaviour profile holds one vector of probabilities for each information set, in the order of ``game.sets``; Fractions
stay exact. Best answers come from one sweep over a player's own sets, deepest first, which needs perfect recall.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import prod
from typing import Any

import numpy as np

from .arrays import AnyArray
from .errors import ParameterError, UnsupportedGameError
from .extensive_form import CHANCE, TERMINAL, ExtensiveFormGame
from .profiles import distribution

PLANS = 20_000  # pure plans of a forgetful player that are tried one by one


@dataclass(frozen=True, eq=False)
class BehaviourProfile:
    """What is played at every information set.

    Attributes
    ----------
    probabilities : one vector a set, in the order of ``game.sets``.
    filled : sets that play never reaches and whose probabilities the method left open.
    """

    probabilities: tuple[AnyArray, ...]
    filled: frozenset[int] = frozenset()

    @property
    def exact(self) -> bool:
        return all(vector.dtype == object for vector in self.probabilities)

    def __getitem__(self, information_set: int) -> AnyArray:
        return self.probabilities[information_set]

    def __len__(self) -> int:
        return len(self.probabilities)


def as_behaviour(game: ExtensiveFormGame, play: Any) -> BehaviourProfile:
    """A checked profile from a profile, one vector a set, or one action index a set.

    Raises
    ------
    ParameterError
        If it does not fit the game, or a vector is no distribution; names the set.
    """
    parts = list(play.probabilities if isinstance(play, BehaviourProfile) else play)
    if len(parts) != len(game.sets):
        raise ParameterError(f"play at {len(parts)} information sets was given for the game's {len(game.sets)}.")
    vectors = []
    for h, (part, information) in enumerate(zip(parts, game.sets, strict=True)):
        size = len(information.actions)
        where = f"play of {game.players[information.player]} at {game.set_names[h]}"
        if isinstance(part, (int, np.integer)) and not isinstance(part, bool):
            if not 0 <= part < size:
                raise ParameterError(f"{where}: there is no action {part}.", hint=f"Actions: 0 to {size - 1}.")
            part = [int(a == part) for a in range(size)]
        vector = np.asarray(part)
        if vector.shape != (size,):
            raise ParameterError(f"{where} has shape {vector.shape}.", hint=f"Expected ({size},).")
        vectors.append(distribution(vector, where))
    return BehaviourProfile(tuple(vectors), play.filled if isinstance(play, BehaviourProfile) else frozenset())


def uniform_behaviour(game: ExtensiveFormGame) -> BehaviourProfile:
    """Every action of every set alike; exact."""
    return as_behaviour(game, [[Fraction(1, len(s.actions))] * len(s.actions) for s in game.sets])


def _numbers(game: ExtensiveFormGame, play: BehaviourProfile) -> tuple[list[Sequence[Any]], list[Any], list[Any]]:
    """Probabilities of sets and of chance, and payoffs, all Fractions or all floats."""
    if play.exact:
        chances: list[Any] = [c.probabilities for c in game.chances]
        return [list(v) for v in play.probabilities], chances, list(game.payoffs)
    floats = [[float(p) for p in v] for v in play.probabilities]
    return (
        floats,  # type: ignore[return-value]
        [[float(p) for p in c.probabilities] for c in game.chances],
        [[float(u) for u in payoffs] for payoffs in game.payoffs],
    )


def node_values(game: ExtensiveFormGame, play: BehaviourProfile) -> list[list[Any]]:
    """Expected payoffs of all players from every node on, shape (N, n)."""
    sets, chances, payoffs = _numbers(game, play)
    zero: Any = Fraction(0) if play.exact else 0.0
    values: list[list[Any]] = [[zero] * game.n for _ in range(game.size)]
    for node in range(game.size - 1, -1, -1):
        who, at = game.kinds[node], game.at[node]
        if who == TERMINAL:
            values[node] = list(payoffs[at])
        above = game.above[node]
        if above >= 0:
            odds = (chances if game.kinds[above] == CHANCE else sets)[game.at[above]][game.taken[node]]
            if odds:
                target, source = values[above], values[node]
                for i in range(game.n):
                    target[i] += odds * source[i]
    return values


def reach(game: ExtensiveFormGame, play: BehaviourProfile) -> list[Any]:
    """Probability with which play comes to each node."""
    sets, chances, _ = _numbers(game, play)
    found: list[Any] = [Fraction(1) if play.exact else 1.0] * game.size
    for node in range(1, game.size):
        above = game.above[node]
        odds = (chances if game.kinds[above] == CHANCE else sets)[game.at[above]][game.taken[node]]
        found[node] = found[above] * odds
    return found


@dataclass(frozen=True)
class Replies:
    """Best answers in the subgames that begin at some roots.

    Attributes
    ----------
    gains : root -> what each player could gain there by another plan for the subgame.
    plans : for each player an action at each of its sets, that together gain most.
    """

    gains: dict[int, tuple[Any, ...]]
    plans: tuple[tuple[int, ...], ...]


def best_replies(game: ExtensiveFormGame, play: BehaviourProfile, roots: Sequence[int] = (0,)) -> Replies:
    """Best answers of each player to the others, in one sweep.

    Parameters
    ----------
    roots : subgame roots in pre-order, the first of them 0; a subgame inside another enters it by its own best value,
        so the whole costs one pass over the tree a player.

    Raises
    ------
    UnsupportedGameError
        Without perfect recall.
    """
    require_perfect_recall(game, "best answers by one sweep")
    sets, chances, payoffs = _numbers(game, play)
    zero, one = (Fraction(0), Fraction(1)) if play.exact else (0.0, 1.0)
    values = node_values(game, play)
    inside = set(roots)
    owner = [0] * game.size
    for node in range(1, game.size):
        owner[node] = node if node in inside else owner[game.above[node]]
    first_node = [nodes[0] for nodes in game.members]
    chosen = [0] * len(game.sets)
    gains: dict[int, list[Any]] = {root: [zero] * game.n for root in roots}
    weight: list[Any] = [one] * game.size
    for i in range(game.n):
        sequence, first = game.sequences[i], game.first_sequence
        own_sets: dict[int, list[int]] = {}
        for h in game.sets_of[i]:
            own_sets.setdefault(owner[first_node[h]], []).append(h)
        best: dict[int, Any] = {}
        earned: list[Any] = [zero] * game.sequence_count(i)
        for root in reversed(roots):
            weight[root] = one
            node, last = root, game.end[root]
            base = sequence[root]
            earned[base] = zero
            for h in own_sets.get(root, ()):
                for a in range(len(game.sets[h].actions)):
                    earned[first[h] + a] = zero
            while node < last:
                if node != root:
                    above = game.above[node]
                    who = game.kinds[above]
                    if who == i:
                        weight[node] = weight[above]
                    else:
                        odds = (chances if who == CHANCE else sets)[game.at[above]][game.taken[node]]
                        weight[node] = weight[above] * odds
                    if not weight[node]:
                        node = game.end[node]  # the others never lead here: nothing to gain
                        continue
                    if node in inside:
                        earned[sequence[node]] += weight[node] * best[node]
                        node = game.end[node]
                        continue
                if game.kinds[node] == TERMINAL:
                    earned[sequence[node]] += weight[node] * payoffs[game.at[node]][i]
                node += 1
            for h in reversed(own_sets.get(root, [])):
                options = earned[first[h] : first[h] + len(game.sets[h].actions)]
                top = max(options)
                chosen[h] = options.index(top)
                earned[sequence[first_node[h]]] += top
            best[root] = earned[base]
            gains[root][i] = max(best[root] - values[root][i], zero)
    plans = tuple(tuple(chosen[h] for h in own) for own in game.sets_of)
    return Replies({root: tuple(found) for root, found in gains.items()}, plans)


def pure_plan_gains(game: ExtensiveFormGame, play: BehaviourProfile) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Gains by pure plans, tried one by one: all that can be said of a player who forgets.

    Returns
    -------
    Gain of each player, and the plan that gains most.
    """
    now = node_values(game, play)[0]
    gains, plans = [], []
    for i, own in enumerate(game.sets_of):
        sizes = [len(game.sets[h].actions) for h in own]
        if prod(sizes) > PLANS:
            raise UnsupportedGameError(
                f"{game.players[i]} forgets, and has {prod(sizes):,} plans.", hint=f"Up to {PLANS:,} are tried."
            )
        best, plan = now[i], tuple(int(np.argmax(play[h])) for h in own)
        for choice in product(*map(range, sizes)):
            vectors = list(play.probabilities)
            for h, action in zip(own, choice, strict=True):
                unit = [int(a == action) for a in range(len(game.sets[h].actions))]
                vectors[h] = distribution(unit if play.exact else np.array(unit, dtype=np.float64), "plan")
            value = node_values(game, BehaviourProfile(tuple(vectors)))[0][i]
            if value > best:
                best, plan = value, choice
        gains.append(best - now[i])
        plans.append(plan)
    return tuple(gains), tuple(plans)


def require_perfect_recall(game: ExtensiveFormGame, what: str) -> None:
    """
    Raises
    ------
    UnsupportedGameError
        If a player forgets; names the set and the two histories.
    """
    if game.perfect_recall:
        return
    h = game.forgetful_sets[0]
    who = game.sets[h].player
    nodes = game.members[h]
    other = next(v for v in nodes if game.sequences[who][v] != game.sequences[who][nodes[0]])
    raise UnsupportedGameError(
        f"{what} needs perfect recall: {game.players[who]} cannot tell apart at {game.set_names[h]} whether it played"
        f" {_own_history(game, nodes[0], who)} or {_own_history(game, other, who)}."
    )


def _own_history(game: ExtensiveFormGame, node: int, player: int) -> str:
    told: list[str] = []
    while game.above[node] >= 0:
        above = game.above[node]
        if game.kinds[above] == player:
            told.append(game.sets[game.at[above]].actions[game.taken[node]])
        node = above
    return " then ".join(reversed(told)) or "nothing"
