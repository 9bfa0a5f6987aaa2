"""What a call costs this process beside the client: key, journal, cache, budget, limits, reading the answer.

8.5: CPU of 1,500 calls through the Broker less CPU of the bare `openai` client sending the same requests, per call; and the
whole of a call to a model in this process. 8.7: the same 1,500 calls again in a new run with a warm cache.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

from _timing import ceiling, end, line, medians
from gamesim_agents.llm.backends.openai_compatible import OpenAICompatible
from gamesim_agents.llm.structured import read_answer
from llm_parallel import SCHEMA, bare, request

from gamesim.core.model import Capabilities, ModelReply, ModelRequest, Usage
from gamesim.core.policy import Coordinates
from gamesim.run.models.broker import Broker
from gamesim.run.models.cache import ResponseCache
from gamesim.run.models.calls import CallJournal
from gamesim.run.models.desk import Desk
from gamesim.testing.fault_server import ServerProcess

AGENTS = 100


class Immediate:
    """Answers at once, outside of any network."""

    name, capabilities = "immediate/m", Capabilities(network=False)

    async def complete(self, request: ModelRequest) -> ModelReply:
        return ModelReply('{"effort": 1, "reason": ""}', usage=Usage(300, 12), served_model="m")


def run(desk: Desk, store: Path, calls: int) -> list[str]:
    """A run of its own in a shared store; where its answers came from."""

    async def play() -> list[str]:
        with tempfile.TemporaryDirectory() as folder:
            broker = Broker(
                {desk.name: desk}, CallJournal(Path(folder) / "calls.sqlite"), ResponseCache(store / "responses.sqlite")
            )

            async def one(phase: int, agent: int) -> str:
                answer = await broker.ask(request(desk.name, phase, agent), Coordinates("u", phase, "p", str(agent)))
                assert read_answer(answer, SCHEMA).outcome == "ok"
                return answer.source

            try:
                found: list[str] = []
                for phase in range(calls // AGENTS):
                    found += await asyncio.gather(*(one(phase, agent) for agent in range(AGENTS)))
                return found
            finally:
                await broker.aclose()

    return asyncio.run(play())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--calls", type=int, default=1500)
    calls = parser.parse_args().calls
    with ServerProcess() as server, tempfile.TemporaryDirectory() as folder:
        url, number = server.url(), iter(range(1000))

        def fresh() -> None:
            store = Path(folder) / str(next(number))
            assert set(run(Desk.of(OpenAICompatible("big/m", "m", url)), store, calls)) == {"network"}

        with_broker, client = medians(fresh, lambda: bare(url, AGENTS, calls // AGENTS, 32))
        line("client_cpu_per_call_ms", client / calls * 1e3, "ms")
        line("whole_cpu_per_call_ms", with_broker / calls * 1e3, "ms")
        held = [ceiling("overhead_per_call_net_of_client", (with_broker - client) / calls * 1e3, 1.0, "ms")]

        (in_process,) = medians(lambda: run(Desk.of(Immediate()), Path(folder) / "unused", calls))
        held.append(ceiling("in_process_call", in_process / calls * 1e3, 1.0, "ms"))

        store = Path(folder) / "warm"
        run(Desk.of(OpenAICompatible("big/m", "m", url)), store, calls)
        server.reset()
        begin = time.process_time()
        sources = run(Desk.of(OpenAICompatible("big/m", "m", url)), store, calls)
        warm = time.process_time() - begin
        line("warm_requests", server.attempts("F00"), "")
        held += [ceiling("warm_rerun_cpu", warm, 1.5, "s"), set(sources) == {"cache"}, server.attempts("F00") == 0]
    end(*held)


if __name__ == "__main__":
    main()
