"""Running one unit from its description, in whatever process this is; the inline executor and the workers share it.

Three things can go wrong, and they are told apart: the unit fails (its error is data, others go on), the run cannot go on
(disk, scenario, missing extra), or somebody asked to stop.
"""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from gamesim.core import errors
from gamesim.core.errors import (
    GamesimError,
    LimitReached,
    MissingExtraError,
    PluginError,
    RecordError,
    ScenarioError,
    clean,
)

from .contracts import Context, Experiment, Unit, UnitResult
from .journal import Durability
from .models.redact import redacted
from .units import experiment_of, scenario_of, unit_data, unit_of
from .writer import Stopped, Writer

if TYPE_CHECKING:
    from .models.broker import Broker

Kind = Literal["sealed", "failed", "died", "stopped", "parked", "abort"]

# No other unit would fare better: the run ends, what is sealed stays.
ABORTING = (ScenarioError, MissingExtraError, PluginError, RecordError)


@dataclass(frozen=True)
class Job:
    """All that a worker needs to run a unit; plain JSON."""

    unit: Unit
    scenario: Mapping[str, Any]  # resolved data of the unit's cell
    kind: str
    directory: str
    reference: str | None = None
    durability: Durability = "step"

    def as_dict(self) -> dict[str, Any]:
        return {**vars(self), "unit": unit_data(self.unit)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Job:
        return cls(**{**data, "unit": unit_of(data["unit"])})


@dataclass(frozen=True)
class Answer:
    """What became of a job.

    ``sealed`` carries result, rows and files; ``failed``, ``died``, ``parked`` (a limit; it can be resumed) and ``abort``
    carry the error as data.
    """

    key: str
    kind: Kind
    data: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        return {"key": self.key, "kind": self.kind, "data": dict(self.data)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Answer:
        return cls(data["key"], data["kind"], data["data"])


def perform(job: Job, stopping: Callable[[], bool] | None = None) -> Answer:
    """Run and seal a unit. Errors become answers; ``Stopped`` does too; a ``KeyboardInterrupt`` passes."""
    with _answering(job, stopping) as desk:
        experiment, context = desk.opened()
        desk.seal(experiment.run_unit(job.unit, context))
    return desk.answer


async def perform_async(job: Job, broker: Broker, stopping: Callable[[], bool] | None = None) -> Answer:
    """As ``perform``, beside other units on one loop: questions go to the Broker, and a limit parks the unit."""
    with _answering(job, stopping, broker) as desk:
        experiment, context = desk.opened()
        asynchronous = getattr(experiment, "run_unit_async", None)
        if asynchronous is not None and job.unit.mode == "step":
            result = await asynchronous(job.unit, context)
        else:
            result = await asyncio.to_thread(experiment.run_unit, job.unit, context)
        desk.seal(result)
    return desk.answer


class _answering:
    """Opens a unit's writer, closes it, and turns what happens in between into an Answer."""

    def __init__(self, job: Job, stopping: Callable[[], bool] | None, broker: Broker | None = None) -> None:
        self._job, self._stopping, self._broker = job, stopping, broker
        self._writer: Writer | None = None
        self._began, self._laps = time.process_time(), list[tuple[int, float]]()
        self.answer = Answer(job.unit.key, "stopped", {})

    def __enter__(self) -> _answering:
        return self

    def opened(self) -> tuple[Experiment, Context]:
        job = self._job
        scenario = scenario_of(job.scenario)
        experiment = experiment_of(job.kind, job.reference)
        directory = Path(job.directory)
        self._writer = Writer(job.unit, directory, durability=job.durability, stopping=self._stopping)
        context = Context(scenario, scenario.seeds, self._writer, directory.parent, self._broker, directory, self._lap)
        return experiment, context

    def _lap(self, number: int) -> None:
        self._laps.append((number, self._cpu()))

    def _cpu(self) -> float:
        return round(time.process_time() - self._began, 6)

    def seal(self, result: UnitResult) -> None:
        assert self._writer is not None
        if result.status == "failed":
            error = dict(result.error or {"type": "failure", "message": "no reason given"})
            self._say("failed", {"error": error})
            return
        sealed = self._writer.seal(result)
        # Units on one loop share the processor, so none of them can be told what it used.
        used = {"cpu": self._cpu(), "laps": self._laps} if self._broker is None else {}
        told = {"result": sealed.result, "rows": sealed.rows, "files": dict(sealed.files)}
        self._say("sealed", {**told, "used": used})

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if self._writer is not None:
            self._writer.close()
        if error is None or isinstance(error, Stopped):
            return True
        if isinstance(error, LimitReached) and self._broker is not None:
            reason = getattr(error, "reason", "limit")
            self._say("parked", {"error": {**error_data(error), "type": "LimitReached", "reason": reason}})
            return True
        if isinstance(error, ABORTING):
            self._say("abort", {"error": error_data(error)})
            return True
        if isinstance(error, Exception):
            self._say("failed", {"error": error_data(error)})
            return True
        return False

    def _say(self, kind: Kind, data: Mapping[str, Any]) -> None:
        self.answer = Answer(self._job.unit.key, kind, data)


def error_data(error: BaseException) -> dict[str, Any]:
    """An error as JSON, with its trace for the log (never for the screen)."""
    trace = "".join(traceback.format_exception(error))[-8000:]
    if isinstance(error, GamesimError):
        data = {**error.as_dict(), "where": error.where, "trace": trace}
    else:
        data = {
            "type": type(error).__name__,
            "message": clean(error) or type(error).__name__,
            "exit": 70,
            "trace": trace,
        }
    return {key: redacted(value) if isinstance(value, str) else value for key, value in data.items()}


def error_from(data: Mapping[str, Any]) -> GamesimError:
    """The error again, by its type's name."""
    kind = getattr(errors, str(data.get("type")), None)
    if isinstance(kind, type) and issubclass(kind, GamesimError):
        return kind(str(data["message"]), where=data.get("where"), path=data.get("path"), hint=data.get("hint"))
    return RecordError(f"a worker reported {clean(data.get('type'), 60)}: {clean(data.get('message'))}.")
