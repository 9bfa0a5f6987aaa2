"""What policy-space response oracles did: cells, meta-strategies, and how far from equilibrium each iteration stands.

Everything is read from the journals of a run of kind ``psro``; nothing is played or solved again.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gamesim.core.empirical import EmpiricalGame
from gamesim.core.errors import MetricError

from .base import Columns, metric
from .cells import once, scenario_of

if TYPE_CHECKING:
    from gamesim.run.record import Record

KIND = "psro"
PERCENTILES = (0.025, 0.975)
UNTOLD = "the log does not say what units used: they were taken over from another run, or are older."


@dataclass(frozen=True)
class Done:
    """A finished unit: cell of the sweep, its task, what it found, its events as (type, iteration, data), and its name."""

    cell: int
    task: Mapping[str, Any]
    data: Mapping[str, Any]
    events: tuple[tuple[str, int, Mapping[str, Any]], ...]
    name: str = ""


def done(record: Record, what: str) -> list[Done]:
    """Finished units of one task, in the order they were planned.

    Raises
    ------
    MetricError
        If the run is of another kind.
    """
    if scenario_of(record).get("kind") != KIND:
        raise MetricError("this run plays no policy-space response oracles.", path="kind")

    def read() -> list[Done]:
        found = []
        for entry in record.units:
            if entry.task.get("do") == what and entry.status == "complete":
                events = record.journal(entry).events
                told = tuple((e.type, int(e.step), e.data) for e in events if e.step is not None)
                found.append(Done(int(entry.cell.get("index", 0)), entry.task, events[-1].data["data"], told, entry.key[:16]))  # fmt: skip
        return found

    return once(record, f"psro {what}", read)


def final_tables(record: Record) -> dict[tuple[int, int], Done]:
    """By cell of the sweep and iteration, the solved table."""
    found = {(unit.cell, int(unit.task["iteration"])): unit for unit in done(record, "solve")}
    return dict(sorted(found.items()))


def last_tables(record: Record) -> dict[int, Done]:
    """By cell of the sweep, the table that was solved last."""
    return {cell: unit for (cell, _), unit in final_tables(record).items()}


@metric("curve", default=True, order=300)
def curve(record: Record) -> Columns:
    """PSRO: distance from equilibrium by iteration: exploitability, NashConv, population exploitability, raeconv, gain.

    ``iteration`` counts the answers of each player that the pools held when the meta-strategy was measured; 0 is the start.
    """
    rows: list[dict[str, Any]] = []
    for unit in done(record, "iterate"):
        for type_, step, data in unit.events:
            if type_ == "iteration":
                rows.append({
                    "cell": unit.cell, "iteration": step - 1, "policies": float(sum(data["pools"])), "exploitability": data["exploitability"],
                    "nash_conv": data["nash_conv"], "population_exploitability": data["population"], "raeconv": data["raeconv"],
                    "gain": max(data["gains"]), "value": data["payoffs"][0], "of": "whole game",
                })  # fmt: skip
    gains: dict[tuple[int, int], float] = {}
    for unit in done(record, "answer"):
        key = (unit.cell, int(unit.task["iteration"]))
        gains[key] = max(gains.get(key, -math.inf), float(unit.data["gain"]))
    for (cell, step), unit in final_tables(record).items():
        game = EmpiricalGame.from_dict(unit.data["table"])
        value = np.asarray(game.mean[0])
        for marginal in unit.data["marginals"]:
            value = np.tensordot(np.asarray(marginal), value, axes=(0, 0))
        rows.append({
            "cell": cell, "iteration": step - 1, "policies": float(sum(len(pool) for pool in game.policies)), "exploitability": None,
            "nash_conv": unit.data["nash_conv"], "population_exploitability": None, "raeconv": unit.data["raeconv"],
            "gain": gains.get((cell, step)), "value": float(value), "of": "table",
        })  # fmt: skip
    if not rows:
        raise MetricError("no iteration was finished.")
    rows.sort(key=lambda row: (row["cell"], row["iteration"]))
    return columns_of(rows)


def spread_over(values: Sequence[float]) -> tuple[float | None, float | None]:
    """2.5 and 97.5 % of what redraws gave; None where there are none, or not for all of them."""
    if not len(values) or not np.isfinite(values).all():
        return None, None
    low, high = np.quantile(values, PERCENTILES)
    return float(low), float(high)


def mixtures_over(draws: Sequence[Any], marginals: Sequence[Any]) -> tuple[list[list[float]], list[list[float]]]:
    """2.5 and 97.5 % of every probability over redraws; NaN where there are none."""
    solved = [draw for draw in draws if draw is not None]
    low, high = [], []
    for i, m in enumerate(marginals):
        table = np.array([draw[i] for draw in solved]) if solved else np.full((1, len(m)), np.nan)
        ends = np.quantile(table, PERCENTILES, axis=0)
        low.append([float(p) for p in ends[0]])
        high.append([float(p) for p in ends[1]])
    return low, high


@metric("iteration_time", default=True, order=307, stored=False)
def iteration_time(record: Record) -> Columns:
    """PSRO: processor seconds of all units until the end of each iteration, from the log; nothing compared rests on it."""
    used = processor_times(record)
    rows: list[tuple[int, int, float]] = []
    spent: dict[int, float] = {}
    for unit in done(record, "iterate"):
        if unit.name not in used:
            raise MetricError(UNTOLD)
        total, laps = used[unit.name]
        before = spent.get(unit.cell, 0.0)
        rows += [(unit.cell, step - 1, before + seconds) for step, seconds in laps]
        spent[unit.cell] = before + total
    if not rows:
        rows = _of_tables(record, used)
    if not rows:
        raise MetricError("no iteration was finished.")
    cell, iteration, seconds = zip(*sorted(rows), strict=True)
    return {"cell": _column(cell), "iteration": _column(iteration), "cpu_seconds": _column(seconds)}


def _of_tables(
    record: Record, used: Mapping[str, tuple[float, list[tuple[int, float]]]]
) -> list[tuple[int, int, float]]:
    """Until each table's meta-strategy: the units planned up to it, in their order."""
    ends = {unit.name: (cell, step) for (cell, step), unit in final_tables(record).items()}
    spent: dict[int, float] = {}
    rows = []
    for entry in record.units:
        cell, name = int(entry.cell.get("index", 0)), entry.key[:16]
        if name not in used:
            raise MetricError(UNTOLD)
        spent[cell] = spent.get(cell, 0.0) + used[name][0]
        if name in ends:
            rows.append((cell, ends[name][1] - 1, spent[cell]))
    return rows


def processor_times(record: Record) -> dict[str, tuple[float, list[tuple[int, float]]]]:
    """By unit, the processor seconds it used, and its laps as (number, seconds since it began)."""
    from gamesim.run.progress import LOG

    found: dict[str, tuple[float, list[tuple[int, float]]]] = {}
    try:
        lines = (record.path / LOG).read_text("utf-8").splitlines()
    except OSError:
        return found
    for line in lines:
        try:
            told = json.loads(line)
            if told.get("event") == "unit_done" and "cpu" in told:
                laps = [(int(number), float(seconds)) for number, seconds in told.get("laps", ())]
                found[str(told["unit"])] = (float(told["cpu"]), laps)
        except (ValueError, TypeError, AttributeError):
            continue  # a torn line
    return found


@metric("meta", default=True, order=301)
def meta(record: Record) -> Columns:
    """PSRO: the meta-strategy by iteration, player and policy; of the last one of a sampled table the range over redraws."""
    again = {
        (unit.cell, int(unit.task["iteration"])): unit.data["draws"]
        for what in ("bootstrap", "redraw")
        for unit in done(record, what)
        if "iteration" in unit.task
    }
    met: list[tuple[int, int, Sequence[Any], Sequence[Sequence[str]]]] = []
    for unit in done(record, "iterate"):
        for type_, step, data in unit.events:
            if type_ == "iteration":
                met.append((unit.cell, step, data["meta"], [[str(a) for a in range(len(m))] for m in data["meta"]]))
    for (cell, step), unit in final_tables(record).items():
        game = EmpiricalGame.from_dict(unit.data["table"])
        met.append((cell, step, unit.data["marginals"], [game.policies[role] for role in game.roles]))
    if not met:
        raise MetricError("no iteration was finished.")
    rows: list[tuple[Any, ...]] = []
    for cell, step, marginals, names in met:
        low, high = mixtures_over(again.get((cell, step), ()), marginals)
        for i, m in enumerate(marginals):
            rows += [(cell, step - 1, i, *row) for row in zip(names[i], m, low[i], high[i], strict=True)]
    columns = ("cell", "iteration", "player", "policy", "probability", "low", "high")
    return {name: _column(column) for name, column in zip(columns, zip(*rows, strict=True), strict=True)}


@metric("cells", default=True, order=302)
def cells(record: Record) -> Columns:
    """PSRO: the table that meta-strategies were made from: mean, spread and half width of every profile, and its events."""
    tables = last_tables(record)
    if not tables:
        raise MetricError("the cells of a formal game are exact, and follow from its pools.")
    rows: list[dict[str, Any]] = []
    for cell, unit in tables.items():
        game = EmpiricalGame.from_dict(unit.data["table"])
        low, high = game.interval(0.95)
        for profile in game.profiles():
            played = game.cells[profile]
            for i in range(game.n):
                at = (i, *profile)
                rows.append({
                    "cell": cell, "profile": game.label(profile), "player": i, "policy": game.policies[game.roles[i]][profile[i]],
                    "count": played.count, "mean": float(game.mean[at]), "variance": float(game.variance[at]),
                    "m2": float(game.variance[at] * (played.count - 1)), "half_width": float((high[at] - low[at]) / 2),
                    **{f"events_{name}": float(number) for name, number in played.events.items()},
                })  # fmt: skip
    return columns_of(rows)


@metric(
    "psro",
    main={
        "iterations": "answers of each player in the pools that were measured last",
        "nash_conv": "what all players could gain alone, together; of the whole game, or of the table where it was sampled",
        "gain": "most that an oracle's last answer gained",
        "value": "mean of the first player under the meta-strategy",
        "episodes": "episodes that the table is made of",
    },
    order=30,
)
def psro(record: Record) -> Columns:
    """PSRO: where the loop ended."""
    table = curve(record)
    of = np.asarray(table["cell"])
    last = [int(np.flatnonzero(of == cell)[-1]) for cell in sorted(set(of.tolist()))]
    episodes = {
        cell: float(sum(c.count for c in EmpiricalGame.from_dict(unit.data["table"]).cells.values()))
        for cell, unit in last_tables(record).items()
    }
    ends = {unit.cell: unit.data for unit in done(record, "iterate")}
    return {
        "cell": of[last],
        "seed": np.zeros(len(last), dtype=np.int64),
        "iterations": np.array(
            [
                float(table["iteration"][k]) if table["of"][k] == "whole game" or done(record, "answer") else np.nan
                for k in last
            ]
        ),
        **{name: np.asarray(table[name], dtype=np.float64)[last] for name in ("nash_conv", "gain", "value")},
        "episodes": np.array([episodes.get(int(of[k]), np.nan) for k in last]),
        "ended": np.array(
            [str(ends[int(of[k])]["stopped"] or "iterations") if int(of[k]) in ends else "pool" for k in last],
            dtype=object,
        ),
    }


def columns_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Rows as columns, in the order in which the names come up; what a row lacks is None."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: _column([row.get(name) for row in rows]) for name in names}


def _column(values: Any) -> Any:
    items = list(values)
    if any(isinstance(item, str) for item in items):
        return np.array(items, dtype=object)
    if items and all(isinstance(item, bool) for item in items):
        return np.array(items, dtype=bool)
    if items and all(isinstance(item, int) for item in items):
        return np.array(items, dtype=np.int64)
    return np.array([np.nan if item is None else float(item) for item in items], dtype=np.float64)
