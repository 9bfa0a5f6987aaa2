"""Bombs, floods and drips: what they cost in memory, and for how long the event loop stands still. Measured in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from gamesim.testing.fault_server import ServerProcess

PROBE = """
import asyncio, json, resource, sys, time
from pathlib import Path
from gamesim_agents.llm.backends.openai_compatible import OpenAICompatible
from gamesim.core.model import Message, ModelRequest, Params
from gamesim.core.model_config import Clocks
from gamesim.core.policy import Coordinates
from gamesim.run.models.broker import Broker
from gamesim.run.models.calls import CallJournal
from gamesim.run.models.desk import Desk

url, folder = sys.argv[1], Path(sys.argv[2])
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
wall = cpu = 0.0

async def watch():
    global wall, cpu
    while True:
        begin, used = time.monotonic(), time.thread_time()
        await asyncio.sleep(0.005)
        wall, cpu = max(wall, time.monotonic() - begin - 0.005), max(cpu, time.thread_time() - used)

def desk(path, **clocks):
    model = OpenAICompatible(f"{path}/m", "m", f"{url}/{path}/v1")
    return Desk.of(model, clocks=Clocks(retries=0, **clocks))

async def ask(broker, path, n):
    request = ModelRequest(f"{path}/m", (Message("user", f"{n}"),), Params(max_tokens=40))
    return await broker.ask(request, Coordinates("u", n, "p", path))

async def main():
    global wall, cpu
    paths = {"F20": dict(attempt=1.0, deadline=1.2), "F23": {}, "F23,chunked=1": {}, "F26": {}}
    desks = {path: desk(path, **clocks) for path, clocks in paths.items()} | {"F00": desk("F00")}
    broker = Broker({desk.name: desk for desk in desks.values()}, CallJournal(folder / "calls.sqlite"))
    for n in range(8):
        await ask(broker, "F00", n)  # everything is imported and connected
    before, watching, found = peak(), asyncio.ensure_future(watch()), {}
    for path in paths:
        wall = cpu = 0.0
        answers = await asyncio.gather(*(ask(broker, path, n) for n in range(4)))
        found[path] = dict(reasons=sorted({a.failure.reason for a in answers}), delay=cpu, wall=wall, growth=peak() - before)
    watching.cancel()
    await broker.aclose()
    print(json.dumps(found))

asyncio.run(main())
"""


def test_bombs_and_drips_cost_no_memory_and_do_not_stop_the_loop(tmp_path: object) -> None:
    with ServerProcess() as server:
        command = [sys.executable, "-c", PROBE, server.root, str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    reasons = {path: entry["reasons"] for path, entry in found.items()}
    assert reasons == {"F20": ["timeout"], "F23": ["too_large"], "F23,chunked=1": ["too_large"], "F26": ["encoding"]}
    for path, entry in found.items():
        assert entry["growth"] <= 64, (path, entry)
        assert entry["delay"] <= 0.2, (path, entry)  # of CPU: how long our own work kept the loop
        assert entry["wall"] <= 1.0, (path, entry)  # and of wall, on machines that others use too


@pytest.mark.parametrize(
    "body", ["[" * 500_000, '{"choices": [' + ",".join(["{}"] * 300_000) + "]}", '"text"', "null", "[]"]
)
def test_bodies_made_to_hurt_a_parser_are_bad_bodies(body: str) -> None:
    import time

    from gamesim_agents.llm.backends.openai_compatible import OpenAICompatible

    from gamesim.core.model_errors import BadBody

    model = OpenAICompatible("big/m", "m", "http://127.0.0.1:9/v1")
    begin = time.process_time()
    with pytest.raises(BadBody):
        model._read(body.encode(), None)
    assert time.process_time() - begin < 0.2
