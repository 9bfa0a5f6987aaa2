"""P9 of docs/risk.md: what a table of crash rates costs: an episode of our crossing and merge, beside one of highway-env.

No equal answer is claimed: the physics differ, and so do the questions that they can answer. highway-env has lanes, steering and
many cars; ours is two cars and a conflict point. The ratio says what a validation table costs, not which simulator is faster, so it
is printed and no floor is held: its merge-v0 has one agent, and an episode of two takes longer.
Needs for the comparison: pip install highway-env==1.12.1.
"""

from __future__ import annotations

import time

from _timing import end, line, medians, peer

from gamesim.core.policy import AgentSpec
from gamesim.core.seeds import Seeds
from gamesim.envs.driving.config import ConflictPoint
from gamesim.run.rollout import rollout

ROWS = 10_000


def episode_cost(variant: str) -> float:
    """CPU seconds of one episode of two fair drivers."""
    environment = ConflictPoint(variant=variant)  # type: ignore[arg-type]
    driver = AgentSpec("driving.gap_acceptance", {"threshold": 0.0})
    seeds = Seeds(0).stream("cell", 0).integers(0, 2**53, size=ROWS)
    (spent,) = medians(lambda: rollout(environment, [driver, driver], seeds), rounds=3)
    return spent / ROWS


def main() -> None:
    costs = {variant: episode_cost(variant) for variant in ("crossing", "merge", "two_way")}
    for variant, cost in costs.items():
        line(f"P9 {variant}", 1 / cost, "episodes per CPU-s")
    if not peer("highway_env", install="pip install highway-env==1.12.1"):
        end()
    import gymnasium
    import highway_env  # noqa: F401  (registers its environments)

    environment = gymnasium.make("merge-v0", config={"duration": 40})
    taken = []
    for seed in range(4):
        environment.reset(seed=seed)
        begin = time.process_time()
        over = False
        while not over:
            _, _, terminated, truncated, _ = environment.step(1)  # keep the speed
            over = terminated or truncated
        taken.append(time.process_time() - begin)
    theirs = sorted(taken)[len(taken) // 2]
    line("P9 highway-env merge-v0, one agent", theirs * 1000, "CPU-ms an episode")
    line("P9 cost of an episode", theirs / max(costs["crossing"], costs["merge"]), "x ours")
    end()


if __name__ == "__main__":
    main()
