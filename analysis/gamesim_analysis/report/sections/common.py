"""What several sections share: which conditions a figure shows, curves over time, their tables and captions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from gamesim.core.arrays import AnyArray, FloatArray

from ..blocks import Figure, Key, LazyRows, Panel, Section, Table, Value
from ..charts import MIDDLE, NARROW, PANEL, WIDE, Series, curves, points
from ..numbers import Estimate, moments, number, thinned
from ..study import Columns, Study, short_names, worded
from ..study import shown as shown_value

Made = TypeVar("Made", bound=Callable[[Study], Section | None])

OVERLAID = 3  # conditions that one drawing holds legibly with their bands
PANELS = 9
CURVES = 16  # in one figure
LEAST, RARE = 3, 0.1  # episodes, and their share, below which a mean over survivors is not drawn
LINES = 5  # in one of several drawings
PAIRED = (2, 4)  # drawings that stand two beside one another; others three
ROWS = 16  # of a table over time
COLUMNS = 8

BRACKETS = "Brackets are 95 % intervals: Student's t for means, Wilson's for shares, over episodes."


def compares(function: Made) -> Made:
    """Marks a section that takes a study of several records whole."""
    function.compares = True  # type: ignore[attr-defined]
    return function


def sample_of_conditions(study: Study, most: int = PANELS) -> list[int]:
    """Up to ``most`` conditions, evenly spread over their order."""
    return [study.conditions[i].index for i in thinned(len(study.conditions), most)]


def left_out(study: Study, shown: Sequence[int]) -> str:
    total = len(study.conditions)
    return f" {len(shown)} of {total} conditions are drawn, evenly spread over the sweep." if len(shown) < total else ""


@dataclass(frozen=True)
class Facet:
    """One drawing of several: its title and its curves as (colour number, condition)."""

    title: str
    members: tuple[tuple[int, int], ...]


def arranged(study: Study, present: Sequence[int]) -> tuple[list[Facet], tuple[Key, ...]]:
    """Where curves go: few share one drawing; a grid of two or more axes has the levels of one axis as its curves and a
    drawing for each combination of the others; anything else is small multiples, a sample of them where there are many."""
    if len(present) <= OVERLAID:
        return plain(present, [c.label for c in study.conditions])
    conditions = [study.conditions[i] for i in present]
    paths = list(conditions[0].values)
    levels = {p: list(dict.fromkeys(shown_value(c.values[p]) for c in conditions)) for p in paths}
    full = np.prod([len(v) for v in levels.values()]) == len(conditions) if paths else False
    fits = [p for p in paths if 2 <= len(levels[p]) <= LINES] or [p for p in paths if len(levels[p]) > LINES]
    if not full or len(paths) < 2 or not fits:
        return plain(present, [c.label for c in study.conditions])
    axis = max(fits, key=lambda p: (len(levels[p]), p))
    titles = short_names(paths)
    levels[axis] = [levels[axis][i] for i in thinned(len(levels[axis]), LINES if len(levels[axis]) <= LINES else 4)]
    groups: dict[str, list[tuple[int, int]]] = {}
    for c in conditions:
        title = ", ".join(worded(p, titles[p], c.values[p]) for p in paths if p != axis)
        if shown_value(c.values[axis]) not in levels[axis]:
            continue
        groups.setdefault(title, []).append((levels[axis].index(shown_value(c.values[axis])), c.index))
    first = {shown_value(c.values[axis]): c.values[axis] for c in reversed(conditions)}
    keys = tuple(Key(i, worded(axis, titles[axis], first[level])) for i, level in enumerate(levels[axis]))
    facets = [Facet(title, tuple(sorted(members))) for title, members in groups.items()]
    return [facets[i] for i in thinned(len(facets), max(4, min(PANELS, CURVES // len(keys))))], keys


def plain(present: Sequence[int], label: Sequence[str]) -> tuple[list[Facet], tuple[Key, ...]]:
    """One drawing for up to three curves, small multiples for more."""
    shown = [present[i] for i in thinned(len(present), PANELS)]
    if len(shown) > OVERLAID:
        return [Facet(label[i], ((0, i),)) for i in shown], ()
    keys = tuple(Key(place, label[i]) for place, i in enumerate(shown)) if len(shown) > 1 else ()
    return [Facet("", tuple(enumerate(shown)))], keys


def spread(columns: Columns, measure: str) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Mean and band of columns ``x``, ``x_sd``, ``x_n``."""
    return moments(columns[measure], columns[f"{measure}_sd"], columns[f"{measure}_n"])


def over_time(
    study: Study,
    columns: Columns,
    measure: str,
    *,
    title: str,
    y: str,
    meaning: str,
    x: str = "round",
    domain: tuple[float | None, float | None] = (0.0, None),
    references: Sequence[tuple[float, str]] = (),
    marks: Sequence[tuple[float, str]] = (),
    over: str = "episodes still playing",
    group: str = "condition",
    names: Sequence[str] | None = None,
) -> Figure | None:
    """A figure of means over time with bands: one drawing for up to three conditions, small multiples for more.

    Parameters
    ----------
    columns : ``group``, ``x`` and ``measure`` with its ``_sd`` and ``_n``; one row for each pair.
    meaning : what the measure is, as the caption's first sentence.
    names : labels of groups, where they are not conditions.
    """
    mean, low, high = spread(columns, measure)
    known = np.isfinite(mean)
    if not known.any():
        return None
    counts = columns[f"{measure}_n"]
    most_n = {one: float(counts[known & (columns[group] == one)].max()) for one in set(columns[group][known].tolist())}
    enough = known & (
        counts >= [min(max(LEAST, RARE * most_n.get(g, 0.0)), most_n.get(g, 0.0)) for g in columns[group].tolist()]
    )
    present = sorted(set(columns[group][known].astype(int).tolist()))
    label = [study.name(i) for i in range(len(study.conditions))] if names is None else list(names)
    facets, keys = arranged(study, present) if names is None else plain(present, label)
    shown = [one for facet in facets for _, one in facet.members]
    lines = {}
    for one in shown:
        rows = np.flatnonzero(enough & (columns[group] == one))
        rows = rows[np.argsort(columns[x][rows], kind="stable")]
        lines[one] = Series(0, columns[x][rows], mean[rows], low[rows], high[rows])
    panels = drawn(lines, facets, x, y, domain, references=references, marks=marks)
    fewer = f" {len(shown)} of {len(present)} are drawn, evenly spread." if len(shown) < len(present) else ""
    if (known & ~enough).any():
        fewer += f" Points that rest on fewer than {LEAST} episodes, or a tenth of all, are left out of the drawing; the table has them."
    longest = max(int(np.sum(known & (columns[group] == one))) for one in shown)
    most = points(WIDE if len(facets) == 1 else MIDDLE if len(facets) in PAIRED else PANEL)
    cut = f" Curves of {longest:,} points are drawn with {most}." if longest > most else ""
    caption = f"{meaning} Lines are means over {over}, bands their 95 % intervals (Student's t); n is {_counts(columns, measure)}.{fewer}{cut}"
    table = _time_table(study, columns, measure, (mean, low, high), shown[:COLUMNS], label, x, group, known, over)
    return Figure(
        title, _alt(title, [lines[i] for i in shown], [label[i] for i in shown], x), caption, panels, table, keys
    )


def drawn(
    lines: Mapping[int, Series],
    facets: Sequence[Facet],
    x: str,
    y: str,
    domain: tuple[float | None, float | None],
    *,
    stepped: bool = False,
    references: Sequence[tuple[float, str]] = (),
    marks: Sequence[tuple[float, str]] = (),
) -> tuple[Panel, ...]:
    """Curves in their facets, on one scale so that the eye may compare."""
    if len(facets) > 1:
        ends = [np.asarray(v, dtype=float) for s in lines.values() for v in (s.y, s.low, s.high) if v is not None]
        every = np.concatenate([*ends, [value for value, _ in references]])
        every = every[np.isfinite(every)]
        low, high = float(every.min(initial=np.inf)), float(every.max(initial=-np.inf))
        low, high = (low, high) if low < high else (low - 0.5, low + 0.5)
        domain = (low if domain[0] is None else domain[0], high if domain[1] is None else domain[1])
    panels = []
    for facet in facets:
        held = [replace(lines[one], index=place) for place, one in facet.members if one in lines]
        if not held:
            continue
        sizes = (WIDE, NARROW) if len(facets) == 1 else (MIDDLE, None) if len(facets) in PAIRED else (PANEL, None)
        wide, narrow = (
            None
            if size is None
            else curves(held, x, y, size, stepped=stepped, domain=domain, references=references, marks=marks)
            for size in sizes
        )
        panels.append(Panel(wide or {}, facet.title, narrow))
    return tuple(panels)


def _time_table(
    study: Study,
    columns: Columns,
    measure: str,
    band: tuple[FloatArray, FloatArray, FloatArray],
    shown: Sequence[int],
    label: Sequence[str],
    x: str,
    group: str,
    known: AnyArray,
    over: str,
) -> Table:
    mean, low, high = band
    n = np.nan_to_num(columns[f"{measure}_n"]).astype(int)
    order = np.flatnonzero(known)
    order = order[np.lexsort((columns[x][order], columns[group][order]))]
    places = {(int(columns[group][row]), float(columns[x][row])): int(row) for row in order}

    def estimate(row: int | None) -> Estimate | None:
        return None if row is None else Estimate(float(mean[row]), float(low[row]), float(high[row]), int(n[row]))

    times = sorted({time for one, time in places if one in set(shown)})
    some = [times[i] for i in thinned(len(times), ROWS)]
    rows: list[tuple[Value, ...]] = [
        (_whole(time), *(estimate(places.get((one, time))) for one in shown)) for time in some
    ]
    heads: tuple[str, ...] = (group,)

    def key(one: int) -> tuple[Value, ...]:
        return (label[one],)

    if group == "condition" and study.conditions[0].values and len(study.records) == 1:
        heads = tuple(short_names(list(study.conditions[0].values)).values())

        def key(one: int) -> tuple[Value, ...]:
            return tuple(
                v if isinstance(v, (int, float, str)) else shown_value(v) for v in study.conditions[one].values.values()
            )

    def saved(place: int) -> tuple[Value, ...]:
        row = int(order[place])
        return (*key(int(columns[group][row])), _whole(float(columns[x][row])), estimate(row))

    groups = len({one for one, _ in places})
    about = f"Mean [95 % interval] over {over}; n is {_counts(columns, measure)} and stands in the download."
    if len(shown) < groups:
        about += f" {len(shown)} of {groups} conditions are in the table."
    if len(some) < len(times):
        about += f" {len(some)} of {len(times):,} points in time."
    return Table(
        (x, *(label[i] for i in shown)),
        tuple(rows),
        about=about,
        download=LazyRows(len(order), saved),
        download_columns=(*heads, x, measure),
    )


def _counts(columns: Columns, measure: str) -> str:
    n = columns[f"{measure}_n"]
    n = n[np.isfinite(n) & (n > 0)]
    low, high = int(n.min(initial=0 if not n.size else int(n[0]))), int(n.max(initial=0))
    return number(high) if low == high else f"{number(low)} to {number(high)}"


def _alt(title: str, lines: Sequence[Series], names: Sequence[str], x: str) -> str:
    parts = []
    for line, name in zip(lines, names, strict=True):
        xs, ys = np.asarray(line.x, dtype=float), np.asarray(line.y, dtype=float)
        if len(ys):
            parts.append(
                f"{name}: {number(float(ys[0]))} at {x} {number(_whole(float(xs[0])))}, {number(float(ys[-1]))} at {x} {number(_whole(float(xs[-1])))}"
            )
    return f"{title}. {'; '.join(parts)}."


def _whole(value: float) -> int | float:
    return int(value) if value == int(value) else value


def estimates(study: Study, name: str) -> list[Estimate]:
    """Mean of an outcome with its interval, by condition."""
    from ..numbers import mean_interval

    return [mean_interval(study.measure(name, c.index)) for c in study.conditions]


def by_condition(study: Study, measures: Mapping[str, Sequence[Value]], title: str, about: str) -> Table:
    """A table with a row a condition: swept values, then the measures."""
    paths = list(study.conditions[0].values)
    names = short_names(paths)
    distinct = paths and len({tuple(shown_value(v) for v in c.values.values()) for c in study.conditions}) == len(
        study.conditions
    )
    if distinct:
        head = tuple(names[p] for p in paths)
        keys: list[tuple[Value, ...]] = [tuple(shown_value(c.values[p]) for p in paths) for c in study.conditions]
    else:
        head, keys = ("condition",), [(c.label,) for c in study.conditions]
    rows = [(*key, *(values[i] for values in measures.values())) for i, key in enumerate(keys)]
    kept = [rows[i] for i in thinned(len(rows), 80)]
    if len(kept) < len(rows):
        about += f" {len(kept)} of {len(rows)} conditions are shown."
    return Table((*head, *measures), tuple(kept), title, about, header=len(head), download=tuple(rows))
