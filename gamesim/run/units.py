"""Units as content: what determines a unit's result, hashed into its key; and scenarios as the data that crosses processes."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from gamesim.core.canonical import canonical, digest
from gamesim.core.errors import PluginError, UnknownKindError, clean
from gamesim.core.registry import entry
from gamesim.scenario.scenario import Cell, Scenario

from .contracts import Experiment, Mode, Unit, UnitResult
from .manifest import FORMAT


def kind_versions(scenario: Scenario, experiment: Any | None = None) -> dict[str, Any]:
    """Versions of everything in the scenario that has one: they enter keys, so a changed rule makes a new unit."""
    environment = scenario.environment
    found = experiment or entry("experiments", scenario.kind)
    seated = [member.agent for member in scenario.population]
    if hasattr(found, "agents"):  # it seats some that no population names
        seated += found.agents(scenario)
    agents = sorted({agent.kind for agent in seated})
    if hasattr(found, "cells"):  # what it plays are scenarios of their own
        parts = [kind_versions(cell.scenario) for cell in found.cells(scenario)]
        own = {"experiment": {scenario.kind: int(getattr(found, "version", 1))}, "environment": {}, "agents": {}}
        return {group: {k: v for part in (*parts, own) for k, v in part[group].items()} for group in own}
    return {
        "experiment": {scenario.kind: int(getattr(found, "version", 1))},
        "environment": {environment.kind: int(type(environment).version)} if environment is not None else {},
        "agents": {kind: _agent_version(kind) for kind in agents},
    }


@lru_cache(maxsize=256)
def _agent_version(kind: str) -> int:
    try:
        return int(getattr(entry("agents", kind), "version", 1))
    except UnknownKindError:
        return 1  # an experiment of its own may seat what is not registered


def cell_identity(scenario: Scenario) -> Any:
    """What of a cell's scenario determines its results: not its name, budget, record or report."""
    from gamesim.scenario.identity import identity

    return identity(scenario)


_last: tuple[Any, Any, Any, str] | None = None  # blocks of one cell come one after the other


def _described(scenario: Scenario, versions: Mapping[str, Any] | None, experiment: Any | None) -> str:
    """Hash of a cell and its kind versions; remembers the last cell, for it has many units."""
    global _last
    if _last is None or _last[0] is not scenario or _last[1] is not versions or _last[2] is not experiment:
        told = versions if versions is not None else kind_versions(scenario, experiment)
        _last = (scenario, versions, experiment, digest({"cell": cell_identity(scenario), "versions": told}))
    return _last[3]


def make_unit(
    cell: Cell | Scenario,
    seeds: Sequence[int],
    task: Mapping[str, Any] | None = None,
    mode: Mode = "unit",
    versions: Mapping[str, Any] | None = None,
    *,
    experiment: Any | None = None,
) -> Unit:
    """A unit with its key.

    Parameters
    ----------
    cell : a cell of the sweep, or a scenario without one.
    seeds : replicate numbers.
    versions : of the kinds; by default those of the cell's scenario.
    experiment : the experiment, where it has no registered name.

    Examples
    --------
    The same cell in another sweep, under another name, has the same key; another replicate or task has another.
    """
    at = cell if isinstance(cell, Cell) else Cell(0, {}, cell)
    task = dict(task or {})
    content = {
        "cell": _described(at.scenario, versions, experiment),
        "seeds": list(seeds),
        "task": task,
        "mode": mode,
        "format": FORMAT,
    }
    return Unit(
        digest(content), {"index": at.index, "values": dict(at.values)}, tuple(int(s) for s in seeds), task, mode
    )


# Keys of a scenario that name, bound or show a run without changing what is in its journals and steps.
_PRESENTATION = (
    "name", "description", "limits", "executor", "metrics", "report", "analysis", "provenance", "models", "cache",
)  # fmt: skip


def run_identity(scenario: Scenario, kinds: Mapping[str, Any], reference: str | None = None) -> str:
    """Equal for scenarios that give the same run: the same cells, replicates, record keys and kind versions."""
    data = {key: value for key, value in scenario.data.items() if key not in _PRESENTATION}
    if scenario.models:  # what of them determines answers, but not where they are asked, how fast and at what price
        data["models"] = {alias: config.determines() for alias, config in scenario.models.items()}
    return digest({"scenario": data, "kinds": kinds, "experiment": reference, "format": FORMAT})


def experiment_of(kind: str, reference: str | None = None) -> Experiment:
    """The experiment a scenario names, or the one at ``module:attribute`` (from Python only, never from a file).

    A module may also be given by its file, ``/path/to/module.py:attribute``.
    """
    if reference is None:
        found = entry("experiments", kind)
    else:
        module, _, attribute = reference.rpartition(":")
        try:
            found = getattr(_module(module), attribute)
        except Exception as error:
            raise PluginError(f"experiment '{clean(reference)}' cannot be imported: {clean(error)}.") from error
    made: Experiment = found() if isinstance(found, type) else found
    return made


def _module(name: str) -> Any:
    if not name.endswith(".py"):
        return importlib.import_module(name)
    alias = f"_gamesim_{digest(str(Path(name).resolve()))[:12]}"
    if alias not in sys.modules:
        spec = importlib.util.spec_from_file_location(alias, name)
        if spec is None or spec.loader is None:
            raise ImportError(f"no module at {name}")
        module = importlib.util.module_from_spec(spec)
        sys.modules[alias] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[alias]
            raise
    return sys.modules[alias]


def scenario_of(data: Mapping[str, Any]) -> Scenario:
    """A scenario from its resolved data, built once for many units of a cell."""
    return _scenario_of(canonical(data))


@lru_cache(maxsize=16)
def _scenario_of(data: bytes) -> Scenario:
    from gamesim.scenario.resolve import resolve_data

    return resolve_data(json.loads(data))


def unit_data(unit: Unit) -> dict[str, Any]:
    """A unit as JSON."""
    return {
        "key": unit.key,
        "cell": dict(unit.cell),
        "seeds": list(unit.seeds),
        "task": dict(unit.task),
        "mode": unit.mode,
    }


def unit_of(data: Mapping[str, Any]) -> Unit:
    return Unit(data["key"], data["cell"], tuple(data["seeds"]), data["task"], data["mode"])


def result_data(result: UnitResult) -> dict[str, Any]:
    """A result as JSON, as it is in the journal."""
    return {
        "key": result.key,
        "status": result.status,
        "outcomes": [dict(outcome) for outcome in result.outcomes],
        "data": dict(result.data),
        "error": dict(result.error) if result.error else None,
    }


def result_of(data: Mapping[str, Any]) -> UnitResult:
    return UnitResult(data["key"], data["status"], tuple(data["outcomes"]), data["data"], data["error"])
