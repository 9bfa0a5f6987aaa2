"""P1 (S3) and S4: an exact equilibrium of Leduc poker, building the tree included, against OpenSpiel's sequence-form program.

Suits are kept. Value and NashConv are checked first. S4 is an absolute limit: 2 CPU-s from the .efg text, which Gambit's
program does not solve in 40. OpenSpiel also plays games whose tree cannot be held; this path cannot.
Needs: pip install 'gamesim[bench]'.
"""

from __future__ import annotations

from _timing import ceiling, end, equal, figure, medians, open_spiel
from gamesim_analysis.equilibrium.sequence_form_lp import solve_plans

from gamesim.core.efg_format import read_efg, write_efg
from gamesim.core.sequence_form import sequence_form
from gamesim.envs.efg.poker import leduc

VALUE = -0.0856064241


def main() -> None:
    def ours() -> float:
        return solve_plans(sequence_form(leduc()))[0]

    form = sequence_form(leduc())
    value, x, y = solve_plans(form)
    equal("value of Leduc", value, VALUE, 1e-9)
    gap = form.nash_conv((x, y))
    held = [ceiling("P1 NashConv", gap, 1e-9, "")]
    text = write_efg(form.game)
    (parsed,) = medians(lambda: solve_plans(sequence_form(read_efg(text))))
    held.append(ceiling("S4 Leduc from .efg", parsed, 2.0, "CPU-s"))
    other, theirs = open_spiel("cvxpy", "ecos"), None
    if other:
        import pyspiel
        from open_spiel.python.algorithms import sequence_form_lp

        def program() -> float:
            return float(sequence_form_lp.solve_zero_sum_game(pyspiel.load_game("leduc_poker"))[0])

        equal("value by OpenSpiel", value, program(), 1e-8)
        mine, theirs = (1000 * seconds for seconds in medians(ours, program))
    else:
        mine = 1000 * medians(ours)[0]
    work, note = "Leduc, exact, tree building included", "sequence_form_lp"
    end(*held, figure("P1 (S3)", work, mine, "CPU-ms", peer=other, theirs=theirs, note=note, floor=2))


if __name__ == "__main__":
    main()
