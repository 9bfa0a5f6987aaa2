"""Stock, catch and effort of commons societies over time."""

from __future__ import annotations

from ..blocks import Block, Section, Text
from ..study import Study
from .common import compares, over_time
from .commons_rounds import is_commons, rounds


@compares
def section(study: Study) -> Section | None:
    if not is_commons(study):
        return None
    columns = rounds(study)
    still = "societies still playing in that round"
    figures = [
        over_time(study, columns, "stock", title="The stock before each harvest", y="fish", over=still, meaning="Stock before the harvest."),
        over_time(
            study, columns, "norm", title="The group norm in force", y="fish per head", over=still,
            meaning="The cap on each member's harvest that the group agreed on.",
        ),
        over_time(
            study, columns, "effort", title="Effort", y="share of full effort", over=still, domain=(0.0, 1.0),
            meaning="Effort of those alive.",
        ),
        over_time(study, columns, "catch", title="Catch of the whole society", y="fish per round", over=still, meaning="What all took together."),
    ]  # fmt: skip
    blocks: list[Block] = [f for f in figures if f is not None]
    fewer = columns["stock_n"]
    if fewer.size and fewer.min() < fewer.max():
        blocks.insert(
            0,
            Text(
                "Societies that have ended leave these averages, so late rounds speak of the survivors only; how many there "
                "are is in the tables, and how long societies last is shown below."
            ),
        )
    return Section("over-time", "Stock and norm over time", tuple(blocks), order=300)
