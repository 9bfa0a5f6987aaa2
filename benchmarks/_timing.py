"""Interleaved medians of CPU time: A B A B ..., so that a busy machine slows both alike. One thread, one line a figure.

What ``figure``, ``floor`` and ``ceiling`` print goes also, as lines of JSON, to the file that GAMESIM_BENCH_FIGURES names, and
GAMESIM_BENCH_PEERS says which peers are wanted: so `gamesim bench SUITE` runs these scripts.
"""

from __future__ import annotations

import os

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import gc
import importlib.metadata
import importlib.util
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


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


@dataclass(frozen=True)
class Peer:
    """Whom a figure is compared with; false where that cannot be, for the reason in ``absent``."""

    name: str
    absent: str = ""

    def __bool__(self) -> bool:
        return not self.absent


def peer(*modules: str, install: str, key: str = "", name: str = "", distribution: str = "") -> Peer:
    """The packages to compare with; says so, and how to get them, if they are not there.

    Parameters
    ----------
    key : what ``--peer`` calls it.  name : what people call it.  distribution : whose version is printed.
    """
    name, key = name or modules[0], key or modules[0]
    wanted = os.environ.get("GAMESIM_BENCH_PEERS")
    if wanted and key not in wanted.split(","):
        print(f"{name} not asked for; no comparison", flush=True)
        return Peer(name, "not asked for")
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    if missing:
        print(f"{', '.join(missing)} not installed; no comparison: {install}", flush=True)
        return Peer(name, f"peer not installed: {install}")
    return Peer(f"{name} {importlib.metadata.version(distribution)}" if distribution else name)


def open_spiel(*more: str) -> Peer:
    """OpenSpiel, and what else its algorithm needs."""
    return peer(
        "pyspiel", *more, install="pip install 'gamesim[bench]'", key="open_spiel", name="OpenSpiel", distribution="open_spiel"
    )  # fmt: skip


def equal(what: str, ours: float, theirs: float, within: float) -> None:
    """Stop unless both answers are the same, so that no ratio of different work is printed."""
    if not abs(ours - theirs) <= within:
        sys.exit(f"{what}: {ours!r} and {theirs!r} differ by more than {within:g}; no ratio")
    print(f"{what}: {ours:.12g} and {theirs:.12g}, equal within {within:g}", flush=True)


def line(metric: str, value: float, unit: str) -> None:
    print(f"{metric} {value:.4g} {unit}", flush=True)


def figure(
    id: str, work: str, ours: float, unit: str, *, peer: Peer | None = None, theirs: float | None = None,
    note: str = "", floor: float | None = None, ceiling: float | None = None,
) -> bool:  # fmt: skip
    """One line: what was done, ours, the peer's, the ratio, its floor, and whether it is met.

    Parameters
    ----------
    unit : of ours and theirs; one that ends in ``/s`` is a rate, and more of it is better.
    theirs : None where the peer was not measured.  note : what of the peer was measured.
    floor : least ratio, by which ours is better.  ceiling : most of ours, where no peer sets the measure.

    Returns
    -------
    False only if a floor or ceiling was missed.
    """
    ratio = None if theirs is None else (ours / theirs if unit.endswith("/s") else theirs / ours)
    if ceiling is not None:
        status = "met" if ours <= ceiling else "MISSED"
    elif floor is None:
        status = "printed only"
    else:
        status = "not compared" if ratio is None else "met" if ratio >= floor else "MISSED"
    against = "no peer"
    if peer is not None:
        against = " ".join(
            filter(None, [peer.name, note, peer.absent if theirs is None else f"{theirs:.4g} {unit}".rstrip()])
        )
    bound = (
        f"floor {floor:,g}x"
        if floor is not None
        else f"ceiling {ceiling:,g} {unit}"
        if ceiling is not None
        else "no floor"
    )
    told = [
        id,
        work,
        f"ours {ours:.4g} {unit}".rstrip(),
        against,
        "-" if ratio is None else f"{ratio:,.3g}x",
        bound,
        status,
    ]
    print(" | ".join(told), flush=True)
    _keep(
        id=id, work=work, ours=ours, unit=unit, peer=peer.name if peer else None, theirs=theirs, ratio=ratio,
        floor=floor, ceiling=ceiling, status=status, absent=peer.absent if peer and theirs is None else None,
    )  # fmt: skip
    return status != "MISSED"


def _keep(**told: Any) -> None:
    if path := os.environ.get("GAMESIM_BENCH_FIGURES"):
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(told) + "\n")


def floor(metric: str, value: float, least: float, unit: str = "x") -> bool:
    """Print a ratio beside the floor it must reach."""
    return _bounded(metric, value, unit, value >= least, floor=least)


def ceiling(metric: str, value: float, most: float, unit: str) -> bool:
    return _bounded(metric, value, unit, value <= most, ceiling=most)


def _bounded(metric: str, value: float, unit: str, held: bool, **bound: float) -> bool:
    ((name, limit),) = bound.items()
    print(f"{metric} {value:.4g} {unit} ({name} {limit:g}: {'held' if held else 'MISSED'})", flush=True)
    _keep(id=metric, ours=value, unit=unit, **bound, status="met" if held else "MISSED")
    return held


def end(*held: bool) -> None:
    """Exit 1 if a floor or ceiling was missed."""
    sys.exit(0 if all(held) else 1)
