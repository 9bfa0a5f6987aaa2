"""Running one unit from its description, in whatever process this is; the inline executor and the workers share it.

Three things can go wrong, and they are told apart: the unit fails (its error is data, others go on), the run cannot go on
(disk, scenario, missing extra), or somebody asked to stop.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from gamesim.core import errors
from gamesim.core.errors import GamesimError, MissingExtraError, PluginError, RecordError, ScenarioError, clean

from .contracts import Context, Unit
from .journal import Durability
from .units import experiment_of, scenario_of, unit_data, unit_of
from .writer import Stopped, Writer

Kind = Literal["sealed", "failed", "died", "stopped", "abort"]


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

    ``sealed`` carries result, rows and files; ``failed``, ``died`` and ``abort`` carry the error as data.
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
    unit, writer = job.unit, None
    try:
        scenario = scenario_of(job.scenario)
        experiment = experiment_of(job.kind, job.reference)
        directory = Path(job.directory)
        writer = Writer(unit, directory, durability=job.durability, stopping=stopping)
        context = Context(scenario=scenario, seeds=scenario.seeds, writer=writer, store=directory.parent)
        result = experiment.run_unit(unit, context)
        if result.status == "failed":
            return Answer(
                unit.key, "failed", {"error": dict(result.error or {"type": "failure", "message": "no reason given"})}
            )
        sealed = writer.seal(result)
        return Answer(unit.key, "sealed", {"result": sealed.result, "rows": sealed.rows, "files": dict(sealed.files)})
    except Stopped:
        return Answer(unit.key, "stopped", {})
    except (ScenarioError, MissingExtraError, PluginError, RecordError) as error:
        return Answer(unit.key, "abort", {"error": error_data(error)})
    except Exception as error:
        return Answer(unit.key, "failed", {"error": error_data(error)})
    finally:
        if writer is not None:
            writer.close()


def error_data(error: BaseException) -> dict[str, Any]:
    """An error as JSON, with its trace for the log (never for the screen)."""
    trace = "".join(traceback.format_exception(error))[-8000:]
    if isinstance(error, GamesimError):
        return {**error.as_dict(), "where": error.where, "trace": trace}
    return {"type": type(error).__name__, "message": clean(error) or type(error).__name__, "exit": 70, "trace": trace}


def error_from(data: Mapping[str, Any]) -> GamesimError:
    """The error again, by its type's name."""
    kind = getattr(errors, str(data.get("type")), None)
    if isinstance(kind, type) and issubclass(kind, GamesimError):
        return kind(str(data["message"]), where=data.get("where"), path=data.get("path"), hint=data.get("hint"))
    return RecordError(f"a worker reported {clean(data.get('type'), 60)}: {clean(data.get('message'))}.")
