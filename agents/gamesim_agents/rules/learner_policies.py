"""Learners as vector policies of repeated matrix games.

A learner hears of each round once, when it sees the next one. With full feedback it hears what each of its actions would
have earned against what the others were seen to play; with bandit feedback, what the action it chose came to pay. So with
noise a bandit learner books a slip under the action it had chosen, which is what the environment does to its choices.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gamesim.core.arrays import AnyArray, Arrays, FloatArray, IntArray
from gamesim.core.learners.feedback import Bandit, Full
from gamesim.core.learners.play import begin, by_row, drawn
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.policy import Learner
from gamesim.core.regrets import counterfactual_utilities


@dataclass(frozen=True, eq=False)
class Memory:
    """What each seat's learner knows.

    Attributes
    ----------
    seeds : uniforms (B, n) from which learners that draw numbers of their own are seeded.
    states : one a seat, empty before the first round.
    chosen : actions of the last round, (B, n).
    round : the round they belong to.
    """

    seeds: FloatArray
    states: tuple[Any, ...]
    chosen: IntArray
    round: int


@dataclass(frozen=True, eq=False)
class LearnerPolicy:
    game: NormalFormGame
    learner: Learner
    horizon: int | None
    columns: int = field(default=1, init=False)

    def initial_state(self, rows: int, seats: int, u: FloatArray) -> Memory:
        return Memory(u[..., 0].copy(), (), np.zeros((rows, seats), dtype=np.int64), 0)

    def act(self, observation: Arrays, state: Memory, u: FloatArray) -> tuple[AnyArray, Memory]:
        rows, seats = u.shape[:2]
        index = np.broadcast_to(observation["index"], (rows, seats))
        last = np.asarray(observation["last"])
        last = np.broadcast_to(last, (rows, max(1, last.shape[1]), last.shape[2]))[:, 0]
        now = int(np.asarray(observation["round"]).flat[0])
        learner = by_row(self.learner)
        states, chances = [], []
        for seat in range(seats):
            player = self.followed(int(index[0, seat]))
            if not state.states:
                rngs = [np.random.default_rng(int(x * 2**53)) for x in state.seeds[:, seat]]
                own = begin(learner, self.game.shape[player], self.horizon, rngs)
            else:
                own = state.states[seat]
                if now != state.round:
                    own = learner.update(own, self.heard(player, last, state.chosen[:, seat], observation, seat))
            states.append(own)
            chances.append(np.broadcast_to(learner.probabilities(own), (rows, self.game.shape[player])))
        chosen = np.stack(
            [self.choose(int(index[0, seat]), chances[seat], u[:, seat, 0]) for seat in range(seats)], axis=1
        )
        return chosen.astype(np.float64), Memory(state.seeds, tuple(states), chosen, now)

    def followed(self, player: int) -> int:
        """Whose learner a seat keeps."""
        return player

    def heard(self, player: int, last: IntArray, chosen: IntArray, observation: Arrays, seat: int) -> Full | Bandit:
        """The feedback of the last round, (B, ...)."""
        if self.learner.bandit:
            payoff = np.broadcast_to(observation["payoff"], (len(last), np.asarray(observation["payoff"]).shape[1]))
            return Bandit(chosen, self.scaled(payoff[:, seat]))
        return Full(self.scaled(counterfactual_utilities(self.game, last, player)))

    def scaled(self, payoffs: FloatArray) -> FloatArray:
        """Payoffs in [0, 1] of the game's range."""
        return np.asarray((payoffs - self.game.payoffs.min()) / self.game.payoff_range)

    def choose(self, player: int, chances: FloatArray, u: FloatArray) -> IntArray:
        return drawn(chances, u)


class AdversaryPolicy(LearnerPolicy):
    """Keeps a copy of the other's learner, and plays what gives its strategy the least; ties to the first action."""

    def followed(self, player: int) -> int:
        return 1 - player

    def heard(self, player: int, last: IntArray, chosen: IntArray, observation: Arrays, seat: int) -> Full | Bandit:
        if self.learner.bandit:
            got = self.game.payoffs[player][tuple(last.T)]
            return Bandit(last[:, player], self.scaled(got))
        return super().heard(player, last, chosen, observation, seat)

    def choose(self, player: int, chances: FloatArray, u: FloatArray) -> IntArray:
        other = 1 - player
        table = np.moveaxis(self.game.payoffs[other], other, 0)  # (their actions, mine)
        left = (chances[:, :, None] * table).sum(axis=1)
        return np.asarray(left.argmin(axis=1))
