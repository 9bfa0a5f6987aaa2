"""Fines over time, and whether they fell on violators."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..blocks import Block, Note, Section, Value
from ..numbers import Estimate, mean_interval
from ..study import Study
from .common import BRACKETS, by_condition, compares, over_time
from .commons_rounds import is_commons, rounds


@compares
def section(study: Study) -> Section | None:
    if not is_commons(study) or not study.has("fines_imposed", "payoff"):
        return None
    columns = rounds(study)
    total = float(np.nansum(columns["fines"]))
    if not np.isfinite(columns["fines"]).any():
        return None
    still = "societies still playing in that round"
    marks = _switches(study)
    blocks: list[Block] = []
    if total == 0:
        blocks.append(
            Note("Nobody was ever fined: whatever differs between conditions, punishment did not do it.", "warning")
        )
    else:
        for figure in (
            over_time(study, columns, "fines", title="Fines imposed", y="fines per round", over=still, marks=marks, meaning="Fines of a round, all members together."),
            over_time(
                study, columns, "violations", title="Violations seen", y="share of inspections", over=still, domain=(0.0, 1.0), marks=marks,
                meaning="Share of members whose inspected peer had taken more than the norm allowed (as the inspector saw it).",
            ),
        ):  # fmt: skip
            if figure is not None:
                blocks.append(figure)
    rate = _rates(study)
    if rate is not None:
        blocks.append(
            by_condition(
                study,
                rate,
                "Punishment in all",
                f"Fine rate is fines per member and round lived. Compliance is the share of harvests at or under the norm. {BRACKETS}",
            )
        )
    return Section("punishment", "Punishment", tuple(blocks), order=500)


def _switches(study: Study) -> list[tuple[float, str]]:
    rounds_ = {c.get("environment.institutions.sanctions.disable_at") for c in study.conditions}
    known = sorted(r for r in rounds_ if isinstance(r, int))
    return [(float(r), "sanctions end") for r in known[:1]]


def _rates(study: Study) -> dict[str, Sequence[Value]] | None:
    norm = (
        "favg(case when norm is not null then cast(harvest <= norm + 1e-9 as double) end)"
        if study.has("norm")
        else "null"
    )
    found = study.query(
        "with f as (select cell, seed, fsum(fines_imposed) as fines from steps where payoff is not null group by cell, seed), "
        f"h as (select cell, seed, count(*) as lived, {norm} as complied from steps where phase = 'harvest' group by cell, seed) "
        "select h.cell as cell, h.seed as seed, fines, fines / lived as rate, cast(complied as double) as complied from h join f on h.cell = f.cell and h.seed = f.seed "
        "order by 1, 2"
    )
    if not len(found["condition"]):
        return None
    table: dict[str, Sequence[Value]] = {}
    for name, column in (("fines per society", "fines"), ("fine rate", "rate"), ("compliance", "complied")):
        table[name] = [
            mean_interval(found[column][found["condition"] == c.index].astype(float)) for c in study.conditions
        ]
    table = {name: values for name, values in table.items() if any(isinstance(e, Estimate) and e.known for e in values)}
    return {"n": [int(np.sum(found["condition"] == c.index)) for c in study.conditions], **table}
