"""What a report reads: one record or several, as conditions to be compared, with the sums already done by the database.

A condition is one cell of one record. Its name is made of what differs: the swept values, or, between records, the
dotted paths at which the resolved scenarios differ. Nothing here loops over step rows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from gamesim.core.arrays import AnyArray, FloatArray
from gamesim.core.errors import clean
from gamesim_analysis.metrics.cells import cells as cells_of
from gamesim_analysis.metrics.cells import dense, dig

from .numbers import number

if TYPE_CHECKING:
    from gamesim.run.record import Record

Columns = dict[str, AnyArray]
Made = TypeVar("Made")

# Paths that name or describe a run without changing what is played.
_NOT_A_CONDITION = ("name", "description", "source", "seed", "replicates", "sweep", "report", "record", "limits", "metrics", "analysis", "provenance")  # fmt: skip


@dataclass(frozen=True)
class Condition:
    """One cell of one record.

    Attributes
    ----------
    index : its number in the report, which is also its colour.
    record, cell : where it comes from.
    values : dotted path -> value, of the paths in which conditions differ.
    data : the resolved scenario of the cell.
    """

    index: int
    record: int
    cell: int
    values: Mapping[str, Any]
    label: str
    data: Mapping[str, Any]

    def get(self, path: str, default: Any = None) -> Any:
        """A value of the resolved scenario by dotted path."""
        return dig(self.data, path, default)


class Study:
    """Read-only view of the records of one report. Reads as the record itself where there is only one."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.records = tuple(records)
        self._kept: dict[str, Any] = {}

    def cached(self, key: str, make: Callable[[], Made]) -> Made:
        """What ``make`` gives, computed once for all sections."""
        if key not in self._kept:
            self._kept[key] = make()
        kept: Made = self._kept[key]
        return kept

    def __getattr__(self, name: str) -> Any:  # a stranger's section asks it as it would ask a record
        if name.startswith("_") or len(self.records) != 1:
            raise AttributeError(name)
        return getattr(self.records[0], name)

    @property
    def record(self) -> Record:
        return self.records[0]

    @cached_property
    def manifests(self) -> tuple[Mapping[str, Any], ...]:
        return tuple(as_mapping(record.manifest) for record in self.records)

    @cached_property
    def scenarios(self) -> tuple[Mapping[str, Any], ...]:
        return tuple(as_mapping(manifest.get("scenario") or {}) for manifest in self.manifests)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """One name a record: its scenario, or its directory where scenarios repeat."""
        names = [clean(scenario.get("name") or "run") for scenario in self.scenarios]
        if len(set(names)) < len(names):
            names = [clean(record.path.name) for record, name in zip(self.records, names, strict=True)]
        return tuple(names)

    @property
    def title(self) -> str:
        return " · ".join(dict.fromkeys(self.names))

    @cached_property
    def environment(self) -> str:
        """The kind of environment, if all records share one; empty otherwise."""
        kinds = {str(dig(scenario, "environment.kind", "")) for scenario in self.scenarios}
        return kinds.pop() if len(kinds) == 1 else ""

    @cached_property
    def conditions(self) -> tuple[Condition, ...]:
        cells: list[tuple[int, int, Mapping[str, Any]]] = []
        for number_ in range(len(self.records)):
            cells += [(number_, cell.index, cell.data) for cell in cells_of(self.records[number_])]
        swept = list(dict.fromkeys(p for record in self.records for cell in cells_of(record) for p in cell.values))
        paths, apart = by_who(swept), list[str]()
        if len(self.records) > 1:
            paths, apart = differing([flattened(whole_population(data)) for _, _, data in cells], paths)
        labels = short_names([*paths, *apart])
        runs = [name.rsplit("/", 1)[-1] for name in self.names]
        made = []
        for index, (place, cell, data) in enumerate(cells):
            values = {path: dig(data, path) for path in paths}
            if len(apart) == 1:  # one key sets the runs apart: it names them
                values[apart[0]] = dig(data, apart[0])
            elif apart:
                values["run"] = runs[place]
            parts = [worded(path, labels.get(path, path), value) for path, value in values.items()]
            made.append(Condition(index, place, cell, values, ", ".join(parts), data))
        return tuple(_named(made, self.names))

    @property
    def several(self) -> bool:
        return len(self.conditions) > 1

    def name(self, index: int) -> str:
        return self.conditions[index].label

    # ---- tables ------------------------------------------------------------------------------------------------

    @cached_property
    def columns(self) -> frozenset[str]:
        """Columns of the step tables, those of all records together."""
        return frozenset(name for record in self.records for name in self._columns_of(record))

    @staticmethod
    def _columns_of(record: Record) -> list[str]:
        return list(record.sql("select * from steps limit 0").fetch())

    @cached_property
    def has_steps(self) -> bool:
        return {"step", "agent"} <= self.columns

    def has(self, *columns: str) -> bool:
        """Whether the step tables have these columns."""
        return self.has_steps and set(columns) <= self.columns

    def query(self, sql: str, record: int | None = None) -> Columns:
        """The answer of every record (or of one), one after the other; a column ``cell`` becomes ``condition``."""
        place = {(c.record, c.cell): c.index for c in self.conditions}
        parts: list[Columns] = []
        for index in range(len(self.records)) if record is None else (record,):
            columns = {name: dense(values) for name, values in self.records[index].sql(sql).fetch().items()}
            if "cell" in columns:
                cells = columns.pop("cell").astype(int)
                columns["condition"] = np.array([place[(index, int(cell))] for cell in cells], dtype=np.int64)
            parts.append(columns)
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    @cached_property
    def episodes(self) -> Columns:
        """One row an episode: ``condition``, ``seed``, ``episode`` and what the environment says of its outcome."""
        place = {(c.record, c.cell): c.index for c in self.conditions}
        parts: list[Columns] = []
        for index, record in enumerate(self.records):
            columns = {name: dense(values) for name, values in record.outcomes().fetch().items()}
            size = len(next(iter(columns.values()), ()))
            cells = columns.get("cell", np.zeros(size)).astype(int)
            columns["condition"] = np.array([place[(index, int(cell))] for cell in cells], dtype=np.int64)
            parts.append(columns)
        names = dict.fromkeys(name for part in parts for name in part)
        return {name: np.concatenate([_or_missing(part, name) for part in parts]) for name in names}

    @cached_property
    def returns(self) -> FloatArray:
        """Shape (episodes, seats), NaN where an episode had fewer seats; (0, 0) where no returns are kept."""
        columns = [values for name, values in self.episodes.items() if name.startswith("return.")]
        return np.stack([numeric(values) for values in columns], axis=1) if columns else np.zeros((0, 0))

    @property
    def seats(self) -> list[str]:
        """Names of the seats, in the order of ``returns``."""
        return [name.removeprefix("return.") for name in self.episodes if name.startswith("return.")]

    @property
    def n_episodes(self) -> int:
        return len(self.episodes.get("condition", ()))

    def measure(self, name: str, condition: int) -> FloatArray:
        """Values of an outcome in one condition, by seed."""
        chosen = self.episodes["condition"] == condition
        values: FloatArray = numeric(self.episodes[name])[chosen]
        return values[np.argsort(self.episodes["seed"][chosen], kind="stable")]

    def measures(self) -> list[str]:
        """Names of numeric outcomes."""
        return [
            name
            for name, values in self.episodes.items()
            if name not in ("condition", "cell", "seed", "episode", "unit", "unit_status")
            and not name.startswith("return.")
            and not any(name in condition.values for condition in self.conditions)
            and np.isfinite(numeric(values)).any()
        ]

    def pairs(self, name: str, first: int, second: int) -> tuple[FloatArray, FloatArray] | None:
        """The measure in two conditions for the episodes that share their draws, or None where none do."""
        if name not in self.episodes:
            return None
        found = []
        for condition in (first, second):
            chosen = self.episodes["condition"] == condition
            key = self.episodes["episode"] if "episode" in self.episodes else self.episodes["seed"]
            found.append((key[chosen], numeric(self.episodes[name])[chosen]))
        (keys_a, a), (keys_b, b) = found
        common, at_a, at_b = np.intersect1d(keys_a, keys_b, return_indices=True)
        return (a[at_a], b[at_b]) if len(common) else None

    @cached_property
    def failed_units(self) -> list[tuple[int, Mapping[str, Any]]]:
        """Units that did not complete, with their record."""
        return [
            (index, unit)
            for index, manifest in enumerate(self.manifests)
            for unit in map(as_mapping, manifest.get("units") or ())
            if unit.get("status") not in (None, "complete", "sealed")
        ]


def differing(flat: Sequence[Mapping[str, Any]], swept: Sequence[str]) -> tuple[list[str], list[str]]:
    """Of several runs' cells: the swept paths in which they differ, and the other paths that set the runs apart."""
    paths = dict.fromkeys(path for one in flat for path in one)
    found = [p for p in paths if len({json.dumps(one.get(p), sort_keys=True, default=str) for one in flat}) > 1]
    varied = [s for s in swept if any(_under(p, s) for p in found)]
    other = [p for p in found if p.split(".")[0] not in _NOT_A_CONDITION and not any(_under(p, s) for s in swept)]
    return varied, other


def by_who(swept: Sequence[str]) -> list[str]:
    """Swept paths, where those that only say who plays and how many are one: the population.

    Examples
    --------
    >>> by_who(["population.0.count", "environment.growth.rate", "population.1.count"])
    ['population', 'environment.growth.rate']
    """
    inside = [path for path in swept if path.split(".")[0] == "population"]
    if not all(path.rsplit(".", 1)[-1] in ("population", "count", "agent", "init", "label") for path in inside):
        return list(swept)
    return list(dict.fromkeys("population" if path in inside else path for path in swept))


def whole_population(data: Mapping[str, Any]) -> dict[str, Any]:
    """The population as one value: who plays is one difference, however many keys say it."""
    return {
        key: json.dumps(value, sort_keys=True, default=str) if key == "population" else value
        for key, value in data.items()
    }


def flattened(data: Any, path: str = "") -> dict[str, Any]:
    """Leaves by dotted path.

    Examples
    --------
    >>> flattened({"a": {"b": 1}, "c": [2, 3]})
    {'a.b': 1, 'c.0': 2, 'c.1': 3}
    """
    if isinstance(data, Mapping):
        items = [(str(key), value) for key, value in data.items()]
    elif isinstance(data, (list, tuple)):
        items = [(str(i), value) for i, value in enumerate(data)]
    else:
        return {path: data}
    leaves: dict[str, Any] = {}
    for key, value in items:
        leaves.update(flattened(value, f"{path}.{key}" if path else key))
    return leaves


def short_names(paths: Sequence[str]) -> dict[str, str]:
    """The shortest endings of dotted paths that tell them apart, underscores as spaces.

    Examples
    --------
    >>> short_names(["environment.growth.rate", "environment.sanctions.fine", "environment.tax.rate"])
    {'environment.growth.rate': 'growth.rate', 'environment.sanctions.fine': 'fine', 'environment.tax.rate': 'tax.rate'}
    """
    names: dict[str, str] = {}
    for path in paths:
        parts = path.split(".")
        for size in range(1, len(parts) + 1):
            ending = parts[-size:]
            if not ending[0].isdigit() and sum(other.split(".")[-size:] == ending for other in paths) == 1:
                break
        names[path] = clean(".".join(ending).replace("_", " "), 60)
    return names


def worded(path: str, name: str, value: Any) -> str:
    """A swept value with its name, in words where a key has them.

    Examples
    --------
    >>> worded("environment.growth.rate", "rate", 0.2), worded("environment.institutions.sanctions", "sanctions", None)
    ('rate 0.2', 'no sanctions')
    >>> worded("environment.institutions.sanctions.disable_at", "disable at", 15)
    'sanctions to round 15'
    """
    if path.endswith("sanctions.disable_at"):
        return "sanctions throughout" if value is None else f"sanctions to round {shown(value)}"
    if path in ("run", "population"):
        return shown(value)
    if path.startswith("environment.institutions.") and shown(value) == "off":
        return f"no {name}"
    return f"{name} {shown(value)}"


def shown(value: Any) -> str:
    """A scenario value in a word or two.

    Examples
    --------
    >>> shown(None), shown(0.2), shown({"kind": "peer", "fine": 10}), shown(True)
    ('off', '0.2', 'kind peer, fine 10', 'on')
    >>> shown([{"agent": "commons.paper_abm", "init": "altruistic", "count": 5}, {"agent": "greedy", "count": 5}])
    '5 altruistic + 5 greedy'
    """
    if value is None or value is False or value == "none":
        return "off"
    if value is True:
        return "on"
    if isinstance(value, Mapping) and "agent" in value:  # a member of a population
        agent = value["agent"]
        kind = agent.get("kind") if isinstance(agent, Mapping) else agent
        parameters = agent.get("params") if isinstance(agent, Mapping) else None
        name = value.get("label") or value.get("init") or (parameters or {}).get("init") or kind
        text = f"{value['count']} {name}" if value.get("count") is not None else str(name)
    elif isinstance(value, Mapping):
        text = ", ".join(f"{key} {shown(item)}" for key, item in value.items())
    elif isinstance(value, (list, tuple)):
        text = " + ".join(shown(item) for item in value if not (isinstance(item, Mapping) and item.get("count") == 0))
    elif isinstance(value, float):
        text = f"{value:g}"
    elif isinstance(value, int):
        text = number(value)
    else:
        text = str(value)
    return clean(text, 60)


def _named(conditions: Sequence[Condition], records: Sequence[str]) -> list[Condition]:
    """Conditions whose labels differ: the record's name is added where values alone do not tell them apart."""
    labels = [c.label for c in conditions]
    made = []
    for c in conditions:
        label = c.label or (records[c.record] if len(records) > 1 else "all runs")
        if labels.count(c.label) > 1 and c.label:
            label = f"{records[c.record]}: {c.label}"
        made.append(Condition(c.index, c.record, c.cell, c.values, label, c.data))
    final = [c.label for c in made]
    return [
        c
        if final.count(c.label) == 1
        else Condition(c.index, c.record, c.cell, c.values, f"{c.label} ({c.index + 1})", c.data)
        for c in made
    ]


def _under(path: str, ancestor: str) -> bool:
    return path == ancestor or path.startswith(ancestor + ".")


def _or_missing(part: Columns, name: str) -> AnyArray:
    if name in part:
        return part[name].astype(object) if part[name].dtype.kind in "OUS" else part[name]
    return np.full(len(part["condition"]), np.nan)


def as_mapping(value: Any) -> Mapping[str, Any]:
    """Mappings, dataclasses and pydantic models alike."""
    if isinstance(value, Mapping):
        return value
    if hasattr(value, "model_dump"):
        dumped: Mapping[str, Any] = value.model_dump(mode="json")
        return dumped
    return dict(vars(value))


def numeric(values: AnyArray) -> FloatArray:
    """Float64 with NaN where there is no number; text and lists are NaN throughout."""
    if values.dtype.kind in "fiub":
        return values.astype(np.float64)
    kept = [float(v) if isinstance(v, (bool, int, float, np.number, np.bool_)) else np.nan for v in values.tolist()]
    return np.array(kept, dtype=np.float64)
