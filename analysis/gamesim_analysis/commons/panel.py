"""A commons record as arrays: episodes x rounds x agents, NaN where nothing was played.

Built from the step table alone, so it serves our own runs and imported logs alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gamesim.core.arrays import AnyArray, BoolArray, FloatArray, IntArray
from gamesim.core.errors import MetricError
from gamesim_analysis.metrics.cells import once

if TYPE_CHECKING:
    from gamesim.run.record import Record

BY_AGENT = ("effort", "harvest", "payoff", "fines_paid", "proposal", "ballot")
BY_ROUND = ("stock", "norm", "norm_next")
MOST_ENTRIES = 10_000_000  # episodes x rounds x agents: 80 MB a column


@dataclass(frozen=True)
class Panel:
    """Rounds of many episodes.

    Attributes
    ----------
    cell, seed : shape (E,), which episode.
    agents : names of the N seats, in seat order.
    member : shape (E, N), label of who sits there; empty text where unknown.
    values : column -> (E, T, N) for what agents do, (E, T) for what the society is. A column that the record lacks is all NaN.
    """

    cell: IntArray
    seed: IntArray
    agents: tuple[str, ...]
    member: AnyArray
    values: Mapping[str, FloatArray]

    def __getitem__(self, name: str) -> FloatArray:
        return self.values[name]

    @property
    def episodes(self) -> int:
        return len(self.cell)

    @property
    def there(self) -> BoolArray:
        """(E, T, N), whether the agent lived to harvest in that round."""
        there: BoolArray = np.isfinite(self["harvest"])
        return there

    @property
    def rounds(self) -> IntArray:
        """(E,), rounds played."""
        played: IntArray = self.there.any(axis=2).sum(axis=1).astype(np.int64)
        return played

    def keys(self) -> dict[str, AnyArray]:
        """The first columns of an episode table."""
        return {"cell": self.cell, "seed": self.seed}

    def of_cell(self, cell: int) -> Panel:
        """The episodes of one cell of the sweep."""
        mask = self.cell == cell
        values = {name: array[mask] for name, array in self.values.items()}
        return Panel(self.cell[mask], self.seed[mask], self.agents, self.member[mask], values)


def panel_of(record: Record) -> Panel:
    """The panel of a record.

    Raises
    ------
    MetricError
        If the record keeps no step table, or none with a harvest in it.
    """
    return once(record, "panel", lambda: _read(record))


def _read(record: Record) -> Panel:
    held = list(record.sql("SELECT * FROM steps LIMIT 0").columns)
    wanted = [
        name
        for name in ("cell", "seed", "step", "phase", "agent", "member", "round", *BY_AGENT, *BY_ROUND)
        if name in held
    ]
    columns = record.steps(wanted).fetch()
    if len(columns.get("step", ())) == 0:
        raise MetricError(
            "this record keeps outcomes only, and the measure needs every step.",
            path="record.steps",
            hint="Run with record.steps: all.",
        )
    if "harvest" not in columns:
        raise MetricError("no harvest was recorded; the measure is for commons societies.", path="environment.kind")
    return panel(columns)


def panel(columns: Mapping[str, Any], agents: Sequence[str] | None = None) -> Panel:
    """A panel from step columns (``cell``, ``seed``, ``step``, ``phase``, ``agent`` and the environment's facts), in any order.

    Parameters
    ----------
    columns : equal lengths; ``cell`` may be absent (one cell), and ``seed`` may be called ``row``.
    agents : the seats in order; by default those of the table, sorted by the number at the end of their name.
    """
    step = np.asarray(columns["step"], dtype=np.int64)
    seed = np.asarray(columns["seed"] if "seed" in columns else columns["row"], dtype=np.int64)
    cell = np.asarray(columns["cell"], dtype=np.int64) if "cell" in columns else np.zeros(len(step), dtype=np.int64)
    names = [str(item) for item in np.asarray(columns["agent"]).tolist()]
    seats = tuple(agents) if agents is not None else tuple(sorted(set(names), key=_natural))

    place = {seat: index for index, seat in enumerate(seats)}
    agent = np.fromiter((place[item] for item in names), np.int64, len(names))
    width = int(seed.max(initial=0)) + 1
    codes, episode = np.unique(cell * width + seed, return_inverse=True)  # one number a pair sorts much faster
    pairs = np.stack([codes // width, codes % width], axis=1)
    rounds = _rounds(
        episode,
        step,
        np.asarray(np.asarray(columns["phase"], dtype=object) == "harvest", dtype=bool),
        columns.get("round"),
    )
    shape = (len(pairs), int(rounds.max(initial=0)), len(seats))
    if shape[0] * shape[1] * shape[2] > MOST_ENTRIES:
        raise MetricError(
            f"{shape[0]} episodes x {shape[1]} rounds x {shape[2]} agents are too many to hold at once.",
            path="replicates",
            hint=f"At most {MOST_ENTRIES:,} entries; ask the step table in SQL instead.",
        )
    playing = rounds > 0
    at = (episode[playing], rounds[playing] - 1, agent[playing])

    values: dict[str, FloatArray] = {}
    for column in BY_AGENT + BY_ROUND:
        filled = np.full(shape if column in BY_AGENT else shape[:2], np.nan)
        if column in columns:
            given = np.ma.filled(np.ma.asarray(columns[column]).astype(np.float64), np.nan)[playing]
            said = np.isfinite(given)
            filled[tuple(index[said] for index in (at if column in BY_AGENT else at[:2]))] = given[said]
        values[column] = filled
    member = np.full((shape[0], shape[2]), "", dtype=object)
    if "member" in columns:
        member[episode, agent] = np.asarray(columns["member"], dtype=object)
    return Panel(pairs[:, 0], pairs[:, 1], seats, member, values)


def _rounds(episode: IntArray, step: IntArray, harvest: AnyArray, given: Any) -> IntArray:
    """The 1-based round of every row: what its episode's last harvest row up to that step says."""
    own = np.full(len(step), np.nan) if given is None else np.ma.filled(np.ma.asarray(given).astype(np.float64), np.nan)
    if given is None or not np.isfinite(own[harvest]).all():
        raise MetricError("the harvest rows do not say which round they belong to.", path="steps.round")
    order = np.lexsort((~harvest, step, episode))  # harvest rows first within a step
    known = np.where(harvest, own, 0.0)[order]
    length = int(own[harvest].max(initial=0)) + 1
    lifted = (
        np.maximum.accumulate(known + episode[order] * length) - episode[order] * length
    )  # restarts at each episode
    rounds = np.empty(len(step), dtype=np.int64)
    rounds[order] = np.maximum(lifted, 0).astype(np.int64)
    return rounds


def _natural(name: str) -> tuple[str, int]:
    stem = name.rstrip("0123456789")
    return stem, int(name[len(stem) :] or -1)
