"""What each mechanism added: paired effects of switching it off, where the record's tables hold them."""

from __future__ import annotations

from typing import Any

from ..blocks import Block, Figure, Panel, Section, Table, Text, Value
from ..charts import FULL, PHONE, Mark, dots
from ..numbers import Estimate, thinned
from ..study import Study, numeric
from .common import compares
from .summary import COMMONS

_ROWS = 20


@compares
def section(study: Study) -> Section | None:
    rows: list[tuple[Value, ...]] = []
    effects: list[tuple[str, str, str, Estimate]] = []  # condition, mechanism, measure, effect
    for number, record in enumerate(study.records):
        if "mechanisms" not in record.tables:
            continue
        names = {c.cell: c.label for c in study.conditions if c.record == number}
        for row in _rows(record.table("mechanisms").fetch()):
            effect = Estimate(row["effect"], row["lower"], row["upper"], int(row["n"]))
            condition = names.get(int(row["cell"]), str(int(row["cell"])))
            measure = COMMONS.get(row["measure"], str(row["measure"]).replace("_", " "))
            head: tuple[Value, ...] = (condition,) if study.several else ()
            rows.append(
                (*head, row["mechanism"], measure, effect.n, row["with"], row["without"], effect, row["p_holm"])
            )
            effects.append((condition, str(row["mechanism"]), str(row["measure"]), effect))
    if not rows:
        return None
    heads = ("condition",) if study.several else ()
    kept = thinned(len(rows), 60)
    table = Table(
        (*heads, "mechanism", "figure", "n", "with", "without", "difference", "p (Holm)"),
        tuple(rows[i] for i in kept),
        about="The society as it was, less the same society on the same draws without the mechanism. Brackets are 95 % intervals (Student's t "
        "over pairs), n is pairs; p is adjusted by Holm's method over all that were computed.",
        header=len(heads) + 2,
        download=tuple(rows),
    )
    blocks: list[Block] = [Text(_sentence(effects))]
    for place, measure in enumerate(
        m for m in ("T_s", "stock_final") if any(e[2] == m and e[3].value for e in effects)
    ):
        mine = [e for e in effects if e[2] == measure]
        marks = [
            Mark(f"{mechanism} · {condition}" if study.several else mechanism, e.value, e.low, e.high)
            for condition, mechanism, _, e in (mine[i] for i in thinned(len(mine), _ROWS))
        ]
        label = f"what it added to {COMMONS[measure]}"
        drawn = [dots(marks, label, size, zero=True) for size in (FULL, PHONE)]
        own = tuple(row for row in rows if row[len(heads) + 1] == COMMONS[measure])
        part = table if place == 0 else Table(table.columns, own[:60], about=table.about, header=table.header)
        blocks.append(
            Figure(
                f"Effect of each mechanism on {COMMONS[measure]}",
                "; ".join(f"{m.label}: {m.value:.3g}" for m in marks[:12]) + ".",
                "Dots are paired differences, with less without; bars are 95 % intervals. A bar across the line at zero shows no clear effect.",
                (Panel(drawn[0], narrow=drawn[1]),),
                part,
            )
        )
    if len(blocks) == 1:
        blocks.append(table)
    return Section("mechanisms", "What each mechanism added", tuple(blocks), order=710)


def _sentence(effects: list[tuple[str, str, str, Estimate]]) -> str:
    mine = [e for e in effects if e[2] == "T_s"] or effects
    clear = [e for e in mine if e[3].bounded and (e[3].low > 0 or e[3].high < 0)]
    what = COMMONS.get(mine[0][2], mine[0][2])
    if not clear:
        return f"Switched off one at a time, no mechanism had a clear effect on {what}."
    best = max(clear, key=lambda e: abs(e[3].value))
    return (
        f"Each mechanism was switched off in turn and the same draws played again. On {what} the largest effect was that of `{best[1]}`: "
        f"{best[3]} ({best[3].n:,} pairs, {best[0]})."
    )


def _rows(columns: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows with numbers as floats and text as text."""
    text = ("mechanism", "measure")
    made = {
        k: [str(v) for v in values] if k in text else numeric(values).tolist()
        for k, values in columns.items()
        if k != "null_reason"
    }
    return [dict(zip(made, row, strict=True)) for row in zip(*made.values(), strict=True)]
