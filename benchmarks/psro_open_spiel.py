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
from _timing import end, figure, medians, open_spiel
from gamesim_agents.psro.exact import State, polytope, start, step

from gamesim.envs.efg.poker import kuhn, leduc

SIMULATIONS, ITERATIONS, ROUNDS = 50, 3, 3
KUHN_SIMULATIONS = 1000


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


def to_the_end(subject: Any) -> list[bool]:
    """Beyond the floors: Leduc from uniform until nobody gains."""
    begin, state = time.process_time(), step(start(subject))
    while state.nash_conv >= 1e-9 and state.iteration <= 400:
        state = step(state)
    spent, count = time.process_time() - begin, max(len(pool) for pool in state.plans) - 1
    if state.nash_conv >= 1e-9:
        sys.exit(f"NashConv is still {state.nash_conv:g} after {count} answers")
    return [
        figure("P4+", "Leduc, PSRO until NashConv < 1e-9, answers of a player", count, "answers", ceiling=300),
        figure("P4+", "the same, CPU in all", spent, "CPU-s", ceiling=30),
    ]


def theirs(name: str, seed: int, simulations: int, iterations: int) -> Any:
    import pyspiel
    from open_spiel.python import policy
    from open_spiel.python.algorithms.psro_v2 import best_response_oracle, psro_v2

    np.random.seed(seed)  # noqa: NPY002  (what psro_v2 draws from)
    game = pyspiel.load_game(name)
    even = policy.TabularPolicy(game)
    with contextlib.redirect_stdout(io.StringIO()):
        solver = psro_v2.PSROSolver(
            game, best_response_oracle.BestResponseOracle(game=game, policy=even), initial_policies=[even, even.__copy__()],
            training_strategy_selector="probabilistic", sims_per_entry=simulations, number_policies_selected=1,
            meta_strategy_method="nash", symmetric_game=False, n_noisy_copies=0, alpha_noise=0, beta_noise=0,
        )  # fmt: skip
        for _ in range(iterations):
            solver.iteration()
    return solver


def their_nash_conv(solver: Any) -> float:
    from open_spiel.python.algorithms import exploitability, policy_aggregator

    aggregator = policy_aggregator.PolicyAggregator(solver._game)
    policies = aggregator.aggregate([0, 1], solver.get_policies(), solver.get_meta_strategies())
    return float(exploitability.nash_conv(solver._game, policies))


def main() -> None:
    subject, small = polytope(leduc()), polytope(kuhn())
    most = solved_within(small)
    other, reached = open_spiel("cvxpy", "ecos"), None
    if other:
        reached = their_nash_conv(theirs("kuhn_poker", 0, KUHN_SIMULATIONS, most))
    note = (
        "" if reached is None else f"psro_v2, {KUHN_SIMULATIONS} episodes an entry, is then at NashConv {reached:.2g}"
    )
    held = [
        figure(
            "P5",
            "Kuhn, PSRO, most iterations until NashConv < 1e-9, six starts",
            most,
            "iterations",
            peer=other,
            note=note,
            ceiling=10,
        )
    ]
    held += to_the_end(subject)
    task = f"Leduc, PSRO, an iteration over the first {ITERATIONS}"
    state = ours(subject)
    if not other:
        figure("P4", task, 1000 * medians(lambda: ours(subject))[0] / ITERATIONS, "CPU-ms", peer=other, floor=30)
        end(*held)
    first = float(np.asarray(theirs("leduc_poker", 0, SIMULATIONS, ITERATIONS).get_meta_game()[0])[0, 0])
    hands = subject.sample([subject.even(0), subject.even(1)], 100_000, np.random.default_rng(0))[:, 0]
    error = float(hands.std()) / np.sqrt(SIMULATIONS)
    if abs(first - state.table[0, 0, 0]) > 4 * error:
        sys.exit(f"uniform against uniform: {state.table[0, 0, 0]:.4g} and {first:.4g} lie too far apart; no ratio")
    print(
        f"uniform against uniform: {state.table[0, 0, 0]:.4g}, sampled by psro_v2 {first:.4g}, within four standard errors"
    )
    taken: list[list[float]] = [[], []]
    for number in range(ROUNDS):
        for index, work in enumerate(
            (lambda: ours(subject), lambda seed=number: theirs("leduc_poker", seed + 1, SIMULATIONS, ITERATIONS))
        ):
            begin = time.process_time()
            work()
            taken[index].append((time.process_time() - begin) / ITERATIONS)
    mine, cost = (1000 * statistics.median(times) for times in taken)
    note = f"psro_v2, {SIMULATIONS} episodes an entry"
    end(*held, figure("P4", task, mine, "CPU-ms", peer=other, theirs=cost, note=note, floor=30))


if __name__ == "__main__":
    main()
