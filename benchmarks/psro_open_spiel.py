"""P4 and P5 of docs/risk.md: PSRO with exact best responses, against OpenSpiel's psro_v2 with its ``nash`` meta-solver.

P4 is Leduc, CPU-s per iteration over iterations 1 to 3 from uniform play; psro_v2 estimates entries from 50 episodes each, ours
are exact, and its entries must lie within four standard errors of ours. P5 is Kuhn: iterations until NashConv < 1e-9 from
uniform and five random pure starts; psro_v2 does not get there, because its entries stay sampled. psro_v2 also plays games
whose tree cannot be held; exact tables cannot. Needs: pip install 'gamesim[bench]'.
"""

from __future__ import annotations

import contextlib
import io
import statistics
import sys
import time
from typing import Any

import numpy as np
from _timing import ceiling, end, line, peer
from gamesim_agents.psro.exact import State, polytope, start, step

from gamesim.envs.efg.poker import kuhn, leduc

SIMULATIONS, ITERATIONS, ROUNDS = 50, 3, 3


def ours(subject: Any) -> State:
    state = start(subject)
    for _ in range(ITERATIONS):
        state = step(state)
    return state


def solved_within(subject: Any) -> int:
    """Most iterations over the starts until nobody gains."""
    rng = np.random.default_rng(0)
    starts: list[Any] = [
        None,
        *([tuple(int(rng.integers(k)) for k in p.size) for p in subject.form.plexes] for _ in range(5)),
    ]
    most = 0
    for codes in starts:
        state, count = start(subject, codes), 0
        while count < 50:
            state, count = step(state), count + 1
            if state.nash_conv < 1e-9:
                break
        most = max(most, count)
    return most


def theirs(seed: int) -> Any:
    import pyspiel
    from open_spiel.python import policy
    from open_spiel.python.algorithms.psro_v2 import best_response_oracle, psro_v2

    np.random.seed(seed)  # noqa: NPY002  (what psro_v2 draws from)
    game = pyspiel.load_game("leduc_poker")
    even = policy.TabularPolicy(game)
    with contextlib.redirect_stdout(io.StringIO()):
        solver = psro_v2.PSROSolver(
            game, best_response_oracle.BestResponseOracle(game=game, policy=even), initial_policies=[even, even.__copy__()],
            training_strategy_selector="probabilistic", sims_per_entry=SIMULATIONS, number_policies_selected=1,
            meta_strategy_method="nash", symmetric_game=False, n_noisy_copies=0, alpha_noise=0, beta_noise=0,
        )  # fmt: skip
        for _ in range(ITERATIONS):
            solver.iteration()
    return solver


def main() -> None:
    subject, small = polytope(leduc()), polytope(kuhn())
    held = [ceiling("P5 Kuhn, iterations until exact", solved_within(small), 10, "iterations")]
    state = ours(subject)
    line("P4 exploitability of Leduc after three answers", step(state).exploitability, "")
    if not peer("pyspiel", "cvxpy", "ecos", install="pip install 'gamesim[bench]'"):
        end(*held)
    first = float(np.asarray(theirs(0).get_meta_game()[0])[0, 0])
    hands = subject.sample([subject.even(0), subject.even(1)], 100_000, np.random.default_rng(0))[:, 0]
    error = float(hands.std()) / np.sqrt(SIMULATIONS)
    if abs(first - state.table[0, 0, 0]) > 4 * error:
        sys.exit(f"uniform against uniform: {state.table[0, 0, 0]:.4g} and {first:.4g} lie too far apart; no ratio")
    print(
        f"uniform against uniform: {state.table[0, 0, 0]:.4g}, sampled by psro_v2 {first:.4g}, within four standard errors"
    )
    taken: list[list[float]] = [[], []]
    for number in range(ROUNDS):
        for index, work in enumerate((lambda: ours(subject), lambda seed=number: theirs(seed + 1))):
            begin = time.process_time()
            work()
            taken[index].append((time.process_time() - begin) / ITERATIONS)
    mine, other = (statistics.median(times) for times in taken)
    line("P4 gamesim, an iteration", mine * 1000, "CPU-ms")
    line("P4 psro_v2, an iteration", other * 1000, "CPU-ms")
    end(*held, ceiling("P4 share of its time", mine / other, 1 / 30, "of psro_v2"))


if __name__ == "__main__":
    main()
