"""The norms of one society, round by round: who wrote them, who voted for them, who kept them."""

from __future__ import annotations

import numpy as np

from gamesim.core.arrays import AnyArray

from ..blocks import Block, Figure, Key, Panel, Section, Table, Text, Value
from ..charts import NARROW, WIDE, Series, curves
from ..numbers import number, thinned
from ..study import Columns, Condition, Study
from .common import compares
from .commons_rounds import is_commons

_SHOWN = 3  # conditions with a timeline
_ROWS = 24


@compares
def section(study: Study) -> Section | None:
    if not is_commons(study) or not study.has("norm"):
        return None
    blocks: list[Block] = []
    chosen = [study.conditions[i] for i in thinned(len(study.conditions), _SHOWN)]
    for condition in chosen:
        blocks += _timeline(study, condition)
    if not blocks:
        return None
    kept = f" for {len(chosen)} of {len(study.conditions)} conditions" if len(chosen) < len(study.conditions) else ""
    lead = Text(
        f"One society is followed{kept}, the first replicate: each norm with who wrote it, how it came about, and how many kept it. "
        "Averages over all societies stand above."
    )
    return Section("norms", "How the norm came about", (lead, *blocks), order=800)


def _timeline(study: Study, condition: Condition) -> list[Block]:
    seeds = study.episodes["seed"][study.episodes["condition"] == condition.index]
    if not len(seeds):
        return []
    seed = int(seeds.min())
    part = Study([study.records[condition.record]])
    where = f"cell = {condition.cell} and seed = {seed}"
    rounds = part.query(
        "select step, min(round) as round, min(norm) as norm, favg(harvest) as harvest, count(*) as living, "
        f"count(case when harvest <= norm + 1e-9 then 1 end) as kept, min(stock) as stock from steps where {where} and phase = 'harvest' group by step order by step"
    )
    if not np.isfinite(rounds["norm"].astype(float)).any():
        return []
    proposals = _decisions(part, where, "norm", "proposal") if study.has("proposal") else {}
    ballots = _decisions(part, where, "vote", "ballot") if study.has("ballot") else {}
    rule = condition.get("environment.institutions.voting.rule", "")
    leader = condition.get("environment.institutions.leader")
    events = _events(study, condition, seed)
    rows: list[tuple[Value, ...]] = []
    steps = rounds["step"].astype(int)
    for place in range(len(steps)):
        at, after = steps[place], steps[place - 1] if place else -1
        offers = _between(proposals, after, at)
        votes = _between(ballots, after, at)
        g = float(rounds["norm"][place])
        before = float(rounds["norm"][place - 1]) if place else np.nan
        said = events.get(place + 1, {})
        rows.append(
            (
                int(rounds["round"][place]),
                g if np.isfinite(g) else None,
                "set at the start"
                if place == 0
                else (
                    "unchanged"
                    if g == before and not offers
                    else said.get("author") or _author(offers, g, str(rule), bool(leader))
                ),
                len(offers) or None,
                said.get("votes") or _votes(votes, offers, g) or None,
                f"{int(rounds['kept'][place])} of {int(rounds['living'][place])}",
                round(float(rounds["harvest"][place]), 6),
                round(float(rounds["stock"][place]), 6),
            )
        )
    some = thinned(len(rows), _ROWS)
    about = (
        "A norm is a cap on each member's harvest, in fish. Kept: members whose harvest was at or under it, of those alive. "
        "With the median rule a norm lies on the middle proposal, or between the middle two. One society, so no intervals."
    )
    if len(some) < len(rows):
        about += f" {len(some)} of {len(rows)} rounds; the download has all."
    table = Table(
        ("round", "norm", "written by", "proposals", "votes", "kept by", "mean harvest", "stock"), tuple(rows[i] for i in some),
        about=about, download=tuple(rows),
    )  # fmt: skip
    x = rounds["round"].astype(float)
    points = _points(proposals, steps, x)
    lines = [Series(0, x, rounds["norm"].astype(float)), Series(1, x, rounds["harvest"].astype(float))]
    panel = [
        curves(lines, "round", "fish per head", size, stepped=True, domain=(0, None), dots=points)
        for size in (WIDE, NARROW)
    ]
    title = f"Norm, proposals and harvests: {condition.label}" if study.several else "Norm, proposals and harvests"
    known = rounds["norm"][np.isfinite(rounds["norm"].astype(float))].astype(float)
    alt = (
        f"{title}. The norm began at {number(float(known[0]))} and ended at {number(float(known[-1]))}; the mean harvest began at "
        f"{number(float(rounds['harvest'][0]))} and ended at {number(float(rounds['harvest'][-1]))}."
    )
    caption = f"Replicate {seed}. The solid line is the norm in force, the dashed line the mean harvest per head, grey dots are proposals for the next round."
    return [
        Figure(
            title,
            alt,
            caption,
            (Panel(panel[0], narrow=panel[1]),),
            table,
            (Key(0, "norm in force"), Key(1, "mean harvest per head")),
        )
    ]


def _decisions(study: Study, where: str, phase: str, column: str) -> dict[str, AnyArray]:
    found: Columns = study.query(
        f"select step, agent, {column} as value from steps where {where} and phase = '{phase}' and {column} is not null order by step, agent"
    )
    return {"step": found["step"].astype(int), "agent": found["agent"], "value": found["value"].astype(float)}


def _between(found: dict[str, AnyArray], after: int, at: int) -> dict[str, float]:
    if not found:
        return {}
    chosen = (found["step"] > after) & (found["step"] < at)
    return dict(zip(found["agent"][chosen].tolist(), found["value"][chosen].tolist(), strict=True))


def _author(offers: dict[str, float], norm: float, rule: str, leader: bool) -> str | None:
    """Who wrote it: those who proposed exactly that, or those between whose proposals it lies."""
    if not offers:
        return None
    exact = [who for who, value in offers.items() if abs(value - norm) < 1e-9]
    if exact:
        return (
            ", ".join(exact[:3])
            + (f" and {len(exact) - 3} more" if len(exact) > 3 else "")
            + (" (leader)" if leader else "")
        )
    if rule == "mean":
        return "all (mean)"
    below = [(v, w) for w, v in offers.items() if v < norm]
    above = [(v, w) for w, v in offers.items() if v > norm]
    return f"between {max(below)[1]} and {min(above)[1]}" if below and above else None


def _votes(votes: dict[str, float], offers: dict[str, float], norm: float) -> str:
    """``4 of 9`` for the proposal that won; ballots count distinct proposals from 0 in agent order."""
    if not votes:
        return ""
    distinct = list(dict.fromkeys(offers.values()))
    winner = next((i for i, v in enumerate(distinct) if abs(v - norm) < 1e-9), None)
    return (
        f"{sum(int(v) == winner for v in votes.values())} of {len(votes)}"
        if winner is not None
        else f"{len(votes)} cast"
    )


def _points(found: dict[str, AnyArray], steps: AnyArray, x: AnyArray) -> dict[str, AnyArray] | None:
    if not found or not len(found["step"]):
        return None
    place = np.searchsorted(steps, found["step"], side="right") - 1
    some = thinned(len(place), 600)
    return {"x": x[np.clip(place, 0, len(x) - 1)][some], "y": found["value"][some]}


def _events(study: Study, condition: Condition, seed: int) -> dict[int, dict[str, str]]:
    """Authors and votes by round from the journal, where it keeps norm events; the step table is enough without them."""
    return {}
