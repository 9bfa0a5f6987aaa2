"""Who did what: effort, harvest, wealth and fines by member of the population and by seat."""

from __future__ import annotations

import numpy as np

from ..blocks import Block, Figure, Key, Panel, Section, Table, Value
from ..charts import NARROW, WIDE, Mark, dots
from ..numbers import mean_interval, thinned
from ..study import Columns, Study
from .common import compares
from .commons_rounds import is_commons

_MEASURES = {
    "effort": ("favg(effort)", "effort", "phase = 'harvest'"),
    "harvest a round": ("favg(harvest)", "harvest", "phase = 'harvest'"),
    "rounds lived": ("cast(count(*) as double) / count(distinct agent)", "harvest", "phase = 'harvest'"),
    "wealth at the end": ("favg(last_wealth)", "wealth", ""),
    "fines imposed": ("fsum(fines_imposed) / count(distinct agent)", "fines_imposed", "payoff is not null"),
    "fines received": ("fsum(fines_paid) / count(distinct agent)", "fines_paid", "payoff is not null"),
}
_ROWS = 24


@compares
def section(study: Study) -> Section | None:
    if not is_commons(study):
        return None
    blocks: list[Block] = []
    if study.has("member"):
        found = _sums(study, "member")
        if len(set(found["who"].tolist())) > 1 or not study.several:
            blocks += _blocks(
                study, found, "member", "Member of the population", "mean over its seats, then over episodes"
            )
    seats = _sums(study, "agent")
    blocks += _blocks(study, seats, "agent", "Seat", "mean over episodes")
    return Section("who", "Who did what", tuple(blocks), order=600) if blocks else None


def _sums(study: Study, who: str) -> Columns:
    """One row for each condition, episode and ``who``: all measures that the table has."""
    ctes, joins, names = [], [], []
    for number, (name, (sql, needs, where)) in enumerate(_MEASURES.items()):
        if not study.has(needs, "payoff"):
            continue
        column = f"m{number}"
        names.append((name, column))
        if name == "wealth at the end":
            source = (
                f"(select cell, seed, {who}, agent, arg_max(wealth, step) as last_wealth from steps where wealth is not null "
                f"group by cell, seed, {who}, agent)"
            )
        else:
            source = f"(select * from steps where {where})"
        ctes.append(
            f"t{number} as (select cell, seed, {who} as who, {sql} as {column} from {source} where {who} is not null group by cell, seed, {who})"
        )
        joins.append(f"t{number}")
    query = f"with {', '.join(ctes)} select * from {joins[0]} " + " ".join(
        f"left join {t} using (cell, seed, who)" for t in joins[1:]
    )
    found = study.query(f"{query} order by cell, seed, who")
    return {**found, "_names": np.array(names, dtype=object)}


def _blocks(study: Study, found: Columns, who: str, title: str, how: str) -> list[Block]:
    names = [(str(a), str(b)) for a, b in found["_names"].tolist()]
    people = sorted(set(found["who"].tolist()), key=_natural)
    rows: list[tuple[Value, ...]] = []
    marks: dict[str, list[Mark]] = {name: [] for name, _ in names}
    for condition in study.conditions:
        for place, person in enumerate(people):
            chosen = (found["condition"] == condition.index) & (found["who"] == person)
            if not chosen.any():
                continue
            values = [mean_interval(found[column][chosen].astype(float)) for _, column in names]
            head: tuple[Value, ...] = (condition.label, str(person)) if study.several else (str(person),)
            rows.append((*head, int(chosen.sum()), *values))
            label = f"{person} · {condition.label}" if study.several else str(person)
            for (name, _), e in zip(names, values, strict=True):
                marks[name].append(Mark(label, e.value, e.low, e.high, place if who == "member" else 0))
    if not rows:
        return []
    blocks: list[Block] = []
    drawn = [name for name in ("effort", "harvest a round", "wealth at the end") if name in marks]
    kept = thinned(len(rows), _ROWS)
    few = f" {len(kept)} of {len(rows)} rows are drawn; the table has more." if len(kept) < len(rows) else ""
    head_names = ("condition", who) if study.several else (who,)
    about = f"{how.capitalize()}; brackets are 95 % intervals (Student's t over episodes), n is episodes."
    shown = thinned(len(rows), 60)
    table = Table(
        (*head_names, "n", *(name for name, _ in names)), tuple(rows[i] for i in shown), f"{title}: all measures",
        about + (f" {len(shown)} of {len(rows)} rows; the download has all." if len(shown) < len(rows) else ""),
        header=len(head_names), folded=who != "member", download=tuple(rows),
    )  # fmt: skip
    if who == "agent" and (study.several or len(people) > 12):
        return [table]  # too many dots to be a picture
    panels = tuple(_panel([marks[name][i] for i in kept], name, len(drawn)) for name in drawn)
    keys = (
        tuple(Key(i, str(p), "point") for i, p in enumerate(people))
        if who == "member" and len(people) > 1 and study.several
        else ()
    )
    alt = "; ".join(f"{m.label}: effort {m.value:.2f}" for m in (marks.get("effort") or [])[:12])
    blocks.append(
        Figure(
            f"{title}: effort, harvest and wealth",
            f"{title}. {alt}.",
            f"Dots are means ({how}), bars their 95 % intervals (Student's t over episodes); n is in the table.{few}",
            panels,
            table,
            keys,
        )
    )
    return blocks


def _panel(marks: list[Mark], name: str, count: int) -> Panel:
    size = NARROW if count > 1 else WIDE
    return Panel(dots(marks, name, size, zero=False), name.capitalize())


def _natural(name: object) -> tuple[str, int]:
    text = str(name)
    stem = text.rstrip("0123456789")
    digits = text[len(stem) :]
    return stem, int(digits[-9:]) if digits else -1
