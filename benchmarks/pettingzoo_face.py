"""What our PettingZoo face costs beside an empty ParallelEnv with as many agents (experience P4), net of the rules.

The rules are measured too: `rules` is the batched core of one row stepped directly, so `face` = environment - rules.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from _timing import end, line, medians
from gymnasium import spaces
from pettingzoo import ParallelEnv

from gamesim.core.registry import build

AGENTS, STEPS = 10, 2000


class Empty(ParallelEnv):
    metadata = {"name": "empty_v0"}

    def __init__(self, count: int) -> None:
        self.possible_agents = [f"agent_{i}" for i in range(count)]
        self.space = spaces.Box(0.0, 1.0, (1,))

    def observation_space(self, agent: str) -> Any:
        return self.space

    def action_space(self, agent: str) -> Any:
        return self.space

    def reset(self, seed: int | None = None, options: Any = None) -> Any:
        self.agents = self.possible_agents[:]
        return dict.fromkeys(self.agents, 0), {agent: {} for agent in self.agents}

    def step(self, actions: Any) -> Any:
        every = self.agents
        zeros, falses = dict.fromkeys(every, 0.0), dict.fromkeys(every, False)
        return dict.fromkeys(every, 0), zeros, falses, dict(falses), {agent: {} for agent in every}


def main() -> None:
    config = build(
        "environments",
        {
            "kind": "commons",
            "players": AGENTS,
            "horizon": STEPS + 1,
            "upkeep": {"starvation": "none"},
            "collapse": "all_dead",
            "institutions": {"sanctions": None, "revision": {"rule": "none"}, "voting": None},
        },
    )
    efforts = np.full(AGENTS, 0.1)
    environment, empty = config.build(), Empty(AGENTS)
    actions = dict(zip(empty.possible_agents, efforts, strict=True))
    mine = dict(zip(environment.possible_agents, efforts, strict=True))
    core = config.batched(1)

    def face() -> None:
        environment.reset(seed=1)
        for _ in range(STEPS):
            environment.step(mine)

    def rules() -> None:
        core.reset(np.array([1]))
        for _ in range(STEPS):
            core.step(efforts[None])

    def peer() -> None:
        empty.reset(seed=1)
        for _ in range(STEPS):
            empty.step(actions)

    ours, inner, theirs = medians(face, rules, peer)
    line("pettingzoo_face_us_per_step", 1e6 * ours / STEPS, "us")
    line("commons_rules_us_per_step", 1e6 * inner / STEPS, "us")
    line("empty_parallel_env_us_per_step", 1e6 * theirs / STEPS, "us")
    line("face_net_of_rules_vs_empty", (ours - inner) / theirs, "x")
    end()


if __name__ == "__main__":
    main()
