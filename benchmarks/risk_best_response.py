"""P8: a best response under mean and variance with 50 actions against 50, in CPU-ms; no peer.

Every answer is checked before anything is timed: its Frank-Wolfe gap is at rounding, and on the actions that it plays it solves
the linear conditions of the optimum. The slowest of the tables counts.
"""

from __future__ import annotations

import sys

import numpy as np
from _timing import end, figure, medians

from gamesim.core.risk import MeanVariance
from gamesim.core.risk_response import best_response, frank_wolfe

ACTIONS, TREMBLE = 50, 0.001


def closed(mean: np.ndarray, spread: np.ndarray, aversion: float, strategy: np.ndarray) -> np.ndarray:
    """The optimum whose actions above the floor are those of ``strategy``."""
    free = strategy > TREMBLE + 1e-9
    count, low = int(free.sum()), np.where(free, 0.0, TREMBLE)
    matrix = np.ones((count + 1, count + 1))
    matrix[:count, :count] = 2 * aversion * spread[np.ix_(free, free)]
    matrix[-1, -1] = 0.0
    right = np.append((mean - 2 * aversion * spread @ low)[free], 1.0 - low.sum())
    found = low.copy()
    found[free] = np.linalg.lstsq(matrix, right, rcond=None)[0][:count]
    return found


def main() -> None:
    rng = np.random.default_rng(8)
    slowest, apart = 0.0, 0.0
    for aversion in (0.1, 1.0, 10.0):
        for _ in range(3):
            payoffs, opponents = rng.normal(size=(ACTIONS, ACTIONS)), rng.dirichlet(np.ones(ACTIONS))
            risk = MeanVariance(aversion)

            def work(u: np.ndarray = payoffs, s: np.ndarray = opponents, r: MeanVariance = risk) -> np.ndarray:
                return best_response(u, s, r, tremble=TREMBLE)

            strategy = work()
            mean, centred = payoffs @ opponents, payoffs - (payoffs @ opponents)[:, None]
            spread = (centred * opponents) @ centred.T
            gap = frank_wolfe(mean - 2 * aversion * spread @ strategy, strategy, TREMBLE)
            apart = max(apart, float(np.abs(closed(mean, spread, aversion, strategy) - strategy).max()), gap)
            if apart > 1e-8:
                sys.exit(f"aversion {aversion:g}: {apart:g} from the optimum; no figure")
            slowest = max(slowest, medians(work)[0])
    print(f"nine best responses: gap and distance from the closed form at most {apart:.2g}")
    end(
        figure(
            "P8",
            f"mean-variance best response, {ACTIONS} actions, slowest of nine tables",
            1000 * slowest,
            "CPU-ms",
            ceiling=10,
        )
    )


if __name__ == "__main__":
    main()
