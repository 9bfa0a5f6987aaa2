"""Fines over time, and whether they fell on violators."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..agents import lives
from ..blocks import Block, Note, Section, Value
from ..numbers import mean_interval
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
    found = lives(study)
    if found is None or not found.has("fines_imposed", "lived"):
        return None
    groups, inverse = found.groups()
    fines, lived = found.total("fines_imposed", inverse), found.total("lived", inverse)
    columns = {"fines per society": fines, "fine rate": fines / np.maximum(lived, 1)}
    if found.has("normed", "complied"):
        normed = found.total("normed", inverse)
        columns["compliance"] = np.where(normed > 0, found.total("complied", inverse) / np.maximum(normed, 1), np.nan)
    table: dict[str, Sequence[Value]] = {}
    for name, values in columns.items():
        estimates = [mean_interval(values[groups[:, 0] == c.index]) for c in study.conditions]
        if any(e.known for e in estimates):
            table[name] = estimates
    return {"n": [int(np.sum(groups[:, 0] == c.index)) for c in study.conditions], **table}
