"""What a call costs this process beside the client: prompt, key, journal, cache, budget, limits, reading the answer, events.

8.5: CPU of a run of 1,520 calls (a village of ten, four questions a round: rendering, Broker, environment, record) less CPU of
the bare `openai` client sending the very same requests, per call; the same for calls through the Broker alone; and the whole of
such a run whose model answers in this process. 8.7: 1,500 calls again in a new run with a warm cache.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

from _timing import ceiling, end, line, medians
from gamesim_agents.llm.backends.openai_compatible import OpenAICompatible
from gamesim_agents.llm.structured import read_answer
from llm_parallel import SCHEMA, bare, request

from gamesim.core.model import Capabilities, ModelReply, ModelRequest, Usage
from gamesim.core.policy import Coordinates
from gamesim.run.model_use import ModelUse
from gamesim.run.models.broker import Broker
from gamesim.run.models.cache import ResponseCache
from gamesim.run.models.calls import CallJournal
from gamesim.run.models.desk import Desk
from gamesim.run.runner import run as play_run
from gamesim.scenario.resolve import load_scenario
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


VILLAGE = """
name: benchmark/overhead
environment: {{kind: commons, players: 10, horizon: 38, upkeep: {{initial_wealth: 1000000}}, collapse: all_dead,
  institutions: {{voting: {{rule: plurality, norms: text}}}}}}
population: [{{agent: llm, model: m, count: 10}}]
language: {{reason: null, on_invalid: repeat_last}}
models: {{m: {model}}}
"""
ANSWERS = """{backend: scripted, cycle: true, answers: {harvest: [{effort: 0.02}], sanction: [{target: null}],
  norm: [{community: Take four., personal: "", cap: null}], vote: [{choice: 1}]}}"""


def village(model: str, store: Path) -> list[dict[str, Any]]:
    """A whole run; the requests it sent."""
    record = play_run(load_scenario(VILLAGE.format(model=model)), store=store, models=ModelUse("off", preflight=False))
    journal = CallJournal(record.path / "calls.sqlite", readonly=True)
    try:
        return [row["request"] for row in journal.rows()]
    finally:
        journal.close()


def resent(url: str, requests: list[dict[str, Any]], at_once: int) -> None:
    """The client alone, with what a run has sent, as many at a time as the village has members."""
    import httpx2
    import openai

    async def play() -> None:
        transport = httpx2.AsyncClient(limits=httpx2.Limits(max_connections=100, max_keepalive_connections=100))
        client = openai.AsyncOpenAI(api_key="none", base_url=url, max_retries=0, http_client=transport)

        async def one(asked: dict[str, Any]) -> None:
            form = {"name": "answer", "strict": True, "schema": asked["schema"]}
            await client.chat.completions.create(
                model="m",
                messages=asked["messages"],
                max_tokens=asked["params"]["max_tokens"],
                response_format={"type": "json_schema", "json_schema": form},  # type: ignore[arg-type]
            )

        for start in range(0, len(requests), at_once):
            await asyncio.gather(*(one(asked) for asked in requests[start : start + at_once]))
        await client.close()

    asyncio.run(play())


def whole_runs(url: str, folder: Path) -> list[bool]:
    """8.5 as a user meets it."""
    numbers = iter(range(1000))
    server = f"{{backend: openai, id: m, base_url: '{url}'}}"

    def fresh(model: str) -> list[dict[str, Any]]:
        return village(model, folder / f"village-{next(numbers)}")

    requests = fresh(server)
    calls = len(requests)
    over_http, client = medians(lambda: fresh(server), lambda: resent(url, requests, 10), rounds=3)
    assert len(fresh(ANSWERS)) == calls
    (in_process,) = medians(lambda: fresh(ANSWERS), rounds=3)
    line("calls_of_a_village", calls, "")
    line("village_cpu_per_call_ms", over_http / calls * 1e3, "ms")
    line("village_client_cpu_per_call_ms", client / calls * 1e3, "ms")
    return [
        ceiling("village_overhead_per_call_net_of_client", (over_http - client) / calls * 1e3, 1.0, "ms"),
        ceiling("village_in_process_call", in_process / calls * 1e3, 1.0, "ms"),
    ]


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
        held += whole_runs(url, Path(folder))
    end(*held)


if __name__ == "__main__":
    main()
