"""Regret in repeated games as metrics; the scenario may ask ``analysis: [{regret: {kinds: [external], per: member}}]``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from gamesim.core.config import Config
from gamesim.core.normal_form import NormalFormGame

from .asked import parameters_of
from .base import Columns, metric
from .cells import once

if TYPE_CHECKING:
    from gamesim.run.record import Record
    from gamesim.scenario.scenario import Scenario
    from gamesim_analysis.empirical.regret import RegretTable


class RegretKeys(Config):
    """What ``analysis: [{regret: ...}]`` may say."""

    kinds: tuple[Literal["external", "swap"], ...] = Field(
        ("external", "swap"), min_length=1, description="Kinds of regret."
    )
    per: Literal["agent", "member"] = Field("agent", description="A row for each seat, or for each member.")


def report_of(record: Record) -> RegretTable:
    """The regret report as the scenario asks for it, made once for a record."""
    from gamesim_analysis.empirical.regret import regret_report

    keys = parameters_of(record, "regret", RegretKeys)
    return once(record, f"regret report {keys}", lambda: regret_report(record, kinds=keys.kinds, per=keys.per))


def _misfit(scenario: Scenario) -> str:
    table = isinstance(getattr(scenario.environment, "table", None), NormalFormGame)
    return "" if table else "nothing in normal form is repeated"


@metric("regret", keys=RegretKeys, misfit=_misfit)
def regret(record: Record) -> Columns:
    """External and swap regret of everybody in a repeated game, with bounds, excluded rounds and ranks."""
    return report_of(record).columns()


@metric("regret_curve")
def regret_curve(record: Record) -> Columns:
    """Cumulative regret over the rounds: mean, standard deviation and number of episodes."""
    return report_of(record).curves


@metric(
    "joint_gaps",
    main={
        "cce_gap": "most that a fixed action chosen beforehand would have gained anybody, payoff per round",
        "ce_gap": "most that exchanging actions one by one would have gained anybody, payoff per round",
    },
    order=120,
)
def joint_gaps(record: Record) -> Columns:
    """How far the joint play of each episode is from a coarse correlated and a correlated equilibrium."""
    return report_of(record).gaps
