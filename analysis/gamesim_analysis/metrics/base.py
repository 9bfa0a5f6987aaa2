"""What a metric is: a function of a record that answers with the columns of a table, registered under ``gamesim.metrics``.

A metric that does not apply raises MetricError with the reason. ``@metric`` adds what the summary and the reader need:
which columns are the main figures and what they mean. A plain function from a plugin serves as well; its numeric columns
then all count as main figures when it has one row per ``cell`` and ``seed``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from gamesim.core.arrays import AnyArray
from gamesim.core.config import Config

if TYPE_CHECKING:
    from gamesim.run.record import Record
    from gamesim.scenario.scenario import Scenario

Columns = Mapping[str, Any]
KEYS = ("cell", "seed")  # an episode table has one row per cell and replicate


@dataclass(frozen=True)
class Metric:
    """A metric with what is known of it.

    Attributes
    ----------
    main : column -> what it measures and in which unit; the summary shows these.
    default : computed without being asked for; False for those that play games of their own.
    order : its place in the summary; the smallest comes first.
    keys : what an ``analysis:`` entry may say of it, checked when a scenario is read; None where it takes no parameters.
    misfit : of a scenario that asks for it under ``analysis:``, why it does not apply there; empty where it does. Told before play.
    stored : written into ``tables/``, and so into the run's digest; False for what clocks and caches decide.
    """

    name: str
    function: Callable[[Record], Columns]
    main: Mapping[str, str] = field(default_factory=dict)
    default: bool = True
    order: int = 100
    stored: bool = True
    keys: type[Config] | None = None
    misfit: Callable[[Scenario], str] | None = None

    def __call__(self, record: Record) -> Columns:
        return self.function(record)

    @property
    def description(self) -> str:
        return (self.function.__doc__ or self.name).strip().splitlines()[0]


def metric(
    name: str,
    *,
    main: Mapping[str, str] | None = None,
    default: bool = True,
    order: int = 100,
    stored: bool = True,
    keys: type[Config] | None = None,
    misfit: Callable[[Scenario], str] | None = None,
) -> Callable[[Callable[[Record], Columns]], Metric]:
    """Make a Metric of a function of a record."""

    def wrap(function: Callable[[Record], Columns]) -> Metric:
        return Metric(name, function, main or {}, default, order, stored, keys, misfit)

    return wrap


def is_episode_table(columns: Columns) -> bool:
    """Whether it has one row for each (cell, seed)."""
    if not all(key in columns for key in KEYS):
        return False
    pairs = list(zip(np.asarray(columns["cell"]).tolist(), np.asarray(columns["seed"]).tolist(), strict=True))
    return len(set(pairs)) == len(pairs)


def numeric(values: Any) -> AnyArray | None:
    """The values as float64 (booleans as 0 and 1, None as NaN), or None for text."""
    array = np.asarray(values)
    if array.dtype.kind in "fiub":
        return array.astype(np.float64)
    if array.dtype.kind == "O":
        items = [np.nan if item is None else item for item in array.tolist()]
        if all(isinstance(item, (bool, int, float)) for item in items):
            return np.array(items, dtype=np.float64)
    return None
