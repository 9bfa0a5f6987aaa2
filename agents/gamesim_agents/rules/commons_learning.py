"""Two rules of the commons that compute: the planner (dynamic programming) and the tabular Q-learner."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, NamedTuple

import numpy as np

from gamesim.core.arrays import FloatArray, IntArray
from gamesim.envs.commons.growth import GrowthLaw, grow

from .commons_rules import CommonsRule, Sustainable
from .commons_sight import Sight

STOCKS, OTHERS, OWN = 121, 9, 41  # grid points of the planner's problem


class Plan(NamedTuple):
    """The planner's value of a stock while the others take a fixed part of it, shape (OTHERS, STOCKS), fish."""

    others: FloatArray
    stocks: FloatArray
    own: FloatArray
    value: FloatArray


@lru_cache(maxsize=32)
def plan(law: GrowthLaw, own_most: float, others_most: float, minimum: float, discount: float) -> Plan:
    """Solve one harvester's problem on a grid of stocks, for each of several parts that the others take for ever.

    Parameters
    ----------
    own_most, others_most : largest part of the stock that oneself, and all the others, can take in a round.
    minimum : stock at which everything ends, fish.
    discount : weight of the next round, in [0, 1).
    """
    others = np.linspace(0.0, others_most, OTHERS)[:, None, None]
    stocks = np.linspace(0.0, law.capacity, STOCKS)[None, :, None]
    own = np.linspace(0.0, own_most, OWN)[None, None, :]
    gain, after = outcome(law, stocks, own, others)
    step = law.capacity / (STOCKS - 1)
    low = np.minimum((after / step).astype(np.int64), STOCKS - 2)
    weight = after / step - low
    goes_on = after > minimum
    rows = np.arange(OTHERS)[:, None]
    value = np.zeros((OTHERS, STOCKS))
    for _ in range(500):  # improve the plan, then evaluate it for a while
        place = np.arange(OTHERS)[:, None, None]
        future = value[place, low] * (1 - weight) + value[place, low + 1] * weight
        worth = gain + discount * np.where(goes_on, future, 0.0)
        best = worth.argmax(axis=2)[..., None]
        improved = np.take_along_axis(worth, best, axis=2)[..., 0]
        done = np.abs(improved - value).max() <= 1e-9 * law.capacity
        value = improved
        if done:
            break
        now, at, up, on = (np.take_along_axis(a, best, axis=2)[..., 0] for a in (gain, low, weight, goes_on))
        for _ in range(30):
            value = now + discount * np.where(on, value[rows, at] * (1 - up) + value[rows, at + 1] * up, 0.0)
    return Plan(others.ravel(), stocks.ravel(), own.ravel(), value)


def outcome(law: GrowthLaw, stock: FloatArray, own: FloatArray, others: FloatArray) -> tuple[FloatArray, FloatArray]:
    """What oneself gets, and the next stock, when parts ``own`` and ``others`` of it are asked; rationed in proportion."""
    total = np.maximum(1.0, own + others)
    gain = stock * own / total
    taken = stock * np.minimum(1.0, own + others)
    after = grow(stock - taken, law) if law.order == "harvest_then_grow" else np.maximum(grow(stock, law) - taken, 0.0)
    return gain, np.broadcast_to(after, np.broadcast_shapes(gain.shape, after.shape))


@dataclass(frozen=True)
class Planner(Sustainable):
    """Maximises its own discounted harvest, assuming the others go on taking the part of the stock they took last.

    In a commons whose stock is a nuisance it removes the least that keeps the house alive: its share of it, or what the
    others are not expected to do, whichever is more.
    """

    discount: float = 0.95

    def harvest(self, sight: Sight, u: FloatArray) -> FloatArray:
        terms = self.terms
        stock, others = sight.filled(sight.stock), sight.filled(sight.alive - 1)
        last = sight.mean_of_others("harvest") * others
        if terms.nuisance:
            need = np.maximum(0.0, stock - terms.maximum)
            share = need / (others + 1)
            wanted = np.fmax(share, need - last)
            return terms.play(np.ceil(wanted - 1e-9) if terms.integer else wanted, stock)
        effort = terms.catch == "effort"
        own_most = terms.productivity if effort else 1.0
        others_most = min(1.0, terms.productivity * (terms.players - 1)) if effort else 1.0
        solved = plan(terms.law, own_most, others_most, terms.minimum, self.discount)
        with np.errstate(divide="ignore", invalid="ignore"):
            part = terms.productivity * sight.mean_of_others("effort") * others if effort else last / stock
        yielding = terms.best_yield / terms.best_stock if terms.best_stock > 0 else 0.0
        fair = np.full_like(stock, yielding * (terms.players - 1) / terms.players)
        part = np.clip(np.where(np.isfinite(part) & (sight.own("round") > 1), part, fair), 0.0, others_most)
        chosen = self._best(solved, stock, part)
        return terms.play(chosen * stock, stock)

    def _best(self, solved: Plan, stock: FloatArray, part: FloatArray) -> FloatArray:
        """The own part to take: one step of look-ahead from the actual stock against the solved values."""
        gain, after = outcome(self.terms.law, stock[..., None], solved.own, part[..., None])
        step = solved.stocks[1]
        low = np.minimum((after / step).astype(np.int64), STOCKS - 2)
        weight = after / step - low
        width = solved.others[1] if solved.others[1] > 0 else 1.0
        row = np.minimum((part / width).astype(np.int64), OTHERS - 2)[..., None]
        slope = part[..., None] / width - row
        value = solved.value

        def at(rows: IntArray) -> FloatArray:
            return np.asarray(value[rows, low] * (1 - weight) + value[rows, low + 1] * weight)

        future = at(row) * (1 - slope) + at(row + 1) * slope
        worth = gain + self.discount * np.where(after > self.terms.minimum, future, 0.0)
        # Equal worth to within rounding goes to the smaller part, so that flat optima are not decided by noise.
        best = (worth >= worth.max(axis=-1, keepdims=True) * (1 - 1e-12)).argmax(axis=-1)
        return np.asarray(solved.own[best])


@dataclass(frozen=True)
class QState:
    """A learner's memory, arrays leading with (B, n): values of (stock bin, effort level), and the last choice, -1 = none."""

    values: FloatArray
    last: IntArray


@dataclass(frozen=True)
class QLearner(CommonsRule):
    """Learns what each effort is worth at each level of the stock from its own payoffs; explores with probability epsilon."""

    learning_rate: float = 0.2
    discount: float = 0.9
    epsilon: float = 0.1
    bins: int = 8
    levels: int = 6
    columns: ClassVar[int] = 2

    def initial_state(self, rows: int, seats: int, u: FloatArray) -> QState:
        return QState(np.zeros((rows, seats, self.bins * self.levels)), np.full((rows, seats), -1, dtype=np.int64))

    def harvest_with(self, sight: Sight, state: QState, u: FloatArray) -> tuple[FloatArray, QState]:
        stock = sight.filled(sight.stock)
        bin_ = np.clip((stock / self.terms.law.capacity * self.bins).astype(np.int64), 0, self.bins - 1)
        places = bin_[..., None] * self.levels + np.arange(self.levels)
        values = np.take_along_axis(state.values, places, axis=-1)
        reward = np.nan_to_num(sight.own("payoff"))
        table = state.values.copy()
        last = np.maximum(state.last, 0)[..., None]
        old = np.take_along_axis(table, last, axis=-1)
        target = (reward + self.discount * values.max(axis=-1))[..., None]
        learned = np.where(state.last[..., None] >= 0, old + self.learning_rate * (target - old), old)
        np.put_along_axis(table, last, learned, axis=-1)
        values = np.take_along_axis(table, places, axis=-1)
        explore = u[..., 0] < self.epsilon
        level = np.where(explore, np.floor(u[..., 1] * self.levels).astype(np.int64), values.argmax(axis=-1))
        effort = level / (self.levels - 1)
        action = self.terms.from_share(effort, stock, sight.filled(sight.alive))
        return action, QState(table, np.take_along_axis(places, level[..., None], axis=-1)[..., 0])
