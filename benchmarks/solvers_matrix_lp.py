"""S2: a zero-sum 200x200 matrix, against Gambit's linear program in floats, whose loading of the table is not counted.

The values are compared first. Needs: pip install 'gamesim[gambit]'.
"""

from __future__ import annotations

import numpy as np
from _timing import end, equal, floor, line, medians, peer

from gamesim.core.zero_sum import zero_sum

SIZE = 200


def main() -> None:
    matrix = np.random.default_rng(7).integers(-1000, 1001, size=(SIZE, SIZE)).astype(float)

    def ours() -> float:
        return zero_sum(matrix)[0]

    if not peer("pygambit", install="pip install 'gamesim[gambit]'"):
        line("S2 gamesim", medians(ours)[0] * 1000, "ms")
        return
    import pygambit

    kind = getattr(pygambit, "StrategicGame", None) or pygambit.Game
    game = kind.from_arrays(matrix, -matrix)

    def theirs() -> float:
        found = pygambit.nash.lp_solve(game, rational=False)
        profile = found.equilibrium if hasattr(found, "equilibrium") else found.equilibria[0]
        (_, value), *_ = profile.payoffs if hasattr(profile, "payoffs") else [("", profile.payoff(game.players[0]))]
        return float(value)

    equal(f"value of {SIZE}x{SIZE}", ours(), theirs(), 1e-8)
    mine, other = medians(ours, theirs, rounds=3)
    line("S2 gamesim", mine * 1000, "ms")
    line("S2 Gambit lp_solve, floats", other * 1000, "ms")
    end(floor(f"S2 zero-sum {SIZE}x{SIZE}", other / mine, 20))


if __name__ == "__main__":
    main()
