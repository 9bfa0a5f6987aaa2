"""Formal games as PSRO sees them: a policy is a point of a polytope in which every payoff is linear.

In a matrix game the polytope is the simplex of mixed strategies, in a tree with perfect recall the realisation plans. A
mixture of policies is their weighted sum, a best answer a vertex, and the table of a pool is a few matrix products.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.random import Generator

from gamesim.core.arrays import FloatArray, IntArray
from gamesim.core.errors import GameTooLargeError, UnsupportedGameError
from gamesim.core.extensive_form import ExtensiveFormGame
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.sequence_form import SequenceForm, sequence_form
from gamesim.core.symmetric import SymmetricGame

TIE = 1e-12  # of the payoff range: values closer than that are equal
LEAVES = 20_000_000


class Polytope(Protocol):
    """A game of n players whose policies are vectors."""

    game: Any
    n: int
    scale: float

    def even(self, player: int) -> FloatArray:
        """The policy that plays every action alike."""
        ...

    def vertices(self, player: int) -> int | None:
        """How many pure policies there are, where that is a number worth knowing."""
        ...

    def gradient(self, player: int, plans: Sequence[FloatArray | None]) -> FloatArray:
        """What each coordinate of a player's policy earns against the others'; her own entry is not read."""
        ...

    def answer(self, player: int, gradient: FloatArray, first: bool = False) -> tuple[FloatArray, IntArray]:
        """A pure policy that earns most, and its code.

        Ties are broken lexicographically: among actions of equal value the one that is best against everybody even; with
        ``first``, by the lowest index.
        """
        ...

    def decode(self, player: int, code: Sequence[int]) -> FloatArray:
        """The policy of a code: an action a set in play order."""
        ...

    def arbitrary(self, player: int, rng: Generator | None) -> tuple[int, ...]:
        """The code of a policy drawn evenly; without a generator that of the first actions."""
        ...

    def sample(self, plans: Sequence[FloatArray], episodes: int, rng: Generator) -> FloatArray:
        """Payoffs of episodes that were played under the policies, shape (episodes, n); in no order that means anything."""
        ...

    def earned(
        self, player: int, pool: Sequence[FloatArray], other: FloatArray, episodes: int, rng: Generator
    ) -> FloatArray:
        """What each policy of a pool earned a player against the other player's, on average over episodes of its own."""
        ...


def polytope(game: Any) -> Polytope:
    """
    Raises
    ------
    UnsupportedGameError
        If a player of a tree forgets, or the thing is no game in normal or extensive form.
    GameTooLargeError
        For a tree of more leaves than the sequence form holds.
    """
    if isinstance(game, (NormalFormGame, SymmetricGame)):
        return Simplices(game.to_normal_form())
    if isinstance(game, ExtensiveFormGame):
        if len(game.payoffs) > LEAVES:
            raise GameTooLargeError(f"the tree has {len(game.payoffs):,} leaves; the sequence form holds {LEAVES:,}.", hint="Use a learning oracle.")  # fmt: skip
        return Treeplexes(sequence_form(game))
    raise UnsupportedGameError(f"exact oracles answer games in normal or extensive form, not a {type(game).__name__}.")


class Simplices:
    """A matrix game; a policy is a mixed strategy, its code the action."""

    def __init__(self, game: NormalFormGame) -> None:
        self.game, self.n, self.scale = game, game.n, game.payoff_range
        self._even = [np.full(k, 1.0 / k) for k in game.shape]

    def even(self, player: int) -> FloatArray:
        return self._even[player]

    def vertices(self, player: int) -> int | None:
        return int(self.game.shape[player])

    def gradient(self, player: int, plans: Sequence[FloatArray | None]) -> FloatArray:
        profile = [self._even[i] if plan is None or i == player else plan for i, plan in enumerate(plans)]
        return np.asarray(self.game.action_payoffs(player, profile), dtype=np.float64)

    def answer(self, player: int, gradient: FloatArray, first: bool = False) -> tuple[FloatArray, IntArray]:
        code = int(gradient.argmax())
        return self.decode(player, [code]), np.array([code])

    def decode(self, player: int, code: Sequence[int]) -> FloatArray:
        plan = np.zeros(self.game.shape[player])
        plan[int(code[0])] = 1.0
        return plan

    def arbitrary(self, player: int, rng: Generator | None) -> tuple[int, ...]:
        return (0 if rng is None else int(rng.integers(self.game.shape[player])),)

    def sample(self, plans: Sequence[FloatArray], episodes: int, rng: Generator) -> FloatArray:
        drawn = [rng.choice(len(plan), size=episodes, p=plan) for plan in plans]
        return np.ascontiguousarray(
            self.game.payoffs.reshape(self.n, -1)[:, np.ravel_multi_index(drawn, self.game.shape)].T
        )

    def earned(
        self, player: int, pool: Sequence[FloatArray], other: FloatArray, episodes: int, rng: Generator
    ) -> FloatArray:
        odds = np.array([np.outer(plan, other).ravel() for plan in pool])
        payoffs = self.game.payoffs[player] if player == 0 else self.game.payoffs[player].T
        return _drawn(odds, payoffs.ravel(), episodes, rng)


class Treeplexes:
    """A tree with perfect recall; a policy is a realisation plan, its code one action at each of the player's sets."""

    def __init__(self, form: SequenceForm) -> None:
        self.form, self.game, self.n = form, form.game, form.game.n
        self.scale = float(form.game.payoff_range)
        self._even = [plex.plan(1.0 / np.concatenate([[1.0], np.repeat(plex.size, plex.size)])) for plex in form.plexes]
        self._against_even = [form.gradient(i, tuple(self._even)) for i in range(self.n)]

    def even(self, player: int) -> FloatArray:
        return self._even[player]

    def vertices(self, player: int) -> int | None:
        return None

    def gradient(self, player: int, plans: Sequence[FloatArray | None]) -> FloatArray:
        given = tuple(self._even[i] if plan is None else plan for i, plan in enumerate(plans))
        return self.form.gradient(player, given)

    def answer(self, player: int, gradient: FloatArray, first: bool = False) -> tuple[FloatArray, IntArray]:
        plex = self.form.plexes[player]
        second = np.zeros_like(gradient) if first else self._against_even[player]
        behaviour = plex.lexicographic(gradient, second, TIE * self.scale)
        code = np.array([int(behaviour[f : f + k].argmax()) for f, k in zip(plex.first, plex.size, strict=True)])
        return plex.plan(behaviour), code

    def decode(self, player: int, code: Sequence[int]) -> FloatArray:
        plex = self.form.plexes[player]
        behaviour = np.zeros(plex.sequences)
        behaviour[0] = 1.0
        behaviour[plex.first + np.asarray(code, dtype=np.int64)] = 1.0
        return plex.plan(behaviour)

    def arbitrary(self, player: int, rng: Generator | None) -> tuple[int, ...]:
        sizes = self.form.plexes[player].size
        return tuple(0 if rng is None else int(rng.integers(k)) for k in sizes)

    def sample(self, plans: Sequence[FloatArray], episodes: int, rng: Generator) -> FloatArray:
        reach = self.form.odds.copy()
        for ends, plan in zip(self.form.leaf_sequences, plans, strict=True):
            reach *= plan[ends]
        counts = rng.multinomial(episodes, reach / reach.sum())
        met = np.flatnonzero(counts)
        return np.repeat(self.form.weights[met] / self.form.odds[met, None], counts[met], axis=0)

    def earned(
        self, player: int, pool: Sequence[FloatArray], other: FloatArray, episodes: int, rng: Generator
    ) -> FloatArray:
        mine, theirs = self.form.leaf_sequences[player], self.form.leaf_sequences[1 - player]
        odds = self.form.odds * other[theirs] * np.array(pool)[:, mine]
        return _drawn(odds, self.form.weights[:, player] / self.form.odds, episodes, rng)


def _drawn(odds: FloatArray, payoffs: FloatArray, episodes: int, rng: Generator) -> FloatArray:
    """Mean payoff of each row of odds (policies, ends) over episodes."""
    counts = rng.multinomial(episodes, odds / odds.sum(axis=1, keepdims=True))
    return np.asarray(np.einsum("ij,j->i", counts, payoffs)) / episodes
