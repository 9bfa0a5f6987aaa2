"""What safety costs: crashes against mean return, with arrival beside every ratio and what must not be read into them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gamesim_analysis.metrics.frontier import Ratio, chosen, risk, scores
from gamesim_analysis.metrics.psro import KIND, done

from ..blocks import Block, Figure, Key, Note, Panel, Points, Section, Table, Text
from ..charts import NARROW, WIDE, Series, curves
from ..numbers import Estimate, number
from ..study import Study

FOOTER = (
    "This implements the RAE concept as described in the abstract of Slumbers et al. (PMLR 202, 2023); definition, protocol and numbers are ours. "
    "The paper reports 7x fewer crashes in its own simulator, which is another one; nothing here reproduces or confirms that figure."
)
EVERYBODY = {"self": "against itself", "uniform": "against all policies alike"}


def section(study: Study) -> Section | None:
    """Crash against mean of every solution, ratios with intervals, arrival, warnings, and the sentence that may be said."""
    if study.scenarios[0].get("kind") != KIND:
        return None
    units = done(study.record, "score")
    if not units:
        return None
    blocks: list[Block] = []
    for unit in units:
        named = f"{next(c.label for c in study.conditions if c.cell == unit.cell)}: " if study.several else ""
        blocks += _one(unit.data, named, not study.several)
    blocks.append(_split(study))
    blocks.append(Note(FOOTER))
    return Section("frontier", "What safety costs", tuple(blocks), order=330)


def _one(data: Mapping[str, Any], named: str, lead: bool) -> list[Block]:
    rows = scores(data)
    first = data["populations"][0]
    own = [row for row in rows if row["population"] == first]
    base = own[0]
    blocks: list[Block] = []
    if data["in_sample"]:
        blocks.append(Note(f"{named}Scored on the training cells (in_sample: true). Solutions were fitted to these very episodes, so ratios are too large; quote none of them.", "failure"))  # fmt: skip
    points = chosen(rows, first)
    blocks.append(Text(named + _sentence(base, points, data["delta"]), lead=lead))
    blocks += _redrawn(own, base, points, named)
    blocks.append(_figure(own, base, named, first))
    for population in data["populations"]:
        blocks.append(_table([row for row in rows if row["population"] == population], named, population, points))
    warnings = _warnings(own, data)
    if warnings:
        blocks.append(Points(tuple(warnings)))
    return blocks


def _sentence(base: Mapping[str, Any], points: Mapping[str, Mapping[str, Any]], delta: float) -> str:
    text = f"Those who mind no risk crash {number(1000 * base['crash'])} times in 1000 episodes, at a mean of {number(base['mean'])}"
    text += f" and with {number(100 * base['arrival'])} % of seats arriving. " if base["arrival"] is not None else ". "
    said = []
    for concept, row in points.items():
        times = as_ratio(row)
        at = f"{concept} at {row['parameter']} {row['value']:g}"
        change = f"{_percent(row['mean_change'])} mean return and {_percent(row['arrival_change'])} arrival"
        if times.resolved:
            said.append(f"In our simulator {at} has {times} times fewer crashes than Nash at {change}.")
        else:
            said.append(f"For {at} the ratio of crashes is {times}, at {change}.")
    return text + (" ".join(said) or f"No solution of the grid keeps its mean within {100 * delta:g} % of that.")


def _redrawn(
    rows: Sequence[Mapping[str, Any]], base: Mapping[str, Any], points: Mapping[str, Mapping[str, Any]], named: str
) -> list[Block]:
    """What the solutions owe to their training table, in words and in a table; nothing where the run drew no other."""
    if not base.get("redraws"):
        return []
    said = f"{named}Another training table of as many episodes would have put Nash's crashes in 1000 anywhere in {_range(base, 'crash', 1000)}"
    for concept, row in points.items():
        if row["ratio_table_low"] is not None:
            said += f", and how many times fewer {concept} at {row['value']:g} has in {_range(row, 'ratio')}"
    said += f" (95 % of {int(base['redraws'])} redraws of the table, each solved again)."
    shown = tuple(
        (row["concept"], float(row["value"]), _range(row, "mean"), _range(row, "crash", 1000), _range(row, "ratio"), int(row["redraws"]))
        for row in rows
    )  # fmt: skip
    caption = "Ranges hold 95 % of the redraws. They say what solving has to do with chance in the training cells, the intervals below what scoring has in the fresh ones."
    head = ("concept", "at", "mean", "crashes / 1000", "times fewer", "redraws")
    return [
        Text(said),
        Table(head, shown, f"{named}What another training table would give", caption, header=2, folded=True),
    ]


def _range(row: Mapping[str, Any], name: str, times: float = 1.0) -> str:
    low, high = row[f"{name}_table_low"], row[f"{name}_table_high"]
    return "" if low is None or high is None else f"[{number(times * low)}, {number(times * high)}]"


def as_ratio(row: Mapping[str, Any]) -> Ratio:
    return Ratio(row["ratio"], row["ratio_low"], row["ratio_high"], not row["below_resolution"])


def _percent(change: float | None) -> str:
    return "unknown" if change is None else f"{100 * change:+.1f} %"


def _figure(rows: Sequence[Mapping[str, Any]], base: Mapping[str, Any], named: str, population: str) -> Figure:
    concepts = list(dict.fromkeys(row["concept"] for row in rows if row is not base))
    series, keys = [], []
    for index, concept in enumerate(concepts):
        mine = sorted([base, *(row for row in rows if row["concept"] == concept)], key=lambda row: float(row["mean"]))
        x = [row["mean"] for row in mine]
        series.append(Series(index, x, [1000 * row["crash"] for row in mine], [1000 * row["crash_low"] for row in mine], [1000 * row["crash_high"] for row in mine]))  # fmt: skip
        keys.append(Key(index, concept))
    panels = [curves(series, "mean return", "crashes / 1000", size) for size in (WIDE, NARROW)] if series else []
    alt = "; ".join(
        f"{row['concept']} {row['value']:g}: mean {number(row['mean'])}, {number(1000 * row['crash'])} crashes"
        for row in rows
    )
    return Figure(
        f"{named}Crashes against mean return", alt + ".",
        "Each line is one concept, from Nash along its parameter; bands are Wilson's 95 % intervals. Fewer crashes lie lower, more return to the right.",
        tuple([Panel(panels[0], narrow=panels[1])] if panels else []), _table(rows, named, population, {}, folded=True), tuple(keys),
    )  # fmt: skip


def _table(
    rows: Sequence[Mapping[str, Any]], named: str, population: str, points: Mapping[str, Mapping[str, Any]], folded: bool = False
) -> Table:  # fmt: skip
    shown: list[tuple[Any, ...]] = []
    for row in rows:
        mark = " (frontier point)" if any(row is point for point in points.values()) else ""
        times = "1" if row["concept"] == "nash" else str(as_ratio(row))
        crash = Estimate(1000 * row["crash"], 1000 * row["crash_low"], 1000 * row["crash_high"], int(row["episodes"]))
        mean = Estimate(row["mean"], row["mean_low"], row["mean_high"], int(row["episodes"]))
        flags = ", ".join(name for name in ("frozen",) if row[name]) + ("" if row["converged"] else " not converged")
        if row["dominated"] > 1e-9:
            flags = f"{flags} dominated {number(row['dominated'])}".strip()
        at = f"{row['parameter']} {row['value']:g}{mark}" if row["concept"] != "nash" else "minds no risk"
        shown.append(
            (row["concept"], at, mean, _percent(row["mean_change"]), crash, times, row["arrival"], flags.strip())
        )
    return Table(
        ("concept", "at", "mean", "against Nash", "crashes / 1000", "times fewer", "arrival", "warnings"), tuple(shown),
        f"{named}Scores {EVERYBODY.get(population, f'against {population} opponents')}",
        "Fresh episodes. Brackets are 95 % intervals: Wilson's for crashes, the log-ratio's (Katz) for ratios over the cells that both share. Below ten crashes in "
        "either sample there is only a bound. Intervals are of these solutions as they stand; another training table would give others.", header=2, folded=folded,
    )  # fmt: skip


def _warnings(rows: Sequence[Mapping[str, Any]], data: Mapping[str, Any]) -> list[str]:
    found = []
    for row, solution in zip(rows, data["solutions"], strict=True):
        at = f"{row['concept']} at {row['parameter']} {row['value']:g}"
        if row["frozen"]:
            found.append(f"{at} is frozen: it is safe because hardly anybody arrives ({number(row['arrival'])} of seats)." if row["arrival"] is not None
                         else f"{at} is frozen: its mean has fallen by more than half.")  # fmt: skip
        if row["below_resolution"]:
            found.append(f"{at}: too few crashes for a ratio. More fresh episodes: frontier.evaluate.")
        if not row["converged"]:
            found.append(f"{at} did not converge; its gap is {number(row['gap'])}.")
        found += [f"{at}: {warning}" for warning in solution["warnings"]]
        if row["branch"] and row["branch"] != "from uniform":
            found.append(f"{at} lies on the branch {row['branch']}; others may exist.")
    return list(dict.fromkeys(found))


def _split(study: Study) -> Table:
    table = risk(study.record)
    rows: list[tuple[Any, ...]] = []
    for k in range(len(table["cell"])):
        worst = [float(table[name][k]) for name in ("worst_held_out", "worst_held_out_low", "worst_held_out_high")]
        shown = Estimate(worst[0], worst[1], worst[2], 0) if np.isfinite(worst[0]) else None
        place = (study.name(int(table["cell"][k])),) if study.several else ()
        rows.append((*place, str(table["concept"][k]), float(table["value"][k]), int(table["player"][k]), float(table["mean"][k]), float(table["sd"][k]),
                     float(table["environment"][k]), float(table["own_mixing"][k]), float(table["strategic"][k]), shown))  # fmt: skip
    head = ("concept", "at", "player", "mean", "SD", "environment", "own mixing", "strategic", "worst held-out mean")
    return Table(
        (*(("condition",) if study.several else ()), *head), tuple(rows), "Where the spread comes from",
        "The variance of an episode's return in three parts that add to SD squared: inside cells (crashes lie there), the player's own mixing, opponents' mixing. "
        "strategic aversion sees the last alone, strategic+env the first and the last.", header=3, folded=True,
    )  # fmt: skip
