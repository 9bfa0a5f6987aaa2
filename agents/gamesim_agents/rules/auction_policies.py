"""Rules of repeated position auctions as vector policies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from gamesim.core.arrays import AnyArray, Arrays, FloatArray, IntArray
from gamesim.core.learners.feedback import Bandit, Full
from gamesim.core.learners.play import begin, by_row, drawn
from gamesim.core.policy import Learner
from gamesim.envs.mechanism.position_auction import PositionAuction

EQUAL = 1e-12  # utilities that differ by less are a tie


@dataclass(frozen=True, eq=False)
class AuctionRule:
    """What the rules share: ``cap`` is the largest bid."""

    cap: float
    columns: ClassVar[int] = 0

    def initial_state(self, rows: int, seats: int, u: FloatArray) -> Any:
        return None

    def act(self, observation: Arrays, state: Any, u: FloatArray) -> tuple[AnyArray, Any]:
        share, state = self.share_of(observation, state, u)
        return np.clip(share * np.asarray(observation["value"]), 0.0, self.cap), state

    def share_of(self, seen: Arrays, state: Any, u: FloatArray) -> tuple[AnyArray, Any]:
        """Bid over value, (B, n), and the next state."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class Shade(AuctionRule):
    share: float = 1.0

    def share_of(self, seen: Arrays, state: Any, u: FloatArray) -> tuple[AnyArray, Any]:
        return np.full(np.shape(seen["value"]), self.share), state


class Random(AuctionRule):
    columns: ClassVar[int] = 1

    def share_of(self, seen: Arrays, state: Any, u: FloatArray) -> tuple[AnyArray, Any]:
        return u[..., 0], state


@dataclass(frozen=True, eq=False)
class OnGrid(AuctionRule):
    """What each share of a value would have earned against the others' last bids; all bids are public, so it can be told."""

    auction: PositionAuction
    points: int

    @property
    def shares(self) -> FloatArray:
        return np.linspace(0.0, 1.0, self.points)

    def would_have_earned(self, value: FloatArray, board: FloatArray, index: IntArray) -> FloatArray:
        """Expected utility of every share, (B, n, K); ``board`` (B, 1, N) holds the bids of the round."""
        rows, seats = value.shape
        bids = np.repeat(np.broadcast_to(board, (rows, seats, board.shape[-1]))[:, :, None], self.points, axis=2)
        own = np.clip(value[..., None] * self.shares, 0.0, self.cap)
        mine = index[..., None, None] == np.arange(bids.shape[-1])
        sale = self.auction.sale(np.where(mine, own[..., None], bids).reshape(-1, bids.shape[-1]))
        which = np.broadcast_to(index[..., None], own.shape).reshape(-1)
        at = np.arange(len(which)), which
        return value[..., None] * sale.click[at].reshape(own.shape) - sale.paid[at].reshape(own.shape)


class BestReply(OnGrid):
    def share_of(self, seen: Arrays, state: Any, u: FloatArray) -> tuple[AnyArray, Any]:
        value, board = np.asarray(seen["value"]), np.asarray(seen["board_bid"])
        if np.isnan(board).all():
            return np.ones(value.shape), state
        earned = self.would_have_earned(value, board, np.asarray(seen["index"]))
        good = earned >= earned.max(axis=-1, keepdims=True) - EQUAL
        return self.shares[
            self.points - 1 - good[..., ::-1].argmax(axis=-1)
        ], state  # of several the nearest to the truth


@dataclass(frozen=True, eq=False)
class Memory:
    """What each seat's learner knows.

    Attributes
    ----------
    states : one a seat.
    chosen, value : shares chosen in the last round and the values then, (B, n).
    """

    states: tuple[Any, ...]
    chosen: IntArray
    value: FloatArray


@dataclass(frozen=True, eq=False)
class BidLearner(OnGrid):
    """Shares of the value as a learner's actions.

    It hears what each would have earned against the others' last bids, or (bandit learners) what its own came to earn, as
    parts of the largest value: no share above 1 is bid, so that nobody loses.
    """

    learner: Learner
    horizon: int
    largest: float
    columns: ClassVar[int] = 1

    def initial_state(self, rows: int, seats: int, u: FloatArray) -> Memory:
        learner, states = by_row(self.learner), []
        for seat in range(seats):  # learners that draw numbers of their own are seeded by the first uniforms
            rngs = [np.random.default_rng(int(x * 2**53)) for x in u[:, seat, 0]]
            states.append(begin(learner, self.points, self.horizon, rngs))
        return Memory(tuple(states), np.zeros((rows, seats), dtype=np.int64), np.full((rows, seats), np.nan))

    def share_of(self, seen: Arrays, state: Memory, u: FloatArray) -> tuple[AnyArray, Memory]:
        value, board, index = (np.asarray(seen[key]) for key in ("value", "board_bid", "index"))
        learner, states, chosen = by_row(self.learner), list(state.states), np.empty(value.shape, dtype=np.int64)
        if not np.isnan(board).all():
            if self.learner.bandit:
                earned = np.asarray(seen["payoff"]) / self.largest
                heard: list[Any] = [Bandit(state.chosen[:, i], earned[:, i]) for i in range(len(states))]
            else:
                every = self.would_have_earned(state.value, board, index) / self.largest
                heard = [Full(every[:, i]) for i in range(len(states))]
            states = [learner.update(own, told) for own, told in zip(states, heard, strict=True)]
        for seat, own in enumerate(states):
            chances = np.broadcast_to(learner.probabilities(own), (len(value), self.points))
            chosen[:, seat] = drawn(chances, u[:, seat, 0])
        return self.shares[chosen], Memory(tuple(states), chosen, value)
