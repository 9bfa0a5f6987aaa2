"""How a team did in Levine's hats, beside what is known of the game."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gamesim.core.errors import MetricError
from gamesim.envs.team.levine_hats import Ceiling, ceilings

from .base import Columns, metric
from .cells import cells, outcomes

if TYPE_CHECKING:
    from gamesim.run.record import Record

KIND = "levine_hats"


def ceilings_of(environment: Mapping[str, Any]) -> tuple[Ceiling, ...]:
    """What is known of the game of a scenario's ``environment``."""
    from gamesim.core.registry import build

    config = build("environments", environment)
    return ceilings(config.players, config.hats, config.black)


@metric("team_score", main={"score": "share of rounds that the team won"}, order=40)
def team_score(record: Record) -> Columns:
    """Share of rounds won in Levine's hats, with the values of known strategies and the best known one (no upper bound)."""
    found = cells(record)
    if any(cell.get("environment.kind") != KIND for cell in found):
        raise MetricError("this run does not play Levine's hats.", path="environment.kind")
    columns = outcomes(record)
    known = {cell.index: ceilings_of(cell.data["environment"]) for cell in found}
    names = list(dict.fromkeys(ceiling.name for own in known.values() for ceiling in own))
    values = {cell: {ceiling.name: float(ceiling.value) for ceiling in own} for cell, own in known.items()}
    return {
        "cell": columns["cell"],
        "seed": columns["seed"],
        "score": columns["score"].astype(np.float64),
        "rounds": columns["rounds"].astype(np.float64),
        **{name: np.array([values[int(cell)].get(name, np.nan) for cell in columns["cell"]]) for name in names},
    }
