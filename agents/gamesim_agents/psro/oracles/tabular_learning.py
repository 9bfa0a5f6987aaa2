"""Tables of values from rounds of play, and the mixture of tables that a player who minds risk answers with; see ``tabular``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.random import Generator

from gamesim.core.arrays import AnyArray, BoolArray, FloatArray, IntArray
from gamesim.core.errors import GameTooLargeError
from gamesim.core.policy import AgentSpec
from gamesim.core.solving import Opponents
from gamesim.envs.base import SeatView

from ..table import UNSEEN
from ..table_policy import NOWHERE, Places, even, packed
from .learning import Learner, Rounds
from .ppo import actions_of
from .screening import Mixture
from .sitting import Decide, Played
from .tabular import Tabular, places

SETTLED = 0.7  # share of the rounds after which play explores no less
STILL = 1e-3  # of the range of returns: a table that gains no more than that ends the mixing
KEPT = 1e-3  # chance above which a table is kept
MOST = 40_000_000  # numbers of one kind that are held
MEMORY = 0.3  # share of the newest round in the running returns


@dataclass(frozen=True)
class Learning(Learner):
    """The oracle."""

    config: Tabular

    def learned(self, subject: Any, player: int, opponents: Opponents, risk: Any, rng: Generator) -> AgentSpec:
        """The tables and their chances, as data."""
        config = self.config
        judge = Mixture(subject, player, opponents, risk, rng, episodes=config.evaluate)
        actions = actions_of(subject)
        assert actions is not None
        here, s = places(subject, config.keys), judge.chances
        tables: list[str] = []
        means: list[FloatArray] = []
        spreads: list[FloatArray] = []
        p, weights = np.zeros(0), np.ones(len(s))
        for _ in range(config.refreshes):
            table = _Values(here, actions[player], judge, weights).learned(config, rng)
            spec = _spec(here, actions[player], [packed(table)], np.ones(1))
            games = judge.returns(spec)
            mean = np.array([g.mean() for g in games])
            spread = np.array([g.var(ddof=1) if len(g) > 1 else 0.0 for g in games])
            if tables:
                gained = s @ (weights * (mean - p @ np.array(means))) - judge.inside * (s @ (spread - p @ np.array(spreads)))  # fmt: skip
                reach = float(np.ptp([*means, mean]))
                if gained <= STILL * reach or packed(table) in tables:
                    break
            tables.append(packed(table))
            means.append(mean)
            spreads.append(spread)
            p = mixed(np.array(means), np.array(spreads), judge, np.append(p, 0.0) if len(p) else np.ones(1))
            before, weights = weights, np.asarray(judge.risk.weights(p @ np.array(means), s))
            if np.allclose(before, weights):
                break
        kept = np.flatnonzero(p > KEPT)
        return _spec(here, actions[player], [tables[i] for i in kept], p[kept] / p[kept].sum())


def mixed(means: FloatArray, spreads: FloatArray, judge: Mixture, start: FloatArray) -> FloatArray:
    """Chances of tables at which the player's objective is largest.

    It is concave in them; chance is moved between two of them at a time, by a bounded search along the line, until nothing
    is gained.

    Parameters
    ----------
    means, spreads : (tables, m), mean and variance of returns against each joint opponent.
    start : (tables,).
    """
    from scipy.optimize import minimize_scalar

    def worth(p: FloatArray) -> float:
        return float(judge.risk.value(p @ means, judge.chances) - judge.inside * (judge.chances @ (p @ spreads)))

    p, best = start, worth(start)
    for _ in range(100):
        before = best
        for i, j in combinations(range(len(p)), 2):
            both, rest = p[i] + p[j], p.copy()
            if both <= 0:
                continue

            def along(share: float, i: int = i, j: int = j, both: float = both, rest: FloatArray = rest) -> FloatArray:
                moved = rest.copy()
                moved[i], moved[j] = both * share, both * (1 - share)
                return moved

            found = minimize_scalar(lambda x, along=along: -worth(along(x)), bounds=(0, 1), method="bounded", options={"xatol": 1e-9})  # fmt: skip
            p = max((p, along(0.0), along(1.0), along(float(found.x))), key=worth)
            best = worth(p)
        if best - before <= 1e-12 * max(1.0, abs(best)):
            break
    return p


def _spec(here: Places, actions: int, tables: Sequence[str], chances: FloatArray) -> AgentSpec:
    params = {
        "keys": list(here.keys), "low": list(here.low), "values": list(here.values), "count": list(here.count),
        "actions": actions, "tables": list(tables), "weights": [float(x) for x in chances],
    }  # fmt: skip
    return AgentSpec("table", params)


class _Values:
    """What actions in situations bring against each opponent, as play so far tells: arrays (opponents, situations, actions).

    Kept apart by opponent, so that weights are put to means, and the luck of who was met where is not taken for what was done.

    Attributes
    ----------
    sums : of lambda-returns, or of an episode's whole return where variance inside cells counts; then ``squares`` too.
    """

    def __init__(self, here: Places, actions: int, judge: Mixture, weights: FloatArray) -> None:
        self.here, self.actions, self.judge, self.weights = here, actions, judge, weights
        shape = (len(weights), here.size, actions)
        if np.prod(shape) > MOST:
            raise GameTooLargeError(
                f"{len(weights):,} opponents x {here.size:,} situations x {actions} actions are more than {MOST:,} numbers.",
                path="oracle", hint="Answer fewer of them (top_k), or name fewer keys.",
            )  # fmt: skip
        self.counts: FloatArray = np.zeros(shape)
        self.sums: FloatArray = np.zeros(shape)
        self.squares: FloatArray | None = np.zeros(shape) if judge.inside else None
        self.legal: BoolArray = np.zeros(shape[1:], dtype=bool)
        self.centre: FloatArray = np.zeros(len(weights))  # running mean returns
        self.scale = 1.0  # weight of a visit in this round

    def mean(self, sums: FloatArray, place: IntArray, which: slice = slice(None)) -> FloatArray:
        """(opponents, ..., actions); for an action that was not tried, the mean of those that were."""
        total, counts = sums[which, place], self.counts[which, place]
        centre = total.sum(axis=-1) / np.maximum(counts.sum(axis=-1), 1e-300)
        return np.where(counts > 0, total / np.maximum(counts, 1e-300), centre[..., None])

    def of(self, place: IntArray) -> FloatArray:
        """What actions are worth, (..., actions); -inf where there is no such action."""
        met = self.counts[:, place].sum(axis=-1)  # how often each opponent, here
        mean = self.mean(self.sums, place)
        along = (slice(None), *[None] * (mean.ndim - 1))
        value = self.weights[along] * mean
        if self.squares is not None:
            y = self.centre[along]
            value = value - self.judge.inside * (self.mean(self.squares, place) - 2 * y * mean + y**2)
        found = (met[..., None] * value).sum(axis=0) / np.maximum(met.sum(axis=0), 1e-300)[..., None]
        return np.where(self.legal[place], found, -np.inf)

    def met(self, place: IntArray) -> BoolArray:
        """Whether play has been there."""
        return np.asarray(self.counts[:, place].sum(axis=(0, -1)) > 0)

    def learned(self, config: Tabular, rng: Generator) -> AnyArray:
        """Actions (situations,), those never met ``UNSEEN``."""
        rounds = Rounds(self.judge, config.episodes)
        for number in range(config.batches):
            explore = max(config.explore, 1.0 - number / max(SETTLED * config.batches, 1e-9))
            self.scale = (number + 1.0) ** 2
            games, means = rounds.play(self._deciding(explore, rng), rng)
            self.centre = means if number == 0 else self.centre + MEMORY * (means - self.centre)
            for b, played in enumerate(games):
                self._book(b, played, float(rounds.share[b]), explore, config.smoothing)
        seen = np.flatnonzero(self.legal.any(axis=1))
        table = np.full(self.here.size, UNSEEN, dtype=np.uint8)
        table[seen] = self.of(seen).argmax(axis=-1)
        return table

    def _deciding(self, explore: float, rng: Generator) -> Decide:
        def decide(observation: SeatView, u: FloatArray) -> tuple[AnyArray, AnyArray, FloatArray]:
            place = self.here.of(observation, len(u), 1)[:, 0]
            if "action_mask" in observation:
                legal = np.asarray(observation["action_mask"], dtype=bool)[:, 0]
            else:
                legal = np.ones((len(u), self.actions), dtype=bool)
            within = place != NOWHERE
            self.legal[place[within]] |= legal[within]
            free = even(rng.random((len(u), 1)), self.actions, observation)[:, 0]
            best = np.where(within & self.met(place), self.of(place).argmax(axis=-1), free)
            return place, np.where(u < explore, free, best), u

        return decide

    def _book(self, b: int, played: Played, share: float, explore: float, smoothing: float) -> None:
        """Episodes against one opponent into the tables."""
        on = played.acted & (played.seen != NOWHERE)
        if self.squares is not None:
            target = np.broadcast_to(played.reward.sum(axis=0), played.reward.shape)
        else:
            target = _returns(played.reward, *self._expected(b, played, on, explore), smoothing)
        at = (np.full(int(on.sum()), b), played.seen[on], played.action[on])
        weight = share * self.scale
        np.add.at(self.counts, at, weight)
        np.add.at(self.sums, at, weight * target[on])
        if self.squares is not None:
            np.add.at(self.squares, at, weight * target[on] ** 2)

    def _expected(self, b: int, played: Played, on: BoolArray, explore: float) -> tuple[FloatArray, BoolArray]:
        """What play as it is brings against that opponent from where it was, (T, B), and where that is known."""
        legal = self.legal[played.seen]
        mean = self.mean(self.sums, played.seen, slice(b, b + 1))[0]
        best = np.take_along_axis(mean, self.of(played.seen).argmax(axis=-1)[..., None], axis=-1)[..., 0]
        average = np.where(legal, mean, 0.0).sum(axis=-1) / np.maximum(legal.sum(axis=-1), 1)
        return (1 - explore) * best + explore * average, on & (self.counts[b][played.seen].sum(axis=-1) > 0)


def _returns(reward: FloatArray, value: FloatArray, known: BoolArray, smoothing: float) -> FloatArray:
    """Lambda-returns (T, B): from a decision on what followed, corrected at each later one by what is expected from there."""
    target, ahead = np.zeros_like(reward), np.zeros(reward.shape[1])
    for t in range(len(reward) - 1, -1, -1):
        target[t] = ahead = reward[t] + ahead
        ahead = np.where(known[t], smoothing * ahead + (1 - smoothing) * value[t], ahead)
    return target
