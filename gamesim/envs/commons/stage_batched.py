"""The repeated stage games over many rows at once. Nothing is drawn at random: rows differ only by what is played."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gamesim.core.arrays import AnyArray, Arrays, BoolArray, FloatArray, IntArray
from gamesim.envs.base import Batch, Environment, illegal
from gamesim.envs.simultaneous import running

from .stage_actions import Amount, Fines, decode_fines
from .stage_games import after_fines

if TYPE_CHECKING:
    from .stage_config import StageGame

CODES = {"choose": 0, "sanction": 1, "norm": 2}
KEYS = {"choose": "choice", "sanction": "fines", "norm": "cap"}  # each phase's key in the dictionary of actions

State = dict[str, AnyArray]


class BatchedStageGame:
    """See ``stage_config`` for the order of a round and ``observation`` for what is seen.

    Observation: ``phase``, ``round`` (1-based), ``norm`` (NaN = none), ``stock`` (fish war) (B, 1); ``board_choice``,
    ``board_payoff`` (B, 1, N) of the last round (in ``sanction`` the choices of this one); own ``index``, ``choice``,
    ``payoff``, ``fines`` received last round (B, N); ``fined_by`` (B, N, N), fines got from each, with fining only.
    """

    def __init__(self, config: StageGame, rows: int) -> None:
        self.config = config
        self.rows = rows
        self.rules = config.rules()
        self.phases = ("choose", *(["sanction"] if config.fining else []), *(["norm"] if config.voting else []))
        self.phase = ""
        self._state: State = {}
        self._seeds: IntArray = np.zeros(rows, dtype=np.int64)

    def reset(self, seeds: IntArray, options: Mapping[str, Any] | None = None) -> Batch:
        n = self.config.players
        self._seeds = np.asarray(seeds, dtype=np.int64)
        none = np.full((self.rows, n), np.nan)
        self._state = {
            "choice": none, "payoff": none, "pending": none, "proposal": none,
            "fined_by": np.zeros((self.rows, n, n)),
            "norm": np.full(self.rows, np.nan), "stock": np.full(self.rows, self.rules.initial_stock),
            "returns": np.zeros((self.rows, n)), "chosen": np.zeros(self.rows), "fines": np.zeros(self.rows),
            "discounted": np.zeros(self.rows), "emptied": np.full(self.rows, np.nan),
        }  # fmt: skip
        self.round = 1
        self.phase = "choose"
        return self._batch(np.zeros((self.rows, n)), {})

    def spec(self, agent: int) -> Amount | Fines:
        """What that agent may do in this phase."""
        fining = self.config.fining
        if self.phase == "sanction" and fining is not None:
            return Fines(self.config.players, agent, fining.most, KEYS["sanction"])
        integer = self.rules.integer and self.phase == "choose"
        return Amount(self.rules.low, self.rules.high, integer, KEYS[self.phase])

    def step(self, actions: AnyArray | Arrays) -> Batch:
        given = actions[KEYS[self.phase]] if isinstance(actions, Mapping) else actions
        played = np.array(given, dtype=np.float64)  # a copy: the caller may use its array again
        self._check(played)
        state, n, phase = dict(self._state), self.config.players, self.phase
        reward, facts = np.zeros((self.rows, n)), {}
        if phase == "choose":
            facts = {
                "round": np.full((self.rows, n), float(self.round)),
                "choice": played,
                "norm": _wide(state["norm"], n),
            }
            if self.rules.next_stock is not None:
                facts["stock"] = _wide(state["stock"], n)
                emptied = np.isnan(state["emptied"]) & (played.sum(axis=1) >= 1)
                state["emptied"] = np.where(emptied, float(self.round), state["emptied"])
            state["choice"], state["pending"] = played, self.rules.payoffs(played, state["stock"])
            state["chosen"] = state["chosen"] + played.sum(axis=1)
            if self.config.fining is None:
                reward, more = self._resolve(state, np.zeros((self.rows, n, n)))
                facts |= more
        elif phase == "sanction":
            assert self.config.fining is not None
            reward, facts = self._resolve(state, decode_fines(played, n, self.config.fining.most))
        else:
            assert self.config.voting is not None
            state["proposal"] = played
            state["norm"] = np.median(played, axis=1) if self.config.voting.rule == "median" else played.mean(axis=1)
            facts = {"proposal": played, "norm_next": _wide(state["norm"], n)}
        self._state = state
        self._advance()
        return self._batch(reward, facts)

    def _resolve(self, state: State, fines: FloatArray) -> tuple[FloatArray, dict[str, AnyArray]]:
        """Pay the round; ``fines[b, i, j]`` were given by i to j."""
        fining = self.config.fining
        payoff = state["pending"]
        if fining is not None:
            payoff = after_fines(payoff, fines, fee=fining.fee, fine=fining.fine)
        if self.rules.next_stock is not None:
            state["stock"] = self.rules.next_stock(state["choice"], state["stock"])
        state["payoff"], state["fined_by"] = payoff, fines.transpose(0, 2, 1)
        state["returns"] = state["returns"] + payoff
        state["fines"] = state["fines"] + fines.sum(axis=(1, 2))
        state["discounted"] = state["discounted"] + self.rules.discount ** (self.round - 1) * payoff.sum(axis=1)
        facts: dict[str, AnyArray] = {"payoff": payoff}
        if fining is not None:
            facts |= {"fines_paid": fines.sum(axis=1), "fines_imposed": fines.sum(axis=2)}
        if self.rules.next_stock is not None:
            facts["stock_after"] = _wide(state["stock"], self.config.players)
        return payoff, facts

    def _advance(self) -> None:
        place = self.phases.index(self.phase) + 1
        if place < len(self.phases):
            self.phase = self.phases[place]
        elif self.round == self.config.horizon:
            self.phase = ""
        else:
            self.phase, self.round = "choose", self.round + 1

    def _check(self, played: FloatArray) -> None:
        """Raise for the first illegal action; checked all at once, named one by one."""
        for agent in range(self.config.players):
            spec = self.spec(agent)
            column = played[:, agent]
            if isinstance(spec, Amount):
                bad: BoolArray = ~((column >= spec.low) & (column <= spec.high))
                bad |= (column != np.floor(column)) if spec.integer else False
            else:
                bad = np.array([not spec.legal(value) for value in column])
            if bad.any():
                raise illegal(self.config.seats()[agent], self.phase, float(column[bad.argmax()]), spec)

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
        seen: dict[str, AnyArray] = {
            "phase": np.full((self.rows, 1), CODES.get(self.phase, 0)),
            "round": np.full((self.rows, 1), self.round),
            "norm": state["norm"][:, None],
            "board_choice": state["choice"][:, None],
            "board_payoff": state["payoff"][:, None],
            "index": np.broadcast_to(np.arange(shape[1]), shape),
            "choice": state["choice"],
            "payoff": state["payoff"],
            "fines": state["fined_by"].sum(axis=2),
        }
        if self.rules.next_stock is not None:
            seen["stock"] = state["stock"][:, None]
        if self.config.fining is not None:
            seen["fined_by"] = state["fined_by"]
        return seen

    def outcome(self) -> dict[str, AnyArray]:
        """Per row: rounds resolved, welfare, mean choice, fines, efficiency; for the fish war also its stock and utility."""
        state, n = self._state, self.config.players
        rounds = self.round if self.phase == "" else self.round - 1
        welfare = state["returns"].sum(axis=1)
        played = max(1, rounds)
        result: dict[str, AnyArray] = {
            "rounds": np.full(self.rows, float(rounds)),
            "welfare": welfare,
            "mean_choice": state["chosen"] / (played * n),
            "fines": state["fines"],
        }
        if self.rules.next_stock is not None:
            result |= {"stock_final": state["stock"], "T_emptied": state["emptied"], "discounted": state["discounted"]}
        elif self.rules.best > self.rules.worst:
            result["efficiency"] = (welfare / played - self.rules.worst) / (self.rules.best - self.rules.worst)
        return result

    def row(self, b: int) -> Environment:
        """Row b, as it stands, as an environment of its own."""
        from .stage_environment import StageEnvironment

        single = BatchedStageGame(self.config, 1)
        single.reset(self._seeds[b : b + 1])
        single._state = {key: value[b : b + 1] for key, value in self._state.items()}
        single.phase, single.round = self.phase, self.round
        return StageEnvironment(self.config, single)


def _wide(column: AnyArray, players: int) -> AnyArray:
    return np.repeat(column[:, None], players, axis=1)
