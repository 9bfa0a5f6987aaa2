"""How much one agent could gain by leaving its policy, all else as it was: a lower bound on exploitability."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gamesim.core.arrays import FloatArray
from gamesim.core.errors import MetricError
from gamesim.core.policy import AgentSpec
from gamesim_analysis.metrics.base import Columns
from gamesim_analysis.metrics.cells import CellOf

from .societies import Society, are_rules, play, society_of

if TYPE_CHECKING:
    from gamesim.run.record import Record

EFFORTS = 21
MOST_REPLICATES = 100
FIXED = "commons.fixed"


def deviation_gains(society: Society, *, replicates: int, seed: int, efforts: int = EFFORTS) -> FloatArray:
    """Gains of every agent from every fixed effort.

    Parameters
    ----------
    society : whose policies are frozen; the deviator plays ``commons.fixed``, which never fines, on its seat's draws.
    replicates, seed : the episodes; all deviations are played on the same draws.

    Returns
    -------
    Shape (N, efforts, replicates): payoff of playing efforts ``linspace(0, 1)`` less the agent's own payoff, fish.
    """
    own = play(society, replicates, seed)["returns"]
    gains = np.empty((len(society.seats), efforts, replicates))
    for seat in range(len(society.seats)):
        for index, effort in enumerate(np.linspace(0.0, 1.0, efforts)):
            seats = (*society.seats[:seat], AgentSpec(FIXED, {"effort": float(effort)}), *society.seats[seat + 1 :])
            played = play(Society(society.environment, seats), replicates, seed)["returns"]
            gains[seat, index] = played[:, seat] - own[:, seat]
    return gains


def exploitability_lower_bound(record: Record, cells: list[CellOf]) -> Columns:
    """One row a cell and agent: the best fixed effort, its mean gain with the standard error, and the cell's mean and maximum.

    A lower bound, since only fixed efforts are tried; the best of 21 means is taken, so its noise adds to it: read it
    with ``gain_se``. At most 100 of the record's replicates are played again.
    """
    from gamesim_analysis.metrics.cells import scenario_of

    scenario = scenario_of(record)
    seed, replicates = int(scenario.get("seed", 0)), min(int(scenario.get("replicates", 1)), MOST_REPLICATES)
    table: dict[str, list[Any]] = {
        key: [] for key in ("cell", "agent", "best_effort", "gain", "gain_se", "n", "cell_mean", "cell_max")
    }
    for cell in cells:
        society = society_of(cell.data, seed=seed)
        if cell.get("environment.harvest.catch", "effort") != "effort":
            raise MetricError(
                "fixed efforts are deviations under catch 'effort' only.", path="environment.harvest.catch"
            )
        if not are_rules(society.seats):
            raise MetricError(
                "its agents answer from outside; playing deviations would ask them again.", path="population"
            )
        gains = deviation_gains(society, replicates=replicates, seed=seed)
        means = gains.mean(axis=2)
        best = means.argmax(axis=1)
        top = np.maximum(means.max(axis=1), 0.0)  # staying is a deviation too
        for seat in range(len(society.seats)):
            drawn = gains[seat, best[seat]]
            table["cell"].append(cell.index)
            table["agent"].append(cell.environment().seats()[seat])
            table["best_effort"].append(float(best[seat] / (gains.shape[1] - 1)) if top[seat] > 0 else None)
            table["gain"].append(float(top[seat]))
            table["gain_se"].append(float(drawn.std(ddof=1) / np.sqrt(len(drawn))) if len(drawn) > 1 else None)
            table["n"].append(replicates)
            table["cell_mean"].append(float(top.mean()))
            table["cell_max"].append(float(top.max()))
    return table
