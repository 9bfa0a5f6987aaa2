"""What each mechanism added: the society as it was, and without one mechanism, on the same draws, seed by seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gamesim.core.arrays import FloatArray
from gamesim.core.errors import MetricError
from gamesim_analysis.metrics.base import Columns, metric
from gamesim_analysis.metrics.cells import CellOf, cells, outcomes, scenario_of
from gamesim_analysis.stats.multiple import holm
from gamesim_analysis.stats.paired import PairedEffect, align, paired_effect

from .norms import punishment_efficiency as efficiency_of
from .societies import Society, are_rules, floats, play, society_of

if TYPE_CHECKING:
    from gamesim.run.record import Record

MECHANISMS = ("sanctions", "revision", "voting", "leader")
NAMES = {"sanctions": "punishment", "revision": "imitation", "voting": "voting", "leader": "leader"}
MEASURES = ("T_s", "stock_final", "total_harvest", "welfare", "alive_final")
MOST_AGENT_ROUNDS = 20_000_000  # what is played again without being asked for
MOST_CELLS = 8


def mechanisms_on(environment: Mapping[str, Any]) -> tuple[str, ...]:
    """Institutions that are switched on in resolved environment data."""
    institutions = environment.get("institutions") or {}

    def on(name: str) -> bool:
        value = institutions.get(name)
        return bool(value) and not (isinstance(value, Mapping) and value.get("rule") == "none")

    return tuple(name for name in MECHANISMS if on(name))


def without(society: Society, mechanism: str) -> Society:
    """The same society with one institution switched off; every other draw keeps its name."""
    return society.at({f"institutions.{mechanism}": None})


def mechanism_effects(
    society: Society, *, replicates: int, seed: int, measures: Sequence[str] = MEASURES, confidence: float = 0.95
) -> dict[str, list[Any]]:
    """One row for each mechanism and measure: with the mechanism minus without it, over the same seeds.

    Returns
    -------
    Columns mechanism, measure, with, without (means), effect, lower, upper, n, d_z, p, p_holm (over all rows), null_reason.
    """
    on = mechanisms_on(society.environment)
    if not on:
        raise MetricError("no mechanism is switched on.", path="environment.institutions")
    full = play(society, replicates, seed)
    rows: list[tuple[str, str, FloatArray, FloatArray]] = []
    for mechanism in on:
        bare = play(without(society, mechanism), replicates, seed)
        rows += [
            (NAMES[mechanism], measure, np.asarray(full[measure], float), np.asarray(bare[measure], float))
            for measure in measures
            if measure in full
        ]
    return _effects(
        ("mechanism", "measure"),
        [((name, measure), a, b) for name, measure, a, b in rows],
        confidence,
        ("with", "without"),
    )


@metric("mechanisms")
def mechanisms(record: Record) -> Columns:
    """What each mechanism added: paired effects of switching it off, played again on the record's own seeds."""
    societies, seed, replicates = _replayable(record, "mechanisms")
    table: dict[str, list[Any]] = {}
    for cell, society in societies:
        if not mechanisms_on(society.environment):
            continue
        part = mechanism_effects(society, replicates=replicates, seed=seed)
        table.setdefault("cell", []).extend([cell.index] * len(part["measure"]))
        for name, values in part.items():
            table.setdefault(name, []).extend(values)
    if not table:
        raise MetricError("no mechanism is switched on.", path="environment.institutions")
    return table


@metric("punishment_efficiency", main={"punishment_efficiency": "welfare that a fish of fines and costs brought"})
def punishment_efficiency(record: Record) -> Columns:
    """(Welfare with punishment - without) / (fines + costs), from runs played again without it on the same draws."""
    societies, seed, replicates = _replayable(record, "punishment_efficiency")
    parts = []
    for cell, society in societies:
        if "sanctions" not in mechanisms_on(society.environment):
            continue
        full, bare = play(society, replicates, seed), play(without(society, "sanctions"), replicates, seed)
        upkeep = float(cell.environment().upkeep.consumption) * floats(full, "agent_rounds")  # type: ignore[attr-defined]
        spent = floats(full, "total_harvest") - floats(full, "welfare") - upkeep  # whatever was neither eaten nor kept
        spent = np.where(floats(full, "fines") > 0, spent, 0.0)
        efficiency = efficiency_of(floats(full, "welfare"), floats(bare, "welfare"), spent)
        parts.append((cell.index, efficiency, spent))
    if not parts:
        raise MetricError("punishment is switched off.", path="environment.institutions.sanctions")
    values = np.concatenate([part[1] for part in parts])
    return {
        "cell": np.repeat([part[0] for part in parts], replicates),
        "seed": np.tile(np.arange(replicates), len(parts)),
        "punishment_efficiency": values,
        "spent": np.concatenate([part[2] for part in parts]),
        "null_reason": np.where(np.isfinite(values), "", "punishment_efficiency: nobody was fined").astype(object),
    }


@metric("paired_effects")
def paired_effects(record: Record) -> Columns:
    """Differences of every cell from the first one, seed by seed, with intervals; the cells share their draws."""
    found = cells(record)
    if len(found) < 2:
        raise MetricError("one cell has nothing to be compared with.", path="sweep")
    columns = outcomes(record)
    numbers = [
        name
        for name, values in columns.items()
        if name not in ("cell", "seed", "episode")
        and values.dtype.kind in "fiub"
        and np.isfinite(values.astype(float)).any()
    ]
    rows = []
    base = _by_seed(columns, found[0])
    for cell in found[1:]:
        other = _by_seed(columns, cell)
        for name in numbers:
            a, b, _ = align({k: v[name] for k, v in other.items()}, {k: v[name] for k, v in base.items()})
            both = np.isfinite(a) & np.isfinite(b)
            rows.append(((cell.index, cell.label, name), a[both], b[both]))
    return _effects(("cell", "label", "measure"), rows, 0.95, ("this", "first"))


def _replayable(record: Record, name: str) -> tuple[list[tuple[CellOf, Society]], int, int]:
    """Societies of all cells, root seed and replicates, or the reason why they are not played again for that metric."""
    found = cells(record)
    if found[0].get("environment.kind") != "commons":
        raise MetricError("it measures commons societies.", path="environment.kind")
    scenario = scenario_of(record)
    seed, replicates = int(scenario.get("seed", 0)), int(scenario.get("replicates", 1))
    if replicates < 2:
        raise MetricError("one replicate gives no interval.", path="replicates")
    societies = [(cell, society_of(cell.data, seed=seed)) for cell in found]
    if not all(are_rules(society.seats) for _, society in societies):
        raise MetricError(
            "its agents answer from outside, and switching a mechanism off would ask them again.",
            path="population",
            hint="Sweep environment.institutions instead.",
        )
    work = sum(
        replicates
        * len(society.seats)
        * int(cell.get("environment.horizon", 1))
        * (1 + len(mechanisms_on(society.environment)))
        for cell, society in societies
    )
    asked = name in (scenario.get("metrics") or ())
    if not asked and (work > MOST_AGENT_ROUNDS or len(found) > MOST_CELLS):
        raise MetricError(
            f"{work:,} agent-rounds in {len(found)} cells to play again.",
            path="metrics",
            hint=f"Put '{name}' into the scenario's metrics to have it computed.",
        )
    return societies, seed, replicates


def _by_seed(columns: Mapping[str, Any], cell: CellOf) -> dict[Any, dict[str, float]]:
    mask = np.flatnonzero(columns["cell"] == cell.index)
    names = [name for name, values in columns.items() if values.dtype.kind in "fiub"]
    return {int(columns["seed"][row]): {name: float(columns[name][row]) for name in names} for row in mask}


def _effects(
    keys: tuple[str, ...],
    rows: Sequence[tuple[tuple[Any, ...], FloatArray, FloatArray]],
    confidence: float,
    sides: tuple[str, str],
) -> dict[str, list[Any]]:
    table: dict[str, list[Any]] = {
        key: [] for key in (*keys, *sides, "effect", "lower", "upper", "n", "d_z", "p", "p_holm", "null_reason")
    }
    for key, a, b in rows:
        both = np.isfinite(a) & np.isfinite(b)
        found: PairedEffect | None = paired_effect(a[both], b[both], confidence=confidence) if both.any() else None
        for name, value in zip(keys, key, strict=True):
            table[name].append(value)
        table[sides[0]].append(float(a[both].mean()) if found else None)
        table[sides[1]].append(float(b[both].mean()) if found else None)
        table["effect"].append(found.effect.estimate if found else None)
        table["lower"].append(found.effect.low if found else None)
        table["upper"].append(found.effect.high if found else None)
        table["n"].append(found.n if found else 0)
        table["d_z"].append(found.standardised if found else None)
        table["p"].append(found.t_p if found else None)
        table["null_reason"].append((found.reason or "") if found else "it is defined in no pair")
    table["p_holm"] = list(holm(table["p"]))
    return table
