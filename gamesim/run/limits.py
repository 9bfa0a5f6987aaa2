"""What a process, and a run, may use."""

from __future__ import annotations

import resource
import shutil
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from gamesim.core.errors import LimitReached, ScenarioError, StoreFullError

MIB = 1 << 20
FREE_DISK = 200 * MIB  # below this a run does not start
RUN_BYTES = 20 * 1024 * MIB  # a run directory grows no larger


@dataclass(frozen=True)
class ProcessLimits:
    """Limits of an isolated task.

    Attributes
    ----------
    wall, cpu : seconds; None is no limit.
    memory : bytes of address space (not enforced on macOS); None is no limit.
    files : open files.
    answer : bytes that one answer, and all answers together, may have.
    """

    wall: float | None = 60.0
    cpu: int | None = 60
    memory: int | None = 2048 * MIB
    files: int | None = 64
    answer: int = 256 * MIB

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def enforce(limits: Mapping[str, Any]) -> None:
    """Set the limits of this process; called in a forked child, for good. No core file in any case."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if limits.get("cpu") is not None:
        cpu = max(1, int(limits["cpu"]))
        resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))  # soft: SIGXCPU; hard: SIGKILL a second later
    if limits.get("memory") is not None and sys.platform != "darwin":
        resource.setrlimit(resource.RLIMIT_AS, (int(limits["memory"]), int(limits["memory"])))
    if limits.get("files") is not None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (int(limits["files"]), int(limits["files"])))


class RunParked(LimitReached):
    """Units wait for a resume; ``reason`` says for what: ``budget``, ``quota``, ``parked`` (a server), ``limit``."""

    def __init__(self, message: str, reason: str, **place: Any) -> None:
        super().__init__(message, **place)
        self.reason = reason


@dataclass(frozen=True)
class RunLimits:
    """The budget of a run.

    Attributes
    ----------
    wall : seconds of this invocation; None is no limit.
    calls, tokens, cost : of language models over the whole run, in numbers, numbers and US dollars; None is no limit.
    failures : share of failed or invalid units above which the run is ``invalid``.
    """

    wall: float | None = None
    failures: float = 0.05
    calls: int | None = None
    tokens: int | None = None
    cost: float | None = None

    @classmethod
    def of(cls, scenario_limits: Any, overrides: Mapping[str, Any] | RunLimits | None = None) -> RunLimits:
        """The scenario's, with those of the command line put over them."""
        base = cls(
            getattr(scenario_limits, "wall", None),
            float(getattr(scenario_limits, "failures", 0.05)),
            *(getattr(scenario_limits, name, None) for name in ("calls", "tokens", "cost")),
        )
        if overrides is None:
            return base
        if isinstance(overrides, RunLimits):
            return overrides
        known = {"wall", "failures", "calls", "tokens", "cost"}
        for key in overrides:
            if key not in known:
                raise ScenarioError(
                    f"no limit is called '{key}'.", path=f"limits.{key}", hint=f"Possible: {', '.join(sorted(known))}."
                )
        chosen: dict[str, Any] = {
            key: _chosen(key, value, getattr(base, key)) for key, value in overrides.items() if value is not None
        }
        if chosen.get("wall", 1.0) <= 0:
            raise ScenarioError("a wall limit is above 0 seconds.", path="limits.wall")
        return replace(base, **chosen)


def _chosen(key: str, value: Any, before: float | None) -> float:
    """A limit of an invocation; ``More`` is put on top of the one before."""
    if isinstance(value, More):
        if before is None:
            raise ScenarioError(
                f"there is no limit of {key} to put {value.amount:g} on.",
                path=f"limits.{key}",
                hint="Say it without +.",
            )
        value = before + value.amount
    return int(value) if key in ("calls", "tokens") else round(float(value), 9)


@dataclass(frozen=True)
class More:
    """So much on top of the limit before: ``--budget +5``."""

    amount: float


def require_disk(directory: Path, needed: int = FREE_DISK) -> None:
    """Refuse to start where there is too little room.

    Raises
    ------
    StoreFullError
        If fewer than ``needed`` bytes are free.
    """
    free = shutil.disk_usage(directory).free
    if free < needed:
        raise StoreFullError(
            f"{free / MIB:,.0f} of {needed / MIB:,.0f} MiB needed are free.",
            where=str(directory),
            hint="Free space, or choose another --store.",
        )
