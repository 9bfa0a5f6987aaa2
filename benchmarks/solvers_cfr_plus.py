"""P2 and P3 (S5): CFR+ on Leduc poker, iterations per CPU-second and NashConv after 4 CPU-seconds, against OpenSpiel's C++ solver.

NashConv after 277 iterations is compared first, within 10 % (plain floats decide ties). OpenSpiel's is general; ours holds
the whole tree in arrays. Needs: pip install 'gamesim[bench]'.
"""

from __future__ import annotations

import sys
import time

from _timing import end, figure, medians, open_spiel
from gamesim_analysis.equilibrium.cfr_plus import average_plans

from gamesim.core.sequence_form import sequence_form
from gamesim.envs.efg.poker import leduc

COMPARED, TIMED, SECONDS = 277, 100, 4.0


def main() -> None:
    form = sequence_form(leduc())
    gap = average_plans(form, iterations=COMPARED).nash_conv
    long = average_plans(form, cpu_seconds=SECONDS)
    other = open_spiel()
    rate, reached = "Leduc, CFR+", f"Leduc, NashConv after {SECONDS:g} CPU-s of CFR+"
    if not other:
        mine = 10 * TIMED / medians(lambda: average_plans(form, iterations=10 * TIMED))[0]
        figure("P2 (S5)", rate, mine, "iterations/s", peer=other, floor=10)
        figure("P3 (S5)", reached, long.nash_conv, "", peer=other, floor=20)
        return
    import pyspiel

    game = pyspiel.load_game("leduc_poker")

    def nash_conv(solver: object) -> float:
        return float(pyspiel.nash_conv(game, solver.average_policy()))  # type: ignore[attr-defined]

    def run(iterations: int) -> object:
        solver = pyspiel.CFRPlusSolver(game)
        for _ in range(iterations):
            solver.evaluate_and_update_policy()
        return solver

    theirs = nash_conv(run(COMPARED))
    if abs(gap / theirs - 1) > 0.1:
        sys.exit(f"NashConv {gap:g} and {theirs:g} differ by more than 10 %; no ratio")
    print(f"NashConv after {COMPARED} iterations: {gap:.4g} and OpenSpiel's {theirs:.4g}, equal within 10 %")
    mine, cost = medians(lambda: average_plans(form, iterations=10 * TIMED), lambda: run(TIMED))
    held = figure(
        "P2 (S5)", rate, 10 * TIMED / mine, "iterations/s", peer=other, theirs=TIMED / cost, note="CFRPlusSolver (C++)", floor=10
    )  # fmt: skip
    solver, begin, count = pyspiel.CFRPlusSolver(game), time.process_time(), 0
    while time.process_time() - begin < SECONDS:
        solver.evaluate_and_update_policy()
        count += 1
    note = f"CFRPlusSolver ({count:,} iterations, ours {long.iterations:,})"
    end(held, figure("P3 (S5)", reached, long.nash_conv, "", peer=other, theirs=nash_conv(solver), note=note, floor=20))


if __name__ == "__main__":
    main()
