"""Rules of repeated position auctions as vector policies."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from gamesim.core.arrays import AnyArray, Arrays, FloatArray, IntArray
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


@dataclass(frozen=True)
class Learned:
    """What a learner remembers.

    Attributes
    ----------
    earned : (B, n, K), what each share would have earned so far.
    value : (B, n), of the round before; NaN before the first.
    """

    earned: AnyArray
    value: AnyArray


@dataclass(frozen=True, eq=False)
class Hedge(OnGrid):
    """Plays a share with probability in proportion to exp(rate x what it would have earned)."""

    rate: float = 0.1
    columns: ClassVar[int] = 1

    def initial_state(self, rows: int, seats: int, u: FloatArray) -> Learned:
        return Learned(np.zeros((rows, seats, self.points)), np.full((rows, seats), np.nan))

    def share_of(self, seen: Arrays, state: Learned, u: FloatArray) -> tuple[AnyArray, Learned]:
        value, board = np.asarray(seen["value"]), np.asarray(seen["board_bid"])
        if not np.isnan(board).all():
            gained = self.would_have_earned(state.value, board, np.asarray(seen["index"]))
            state = replace(state, earned=state.earned + gained)
        weights = np.exp(self.rate * (state.earned - state.earned.max(axis=-1, keepdims=True)))
        below = np.cumsum(weights, axis=-1)
        place = (below <= u * below[..., -1:]).sum(axis=-1)
        return self.shares[np.minimum(place, self.points - 1)], replace(state, value=value)
