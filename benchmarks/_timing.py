"""Interleaved medians of CPU time: A B A B ..., so that a busy machine slows both alike. One thread, one line a figure."""

from __future__ import annotations

import os

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import gc
import importlib.util
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence


def medians(*works: Callable[[], object], rounds: int = 5) -> list[float]:
    """Median CPU seconds of each work over interleaved rounds, after one unmeasured round."""
    taken: list[list[float]] = [[] for _ in works]
    for work in works:
        work()
    for _ in range(rounds):
        for index, work in enumerate(works):
            gc.collect()  # nobody pays for what another left behind
            begin = time.process_time()
            work()
            taken[index].append(max(time.process_time() - begin, 1e-9))
    return [statistics.median(times) for times in taken]


def child_medians(*commands: Sequence[str], rounds: int = 5) -> list[float]:
    """Median CPU seconds of child processes, interleaved, after one unmeasured round."""
    taken: list[list[float]] = [[] for _ in commands]
    for number in range(rounds + 1):
        for index, command in enumerate(commands):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run(command, check=True, capture_output=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            if number:
                taken[index].append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return [statistics.median(times) for times in taken]


def peer(*modules: str, install: str) -> bool:
    """Whether the packages to compare with are there; says so, and how to get them, if not."""
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        print(f"{', '.join(missing)} not installed; no comparison: {install}", flush=True)
    return not missing


def equal(what: str, ours: float, theirs: float, within: float) -> None:
    """Stop unless both answers are the same, so that no ratio of different work is printed."""
    if not abs(ours - theirs) <= within:
        sys.exit(f"{what}: {ours!r} and {theirs!r} differ by more than {within:g}; no ratio")
    print(f"{what}: {ours:.12g} and {theirs:.12g}, equal within {within:g}", flush=True)


def line(metric: str, value: float, unit: str) -> None:
    print(f"{metric} {value:.4g} {unit}", flush=True)


def floor(metric: str, value: float, least: float, unit: str = "x") -> bool:
    """Print a ratio beside the floor it must reach."""
    held = value >= least
    print(f"{metric} {value:.4g} {unit} (floor {least:g}: {'held' if held else 'MISSED'})", flush=True)
    return held


def ceiling(metric: str, value: float, most: float, unit: str) -> bool:
    held = value <= most
    print(f"{metric} {value:.4g} {unit} (ceiling {most:g}: {'held' if held else 'MISSED'})", flush=True)
    return held


def end(*held: bool) -> None:
    """Exit 1 if a floor or ceiling was missed."""
    sys.exit(0 if all(held) else 1)
