"""What determines the results of a scenario: the part of it that names units of work."""

from __future__ import annotations

from typing import Any

from gamesim.core.canonical import plain
from gamesim.core.errors import UnknownKindError
from gamesim.core.registry import entry

from .models import models_in_use
from .scenario import Scenario


def identity(scenario: Scenario) -> dict[str, Any]:
    """JSON of everything that results depend on, and of nothing else.

    The same cell in another sweep, under another name, with other limits or more replicates, has the same identity. Labels
    of members stand in it because they stand in the step table.
    """
    environment = scenario.environment
    used = [alias for alias in models_in_use(scenario.population) if alias in scenario.models]
    return {
        **({"models": {alias: scenario.models[alias].determines() for alias in used}} if used else {}),
        "kind": scenario.kind,
        "kind_version": _version("experiments", scenario.kind),
        "seed": scenario.seed,
        "seating": scenario.seating,
        "environment": None
        if environment is None
        else {
            "version": type(environment).version,
            "config": environment.model_dump(mode="json", by_alias=True),
        },
        "population": [
            {
                "agent": member.agent.as_dict(),
                "version": _version("agents", member.agent.kind),
                "count": member.count,
                "probability": member.probability,
                "seat": member.seat,
                "label": member.label,
            }
            for member in scenario.population
        ],
        "experiment": None
        if scenario.experiment is None
        else scenario.experiment.model_dump(mode="json", by_alias=True),
        "language": plain(scenario.language),
    }


def _version(group: str, kind: str) -> int:
    try:
        return int(getattr(entry(group, kind), "version", 1))
    except UnknownKindError:
        return 1  # an experiment handed over in Python may seat agents that are not registered
