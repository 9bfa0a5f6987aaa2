"""Run the metrics of a record, write their tables, and sum them up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from gamesim.core.errors import MetricError, PluginError, UnknownKindError, clean
from gamesim.core.registry import entry, names
from gamesim_analysis.stats.intervals import mean_interval, wilson

from .asked import calls
from .base import Columns, Metric, is_episode_table, numeric
from .cells import cells, scenario_of
from .model_calls import invalid_by_cell

if TYPE_CHECKING:
    from gamesim.run.record import Record
    from gamesim.run.tables import Table

BRACKETS = "95 % over replicates: Student's t for means, Wilson's for shares"


ANSWERS = "; invalid_rate: Wilson's over decisions asked of models; above 5 % nothing is ranked"


def chosen(record: Record, only: Iterable[str] | None = None) -> tuple[list[Metric], bool]:
    """The metrics to compute and whether they were asked for by name (by ``only``, or the scenario's ``metrics:`` and ``analysis:``).

    Raises
    ------
    UnknownKindError
        For a name nobody registers, with the nearest one.
    """
    asked = list(scenario_of(record).get("metrics") or () if only is None else only)
    known = names("metrics")
    for name in asked:
        if name not in known:
            raise UnknownKindError.named("metric", name, known, path="metrics")
    called = [name for name, _ in calls(record)] if only is None else []
    if asked:
        return [_as_metric(name) for name in dict.fromkeys([*asked, *called])], True
    return [m for m in map(_usable, known) if m.default or m.name in called], False


def _usable(name: str) -> Metric:
    """The metric; one whose package is broken becomes a metric that does not apply, so that it spoils no run of others."""
    try:
        return _as_metric(name)
    except PluginError as error:
        return Metric(name, partial(_broken, str(error)))


def _broken(problem: str, record: Record) -> Columns:
    raise MetricError(problem)


def evaluate(record: Record, only: Iterable[str] | None = None) -> tuple[dict[str, Columns], dict[str, str]]:
    """Columns of every metric that applies, and for the others the reason why they do not.

    Raises
    ------
    MetricError
        When a metric asked for by name does not apply.
    """
    from gamesim.run.tables import Table

    metrics, asked = chosen(record, only)
    called = {name for name, _ in calls(record)}
    found: dict[str, Columns] = {}
    reasons: dict[str, str] = {}
    several = len({cell.get("environment.kind") for cell in cells(record)}) > 1  # a bench
    for metric in metrics:
        try:
            columns = metric(record)
            if not _ours(metric):
                columns = Table(columns).columns  # what cannot be a table shows here, not when it is written
            found[metric.name] = columns
        except MetricError as error:
            if asked or metric.name in called:
                raise
            reasons[metric.name] = str(error)
        except Exception as error:
            if _ours(metric) and not asked and several:
                reasons[metric.name] = "this run plays several games, and the metric is of one of them"
                continue
            if _ours(metric):
                raise
            problem = f"metric '{metric.name}' raised {type(error).__name__}: {clean(error)}."
            if asked:
                raise PluginError(problem) from error
            reasons[metric.name] = problem  # somebody's metric that does not say where it applies
    return found, reasons


def _ours(metric: Metric) -> bool:
    """Whether a fault in it is a bug of gamesim, to be shown as one."""
    return (getattr(metric.function, "__module__", None) or "").split(".")[0] == "gamesim_analysis"


def compute(record: Record, only: Iterable[str] | None = None) -> dict[str, Table]:
    """Compute the record's metrics and write each into ``tables/``.

    Parameters
    ----------
    only : names of metrics; by default the scenario's ``metrics:`` and, without that, every registered metric that applies.

    Returns
    -------
    Table of each metric by name, with ``summary`` and, where a metric was passed over, ``not_applicable`` (metric, reason).
    """
    from gamesim.run.tables import Table

    found, reasons = evaluate(record, only)
    tables = dict(found)
    tables["summary"] = summarise(record, found)
    reasons = {name: reason for name, reason in reasons.items() if _usable(name).stored}
    if reasons:
        tables["not_applicable"] = {"metric": list(reasons), "reason": list(reasons.values())}
    for name, columns in tables.items():
        if name not in found or _as_metric(name).stored:
            record.write_table(name, columns)
    return {name: Table(columns) for name, columns in tables.items()}


def summary(record: Record, only: Iterable[str] | None = None) -> Table:
    """One row a cell of the sweep: the main figures, each as mean, lower, upper and n (columns ``x``, ``x_lower``, ...).

    ``brackets`` says what lower and upper are.
    """
    from gamesim.run.tables import Table

    return Table(summarise(record, evaluate(record, only)[0]))


def summarise(record: Record, found: Mapping[str, Columns]) -> dict[str, list[Any]]:
    """The summary's columns, from columns of metrics."""
    of = cells(record)
    table: dict[str, list[Any]] = {"cell": [cell.index for cell in of], "label": [cell.label for cell in of]}
    for path in dict.fromkeys(path for cell in of for path in cell.values):
        table[path] = [_plain(cell.values.get(path)) for cell in of]
    for name in sorted(found, key=lambda name: _as_metric(name).order):
        columns = found[name]
        if not is_episode_table(columns):
            continue
        for column in _main(_as_metric(name), columns):
            label = column if column not in table else f"{name}_{column}"
            rows = [_bracket(columns[column], np.asarray(columns["cell"]) == cell.index) for cell in of]
            if not any(row[-1] for row in rows):
                continue  # null everywhere: the metric's own table says why
            for index, part in enumerate(("", "_lower", "_upper", "_n")):
                table[label + part] = [row[index] for row in rows]
    answered = invalid_by_cell(found)
    if answered:
        _add_answers(table, [answered.get(cell.index) for cell in of])
    table["brackets"] = [BRACKETS + (ANSWERS if answered else "")] * len(of)
    return table


def _add_answers(table: dict[str, list[Any]], rows: list[dict[str, Any] | None]) -> None:
    """The share of invalid answers beside every figure, and whether the cell's figures may be ranked."""
    for part in ("", "_lower", "_upper"):
        table[f"invalid_rate{part}"] = [row and row[f"invalid_rate{part}"] for row in rows]
    table["invalid_rate_n"] = [row["asked"] if row else 0 for row in rows]
    table["gate"] = [row["gate"] if row else None for row in rows]


def _main(metric: Metric, columns: Columns) -> list[str]:
    if metric.main:
        return [column for column in metric.main if column in columns]
    return [c for c in columns if c not in ("cell", "seed") and numeric(columns[c]) is not None]


def _bracket(values: Any, mask: Any) -> tuple[float | None, float | None, float | None, int]:
    array = np.asarray(values)
    kept = numeric(array)
    if kept is None:
        return None, None, None, 0
    finite = kept[mask & np.isfinite(kept)]
    if not len(finite):
        return None, None, None, 0
    share = array.dtype.kind == "b" or (
        array.dtype.kind == "O" and all(isinstance(v, (bool, type(None))) for v in array.tolist())
    )
    interval = wilson(float(finite.sum()), len(finite)) if share else mean_interval(finite)
    return interval.estimate, interval.low, interval.high, len(finite)


def _as_metric(name: str) -> Metric:
    found = entry("metrics", name)
    return found if isinstance(found, Metric) else Metric(name, found)


def _plain(value: Any) -> Any:
    return value if isinstance(value, (bool, int, float, str, type(None))) else str(value)
