"""How long societies last: Kaplan-Meier curves, restricted means, log-rank tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..blocks import Block, Figure, Section, Table, Text, Value
from ..charts import Series
from ..numbers import Estimate, count, estimate, number, thinned
from ..study import Study
from .common import arranged, by_condition, compares, drawn, left_out


@compares
def section(study: Study) -> Section | None:
    from gamesim_analysis.stats.survival import kaplan_meier, logrank

    if "T_s" not in study.episodes or "censored" not in study.episodes:
        return None
    lives = {}
    for c in study.conditions:
        times, censored = study.measure("T_s", c.index), study.measure("censored", c.index)
        known = np.isfinite(times) & np.isfinite(censored)
        if known.any():
            lives[c.index] = (times[known], ~censored[known].astype(bool))
    if not lives:
        return None
    found = {index: kaplan_meier(*life) for index, life in lives.items()}
    facets, keys = arranged(study, sorted(found))
    shown = [one for facet in facets for _, one in facet.members]
    lines = {
        i: Series(0, np.r_[0, k.times], np.r_[1, k.survival], np.r_[1, k.low], np.r_[1, k.high])
        for i, k in found.items()
        if i in shown
    }
    panels = drawn(lines, facets, "round", "share still standing", (0.0, 1.0), stepped=True)
    alive = []
    for index in shown:
        k = found[index]
        alive.append(f"{study.name(index)}: {number(float(k.survival[-1]))} after round {number(float(k.times[-1]))}")
    rows: list[tuple[Value, ...]] = []
    for index, k in found.items():
        for i in range(len(k.times)):
            s = Estimate(float(k.survival[i]), float(k.low[i]), float(k.high[i]), k.n)
            rows.append(
                (study.name(index), float(k.times[i]), int(k.at_risk[i]), int(k.events[i]), int(k.censored[i]), s)
            )
    some = [rows[i] for i in thinned(len(rows), 40)]
    about = "Share standing [95 % band, log-log with Greenwood's variance]; n at risk just before that round." + (
        f" {len(some)} of {len(rows):,} rows." if len(some) < len(rows) else ""
    )
    table = Table(
        ("condition", "round", "at risk", "collapsed", "censored", "standing"), tuple(some), about=about, header=2,
        download=tuple(rows),
    )  # fmt: skip
    total = sum(k.n for k in found.values())
    figure = Figure(
        "Societies still standing",
        f"Share of societies that have not collapsed, by round. {'; '.join(alive)}.",
        f"Kaplan-Meier estimate with 95 % bands, n = {count(total, 'society', 'societies')} in all. A society that reaches the horizon is censored "
        f"there: it never counts as a collapse.{left_out(study, shown)}",
        panels,
        table,
        keys,
    )
    blocks: list[Block] = [figure]
    if len(lives) > 1:
        test = logrank(*lives.values())
        if test.p is not None and test.chi2 is not None:
            p = "p < 0.001" if test.p < 0.001 else f"p = {test.p:.3f}"
            blocks.append(
                Text(
                    f"Log-rank test that all {len(lives)} conditions share one curve: chi-squared {number(test.chi2, 1)} on {test.df} degrees of freedom, {p}."
                )
            )
        else:
            blocks.append(Text(f"Log-rank test: not defined here, {test.reason}."))
    if len(found) == len(study.conditions):
        means = []
        for index, k in found.items():
            mean = k.restricted_mean()
            means.append(estimate(mean.estimate or 0.0, mean.low, mean.high, len(lives[index][0])))
        medians: list[Value] = [
            k.median().value if k.median().value is not None else "beyond the horizon" for k in found.values()
        ]
        shares: list[Value] = [k.censored_share for k in found.values()]
        measures: dict[str, Sequence[Value]] = {
            "n": [k.n for k in found.values()],
            "mean life, rounds": means,
            "median life": medians,
            "share censored": shares,
        }
        blocks.append(
            by_condition(
                study,
                measures,
                "Length of life",
                "Mean life is restricted to the last round seen: the area under the curve, [95 %, normal]. n is societies.",
            )
        )
    return Section("survival", "How long societies last", tuple(blocks), order=400)
