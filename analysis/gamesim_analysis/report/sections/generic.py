"""What any environment has: returns by member and seat, population against population, actions over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gamesim.core.errors import GamesimError, clean
from gamesim.core.registry import build

from ..agents import lives, told_apart
from ..blocks import Block, Figure, Panel, Section, Table, Value
from ..charts import FULL, PHONE, Mark, dots, heat
from ..numbers import Estimate, count, mean_interval, number, thinned
from ..study import Columns, Study
from .common import compares, over_time, sample_of_conditions

_ROWS = 24
_CATEGORIES = 8


@compares
def returns(study: Study) -> Section | None:
    """Returns by member of the population, or by seat where members are not known."""
    if not study.n_episodes:
        return None
    blocks: list[Block] = []
    found = lives(study)
    if found is not None and found.members and found.has("reward"):
        groups, inverse = found.groups(found.member)
        values = found.total("reward", inverse) / np.bincount(inverse, minlength=len(groups))
        mine = {"condition": groups[:, 0], "who": groups[:, 2], "value": values}
        names = told_apart(found.members)
        blocks.append(
            _dots(study, mine, names, "member", "Return by member of the population", "its mean over the seats it held")
        )
    if study.returns.size:
        size, seats = study.returns.shape
        by = {
            "condition": np.repeat(study.episodes["condition"], seats),
            "who": np.tile(np.arange(seats), size),
            "value": study.returns.ravel(),
        }
        by_seat = _dots(study, by, _seats(study), "seat", "Return by seat", "the sum of its rewards over the episode")
        if blocks and isinstance(by_seat, Figure):
            by_seat = replace(by_seat.table, title="Return by seat", folded=True)
        blocks.append(by_seat)
    if not blocks:
        return None
    return Section("returns", "What each earned", tuple(blocks), order=650)


def _seats(study: Study) -> list[str]:
    names = study.seats
    if all(name.isdigit() for name in names):  # returns by number: the names stand in the scenario's environment
        try:
            config = build("environments", study.scenarios[0]["environment"])
            known = [str(seat) for seat in config.seats()]
        except (GamesimError, KeyError, TypeError, ValueError):
            known = []
        names = known if len(known) == len(names) else [f"seat {int(name) + 1}" for name in names]
    return [clean(name, 60) for name in names]


def _dots(study: Study, found: Columns, people: Sequence[str], who: str, title: str, what: str) -> Figure | Table:
    rows: list[tuple[Value, ...]] = []
    marks: list[Mark] = []
    for condition in study.conditions:
        for place, person in enumerate(people):
            values = found["value"][(found["condition"] == condition.index) & (found["who"] == place)]
            e = mean_interval(values)
            if not e.n:
                continue
            rows.append((condition.label, person, e.n, e) if study.several else (person, e.n, e))
            label = f"{person} · {condition.label}" if study.several else person
            marks.append(Mark(label, e.value, e.low, e.high, place % 8 if who == "member" else 0))
    head = ("condition", who) if study.several else (who,)
    shown = thinned(len(rows), 60)
    about = (
        f"Mean return of an episode, {what}; brackets are 95 % intervals (Student's t over episodes), n is episodes."
    )
    table = Table(
        (*head, "n", "return"), tuple(rows[i] for i in shown), title,
        about + (f" {len(shown)} of {len(rows)} rows." if len(shown) < len(rows) else ""), header=len(head), download=tuple(rows),
    )  # fmt: skip
    if len(marks) > 3 * _ROWS:
        return table
    kept = [marks[i] for i in thinned(len(marks), _ROWS)]
    panel = [dots(kept, "return of an episode", size) for size in (FULL, PHONE)]
    alt = f"{title}. " + "; ".join(f"{m.label}: {number(m.value)}" for m in kept[:12]) + "."
    caption = f"Dots are means over episodes of {what}, bars 95 % intervals (Student's t)." + (
        f" {len(kept)} of {len(marks)} are drawn." if len(kept) < len(marks) else ""
    )
    return Figure(title, alt, caption, (Panel(panel[0], narrow=panel[1]),), table)


@compares
def cross_table(study: Study) -> Section | None:
    """Population against population: what a member earned by who else sat at the table."""
    found = lives(study)
    if found is None or len(found.members) < 2 or not found.has("reward") or len(study.records) > 1:
        return None
    groups, inverse = found.groups(found.member)
    seats = np.bincount(inverse, minlength=len(groups))
    value = found.total("reward", inverse) / seats
    episodes, episode = np.unique(groups[:, :2], axis=0, return_inverse=True)
    shape = (len(episodes), len(found.members))
    earned, held = np.full(shape, np.nan), np.zeros(shape)
    known = groups[:, 2] >= 0
    earned[episode.reshape(-1)[known], groups[known, 2]] = value[known]
    held[episode.reshape(-1)[known], groups[known, 2]] = seats[known]
    alone = (held > 0).sum(axis=1) == 1
    members = list(range(len(found.members)))[:12]
    people = told_apart(found.members)[:12]
    at: dict[tuple[str, str], Estimate] = {}
    for one in members:
        for other in members:
            # The diagonal is a population that met only itself, with at least two seats.
            met = alone & (held[:, one] > 1) if one == other else (held[:, one] > 0) & (held[:, other] > 0)
            if met.any():
                at[people[one], people[other]] = mean_interval(earned[met, one])
    if not at:
        return None
    values = np.array([[at[a, b].value if (a, b) in at else np.nan for b in people] for a in people])
    rows: tuple[tuple[Value, ...], ...] = tuple((a, *(at.get((a, b)) for b in people)) for a in people)
    numbers: tuple[tuple[Value, ...], ...] = tuple((a, b, e.n, e) for (a, b), e in at.items())
    digits = 0 if np.nanmax(np.abs(values)) >= 100 else 1 if np.nanmax(np.abs(values)) >= 10 else 2
    panel = [heat(values, people, people, size, digits=digits) for size in (FULL, PHONE)]
    few = min(e.n for e in at.values())
    caption = (
        "Mean return of the row's member in episodes in which the column's member sat at the table too, per seat; deeper tint is more. "
        f"Each cell rests on at least {count(few, 'episode')}; empty cells never met. The diagonal is a population that met only itself."
    )
    figure = Figure(
        "Population against population", "Mean return of each member against each other. " + "; ".join(f"{a} with {b}: {e}" for (a, b), e in list(at.items())[:12]) + ".",
        caption, (Panel(panel[0], narrow=panel[1]),),
        Table(("member", *people), rows, about="Mean return [95 %, Student's t over episodes]; n stands in the download.", download=numbers, download_columns=("member", "with", "n", "return")),
    )  # fmt: skip
    return Section("cross-table", "Population against population", (figure,), order=670)


@compares
def actions(study: Study) -> Section | None:
    """Actions over time: means where they are numbers, shares where they are few."""
    if not study.has("action", "phase", "step") or study.has("harvest", "stock", "round"):
        return None
    blocks: list[Block] = []
    phases = study.query(
        "select phase, count(*) as n, count(distinct action) as kinds, count(try_cast(action as double)) as numbers from steps group by phase order by phase"
    )
    for phase in dict.fromkeys(phases["phase"].tolist()):
        mine = phases["phase"] == phase
        kinds, numbers = int(phases["kinds"][mine].max()), float(phases["numbers"][mine].sum())
        if not numbers and not kinds:
            continue
        name = clean(phase) if phase else "play"
        where = "phase is null" if phase is None else "phase = " + _literal(str(phase))
        if kinds <= _CATEGORIES:
            block = _shares(study, where, name)
        elif numbers:
            block = _means(study, where, name)
        else:
            block = _commonest(study, where, name)
        if block is not None:
            blocks.append(block)
    return Section("actions", "What they did over time", tuple(blocks), order=600) if blocks else None


def _means(study: Study, where: str, name: str) -> Block | None:
    found = study.query(
        f"with e as (select cell, seed, step, favg(try_cast(action as double)) as action from steps where {where} group by cell, seed, step) "
        "select cell, step, favg(action) as action, stddev_samp(action) as action_sd, count(action) as action_n from e group by cell, step order by cell, step"
    )
    return over_time(
        study,
        found,
        "action",
        title=f"Mean action in phase “{name}”",
        y="action",
        x="step",
        domain=(None, None),
        meaning="Mean action of those who moved.",
    )


def _shares(study: Study, where: str, name: str) -> Block | None:
    """Share of each action among all moves of a step, over all conditions drawn together or for a few."""
    found = study.query(
        f"with k as (select distinct cast(action as varchar) as kind from steps where {where} and action is not null), "
        f"e as (select cell, seed, step, cast(action as varchar) as kind, count(*) as n from steps where {where} and action is not null group by all), "
        "t as (select cell, seed, step, sum(n) as total from e group by all), "
        "s as (select t.cell, t.seed, t.step, k.kind, coalesce(e.n, 0) / t.total as share from t cross join k left join e "
        "on e.cell = t.cell and e.seed = t.seed and e.step = t.step and e.kind = k.kind) "
        "select cell, step, kind, favg(share) as share, stddev_samp(share) as share_sd, count(share) as share_n from s group by cell, step, kind order by cell, kind, step"
    )
    if not len(found["condition"]):
        return None
    kinds = sorted(set(map(str, found["kind"].tolist())))
    shown = sample_of_conditions(study, 3)
    names = [
        f"{clean(kind, 40)} · {study.name(i)}" if study.several else clean(kind, 40) for i in shown for kind in kinds
    ]
    group = np.full(len(found["step"]), -1)
    for place, index in enumerate(shown):
        for at, kind in enumerate(kinds):
            group[(found["condition"] == index) & (found["kind"].astype(str) == kind)] = place * len(kinds) + at
    kept = group >= 0
    columns = {key: values[kept] for key, values in found.items()} | {"action": group[kept]}
    return over_time(
        study, columns, "share", title=f"Actions in phase “{name}”", y="share of moves", x="step", domain=(0.0, 1.0), group="action", names=names,
        meaning="Share of each action among the moves of a step.",
    )  # fmt: skip


def _commonest(study: Study, where: str, name: str) -> Block | None:
    found = study.query(
        f"select cast(action as varchar) as kind, count(*) as n from steps where {where} and action is not null group by kind order by n desc, kind limit 30"
    )
    if not len(found["kind"]):
        return None
    rows = tuple((clean(k, 200), int(n)) for k, n in zip(found["kind"].tolist(), found["n"].tolist(), strict=True))
    return Table(
        ("action", "times"),
        rows,
        f"Commonest actions in phase “{name}”",
        "The 30 commonest; n is moves over all episodes.",
    )


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
