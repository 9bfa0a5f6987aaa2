"""P6 and P7 (S7): alpha-rank of one population with 100 strategies and of two with 20 each, against OpenSpiel.

The laws are compared first, entry by entry, to 1e-10. Needs: pip install 'gamesim[bench]'.
"""

from __future__ import annotations

import sys

import numpy as np
from _timing import end, figure, medians, open_spiel
from gamesim_analysis.equilibrium.alpha_rank import alpha_rank

ALPHA, POPULATION = 1.0, 50


def main() -> None:
    rng = np.random.default_rng(5)
    cases = {
        "P6 (S7)": ("one population, 100 strategies", rng.normal(size=(100, 100)), 100),
        "P7 (S7)": ("two populations, 20 strategies", rng.normal(size=(2, 20, 20)), 10),
    }
    other = open_spiel()
    held = []
    for id, (name, payoffs, least) in cases.items():
        tables = [payoffs] if payoffs.ndim == 2 else [payoffs[0], payoffs[1]]

        def ours(payoffs: np.ndarray = payoffs) -> np.ndarray:
            return alpha_rank(payoffs, alpha=ALPHA, population=POPULATION).law.ravel()

        work = f"alpha-rank, {name}"
        if not other:
            figure(id, work, medians(ours)[0] * 1000, "CPU-ms", peer=other, floor=least)
            continue
        from open_spiel.python.egt import alpharank

        def theirs(tables: list[np.ndarray] = tables) -> np.ndarray:
            return np.asarray(alpharank.compute(tables, m=POPULATION, alpha=ALPHA)[2])

        apart = float(np.abs(ours() - theirs()).max())
        if apart > 1e-10:
            sys.exit(f"{name}: laws differ by {apart:g}; no ratio")
        print(f"{name}: laws equal within {apart:.2g}")
        mine, cost = (1000 * seconds for seconds in medians(ours, theirs))
        held.append(figure(id, work, mine, "CPU-ms", peer=other, theirs=cost, note="alpharank", floor=least))
    end(*held)


if __name__ == "__main__":
    main()
