"""What failed, and whether it could change the conclusion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gamesim.core.arrays import FloatArray
from gamesim.core.errors import clean

from ..blocks import Block, Note, Section, Table, Text, Value
from ..numbers import count, mean_interval
from ..study import Study, as_mapping
from .common import compares
from .summary import COMMONS


@compares
def section(study: Study) -> Section | None:
    blocks: list[Block] = []
    attempts = sum(len(m.get("units") or ()) for m in study.manifests)
    resumed = sum(int(m.get("resumed") or 0) for m in study.manifests)
    failed = study.failed_units
    if failed:
        missing = sum(len(unit.get("seeds") or ()) for _, unit in failed)
        blocks.append(
            Note(
                f"{count(len(failed), 'unit')} of {attempts:,} ({count(missing, 'episode')}) did not complete.",
                "failure",
            )
        )
        rows: list[tuple[Value, ...]] = []
        for _, unit in failed[:200]:
            error = as_mapping(unit.get("error") or {})
            seeds = list(unit.get("seeds") or ())
            rows.append(
                (
                    str(unit.get("key") or "")[:16],
                    int(as_mapping(unit.get("cell") or {}).get("index", 0)),
                    _range(seeds),
                    clean(unit.get("status")),
                    clean(f"{error.get('type', '')}: {error.get('message', '')}".strip(": ") or "not played", 400),
                )
            )
        blocks.append(
            Table(
                ("unit", "cell", "replicates", "status", "why"),
                tuple(rows),
                "Units that did not complete",
                f"n = {len(failed)} of {attempts:,} units.",
            )
        )
        effect = _imputation(study)
        if effect is not None:
            blocks.append(effect)
    outcomes = _failures(study)
    if outcomes is not None:
        blocks.append(outcomes)
    invalid = _statuses(study)
    if invalid is not None:
        blocks.append(invalid)
    if not blocks:
        blocks.append(
            Text(
                f"Nothing failed: all {count(attempts, 'unit')} completed, and no action was missing, illegal or replaced."
            )
        )
    if resumed:
        blocks.append(Text(f"The run was resumed {count(resumed, 'time')}; finished units were not played again."))
    return Section("failures", "Failures and what they could change", tuple(blocks), order=1100)


def _limit(study: Study) -> str:
    """What share of failures the scenario bears."""
    limits = {as_mapping(m.get("failures") or {}).get("limit") for m in study.manifests} - {None}
    return (
        f" The limit the scenario sets is {min(float(v) for v in limits if v is not None):.0%} of units."
        if limits
        else ""
    )


def _range(seeds: list[Any]) -> str:
    return str(seeds[0]) if len(seeds) == 1 else f"{seeds[0]}–{seeds[-1]}" if seeds else "–"


def _imputation(study: Study) -> Table | None:
    """Each main figure as it stands, and with every missing episode at the worst and at the best value seen."""
    names = [n for n in COMMONS if n in study.episodes] or study.measures()[:4]
    rows: list[tuple[Value, ...]] = []
    for condition in study.conditions:
        missing = sum(
            len(unit.get("seeds") or ())
            for record, unit in study.failed_units
            if record == condition.record and int(as_mapping(unit.get("cell") or {}).get("index", 0)) == condition.cell
        )
        if not missing:
            continue
        for name in names:
            seen = study.measure(name, condition.index)
            seen = seen[np.isfinite(seen)]
            every = np.concatenate([study.measure(name, c.index) for c in study.conditions])
            every = every[np.isfinite(every)]
            if not len(seen) or not len(every):
                continue
            as_is = mean_interval(seen)
            worst, best = (_filled(seen, missing, value) for value in (float(every.min()), float(every.max())))
            effect = max(abs(worst - as_is.value), abs(best - as_is.value))
            rows.append(
                (
                    condition.label,
                    COMMONS.get(name, name.replace("_", " ")),
                    len(seen),
                    missing,
                    as_is,
                    worst,
                    best,
                    effect,
                )
            )
    if not rows:
        return None
    return Table(
        ("condition", "figure", "n", "missing", "as reported", "lowest", "highest", "effect at most"),
        tuple(rows[:120]),
        "What the missing episodes could change",
        "Lowest and highest: the mean if every missing episode had had the smallest or the largest value seen anywhere in the report. "
        "Brackets are 95 % intervals (Student's t) of what was played.",
        header=2,
    )


def _filled(seen: FloatArray, missing: int, value: float) -> float:
    return (float(seen.sum()) + missing * value) / (len(seen) + missing)


def _failures(study: Study) -> Table | None:
    """Counts of the manifests: outcome -> how often, by agent where it says so."""
    rows: list[tuple[Value, ...]] = []
    for name, manifest in zip(study.names, study.manifests, strict=True):
        counted = {k: v for k, v in (manifest.get("failures") or {}).items() if k not in ("units", "of", "limit")}
        rows += [(name, path, value) for path, value in _leaves(counted) if value not in (0, None, "")]
    if not rows:
        return None
    return Table(
        ("run", "what", "count"),
        tuple(rows[:200]),
        "Failures the run counted",
        "Answers that could not be used, by kind; n is decisions unless said otherwise.",
        header=2,
    )


def _leaves(data: Any, path: str = "") -> list[tuple[str, Value]]:
    if isinstance(data, Mapping):
        return [
            leaf
            for key, value in data.items()
            for leaf in _leaves(value, f"{path} · {clean(key)}" if path else clean(key))
        ]
    if isinstance(data, (list, tuple)):
        return [leaf for i, value in enumerate(data) for leaf in _leaves(value, f"{path} {i + 1}")]
    return [(path, data if isinstance(data, (int, float)) or data is None else clean(data, 300))]


def _statuses(study: Study) -> Table | None:
    """How episodes ended, where some ended as neither survived nor collapsed."""
    status = study.episodes.get("status")
    if status is None:
        return None
    names = [str(s) for s in status.tolist()]
    if set(names) <= {"survived", "collapsed"}:
        return None
    kinds = sorted(set(names))
    rows: list[tuple[Value, ...]] = []
    for condition in study.conditions:
        mine = [s for s, c in zip(names, study.episodes["condition"].tolist(), strict=True) if c == condition.index]
        rows.append((condition.label, len(mine), *(mine.count(kind) for kind in kinds)))
    return Table(
        ("condition", "n", *map(clean, kinds)),
        tuple(rows),
        "How episodes ended",
        "Truncated and invalid episodes are neither survivals nor collapses.",
    )
