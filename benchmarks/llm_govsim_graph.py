"""GovSim's phase graph: what waits for what in one round, and how full many societies together keep a server.

8.3: five agents and nine utterances are 31 calls in phases 5 | 1 x 9 | 12 | 5, so the longest chain is 12 calls. A runner that
asks one after the other takes 31 latencies a round; the floor here is 14. With many seeds together, calls per latency are held
against the lesser of the cap and what the chains allow.

8.4: the fishery of eight with a town hall of ten responses, as Concordia's `examples/resource_dilemma` has it (one cycle there:
78.5 to 79 calls, 25 to 29 latencies, 2.7 to 3.1 in flight). Here a speaker names the next one in the same answer and nobody
referees, so a cycle is 8 | 1 x 10: 18 calls on a chain of 11. One society cannot have more in flight than its calls over its
chain, whatever runs it; so the chain is printed, and the time is held against it. Wall-clock figures: read them beside the
number of cores.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from _timing import ceiling, end, floor, line
from llm_parallel import Fixed, request

from gamesim.core.model_config import Concurrency
from gamesim.core.policy import Coordinates
from gamesim.run.models.broker import Broker
from gamesim.run.models.cache import ResponseCache
from gamesim.run.models.calls import CallJournal
from gamesim.run.models.desk import Desk

PHASES = (5, *(1,) * 9, 12, 5)
CALLS, CHAIN = sum(PHASES), len(PHASES)
TOWN_HALL = (8, *(1,) * 10)


async def one_round(broker: Broker, model: str, unit: str, phases: Sequence[int]) -> None:
    for number, width in enumerate(phases):
        await asyncio.gather(
            *(
                broker.ask(request(model, number, agent), Coordinates(unit, number, "p", str(agent)))
                for agent in range(width)
            )
        )


def play(seeds: int, latency: float, cap: int, phases: Sequence[int] = PHASES) -> float:
    """Wall seconds of one round of so many societies."""
    desk = Desk.of(Fixed(latency), concurrency=Concurrency(cap=cap))

    async def all_of_them() -> float:
        with tempfile.TemporaryDirectory() as folder:
            broker = Broker(
                {desk.name: desk},
                CallJournal(Path(folder) / "calls.sqlite"),
                ResponseCache(Path(folder) / "responses.sqlite", "off"),
            )
            try:
                begin = time.perf_counter()
                await asyncio.gather(*(one_round(broker, desk.name, f"u{seed}", phases) for seed in range(seeds)))
                return time.perf_counter() - begin
            finally:
                await broker.aclose()

    return asyncio.run(all_of_them())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--cap", type=int, default=32)
    parser.add_argument("--latency", type=float, default=0.5)
    chosen = parser.parse_args()
    line("cores", os.cpu_count() or 0, "")
    line("calls_a_round", CALLS, "")
    line("phases_a_round", CHAIN, "")
    held = ceiling("latencies_a_round", play(1, chosen.latency, chosen.cap) / chosen.latency, 14, "L")
    wall = play(chosen.seeds, chosen.latency, chosen.cap)
    line("together_wall_s", wall, "s")
    rate = CALLS * chosen.seeds * chosen.latency / wall
    best = min(chosen.cap, CALLS * chosen.seeds / CHAIN)
    line("calls_per_latency", rate, "")
    possible = floor("share_of_what_is_possible", rate / best, 0.9)
    calls, chain = sum(TOWN_HALL), len(TOWN_HALL)
    wall = play(1, chosen.latency, chosen.cap, TOWN_HALL)
    line("town_hall_calls", calls, "")
    line("town_hall_critical_path", chain, "L")
    line("town_hall_in_flight_at_most", calls / chain, "")
    line("town_hall_in_flight", calls * chosen.latency / wall, "")
    end(held, possible, ceiling("town_hall_latencies_over_critical_path", wall / chosen.latency / chain, 14 / 12, "x"))


if __name__ == "__main__":
    main()
