"""What a record of a bench says: the scored outcome of every society, on the scale between its anchors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gamesim.core.arrays import AnyArray, FloatArray
from gamesim.core.errors import MetricError, clean
from gamesim_analysis.metrics.base import numeric
from gamesim_analysis.metrics.cells import outcomes, scenario_of
from gamesim_analysis.metrics.model_journal import Asked, Rates, calls_of, decisions_of

from .anchors import Anchor, Scale
from .board import Cell, Scores
from .plan import Entry, Plan, plan_of

if TYPE_CHECKING:
    from gamesim.run.record import Record
    from gamesim.scenario.scenario import Scenario


@dataclass(frozen=True)
class Ends:
    """A scale with its numbers."""

    scale: Scale
    zero: float
    one: float

    def score(self, values: FloatArray) -> FloatArray:
        return (values - self.zero) / (self.one - self.zero)


@dataclass(frozen=True)
class Shared:
    """What focal and background members of mixed company earned, society by society.

    ``focal`` and ``background`` are mean returns a seat, ``total`` the society's, shape (n,).
    """

    entry: Entry
    seeds: tuple[int, ...]
    focal: FloatArray
    background: FloatArray
    total: FloatArray
    seats: tuple[int, int]


class Results:
    """A record of kind bench, read once.

    Raises
    ------
    MetricError
        If the record is no bench, or an anchor was not played or cannot bear a scale.
    """

    def __init__(self, record: Record) -> None:
        from gamesim.scenario.resolve import resolve_data

        data = scenario_of(record)
        if data.get("kind") != "bench":
            raise MetricError("this run is no bench.", path="kind", hint="Played by: gamesim bench FILE.")
        self.record = record
        self.scenario: Scenario = resolve_data(data)
        self.plan: Plan = plan_of(self.scenario)
        self._columns: Mapping[str, AnyArray] = outcomes(record) if any(u.sealed for u in record.units) else {}
        self.ends = {name: self._ends(name, scale) for name, scale in self.plan.scales.items()}

    # ---- outcomes --------------------------------------------------------------------------------------------------

    def values(self, cell: int, column: str) -> dict[int, float]:
        """An outcome of every finished society of a cell, by seed; societies without a value are left out."""
        if not self._columns:
            return {}
        if column not in self._columns:
            known = sorted(
                c for c in self._columns if not c.startswith("return.") and numeric(self._columns[c]) is not None
            )
            raise MetricError(
                f"no outcome '{clean(column, 60)}'.", path="primary", hint=f"Outcomes: {', '.join(known[:20])}."
            )
        found = numeric(self._columns[column])
        if found is None:
            raise MetricError(f"outcome '{clean(column, 60)}' is no number.", path="primary")
        rows = np.flatnonzero((self._columns["cell"] == cell) & np.isfinite(found))
        return {int(self._columns["seed"][row]): float(found[row]) for row in rows}

    def _ends(self, name: str, scale: Scale) -> Ends:
        zero, one = (self._anchor(name, scale, anchor) for anchor in (scale.zero, scale.one))
        if abs(one - zero) <= 1e-9 * max(1.0, abs(one), abs(zero)):
            raise MetricError(
                f"both anchors of '{clean(name, 60)}' are {one:.6g}: nothing lies between '{scale.zero.text}' and '{scale.one.text}'.",
                path="anchors",
                hint="Score another outcome, or name other anchors.",
            )
        return Ends(scale, zero, one)

    def _anchor(self, name: str, scale: Scale, anchor: Anchor) -> float:
        if anchor.value is not None:
            return anchor.value
        (entry,) = [e for e in self.plan.find("anchor", name) if e.label == anchor.rule][:1]
        found = self.values(entry.cell, scale.column)
        if not found:
            raise MetricError(
                f"the anchor '{anchor.text}' of '{clean(name, 60)}' was not played to the end.", path="anchors"
            )
        return float(np.mean(list(found.values())))

    # ---- scores ----------------------------------------------------------------------------------------------------

    def table(self) -> dict[str, dict[str, Cell]]:
        """Scores of pure societies: player -> scenario -> cell; a cell without one finished society is left out."""
        table: dict[str, dict[str, Cell]] = {player.name: {} for player in self.plan.config.players}
        for name in self.plan.scales:
            for player in table:
                entries = self.plan.find("pure", name, player=player)
                scores = self.scores(entries)
                if scores and all(scores.values()):
                    table[player][name] = Cell(scores, self.lives(entries[0]))
        return table

    def scores(self, entries: Sequence[Entry]) -> Scores:
        """By wording and seed."""
        return {entry.wording: self.scored(entry) for entry in entries}

    def scored(self, entry: Entry) -> dict[int, float]:
        ends = self.ends[entry.scenario]
        found = self.values(entry.cell, ends.scale.column)
        return {seed: float(ends.score(np.array([value]))[0]) for seed, value in found.items()}

    def lives(self, entry: Entry) -> tuple[list[float], list[bool]] | None:
        """Lifetimes and whether the end was seen, where the scored outcome is one."""
        if not self.ends[entry.scenario].scale.survival or "censored" not in self._columns:
            return None
        times, censored = self.values(entry.cell, "T_s"), self.values(entry.cell, "censored")
        seeds = [seed for seed in sorted(times) if seed in censored]
        return [times[seed] for seed in seeds], [not censored[seed] for seed in seeds]

    def shared(self, entry: Entry) -> Shared:
        """Returns of focal and background members in a society of both."""
        from gamesim.run.seating import seat_members

        scenario = self.plan.cells[entry.cell].scenario
        assert scenario.environment is not None
        names = scenario.environment.seats()
        held = [numeric(self._columns[f"return.{i}"]) for i in range(len(names)) if f"return.{i}" in self._columns]
        returns = np.stack([column for column in held if column is not None], axis=1)
        rows = np.flatnonzero(self._columns["cell"] == entry.cell)
        rows = rows[np.isfinite(returns[rows]).all(axis=1)]
        seeds, focal, background = [], [], []
        counts = (0, 0)
        for row in rows:
            seed = int(self._columns["seed"][row])
            members = seat_members(
                scenario.population,
                names,
                scenario.seeds,
                seating=scenario.seating,
                episode=scenario.seeds.episode(seed),
            )
            tested = np.array([entry.focal[member] for member in members])
            counts = (int(tested.sum()), int((~tested).sum()))
            seeds.append(seed)
            focal.append(float(returns[row][tested].mean()))
            background.append(float(returns[row][~tested].mean()))
        return Shared(entry, tuple(seeds), np.array(focal), np.array(background), returns[rows].sum(axis=1), counts)

    # ---- answers ---------------------------------------------------------------------------------------------------

    def decisions(self, cells: set[int]) -> list[Asked]:
        """Decisions asked of models in these cells; nothing where only rules play."""
        try:
            return [decision for decision in decisions_of(self.record) if decision.cell in cells]
        except MetricError:
            return []

    def rates(self, cells: set[int]) -> Rates:
        return Rates.of(self.decisions(cells))

    def calls(self, cells: set[int]) -> list[Mapping[str, Any]]:
        try:
            return [call for call in calls_of(self.record) if call["cell"] in cells]
        except MetricError:
            return []

    def societies(self, cells: set[int]) -> int:
        """Finished societies of these cells."""
        if not self._columns:
            return 0
        return int(np.isin(self._columns["cell"], sorted(cells)).sum())

    def expected(self, cells: set[int]) -> int:
        return len(cells) * self.plan.config.seeds
