"""What a position auction brought, beside the truthful VCG auction with the same values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gamesim.core.errors import MetricError

from .base import Columns, metric
from .cells import cells, outcomes

if TYPE_CHECKING:
    from gamesim.run.record import Record

KIND = "position_auction"
KEPT = ("revenue", "truthful_revenue", "social_welfare", "truthful_welfare", "efficiency", "bid_to_value")


@metric(
    "auction",
    main={
        "revenue": "payments of a round, mean over the episode",
        "efficiency": "value of all clicks over the most there is, that of truthful VCG",
        "bid_to_value": "sum of bids over sum of values",
    },
    order=40,
)
def auction(record: Record) -> Columns:
    """Revenue and welfare of a position auction, a round, beside truthful VCG with the same values."""
    if any(cell.get("environment.kind") != KIND for cell in cells(record)):
        raise MetricError("this run plays no position auction.", path="environment.kind")
    columns = outcomes(record)
    values = {name: columns[name].astype(np.float64) for name in KEPT}
    gained = values["revenue"] - values["truthful_revenue"]
    return {"cell": columns["cell"], "seed": columns["seed"], **values, "revenue_less_truthful": gained}
