"""P10: the ``prd`` meta-solver on a 15 x 15 table, 50,000 steps, beside OpenSpiel's; printed only, there is no floor.

The steps are the same, what is averaged is not quite (OpenSpiel counts the start as well), and ours hands out its last point
where that is nearer to equilibrium. So both gaps are printed, and the ratio is not one of equal answers.
Needs: pip install 'gamesim[bench]'.
"""

from __future__ import annotations

import numpy as np
from _timing import figure, medians, open_spiel
from gamesim_analysis.meta_solvers.dynamics import prd

from gamesim.core.empirical import EmpiricalGame
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.solution import Limits

SIZE, STEPS, ROUNDS, FLOOR = 15, 50_000, 3, 1e-10


def main() -> None:
    payoffs = np.random.default_rng(10).uniform(-1, 1, size=(2, SIZE, SIZE))
    game, rng = EmpiricalGame.exact(NormalFormGame(payoffs)), np.random.default_rng(0)

    def ours() -> list[np.ndarray]:
        return list(prd(game, limits=Limits(), rng=rng, gamma=FLOOR, steps=STEPS, gap=0.0).marginals)

    def gap(x: np.ndarray, y: np.ndarray) -> float:
        rows, columns = payoffs[0] @ y, x @ payoffs[1]
        return float(max(rows.max() - rows @ x, columns.max() - columns @ y))

    print(f"largest regret of what ours hands out: {gap(*ours()):.3g}")
    other, theirs = open_spiel(), None
    if other:
        from open_spiel.python.algorithms.projected_replicator_dynamics import projected_replicator_dynamics

        def open_spiels() -> list[np.ndarray]:
            return list(
                projected_replicator_dynamics(list(payoffs), prd_iterations=STEPS, prd_dt=1e-3, prd_gamma=FLOOR)
            )

        print(f"largest regret of what OpenSpiel hands out: {gap(*open_spiels()):.3g}")
        mine, theirs = medians(ours, open_spiels, rounds=ROUNDS)
    else:
        mine = medians(ours, rounds=ROUNDS)[0]
    work = f"prd meta-solver, {SIZE} x {SIZE}, {STEPS:,} steps"
    figure("P10", work, mine, "CPU-s", peer=other, theirs=theirs, note="projected_replicator_dynamics")


if __name__ == "__main__":
    main()
