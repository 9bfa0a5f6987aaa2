"""The closed form of two drivers who meet: one decision each, yield or go.

    u = [[0, -1], [1, -C]]      NE: go with q = 1 / C      crash probability q^2

``environment: {kind: matrix, stage: driving_chicken, horizon: 1}`` plays it. Which aversion to risk makes crashes how much
rarer: ``gamesim_analysis.equilibrium.risk_2x2.chicken_aversion``. The numbers are gamesim's.
"""

from __future__ import annotations

from gamesim.core.errors import ScenarioError
from gamesim.core.normal_form import NormalFormGame


def driving_chicken(crash_cost: float = 10) -> NormalFormGame:
    """Two drivers, yield or go: who goes alone gains 1 from the other, both together crash, at crash_cost each.

    Examples
    --------
    >>> driving_chicken(5).pure_equilibria()
    [(0, 1), (1, 0)]
    """
    if not crash_cost > 1:
        raise ScenarioError(f"crash_cost is {crash_cost:g}.", hint="Needed: more than 1, what it costs to give way.")
    return NormalFormGame.bimatrix(
        [[0, -1], [1, -crash_cost]], [[0, 1], [-1, -crash_cost]], actions=(("yield", "go"),) * 2, name="driving_chicken"
    )
