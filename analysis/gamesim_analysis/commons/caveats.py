"""What must stand beside a run's figures: warnings of its numbers, and what may not be claimed from a calibrated preset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gamesim.core.errors import MetricError
from gamesim_analysis.metrics.base import Columns, metric
from gamesim_analysis.metrics.cells import CellOf, cells, dig, outcomes

from .findings import AGENT, NOT_THE_AUTHORS, preset

if TYPE_CHECKING:
    from gamesim.run.record import Record

MANY_CENSORED = 0.5
CALIBRATED = ("harvest.productivity", "upkeep.consumption", "upkeep.initial_wealth")  # alpha, c and P(0)

OF_PRESET: Mapping[str, str] = {
    "A": "Under preset A punishment is inert over 60 rounds: survival differs by effort and imitation, and says nothing about enforcement. "
    "Over 150 rounds fines do shorten the survival of rich altruists.",
    "B": "Preset B shows that larger fines generally lengthen survival, up to r = 0.6; at r = 0.8 they shorten it.",
    "C": "Under preset C punishment keeps the stock higher, yet the first starvation comes earlier: say stock, never survival.",
}
RICH_SELFISH = "Full effort cannot exhaust this stock: that greedy societies survive here is by construction."


@metric("caveats")
def caveats(record: Record) -> Columns:
    """Sentences to print beside the figures: warnings of the scenario, of the runs, and of calibrated presets."""
    found = cells(record)
    if found[0].get("environment.kind") != "commons":
        raise MetricError("it knows commons societies only.", path="environment.kind")
    columns = outcomes(record)
    rows = [(cell.index, text) for cell in found for text in _of(cell, columns)]
    return {"cell": [cell for cell, _ in rows], "caveat": [text for _, text in rows]}


def _of(cell: CellOf, columns: Mapping[str, Any]) -> list[str]:
    environment: Any = cell.environment()
    mine = columns["cell"] == cell.index
    texts = list(environment.warnings())
    if "censored" in columns and mine.any():
        known = (
            np.isin(columns["status"][mine].astype(str), ("survived", "collapsed"))
            if "status" in columns
            else mine[mine]
        )
        share = float(np.mean(columns["censored"][mine][known].astype(np.float64))) if known.any() else 0.0
        if share > MANY_CENSORED:
            texts.append(
                f"{share:.0%} of the runs reached the horizon: T_s is cut short there, compare survival curves."
            )
    sanctions = environment.institutions.sanctions
    if sanctions is not None and "fines" in columns and mine.any() and float(np.nansum(columns["fines"][mine])) == 0:
        texts.append("nobody was ever fined though sanctions are on: the run says nothing about enforcement.")
    texts += _preset(cell, environment)
    return texts


def _preset(cell: CellOf, environment: Any) -> list[str]:
    """Caveats of a calibrated preset, recognised by its alpha, c and P(0) and the paper's agent."""
    agents = {str(item.get("agent")) for item in cell.get("population", []) or [] if isinstance(item, Mapping)}
    if agents != {AGENT} or environment.growth.law != "logistic":
        return []
    for name in OF_PRESET:
        if all(cell.get(f"environment.{path}") == dig(preset(name).environment, path) for path in CALIBRATED):
            rate = environment.growth.rate
            taken = environment.harvest.productivity * environment.players
            by_construction = [RICH_SELFISH] if taken < rate / (1 + rate) else []
            return [NOT_THE_AUTHORS, OF_PRESET[name], *by_construction]
    return [NOT_THE_AUTHORS] if "not the authors" in str(cell.get("provenance") or "") else []
