"""What a unit writes through: its journal and its part of the step table, sealed together at the end.

In ``unit`` mode nothing appears under its final name before the seal. In ``step`` mode the journal grows by committed
steps; after a death the unit is executed again, and what it says again is compared with what was committed until the
record ends and play goes on live.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gamesim.core.arrays import AnyArray
from gamesim.core.canonical import canonical, jsonable
from gamesim.core.errors import RecordError, clean

from . import parquet, seal, tables
from .contracts import Unit, UnitResult
from .differences import mismatch
from .journal import Appender, Contents, Durability, Event, Lines, parse_journal, read_journal

EVENTS = "events"
STEPS = "steps.parquet"
TABLES = "tables"
RESERVED = ("unit", "commit", "end")  # types that the writer alone writes


class Stopped(BaseException):
    """Raised out of a unit that was asked to stop; what it committed stays. Not an error, so ``except Exception`` lets it pass."""


def journal_path(directory: Path, unit: str) -> Path:
    return directory / EVENTS / f"{unit}.jsonl"


def part_path(directory: Path, unit: str) -> Path:
    return directory / STEPS / f"part-{unit}.parquet"


def as_read(data: Mapping[str, Any]) -> dict[str, Any]:
    """A payload as its reader will see it, so that what goes to later waves is the same before and after a death."""
    try:
        read: dict[str, Any] = json.loads(canonical(jsonable(data)))
    except (TypeError, ValueError) as error:
        raise RecordError(f"a result cannot be written: {clean(error)}.") from error
    return read


@dataclass(frozen=True)
class Sealed:
    """What was sealed: the result as the journal tells it, and each file's hash and size."""

    result: Mapping[str, Any]
    rows: int
    files: Mapping[str, tuple[str, int]]


class Writer:
    """The `UnitWriter` of one unit in one run directory.

    Parameters
    ----------
    directory : the run.
    durability : when commits are forced to the disk (``step`` mode).
    stopping : asked after every commit; True ends the unit there.
    against : contents of a journal that this execution must repeat (replay); nothing differs silently.
    """

    def __init__(
        self,
        unit: Unit,
        directory: Path,
        *,
        durability: Durability = "step",
        stopping: Callable[[], bool] | None = None,
        against: Contents | None = None,
    ) -> None:
        self._unit = unit
        self._directory = directory
        self._stopping = stopping or (lambda: False)
        self._path = journal_path(directory, unit.name)
        self._lines = Lines()
        self._steps: list[dict[str, AnyArray]] = []
        self._outcomes: list[Mapping[str, Any]] = []
        self._appender: Appender | None = None
        self._whole: list[bytes] = []  # unit mode: everything so far
        self._prefix: tuple[bytes, ...] = ()
        self._recorded: tuple[Event, ...] = ()
        self._uncommitted: list[bytes] = []
        if against is not None:
            self._repeat(against)
        elif unit.mode == "step":
            self._open(durability)
        self._add(
            "unit", {"key": unit.key, "cell": unit.cell, "seeds": unit.seeds, "task": unit.task, "mode": unit.mode}
        )

    def _open(self, durability: Durability) -> None:
        contents = read_journal(self._path) if self._path.exists() else parse_journal(b"", self._path)
        if contents.sealed:
            raise RecordError("this unit is sealed already.", where=str(self._path))
        self._repeat(contents)
        self._appender = Appender(self._path, contents.size, durability)

    def _repeat(self, contents: Contents) -> None:
        self._prefix, self._recorded = contents.lines, contents.events

    # ---- what experiments call -------------------------------------------------------------------------------------

    def event(
        self, type: str, *, step: int | None = None, phase: str | None = None, agent: str | None = None, **data: Any
    ) -> None:
        """Append one line. NaN, which means no value here, is written as null, an infinity as its name."""
        if type in RESERVED:
            raise RecordError(
                f"events of type '{type}' are the runner's own.", hint="Choose another type, or writer.commit()."
            )
        if "chain" in data:
            raise RecordError("'chain' is the journal's own key; no event has it.", path="chain")
        if type == "outcome":
            self._outcomes.append(as_read(data))
        self._add(type, data, step=step, phase=phase, agent=agent)

    def commit(self, *, state: str, rng: str) -> None:
        """Acknowledge all lines so far, durably in ``step`` mode; in ``unit`` mode only the seal counts.

        Raises
        ------
        ReplayMismatchError
            If this unit is repeating a committed prefix and something differs, naming step and digest.
        """
        self._commit("commit", {"state": state, "rng": rng})
        if self._stopping() and self._lines.count >= len(self._prefix):
            raise Stopped

    def steps(self, columns: Mapping[str, AnyArray]) -> None:
        """Append rows. ``row``, the place within the block, becomes ``seed``, the replicate, where there is no ``seed``."""
        for name in ("unit", "cell"):
            if name in columns:
                raise RecordError(f"column '{name}' is the runner's own.", path=f"steps.{name}")
        columns = dict(columns)
        if "row" in columns and "seed" not in columns:
            row = np.asarray(columns.pop("row")).astype(np.int64)
            columns = {"seed": np.asarray(self._unit.seeds, dtype=np.int64)[row], **columns}
        table = tables.Table(columns)
        if len(table):
            self._steps.append(table.columns)

    def recorded(self) -> Sequence[Mapping[str, Any]]:
        """Committed events of an earlier try: ``i, t, step, phase, agent, d``; without the runner's own lines."""
        if self._unit.mode == "unit":
            return []
        return [event.as_dict() for event in self._recorded if event.type not in RESERVED]

    @property
    def count(self) -> int:
        """Lines so far."""
        return self._lines.count

    # ---- what the runner calls -------------------------------------------------------------------------------------

    def seal(self, result: UnitResult) -> Sealed:
        """Write the steps part, then the end of the journal. After this the unit is finished and is never run again."""
        if result.key != self._unit.key:
            raise RecordError(f"the result is of unit {clean(result.key, 16)}, not {self._unit.name}.")
        outcomes = [as_read(outcome) for outcome in result.outcomes]
        self._write_outcomes(outcomes)
        files: dict[str, tuple[str, int]] = {}
        rows, part = self._write_steps()
        if part is not None:
            files[f"{STEPS}/{part.name}"] = (seal.file_sha256(part), part.stat().st_size)
        data = as_read(result.data)
        said = {
            "status": result.status,
            "data": data,
            "rows": rows,
            "steps": next(iter(files.values()))[0] if files else None,
        }
        self._commit("end", said)
        if self._unit.mode == "unit":
            self._publish(b"".join(self._whole))
        self.close()
        if self._unit.mode == "unit" or self._appender is not None:  # a replay of steps writes no journal
            files[f"{EVENTS}/{self._path.name}"] = (seal.file_sha256(self._path), self._path.stat().st_size)
        told = {"key": result.key, "status": result.status, "outcomes": outcomes, "data": data, "error": None}
        return Sealed(told, rows, files)

    def close(self) -> None:
        if self._appender is not None:
            self._appender.close()

    # ---- inside ----------------------------------------------------------------------------------------------------

    def _add(self, type: str, data: Mapping[str, Any], **place: Any) -> None:
        self._keep(self._lines.add(type, data, **place), place.get("step"))

    def _commit(self, type: str, data: Mapping[str, Any]) -> None:
        line = self._lines.commit(type, data)
        live = self._keep(line, None)
        if live and self._appender is not None:
            self._appender.write(b"".join(self._uncommitted), last=type == "end")
            self._uncommitted.clear()

    def _keep(self, line: bytes, step: int | None) -> bool:
        """Take a line; False if it repeats a recorded one."""
        number = self._lines.count - 1
        if self._unit.mode == "unit":
            self._whole.append(line)
        if number < len(self._prefix):
            if line != self._prefix[number]:
                raise mismatch(self._unit.name, self._recorded, self._prefix, number, line)
            return False
        if self._unit.mode == "step":
            self._uncommitted.append(line)
        return True

    def _write_outcomes(self, outcomes: Sequence[Mapping[str, Any]]) -> None:
        """One ``outcome`` line a replicate; an experiment may have written them itself, then they must agree."""
        if not self._outcomes:
            for outcome in outcomes:
                self._add("outcome", outcome)
        elif self._outcomes != list(outcomes):
            raise RecordError(
                "the outcome events differ from the outcomes of the result.", where=f"unit {self._unit.name}"
            )

    def _write_steps(self) -> tuple[int, Path | None]:
        path = part_path(self._directory, self._unit.name)
        if not self._steps:
            return 0, None
        columns = self._steps[0] if len(self._steps) == 1 else tables.concatenate(self._steps)
        table = tables.Table(columns)
        parquet.write_parquet(path, table, {"unit": self._unit.name, "cell": int(self._unit.cell.get("index", 0))})
        return len(table), path

    def _publish(self, journal: bytes) -> None:
        seal.write_file(self._path, journal)


def result_from(unit: Unit, contents: Contents) -> tuple[dict[str, Any], int, str | None]:
    """What a sealed journal says: the result, the rows of its steps part, and that part's sha256."""
    end = contents.events[-1]
    outcomes = [dict(event.data) for event in contents.events if event.type == "outcome"]
    result = {
        "key": unit.key,
        "status": end.data["status"],
        "outcomes": outcomes,
        "data": end.data["data"],
        "error": None,
    }
    return result, int(end.data["rows"]), end.data["steps"]
