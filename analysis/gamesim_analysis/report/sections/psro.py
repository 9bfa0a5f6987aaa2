"""Policy-space response oracles: how far from equilibrium each iteration stands, who is mixed, and the table they are mixed by."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gamesim_analysis.metrics.psro import KIND, cells, curve, done, final_tables, meta

from ..blocks import Block, Figure, Key, Note, Panel, Section, Table, Text
from ..charts import NARROW, WIDE, Series, curves
from ..numbers import Estimate, number, share_interval, thinned
from ..study import Study

# Exploitability (NashConv / 2) of exact-response PSRO on Leduc over three seeds, from the result files that the authors of
# XDO published (indylab/tabular_xdo); other meta-solver paths are possible, so these are marks to see, not to hit.
ANCHORS = {20: (0.797, 0.880, 0.570), 45: (0.330, 0.359, 0.331), 95: (0.193, 0.168, 0.175), 145: (0.145, 0.111, 0.124), 185: (0.095, 0.088, 0.150)}  # fmt: skip
POLICIES, PROFILES, ROWS = 12, 60, 40


def section(study: Study) -> Section | None:
    """Exploitability over iterations, the meta-strategy, and the payoff table with half widths."""
    if study.scenarios[0].get("kind") != KIND:
        return None
    table = curve(study.record)
    of = np.asarray(table["cell"])
    blocks: list[Block] = []
    for condition in study.conditions:
        mine = np.flatnonzero(of == condition.cell)
        if not len(mine):
            continue
        named = f"{condition.label}: " if study.several else ""
        rows = {name: np.asarray(values)[mine] for name, values in table.items()}
        if rows["of"][0] == "whole game":
            blocks += _formal(study, condition.cell, named, rows, condition.data)
        else:
            blocks.append(Text(_said(named, rows, study, condition.cell), lead=not study.several))
        apart = {unit.data["apart"] for what in ("iterate", "answer") for unit in done(study.record, what) if unit.cell == condition.cell and "apart" in unit.data}  # fmt: skip
        blocks += [Note(f"{named}{text}") for text in sorted(apart)]  # fmt: skip
        blocks.append(_mixture(study, condition.cell, named))
    if final_tables(study.record):
        blocks.append(_payoffs(study))
    return Section("psro", "Policy-space response oracles", tuple(blocks), order=320)


def _formal(study: Study, cell: int, named: str, rows: Mapping[str, Any], data: Mapping[str, Any]) -> list[Block]:
    end = [unit.data for unit in done(study.record, "iterate") if unit.cell == cell][-1]
    last = len(rows["iteration"]) - 1
    converged = bool(end["converged"])
    text = f"{named}With {int(rows['iteration'][last])} answers of each player NashConv is {number(float(rows['nash_conv'][last]))} and the first player gets {number(float(rows['value'][last]))}; "
    text += (
        "no player's best answer gains more than the tolerance."
        if converged
        else f"an answer still gains {number(float(rows['gain'][last]))}."
    )
    blocks: list[Block] = [Text(text, lead=not study.several)]
    if not converged:
        why = {None: "the iterations allowed were over", "no new policy": "the best answers were in the pools already"}
        blocks.append(Note(f"{named}Not converged: {why.get(end['stopped'], str(end['stopped']))}. What stands here is certified, but no equilibrium.", "warning"))  # fmt: skip
    x = rows["iteration"].astype(float)
    series = [Series(0, x, rows["exploitability"]), Series(1, x, rows["population_exploitability"])]
    keys = [Key(0, "meta-strategy"), Key(1, "least exploitable mixture of the pools")]
    if not np.isfinite(np.asarray(rows["population_exploitability"], dtype=float)).any():
        series, keys = series[:1], keys[:1]
    game = data.get("game")
    leduc = game == "leduc" or (isinstance(game, Mapping) and game.get("game") == "leduc")
    marks = {it: values for it, values in ANCHORS.items() if it <= x[-1]} if leduc else {}
    points: dict[str, Any] = {
        "x": [it for it, values in marks.items() for _ in values],
        "y": [v for values in marks.values() for v in values],
    }
    panels = tuple(
        curves(series, "iterations", "exploitability", size, dots=points if marks else None) for size in (WIDE, NARROW)
    )
    some = thinned(len(x), ROWS)
    figures = tuple(
        (
            int(x[k]),
            *(
                float(rows[name][k])
                for name in ("exploitability", "population_exploitability", "nash_conv", "raeconv", "gain")
            ),
        )
        for k in some
    )
    table = Table(
        ("iteration", "exploitability", "of the pools", "NashConv", "raeconv", "largest gain"), figures, "By iteration",
        "Exploitability is NashConv over the number of players. raeconv adds the players' gaps under their attitude to risk, at tremble 0.", folded=True,
    )  # fmt: skip
    caption = "An iteration adds one best answer a player where it is new; 0 is the start. "
    if marks:
        caption += (
            "Faint points: three published runs of exact-response PSRO on Leduc (indylab/tabular_xdo), for orientation. The meta-equilibrium is not "
            "unique, so paths differ; ours breaks ties between best answers by the one that is best against everybody even, which needs fewer iterations."
        )
    blocks.append(
        Figure(f"{named}Exploitability over iterations", text, caption, (Panel(panels[0], narrow=panels[1]),), table, tuple(keys))
    )  # fmt: skip
    seconds = _seconds(study)
    if seconds is not None:
        blocks.append(
            Text(
                f"{named}All of it took {number(seconds)} s of wall time here; times stand in the log, outside of what is compared."
            )
        )
    return blocks


def _seconds(study: Study) -> float | None:
    """Seconds that units took, from the log; None where it is gone."""
    import json

    path = study.record.path / "log.jsonl"
    if study.several or not path.is_file():
        return None
    told = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return float(sum(event["seconds"] for event in told if event.get("event") == "unit_done")) or None


def _said(named: str, rows: Mapping[str, Any], study: Study, cell: int) -> str:
    unit = [unit for (at, _), unit in final_tables(study.record).items() if at == cell][-1]
    gap = unit.data["gap"]
    text = f"{named}{len(rows['iteration'])} {'table' if len(rows['iteration']) == 1 else 'tables'} solved; the last meta-strategy"
    text += " converged" if unit.data["converged"] else " did not converge"
    return text + (f", gap {number(float(gap))}." if gap is not None and math.isfinite(gap) else ".")


def _mixture(study: Study, cell: int, named: str) -> Table:
    table = meta(study.record)
    at = np.asarray(table["cell"]) == cell
    last = at & (np.asarray(table["iteration"]) == np.asarray(table["iteration"])[at].max())
    rows: list[tuple[Any, ...]] = []
    players = np.asarray(table["player"])[last]
    for player in sorted(set(players.tolist())):
        mine = np.flatnonzero(last)[players == player]
        shares = np.asarray(table["probability"])[mine]
        order = [int(k) for k in np.argsort(-shares, kind="stable") if shares[k] > 1e-9]
        low, high = np.asarray(table["low"])[mine], np.asarray(table["high"])[mine]
        told = [
            Estimate(p, a, b, 0) if np.isfinite(a) else p
            for p, a, b in zip(shares.tolist(), low.tolist(), high.tolist(), strict=True)
        ]
        rows += [(int(player), str(table["policy"][mine[k]]), told[k]) for k in order[:POLICIES]]
        if len(order) > POLICIES:
            rows.append((int(player), f"{len(order) - POLICIES} more", float(shares[order[POLICIES:]].sum())))
    return Table(
        ("player", "policy", "probability"), tuple(rows), f"{named}The last meta-strategy",
        "Policies are numbered as they joined the pool, 0 first; those that are never played are left out. Brackets, where the table was sampled, "
        "hold 95 % of its redraws, each solved again.", header=2,
    )  # fmt: skip


def _payoffs(study: Study) -> Table:
    table = cells(study.record)
    several = study.several
    events = [name for name in table if name.startswith("events_")]
    rows: list[tuple[Any, ...]] = []
    for k in range(len(table["cell"])):
        n = int(table["count"][k])
        mean, half = float(table["mean"][k]), float(table["half_width"][k])
        shares = [share_interval(int(table[name][k]), n) if np.isfinite(table[name][k]) else None for name in events]
        place: Sequence[Any] = (study.name(int(table["cell"][k])),) if several else ()
        rows.append((*place, str(table["profile"][k]), str(table["policy"][k]), Estimate(mean, mean - half, mean + half, n), half,
                     math.sqrt(float(table["variance"][k])), n, *shares))  # fmt: skip
    kept = thinned(len(rows), PROFILES)
    head = (
        *(("condition",) if several else ()),
        "profile",
        "who",
        "mean",
        "half width",
        "SD",
        "episodes",
        *(e.removeprefix("events_") for e in events),
    )
    return Table(
        head, tuple(rows[k] for k in kept), "The payoff table",
        "Brackets are 95 % intervals: Student's t for means, Wilson's for shares of episodes. Solutions are made from these cells and scored on others.",
        header=3 if several else 2, folded=len(kept) > 20, download=tuple(rows),
    )  # fmt: skip
