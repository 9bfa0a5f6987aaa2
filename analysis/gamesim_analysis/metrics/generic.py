"""Metrics of any environment: what each seat and each member earned, how long episodes were, and how alike the shares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gamesim.core.arrays import AnyArray, FloatArray
from gamesim.core.errors import MetricError
from gamesim_analysis.stats.inequality import gini_rows
from gamesim_analysis.stats.intervals import mean_interval

from .base import Columns, metric
from .cells import cells, outcomes

if TYPE_CHECKING:
    from gamesim.run.record import Record


PREFIX = "return."


def returns_of(columns: dict[str, AnyArray]) -> tuple[list[str], FloatArray]:
    """Names of the seats and their returns, shape (E, n); NaN for a seat that an episode did not have."""
    names = [name for name in columns if name.startswith(PREFIX)]
    if not names or not len(columns[names[0]]):
        raise MetricError("no episode of this run has returns.", path="outcomes.returns")
    return [name.removeprefix(PREFIX) for name in names], np.stack(
        [columns[n].astype(np.float64) for n in names], axis=1
    )


@metric(
    "welfare",
    main={"welfare": "sum of all returns of an episode", "gini": "Gini index of the returns of an episode"},
)
def welfare(record: Record) -> Columns:
    """Sum, mean and inequality of returns, episode by episode."""
    columns = outcomes(record)
    _, returns = returns_of(columns)
    whole = np.isfinite(returns).all(axis=1)
    inequality = np.full(len(returns), np.nan)
    inequality[whole] = gini_rows(returns[whole])
    reasons = np.where(
        np.isfinite(inequality),
        "",
        np.where((returns < 0).any(axis=1), "gini: some returns are negative", "gini: the total return is zero"),
    )
    return {
        "cell": columns["cell"],
        "seed": columns["seed"],
        "welfare": np.nansum(returns, axis=1),
        "mean_return": np.nanmean(returns, axis=1),
        "gini": inequality,
        "null_reason": reasons.astype(object),
    }


@metric("returns_by_seat")
def returns_by_seat(record: Record) -> Columns:
    """Mean return of each seat of each cell, with Student's 95 % interval over episodes."""
    columns = outcomes(record)
    given, returns = returns_of(columns)
    names = seat_names(record, given)
    groups = [
        (cell, names[seat], returns[columns["cell"] == cell, seat])
        for cell in np.unique(columns["cell"])
        for seat in range(returns.shape[1])
    ]
    return _means("agent", groups)


@metric("returns_by_member")
def returns_by_member(record: Record) -> Columns:
    """Mean return of each member of the population; an episode counts once, by the mean over the member's seats."""
    columns = (
        record.sql(
            "select cell, seed, member, sum(reward) / count(distinct agent) as value from steps where member is not null "
            "group by cell, seed, member order by cell, member, seed"
        ).fetch()
        if "member" in step_columns(record)
        else {}
    )
    if not len(columns.get("value", ())):
        raise MetricError(
            "the record does not say who sat where.", path="record.steps", hint="Run with record.steps: all."
        )
    cell, member = np.asarray(columns["cell"]), np.asarray(columns["member"]).astype(str)
    value = np.asarray(columns["value"], dtype=np.float64)
    pairs = sorted(set(zip(cell.tolist(), member.tolist(), strict=True)))
    return _means("member", [(c, m, value[(cell == c) & (member == m)]) for c, m in pairs])


@metric("episode_length", main={"length": "steps (phases) played"}, order=200)
def episode_length(record: Record) -> Columns:
    """How many steps each episode lasted."""
    if "step" not in step_columns(record):
        columns = outcomes(record)
        if "rounds" not in columns:
            raise MetricError("the record keeps no steps.", path="record.steps", hint="Run with record.steps: all.")
        return {"cell": columns["cell"], "seed": columns["seed"], "length": columns["rounds"]}
    found = record.sql(
        "select cell, seed, max(step) + 1 as length from steps group by cell, seed order by cell, seed"
    ).fetch()
    return {name: np.asarray(values) for name, values in found.items()}


def step_columns(record: Record) -> set[str]:
    """Columns of the step table; empty where the record keeps none."""
    return set(record.sql("select * from steps limit 0").fetch())


def seat_names(record: Record, given: Sequence[str]) -> Sequence[str]:
    """The names as the outcomes have them; the environment's own where they only count."""
    if not all(name.isdigit() for name in given):
        return given
    try:
        names = cells(record)[0].environment().seats()
    except MetricError:
        names = ()
    return names if len(names) == len(given) else [f"seat_{name}" for name in given]


def _means(key: str, groups: Sequence[tuple[Any, str, FloatArray]]) -> Columns:
    rows = []
    for cell, name, values in groups:
        finite = values[np.isfinite(values)]
        found = mean_interval(finite) if len(finite) else None
        rows.append(
            (
                int(cell),
                name,
                found.estimate if found else None,
                found.low if found else None,
                found.high if found else None,
                len(finite),
            )
        )
    table = list(zip(*rows, strict=True))
    return dict(zip(("cell", key, "mean", "lower", "upper", "n"), map(list, table), strict=True))
