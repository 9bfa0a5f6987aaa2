"""What a run on language models will cost, and the question whether to go on, before anything is sent."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from gamesim.core.errors import ScenarioError

from .output import Output

if TYPE_CHECKING:
    from gamesim.run.models.estimate import CostEstimate
    from gamesim.scenario.scenario import Scenario


def model_bill(scenario: Scenario, store: Path, limits: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """``{"bill": ...}`` of a scenario in which models play, else nothing. Nothing is sent."""
    from gamesim.scenario.models import used_models

    if scenario.environment is None or not used_models(scenario):
        return {}
    from gamesim.run.models.rehearsal import bill

    return {"bill": as_data(bill(scenario, store, limits))}


def as_data(bill: CostEstimate) -> dict[str, Any]:
    """The bill as JSON; ranges as [low, expected, high]."""

    def span(found: Any) -> list[float]:
        return [found.low, found.expected, found.high]

    return {
        "calls": span(bill.calls),
        "tokens": span(bill.tokens),
        "money": {currency: span(found) for currency, found in bill.money().items()},
        "unpriced": list(bill.unpriced),
        "seconds": span(bill.seconds),
        "old_prices": list(bill.old_prices),
        "lines": [
            {
                "model": line.model,
                "cell": line.cell,
                "calls": span(line.calls),
                "cached": line.cached,
                "tokens_in": span(line.tokens_in),
                "tokens_out": span(line.tokens_out),
                "assumed": line.assumed,
            }
            for line in bill.lines
        ],
        "text": bill.text(),
    }


def confirm(
    scenario: Scenario, out: Output, store: Path, limits: Mapping[str, Any] | None, *, yes: bool, new: bool
) -> None:
    """Say the bill where servers are asked, and ask before much is spent.

    Raises
    ------
    ScenarioError
        If somebody should be asked and nobody can be: not a terminal, and no ``--yes``.
    """
    from gamesim.scenario.models import config_of, used_models

    models = used_models(scenario)
    if not models:
        if not yes and scenario.environment is not None and scenario.environment.external and _somebody(out):
            typer.confirm("Somebody outside this process plays. Go on?", abort=True, err=True)
        return
    paid = [name for name in models if not config_of(name, scenario.models).free()]
    if not paid or (not new and _finished(scenario, store)):
        return
    from gamesim.run.models.rehearsal import bill

    slow = threading.Timer(3, out.note, ["a society of every cell is rehearsed, to know the bill; nothing is sent yet"])
    slow.start()
    try:
        found = bill(scenario, store, limits)
    finally:
        slow.cancel()
    out.note(found.text().splitlines()[-1])
    for name in found.old_prices:
        out.warn(f"the price of {name} is more than 90 days old")
    if yes or not found.needs_confirmation():
        return
    if not _somebody(out):
        raise ScenarioError(
            f"up to {found.calls.high:,.0f} calls; nobody is here to be asked.", where="gamesim run", hint="Say --yes."
        )
    typer.confirm("Go on?", abort=True, err=True)


def _somebody(out: Output) -> bool:
    return sys.stdin.isatty() and not out.json


def _finished(scenario: Scenario, store: Path) -> bool:
    """Whether this very run is done; then nothing will be asked."""
    from gamesim.run.manifest import read_manifest
    from gamesim.run.store import find_run
    from gamesim.run.units import experiment_of, kind_versions, run_identity

    kinds = kind_versions(scenario, experiment_of(scenario.kind))
    existing = find_run(store, run_identity(scenario, kinds, None))
    return existing is not None and read_manifest(existing).finished
