"""The sequence form: linear in the tree where the normal form is exponential, and all arrays.

A sequence of a player is what it has done so far: none (0), or an (information set, action). A realisation plan x gives each
sequence its probability as far as the player has a say: x[0] = 1 and the actions of a set share what led to it. Payoffs are
then linear in every player's plan. Sets are grouped by depth in their player's own play, so a best answer is a few gathers
a depth.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .arrays import FloatArray, IntArray
from .behaviour import BehaviourProfile, require_perfect_recall
from .extensive_form import CHANCE, TERMINAL, ExtensiveFormGame


@dataclass(frozen=True, eq=False)
class Treeplex:
    """The plans of one player.

    Attributes
    ----------
    sets : (H,), the player's information sets, by their number in the game.
    first, size : (H,), the sequence of each set's first action, and its number of actions; the others follow.
    parent : (H,), the sequence that leads to each set.
    owner : (Q,), which of ``sets`` each sequence acts at; -1 for the empty one.
    depths : positions in ``sets``, grouped by how many own sets come before.
    """

    sets: IntArray
    first: IntArray
    size: IntArray
    parent: IntArray
    owner: IntArray
    depths: tuple[IntArray, ...]

    @property
    def sequences(self) -> int:
        return len(self.owner)

    @cached_property
    def _levels(self) -> tuple[tuple[IntArray, IntArray, IntArray], ...]:
        """For each depth: its sets, their sequences end to end, and where each set's begin."""
        levels = []
        for group in self.depths:
            sizes = self.size[group]
            starts = np.cumsum(sizes) - sizes
            inside = np.arange(int(sizes.sum())) - np.repeat(starts, sizes)
            levels.append((group, np.repeat(self.first[group], sizes) + inside, starts))
        return tuple(levels)

    def plan(self, behaviour: FloatArray) -> FloatArray:
        """Realisation plan of a behaviour, both of shape (Q,); entry 0 of the behaviour is not read."""
        x = np.ones(self.sequences)
        for group, sequences, _ in self._levels:
            x[sequences] = behaviour[sequences] * np.repeat(x[self.parent[group]], self.size[group])
        return x

    def behaviour(self, plan: FloatArray, floor: float = 0.0) -> tuple[FloatArray, IntArray]:
        """Behaviour of a plan, and the sets that it never reaches, where actions are played alike."""
        led = plan[self.parent]
        reached = led > floor
        total = np.add.reduceat(plan[1:], self.first - 1) if len(self.sets) else np.empty(0)
        reached &= total > 0
        share = np.where(reached, total, 1.0)
        behaviour = np.ones(self.sequences)
        mine = self.owner[1:]
        behaviour[1:] = np.where(reached[mine], plan[1:] / share[mine], 1.0 / self.size[mine])
        return behaviour, np.flatnonzero(~reached)

    def best(self, gradient: FloatArray) -> tuple[float, FloatArray]:
        """Largest value of ``gradient @ plan`` over all plans, and a pure behaviour that reaches it; first of ties."""
        value = gradient.astype(np.float64).copy()
        behaviour = np.zeros(self.sequences)
        behaviour[0] = 1.0
        for group, sequences, starts in reversed(self._levels):
            here = value[sequences]
            top = np.maximum.reduceat(here, starts)
            is_top = np.flatnonzero(here == np.repeat(top, self.size[group]))
            which = np.repeat(np.arange(len(group)), self.size[group])[is_top]
            _, one_each = np.unique(which, return_index=True)
            behaviour[sequences[is_top[one_each]]] = 1.0
            np.add.at(value, self.parent[group], top)
        return float(value[0]), behaviour

    def lexicographic(self, gradient: FloatArray, second: FloatArray, tie: float) -> FloatArray:
        """A pure behaviour that reaches the largest ``gradient @ plan`` and, where values within ``tie`` of one another
        leave a choice, the largest ``second @ plan`` among those; first of what is left. Set by set, from the last one up."""
        values, seconds = gradient.astype(np.float64).copy(), second.astype(np.float64).copy()
        behaviour = np.zeros(self.sequences)
        behaviour[0] = 1.0
        for group, sequences, starts in reversed(self._levels):
            sizes = self.size[group]
            here, beside = values[sequences], seconds[sequences]
            close = here >= np.repeat(np.maximum.reduceat(here, starts), sizes) - tie
            kept = np.where(close, beside, -np.inf)
            is_top = np.flatnonzero(kept == np.repeat(np.maximum.reduceat(kept, starts), sizes))
            _, one_each = np.unique(np.repeat(np.arange(len(group)), sizes)[is_top], return_index=True)
            chosen = is_top[one_each]
            behaviour[sequences[chosen]] = 1.0
            np.add.at(values, self.parent[group], here[chosen])
            np.add.at(seconds, self.parent[group], beside[chosen])
        return behaviour

    def constraints(self) -> Any:
        """Sparse E with E x = (1, 0, ..., 0) for plans x; shape (1 + H, Q)."""
        from scipy.sparse import csr_matrix

        h = len(self.sets)
        rows = np.concatenate([[0], 1 + self.owner[1:], 1 + np.arange(h)])
        columns = np.concatenate([[0], np.arange(1, self.sequences), self.parent])
        values = np.concatenate([[1.0], np.ones(self.sequences - 1), -np.ones(h)])
        return csr_matrix((values, (rows, columns)), shape=(1 + h, self.sequences))


@dataclass(frozen=True, eq=False)
class SequenceForm:
    """A tree with perfect recall in sequence form; made by ``sequence_form``.

    Attributes
    ----------
    plexes : the plans of each player.
    leaf_sequences : (n, L), each player's last sequence at each leaf.
    weights : (L, n), chance probability times payoff.
    odds : (L,), chance probability.
    """

    game: ExtensiveFormGame
    plexes: tuple[Treeplex, ...]
    leaf_sequences: IntArray
    weights: FloatArray
    odds: FloatArray

    @cached_property
    def matrices(self) -> tuple[Any, ...]:
        """For two players: sparse payoff matrices (Q_1, Q_2) of the first and of the second."""
        from scipy.sparse import csr_matrix

        rows, columns = self.leaf_sequences
        shape = (self.plexes[0].sequences, self.plexes[1].sequences)
        return tuple(csr_matrix((self.weights[:, i], (rows, columns)), shape=shape) for i in range(2))

    @cached_property
    def _turned(self) -> Any:
        return self.matrices[1].T.tocsr()

    def gradient(self, player: int, plans: tuple[FloatArray, ...]) -> FloatArray:
        """Payoff of each own sequence against the others' plans, shape (Q,)."""
        if len(self.plexes) == 2:
            return np.asarray(self.matrices[0] @ plans[1] if player == 0 else self._turned @ plans[0])
        weight = self.weights[:, player].copy()
        for j, plan in enumerate(plans):
            if j != player:
                weight *= plan[self.leaf_sequences[j]]
        count = self.plexes[player].sequences
        return np.asarray(np.bincount(self.leaf_sequences[player], weight, count), dtype=np.float64)

    def value(self, plans: tuple[FloatArray, ...]) -> FloatArray:
        """Expected payoffs, shape (n,)."""
        return np.array([self.gradient(i, plans) @ plans[i] for i in range(len(self.plexes))])

    def regrets(self, plans: tuple[FloatArray, ...]) -> FloatArray:
        """What each player could gain by another plan, shape (n,)."""
        found = []
        for i, plex in enumerate(self.plexes):
            gradient = self.gradient(i, plans)
            found.append(max(plex.best(gradient)[0] - float(gradient @ plans[i]), 0.0))
        return np.array(found)

    def nash_conv(self, plans: tuple[FloatArray, ...]) -> float:
        return float(self.regrets(plans).sum())

    def plans(self, play: BehaviourProfile) -> tuple[FloatArray, ...]:
        """Realisation plans of a behaviour profile."""
        found = []
        for plex in self.plexes:
            flat = [np.asarray(play[int(h)], dtype=np.float64) for h in plex.sets]
            found.append(plex.plan(np.concatenate([[1.0], *flat])))
        return tuple(found)

    def profile(self, plans: tuple[FloatArray, ...], floor: float = 1e-12) -> BehaviourProfile:
        """Behaviour profile of realisation plans; sets that their own player never reaches are ``filled``."""
        vectors: list[Any] = [None] * len(self.game.sets)
        filled: set[int] = set()
        for plex, plan in zip(self.plexes, plans, strict=True):
            behaviour, unreached = plex.behaviour(np.maximum(plan, 0.0), floor)
            filled.update(int(plex.sets[k]) for k in unreached)
            for h, first, size in zip(plex.sets, plex.first, plex.size, strict=True):
                vectors[int(h)] = behaviour[first : first + size]
        return BehaviourProfile(tuple(vectors), frozenset(filled))


def sequence_form(game: ExtensiveFormGame) -> SequenceForm:
    """The sequence form of a tree.

    Raises
    ------
    UnsupportedGameError
        Without perfect recall; names the set and the two histories.
    """
    require_perfect_recall(game, "the sequence form")
    leaves = [node for node in range(game.size) if game.kinds[node] == TERMINAL]
    odds = [1.0] * game.size
    drawn = [[float(p) for p in chance.probabilities] for chance in game.chances]
    for node in range(1, game.size):
        above = game.above[node]
        odds[node] = odds[above] * (drawn[game.at[above]][game.taken[node]] if game.kinds[above] == CHANCE else 1.0)
    payoffs = np.array([[u.numerator / u.denominator for u in game.payoffs[game.at[node]]] for node in leaves])
    chance = np.array([odds[node] for node in leaves])
    weights = payoffs * chance[:, None]
    ends = np.array([[own[node] for node in leaves] for own in game.sequences], dtype=np.int64)
    return SequenceForm(game, tuple(_treeplex(game, i) for i in range(game.n)), ends, weights, chance)


def _treeplex(game: ExtensiveFormGame, player: int) -> Treeplex:
    own = game.sets_of[player]
    first = np.array([game.first_sequence[h] for h in own], dtype=np.int64)
    size = np.array([len(game.sets[h].actions) for h in own], dtype=np.int64)
    parent = np.array([game.sequences[player][game.members[h][0]] for h in own], dtype=np.int64)
    owner = np.concatenate([[-1], np.repeat(np.arange(len(own)), size)]).astype(np.int64)
    depth = np.zeros(len(own), dtype=np.int64)
    for k, before in enumerate(parent):
        depth[k] = depth[owner[before]] + 1 if before else 0
    deepest = int(depth.max()) + 1 if len(own) else 0
    depths = tuple(np.flatnonzero(depth == d).astype(np.int64) for d in range(deepest))
    return Treeplex(np.array(own, dtype=np.int64), first, size, parent, owner, depths)
