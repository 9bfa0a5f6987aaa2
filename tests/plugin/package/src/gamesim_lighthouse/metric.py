"""Share of nights with light, by episode."""

from __future__ import annotations

from typing import Any

import numpy as np


def lit_share(record: Any) -> dict[str, Any]:
    """Nights lit over nights played; unit: share."""
    outcomes = record.outcomes().fetch()
    share = np.asarray(outcomes["nights_lit"], dtype=float) / np.asarray(outcomes["nights"], dtype=float)
    return {"cell": outcomes["cell"], "seed": outcomes["seed"], "lit_share": share}
