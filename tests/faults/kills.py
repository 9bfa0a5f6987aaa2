"""Killing runs with SIGKILL and checking what their successors find.

Each try forks a process that plays the trial, kills it (at a chosen disk operation, at a random time, or one of its workers),
looks at what had been acknowledged, and lets the same command go on until it ends. The record must equal that of a run nobody
disturbed, no sealed unit may be played again and no committed step asked again.

Everything that plays does so in a fork of this process, which itself never opens a database (a database does not survive a
fork); so use it in a process of its own, as kill_many.py does.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from trial import REFERENCE, trial_scenario

from gamesim.run import seal
from gamesim.run.journal import read_journal
from gamesim.run.manifest import read_manifest
from gamesim.run.record import Record
from gamesim.run.runner import resume, run

# For every kind of try: the weights with which a campaign draws it.
KINDS = {
    ("step", 1, "operation"): 4, ("unit", 1, "operation"): 4, ("step", 1, "time"): 3, ("unit", 1, "time"): 2,
    ("step", 2, "time"): 1, ("unit", 2, "time"): 1, ("step", 2, "worker"): 1, ("unit", 2, "worker"): 1,
}  # fmt: skip


@dataclass
class Tally:
    kills: int = 0
    landed: int = 0  # the process was still running
    resumed: int = 0
    lost_steps: int = 0
    lost_units: int = 0
    played_again: int = 0
    asked_again: int = 0
    different: int = 0
    by_kind: Counter = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def clean(self) -> bool:
        return self.lost_steps == self.lost_units == self.played_again == self.asked_again == self.different == 0

    def __str__(self) -> str:
        times = np.sort(self.seconds) if self.seconds else np.zeros(1)
        return (
            f"kills {self.kills} (process alive {self.landed}), runs that went on {self.resumed}: acknowledged steps lost {self.lost_steps}, "
            f"sealed units lost {self.lost_units}, sealed units played again {self.played_again}, committed steps asked again "
            f"{self.asked_again}, records that differ {self.different}; going on took {np.median(times):.2f} s (median), "
            f"{np.quantile(times, 0.95):.2f} s (95 %)"
        )


def elsewhere(work):
    """The result of a function, run in a fork; it must have a JSON form."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(write, json.dumps(work()).encode())
        except BaseException as error:
            os.write(write, json.dumps({"error": f"{type(error).__name__}: {error}"}).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        answer = json.loads(pipe.read() or b'{"error": "died"}')
    os.waitpid(child, 0)
    if isinstance(answer, dict):
        raise RuntimeError(answer["error"])
    return answer


def descends(process: int, ancestor: int) -> bool:
    """Whether a process is a child, or a child's child, and so on, of another."""
    while process > 1:
        if process == ancestor:
            return True
        try:
            with open(f"/proc/{process}/stat") as file:
                process = int(file.read().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            return False
    return False


class Campaign:
    """Kills, one after the other, in directories below ``scratch``."""

    def __init__(self, scratch: Path, seed: int) -> None:
        self.scratch = scratch
        self.rng = np.random.default_rng(seed)
        self.tally = Tally()
        self._whole: dict[str, tuple[str, int, float]] = {}

    def whole(self, journal: str) -> tuple[str, int, float]:
        """Digest, disk operations and seconds of an undisturbed run."""
        if journal not in self._whole:

            def undisturbed() -> tuple[str, int, float]:
                operations = []
                seal.trouble = lambda name, path: operations.append(name)
                began = time.monotonic()
                record = run(trial_scenario(journal), store=self.scratch / f"whole-{journal}", experiment=REFERENCE)
                return record.digest(), len(operations), time.monotonic() - began

            self._whole[journal] = tuple(elsewhere(undisturbed))
        return self._whole[journal]

    def one(self, journal: str, workers: int, where: str) -> None:
        """One run, killed up to three times on its way."""
        store = self.scratch / f"try-{self.tally.kills}"
        log = self.scratch / f"log-{self.tally.kills}"
        for _ in range(int(self.rng.integers(1, 4))):
            offset = log.stat().st_size if log.exists() else 0
            sealed, committed = self.acknowledged(store)
            self.kill(store, log, journal, workers, where)
            self.check(log, offset, sealed, committed)
            now_sealed, now_committed = self.acknowledged(store)
            self.tally.lost_units += len(sealed - now_sealed)
            self.tally.lost_steps += len(committed - now_committed)
            if self.tally.lost_units or self.tally.lost_steps:
                self.tally.notes.append(
                    f"{journal}, {workers} workers, {where}: lost {sealed - now_sealed}, {sorted(committed - now_committed)}, "
                    f"processes {subprocess.run(['pgrep', '-af', 'gamesim.run.worker'], capture_output=True, text=True).stdout}"
                )
                shutil.copytree(store, self.scratch.parent / "gamesim-lost", dirs_exist_ok=True)
                return
        offset = log.stat().st_size if log.exists() else 0
        sealed, committed = self.acknowledged(store)
        directories = self.directories(store)
        by_path, in_workers = bool(directories) and self.rng.random() < 0.5, workers if self.rng.random() < 0.3 else 1

        def go_on() -> tuple[str, str, float, list[str]]:
            os.environ["TRIAL_LOG"] = str(log)
            began = time.monotonic()
            if by_path:
                record = resume(directories[0], workers=in_workers)
            else:
                record = run(trial_scenario(journal), store=store, workers=in_workers, experiment=REFERENCE)
            seconds = time.monotonic() - began
            causes = [str(unit.error) for unit in record.units if unit.error]
            return record.digest(), Record(record.path, verify="full").manifest.status, seconds, causes[:2]

        digest, status, seconds, causes = elsewhere(go_on)
        self.tally.seconds.append(seconds)
        self.tally.resumed += 1
        self.check(log, offset, sealed, committed)
        leftovers = [
            path for run_ in self.directories(store) for path in run_.rglob("*") if path.name.startswith(seal.TEMPORARY)
        ]
        if digest != self.whole(journal)[0] or status != "complete" or leftovers:
            self.tally.different += 1
            self.tally.notes.append(
                f"{journal}, {workers} workers, {where}: {status}, {digest[:8]}, {[p.name for p in leftovers]}, {causes}"
            )
            return
        shutil.rmtree(store)
        log.unlink(missing_ok=True)

    def kill(self, store: Path, log: Path, journal: str, workers: int, where: str) -> None:
        _, operations, seconds = self.whole(journal)
        self.tally.kills += 1
        self.tally.by_kind[f"{journal}, {workers} workers, {where}"] += 1
        at = int(self.rng.integers(operations)) if where == "operation" else -1
        child = os.fork()
        if child == 0:
            self.play(store, log, journal, workers, at)
        slow = 1.0 if workers == 1 else 4.0  # workers have to start first
        if where == "time":
            time.sleep(float(self.rng.uniform(0, seconds * slow)))
            self.tally.landed += self.send(child)
        elif where == "worker":
            time.sleep(float(self.rng.uniform(0, seconds * slow)))
            players = (
                [line.split()[2] for line in log.read_text().splitlines() if line.startswith("start")]
                if log.exists()
                else []
            )
            if players and descends(int(players[-1]), child):  # not one of long ago whose number somebody else has now
                self.tally.landed += self.send(int(players[-1]))
            time.sleep(float(self.rng.uniform(0, seconds)))
            self.send(child)
        _, status = os.waitpid(child, 0)
        if where == "operation":
            self.tally.landed += os.WIFSIGNALED(status)
        for directory in self.directories(store):
            with open(
                directory / "run.lock"
            ) as file:  # held until the last orphan is dead; then what is there is all there is
                fcntl.flock(file, fcntl.LOCK_EX)

    @staticmethod
    def send(process: int) -> bool:
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    @staticmethod
    def play(store: Path, log: Path, journal: str, workers: int, at: int) -> None:
        """In the child: play, and die at disk operation ``at``."""
        os.environ["TRIAL_LOG"] = str(log)
        count = iter(range(10**9))

        def trouble(name: str, path: Path) -> None:
            if next(count) == at:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            seal.trouble = trouble if at >= 0 else None
            run(trial_scenario(journal), store=store, workers=workers, experiment=REFERENCE)
        finally:
            os._exit(0)

    @staticmethod
    def directories(store: Path) -> list[Path]:
        return sorted(path for path in store.glob("*") if not path.name.startswith(".")) if store.exists() else []

    def acknowledged(self, store: Path) -> tuple[set[str], set[tuple[str, int]]]:
        """Sealed units, and committed steps of the others, as the journals say."""
        sealed: set[str] = set()
        committed: set[tuple[str, int]] = set()
        for directory in self.directories(store):
            read_manifest(directory)  # always readable
            for path in (directory / "events").glob("[!.]*.jsonl"):
                contents = read_journal(path)
                if contents.sealed:
                    sealed.add(path.stem)
                committed.update((path.stem, event.step) for event in contents.events if event.step is not None)
        return sealed, committed

    def check(self, log: Path, offset: int, sealed: set[str], committed: set[tuple[str, int]]) -> None:
        """Nothing that was acknowledged before is done again after ``offset`` of the log."""
        lines = log.read_bytes()[offset:].decode().splitlines() if log.exists() else []
        for line in lines:
            word, unit, *rest = line.split()
            if word == "start":
                self.tally.played_again += unit in sealed
            if word == "ask":
                self.tally.asked_again += (unit, int(rest[0])) in committed

    def go(self, kills: int, tell=None) -> Tally:
        os.environ.pop("TRIAL_LOG", None)
        kinds, weights = list(KINDS), np.array(list(KINDS.values()), dtype=float)
        with contextlib.suppress(KeyError):
            del os.environ["TRIAL_FAULT"]
        while self.tally.kills < kills and self.tally.clean():
            journal, workers, where = kinds[int(self.rng.choice(len(kinds), p=weights / weights.sum()))]
            self.one(journal, workers, where)
            if tell is not None:
                tell(self.tally)
        return self.tally

    def each_operation(self, journal: str, last: int) -> Tally:
        """Kills at each of the last disk operations of a run in turn: the seals of units, manifest and run."""
        _, operations, _ = self.whole(journal)
        for at in range(max(0, operations - last), operations):
            self.rng = Fixed(at)
            self.one(journal, 1, "operation")
        return self.tally


class Fixed:
    """Draws what it is told to draw."""

    def __init__(self, at: int) -> None:
        self.at = at

    def integers(self, low, high=None):
        return 1 if high is not None else self.at

    def random(self):
        return 0.4
