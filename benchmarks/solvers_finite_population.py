"""S9: pairwise comparison in a population of 100, generations per CPU-second, against egttools (C++).

Hawk and dove, selection 1, mutation 0.001. Both means are compared with the exact one, 69.0277, within 4 standard errors.
egttools keeps every state, so ours is timed with its record on as well. egttools is GPL-3 and never a dependency of
gamesim: pip install egttools in an environment of your own.
"""

from __future__ import annotations

import sys

import numpy as np
from _timing import end, floor, line, medians, peer
from gamesim_analysis.equilibrium.dynamics import pairwise_comparison, two_strategies

MATRIX, SIZE, SELECTION, MUTATION = [[-0.5, 2.0], [0.0, 1.0]], 100, 1.0, 1e-3
CHAINS, OURS, THEIRS, RUNS = 4096, 2000, 200_000, 20


def main() -> None:
    law = two_strategies(MATRIX, SIZE, selection=SELECTION, mutation=MUTATION).stationary()
    exact = float(law @ np.arange(SIZE + 1))

    def ours(record: bool, seed: int = 1) -> np.ndarray:
        rng = np.random.default_rng(seed)
        run = pairwise_comparison(
            MATRIX, SIZE, selection=SELECTION, mutation=MUTATION, chains=CHAINS, generations=OURS, rng=rng,
            start=rng.choice(SIZE + 1, size=CHAINS, p=law), record=record,
        )  # fmt: skip
        return run.record if record else run.counts

    def compare(name: str, means: np.ndarray) -> None:
        error = float(means.std(ddof=1) / np.sqrt(len(means)))
        if abs(float(means.mean()) - exact) > 4 * error:
            sys.exit(f"{name}: mean {means.mean():g} is not {exact:g} within 4 standard errors ({error:g}); no ratio")
        print(f"{name}: mean {means.mean():.3f}, exact {exact:.4f}, standard error {error:.3f}")

    compare("gamesim", ours(True).mean(axis=0))
    if not peer("egttools", install="pip install egttools (GPL-3)"):
        (mine,) = medians(lambda: ours(False))
        line("S9 gamesim", CHAINS * OURS / mine / 1e6, "million generations per CPU-s")
        return
    from egttools.games import Matrix2PlayerGameHolder
    from egttools.numerical import PairwiseComparisonNumerical

    game = Matrix2PlayerGameHolder(2, np.array(MATRIX))  # kept here, for the solver does not keep it
    solver = PairwiseComparisonNumerical(SIZE, game, 1000)

    def theirs() -> np.ndarray:
        return np.asarray(solver.run_with_mutation(THEIRS, SELECTION, MUTATION, np.array([69, 31])))[:, 0]

    compare("egttools", np.array([theirs().mean() for _ in range(RUNS)]))
    plain, kept, other = medians(lambda: ours(False), lambda: ours(True), theirs)
    rates = [CHAINS * OURS / plain, CHAINS * OURS / kept, THEIRS / other]
    for name, rate in zip(("gamesim", "gamesim, recording", "egttools, which records"), rates, strict=True):
        line(f"S9 {name}", rate / 1e6, "million generations per CPU-s")
    end(
        floor("S9 generations", rates[0] / rates[2], 20),
        floor("S9 generations, both recording", rates[1] / rates[2], 20),
    )


if __name__ == "__main__":
    main()
