"""A game tree turn by turn as an ``AECEnv``, beside a bare classic environment of PettingZoo's: steps a second (text2game, 8).

The same game on both sides, rock, paper, scissors over and over; the same moves, drawn beforehand, so that a policy costs
nothing; PettingZoo's own loop (``agent_iter``, ``last``, ``step``). Returns are compared before the ratio is printed.
PettingZoo's environment is taken raw, without its wrappers of checks; ours checks every action.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from _timing import end, equal, floor, line, medians, peer

from gamesim.core.seeds import Seeds
from gamesim.envs.efg.config import ExtensiveForm
from gamesim.envs.efg.environment import ExtensiveFormEnv

PLAYS = 1500


def episode(env: Any, moves: list[int]) -> dict[str, float]:
    """Returns of one episode by agent."""
    env.reset(seed=0)
    totals = dict.fromkeys(env.possible_agents, 0.0)
    at = 0
    for agent in env.agent_iter(10 * len(moves)):
        _, reward, terminated, truncated, _ = env.last()
        totals[agent] += reward
        if terminated or truncated:
            env.step(None)
            continue
        env.step(moves[at])
        at += 1
    if at != len(moves):
        raise SystemExit(f"{at} of {len(moves)} moves were made; no ratio")
    return totals


def main() -> None:
    if not peer("pygame", install="pip install 'pettingzoo[classic]'"):
        return
    from pettingzoo.classic.rps import rps

    moves = Seeds(1).stream("moves").integers(0, 3, size=2 * PLAYS).tolist()
    ours = ExtensiveFormEnv(ExtensiveForm(game="rock_paper_scissors", repeat=PLAYS))
    theirs = rps.raw_env(num_actions=3, max_cycles=PLAYS)
    first = [np.asarray(list(episode(env, moves).values())) for env in (ours, theirs)]
    for seat in range(2):
        equal(f"return of player {seat + 1}", float(first[0][seat]), float(first[1][seat]), 1e-9)
    mine, peers = medians(lambda: episode(ours, moves), lambda: episode(theirs, moves))
    line("efg_aec_us_per_step", 1e6 * mine / len(moves), "us")
    line("pettingzoo_rps_us_per_step", 1e6 * peers / len(moves), "us")
    end(floor("efg_vs_pettingzoo_steps_per_second", peers / mine, 0.5))


if __name__ == "__main__":
    main()
