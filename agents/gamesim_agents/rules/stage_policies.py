"""Rule agents of the repeated stage games as vector policies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from gamesim.core.arrays import AnyArray, Arrays, FloatArray
from gamesim.envs.commons.stage_actions import encode_fines

from .stage_terms import StageTerms

CHOOSE, SANCTION, NORM = range(3)


@dataclass(frozen=True)
class StageRule:
    """Common answers: nobody is fined, and the norm proposed is what one plays oneself."""

    terms: StageTerms
    columns: ClassVar[int] = 2

    def initial_state(self, rows: int, seats: int, u: FloatArray) -> Any:
        return None

    def act(self, observation: Arrays, state: Any, u: FloatArray) -> tuple[AnyArray, Any]:
        phase, shape = int(np.asarray(observation["phase"]).flat[0]), observation["index"].shape
        if phase == CHOOSE:
            choice, state = self.choose_with(observation, state, u)
            action = self.terms.legal(choice)
        elif phase == SANCTION:
            action = encode_fines(self.fine(observation, u), self.terms.most_fines)
        else:
            action = np.clip(self.propose(observation), self.terms.low, self.terms.high)
        return np.array(np.broadcast_to(action, shape), dtype=np.float64), state

    def choose_with(self, seen: Arrays, state: Any, u: FloatArray) -> tuple[FloatArray, Any]:
        return self.choose(seen, u), state

    def choose(self, seen: Arrays, u: FloatArray) -> FloatArray:
        raise NotImplementedError

    def fine(self, seen: Arrays, u: FloatArray) -> FloatArray:
        """Fines by target, shape (B, n, N)."""
        return np.zeros((*seen["index"].shape, self.terms.players))

    def propose(self, seen: Arrays) -> FloatArray:
        return np.asarray(seen["choice"], dtype=np.float64)

    def mean_of_others(self, seen: Arrays, otherwise: float) -> FloatArray:
        """Mean of the others' last choices, shape (B, n); ``otherwise`` in the first round or alone."""
        total, mine = np.asarray(seen["board_choice"], dtype=np.float64).sum(axis=-1), np.asarray(seen["choice"])
        mean = (total - mine) / max(1, self.terms.players - 1)
        return np.where(np.isnan(mean), otherwise, mean)


@dataclass(frozen=True)
class Equilibrium(StageRule):
    def choose(self, seen: Arrays, u: FloatArray) -> FloatArray:
        return np.full(seen["index"].shape, self.terms.equilibrium)


@dataclass(frozen=True)
class Optimum(StageRule):
    def choose(self, seen: Arrays, u: FloatArray) -> FloatArray:
        return np.full(seen["index"].shape, self.terms.optimum)

    def propose(self, seen: Arrays) -> FloatArray:
        return np.full(seen["index"].shape, self.terms.optimum)


@dataclass(frozen=True)
class BestReply(StageRule):
    first: float | None = None

    def choose(self, seen: Arrays, u: FloatArray) -> FloatArray:
        others = self.mean_of_others(seen, np.nan) * (self.terms.players - 1)
        start = self.terms.equilibrium if self.first is None else self.first
        return np.where(np.isnan(others), start, self.terms.best_reply(others))


@dataclass(frozen=True)
class Fixed(StageRule):
    choice: float = 0.0

    def choose(self, seen: Arrays, u: FloatArray) -> FloatArray:
        return np.full(seen["index"].shape, self.choice)


@dataclass(frozen=True)
class ConditionalCooperator(StageRule):
    slope: float = 1.0
    first: float | None = None

    def choose(self, seen: Arrays, u: FloatArray) -> FloatArray:
        start = self.terms.optimum if self.first is None else self.first
        others = self.mean_of_others(seen, np.nan)
        return np.where(np.isnan(others), start, self.slope * others)


@dataclass(frozen=True)
class FreeRider(StageRule):
    def choose(self, seen: Arrays, u: FloatArray) -> FloatArray:
        return np.full(seen["index"].shape, float(self.alone()))

    def alone(self) -> FloatArray:
        others = np.asarray((self.terms.players - 1) * self.terms.optimum)
        return self.terms.legal(self.terms.best_reply(others))


@dataclass(frozen=True)
class Punisher(Optimum):
    fines: int = 1
    tolerance: float = 0.0

    def choose(self, seen: Arrays, u: FloatArray) -> FloatArray:
        return np.asarray(self.asked(seen))

    def asked(self, seen: Arrays) -> FloatArray:
        """The norm in force, else the optimum; shape (B, n)."""
        norm = np.broadcast_to(np.asarray(seen["norm"], dtype=np.float64), seen["index"].shape)
        return np.where(np.isnan(norm), self.terms.legal(self.terms.optimum), norm)

    def fine(self, seen: Arrays, u: FloatArray) -> FloatArray:
        board, asked = np.asarray(seen["board_choice"], dtype=np.float64), self.asked(seen)[..., None]
        short = board - asked if self.terms.less_is_better else asked - board
        given = np.where(short > self.tolerance + 1e-12, float(min(self.fines, self.terms.most_fines)), 0.0)
        own = np.arange(self.terms.players) == np.asarray(seen["index"])[..., None]
        return np.where(own, 0.0, given)


@dataclass(frozen=True)
class FearfulFreeRider(FreeRider):
    """State: rounds of good behaviour left, shape (B, n)."""

    memory: int = 5

    def initial_state(self, rows: int, seats: int, u: FloatArray) -> Any:
        return np.zeros((rows, seats))

    def choose_with(self, seen: Arrays, state: Any, u: FloatArray) -> tuple[FloatArray, Any]:
        norm = np.broadcast_to(np.asarray(seen["norm"], dtype=np.float64), seen["index"].shape)
        good = np.where(np.isnan(norm), self.terms.optimum, norm)
        afraid = np.where(np.asarray(seen["fines"]) > 0, float(self.memory), state)
        return np.where(afraid > 0, good, float(self.alone())), np.maximum(0.0, afraid - 1)


@dataclass(frozen=True)
class Random(StageRule):
    def choose(self, seen: Arrays, u: FloatArray) -> FloatArray:
        terms = self.terms
        if terms.integer:
            return np.asarray(np.floor(u[..., 0] * (np.floor(terms.high) + 1)))
        return terms.low + u[..., 0] * (terms.high - terms.low)

    def fine(self, seen: Arrays, u: FloatArray) -> FloatArray:
        index, players = np.asarray(seen["index"]), self.terms.players
        if players < 2:
            return super().fine(seen, u)
        rank = np.floor(u[..., 0] * (players - 1))
        target = rank + (rank >= index)
        amount = np.where(u[..., 1] < 0.5, 0.0, np.ceil((2 * u[..., 1] - 1) * self.terms.most_fines))
        return np.where(np.arange(players) == target[..., None], amount[..., None], 0.0)

    def propose(self, seen: Arrays) -> FloatArray:
        return np.asarray(seen["choice"], dtype=np.float64)
