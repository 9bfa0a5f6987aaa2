"""The commons measures of a record: survival, use of the stock, distribution, distance from theory, norms, GovSim.

Each is registered under ``gamesim.metrics`` and answers with the columns of a table; what they mean stands in
``measures``, ``norms``, ``govsim_scores`` and ``deviation``. Episode tables carry ``null_reason`` for what is undefined.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gamesim.core.arrays import AnyArray, BoolArray, FloatArray
from gamesim.core.errors import MetricError
from gamesim_analysis.metrics.base import Columns, metric
from gamesim_analysis.metrics.cells import CellOf, cells, outcomes
from gamesim_analysis.stats.inequality import gini_rows
from gamesim_analysis.stats.intervals import mean_interval, wilson
from gamesim_analysis.stats.multiple import holm
from gamesim_analysis.stats.survival import kaplan_meier, logrank

from . import govsim_scores as govsim_rules
from .measures import recovery_time, social_outcome
from .measures import stock_use as eta_of
from .norms import authors_of, norm_life
from .norms import authorship as authorship_of
from .norms import compliance as compliance_of
from .panel import Panel, panel_of
from .targets import best_sustained, effort_targets, optimum_harvest

if TYPE_CHECKING:
    from gamesim.run.record import Record

TIMES = ("T_s", "T_stock", "T_first_death", "T_all_dead")


def _commons(record: Record) -> list[CellOf]:
    """The cells, or an error unless all play the commons."""
    found = cells(record)
    kind = found[0].get("environment.kind")
    if kind != "commons":
        raise MetricError(f"it measures commons societies, and this run plays '{kind}'.", path="environment.kind")
    return found


def _harvesters(record: Record, what: str) -> list[CellOf]:
    """The cells, or the error that points from a measure of harvests to ``shortfall``."""
    found = _commons(record)
    if any(cell.get("environment.growth.law") == "inverse" for cell in found):
        raise govsim_rules.refuse_inverse(what)
    return found


# ---- survival ----------------------------------------------------------------------------------------------------------


@metric(
    "survival",
    main={
        "T_s": "rounds until collapse, the horizon if there was none",
        "survived": "share of episodes without collapse",
    },
    order=10,
)
def survival(record: Record) -> Columns:
    """When each society collapsed, in every sense of the word; times are 1-based rounds, null where it never happened."""
    _commons(record)
    columns = outcomes(record)
    if "T_s" not in columns:
        raise MetricError("the outcomes hold no T_s.", path="outcomes.T_s")
    table: dict[str, Any] = {"cell": columns["cell"], "seed": columns["seed"]}
    table |= {name: columns[name].astype(np.float64) for name in TIMES if name in columns}
    censored = columns["censored"].astype(np.float64) > 0.5
    valid = np.isfinite(table["T_s"])
    table["censored"] = censored
    table["survived"] = np.array([bool(c) if v else None for c, v in zip(censored, valid, strict=True)], dtype=object)
    if "status" in columns:
        status = columns["status"].astype(object)
        table["status"] = status
        ended = np.isin(status.astype(str), ("survived", "collapsed"))
        table["survived"] = np.where(ended, table["survived"], None)
        table["T_s"] = np.where(ended, table["T_s"], np.nan)
        said = [f"survived, T_s: status is {item}" if not ok else "" for item, ok in zip(status, ended, strict=True)]
        table["null_reason"] = np.array(said, dtype=object)
    return table


def _lifetimes(record: Record) -> dict[int, tuple[FloatArray, AnyArray]]:
    """T_s and whether a collapse was seen, by cell; runs of which nothing can be said are left out."""
    table = survival(record)
    times = np.asarray(table["T_s"], dtype=np.float64)
    known = np.isfinite(times)
    cell, observed = np.asarray(table["cell"]), ~np.asarray(table["censored"])
    return {int(c): (times[known & (cell == c)], observed[known & (cell == c)]) for c in np.unique(cell[known])}


@metric("survival_curve")
def survival_curve(record: Record) -> Columns:
    """Kaplan-Meier curve of each cell with its log-log band; runs that reach the horizon are censored there."""
    table: dict[str, list[Any]] = {
        key: [] for key in ("cell", "round", "survival", "lower", "upper", "at_risk", "collapses", "censored")
    }
    for cell, (times, observed) in _lifetimes(record).items():
        curve = kaplan_meier(times, observed)
        table["cell"] += [cell] * len(curve.times)
        for key, values in (
            ("round", curve.times),
            ("survival", curve.survival),
            ("lower", curve.low),
            ("upper", curve.high),
            ("at_risk", curve.at_risk),
            ("collapses", curve.events),
            ("censored", curve.censored),
        ):
            table[key] += values.tolist()
    return table


@metric("survival_summary")
def survival_summary(record: Record) -> Columns:
    """Survival of each cell: mean T_s up to the horizon (restricted mean), share that survived, censoring share."""
    horizons = {cell.index: int(cell.get("environment.horizon", 0)) for cell in _commons(record)}
    rows = []
    for cell, (times, observed) in _lifetimes(record).items():
        mean, share = mean_interval(times), wilson(int((~observed).sum()), len(times))
        rows.append(
            (
                cell,
                mean.estimate,
                mean.low,
                mean.high,
                share.estimate,
                share.low,
                share.high,
                len(times),
                horizons.get(cell),
            )
        )
    names = ("cell", "restricted_mean", "lower", "upper", "survival_rate", "rate_lower", "rate_upper", "n", "horizon")
    return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))


@metric("survival_tests")
def survival_tests(record: Record) -> Columns:
    """Log-rank tests between cells, all pairs, p adjusted by Holm over them."""
    lives = _lifetimes(record)
    if len(lives) < 2:
        raise MetricError("one cell has nothing to be compared with.", path="sweep")
    if len(lives) > 24:
        raise MetricError(
            f"{len(lives)} cells make {len(lives) * (len(lives) - 1) // 2} pairs.",
            path="sweep",
            hint="At most 24 cells.",
        )
    index = sorted(lives)
    pairs = [(a, b) for place, a in enumerate(index) for b in index[place + 1 :]]
    found = [logrank(lives[a], lives[b]) for a, b in pairs]
    return {
        "cell_a": [a for a, _ in pairs],
        "cell_b": [b for _, b in pairs],
        "chi2": [test.chi2 for test in found],
        "p": [test.p for test in found],
        "p_holm": holm([test.p for test in found]),
        "null_reason": [test.reason or "" for test in found],
    }


# ---- the stock and who got it ------------------------------------------------------------------------------------------


@metric(
    "stock_use",
    main={"eta": "harvest over the best sustained harvest, mean over rounds played; above 1 is overharvest"},
    order=30,
)
def stock_use(record: Record) -> Columns:
    """Use of the stock, averaged over the rounds played (``eta``) and divided by the horizon (``eta_horizon``)."""
    found = _harvesters(record, "stock_use")

    def of(part: Panel, cell: CellOf) -> Mapping[str, Any]:
        law, horizon = cell.environment(), int(cell.get("environment.horizon"))
        best = best_sustained(law)
        if best is None:
            reason = "eta: the growth law sustains no harvest"
            return {"eta": _nothing(part), "eta_horizon": _nothing(part), "null_reason": [reason] * part.episodes}
        played = np.where(part.there.any(axis=2), np.nansum(part["harvest"], axis=2), np.nan)
        used = eta_of(played, best, horizon)
        return {"eta": used.played, "eta_horizon": used.horizon, "null_reason": [""] * part.episodes}

    return _by_cell(record, found, of)


@metric(
    "distribution",
    main={"gain": "mean harvest of an agent over the episode", "equality": "1 - Gini of the agents' harvests"},
    order=40,
)
def distribution(record: Record) -> Columns:
    """Gain, Gini and equality of harvests, and the social outcome measures U, E, S and P."""
    found = _harvesters(record, "distribution")

    def of(part: Panel, cell: CellOf) -> Mapping[str, Any]:
        gains = np.nansum(part["harvest"], axis=1)
        inequality = gini_rows(gains)
        social = social_outcome(part["payoff"], part["harvest"], part["fines_paid"])
        return {
            "gain": gains.mean(axis=1),
            "gini": inequality,
            "equality": 1 - inequality,
            "utilitarian": social.utilitarian,
            "sustainability": social.sustainability,
            "peace": social.peace,
            "null_reason": np.where(np.isfinite(inequality), "", "gini, equality: nobody harvested anything").tolist(),
        }

    return _by_cell(record, found, of)


@metric(
    "social_regret",
    main={
        "social_regret": "1 - (harvest less fines and their costs) / best harvest over the horizon; 0 is the social optimum"
    },
    order=60,
)
def social_regret(record: Record) -> Columns:
    """Distance from the social optimum of the horizon, with the fraction the society can take at most.

    Upkeep is left out on both sides; ``harvest_regret`` leaves out fines and their costs as well.
    """
    found = _harvesters(record, "social_regret")

    def of(part: Panel, cell: CellOf) -> Mapping[str, Any]:
        environment = cell.environment()
        best = optimum_harvest(environment)
        harvest = np.nansum(part["harvest"], axis=(1, 2))
        upkeep = float(cell.get("environment.upkeep.consumption", 0.0)) * part.there.sum(axis=(1, 2))
        net = np.nansum(part["payoff"], axis=(1, 2)) + upkeep
        return {
            "social_regret": 1 - net / best,
            "harvest_regret": 1 - harvest / best,
            "harvest": harvest,
            "optimum": np.full(part.episodes, best),
        }

    return _by_cell(record, found, of)


@metric(
    "effort_distance",
    main={
        "to_nash": "mean |e - static Nash effort|",
        "to_optimum": "mean |e - effort of the best sustained harvest|",
    },
    order=70,
)
def effort_distance(record: Record) -> Columns:
    """How far efforts are from the static Nash effort and from that of the best sustained harvest; logistic growth."""
    found = _harvesters(record, "effort_distance")

    def of(part: Panel, cell: CellOf) -> Mapping[str, Any]:
        nash, best = effort_targets(cell.environment())
        effort = np.where(part.there, part["effort"], np.nan)
        count = np.maximum(np.isfinite(effort).sum(axis=(1, 2)), 1)
        return {
            "to_nash": np.nansum(np.abs(effort - nash), axis=(1, 2)) / count,
            "to_optimum": np.nansum(np.abs(effort - best), axis=(1, 2)) / count,
            "mean_effort": np.nansum(effort, axis=(1, 2)) / count,
            "nash_effort": np.full(part.episodes, nash),
            "optimum_effort": np.full(part.episodes, best),
        }

    return _by_cell(record, found, of)


@metric("exploitability_lower_bound", default=False)
def exploitability(record: Record) -> Columns:
    """What one agent could have gained by the best of 21 fixed efforts, all others' policies and draws as they were."""
    from .deviation import exploitability_lower_bound

    found = _harvesters(record, "exploitability_lower_bound")
    return exploitability_lower_bound(record, found)


# ---- norms and sanctions -----------------------------------------------------------------------------------------------


@metric(
    "norms",
    main={"compliance": "share of agent-rounds with harvest <= norm", "fine_rate": "fines an agent-round"},
    order=50,
)
def norms(record: Record) -> Columns:
    """Compliance, fines, antisocial share, word-deed gap, lifetime and diversity of norms, episode by episode."""
    found = _harvesters(record, "norms")
    institutions = ("sanctions", "voting", "leader")
    if not any(cell.get(f"environment.institutions.{name}") for cell in found for name in institutions):
        raise MetricError("there is no norm and nobody fines.", path="environment.institutions")

    def of(part: Panel, cell: CellOf) -> Mapping[str, Any]:
        kept, life = compliance_of(part), norm_life(part)
        fines = bool(cell.get("environment.institutions.sanctions"))
        columns = {
            "compliance": kept.compliance,
            "fine_rate": kept.fine_rate if fines else _nothing(part),
            "fines": kept.fines if fines else _nothing(part),
            "antisocial_share": kept.antisocial_share,
            "word_deed_gap": kept.word_deed_gap,
            "norm_gap": kept.norm_gap,
            "norm_lifetime": life.lifetime,
            "norms": life.norms,
            "proposal_entropy": life.entropy,
        }
        whys = {
            "compliance": "no norm stood",
            "fine_rate": "sanctions are off",
            "fines": "sanctions are off",
            "antisocial_share": "nobody was fined under a norm",
            "word_deed_gap": "nobody stated a cap",
            "norm_gap": "no norm stood",
            "norm_lifetime": "no norm stood",
            "proposal_entropy": "nobody proposed",
        }
        return {**columns, "null_reason": _reasons(columns, whys)}

    return _by_cell(record, found, of)


@metric("norm_timeline")
def norm_timeline(record: Record) -> Columns:
    """Each cell round by round over the episodes still running: stock, norm, harvest, effort, compliance, fines, alive."""
    found = _commons(record)
    everything = panel_of(record)
    table: dict[str, list[Any]] = {"cell": [], "round": []}
    for cell in found:
        part = everything.of_cell(cell.index)
        there = part.there
        running: BoolArray = np.asarray(there.any(axis=2))
        norm = np.broadcast_to(part["norm"][:, :, None], there.shape)
        under = np.logical_and(there, np.isfinite(norm))
        kept = np.logical_and(under, np.nan_to_num(part["harvest"]) <= np.nan_to_num(norm))
        rounds = int(running.any(axis=0).sum())
        table["cell"] += [cell.index] * rounds
        table["round"] += list(range(1, rounds + 1))
        for name, (mean, low, high) in {
            "stock": _band(part["stock"]),
            "norm": _band(part["norm"]),
        }.items():
            for key, values in ((name, mean), (f"{name}_lower", low), (f"{name}_upper", high)):
                table.setdefault(key, []).extend(_or_none(values[:rounds]))
        present = np.broadcast_to(running[:, :, None], there.shape)
        for name, shares in {
            "harvest": _shares(part["harvest"], there),
            "effort": _shares(part["effort"], np.isfinite(part["effort"])),
            "compliance": _shares(kept, under),
            "fine_rate": _shares(part["fines_paid"], there),
            "alive_share": _shares(there, present),
        }.items():
            table.setdefault(name, []).extend(_or_none(shares[:rounds]))
        table.setdefault("episodes", []).extend(running.sum(axis=0)[:rounds].tolist())
    return table


@metric("authorship")
def authorship(record: Record) -> Columns:
    """Every norm with its author, votes and tie: from the journals where they tell, else from proposals and ballots."""
    _commons(record)
    rows = [_flat(event) for event in record.events("norm", "norm_kept")]
    if rows:
        return authorship_of(rows)
    found = panel_of(record)
    if not np.isfinite(found["norm_next"]).any():
        raise MetricError("no norm was ever adopted.", path="environment.institutions.voting")
    return authors_of(found)


@metric("recovery", main={"recovery": "rounds from the shock until the stock held above 90 % of its value before"})
def recovery(record: Record) -> Columns:
    """Rounds until the stock recovered from the first shock of the scenario; null where it did not."""
    found = _harvesters(record, "recovery")
    shocks = [_first_shock(cell) for cell in found]
    if not any(shocks):
        raise MetricError("the scenario has no shock.", path="environment.perturbations")

    def of(part: Panel, cell: CellOf) -> Mapping[str, Any]:
        at = _first_shock(cell)
        if at is None or at > part["stock"].shape[1]:
            return {"recovery": _nothing(part), "null_reason": ["recovery: there was no shock"] * part.episodes}
        values = recovery_time(part["stock"], at)
        said = np.where(np.isfinite(values), "", "recovery: not seen")
        return {"recovery": values, "null_reason": said.tolist()}

    return _by_cell(record, found, of)


# ---- GovSim ------------------------------------------------------------------------------------------------------------


@metric(
    "govsim",
    main={
        "months": "months played",
        "gain": "units an agent got",
        "efficiency": "% of the sustained yield (clipped: 100 is not the optimum)",
        "equality": "% equality of gains",
        "over_usage": "% of answers above the per-agent threshold",
    },
    order=20,
)
def govsim(record: Record) -> Columns:
    """GovSim's scores of doubling-cap societies, as the paper prints them."""
    found = _harvesters(record, "govsim")
    if any(cell.get("environment.growth.law") != "doubling_cap" for cell in found):
        raise MetricError("GovSim's scores are for law 'doubling_cap'.", path="environment.growth.law")

    def of(part: Panel, cell: CellOf) -> Mapping[str, Any]:
        horizon = int(cell.get("environment.horizon"))
        legacy = bool(cell.get("environment.information.legacy_threshold", False))
        full = float(cell.get("environment.growth.capacity", 100.0)) / 2
        rows = [
            govsim_rules.scores(
                part["harvest"][row, :m],
                part["stock"][row, :m],
                horizon=horizon,
                survived=False,
                legacy=legacy,
                group_threshold=full,
            )
            for row, m in enumerate(part.rounds)
        ]
        names = ("months", "gain", "efficiency", "equality", "over_usage")
        return {
            **{name: [getattr(row, name) for row in rows] for name in names},
            "null_reason": [row.why for row in rows],
        }

    return _by_cell(record, found, of)


@metric(
    "shortfall",
    main={
        "shortfall": "units an agent-month fell short of 50 / N",
        "total_effort": "units removed in all",
        "excess_effort": "units removed beyond five a month",
    },
    order=20,
)
def shortfall(record: Record) -> Columns:
    """The inverse game's own scores: effort spent, effort missing, effort beyond what keeps the house alive."""
    found = _commons(record)
    if any(cell.get("environment.growth.law") != "inverse" for cell in found):
        raise MetricError("'shortfall' is for law 'inverse'.", path="environment.growth.law")

    def of(part: Panel, cell: CellOf) -> Mapping[str, Any]:
        rows = [
            govsim_rules.inverse_scores(part["harvest"][row, :m], survived=False) for row, m in enumerate(part.rounds)
        ]
        names = ("months", "total_effort", "shortfall", "excess_effort")
        return {
            **{name: [getattr(row, name) for row in rows] for name in names},
            "null_reason": [row.why for row in rows],
        }

    return _by_cell(record, found, of)


# ---- helpers -----------------------------------------------------------------------------------------------------------


def _by_cell(record: Record, found: list[CellOf], of: Callable[[Panel, CellOf], Mapping[str, Any]]) -> Columns:
    """An episode table made cell by cell."""
    everything = panel_of(record)
    parts = []
    for cell in found:
        part = everything.of_cell(cell.index)
        if part.episodes:
            parts.append({**part.keys(), **of(part, cell)})
    if not parts:
        raise MetricError("no episode was played.", path="steps")
    return {name: np.concatenate([_column(part[name]) for part in parts]) for name in parts[0]}


def _column(values: Any) -> AnyArray:
    if isinstance(values, np.ndarray):
        return values
    if any(isinstance(value, str) for value in values):
        return np.array(values, dtype=object)
    return np.array([np.nan if value is None else value for value in values])


def _reasons(columns: Mapping[str, FloatArray], whys: Mapping[str, str]) -> list[str]:
    missing = {name: ~np.isfinite(columns[name]) for name in whys}
    size = len(next(iter(missing.values())))
    return ["; ".join(f"{name}: {whys[name]}" for name in whys if missing[name][row]) for row in range(size)]


def _nothing(part: Panel) -> FloatArray:
    return np.full(part.episodes, np.nan)


def _band(values: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Mean over episodes and its Student interval, column by column."""
    from scipy.special import stdtrit

    count = np.isfinite(values).sum(axis=0)
    total = np.where(count > 0, np.nansum(values, axis=0), np.nan)
    mean = total / np.maximum(count, 1)
    squares = np.nansum((values - mean) ** 2, axis=0)
    spread = np.sqrt(squares / np.maximum(count - 1, 1) / np.maximum(count, 1))
    half = np.where(count > 1, stdtrit(np.maximum(count - 1, 1), 0.975) * spread, np.nan)
    return mean, mean - half, mean + half


def _shares(part: AnyArray, whole: AnyArray) -> FloatArray:
    """Sum of a part over sum of the whole, round by round, of arrays (E, T, N)."""
    total = whole.sum(axis=(0, 2)).astype(np.float64)
    top = np.nansum(part.astype(np.float64), axis=(0, 2))
    return np.where(total > 0, top / np.where(total > 0, total, 1.0), np.nan)


def _or_none(values: FloatArray) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]


def _first_shock(cell: CellOf) -> int | None:
    rounds = [
        int(item["at"]) for item in cell.get("environment.perturbations", []) or [] if item.get("kind") == "growth"
    ]
    return min(rounds) if rounds else None


def _flat(event: Any) -> dict[str, Any]:
    """An event as one mapping, whether it keeps its data apart or not."""
    data = dict(event) if isinstance(event, Mapping) else dict(vars(event))
    inner = data.pop("data", None)
    return {**data, **(dict(inner) if isinstance(inner, Mapping) else {})}
