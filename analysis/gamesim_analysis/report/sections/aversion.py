"""Where an equilibrium leads as everybody minds risk more, and where it ends: branches in the aversion with their turning points."""

from __future__ import annotations

from typing import Any

import numpy as np

from gamesim.core.errors import MetricError
from gamesim_analysis.metrics.aversion import branches
from gamesim_analysis.metrics.psro import KIND

from ..blocks import Block, Figure, Key, Note, Panel, Section, Table, Text
from ..charts import MIDDLE, NARROW, WIDE, Series, curves
from ..numbers import thinned
from ..study import Study

POLICIES, ROWS = 6, 40


def section(study: Study) -> Section | None:
    """How often each policy is played along the branch, from each start; nothing where no table of two was solved so."""
    if study.scenarios[0].get("kind") != KIND:
        return None
    try:
        table = branches(study.record)
    except MetricError:
        return None
    cells = np.asarray(table["cell"])
    blocks: list[Block] = []
    for condition in study.conditions:
        named = f"{condition.label}: " if study.several else ""
        mine = np.flatnonzero(cells == condition.cell)
        for concept in dict.fromkeys(str(table["concept"][k]) for k in mine):
            own = [int(k) for k in mine if table["concept"][k] == concept]
            blocks += _one({name: [values[k] for k in own] for name, values in table.items()}, f"{named}{concept}")
    return Section("aversion", "If everybody minded risk more", tuple(blocks), order=335) if blocks else None


def _one(rows: dict[str, list[Any]], named: str) -> list[Block]:
    starts = list(dict.fromkeys(rows["start"]))
    panels: list[Panel] = []
    said: list[str] = []
    shown = _names(rows)
    alike = {start: _alike(rows, start) for start in starts}
    many = sum(1 if alike[start] else 2 for start in starts) > 1
    for start in starts:
        own = [k for k, value in enumerate(rows["start"]) if value == start]
        stopped = str(rows["stopped"][own[0]])
        points = max(int(rows["point"][k]) for k in own) + 1
        if points < 2:
            said.append(f"F{start[1:]} none is followed: {stopped.rstrip('.')}.")
            continue
        at = {int(rows["point"][k]): float(rows["aversion"][k]) for k in own}
        turns = sorted({float(rows["aversion"][k]) for k in own if rows["turns"][k]})
        end = at[points - 1]
        where = f"the branch turns back at aversion {', '.join(f'{t:.4g}' for t in turns)}" if turns else f"there is no turning point up to aversion {end:.4g}"  # fmt: skip
        said.append(f"F{start[1:]} {where}" + (f" ({stopped.rstrip('.')})." if stopped and not turns else "."))
        for player in (0,) if alike[start] else (0, 1):
            series = []
            for index, name in enumerate(shown):
                found = {int(rows["point"][k]): float(rows["probability"][k]) for k in own if rows["player"][k] == player and rows["policy"][k] == name}  # fmt: skip
                if found:
                    series.append(Series(index, [at[k] for k in range(points)], [found[k] for k in range(points)]))
            title = start if alike[start] else f"{start}: player {player}"
            drawn = [curves(series, "aversion", "probability", size, domain=(0.0, 1.0), marks=[(t, f"{t:.4g}") for t in turns]) for size in (MIDDLE if many else WIDE, NARROW)]  # fmt: skip
            panels.append(Panel(drawn[0], title, narrow=drawn[1]))
    gaps = [float(g) for g in rows["gap"] if np.isfinite(g)]
    keys = tuple(Key(index, name) for index, name in enumerate(shown))
    every = [
        (str(rows["start"][k]), int(rows["point"][k]), float(rows["aversion"][k]), f"player {rows['player'][k]}", str(rows["policy"][k]), float(rows["probability"][k]), "here" if rows["turns"][k] else "")
        for k in range(len(rows["start"]))
    ]  # fmt: skip
    kept = tuple(every[k] for k in thinned(len(every), ROWS))
    numbers = Table(
        ("start", "point", "aversion", "who", "policy", "probability", "turns"), kept, "",
        f"{len(kept)} of {len(every):,} rows; the download has more, the table `aversion_branch` all.", header=5, download=tuple(every),
    )  # fmt: skip
    text = " ".join(said)
    caption = "Equilibria of the table, followed from aversion 0 in small steps; each point is certified"
    caption += f", and the largest gap is {max(gaps):.2g}. " if gaps else ". "
    caption += "Everybody minds the same. Where a branch turns back its equilibrium is over, and play jumps to another one; a dotted line marks the place. "
    caption += "" if all(alike.values()) else "Where players differ, each has a drawing. "
    caption += "Other equilibria may exist: at most three starts are followed."
    blocks: list[Block] = [Figure(f"{named}: equilibria by aversion", text, caption, tuple(panels), numbers, keys)]
    blocks.insert(0, Text(f"{named}: {text}"))
    if any("cannot be followed" in str(stopped) for stopped in rows["stopped"]):
        blocks.append(
            Note(
                f"{named}: a branch that could not be followed to the end may turn a corner there that the steps do not take.",
                "caveat",
            )
        )
    return blocks


def _names(rows: dict[str, list[Any]]) -> list[str]:
    """Policies that are played most somewhere on a branch, in the order of the pool."""
    most: dict[str, float] = {}
    for name, p in zip(rows["policy"], rows["probability"], strict=True):
        if name:
            most[str(name)] = max(most.get(str(name), 0.0), float(p))
    kept = set(sorted(most, key=lambda name: -most[name])[:POLICIES])
    return [name for name in most if name in kept and most[name] > 1e-6]


def _alike(rows: dict[str, list[Any]], start: str) -> bool:
    """Whether both players are at the same mixture all along."""
    apart: dict[tuple[int, str], list[float]] = {}
    for k, value in enumerate(rows["start"]):
        if value == start:
            apart.setdefault((int(rows["point"][k]), str(rows["policy"][k])), []).append(float(rows["probability"][k]))
    return all(len(pair) == 2 and abs(pair[0] - pair[1]) < 1e-6 for pair in apart.values())
