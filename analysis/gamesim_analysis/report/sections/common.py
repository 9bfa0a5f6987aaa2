"""What several sections share: which conditions a figure shows, curves over time, their tables and captions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from gamesim.core.arrays import AnyArray, FloatArray

from ..blocks import Figure, Key, Panel, Section, Table, Value
from ..charts import NARROW, PANEL, WIDE, Series, curves
from ..numbers import Estimate, moments, number, thinned
from ..study import Columns, Study

Made = TypeVar("Made", bound=Callable[[Study], Section | None])

OVERLAID = 3  # conditions that one drawing holds legibly with their bands
PANELS = 9
POINTS = 120  # of a curve
ROWS = 16  # of a table over time
DOWNLOAD = 1200

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
    return (
        f" {len(shown)} of {total} conditions are drawn, evenly spread over the sweep; the download has all."
        if len(shown) < total
        else ""
    )


def legend(study: Study, shown: Sequence[int]) -> tuple[Key, ...]:
    return tuple(Key(place, study.name(i)) for place, i in enumerate(shown)) if len(shown) > 1 else ()


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
    present = sorted(set(columns[group][known].astype(int).tolist()))
    shown = [present[i] for i in thinned(len(present), PANELS)]
    label = [study.name(i) for i in range(len(study.conditions))] if names is None else list(names)
    lines = []
    for place, one in enumerate(shown):
        rows = np.flatnonzero(known & (columns[group] == one))
        rows = rows[np.argsort(columns[x][rows], kind="stable")]
        rows = rows[thinned(len(rows), POINTS)]
        lines.append(Series(place, columns[x][rows], mean[rows], low[rows], high[rows]))
    panels, keys = _panels(lines, [label[i] for i in shown], x, y, mean[known], domain, references, marks)
    fewer = (
        f" {len(shown)} of {len(present)} are drawn, evenly spread; the table and the download have the same."
        if len(shown) < len(present)
        else ""
    )
    longest = max(int(np.sum(known & (columns[group] == one))) for one in shown)
    cut = f" Curves of {longest:,} points are drawn with {POINTS}." if longest > POINTS else ""
    caption = f"{meaning} Lines are means over {over}, bands their 95 % intervals (Student's t); n is {_counts(columns, measure)}.{fewer}{cut}"
    table = _time_table(columns, measure, (mean, low, high), shown, label, x, group, known, over)
    return Figure(title, _alt(title, lines, [label[i] for i in shown], x), caption, panels, table, keys)


def _panels(
    lines: Sequence[Series],
    names: Sequence[str],
    x: str,
    y: str,
    values: AnyArray,
    domain: tuple[float | None, float | None],
    references: Sequence[tuple[float, str]],
    marks: Sequence[tuple[float, str]],
) -> tuple[tuple[Panel, ...], tuple[Key, ...]]:
    if len(lines) <= OVERLAID:
        draw = [curves(lines, x, y, size, domain=domain, references=references, marks=marks) for size in (WIDE, NARROW)]
        keys = tuple(Key(line.index, name) for line, name in zip(lines, names, strict=True)) if len(lines) > 1 else ()
        return (Panel(draw[0], narrow=draw[1]),), keys
    tops = [np.nanmax(np.where(np.isfinite(line.high), line.high, line.y)) for line in lines]  # type: ignore[arg-type]
    floor = domain[0] if domain[0] is not None else float(np.nanmin(values))
    top = domain[1] if domain[1] is not None else max(float(max(tops)), *(v for v, _ in references), floor + 1e-9)
    same = (floor, top)  # one scale, so that the eye may compare panels
    return tuple(
        Panel(
            curves([Series(0, s.x, s.y, s.low, s.high)], x, y, PANEL, domain=same, references=references, marks=marks),
            name,
        )
        for s, name in zip(lines, names, strict=True)
    ), ()


def _time_table(
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
    at: dict[tuple[int, float], Estimate] = {}
    for row in np.flatnonzero(known):
        at[int(columns[group][row]), float(columns[x][row])] = Estimate(
            float(mean[row]), float(low[row]), float(high[row]), int(n[row])
        )
    times = sorted({time for one, time in at if one in set(shown)})
    some = [times[i] for i in thinned(len(times), ROWS)]
    rows: list[tuple[Value, ...]] = [(_whole(time), *(at.get((one, time)) for one in shown)) for time in some]
    keys = sorted(at)
    kept = [keys[i] for i in thinned(len(keys), DOWNLOAD)]
    about = f"Mean [95 % interval] over {over}; n is {_counts(columns, measure)} and stands in the download."
    if len(some) < len(times):
        about += f" {len(some)} of {len(times):,} points in time."
    if len(kept) < len(keys):
        about += f" The download has {len(kept):,} of {len(keys):,} rows."
    return Table(
        (x, *(label[i] for i in shown)),
        tuple(rows),
        about=about,
        download=tuple((label[one], _whole(time), at[one, time]) for one, time in kept),
        download_columns=(group, x, measure),
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
    from ..study import short_names, shown

    paths = list(study.conditions[0].values)
    names = short_names(paths)
    plain = paths and len({tuple(shown(v) for v in c.values.values()) for c in study.conditions}) == len(
        study.conditions
    )
    if plain:
        head = tuple(names[p] for p in paths)
        keys: list[tuple[Value, ...]] = [tuple(shown(c.values[p]) for p in paths) for c in study.conditions]
    else:
        head, keys = ("condition",), [(c.label,) for c in study.conditions]
    rows = [(*key, *(values[i] for values in measures.values())) for i, key in enumerate(keys)]
    kept = [rows[i] for i in thinned(len(rows), 80)]
    if len(kept) < len(rows):
        about += f" {len(kept)} of {len(rows)} conditions are shown; the download has all."
    return Table((*head, *measures), tuple(kept), title, about, header=len(head), download=tuple(rows))
