"""What a kill costs: a society is killed with SIGKILL half way and goes on; repeated calls, calls sent again, CPU of catching up.

8.6: no committed answer is asked for again; what was on its way is at most what may be in flight. The server is a process of
its own; the real client asks it; the cache is off, so that the journal alone carries the run.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _timing import ceiling, end, line

from gamesim.run.model_use import ModelUse
from gamesim.run.models.calls import CallJournal
from gamesim.run.runner import resume, run
from gamesim.scenario.resolve import load_scenario
from gamesim.testing.fault_server import ServerProcess

CAP = 32
OFF = ModelUse(cache="off")


def play(url: str, store: Path, agents: int, rounds: int) -> Path:
    scenario = load_scenario(f"""
name: benchmark/resume
environment: {{kind: commons, players: {agents}, horizon: {rounds}, upkeep: {{initial_wealth: 1000}}}}
population: [{{agent: llm, model: big, count: {agents}}}]
language: {{reason: null, on_invalid: repeat_last}}
models: {{big: {{backend: openai, id: m, base_url: "{url}", concurrency: {{cap: {CAP}}}}}}}
""")
    return run(scenario, store=store, models=OFF).path


def committed(directory: Path) -> int:
    journal = CallJournal(directory / "calls.sqlite")
    try:
        return sum(1 for _ in journal.rows())
    finally:
        journal.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--agents", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--child", nargs=2, metavar=("URL", "STORE"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        play(chosen.child[0], Path(chosen.child[1]), chosen.agents, chosen.rounds)
        return
    path = "F00,latency=0.02"
    with ServerProcess() as server, tempfile.TemporaryDirectory() as folder:
        url, store = server.url(path), Path(folder) / "cut"

        def came() -> int:
            return sum(server.said()["hits"].get(path, {}).values())

        whole = play(url, Path(folder) / "whole", chosen.agents, chosen.rounds)
        total = came()
        server.reset()
        size = [f"--agents={chosen.agents}", f"--rounds={chosen.rounds}"]
        child = subprocess.Popen([sys.executable, __file__, *size, "--child", url, str(store)])
        while came() < total // 2 and child.poll() is None:
            time.sleep(0.01)
        child.send_signal(signal.SIGKILL)
        child.wait()
        directory = next(store.glob("[!.]*/manifest.json")).parent
        before, sent = committed(directory), came()
        server.reset()
        begin = time.process_time()
        record = resume(directory, models=OFF)
        resumed = time.process_time() - begin
        asked = came()
        line("cores", os.cpu_count() or 0, "")
        line("calls", total, "")
        line("committed_at_the_kill", before, "")
        same = record.digest() == type(record)(whole).digest()
        line("equal_records", float(same), "")
        line("resume_cpu_s", resumed, "s")
        end(
            same,
            ceiling("repeated_calls", asked - (committed(directory) - before), 0, ""),
            ceiling("sent_again", sent - before, CAP, ""),
        )


if __name__ == "__main__":
    main()
