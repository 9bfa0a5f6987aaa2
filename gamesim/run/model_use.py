"""How one invocation of a run uses language models, and which limits it inherits. Light: rule societies import it too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from gamesim.scenario.models import used_models
from gamesim.scenario.scenario import Scenario

from .limits import RunLimits

LIMITS = "limits"  # note in calls.sqlite: those of the last invocation


@dataclass(frozen=True)
class ModelUse:
    """Not part of what a run is.

    Attributes
    ----------
    cache : put over the scenario's ``cache``.
    preflight : make one call to every model before the first unit.
    """

    cache: Literal["read_write", "read", "off"] | None = None
    preflight: bool = True


def limits_of_run(
    directory: Path, scenario: Scenario, limits: Mapping[str, Any] | RunLimits | None = None
) -> RunLimits:
    """The limits of an invocation: those said now, over those of the last one (so that a budget outlives a stop), over the
    scenario's. ``wall`` is of one invocation alone."""
    base = RunLimits.of(scenario.limits)
    if used_models(scenario) and (directory / "calls.sqlite").is_file():
        from .models.calls import NAME, CallJournal

        journal = CallJournal(directory / NAME)  # a process may have died before it had any tables
        try:
            noted = journal.noted(LIMITS)
        finally:
            journal.close()
        if noted is not None:
            base = RunLimits.of(base, json.loads(noted))
    return RunLimits.of(base, limits)


def noted_limits(limits: RunLimits) -> str:
    """What the next invocation shall know of these."""
    kept = ("calls", "tokens", "cost")
    return json.dumps({key: value for key, value in asdict(limits).items() if key in kept and value is not None})
