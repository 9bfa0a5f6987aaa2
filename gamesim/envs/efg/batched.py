"""A game tree over many rows at once: every row stands at a node of its own.

Observation: ``set`` (B, N), the own information set to move at, -1 for who does not move; ``play`` (B, 1), which play of the
tree, from 1; ``role`` (B, N), the player of the tree that a seat plays; ``action_mask`` (B, N, K), which actions there are.
Facts: ``play``, ``set``, ``role`` of who moved. Outcome: ``payoff_<seat>``, summed over plays; ``plays``; ``moves``.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from gamesim.core.arrays import AnyArray, Arrays, FloatArray, IntArray
from gamesim.core.extensive_form import CHANCE, TERMINAL, ExtensiveFormGame
from gamesim.core.seeds import CHUNK, Seeds
from gamesim.envs.base import Batch, Environment, illegal
from gamesim.envs.repeated.actions import Choice

if TYPE_CHECKING:
    from .config import ExtensiveForm

PHASE = "move"


class Tables:
    """A tree as arrays that many rows are moved through."""

    def __init__(self, game: ExtensiveFormGame) -> None:
        self.game = game
        width = max((len(c) for c in game.children), default=0) or 1
        self.children = np.full((game.size, width), -1, dtype=np.int64)
        for node, below in enumerate(game.children):
            self.children[node, : len(below)] = below
        self.kind, self.at = game.player, game.index
        self.payoffs = np.array([[float(u) for u in leaf] for leaf in game.payoffs])
        most = max((len(c.actions) for c in game.chances), default=1)
        self.bounds = np.ones((max(len(game.chances), 1), most))
        for k, chance in enumerate(game.chances):
            sums = np.cumsum([float(p) for p in chance.probabilities])
            sums[np.flatnonzero([p > 0 for p in chance.probabilities])[-1] :] = (
                1.0  # what rounding left over goes to the last
            )
            self.bounds[k, : len(sums)] = sums
        self.sizes = np.array([len(s.actions) for s in game.sets] or [1])
        self.most = int(self.sizes.max())
        self.specs = tuple(Choice(s.actions) for s in game.sets)


class BatchedTree:
    """Rows end at different times: after ``repeat`` leaves each."""

    def __init__(self, config: ExtensiveForm, rows: int) -> None:
        self.config, self.rows = config, rows
        self.phase = ""
        self.n = len(config.seats())
        self._seeds: IntArray = np.zeros(rows, dtype=np.int64)

    @cached_property
    def tables(self) -> Tables:
        return Tables(self.config.tree)

    def reset(self, seeds: IntArray, options: Mapping[str, Any] | None = None) -> Batch:
        self._seeds = np.asarray(seeds, dtype=np.int64)
        self._node = np.zeros(self.rows, dtype=np.int64)
        self._play = np.ones(self.rows, dtype=np.int64)
        self._drawn = np.zeros(self.rows, dtype=np.int64)  # chance moves so far
        self._uniforms = np.empty((self.rows, 0))
        self._moves = np.zeros(self.rows)
        self._total = np.zeros((self.rows, self.n))
        self._over = np.zeros(self.rows, dtype=bool)
        self.phase = PHASE
        self._settle()  # what a tree without a decision pays is in its outcome alone
        return self._batch(np.zeros((self.rows, self.n)), {})

    def _roles(self) -> IntArray:
        """The player of the tree that each seat plays now, (B, N)."""
        shift = (self._play - 1)[:, None] if self.config.rotate else 0
        return np.asarray((np.arange(self.n)[None] + shift) % self.n * np.ones((self.rows, 1), dtype=np.int64))

    def mover(self) -> IntArray:
        """The seat that moves in each row; -1 where the row is over."""
        role = self.tables.kind[self._node]
        if self.config.rotate:
            role = np.where(role >= 0, (role - (self._play - 1)) % self.n, role)
        return np.where(self._over, -1, role)

    def _settle(self) -> FloatArray:
        """Let chance move and leaves pay until somebody must choose or the row is over; returns what was paid, (B, N)."""
        t, paid = self.tables, np.zeros((self.rows, self.n))
        while True:
            kind = t.kind[self._node]
            draws = np.flatnonzero((kind == CHANCE) & ~self._over)
            leaves = np.flatnonzero((kind == TERMINAL) & ~self._over)
            if not len(draws) and not len(leaves):
                return paid
            if len(draws):
                u = self._chance(draws)
                chosen = (u[:, None] >= t.bounds[t.at[self._node[draws]]]).sum(axis=1)
                self._node[draws] = t.children[self._node[draws], chosen]
            if len(leaves):
                roles = self._roles()[leaves]
                won = np.take_along_axis(t.payoffs[t.at[self._node[leaves]]], roles, axis=1)
                paid[leaves] += won
                self._total[leaves] += won
                last = self._play[leaves] >= self.config.repeat
                self._over[leaves[last]] = True
                again = leaves[~last]
                self._node[again] = 0
                self._play[again] += 1

    def _chance(self, rows: IntArray) -> FloatArray:
        """The next uniform of each row's chance; the k-th of an episode has index k."""
        need = int(self._drawn[rows].max()) + 1
        while self._uniforms.shape[1] < need:
            chunk = self._uniforms.shape[1] // CHUNK
            more = [Seeds(int(s)).block("environment", "chance", "chunk", chunk, shape=(CHUNK,)) for s in self._seeds]
            self._uniforms = np.concatenate([self._uniforms, np.array(more)], axis=1)
        u = self._uniforms[rows, self._drawn[rows]]
        self._drawn[rows] += 1
        return np.asarray(u)

    def step(self, actions: AnyArray | Arrays) -> Batch:
        given = np.asarray(actions["choice"] if isinstance(actions, Mapping) else actions, dtype=np.float64)
        t, movers = self.tables, self.mover()
        live = np.flatnonzero(movers >= 0)
        seats = movers[live]
        chosen = given[live, seats]
        sets = t.at[self._node[live]]
        bad = ~((chosen >= 0) & (chosen < t.sizes[sets]) & (chosen == np.floor(chosen)))
        if bad.any():
            b = int(bad.argmax())
            raise illegal(self.config.seats()[seats[b]], self.phase, float(chosen[b]), t.specs[int(sets[b])])
        facts = {key: np.full((self.rows, self.n), np.nan) for key in ("play", "set", "role")}
        facts["play"][live, seats] = self._play[live]
        facts["set"][live, seats] = sets
        facts["role"][live, seats] = t.kind[self._node[live]]
        self._node[live] = t.children[self._node[live], chosen.astype(np.int64)]
        self._moves[live] += 1
        paid = self._settle()
        if self._over.all():
            self.phase = ""
        return self._batch(paid, dict(facts))

    def _batch(self, reward: FloatArray, facts: dict[str, AnyArray]) -> Batch:
        movers = self.mover()
        if self._over.all():
            self.phase = ""
        return Batch(
            phase=self.phase,
            observation=self.observation(),
            reward=reward,
            terminated=np.repeat(self._over[:, None], self.n, axis=1),
            truncated=np.zeros(self.rows, dtype=bool),
            needs_action=movers[:, None] == np.arange(self.n)[None],
            facts=facts,
            outcome=self.outcome(),
        )

    def observation(self) -> dict[str, AnyArray]:
        t, movers = self.tables, self.mover()
        mine = movers[:, None] == np.arange(self.n)[None]
        sets = np.where(mine, t.at[self._node][:, None], -1)
        return {
            "set": sets,
            "play": self._play[:, None].copy(),
            "role": self._roles(),
            "action_mask": ((np.arange(t.most) < t.sizes[np.maximum(sets, 0)][..., None]) & mine[..., None]).astype(
                np.int8
            ),
        }

    def outcome(self) -> dict[str, AnyArray]:
        payoffs = {f"payoff_{seat}": self._total[:, i].copy() for i, seat in enumerate(self.config.seats())}
        plays = np.where(self._over, self._play, self._play - 1).astype(np.float64)
        return {**payoffs, "plays": plays, "moves": self._moves.copy()}

    def row(self, b: int) -> Environment:
        """Row b, as it stands, as an environment of its own."""
        from .environment import TreeEnvironment

        single = BatchedTree(self.config, 1)
        single.__dict__["tables"] = self.tables
        for key in ("_seeds", "_node", "_play", "_drawn", "_uniforms", "_moves", "_total", "_over"):
            setattr(single, key, getattr(self, key)[b : b + 1].copy())
        single.phase = "" if self._over[b] else PHASE
        return TreeEnvironment(self.config, single)
