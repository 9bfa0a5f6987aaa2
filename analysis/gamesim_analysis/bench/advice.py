"""How small a difference the chosen seeds can find, from a pilot of rules that cost nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gamesim.core.errors import MetricError
from gamesim_analysis.stats.ranking import detectable_difference

from .anchors import Anchor
from .plan import Plan

if TYPE_CHECKING:
    from gamesim.core.arrays import FloatArray
    from gamesim.scenario.scenario import Cell

PILOT = 16  # societies of each rule
POWER = 0.8


@dataclass(frozen=True)
class Advice:
    """What a bench can tell apart.

    Attributes
    ----------
    difference : of two board scores, found with 80 % power at 0.05; None with ``reason``.
    spreads : by scenario, the standard deviation of a rule society's score (root mean square over rules).
    """

    difference: float | None
    spreads: dict[str, float]
    seeds: int
    reason: str | None = None

    def text(self) -> str:
        if self.difference is None:
            return f"smallest difference: unknown, {self.reason}"
        each = ", ".join(f"{name} {spread:.3g}" for name, spread in self.spreads.items())
        return (
            f"smallest difference of two scores that {self.seeds} seeds find with {100 * POWER:.0f}% power: {self.difference:.3g} "
            f"(pilot of rules, s.d. of a society's score: {each}; models may vary more)"
        )


def advice(plan: Plan) -> Advice:
    """Play the bench's rule societies in memory and see how much they vary."""
    spreads: dict[str, float] = {}
    for name, scale in plan.scales.items():
        cells = {e.cell for e in plan.entries if e.scenario == name and e.role in ("pure", "anchor")}
        rules = [plan.cells[number] for number in sorted(cells) if not plan.cells[number].scenario.external]
        values = {cell.index: _values(cell, scale.column) for cell in rules}
        anchors = {e.label: values[e.cell].mean() for e in plan.find("anchor", name) if e.cell in values}
        zero, one = (_end(anchor, anchors) for anchor in (scale.zero, scale.one))
        if not values or abs(one - zero) <= 1e-12:
            return Advice(None, {}, plan.config.seeds, f"no rule plays '{name}' between two different anchors")
        spreads[name] = float(np.sqrt(np.mean([(v.std(ddof=1) / (one - zero)) ** 2 for v in values.values()])))
    found = detectable_difference(list(spreads.values()), plan.config.seeds, power=POWER)
    return Advice(found, spreads, plan.config.seeds)


def _end(anchor: Anchor, played: dict[str, float]) -> float:
    if anchor.value is not None:
        return anchor.value
    assert anchor.rule is not None
    return float(played[anchor.rule])


def _values(cell: Cell, column: str) -> FloatArray:
    """The scored outcome of a few societies."""
    from gamesim.run.rollout import rollout
    from gamesim.run.seating import seat_members

    scenario = cell.scenario
    assert scenario.environment is not None
    episodes = [scenario.seeds.episode(r) for r in range(PILOT)]
    names = scenario.environment.seats()
    members = seat_members(scenario.population, names, scenario.seeds, seating=scenario.seating, episode=episodes[0])
    played = rollout(scenario.environment, [scenario.population[i].agent for i in members], episodes)
    if column not in played.outcome:
        raise MetricError(
            f"no outcome '{column}'.", path="primary", hint=f"Outcomes: {', '.join(sorted(played.outcome))}."
        )
    return np.asarray(played.outcome[column], dtype=np.float64)
