"""Position auctions: revenue and welfare beside the truthful VCG auction with the same values."""

from __future__ import annotations

import numpy as np

from gamesim_analysis.metrics.auction_yardstick import KIND

from ..blocks import Figure, Note, Panel, Section, Text, Value
from ..charts import FULL, PHONE, Mark, dots
from ..numbers import Estimate, mean_interval, number, thinned
from ..study import Study
from .common import BRACKETS, by_condition, compares

NAMES = {
    "revenue": "revenue",
    "truthful_revenue": "revenue, truthful VCG",
    "social_welfare": "welfare",
    "truthful_welfare": "welfare, truthful VCG",
    "efficiency": "efficiency",
    "bid_to_value": "bids / values",
}


@compares
def section(study: Study) -> Section | None:
    """Revenue and welfare of each condition beside those of truthful VCG."""
    if study.environment != KIND or "truthful_revenue" not in study.episodes:
        return None
    found = {key: [mean_interval(study.measure(key, c.index)) for c in study.conditions] for key in NAMES}
    gained = [
        mean_interval(study.measure("revenue", c.index) - study.measure("truthful_revenue", c.index))
        for c in study.conditions
    ]
    columns: dict[str, list[Value]] = {"n": [e.n for e in found["revenue"]]}
    columns |= {name: list(found[key]) for key, name in NAMES.items()}
    columns["revenue less truthful"] = list(gained)
    marks = []
    for i in thinned(len(study.conditions), 12):
        for place, (key, name) in enumerate(list(NAMES.items())[:4]):
            e = found[key][i]
            marks.append(
                Mark(f"{name} · {study.name(i)}" if study.several else name, e.value, e.low, e.high, place % 2)
            )
    panel = [dots(marks, "of a round", size) for size in (FULL, PHONE)]
    table = by_condition(
        study, columns, "Revenue and welfare in figures",
        f"Means of a round; welfare is the value of all clicks, truthful VCG has the same values and no other rule has more welfare. n is episodes. {BRACKETS}",
    )  # fmt: skip
    figure = Figure(
        "Revenue and welfare beside truthful VCG",
        "; ".join(f"{m.label}: {number(m.value)}" for m in marks[:12]) + ".",
        "Dots are means over episodes, bars 95 % intervals (Student's t). Differences from truthful VCG, episode by episode, stand in the table.",
        (Panel(panel[0], narrow=panel[1]),),
        table,
    )
    return Section(
        "auction", "Revenue and welfare beside truthful VCG", (Text(_sentence(study, gained, found["efficiency"]), lead=True), figure, *_notes(study)), order=350
    )  # fmt: skip


def _sentence(study: Study, gained: list[Estimate], efficiency: list[Estimate]) -> str:
    parts = []
    for i in thinned(len(gained), 4):
        name = f"With {study.name(i)}: " if study.several else ""
        parts.append(f"{name}efficiency {efficiency[i]}, revenue less that of truthful VCG {gained[i]}.")
    return " ".join(parts)


def _notes(study: Study) -> list[Note]:
    payments = {str(c.get("environment.payment", "vcg")) for c in study.conditions}
    notes = []
    if payments - {"vcg", "myerson"}:
        notes.append(Note("With payment first_price truth is no equilibrium; truthful VCG is a yardstick, not what it should bring."))  # fmt: skip
    if any(np.isfinite(study.measure("truthful_welfare", c.index)).sum() < 2 for c in study.conditions):
        notes.append(Note("One episode has no interval."))
    return notes
