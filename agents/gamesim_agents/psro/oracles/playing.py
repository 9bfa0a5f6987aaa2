"""Answers found by playing candidates: each meets every draw of the opponents' mixture on the same episodes.

What a candidate c is worth to a player whose attitude weighs joint draws b by w_b is ``sum_b s_b (w_b mean_cb - aversion var_cb)``,
the last term for ``strategic+env`` alone: the gradient of what she maximises at the meta-strategy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.random import Generator

from gamesim.core.policy import AgentSpec
from gamesim.core.risk import MeanVariance
from gamesim.core.solving import Answer, Opponents, Oracle

Z = 1.959963984540054
LEAST = 1e-9


def best_of(candidates: Sequence[AgentSpec], episodes: int) -> Oracle:
    """An oracle that answers with one of these, or with a policy of the pool if none gains."""

    def answer(
        subject: Any, player: int, opponents: Opponents, *, risk: Any, rng: Generator, context: Any = None
    ) -> Answer:
        from gamesim.run.rollout import rollout

        pool, own = opponents[player]
        met = [
            [(spec, float(w)) for spec, w in zip(specs, weights, strict=True) if w > LEAST]
            for j, (specs, weights) in enumerate(opponents)
            if j != player
        ]
        draws = list(product(*met))
        s = np.array([math.prod(w for _, w in draw) for draw in draws])
        s /= s.sum()
        seeds = [rng.integers(0, 2**53, size=episodes) for _ in draws]
        known = {spec.id for spec in pool}
        everybody = [*pool, *(spec for spec in candidates if spec.id not in known)]
        mean, variance = (np.empty((len(everybody), len(draws))) for _ in range(2))
        for k, spec in enumerate(everybody):
            for b, draw in enumerate(draws):
                seats = [other for other, _ in draw]
                seats.insert(player, spec)
                returns = rollout(subject, seats, seeds[b]).returns[:, player]
                mean[k, b], variance[k, b] = returns.mean(), returns.var(ddof=1)
        measure = risk.for_range(float(np.ptp(mean)) or 1.0) if isinstance(risk, MeanVariance) else risk
        weights = s * measure.weights(np.asarray(own) @ mean[: len(pool)], s)
        worth = mean @ weights
        if isinstance(measure, MeanVariance) and measure.variance == "strategic+env":
            worth = worth - measure.aversion * (variance @ s)
        error = np.sqrt((variance / episodes) @ weights**2)
        base = int(worth[: len(pool)].argmax())
        best = int(worth.argmax())
        gain = float(worth[best] - worth[base])
        half = Z * float(np.hypot(error[best], error[base])) if best != base else 0.0
        return Answer(everybody[best], gain, (gain - half, gain + half))

    return answer
