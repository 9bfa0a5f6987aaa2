"""Who did what: effort, harvest, wealth and fines by member of the population and by seat."""

from __future__ import annotations

from functools import cache

import numpy as np

from gamesim.core.arrays import FloatArray
from gamesim.core.errors import clean

from ..agents import Lives, lives, told_apart
from ..blocks import Block, Figure, Key, LazyRows, Panel, Section, Table, Value
from ..charts import FULL, HALF, Mark, dots
from ..numbers import Estimate, mean_interval, thinned
from ..study import Study
from .common import compares
from .commons_rounds import is_commons

_DRAWN = ("effort", "harvest a round", "wealth at the end", "fines received")
_MARKS = 24
_ROWS = 40


@compares
def section(study: Study) -> Section | None:
    found = lives(study) if is_commons(study) else None
    if found is None or not found.has("harvest", "lived"):
        return None
    blocks: list[Block] = []
    if found.members:
        blocks += _blocks(study, found, True)
    blocks += _blocks(study, found, False)
    return Section("who", "Who did what", tuple(blocks), order=600) if blocks else None


def _measures(found: Lives, by_member: bool) -> tuple[FloatArray, dict[str, FloatArray]]:
    """(condition, seed, who) of every group, and each measure of it, a seat counting once."""
    groups, inverse = found.groups(found.member if by_member else found.agent)
    seats = np.bincount(inverse, minlength=len(groups))
    total = {name: found.total(name, inverse) for name in found.sums}
    lived = np.maximum(total["lived"], 1)
    made = {}
    if "effort" in total:
        made["effort"] = total["effort"] / lived
    made["harvest a round"] = total["harvest"] / lived
    made["rounds lived"] = total["lived"] / seats
    for name, column in (
        ("wealth at the end", "wealth"),
        ("fines imposed", "fines_imposed"),
        ("fines received", "fines_paid"),
    ):
        if column in total:
            made[name] = total[column] / seats
    return groups, {name: values for name, values in made.items() if np.isfinite(values).any()}


def _blocks(study: Study, found: Lives, by_member: bool) -> list[Block]:
    who, title = ("member", "Member of the population") if by_member else ("agent", "Seat")
    people = told_apart(found.members) if by_member else [clean(p, 60) for p in found.agents]
    groups, measures = _measures(found, by_member)
    order = np.lexsort((groups[:, 2], groups[:, 0]))
    order = order[groups[order, 2] >= 0]
    edges = np.flatnonzero(np.any(np.diff(groups[order][:, [0, 2]], axis=0, prepend=-1), axis=1))
    entries = np.split(order, edges[1:]) if len(order) else []

    @cache
    def measured(place: int) -> dict[str, Estimate]:
        return {name: mean_interval(column[entries[place]]) for name, column in measures.items()}

    def of(place: int) -> tuple[str, int]:
        condition, _, person = groups[entries[place][0]].tolist()
        return study.name(condition), person

    def row(place: int) -> tuple[Value, ...]:
        condition, person = of(place)
        head: tuple[Value, ...] = (condition, people[person]) if study.several else (people[person],)
        return (*head, len(entries[place]), *measured(place).values())

    def mark(place: int, name: str) -> Mark:
        condition, person = of(place)
        label = (
            people[person]
            if not study.several
            else condition
            if len(people) == 1
            else f"{people[person]} · {condition}"
        )
        e = measured(place)[name]
        return Mark(label, e.value, e.low, e.high, person if by_member else 0)

    rows = LazyRows(len(entries), row)
    if not len(rows):
        return []
    shown = thinned(len(rows), _ROWS)
    heads = ("condition", who) if study.several else (who,)
    how = "mean over its seats, then over episodes" if by_member else "mean over episodes"
    about = f"{how.capitalize()}; brackets are 95 % intervals (Student's t over episodes), n is episodes."
    if len(shown) < len(rows):
        about += f" {len(shown)} of {len(rows):,} rows."
    table = Table(
        (*heads, "n", *measures),
        tuple(rows[i] for i in shown),
        f"{title}: all measures",
        about,
        header=len(heads),
        folded=not by_member,
        download=rows,
    )
    if not by_member and (study.several or len(people) > 12):
        return [table]  # too many dots to be a picture
    drawn = [name for name in _DRAWN if name in measures]
    kept = thinned(len(rows), _MARKS)
    few = f" {len(kept)} of {len(rows)} rows are drawn." if len(kept) < len(rows) else ""
    keys = (
        tuple(Key(i, p, "point") for i, p in enumerate(people))
        if by_member and len(people) > 1 and study.several
        else ()
    )
    size = HALF if len(drawn) > 1 else FULL
    alt = "; ".join(
        f"{m.label}: effort {m.value:.2f}" for m in (mark(i, "effort") for i in kept[:12] if "effort" in measures)
    )
    figure = Figure(
        f"{title}: effort, harvest, wealth and fines",
        f"{title}. {alt}.",
        f"Dots are means ({how}), bars their 95 % intervals (Student's t over episodes); n is in the table.{few}",
        tuple(Panel(dots([mark(i, name) for i in kept], name, size), name.capitalize()) for name in drawn),
        table,
        keys,
    )
    return [figure]
