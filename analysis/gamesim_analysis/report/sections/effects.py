"""What each change did: differences between conditions that share their draws, seed by seed, one axis at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..blocks import Block, Figure, Panel, Section, Table, Text, Value
from ..charts import FULL, PHONE, Mark, dots
from ..numbers import Estimate, count, mean_interval, thinned
from ..study import Study, short_names, shown
from .common import compares
from .summary import COMMONS

_MOST = 40  # contrasts in the table


@dataclass(frozen=True)
class Contrast:
    """``what`` changed from ``before`` to ``after`` in matched conditions; ``pairs`` of condition numbers (after, before)."""

    what: str
    before: str
    after: str
    pairs: tuple[tuple[int, int], ...]

    @property
    def label(self) -> str:
        return f"{self.what}: {self.before} → {self.after}" if self.what else f"{self.before} → {self.after}"


@compares
def section(study: Study) -> Section | None:
    if not study.several or not study.n_episodes:
        return None
    contrasts = _contrasts(study)
    names = [(n, label) for n, label in COMMONS.items() if n in study.episodes] or [
        (n, n.replace("_", " ")) for n in study.measures()[:4]
    ]
    if not names or not contrasts:
        return None
    found = {(i, name): difference(study, name, c.pairs) for i, c in enumerate(contrasts) for name, _ in names}
    if not any(e.n for e in found.values()):
        text = "No two conditions share their random draws, so differences between them are not paired and none is shown here."
        return Section("effects", "What each change did", (Text(text),), order=700)
    rows: list[tuple[Value, ...]] = [
        (
            c.what or "condition",
            c.before,
            c.after,
            *(found[i, n] for n, _ in names),
            max(found[i, n].n for n, _ in names),
        )
        for i, c in enumerate(contrasts)
    ]
    kept = thinned(len(rows), _MOST)
    table = Table(
        ("what", "from", "to", *(label for _, label in names), "n (draws)"),
        tuple(rows[i] for i in kept),
        about=(
            "Differences “to” minus “from”, episode by episode on the same random draws; where other keys were varied too, averaged "
            "over matched conditions. Brackets are 95 % intervals (Student's t over draws). Intervals are not adjusted for how many there are."
        ),
        header=3,
        download=tuple(rows),
    )
    blocks: list[Block] = [Text(_verdict(contrasts, found, names))]
    drawn: list[str] = [name for name in ("T_s", "stock_final", "welfare") if name in study.episodes] or [names[0][0]]
    some = thinned(len(contrasts), 20)
    panels = []
    drawn = [name for name in drawn if any(e.value for i in range(len(contrasts)) if (e := found[i, name]).known)][:2]
    if not drawn:
        return Section(
            "effects", "What each change did", (*blocks, replace(table, title="Paired differences")), order=700
        )
    for name in drawn:
        marks = [
            Mark(contrasts[i].label, found[i, name].value, found[i, name].low, found[i, name].high, 0) for i in some
        ]
        label = f"difference in {dict(names)[name]}"
        panels.append(Panel(dots(marks, label, FULL, zero=True), narrow=dots(marks, label, PHONE, zero=True)))
    figures = [
        Figure(
            f"Effect on {dict(names)[name]}",
            _alt(contrasts, found, name, dict(names)[name]),
            "Dots are paired differences, bars 95 % intervals; a bar that crosses the line at zero shows no clear effect."
            + (f" {len(some)} of {len(contrasts)} are drawn." if len(some) < len(contrasts) else ""),
            (panel,),
            table if place == 0 else _column(table, names, name),
        )
        for place, (panel, name) in enumerate(zip(panels, drawn, strict=False))
    ]
    return Section("effects", "What each change did", (*blocks, *figures), order=700)


def _column(table: Table, names: Sequence[tuple[str, str]], name: str) -> Table:
    """The part of the table that one figure shows."""
    at = 3 + [n for n, _ in names].index(name)
    rows = tuple((*row[:3], row[at], row[-1]) for row in table.rows)
    return Table((*table.columns[:3], table.columns[at], table.columns[-1]), rows, about=table.about, header=3)


def _contrasts(study: Study) -> list[Contrast]:
    """For each axis its first level against the others, other axes alike; where no two conditions differ in one axis only
    (zipped axes, several records), the first condition against each other one."""
    conditions = study.conditions
    paths = list(conditions[0].values)
    names = short_names(paths)
    made: list[Contrast] = []
    for path in paths:
        levels = list(dict.fromkeys(shown(c.values[path]) for c in conditions))
        for level in levels[1:]:
            pairs = []
            for a in conditions:
                if shown(a.values[path]) != level:
                    continue
                for b in conditions:
                    alike = all(shown(a.values[p]) == shown(b.values[p]) for p in paths if p != path)
                    if shown(b.values[path]) == levels[0] and alike and a.index != b.index:
                        pairs.append((a.index, b.index))
            if pairs:
                made.append(Contrast(names[path], levels[0], level, tuple(pairs)))
    if made:
        return made
    first = conditions[0]
    return [Contrast("", first.label, other.label, ((other.index, first.index),)) for other in conditions[1:]]


def difference(study: Study, name: str, pairs: Sequence[tuple[int, int]]) -> Estimate:
    """Mean difference over draws, averaged over matched pairs of conditions; n = draws that all of them share."""
    key = study.episodes["episode"] if "episode" in study.episodes else study.episodes["seed"]
    gaps: list[dict[int, float]] = []
    for after, before in pairs:
        values = []
        for index in (after, before):
            chosen = study.episodes["condition"] == index
            order = np.argsort(study.episodes["seed"][chosen], kind="stable")
            values.append(dict(zip(key[chosen][order].tolist(), study.measure(name, index).tolist(), strict=True)))
        gaps.append({k: values[0][k] - values[1][k] for k in values[0] if k in values[1]})
    shared = set.intersection(*(set(g) for g in gaps)) if gaps else set()
    return mean_interval([float(np.mean([g[k] for g in gaps])) for k in sorted(shared)])


def _verdict(
    contrasts: Sequence[Contrast], found: dict[tuple[int, str], Estimate], names: Sequence[tuple[str, str]]
) -> str:
    name, label = names[0]
    clear = [(abs(found[i, name].value), i) for i in range(len(contrasts)) if _clear(found[i, name])]
    if not clear:
        return f"No change had a clear effect on {label}: every 95 % interval of a paired difference includes zero."
    _, best = max(clear)
    e = found[best, name]
    return (
        f"{count(len(clear), 'change')} of {len(contrasts)} had a clear effect on {label}. The largest is `{contrasts[best].label}`: "
        f"{'+' if e.value > 0 else ''}{e} ({count(e.n, 'shared draw')})."
    )


def _clear(e: Estimate) -> bool:
    return e.bounded and (e.low > 0 or e.high < 0)


def _alt(contrasts: Sequence[Contrast], found: dict[tuple[int, str], Estimate], name: str, label: str) -> str:
    return (
        f"Paired differences in {label}. "
        + "; ".join(f"{c.label}: {found[i, name]}" for i, c in enumerate(contrasts[:12]))
        + "."
    )
