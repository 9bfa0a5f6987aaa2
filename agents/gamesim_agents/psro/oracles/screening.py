"""What policies of one player earn against a mixture of the others, played on the same fresh episodes.

A player who minds risk weighs opponents b by w_b = (d value / d X_b) / s_b at what she plays now; a policy's worth is
``sum_b s_b w_b u(policy, b)``, the gradient of her objective, less ``aversion * variance`` inside cells where the attitude
counts that. The gain of a policy is its worth less that of the best of her own pool; its interval comes from the differences
episode by episode.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.random import Generator

from gamesim.core.arrays import FloatArray, IntArray
from gamesim.core.errors import GameTooLargeError
from gamesim.core.policy import AgentSpec
from gamesim.core.risk import MeanVariance
from gamesim.core.solving import Answer, Opponents, Oracle
from gamesim.run.rollout import rollout

MOST = 1000  # joint opponents
LEAST = 64  # episodes against each of them, however rare
NORMAL = 1.959963984540054  # 95 %


class Mixture:
    """The others' meta-strategy, as one player meets it.

    Parameters
    ----------
    subject : configuration of the environment.
    opponents : of every player, a pool and its weights; the player's own is what is to be improved on.
    episodes : against the whole mixture.

    Attributes
    ----------
    profiles : for each joint opponent the agents of all seats, None in the player's own.  chances : (m,).
    """

    def __init__(
        self, subject: Any, player: int, opponents: Opponents, risk: Any, rng: Generator, *, episodes: int
    ) -> None:
        self.subject, self.player = subject, player
        others = [(pool, weights) for j, (pool, weights) in enumerate(opponents) if j != player]
        live = [[(spec, float(w)) for spec, w in zip(pool, weights, strict=True) if w > 1e-9] for pool, weights in others]  # fmt: skip
        if np.prod([len(members) for members in live]) > MOST:
            raise GameTooLargeError(
                f"more than {MOST:,} joint opponents.", hint="Keep fewer of them: top_k, or shorter pools."
            )
        self.profiles: list[tuple[AgentSpec | None, ...]] = []
        chances = []
        for members in product(*live):
            seats: list[AgentSpec | None] = [spec for spec, _ in members]
            seats.insert(player, None)
            self.profiles.append(tuple(seats))
            chances.append(float(np.prod([w for _, w in members])))
        self.chances: FloatArray = np.array(chances) / sum(chances)
        self.counts = self.shared_out(episodes)
        self.seeds: IntArray = rng.integers(0, 2**53, int(self.counts.max()))
        self._played: dict[str, list[FloatArray]] = {}
        own, weights = opponents[player]
        self.own: tuple[AgentSpec, ...] = tuple(own)
        table = np.array([[float(g.mean()) for g in self.returns(spec)] for spec in own])
        self.risk = risk.for_range(float(np.ptp(table)) or 1.0) if isinstance(risk, MeanVariance) else risk
        self.weights: FloatArray = self.risk.weights(np.asarray(weights) @ table, self.chances)

    def shared_out(self, episodes: int) -> IntArray:
        """About so many episodes by joint opponent, (m,): as likely as each is, but no fewer than ``LEAST`` of them."""
        return np.maximum(np.round(episodes * self.chances), min(LEAST, episodes)).astype(np.int64)

    @property
    def inside(self) -> float:
        """Aversion to what varies inside cells; 0 where the attitude does not count it."""
        risk = self.risk
        return risk.aversion if isinstance(risk, MeanVariance) and risk.variance == "strategic+env" else 0.0

    def returns(self, spec: AgentSpec) -> list[FloatArray]:
        """What the policy earned in each episode, by joint opponent."""
        if spec.id not in self._played:
            found = []
            for profile, count in zip(self.profiles, self.counts, strict=True):
                seats = [spec if other is None else other for other in profile]
                found.append(rollout(self.subject, seats, self.seeds[:count]).returns[:, self.player])
            self._played[spec.id] = found
        return self._played[spec.id]

    def worths(self, spec: AgentSpec) -> list[FloatArray]:
        """The parts of a policy's worth: by joint opponent and episode, so that it is the sum of s_b times their mean."""
        found = []
        for weight, g in zip(self.weights, self.returns(spec), strict=True):
            spread = (g - g.mean()) ** 2 * (len(g) / max(len(g) - 1, 1))
            found.append(weight * g - self.inside * spread)
        return found

    def worth(self, spec: AgentSpec) -> float:
        return float(sum(s * z.mean() for s, z in zip(self.chances, self.worths(spec), strict=True)))

    def best(self, specs: Sequence[AgentSpec]) -> AgentSpec:
        """The first of those that are worth most."""
        return max(specs, key=self.worth)

    def gain(self, spec: AgentSpec) -> tuple[float, tuple[float, float]]:
        """What the policy is worth more than the best of the player's pool, with a 95 % interval."""
        rival = self.worths(self.best(self.own))
        gain, variance = 0.0, 0.0
        for s, mine, theirs in zip(self.chances, self.worths(spec), rival, strict=True):
            apart = mine - theirs
            gain += s * float(apart.mean())
            variance += s * s * float(apart.var(ddof=1)) / len(apart) if len(apart) > 1 else 0.0
        half = NORMAL * float(np.sqrt(variance))
        return gain, (gain - half, gain + half)


def best_of(candidates: Sequence[AgentSpec], episodes: int) -> Oracle:
    """An oracle that answers with one of these, or with a policy of the pool if none gains."""

    def answer(
        subject: Any, player: int, opponents: Opponents, *, risk: Any, rng: Generator, context: Any = None
    ) -> Answer:
        mixture = Mixture(subject, player, opponents, risk, rng, episodes=episodes)
        best = mixture.best([*mixture.own, *candidates])
        gain, interval = mixture.gain(best)
        return Answer(best, gain, interval)

    return answer
