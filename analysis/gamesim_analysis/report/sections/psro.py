"""Policy-space response oracles: how far from equilibrium each iteration stands, who is mixed, and the table they are mixed by."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gamesim.core.arrays import FloatArray
from gamesim.core.empirical import EmpiricalGame
from gamesim.core.errors import MetricError
from gamesim_analysis.metrics.psro import KIND, cells, curve, done, iteration_time, last_tables, meta

from ..blocks import Block, Figure, Key, Note, Panel, Section, Table, Text
from ..charts import NARROW, WIDE, Series, curves
from ..numbers import Estimate, count, number, share_interval, thinned
from ..pictures import Cell, shares_over, table_of_cells
from ..study import Study

# Exploitability (NashConv / 2) of exact-response PSRO on Leduc over three seeds, from the result files that the authors of
# XDO published (indylab/tabular_xdo); other meta-solver paths are possible, so these are marks to see, not to hit.
ANCHORS = {20: (0.797, 0.880, 0.570), 45: (0.330, 0.359, 0.331), 95: (0.193, 0.168, 0.175), 145: (0.145, 0.111, 0.124), 185: (0.095, 0.088, 0.150)}  # fmt: skip
POLICIES, PROFILES, ROWS, MATRIX = 12, 60, 40, 12
FEWEST = 3  # points of a curve
LEAST = 1e-10  # exploitability, below which a curve is drawn there


def section(study: Study) -> Section | None:
    """Exploitability over iterations and processor time, the meta-strategy, and the payoff table with half widths."""
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
            blocks += _warned(study, condition.cell, named)
            blocks += _by_iteration(study, condition.cell, named, rows)
        apart = {unit.data["apart"] for what in ("iterate", "answer") for unit in done(study.record, what) if unit.cell == condition.cell and "apart" in unit.data}  # fmt: skip
        blocks += [Note(f"{named}{text}") for text in sorted(apart)]
        blocks += _mixtures(study, condition.cell, named)
        blocks.append(_mixture(study, condition.cell, named))
        blocks += _matrix(study, condition.cell, named)
    if last_tables(study.record):
        blocks.append(_payoffs(study))
    return Section("psro", "Policy-space response oracles", tuple(blocks), order=320)


def _formal(study: Study, cell: int, named: str, rows: Mapping[str, Any], data: Mapping[str, Any]) -> list[Block]:
    end = [unit.data for unit in done(study.record, "iterate") if unit.cell == cell][-1]
    last = len(rows["iteration"]) - 1
    converged = bool(end["converged"])
    minded = float(rows["raeconv"][last]) if data.get("risk") else None
    text = f"{named}With {count(int(rows['iteration'][last]), 'answer')} of each player NashConv is {small(float(rows['nash_conv'][last]))}"
    text += f", raeconv under their attitude to risk {small(minded)}," if minded is not None else ""
    text += f" and the first player gets {number(float(rows['value'][last]))}; "
    text += (
        "no player's best answer gains more than the tolerance."
        if converged
        else f"an answer still gains {small(float(rows['gain'][last]))}."
    )
    blocks: list[Block] = [Text(text, lead=not study.several)]
    if not converged:
        why = {None: "the iterations allowed were over", "no new policy": "the best answers were in the pools already"}
        blocks.append(Note(f"{named}Not converged: {why.get(end['stopped'], str(end['stopped']))}. What stands here is certified, but no equilibrium.", "warning"))  # fmt: skip
    blocks += _curves(study, cell, named, rows, text, _is_leduc(data), minded is not None)
    return blocks


def _is_leduc(data: Mapping[str, Any]) -> bool:
    game = data.get("game")
    named = game.get("game") if isinstance(game, Mapping) else game
    return named == "leduc" and not (isinstance(game, Mapping) and game.get("params"))


def _curves(
    study: Study, cell: int, named: str, rows: Mapping[str, Any], text: str, leduc: bool, minded: bool
) -> list[Block]:
    """Exploitability over iterations and over processor time, on a logarithmic axis; of players who mind risk raeconv."""
    x = rows["iteration"].astype(float)
    what = "raeconv" if minded else "exploitability"
    exploitability = np.asarray(rows[what], dtype=float)
    population = np.asarray(rows["population_exploitability"], dtype=float)
    known = np.isfinite(population).any()
    least = float(max(min(np.nanmin(exploitability), np.nanmin(population) if known else np.inf), LEAST))
    keys = [Key(0, "meta-strategy"), Key(1, "least exploitable mixture of the pools")][: 2 if known else 1]

    def drawn(at: FloatArray, title: str, **more: Any) -> Panel:
        series = [Series(0, at, exploitability), Series(1, at, population)][: len(keys)]
        wide, narrow = (curves(series, title, what, size, logarithmic=True, domain=(least, None), **more) for size in (WIDE, NARROW))  # fmt: skip
        return Panel(wide, narrow=narrow)

    marks = {it: values for it, values in ANCHORS.items() if it <= x[-1]} if leduc else {}
    points: dict[str, Any] = {
        "x": [it for it, values in marks.items() for _ in values],
        "y": [v for values in marks.values() for v in values],
    }
    names = ("exploitability", "population_exploitability", "nash_conv", "raeconv", "gain")
    columns = ("iteration", "exploitability", "of the pools", "NashConv", "raeconv", "largest gain")
    figures = tuple((int(x[k]), *(float(rows[name][k]) for name in names)) for k in thinned(len(x), ROWS))
    table = Table(
        columns, figures, "By iteration",
        "Exploitability is NashConv over the number of players. raeconv adds the players' gaps under their attitude to risk, at tremble 0.", folded=True,
    )  # fmt: skip
    if len(x) < FEWEST:
        return [replace(table, folded=False)]
    caption = "An iteration adds one best answer a player where it is new; 0 is the start. The axis is logarithmic"
    caption += f"; what lies below {LEAST:g} is drawn there. " if min(np.nanmin(exploitability), np.nanmin(population) if known else 1) < LEAST else ". "  # fmt: skip
    if marks:
        caption += (
            "Grey diamonds: three published runs of exact-response PSRO on Leduc (indylab/tabular_xdo), for orientation. The meta-equilibrium is not "
            "unique, so paths differ; ours breaks ties between best answers by the one that is best against everybody even, which needs fewer iterations."
        )
    panel = drawn(x, "iterations", dots=points if marks else None)
    blocks: list[Block] = [
        Figure(f"{named}{what[0].upper()}{what[1:]} over iterations", text, caption, (panel,), table, tuple(keys))
    ]
    seconds = _seconds(study, cell, len(x))
    if seconds is None:
        seconds_text = (
            "Processor time is not drawn: the log does not say what units used (taken over from another run, or older)."
        )
        return [*blocks, Note(f"{named}{seconds_text}")]
    references = [(float(np.median(values)), f"published, {it} iterations") for it, values in marks.items()]
    timed = tuple((float(seconds[k]), *row) for k, row in zip(thinned(len(x), ROWS), figures, strict=True))
    about = "Processor seconds of this machine stand in the log, outside of all that is compared; measuring the pools' least exploitable mixture is part of them."
    panel = drawn(seconds, "processor seconds", references=references)
    said = f"After {number(float(seconds[-1]))} processor seconds {what} is {small(float(exploitability[-1]))}."
    blocks.append(
        Figure(
            f"{named}{what[0].upper()}{what[1:]} over processor time", said, about + (" Lines: the median of the published runs after so many iterations; their times are not known." if references else ""),
            (panel,), Table(("processor seconds", *columns), timed, "By processor time", about, folded=True), tuple(keys),
        )
    )  # fmt: skip
    return blocks


def _by_iteration(study: Study, cell: int, named: str, rows: Mapping[str, Any]) -> list[Block]:
    """Of pools that grow in play: what the last answers gained, and how far the table's meta-strategy is from its equilibrium."""
    x = rows["iteration"].astype(float)
    if len(x) < FEWEST:
        return []
    gain, value = np.asarray(rows["gain"], dtype=float), np.asarray(rows["value"], dtype=float)
    seconds = _seconds(study, cell, len(x))
    spent = [None] * len(x) if seconds is None else [float(s) for s in seconds]
    figures = tuple(
        (int(x[k]), float(rows["policies"][k]), float(value[k]), float(gain[k]), float(rows["nash_conv"][k]), float(rows["raeconv"][k]), spent[k])
        for k in thinned(len(x), ROWS)
    )  # fmt: skip
    table = Table(
        ("iteration", "policies", "value of the first player", "largest gain of an answer", "NashConv of the table", "raeconv of the table", "processor seconds"),
        figures, "By iteration", "Gains are of what the oracle answered to that table; an oracle that is not exact may have missed better ones.", folded=True,
    )  # fmt: skip
    wide, narrow = (curves([Series(0, x, value)], "iterations", "mean of the first player", size, domain=(None, None)) for size in (WIDE, NARROW))  # fmt: skip
    alt = f"The first player's mean goes from {number(float(value[0]))} to {number(float(value[-1]))} over {len(x)} tables."
    caption = (
        "The first player's mean under the meta-strategy of each table; the numbers behind it hold gains and gaps."
    )
    return [Figure(f"{named}Value over iterations", alt, caption, (Panel(wide, narrow=narrow),), table)]


def _seconds(study: Study, cell: int, wanted: int) -> FloatArray | None:
    """Processor seconds until each iteration; None where the log does not say."""
    try:
        table = iteration_time(study.record)
    except MetricError:
        return None
    mine = np.asarray(table["cell"]) == cell
    seconds = np.asarray(table["cpu_seconds"], dtype=np.float64)[mine]
    return seconds if len(seconds) == wanted else None


def small(value: float) -> str:
    """A number that may be tiny."""
    return number(value) if value == 0 or abs(value) >= 1e-3 or not math.isfinite(value) else f"{value:.2g}"


def _warned(study: Study, cell: int, named: str) -> list[Block]:
    """What the meta-solver said of its last answer."""
    unit = last_tables(study.record)[cell]
    found: list[Block] = [] if unit.data["converged"] else [Note(f"{named}Not converged: the meta-strategy is no equilibrium of the table to the tolerance.", "warning")]  # fmt: skip
    found += [Note(f"{named}{warning}", "warning") for warning in merged(unit.data.get("warnings", ()))]
    branch = unit.data.get("branch")
    if branch:
        found.append(Note(f"{named}The meta-strategy is the equilibrium found {branch}; a table may have others."))
    return found


def _said(named: str, rows: Mapping[str, Any], study: Study, cell: int) -> str:
    unit = last_tables(study.record)[cell]
    gap = unit.data["gap"]
    text = f"{named}{len(rows['iteration'])} {'table' if len(rows['iteration']) == 1 else 'tables'} solved; the last meta-strategy"
    text += " converged" if unit.data["converged"] else " did not converge"
    return text + (f", gap {small(float(gap))}." if gap is not None and math.isfinite(gap) else ".")


def merged(warnings: Sequence[str]) -> list[str]:
    """What is said of several players with other numbers, said once.

    Examples
    --------
    >>> merged(["player_0: 3 exceeds 2", "player_1: 4 exceeds 1", "frozen"])
    ['player_0: 3 exceeds 2 (and likewise player_1)', 'frozen']
    """
    groups: dict[str, list[str]] = {}
    for warning in dict.fromkeys(warnings):
        groups.setdefault(re.sub(r"\d+(\.\d+)?(e-?\d+)?", "#", warning), []).append(warning)
    found = []
    for own in groups.values():
        others = [match[0] for match in (re.match(r"player_\d+", w) for w in own[1:]) if match]
        found += [f"{own[0].rstrip('.')} (and likewise {', '.join(others)})"] if others else own
    return found


def _mixtures(study: Study, cell: int, named: str) -> list[Block]:
    """The meta-strategy over iterations, a picture for each player; nothing where there is one table alone."""
    table = meta(study.record)
    at = np.asarray(table["cell"]) == cell
    iterations = np.asarray(table["iteration"])[at]
    times = sorted(set(iterations.tolist()))
    if len(times) < 2:
        return []
    players, shares = np.asarray(table["player"])[at], np.asarray(table["probability"], dtype=np.float64)[at]
    policies = [str(name) for name, keep in zip(table["policy"], at, strict=True) if keep]
    panels, rows = [], []
    for player in sorted(set(players.tolist())):
        mine = np.flatnonzero(players == player)
        names = list(dict.fromkeys(policies[k] for k in mine))
        grid = np.full((len(names), len(times)), np.nan)
        for k in mine:
            grid[names.index(policies[k]), times.index(int(iterations[k]))] = shares[k]
        shown = [int(t) for t in times]
        picture = shares_over(grid, [str(t) for t in shown], names, title=f"player {player}", x="iteration")
        panels.append(Panel(picture, strip=True))
        rows += [
            (f"player {player}", names[r], shown[c], float(grid[r, c]))
            for c in range(len(times))
            for r in range(len(names))
            if grid[r, c] > 5e-4
        ]
    kept = tuple(rows[k] for k in thinned(len(rows), ROWS))
    about = f"Probabilities above .0005; {len(kept)} of {len(rows):,} are shown, the download has more, the table `meta` all."
    numbers = Table(("player", "policy", "iteration", "probability"), kept, "", about, header=3, download=tuple(rows))
    alt = "Who is mixed at each iteration: " + "; ".join(
        f"player {p}: at the end {', '.join(f'{row[1]} {row[3]:.2f}' for row in rows if row[0] == f'player {p}' and row[2] == times[-1])[:200]}" for p in sorted(set(players.tolist()))
    )  # fmt: skip
    caption = "Rows are policies as they joined the pool, columns iterations; the darker, the more often a policy is played. Where rows or columns are put together, the largest stands."
    return [Figure(f"{named}The meta-strategy over iterations", alt, caption, tuple(panels), numbers)]


def _matrix(study: Study, cell: int, named: str) -> list[Block]:
    """The payoff table of two players as a picture whose cells can be pointed at."""
    unit = last_tables(study.record).get(cell)
    game = None if unit is None else EmpiricalGame.from_dict(unit.data["table"])
    if game is None or game.n != 2 or max(game.shape) > MATRIX or game.missing():
        return []
    low, high = game.interval(0.95)
    half = (high - low) / 2
    crash: dict[tuple[int, int], float] = {}
    drawn: dict[tuple[int, int], Cell] = {}
    for profile in np.ndindex(*game.shape):
        at = (int(profile[0]), int(profile[1]))
        played = game.cells[game.sort(profile)[0]]
        crash[at] = float(played.events.get("crash", math.nan)) / played.count
    most = max((c for c in crash.values() if math.isfinite(c)), default=0.0)
    names = [[str(p) for p in game.policies[role]] for role in game.roles]
    rows = []
    for at, rate in crash.items():
        n = game.cells[game.sort(at)[0]].count
        said = [
            f"player {i}, {names[i][at[i]]}: mean {number(float(game.mean[(i, *at)]))}, SD {number(math.sqrt(max(float(game.variance[(i, *at)]), 0.0)))}, "
            f"half width {number(float(half[(i, *at)]))}" for i in range(2)
        ]  # fmt: skip
        said.append(f"{int(n):,} episodes" + (f", crash rate {number(rate)}" if math.isfinite(rate) else ""))
        lines = [f"{number(float(game.mean[(i, *at)]))} ±{number(float(half[(i, *at)]))}" for i in range(2)]
        tint = rate / most if most > 0 and math.isfinite(rate) else 0.0
        drawn[at] = Cell(lines, tint, "; ".join(said) + ".")
        rows.append((names[0][at[0]], names[1][at[1]], *lines, rate if math.isfinite(rate) else None, int(n)))
    picture = table_of_cells(
        drawn, names[0], names[1], sides=("player 0", "player 1"), title=f"{named}payoffs of the last table"
    )
    caption = "In each cell the mean of player 0 above that of player 1, with the half width of its 95 % interval. "
    caption += "The darker, the more episodes end in a crash. " if most > 0 else ""
    caption += "Point at a cell for means, spreads, episodes and crash rate; the payoff table below has them all."
    numbers = Table(("player 0", "player 1", "mean 0", "mean 1", "crash rate", "episodes"), tuple(rows), header=2)
    alt = f"{game.shape[0]} by {game.shape[1]} cells; crash rates up to {number(most)}."
    return [Figure(f"{named}The last table", alt, caption, (Panel(picture, strip=True),), numbers)]


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
        rows += [(f"player {player}", str(table["policy"][mine[k]]), told[k]) for k in order[:POLICIES]]
        if len(order) > POLICIES:
            rows.append((f"player {player}", f"{len(order) - POLICIES} more", float(shares[order[POLICIES:]].sum())))
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
