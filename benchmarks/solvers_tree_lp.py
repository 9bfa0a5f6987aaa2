"""S1: the value of liar's dice (1,147 nodes) from its .efg text, against Gambit's linear program in floats.

Both read the text and solve; the values are compared first. Needs: pip install 'gamesim[gambit]'.
"""

from __future__ import annotations

import io

from _timing import end, equal, floor, line, medians, peer
from gamesim_analysis.equilibrium.sequence_form_lp import solve_plans

from gamesim.core.efg_format import read_efg, write_efg
from gamesim.core.sequence_form import sequence_form
from gamesim.envs.efg.poker import liars_dice


def main() -> None:
    text = write_efg(liars_dice())

    def ours() -> float:
        return solve_plans(sequence_form(read_efg(text)))[0]

    equal("value of liar's dice", ours(), 1 / 9, 1e-9)
    if not peer("pygambit", install="pip install 'gamesim[gambit]'"):
        return
    import pygambit

    def theirs() -> float:
        game = pygambit.read_efg(io.StringIO(text))
        found = pygambit.nash.lp_solve(game, rational=False)
        profile = found.equilibrium if hasattr(found, "equilibrium") else found.equilibria[0]
        (_, value), *_ = profile.payoffs if hasattr(profile, "payoffs") else [("", profile.payoff(game.players[0]))]
        return float(value)

    equal("value by Gambit", ours(), theirs(), 1e-8)
    mine, other = medians(ours, theirs)
    line("S1 gamesim", mine * 1000, "ms")
    line("S1 Gambit lp_solve, floats", other * 1000, "ms")
    end(floor("S1 liar's dice from .efg", other / mine, 50))


if __name__ == "__main__":
    main()
