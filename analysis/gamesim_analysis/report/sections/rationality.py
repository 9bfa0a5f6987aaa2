"""Logit rationality fitted to what everybody chose."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gamesim.core.errors import MetricError, clean

from ..blocks import Block, Note, Points, Section, Table, Value
from ..numbers import estimate
from ..study import Study
from .play import LAMBDA

if TYPE_CHECKING:
    from gamesim_analysis.metrics.rationality import RationalityRow

NAME = "rationality"
STAGE = "Play was repeated, so choices hang on what came before: the fit describes the game of one round, as if each round stood alone."
FIXED = "Where a player's choices are not all there are at their place, what it expects of the others is held fixed while episodes are drawn again."


def section(study: Study) -> Section | None:
    """Only where the scenario asks ``analysis: [{rationality: ...}]``."""
    from gamesim_analysis.metrics.asked import asks

    if not asks(study.record, NAME):
        return None
    from gamesim_analysis.metrics.rationality import fits_of

    try:
        found = fits_of(study.record)
    except MetricError as error:
        return Section(NAME, "Fitted rationality", (Note(clean(str(error), 400)),), order=690)
    names = {c.cell: c.label for c in study.conditions}
    rows: list[tuple[Value, ...]] = []
    for row in found:
        head = (names.get(row.cell, ""),) if study.several else ()
        fit = row.fit
        own = None if fit is None or fit.value is None else estimate(fit.value, fit.low, fit.high)
        rows.append((*head, clean(row.who, 60), row.n, row.excluded, _unit_free(row), own, None if fit is None else fit.log_likelihood, row.ranked))  # fmt: skip
    beliefs = {row.fit.belief for row in found if row.fit is not None}
    expects = (
        "that the others err by the same lambda (equilibrium beliefs)"
        if beliefs == {"equilibrium"}
        else "what the others were seen to do"
    )
    table = Table(
        (*(("condition",) if study.several else ()), "player", "choices", "left out", "lambda × range", "lambda", "log-likelihood", "rank"),
        tuple(rows),
        about=f"Fitted by maximum likelihood to players who expect {expects}. Lambda × range is unit-free, lambda is in 1/payoff; brackets: 95 % of "
        "bootstraps over episodes. Left out: choices that a rule filled in for a failed answer; above 5 % a row is not ranked.",
        header=2 if study.several else 1,
    )  # fmt: skip
    said = [LAMBDA]
    if any(row.fit is not None and row.fit.label for row in found):
        said.append(STAGE)
    if "known" in beliefs:
        said.append(FIXED)
    blocks: tuple[Block, ...] = (table, Points(tuple(said)))
    return Section(NAME, "Fitted rationality", blocks, order=690)


def _unit_free(row: RationalityRow) -> Value:
    fit = row.fit
    if fit is None or (fit.normalised is None and fit.normalised_lower_bound is None):
        return row.reason
    if fit.normalised is None or fit.below_random or fit.normalised_high == math.inf:
        return str(fit)
    return estimate(fit.normalised, fit.normalised_low, fit.normalised_high)
