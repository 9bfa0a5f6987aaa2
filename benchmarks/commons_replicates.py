"""What batching over replicates buys: 10 agents, 50 rounds, fines, imitation and a median vote; CPU time, answers first.

Peers: the environment itself with one society at a time; and, both written for this file, one society at a time with
numpy arrays over its 10 agents and nothing that these settings do not need, and with plain Python lists. For the comparison of answers they are given our draws, and must reproduce every round; when
timed they draw their own numbers from one generator, which is cheaper than named streams. Ours is the Commons
environment by configuration; its time includes naming and seeding all streams of every replicate.

    python benchmarks/commons_replicates.py            prints one line a figure; exit code 1 if a floor is missed
    python benchmarks/commons_replicates.py --answers  compares the answers only
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

from _timing import ceiling, end, floor, line, medians  # first: it sets one thread

import numpy as np  # isort: skip

from gamesim.envs.commons.batched import BatchedCommons  # isort: skip
from gamesim.envs.commons.config import Commons  # isort: skip

N, ROUNDS = 10, 50
K, RATE, ALPHA, UPKEEP, WEALTH = 300.0, 0.6, 0.05, 1.0, 100.0
FINE, SELECTION, SIGMA, AVERAGE = 6.0, 0.2, 0.05, 0.5


def configuration(wealth: float = WEALTH) -> Commons:
    return Commons.model_validate(
        {
            "players": N,
            "horizon": ROUNDS,
            "growth": {"rate": RATE, "capacity": K, "minimum": 0},
            "harvest": {"productivity": ALPHA},
            "upkeep": {"consumption": UPKEEP, "initial_wealth": wealth},
            "collapse": "all_dead",
            "institutions": {
                "sanctions": {"fine": FINE},
                "revision": {"rule": "fermi", "selection": SELECTION, "mutation": SIGMA, "average": AVERAGE},
                "voting": "median",
            },
        }
    )


# A society's numbers: init (N, 3), and for every round whom to inspect, whether to fine, whom to learn from (T, N), and
# three normals each (T, N, 3).
Numbers = Any


class Drawn:
    """The numbers of a society that draws its own as it goes: one generator, asked in every round."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng

    def __getitem__(self, name: str) -> Any:
        return self._rng.random((N, 3)) if name == "init" else Each(self._rng, name == "noise")


class Each:
    def __init__(self, rng: np.random.Generator, normal: bool) -> None:
        self._rng, self._normal = rng, normal

    def __getitem__(self, index: Any) -> Any:
        drawn = self._rng.standard_normal((N, 3)) if self._normal else self._rng.random(N)
        return drawn[index[1]] if isinstance(index, tuple) else drawn


def all_at_once(rng: np.random.Generator) -> dict[str, Any]:
    """For the list loop, which would lose most of its time in calls for single numbers."""
    return {
        "init": rng.random((N, 3)),
        "inspect": rng.random((ROUNDS, N)),
        "fine": rng.random((ROUNDS, N)),
        "learn": rng.random((ROUNDS, N)),
        "noise": rng.standard_normal((ROUNDS, N, 3)),
    }


def our_numbers(batch: BatchedCommons, row: int) -> dict[str, Any]:
    root = batch.draws.roots[row]
    per_round = 3  # harvest, sanction, norm: the policy's numbers are counted by step

    def block(*path: str | int, chunks: int = 1) -> Any:
        return np.concatenate([root.block(*path, "chunk", k, shape=(N, 128, 1)) for k in range(chunks)], axis=1)[
            ..., 0
        ].T

    return {
        "init": root.block("society", "init", shape=(N, 3)),
        "inspect": block("society", "pairing")[:ROUNDS],
        "fine": block("policy", 1, chunks=2)[1::per_round][:ROUNDS],
        "learn": block("society", "revision")[:ROUNDS],
        "noise": root.normals("society", "mutation", "chunk", 0, shape=(N, 128, 3)).transpose(1, 0, 2)[:ROUNDS],
    }


def numpy_society(numbers: Numbers, purse: float = WEALTH) -> list[tuple[float, float, float, int]]:
    """One society with arrays over its agents: (stock, norm, fines, alive) after each round."""
    init = numbers["init"]
    effort, punish, belief = init[:, 0].copy(), init[:, 1].copy(), 2.0 + 6.0 * init[:, 2]
    alive, wealth, average = np.ones(N, dtype=bool), np.full(N, purse), np.zeros(N)
    stock, norm, history = K, float(np.median(belief)), []
    for t in range(ROUNDS):
        living = np.flatnonzero(alive)
        count = len(living)
        if count == 0:
            break
        harvest = np.where(alive, ALPHA * effort * stock, 0.0)
        rest = max(0.0, stock - harvest.sum())
        fined, fines = np.zeros(N), 0
        if count > 1:
            pick = (numbers["inspect"][t, living] * (count - 1)).astype(int)
            pick += pick >= np.arange(count)
            target = living[pick]
            guilty = (harvest[target] > norm) & (numbers["fine"][t, living] < punish[living])
            fined[target[guilty]] = 1.0
            fines = int(fined.sum())
        payoff = np.where(alive, harvest - UPKEEP - FINE * fined, 0.0)
        wealth += payoff
        average = AVERAGE * average + (1 - AVERAGE) * payoff
        alive = alive & (wealth >= 0)
        stock = min(max(rest + RATE * rest * (1 - rest / K), 0.0), K)
        living = np.flatnonzero(alive)
        count = len(living)
        if count > 1:
            place = numbers["learn"][t, living] * (count - 1)
            pick = place.astype(int)
            chance = place - pick
            pick += pick >= np.arange(count)
            model = living[pick]
            adopts = chance < 1 / (1 + np.exp(np.clip(-SELECTION * (average[model] - average[living]), -50, 50)))
            who, whom, noise = living[adopts], model[adopts], numbers["noise"][t]
            new = effort[whom], punish[whom], belief[whom]
            effort[who] = np.clip(new[0] + SIGMA * noise[who, 0], 0, 1)
            punish[who] = np.clip(new[1] + SIGMA * noise[who, 1], 0, 1)
            belief[who] = np.maximum(new[2] + 10 * SIGMA * noise[who, 2], 0)
        history.append((float(stock), norm, fines, count))
        if count:
            norm = float(np.median(belief[living]))
    return history


def list_society(numbers: Numbers, purse: float = WEALTH) -> list[tuple[float, float, float, int]]:
    """One society with lists."""
    exp = math.exp
    effort = [row[0] for row in numbers["init"]]
    punish = [row[1] for row in numbers["init"]]
    belief = [2.0 + 6.0 * row[2] for row in numbers["init"]]
    living, wealth, average = list(range(N)), [purse] * N, [0.0] * N
    stock, norm, history = K, middle(belief), []
    for t in range(ROUNDS):
        count = len(living)
        if count == 0:
            break
        harvest = [0.0] * N
        for i in living:
            harvest[i] = ALPHA * effort[i] * stock
        rest = max(0.0, stock - sum(harvest))
        fined = [0] * N
        if count > 1:
            inspect, fine = numbers["inspect"][t], numbers["fine"][t]
            for place, i in enumerate(living):
                pick = int(inspect[i] * (count - 1))
                j = living[pick + (pick >= place)]
                if harvest[j] > norm and fine[i] < punish[i]:
                    fined[j] = 1
        for i in living:
            payoff = harvest[i] - UPKEEP - FINE * fined[i]
            wealth[i] += payoff
            average[i] = AVERAGE * average[i] + (1 - AVERAGE) * payoff
        living = [i for i in living if wealth[i] >= 0]
        stock = min(max(rest + RATE * rest * (1 - rest / K), 0.0), K)
        count = len(living)
        if count > 1:
            learn, noise, changed = numbers["learn"][t], numbers["noise"][t], []
            for place, i in enumerate(living):
                position = learn[i] * (count - 1)
                pick = int(position)
                k = living[pick + (pick >= place)]
                if position - pick < 1 / (1 + exp(min(50, max(-50, -SELECTION * (average[k] - average[i]))))):
                    z = noise[i]
                    new = min(1.0, max(0.0, effort[k] + SIGMA * z[0])), min(1.0, max(0.0, punish[k] + SIGMA * z[1]))
                    changed.append((i, *new, max(0.0, belief[k] + 10 * SIGMA * z[2])))
            for i, e, p, g in changed:
                effort[i], punish[i], belief[i] = e, p, g
        history.append((stock, norm, sum(fined), count))
        if count:
            norm = middle([belief[i] for i in living])
    return history


def middle(values: list[float]) -> float:
    ordered = sorted(values)
    count = len(ordered)
    return 0.5 * (ordered[(count - 1) // 2] + ordered[count // 2])


def lists(numbers: dict[str, Any]) -> dict[str, Any]:
    return {name: array.tolist() for name, array in numbers.items()}


def compare(replicates: int = 40) -> None:
    """Raise unless both peers reproduce our rounds from our draws, in societies that starve, too."""
    for purse in (WEALTH, 5.0):
        batch = BatchedCommons(configuration(purse), replicates)
        batch.reset(np.arange(replicates))
        ours = batch.run()
        deaths = 0
        for row in range(replicates):
            numbers = our_numbers(batch, row)
            peers = {"numpy": numpy_society(numbers, purse), "list": list_society(lists(numbers), purse)}
            mine = np.stack([series[row] for series in (ours.stock, ours.norm, ours.fines, ours.alive)], axis=1)
            for name, history in peers.items():
                if not np.allclose(history, mine[: len(history)], rtol=1e-9, atol=1e-9):
                    raise SystemExit(f"replicate {row}: the {name} loop and the environment differ")
            deaths += N - peers["list"][-1][3]
        line(f"answers_equal_wealth_{purse:g}", replicates, "replicates")
        line(f"answers_fines_wealth_{purse:g}", float(np.nansum(ours.fines)) / replicates, "fines/run")
        line(f"answers_deaths_wealth_{purse:g}", deaths / replicates, "deaths/run")


def ours(replicates: int, times: int = 1) -> Callable[[], object]:
    """``times`` batches of so many replicates, all with different seeds."""
    batch = BatchedCommons(configuration(), replicates)

    def play() -> None:
        for number in range(times):
            batch.reset(np.arange(replicates) + number * replicates)
            batch.run()

    return play


def one_by_one(society: Callable[[Numbers], object], replicates: int, *, as_lists: bool) -> Callable[[], object]:
    rng = np.random.default_rng(1)

    def play() -> None:
        for _ in range(replicates):
            society(lists(all_at_once(rng)) if as_lists else Drawn(rng))

    return play


def main() -> None:
    compare()
    if "--answers" in sys.argv:
        return
    arrays = one_by_one(numpy_society, 10, as_lists=False)
    plain = one_by_one(list_society, 20, as_lists=True)
    forty, hundred, thousand, one, loop, listed = medians(
        ours(40, 10), ours(100, 4), ours(1000), ours(1, 10), arrays, plain
    )
    forty, hundred, one, loop, listed = forty / 10, hundred / 4, one / 10, loop / 10, listed / 20
    held = []
    for replicates, taken in ((40, forty), (100, hundred), (1000, thousand)):
        held.append(ceiling(f"gamesim_{replicates}_replicates", taken / replicates * 1e3, 1.6, "cpu-ms/run"))
    line("gamesim_1_replicate", one * 1e3, "cpu-ms/run")
    line("numpy_loop", loop * 1e3, "cpu-ms/run")
    line("list_loop", listed * 1e3, "cpu-ms/run")
    held.append(floor("one_society_at_a_time_over_gamesim_40", one / (forty / 40), 16))
    line("numpy_loop_over_gamesim_40", loop / (forty / 40), "x")
    held.append(floor("list_loop_over_gamesim_1000", listed / (thousand / 1000), 5))
    end(*held)


if __name__ == "__main__":
    main()
