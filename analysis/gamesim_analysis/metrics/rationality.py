"""Fitted logit rationality as a metric; the scenario asks ``analysis: [{rationality: {belief: equilibrium, per: agent}}]``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from gamesim.core.config import Config
from gamesim.core.errors import GamesimError
from gamesim.core.extensive_form import ExtensiveFormGame
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.symmetric import SymmetricGame

from .asked import parameters_of
from .base import Columns, metric
from .cells import once
from .model_journal import GATE

if TYPE_CHECKING:
    from gamesim.run.record import Record
    from gamesim.scenario.scenario import Scenario
    from gamesim_analysis.empirical.quantal_response import RationalityFit

ALL = "all"


class RationalityKeys(Config):
    """What ``analysis: [{rationality: ...}]`` may say."""

    belief: Literal["empirical", "equilibrium"] = Field(
        "empirical",
        description="What players expect: what the others were seen to do, or that they err by the same lambda.",
    )
    per: Literal["agent", "member"] = Field("agent", description="A fit for each seat, or for each member.")


@dataclass(frozen=True)
class RationalityRow:
    """The fit of one player in one cell, or why there is none.

    Attributes
    ----------
    who : a seat or a member, or ``all``: one lambda for everybody.
    n, excluded : its valid choices, and those that a rule filled in.
    """

    cell: int
    who: str
    n: int
    excluded: int
    fit: RationalityFit | None
    reason: str

    @property
    def ranked(self) -> str:
        made = self.n + self.excluded
        return (
            "ranked"
            if self.excluded <= GATE * made + 1e-12
            else f"not ranked: {100 * self.excluded / made:.3g}% invalid"
        )


def fits_of(record: Record) -> list[RationalityRow]:
    """The fits as the scenario asks for them, made once for a record.

    Raises
    ------
    MetricError
        If a cell has no formal game that is a table or a tree, or its steps were not kept.
    """
    keys = parameters_of(record, "rationality", RationalityKeys)
    return once(record, f"rationality {keys}", lambda: _fits(record, keys))


def _fits(record: Record, keys: RationalityKeys) -> list[RationalityRow]:
    from gamesim_analysis.empirical.observed import observed

    rows = []
    for one in observed(record):
        names = one.agents if keys.per == "agent" else one.members
        for who in [*dict.fromkeys(names.tolist()), ALL]:
            mine = None if who == ALL else names == who
            here = np.ones(len(names), dtype=bool) if mine is None else mine
            fit, reason = None, ""
            try:
                fit = one.fit(mine, keys.belief)
                reason = fit.reason or ""
            except GamesimError as error:
                reason = str(error)
            rows.append(RationalityRow(one.cell.index, who, int((here & one.valid).sum()), int((here & ~one.valid).sum()), fit, reason))  # fmt: skip
    return rows


def _misfit(scenario: Scenario) -> str:
    environment = scenario.environment
    if environment is None or not isinstance(environment.game(), (NormalFormGame, SymmetricGame, ExtensiveFormGame)):
        return "nothing with a formal game that is a table or a tree is played"
    return (
        ""
        if scenario.record.steps != "outcomes"
        else "record.steps keeps outcomes only, and choices are counted in steps"
    )


FIELDS = (
    "value", "low", "high", "normalised", "normalised_low", "normalised_high", "lower_bound", "log_likelihood", "identified",
    "below_random", "belief", "label",
)  # fmt: skip


@metric("rationality", default=False, keys=RationalityKeys, misfit=_misfit)
def rationality(record: Record) -> Columns:
    """Logit rationality fitted to what everybody chose in a formal game: lambda in 1/payoff with its interval over episodes.

    ``normalised`` is lambda times the payoff range. Where all choices were best replies there is a one-sided ``lower_bound``
    instead; ``reason`` says why a number is missing. ``who`` is a seat or a member, or ``all`` for one lambda of everybody.
    """
    rows = fits_of(record)
    table: dict[str, list[object]] = {
        name: [getattr(row, name) for row in rows] for name in ("cell", "who", "n", "excluded")
    }
    table |= {
        name: [None if row.fit is None else _finite(getattr(row.fit, name)) for row in rows] for name in FIELDS
    }  # fmt: skip
    return {**table, "in_words": ["" if row.fit is None else str(row.fit) for row in rows], "ranked": [row.ranked for row in rows], "reason": [row.reason for row in rows]}  # fmt: skip


def _finite(value: object) -> object:
    return None if isinstance(value, float) and not np.isfinite(value) else value
