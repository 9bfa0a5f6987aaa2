"""Kills societies of language players with SIGKILL at random moments and prints what became of them.

python tests/faults/kill_models.py [KILLS] [SEED]

KILLS counts those that found the process at work; a few come after its end, and are told apart.
Each society (10 agents, 5 rounds, 2 calls an agent and round) asks a real server on this machine through the real client. It
is killed one to three times, then goes on to its end. Then its events must equal those of a society nobody disturbed, byte for
byte; no answer that was committed may be asked for again; and what was on its way at the kill, and is sent again, is at most
what may be in flight. The cache is off, so the journal alone carries it. Uses forks, as kills.py does.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
import openai  # noqa: F401  (so that forks need not)
from kills import elsewhere

import gamesim.run.models.working
import gamesim.run.playing  # noqa: F401
from gamesim.run.model_use import ModelUse
from gamesim.run.record import Record
from gamesim.run.runner import resume, run
from gamesim.scenario.resolve import load_scenario
from gamesim.scenario.scenario import Scenario
from gamesim.testing.fault_server import ServerProcess

CAP = 8
QUIET = ModelUse(cache="off")


def society(url: str) -> Scenario:
    return load_scenario(f"""
name: kills/society
seed: 11
environment: {{kind: commons, players: 10, horizon: 5, upkeep: {{initial_wealth: 1000}}}}
population: [{{agent: llm, model: big, count: 10}}]
language: {{calls: bundled, reason: null, on_invalid: repeat_last}}
models: {{big: {{backend: openai, id: m, base_url: "{url}", concurrency: {{cap: {CAP}}}}}}}
""")


@dataclass
class Tally:
    kills: int = 0  # that found the process at work
    late: int = 0  # that came after its end
    societies: int = 0
    committed: int = 0  # answers that had been committed before kills
    asked_again: int = 0
    resent: int = 0  # were on their way when the process died
    most_resent: int = 0
    too_many: int = 0
    surplus: int = 0  # requests beyond the answers of societies that went on to their end
    different: int = 0
    unsound: int = 0
    seconds: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def clean(self) -> bool:
        return self.asked_again == self.too_many == self.different == self.unsound == 0

    def __str__(self) -> str:
        times = self.seconds or [0.0]
        return (
            f"kills of a process at work {self.kills} (others, after its end, {self.late}), societies {self.societies}: committed answers before kills "
            f"{self.committed}, asked again {self.asked_again}; on their way and sent again {self.resent} "
            f"(most at one kill {self.most_resent}, may be {CAP}), late or repeated attempts {self.surplus}; records that differ {self.different}; damaged journals {self.unsound}; "
            f"going on took {np.median(times):.2f} s (median), {np.quantile(times, 0.95):.2f} s (95 %)"
        )


class Campaign:
    """Kills, one after the other, in directories below ``scratch``."""

    def __init__(self, scratch: Path, server: ServerProcess, seed: int) -> None:
        self.scratch, self.server = scratch, server
        self.url = server.url("F00,latency=0.02,jitter=0.02")
        self.rng = np.random.default_rng(seed)
        self.tally = Tally()
        began = time.monotonic()
        self.digest = str(elsewhere(lambda: self._play(scratch / "whole"))[0])
        self.whole = _events(scratch / "whole")
        self.lasts = time.monotonic() - began
        self.calls = len(_committed(scratch / "whole"))

    def _play(self, store: Path) -> list[object]:
        directories = _directories(store)
        go = lambda: resume(directories[0], models=QUIET)  # noqa: E731
        record = go() if directories and self.rng.random() < 0.5 else run(society(self.url), store=store, models=QUIET)
        return [Record(record.path, verify="full").digest()]

    def one(self) -> None:
        """One society, killed up to three times on its way."""
        store = self.scratch / f"try-{self.tally.societies}"
        for _ in range(int(self.rng.integers(1, 4))):
            before = _committed(store)
            left = 1 - len(before) / self.calls  # of the time that an undisturbed society takes
            self.server.reset()
            child = os.fork()
            if child == 0:
                try:
                    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
                    self._play(store)
                finally:
                    os._exit(0)
            time.sleep(float(self.rng.uniform(0, self.lasts * left)))
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            self.tally.kills += os.WIFSIGNALED(status)
            self.tally.late += not os.WIFSIGNALED(status)
            after = _committed(store)
            self._check(before, after, killed=True)
            self.tally.committed += len(after)
            self._sound(store)
        before = _committed(store)
        self.server.reset()
        began = time.monotonic()
        digest = elsewhere(lambda: self._play(store))[0]
        self.tally.seconds.append(time.monotonic() - began)
        self.tally.societies += 1
        self._check(before, _committed(store), killed=False)
        if digest != self.digest or _events(store) != self.whole:
            self.tally.different += 1
            self.tally.notes.append(f"{store.name}: {digest} instead of {self.digest}")
            return
        shutil.rmtree(store)

    def _check(self, before: set[tuple[object, ...]], after: set[tuple[object, ...]], *, killed: bool) -> None:
        """No request that came was for an answer committed before; where the process was killed, the rest was on its way.

        Told apart by their Idempotency-Key, for what a dead process had sent may reach a busy server late.
        """
        time.sleep(0.01)
        hits = [hit for requests in self.server.said()["hits"].values() for hit in requests.items()]
        came = {key.partition("-")[2] for key, _ in hits}
        again = came & {_call(row) for row in before}
        if again or not before <= after:
            self.tally.asked_again += max(1, len(again))
            self.tally.notes.append(f"asked again {sorted(again)}; lost {len(before - after)}")
        if not killed:  # what a dead process had sent and came only now, or an attempt that was repeated
            self.tally.surplus += sum(count for _, count in hits) - len(after - before)
        if killed:
            flying = len(came - {_call(row) for row in after})
            self.tally.resent += flying
            self.tally.most_resent = max(self.tally.most_resent, flying)
            self.tally.too_many += flying > CAP

    def _sound(self, store: Path) -> None:
        for path in store.glob("*/calls.sqlite"):
            copy = self.scratch / "look"
            shutil.rmtree(copy, ignore_errors=True)
            copy.mkdir()
            for file in path.parent.glob("calls.sqlite*"):
                shutil.copy(file, copy / file.name)
            with sqlite3.connect(copy / "calls.sqlite") as db:
                self.tally.unsound += db.execute("PRAGMA integrity_check").fetchone()[0] != "ok"

    def go(self, kills: int) -> Tally:
        told = time.monotonic()
        try:
            while self.tally.kills < kills and self.tally.clean():
                self.one()
                if time.monotonic() - told > 10:
                    told = time.monotonic()
                    print(f"... {self.tally}", file=sys.stderr, flush=True)
        except KeyboardInterrupt:
            pass  # what was found until now is said
        return self.tally


def _directories(store: Path) -> list[Path]:
    return sorted(path.parent for path in store.glob("[!.]*/manifest.json")) if store.exists() else []


def _events(store: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for run_ in _directories(store) for path in (run_ / "events").glob("*.jsonl")}


def _committed(store: Path) -> set[tuple[object, ...]]:
    """Coordinates and keys of committed answers, looked up beside the run, which is left as it is."""
    found: set[tuple[object, ...]] = set()
    for path in store.glob("[!.]*/calls.sqlite"):
        with tempfile.TemporaryDirectory() as folder:
            for file in path.parent.glob("calls.sqlite*"):
                shutil.copy(file, Path(folder) / file.name)
            with sqlite3.connect(Path(folder) / "calls.sqlite") as db:
                tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master")}
                if "answer" in tables:
                    found |= set(db.execute("SELECT unit, step, phase, agent, ordinal, kind, key FROM answer"))
    return found


def _call(row: tuple[object, ...]) -> str:
    """What names a call in its Idempotency-Key, after the run's own part."""
    unit, step, _, _, ordinal, _, key = row
    return f"{str(key)[:32]}-{str(unit)[:16]}-{step}-{ordinal}"


def main() -> int:
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    with ServerProcess() as server, tempfile.TemporaryDirectory(prefix="gamesim-kills-") as scratch:
        tally = Campaign(Path(scratch), server, seed).go(kills)
    print(tally, *tally.notes, sep="\n")
    return 0 if tally.clean() else 1


if __name__ == "__main__":
    sys.exit(main())
