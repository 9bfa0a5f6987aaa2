"""The commons against the same society written in Mesa 3.3: agent-steps per CPU-second, answers compared first.

The model: efforts start uniform on [0, 1]; in random order each agent takes h = e S / (2N) and the stock falls at once;
then each agent meets a uniformly drawn other and copies its effort by the Fermi rule with selection 10 on the last catch;
S <- min(1.5 S, N). Ours is the Commons environment by configuration, run with its own named streams, seeding included.
Mesa's agents imitate one after the other, ours all at once: the one difference. The comparison of answers uses a Mesa
model that imitates at once, too, and lets an agent meet only others, as ours does.

    python benchmarks/commons_vs_mesa.py            prints one line a figure; exit code 1 if a floor is missed
    python benchmarks/commons_vs_mesa.py --answers  compares the answers only
"""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Callable
from typing import Any

from _timing import end, floor, line, medians  # first: it sets one thread

import mesa  # isort: skip
import numpy as np  # isort: skip

from gamesim.envs.commons.batched import BatchedCommons
from gamesim.envs.commons.config import Commons

FLOORS = {"1000_agents": 10.0, "10000_agents": 20.0, "100_agents_100_replicates": 10.0}


def configuration(players: int, horizon: int, *, imitation: bool = True) -> Commons:
    """The society as the Commons environment plays it."""
    fermi = {"rule": "fermi", "selection": 10, "mutation": 0, "average": 0, "copied": ["effort"]}
    return Commons.model_validate(
        {
            "players": players,
            "horizon": horizon,
            "growth": {"law": "doubling_cap", "factor": 1.5, "capacity": players, "minimum": 0},
            "harvest": {"catch": "shuffled", "productivity": 1 / (2 * players)},
            "upkeep": {"consumption": 0, "initial_wealth": 0, "starvation": "none"},
            "collapse": "stock",
            "institutions": {"sanctions": None, "voting": None, "revision": fermi if imitation else None},
        }
    )


class Fisher(mesa.Agent):
    def __init__(self, model: Any, effort: float | None = None) -> None:
        super().__init__(model)
        self.effort = model.random.random() if effort is None else effort
        self.catch = 0.0
        self.next_effort = self.effort

    def harvest(self) -> None:
        model = self.model
        self.catch = self.effort * model.stock / (2 * model.count)
        model.stock -= self.catch

    def imitate(self) -> None:
        model = self.model
        other = model.everybody[model.random.randrange(model.count)]
        if model.random.random() < 1 / (1 + math.exp(-10 * (other.catch - self.catch))):
            self.effort = other.effort

    def choose(self) -> None:
        model = self.model
        number = model.random.randrange(model.count - 1)
        other = model.everybody[number + (number >= self.place)]
        adopts = model.random.random() < 1 / (1 + math.exp(-10 * (other.catch - self.catch)))
        self.next_effort = other.effort if adopts else self.effort

    def change(self) -> None:
        self.effort = self.next_effort


class Lake(mesa.Model):
    """``imitation``: ``sequential`` is what is timed; ``together`` and ``none`` are for comparing answers."""

    def __init__(self, count: int, seed: int, imitation: str = "sequential", efforts: Any = None) -> None:
        super().__init__(seed=seed)
        self.count, self.stock, self.imitation = count, float(count), imitation
        Fisher.create_agents(self, count, *([list(efforts)] if efforts is not None else []))
        self.everybody = list(self.agents)
        for place, agent in enumerate(self.everybody):
            agent.place = place

    def step(self) -> None:
        self.agents.shuffle_do("harvest")
        if self.imitation == "sequential":
            self.agents.do("imitate")
        elif self.imitation == "together":
            self.agents.do("choose")
            self.agents.do("change")
        self.stock = min(self.stock * 1.5, float(self.count))


def compare() -> None:
    """Raise unless both models give the same answers."""
    players, rounds = 50, 20
    batch = BatchedCommons(configuration(players, rounds, imitation=False), 1)
    batch.reset([7])
    lake = Lake(players, 1, "none", batch.state.effort[0])
    ours = batch.run()
    for step in range(rounds):
        lake.step()
        if not math.isclose(lake.stock, ours.stock[0, step], rel_tol=1e-12):
            raise SystemExit(f"stock after round {step + 1}: Mesa {lake.stock!r}, ours {ours.stock[0, step]!r}")
    line("answers_without_imitation_equal", rounds, "rounds")

    replicates = 200
    batch = BatchedCommons(configuration(players, rounds), replicates)
    batch.reset(np.arange(replicates))
    ours = batch.run()
    theirs = np.empty((2, replicates, rounds))
    for replicate in range(replicates):
        lake = Lake(players, replicate, "together")
        for step in range(rounds):
            theirs[1, replicate, step] = statistics.fmean(agent.effort for agent in lake.everybody)
            lake.step()
            theirs[0, replicate, step] = lake.stock
    worst = 0.0
    for mine, other in zip((ours.stock, ours.effort), theirs, strict=True):
        error = np.sqrt(mine.var(axis=0, ddof=1) / replicates + other.var(axis=0, ddof=1) / replicates)
        worst = max(worst, float((np.abs(mine.mean(axis=0) - other.mean(axis=0)) / np.maximum(error, 1e-12)).max()))
    line("answers_largest_difference", worst, "standard-errors")
    if worst > 4.0:  # 40 comparisons of means
        raise SystemExit("the mean trajectories differ by more than sampling explains")


def ours(players: int, replicates: int, rounds: int) -> Callable[[], object]:
    """One run, seeding included; building the environment is not, as it is not for Mesa."""
    batch = BatchedCommons(configuration(players, rounds), replicates)
    seeds = np.arange(replicates)

    def play() -> None:
        batch.reset(seeds)
        batch.run()

    return play


def theirs(players: int, rounds: int) -> Callable[[], object]:
    lake = Lake(players, 1)

    def play() -> None:
        for _ in range(rounds):
            lake.step()

    return play


def main() -> None:
    compare()
    if "--answers" in sys.argv:
        return
    print("# Mesa imitates one after the other, ours all at once; CPU time, median of 5 interleaved runs")
    held = []
    for name, players, replicates, rounds, mesa_rounds in (
        ("1000_agents", 1000, 1, 256, 128),
        ("10000_agents", 10_000, 1, 128, 16),
        ("100_agents", 100, 1, 512, 1024),
        ("100_agents_100_replicates", 100, 100, 128, 1024),
    ):
        mine, other = medians(ours(players, replicates, rounds), theirs(players, mesa_rounds))
        mine, other = players * replicates * rounds / mine, players * mesa_rounds / other
        ratio = mine / other
        line(f"mesa_{name}", other / 1e6, "M-agent-steps/cpu-s")
        line(f"gamesim_{name}", mine / 1e6, "M-agent-steps/cpu-s")
        if name in FLOORS:
            held.append(floor(f"ratio_{name}", ratio, FLOORS[name]))
        else:
            line(f"ratio_{name}", ratio, "x")
    end(*held)


if __name__ == "__main__":
    main()
