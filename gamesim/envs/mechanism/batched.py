"""Repeated position auctions over many rows at once; see ``config`` for what is seen and kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gamesim.core.arrays import AnyArray, Arrays, FloatArray, IntArray
from gamesim.core.seeds import CHUNK, Seeds
from gamesim.envs.base import Batch, Environment, illegal
from gamesim.envs.commons.stage_actions import Amount
from gamesim.envs.simultaneous import running

if TYPE_CHECKING:
    from .config import Auction

PHASE = "bid"
SUMMED = ("revenue", "welfare", "truthful_revenue", "truthful_welfare", "bids", "values")


class BatchedAuction:
    """All rows are in the same round; they differ by values, bids and readers."""

    def __init__(self, config: Auction, rows: int) -> None:
        self.config = config
        self.rows = rows
        self.phase = ""
        self.round = 1
        self.rule = config.rule()
        self.yardstick = config.rule("vcg")
        self.specs = (Amount(0.0, config.largest_bid, key="bid"),) * config.players
        self._seeds: IntArray = np.zeros(rows, dtype=np.int64)
        self._drawn: dict[str, tuple[int, FloatArray]] = {}
        self._state: dict[str, AnyArray] = {}

    def reset(self, seeds: IntArray, options: Mapping[str, Any] | None = None) -> Batch:
        shape = (self.rows, self.config.players)
        self._seeds, self._drawn = np.asarray(seeds, dtype=np.int64), {}
        self.phase, self.round = PHASE, 1
        none = np.full(shape, np.nan)
        self._state = {
            "value": self._values(),
            "bid": none, "click": none, "paid": none, "payoff": none, "slot": np.full(shape, -1, dtype=np.int64),
            **{key: np.zeros(self.rows) for key in SUMMED},
        }  # fmt: skip
        return self._batch(np.zeros(shape), {})

    def _uniforms(self, name: str, columns: int) -> FloatArray:
        """Those of this round, shape (B, columns)."""
        chunk, within = divmod(self.round - 1, CHUNK)
        held = self._drawn.get(name)
        if held is None or held[0] != chunk:
            shape = (columns, CHUNK)
            blocks = [Seeds(int(seed)).block("environment", name, "chunk", chunk, shape=shape) for seed in self._seeds]
            held = self._drawn[name] = (chunk, np.stack(blocks))
        return held[1][:, :, within]

    def _values(self) -> FloatArray:
        config = self.config
        if config.values is not None:
            return np.repeat(np.array([config.values]), self.rows, axis=0)
        if config.redraw == "episode" and self.round > 1:
            found: FloatArray = self._state["value"]
            return found
        return config.low + (config.high - config.low) * self._uniforms("values", config.players)

    def step(self, actions: AnyArray | Arrays) -> Batch:
        bids = np.array(actions["bid"] if isinstance(actions, Mapping) else actions, dtype=np.float64)
        bad = ~((bids >= 0) & (bids <= self.config.largest_bid))
        if bad.any():
            row, seat = np.argwhere(bad)[0]
            raise illegal(self.config.seats()[seat], self.phase, float(bids[row, seat]), self.specs[seat])
        state = self._state
        value: FloatArray = state["value"]
        sale = self.rule.sale(bids)
        click, paid = sale.click, sale.paid
        if self.config.reader == "drawn":
            clicked = self._clicked(click)
            paid = np.where(clicked > 0, paid / np.where(click > 0, click, 1.0), 0.0)
            click = clicked
        payoff = value * click - paid
        truth = self.yardstick.sale(value)
        sums = {
            "revenue": paid, "welfare": value * click, "truthful_revenue": truth.paid,
            "truthful_welfare": value * truth.click, "bids": bids, "values": value,
        }  # fmt: skip
        facts: dict[str, AnyArray] = {
            "round": np.full(bids.shape, float(self.round)), "value": value,
            "slot": sale.slot.astype(np.float64), "click": click, "paid": paid, "payoff": payoff,
        }  # fmt: skip
        self._state = {
            "value": value, "bid": bids, "click": click, "paid": paid, "payoff": payoff, "slot": sale.slot,
            **{key: state[key] + amount.sum(axis=1) for key, amount in sums.items()},
        }  # fmt: skip
        if self.round == self.config.horizon:
            self.phase = ""
        else:
            self.round += 1
            self._state["value"] = self._values()
        return self._batch(payoff, facts)

    def _clicked(self, chance: FloatArray) -> FloatArray:
        """1 for the ad that the round's reader clicks, shape (B, N); at most one a row."""
        below = np.cumsum(chance, axis=1)
        u = self._uniforms("reader", 1)
        return ((u < below) & (u >= below - chance)).astype(np.float64)

    def _batch(self, reward: FloatArray, facts: dict[str, AnyArray]) -> Batch:
        return Batch(
            phase=self.phase,
            observation=self.observation(),
            reward=reward,
            facts=facts,
            outcome=self.outcome(),
            **running(self.phase, self.rows, self.config.players),
        )

    def observation(self) -> dict[str, AnyArray]:
        state, shape = self._state, (self.rows, self.config.players)
        return {
            "phase": np.zeros((self.rows, 1), dtype=np.int64),
            "round": np.full((self.rows, 1), self.round),
            "board_bid": state["bid"][:, None],
            "board_slot": state["slot"][:, None],
            "index": np.broadcast_to(np.arange(shape[1]), shape),
            **{key: state[key] for key in ("value", "click", "paid", "payoff")},
        }

    def outcome(self) -> dict[str, AnyArray]:
        rounds = self.round if self.phase == "" else self.round - 1
        state, played = self._state, max(1, rounds)
        return {
            "rounds": np.full(self.rows, float(rounds)),
            "revenue": state["revenue"] / played,
            "social_welfare": state["welfare"] / played,
            "truthful_revenue": state["truthful_revenue"] / played,
            "truthful_welfare": state["truthful_welfare"] / played,
            "efficiency": _ratio(state["welfare"], state["truthful_welfare"]),
            "bid_to_value": _ratio(state["bids"], state["values"]),
        }

    def row(self, b: int) -> Environment:
        """Row b, as it stands, as an environment of its own."""
        from .environment import AuctionEnvironment

        single = BatchedAuction(self.config, 1)
        single.reset(self._seeds[b : b + 1])
        single._state = {key: value[b : b + 1] for key, value in self._state.items()}
        single._drawn = {name: (chunk, drawn[b : b + 1]) for name, (chunk, drawn) in self._drawn.items()}
        single.phase, single.round = self.phase, self.round
        return AuctionEnvironment(self.config, single)


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    return np.where(below > 0, above / np.where(below > 0, below, 1.0), np.nan)
