"""How full a server is kept: wall time of a society against what its phases allow, and against the bare client.

8.1: a model that answers after a fixed time, in this process. T_ideal = rounds x phases x ceil(agents / cap) x latency.
8.2: the same shape over loopback HTTP, server in another process; peer: `openai` 3.54.0 with a semaphore, in the same run.
Wall-clock figures: read them beside the number of cores.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from pathlib import Path

from _timing import end, floor, line
from gamesim_agents.llm.backends.openai_compatible import OpenAICompatible

from gamesim.core.model import Capabilities, Message, ModelReply, ModelRequest, Params, Usage
from gamesim.core.model_config import Concurrency
from gamesim.core.policy import Coordinates
from gamesim.run.models.broker import Broker
from gamesim.run.models.cache import ResponseCache
from gamesim.run.models.calls import CallJournal
from gamesim.run.models.desk import Desk
from gamesim.testing.fault_server import ServerProcess

SYSTEM = "You fish in a lake with others. " * 30
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["effort", "reason"],
    "properties": {
        "effort": {"type": "number", "minimum": 0, "maximum": 8},
        "reason": {"type": "string", "maxLength": 80},
    },
}


class Fixed:
    """Answers after so many seconds."""

    name, capabilities = "fixed/m", Capabilities()

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    async def complete(self, request: ModelRequest) -> ModelReply:
        await asyncio.sleep(self.seconds)
        return ModelReply('{"effort": 1, "reason": ""}', usage=Usage(300, 12), served_model="m")


def request(model: str, number: int, agent: int) -> ModelRequest:
    messages = (Message("system", SYSTEM), Message("user", f"Decision {number}: how much do you take?"))
    return ModelRequest(model, messages, Params(max_tokens=80), SCHEMA, sample=f"0/{agent}/0")


async def society(broker: Broker, model: str, agents: int, phases: int) -> float:
    """All agents of a phase at once, phase after phase; wall seconds."""
    begin = time.perf_counter()
    for phase in range(phases):
        await asyncio.gather(
            *(broker.ask(request(model, phase, a), Coordinates("u", phase, "p", str(a))) for a in range(agents))
        )
    return time.perf_counter() - begin


def ours(desk: Desk, agents: int, phases: int, warm: bool = False) -> float:
    async def play() -> float:
        with tempfile.TemporaryDirectory() as folder:
            broker = Broker(
                {desk.name: desk},
                CallJournal(Path(folder) / "calls.sqlite"),
                ResponseCache(Path(folder) / "responses.sqlite"),
            )
            try:
                if warm:
                    await broker.ask(request(desk.name, -1, 0), Coordinates("warm", 0, "p", "a"))
                return await society(broker, desk.name, agents, phases)
            finally:
                await broker.aclose()

    return asyncio.run(play())


def bare(url: str, agents: int, phases: int, cap: int) -> float:
    """The client alone, a semaphore around it."""
    import httpx2
    import openai

    async def play() -> float:
        limits = httpx2.Limits(max_connections=1000, max_keepalive_connections=1000)
        client = openai.AsyncOpenAI(
            api_key="none", base_url=url, max_retries=0, http_client=httpx2.AsyncClient(limits=limits, timeout=None)
        )
        gate = asyncio.Semaphore(cap)

        async def one(phase: int, agent: int) -> None:
            asked = request("big/m", phase, agent)
            async with gate:
                await client.chat.completions.create(
                    model="m",
                    messages=[{"role": m.role, "content": m.content} for m in asked.messages],  # type: ignore[misc]
                    max_tokens=80,
                    response_format={
                        "type": "json_schema",
                        "json_schema": {"name": "answer", "strict": True, "schema": SCHEMA},
                    },
                )

        await one(-1, 0)
        begin = time.perf_counter()
        for phase in range(phases):
            await asyncio.gather(*(one(phase, agent) for agent in range(agents)))
        taken = time.perf_counter() - begin
        await client.close()
        return taken

    return asyncio.run(play())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--agents", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5, help="of the society")
    parser.add_argument("--phases", type=int, default=3)
    parser.add_argument("--cap", type=int, default=32)
    parser.add_argument("--latency", type=float, default=0.5)
    parser.add_argument("--repeats", type=int, default=3, help="interleaved repetitions of 8.2")
    chosen = parser.parse_args()
    agents, phases, cap, latency = chosen.agents, chosen.rounds * chosen.phases, chosen.cap, chosen.latency
    ideal = phases * -(-agents // cap) * latency
    line("cores", os.cpu_count() or 0, "")
    line("t_ideal_s", ideal, "s")

    cpu = time.process_time()
    wall = ours(Desk.of(Fixed(latency), concurrency=Concurrency(cap=cap)), agents, phases)
    line("in_process_cpu_per_call_ms", (time.process_time() - cpu) / (agents * phases) * 1e3, "ms")
    line("in_process_wall_s", wall, "s")
    held = floor("in_process_parallel_efficiency", ideal / wall, 0.90)

    mine, theirs = [], []
    with ServerProcess() as server:
        url = server.url(f"F00,latency={latency}")
        for _ in range(chosen.repeats):
            desk = Desk.of(OpenAICompatible("big/m", "m", url), concurrency=Concurrency(cap=cap))
            mine.append(ours(desk, agents, phases, warm=True))
            theirs.append(bare(url, agents, phases, cap))
    line("http_efficiency", ideal / statistics.median(mine), "x")
    line("http_bare_client_efficiency", ideal / statistics.median(theirs), "x")
    end(held, floor("http_vs_bare_client", statistics.median(theirs) / statistics.median(mine), 0.95))


if __name__ == "__main__":
    main()
