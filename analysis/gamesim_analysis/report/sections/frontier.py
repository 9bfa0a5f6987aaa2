"""What safety costs: crashes against mean return, with arrival beside every ratio and what must not be read into them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gamesim_analysis.metrics.frontier import FEWEST, Ratio, chosen, risk, scores
from gamesim_analysis.metrics.psro import KIND, done

from ..blocks import Block, Figure, Key, Note, Panel, Section, Table, Text
from ..charts import FULL, HALF, NARROW, PHONE, WIDE, Spot, stacked, tradeoff
from ..numbers import Estimate, number
from ..study import Study
from .psro import merged, small

FOOTER = (
    "This implements the RAE concept as described in the abstract of Slumbers et al. (PMLR 202, 2023); definition, protocol and numbers are ours. "
    "The paper reports 7x fewer crashes in its own simulator, which is another one; nothing here reproduces or confirms that figure."
)
PARTS = ("environment", "own_mixing", "strategic")
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
        blocks += _split(study, unit.cell, named)
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
    blocks += [Note(named + text, kind) for kind, text in _warnings(own, data)]
    blocks += _redrawn(own, base, points, named)
    blocks.append(_figure(own, base, named, first, points))
    for population in data["populations"]:
        blocks.append(_table([row for row in rows if row["population"] == population], named, population, points))
    held_out = [name for name in data["populations"] if name not in EVERYBODY]
    if held_out:
        blocks.append(_held_out(rows, held_out, named))
    return blocks


def _sentence(base: Mapping[str, Any], points: Mapping[str, Mapping[str, Any]], delta: float) -> str:
    text = f"Those who mind no risk crash {number(1000 * base['crash'])} times in 1000 episodes, at a mean of {number(base['mean'])}"
    text += f" and with {number(100 * base['arrival'])} % of seats arriving. " if base["arrival"] is not None else ". "
    said = []
    for concept, row in points.items():
        times = as_ratio(row)
        at = f"{concept} at {row['parameter']} {row['value']:g}"
        change = f"{_lower(row['mean_change'])} mean return and {_lower(row['arrival_change'])} arrival"
        if times.resolved:
            said.append(f"In our simulator {at} has {times} times fewer crashes than Nash at {change}.")
        else:
            said.append(f"For {at} the ratio of crashes is {times}, at {change}.")
    if any(row["concept"].startswith("rae") and not row["below_resolution"] for row in points.values()):
        said.append("The paper reports 7x in its own simulator.")
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


def _lower(change: float | None) -> str:
    if change is None:
        return "unknown change of"
    return f"{abs(100 * change):.1f} % {'lower' if change < 0 else 'higher'}" if abs(change) >= 5e-4 else "the same"


def as_ratio(row: Mapping[str, Any]) -> Ratio:
    return Ratio(row["ratio"], row["ratio_low"], row["ratio_high"], not row["below_resolution"])


def _percent(change: float | None) -> str:
    if change is None:
        return "unknown"
    return (
        f"{100 * change:+.1f} %".replace("-", "−") if abs(change) <= 2 else "Nash near 0"
    )  # a share of next to nothing says nothing


def _figure(
    rows: Sequence[Mapping[str, Any]], base: Mapping[str, Any], named: str, population: str, points: Mapping[str, Mapping[str, Any]]
) -> Figure:  # fmt: skip
    concepts = list(dict.fromkeys(row["concept"] for row in rows if row is not base))
    frozen = [row for row in rows if row["frozen"] and row is not base]
    spots = []
    for index, concept in enumerate(concepts):
        mine = sorted(
            (row for row in rows if row["concept"] == concept and not row["frozen"]),
            key=lambda row: float(row["value"]),
        )
        if index == 0 or mine:  # every line begins at Nash
            spots.append(_spot(index, base, "" if index else "Nash"))
        spots += [_spot(index, row, f"{row['value']:g}") for row in mine]
    keys = [Key(index, concept) for index, concept in enumerate(concepts)]
    panels = [tradeoff(spots, "mean return", "crashes / 1000", size) for size in (WIDE, NARROW)] if spots else []
    alt = "; ".join(
        f"{row['concept']} {row['value']:g}: mean {number(row['mean'])}, {number(1000 * row['crash'])} crashes"
        for row in rows
    )
    parameters = ", ".join(dict.fromkeys(str(row["parameter"]) for row in rows if row is not base))
    caption = f"Each line is one concept, from Nash along its {parameters or 'parameter'}, which stands beside each point; crosses are 95 % intervals (Wilson's for crashes). Fewer crashes lie lower, more return to the right."
    if frozen:
        caption += (
            f" Frozen solutions are left out of the drawing, not of the table: {', '.join(_at(row) for row in frozen)}."
        )
    return Figure(
        f"{named}Crashes against mean return", alt + ".", caption,
        tuple([Panel(panels[0], narrow=panels[1])] if panels else []), _table(rows, named, population, points, folded=True), tuple(keys),
    )  # fmt: skip


def _spot(index: int, row: Mapping[str, Any], label: str) -> Spot:
    crash = (1000 * row["crash"], 1000 * row["crash_low"], 1000 * row["crash_high"])
    return Spot(index, (row["mean"], row["mean_low"], row["mean_high"]), crash, label)


def _estimate(row: Mapping[str, Any], name: str, times: float = 1.0) -> Estimate:
    """A score with its interval."""
    return Estimate(times * row[name], times * row[f"{name}_low"], times * row[f"{name}_high"], int(row["episodes"]))


def _at(row: Mapping[str, Any]) -> str:
    return f"{row['concept']} at {row['parameter']} {row['value']:g}" if row["concept"] != "nash" else "nash"


def _held_out(rows: Sequence[Mapping[str, Any]], names: Sequence[str], named: str) -> Table:
    """Every solution against people the learner never met, and its worst of them."""
    shown: list[tuple[Any, ...]] = []
    by = {name: [row for row in rows if row["population"] == name] for name in names}
    for place in range(len(by[names[0]])):
        own = [by[name][place] for name in names]
        worst = min(own, key=lambda row: float(row["mean"]))
        estimates = [_estimate(row, "mean") for row in (*own, worst)]
        shown.append((_at(own[0]), *estimates, worst["population"], number(1000 * worst["crash"])))
    return Table(
        ("solution", *(f"mean against {name}" for name in names), "worst held-out mean", "which", "crashes / 1000 there"), tuple(shown),
        f"{named}Held-out populations", "Means over fresh episodes with 95 % intervals, against populations that no solution was made from. The interval of the worst is that of the population which came out worst.",
    )  # fmt: skip


def _table(
    rows: Sequence[Mapping[str, Any]], named: str, population: str, points: Mapping[str, Mapping[str, Any]], folded: bool = False
) -> Table:  # fmt: skip
    shown: list[tuple[Any, ...]] = []
    for row in rows:
        times = (
            "1" if row["concept"] == "nash" else str(as_ratio(row)).replace(" [", "\u00a0[").replace(", ", ",\u00a0")
        )
        mean, crash = _estimate(row, "mean"), _estimate(row, "crash", 1000)
        arrival = None if row["arrival"] is None else _estimate(row, "arrival")
        said = {
            "frontier point": any(row is point for point in points.values()),
            "frozen": row["frozen"],
            "not converged": not row["converged"],
            f"dominated {number(row['dominated'])}": row["dominated"] > 1e-9,
        }
        notes = [text for text, true in said.items() if true]
        place = f"{row['concept']}\u00a0{row['value']:g}" if row["concept"] != "nash" else "nash"
        shown.append((place, mean, _percent(row["mean_change"]), crash, times, arrival, ", ".join(notes)))
    parameters = ", ".join(dict.fromkeys(str(row["parameter"]) for row in rows if row["concept"] != "nash"))
    return Table(
        ("solution", "mean", "against Nash", "crashes / 1000", "times fewer", "arrival", "notes"), tuple(shown),
        f"{named}Scores {EVERYBODY.get(population, f'against {population} opponents')}",
        f"Nash minds no risk; the number after a concept is its {parameters or 'parameter'}. Fresh episodes. Brackets are 95 % intervals: Wilson's for crashes and arrival, the "
        "log-ratio's (Katz) for ratios over the cells that both share. Below ten crashes in either sample there is only a bound. Intervals are of these solutions as they "
        "stand; another training table would give others.", header=1, folded=folded,
    )  # fmt: skip


def _warnings(rows: Sequence[Mapping[str, Any]], data: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(kind, text): each complaint once, with all solutions that it is about."""
    frozen = [f"{_at(row)} ({number(100 * row['arrival'])} % arrive)" if row["arrival"] is not None else _at(row) for row in rows if row["frozen"]]  # fmt: skip
    thin = [_at(row) for row in rows if row["below_resolution"]]
    open_ = [f"{_at(row)} (gap {small(row['gap'])})" for row in rows if not row["converged"]]
    beaten = [f"{_at(row)} ({number(row['dominated'])})" for row in rows if row["dominated"] > 1e-9]
    found: list[tuple[str, str]] = []
    if frozen:
        found.append(("warning", f"Frozen, safe because little happens: {', '.join(frozen)}."))
    if open_:
        found.append(("warning", f"Not converged, so no equilibrium: {', '.join(open_)}."))
    if beaten:
        found.append(
            ("warning", f"Strictly dominated policies are played, for their variance is lower: {', '.join(beaten)}.")
        )
    if thin:
        found.append(("warning", f"Below resolution, fewer than {FEWEST:g} crashes in a sample: {', '.join(thin)}. More fresh episodes: `frontier.evaluate`."))  # fmt: skip
    about: dict[str, tuple[str, list[str]]] = {}  # of variance what is said first, whatever its numbers
    for row, solution in zip(rows, data["solutions"], strict=True):
        for warning in merged(solution["warnings"]):
            if "dominated" not in warning:
                kind = "variance" if "variance inside cells" in warning else warning
                about.setdefault(kind, (warning, []))[1].append(_at(row))
    for kind, (text, solutions) in about.items():
        who = ", ".join(solutions)
        found.append(
            ("warning", f"Wrong variance for {who}: {text}." if kind == "variance" else f"{who}: {text.rstrip('.')}.")
        )
    branches = dict.fromkeys(row["branch"] for row in rows if row["branch"])
    if list(branches) == ["from uniform"]:
        found.append(
            (
                "caveat",
                "Every solution was reached from uniform play; the tables may have other equilibria, which are not compared.",
            )
        )
    else:
        off = [f"{_at(row)}: {row['branch']}" for row in rows if row["branch"] and row["branch"] != "from uniform"]
        found += [("warning", f"Several equilibria: these lie on another branch than the one from uniform play: {'; '.join(off)}.")] if off else []  # fmt: skip
    return found


def _split(study: Study, cell: int, named: str) -> list[Block]:
    table = risk(study.record)
    mine = np.flatnonzero(np.asarray(table["cell"]) == cell)
    rows: list[tuple[Any, ...]] = []
    for k in mine:
        worst = [float(table[name][k]) for name in ("worst_held_out", "worst_held_out_low", "worst_held_out_high")]
        shown = Estimate(worst[0], worst[1], worst[2], 0) if np.isfinite(worst[0]) else None
        rows.append((str(table["concept"][k]), f"{float(table['value'][k]):g}", f"player {int(table['player'][k])}", float(table["mean"][k]), float(table["sd"][k]),
                     float(table["environment"][k]), float(table["own_mixing"][k]), float(table["strategic"][k]), shown))  # fmt: skip
    head = ("concept", "at", "player", "mean", "SD", "environment", "own mixing", "strategic", "worst held-out mean")
    about = (
        "The variance of an episode's return in three parts that add to SD squared: inside cells (crashes lie there), the player's own mixing, opponents' mixing. "
        "strategic aversion sees the last alone, strategic+env the first and the last."
    )
    numbers = Table(head, tuple(rows), f"{named}Where the spread comes from", about, header=3, folded=True)
    players = sorted({int(table["player"][k]) for k in mine})
    parts = {i: [(f"{table['concept'][k]} {float(table['value'][k]):g}", [float(table[name][k]) for name in PARTS]) for k in mine if int(table["player"][k]) == i] for i in players}  # fmt: skip
    alike = all(
        np.allclose([p for _, p in own], [p for _, p in parts[players[0]]], rtol=0.02, atol=1e-9)
        for own in parts.values()
    )
    shown_players = players[:1] if alike else players[:4]
    panels = tuple(
        Panel(stacked(parts[i], "variance of a return", FULL if len(shown_players) == 1 else HALF), "" if alike else f"player {i}", narrow=stacked(parts[i], "variance of a return", PHONE))
        for i in shown_players
    )  # fmt: skip
    alt = "; ".join(f"{label}: {', '.join(f'{name} {number(v)}' for name, v in zip(('environment', 'own mixing', 'strategic'), own, strict=True))}" for label, own in parts[players[0]])  # fmt: skip
    keys = tuple(
        Key(i, name, "square")
        for i, name in enumerate(("inside cells (environment)", "own mixing", "opponents' mixing (strategic)"))
    )
    return [Figure(f"{named}Where the spread comes from", alt + ".", about, panels, numbers, keys)]
