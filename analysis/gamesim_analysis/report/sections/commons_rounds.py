"""Sums over the step table of a commons, by round: done once for all sections, inside the database."""

from __future__ import annotations

from ..study import Columns, Study

# measure -> SQL over the rows of one episode and round; harvest rows are h, rows that resolve a round are r
HARVEST = {
    "stock": "min(stock)",
    "norm": "min(norm)",
    "effort": "favg(effort)",
    "catch": "fsum(harvest)",
    "complied": "favg(case when norm is not null then cast(harvest <= norm + 1e-9 as double) end)",
    "living": "cast(count(*) as double)",
}
RESOLVED = {"fines": "fsum(fines_imposed)", "violations": "favg(cast(violation as double))", "wealth": "favg(wealth)"}
_NEEDS = {"stock": "stock", "norm": "norm", "effort": "effort", "catch": "harvest", "complied": "norm", "living": "harvest",
          "fines": "fines_imposed", "violations": "violation", "wealth": "wealth"}  # fmt: skip


def is_commons(study: Study) -> bool:
    """Whether the step tables hold harvests by round."""
    return study.has("phase", "round", "harvest", "stock")


def rounds(study: Study) -> Columns:
    """One row for each condition and round: every measure's mean over episodes, ``_sd`` and ``_n``."""
    found = study.cached("commons_rounds", lambda: study.query(_sql(study)) if is_commons(study) else {})
    return found


def _sql(study: Study) -> str:
    harvest = {k: v for k, v in HARVEST.items() if study.has(_NEEDS[k])}
    resolved = {k: v for k, v in RESOLVED.items() if study.has(_NEEDS[k], "payoff")}
    names = [*harvest, *resolved]
    h = ", ".join(f"{sql} as {name}" for name, sql in harvest.items())
    parts = [
        "with h as (select cell, seed, step, min(round) as round, " + h
        + " from steps where phase = 'harvest' group by cell, seed, step)"
    ]  # fmt: skip
    source = "h"
    if resolved:
        r = ", ".join(f"{sql} as {name}" for name, sql in resolved.items())
        parts.append(
            f"r as (select cell, seed, step, {r} from steps where payoff is not null group by cell, seed, step)"
        )
        # A round is resolved by its last phase: the harvest itself, or the sanctions after it.
        parts.append(
            "q as (select r.* exclude (step), h.round from r asof join h on r.cell = h.cell and r.seed = h.seed and r.step >= h.step)"
        )
        source = "h left join q on h.cell = q.cell and h.seed = q.seed and h.round = q.round"
    means = ", ".join(f"favg({n}) as {n}, stddev_samp({n}) as {n}_sd, count({n}) as {n}_n" for n in names)
    keys = "h.cell as cell, h.round as round" if resolved else "cell, round"
    group = "h.cell, h.round" if resolved else "cell, round"
    return ", ".join(parts) + f" select {keys}, {means} from {source} group by {group} order by 1, 2"
