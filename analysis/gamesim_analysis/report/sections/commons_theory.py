"""How far societies are from the social optimum and from Nash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gamesim.core.arrays import AnyArray
from gamesim.core.errors import GamesimError
from gamesim.core.registry import build

from ..agents import Lives, lives
from ..blocks import Block, Figure, Note, Panel, Section, Table, Text, Value
from ..charts import FULL, PHONE, Mark, dots
from ..numbers import NOTHING, Estimate, mean_interval, number, thinned
from ..study import Study, numeric
from .common import BRACKETS, by_condition, compares
from .commons_rounds import is_commons


@compares
def section(study: Study) -> Section | None:
    if study.environment != "commons" or not is_commons(study):
        return None
    found = lives(study)
    if found is None:
        return None
    targets: list[dict[str, float]] = []
    reasons: dict[str, None] = {}
    for condition in study.conditions:
        known, why = _targets(condition.get("environment"))
        targets.append(known)
        reasons.update(dict.fromkeys(why))
    if not any(targets):
        return (
            Section("theory", "Distance to the optimum and to Nash", tuple(Note(why) for why in reasons), order=900)
            if reasons
            else None
        )
    social = _per_episode(study, found, targets)
    regret, eta, to_nash, to_best = [], [], [], []
    for condition, target in zip(study.conditions, targets, strict=True):
        chosen = social["condition"] == condition.index
        part = {k: numeric(v)[chosen] for k, v in social.items() if k != "condition"}
        upkeep = float(condition.get("environment.upkeep.consumption", 0.0) or 0.0)
        regret.append(
            _mean(target, "optimum", 1 - (part["payoff"] + upkeep * part["lived"]) / target.get("optimum", np.nan))
        )
        eta.append(_mean(target, "sustained", part["harvest"] / part["rounds"] / target.get("sustained", np.nan)))
        to_nash.append(_mean(target, "nash", part["nash"]))
        to_best.append(_mean(target, "best", part["best"]))
    columns: dict[str, list[Value]] = {}
    for name, values in (
        ("n", [e.n for e in regret]),
        ("social regret", regret),
        ("use of the stock", eta),
        ("effort from Nash", to_nash),
        ("effort from optimum", to_best),
    ):
        if name == "n" or any(isinstance(e, Estimate) and e.known for e in values):
            columns[name] = list(values)
    about = (
        "Social regret is 1 − (harvest less fines and their costs) ÷ the most that can be harvested over the horizon: 0 is the optimum. "
        "Use of the stock is harvest a round ÷ the best sustained harvest: above 1 is overharvest. Distances of effort are mean "
        f"absolute differences. n is societies. {BRACKETS}"
    )
    blocks: list[Block] = [Text(_sentence(study, targets, regret, to_nash, to_best))]
    if "social regret" in columns:
        blocks.append(_figure(study, regret))
    blocks.append(by_condition(study, columns, "Distance in figures", about))
    blocks.append(_theory_table(study, targets))
    blocks += [Note(why) for why in reasons]
    return Section("theory", "Distance to the optimum and to Nash", tuple(blocks), order=900)


def _targets(environment: Any) -> tuple[dict[str, float], list[str]]:
    """What theory says of one scenario, and why some of it is not known."""
    from gamesim_analysis.commons.targets import best_sustained, effort_targets, optimum_harvest

    found: dict[str, float] = {}
    why: list[str] = []
    try:
        config: Any = build("environments", environment)
    except (GamesimError, ValueError, TypeError, KeyError) as error:
        return {}, [f"The scenario's environment cannot be read here: {error}"]
    if config.growth.law == "inverse":
        return {}, ["In the inverse game the stock is a burden, so that harvest has no optimum to be compared with."]
    for names, function in (
        (("sustained",), best_sustained),
        (("optimum",), optimum_harvest),
        (("nash", "best"), effort_targets),
    ):
        try:
            values = function(config)
        except GamesimError as error:
            why.append(str(error))
            continue
        for name, value in zip(names, values if isinstance(values, tuple) else (values,), strict=True):
            if value is not None:
                found[name] = float(value)
    return found, why


def _per_episode(study: Study, found: Lives, targets: list[dict[str, float]]) -> dict[str, AnyArray]:
    """Sums of each episode, and the mean distance of its efforts from the two targets of its cell; NaN where unknown."""
    groups, inverse = found.groups()
    columns: dict[str, AnyArray] = {"condition": groups[:, 0]}
    for name in ("harvest", "lived", "payoff"):
        columns[name] = found.total(name if found.has(name) else "reward", inverse)
    rounds = np.zeros(len(groups))
    np.maximum.at(rounds, inverse, found["lived"])
    columns["rounds"] = np.maximum(rounds, 1)
    order = {(int(c), int(s)): place for place, (c, s, _) in enumerate(groups)}
    for name in ("nash", "best"):
        columns[name] = np.full(len(groups), np.nan)
    for record in range(len(study.records)) if study.has("effort", "phase") else ():
        asked = [(n, sql) for n in ("nash", "best") if (sql := _gap(study, record, targets, n))]
        if asked:
            names = ", ".join(f"{sql} as {n}" for n, sql in asked)
            gaps = study.query(
                f"select cell, seed, {names} from steps where phase = 'harvest' group by cell, seed", record
            )
            places = [order[int(c), int(s)] for c, s in zip(gaps["condition"], gaps["seed"], strict=True)]
            for n, _ in asked:
                columns[n][places] = numeric(gaps[n])
    return columns


def _gap(study: Study, record: int, targets: list[dict[str, float]], name: str) -> str:
    known = [
        f"when {c.cell} then {targets[c.index][name]!r}"
        for c in study.conditions
        if c.record == record and name in targets[c.index]
    ]
    return f"favg(abs(effort - cast(case cell {' '.join(known)} end as double)))" if known else ""


def _mean(target: Mapping[str, float], needs: str, values: AnyArray) -> Estimate:
    return mean_interval(values) if needs in target else NOTHING


def _sentence(
    study: Study, targets: list[dict[str, float]], regret: list[Estimate], nash: list[Estimate], best: list[Estimate]
) -> str:
    if len(study.conditions) == 1:
        t = targets[0]
        text = ""
        if "optimum" in t and regret[0].known:
            text += f"At best these {shown_players(study)} could have taken {number(t['optimum'])} fish over the horizon; they fell short by a share of {regret[0]}. "
        if nash[0].known and best[0].known:
            nearer = "Nash" if nash[0].value < best[0].value else "the optimum"
            text += (
                f"The static Nash effort is {number(t['nash'])} a head, the effort of the best sustained harvest {number(t['best'])}; members were "
                f"{nash[0]} from the one and {best[0]} from the other, nearer to {nearer}."
            )
        return text.strip() or "Theory gives partial benchmarks for this scenario."
    known = [(e.value, i) for i, e in enumerate(regret) if e.known]
    if not known:
        return "Theory gives partial benchmarks for these scenarios."
    (_, low), (_, high) = min(known), max(known)
    return (
        f"Social regret, the share of the best possible harvest that was missed, was smallest for {study.name(low)}, {regret[low]}, "
        f"and largest for {study.name(high)}, {regret[high]}."
    )


def shown_players(study: Study) -> str:
    players = study.conditions[0].get("environment.players")
    return f"{players} members" if players else "members"


def _figure(study: Study, regret: list[Estimate]) -> Figure:
    some = thinned(len(regret), 24)
    marks = [Mark(study.name(i), regret[i].value, regret[i].low, regret[i].high, 0) for i in some]
    panel = [dots(marks, "social regret (0 = the optimum)", size, zero=True) for size in (FULL, PHONE)]
    rows: tuple[tuple[Value, ...], ...] = tuple((study.name(i), e.n, e) for i, e in enumerate(regret))
    return Figure(
        "Distance from the social optimum",
        "Social regret. " + "; ".join(f"{study.name(i)}: {regret[i]}" for i in some[:12]) + ".",
        "Dots are means over societies, bars 95 % intervals (Student's t)."
        + (f" {len(some)} of {len(regret)} conditions are drawn." if len(some) < len(regret) else ""),
        (Panel(panel[0], narrow=panel[1]),),
        Table(("condition", "n", "social regret"), rows[:80], about=f"n is societies. {BRACKETS}", download=rows),
    )


def _theory_table(study: Study, targets: list[dict[str, float]]) -> Table:
    columns: dict[str, list[Value]] = {}
    for key, name in (
        ("optimum", "most over the horizon, fish"),
        ("sustained", "best sustained, fish a round"),
        ("nash", "static Nash effort"),
        ("best", "optimal effort"),
    ):
        if any(key in t for t in targets):
            columns[name] = [t.get(key) for t in targets]
    about = (
        "Computed, not simulated. The most over the horizon is found by dynamic programming on the growth law with what the members can take "
        "at full effort; the static Nash effort is Gordon and Schaefer's with free effort, r ÷ (α (N + 1)), at most 1; the optimal effort keeps the stock "
        "at its most productive."
    )
    return by_condition(study, columns, "What theory says", about)
