"""Regret of everybody who plays a repeated game, beside what learners promise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gamesim.core.errors import MetricError, clean
from gamesim_analysis.empirical.regret import RegretRow, RegretTable

from ..blocks import Block, Figure, Note, Section, Table, Text, Value
from ..numbers import estimate, mean_interval
from ..study import Study
from .common import over_time

CURVES = 8


def section(study: Study) -> Section | None:
    from gamesim_analysis.metrics.regret import report_of

    try:
        found = report_of(study.record)
    except MetricError:
        return None
    blocks: list[Block] = [Text(text) for text in found.notes if text not in _warnings(found)]
    blocks += [Note(text, "warning") for text in _warnings(found)]
    blocks.append(_table(study, found.rows))
    for kind in dict.fromkeys(row.kind for row in found.rows):
        figure = _figure(study, found, kind)
        if figure is not None:
            blocks.append(figure)
    blocks.append(_gaps(study, found))
    return Section("regret", "Regret", tuple(blocks), order=680)


def _warnings(found: RegretTable) -> list[str]:
    return [text for text in found.notes if "independent rewards" in text or "not ranked" in text]


def _condition(study: Study, cell: int) -> str:
    return next((c.label for c in study.conditions if c.cell == cell), str(cell))


def _table(study: Study, rows: Sequence[RegretRow]) -> Table:
    lines: list[tuple[Value, ...]] = []
    for row in rows:
        head = (_condition(study, row.cell),) if study.several else ()
        total = estimate(row.regret, row.regret_lower, row.regret_upper, row.episodes)
        each = estimate(row.per_round, row.per_round_lower, row.per_round_upper, row.episodes)
        bound = "–" if row.bound is None else f"{row.bound:.4g}" + ("" if row.holds == "always" else f", {row.holds}")
        lines.append((*head, clean(row.agent, 60), clean(row.member, 60), row.kind, row.episodes, row.rounds, row.excluded, total, each, bound, row.rank if row.rank is not None else row.ranked))  # fmt: skip
    head = ("condition",) if study.several else ()
    return Table(
        (*head, "player", "member", "regret", "episodes", "rounds", "left out", "in an episode", "per round", "bound", "rank"),
        tuple(lines),
        title="Regret",
        about="Mean over episodes, in units of payoff; brackets: bootstrap, 95 %, over seeds. Left out: rounds without a valid answer. "
        "Bound: what the learner promises of an episode. Rank: by regret per round among those with at most 5 % left out.",
        header=len(head) + 3,
    )  # fmt: skip


def _figure(study: Study, found: RegretTable, kind: str) -> Figure | None:
    """Cumulative regret over the rounds, of up to eight players of the first conditions."""
    curves = {name: np.asarray(values) for name, values in found.curves.items()}
    mine = curves["kind"] == kind
    pairs = list(dict.fromkeys(zip(curves["cell"][mine].tolist(), curves["agent"][mine].tolist(), strict=True)))[:CURVES]  # fmt: skip
    group = np.full(len(mine), -1)
    for place, (cell, agent) in enumerate(pairs):
        group[mine & (curves["cell"] == cell) & (curves["agent"] == agent)] = place
    kept = group >= 0
    of = {c.cell: c.index for c in study.conditions}
    columns = {
        "condition": np.array([of.get(int(cell), 0) for cell in curves["cell"][kept]]),
        "player": group[kept],
        "round": curves["round"][kept].astype(np.float64),
        **{name: curves[name][kept].astype(np.float64) for name in ("regret", "regret_sd", "regret_n")},
    }
    names = [clean(f"{agent} · {_condition(study, cell)}" if study.several else agent, 60) for cell, agent in pairs]
    shown = {(row.cell, row.agent) for row in found.rows} & set(pairs)
    bounds = dict.fromkeys(
        (row.bound, f"bound of {clean(row.agent, 40)}")
        for row in found.rows
        if row.kind == kind and row.bound is not None and (row.cell, row.agent) in shown
    )
    highest = float(np.nanmax(columns["regret"], initial=0.0))
    return over_time(
        study,
        columns,
        "regret",
        title=f"Cumulative {kind} regret",
        y="payoff",
        meaning=f"Sum of {kind} regret up to the round.",
        domain=(None, None),
        group="player",
        names=names,
        over="episodes",
        references=[(value, name) for value, name in bounds if value <= 3 * highest],
    )


def _gaps(study: Study, found: RegretTable) -> Table:
    cells = np.asarray(found.gaps["cell"])
    lines: list[tuple[Value, ...]] = []
    for cell in dict.fromkeys(cells.tolist()):
        here = cells == cell
        values = [np.array([np.nan if v is None else v for v in np.asarray(found.gaps[name], dtype=object)[here]], dtype=float) for name in ("cce_gap", "ce_gap")]  # fmt: skip
        lines.append((_condition(study, int(cell)), int(here.sum()), *(mean_interval(v) for v in values)))
    return Table(
        ("condition", "episodes", "cce gap", "ce gap"),
        tuple(lines),
        title="How far joint play is from equilibrium",
        about="Of the empirical joint distribution of each episode: what a fixed action would have gained the player who regrets most "
        "(coarse correlated), and what exchanging actions would have (correlated), per round. Brackets: 95 %, Student's t over episodes.",
    )
