"""S5: CFR+ on Leduc poker, iterations per CPU-second and NashConv after 4 CPU-seconds, against OpenSpiel's C++ solver.

NashConv after 277 iterations is compared first, within 10 % (plain floats decide ties). OpenSpiel's is general; ours holds
the whole tree in arrays. Needs: pip install 'gamesim[bench]'.
"""

from __future__ import annotations

import sys
import time

from _timing import end, floor, line, medians, peer
from gamesim_analysis.equilibrium.cfr_plus import average_plans

from gamesim.core.sequence_form import sequence_form
from gamesim.envs.efg.poker import leduc

COMPARED, TIMED, SECONDS = 277, 100, 4.0


def main() -> None:
    form = sequence_form(leduc())
    gap = average_plans(form, iterations=COMPARED).nash_conv
    line(f"S5 NashConv after {COMPARED} iterations", gap, "")
    long = average_plans(form, cpu_seconds=SECONDS)
    line(f"S5 NashConv after {SECONDS:g} CPU-s ({long.iterations:,} iterations)", long.nash_conv, "")
    if not peer("pyspiel", install="pip install 'gamesim[bench]'"):
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
    mine, other = medians(lambda: average_plans(form, iterations=10 * TIMED), lambda: run(TIMED))
    line("S5 gamesim", 10 * TIMED / mine, "iterations per CPU-s")
    line("S5 OpenSpiel C++", TIMED / other, "iterations per CPU-s")
    solver, begin, count = pyspiel.CFRPlusSolver(game), time.process_time(), 0
    while time.process_time() - begin < SECONDS:
        solver.evaluate_and_update_policy()
        count += 1
    after = nash_conv(solver)
    line(f"S5 OpenSpiel NashConv after {SECONDS:g} CPU-s ({count:,} iterations)", after, "")
    end(
        floor("S5 iterations per CPU-s", 10 * other / mine, 10),
        floor(f"S5 NashConv after {SECONDS:g} CPU-s", after / long.nash_conv, 20),
    )


if __name__ == "__main__":
    main()
