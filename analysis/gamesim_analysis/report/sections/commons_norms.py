"""The norms of one society, round by round: who wrote them, who voted for them, who kept them."""

from __future__ import annotations

from typing import Any

import numpy as np

from gamesim.core.arrays import AnyArray
from gamesim.core.errors import clean

from ..blocks import Block, Figure, Key, Panel, Section, Table, Text, Value
from ..charts import NARROW, WIDE, Series, curves
from ..numbers import number, thinned
from ..study import Columns, Condition, Study, as_mapping, numeric
from .common import compares
from .commons_rounds import is_commons

BALLOTED = ("plurality", "borda", "approval")
_SHOWN = 3  # conditions with a timeline
_ROWS = 24


@compares
def section(study: Study) -> Section | None:
    if not is_commons(study) or not study.has("norm"):
        return None
    blocks: list[Block] = []
    most = _SHOWN if len(study.conditions) <= _SHOWN else 2
    chosen = [study.conditions[i] for i in thinned(len(study.conditions), most)]
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
    where = f"cell = {condition.cell} and seed = {seed}"
    rounds = study.query(
        "select step, min(round) as round, min(norm) as norm, favg(harvest) as harvest, count(*) as living, "
        f"count(case when harvest <= norm + 1e-9 then 1 end) as kept, min(stock) as stock from steps where {where} and phase = 'harvest' group by step order by step",
        condition.record,
    )
    events = _events(study, condition, seed)
    words = _journal(events, rounds["step"].astype(int), rounds["round"].astype(float))
    if not np.isfinite(numeric(rounds["norm"])).any():
        return [words] if words else []
    rule = condition.get("environment.institutions.voting.rule", "")
    leader = condition.get("environment.institutions.leader")
    proposals = _decisions(study, condition.record, where, "norm", "proposal") if study.has("proposal") else {}
    # A leader's election is a vote on persons, the other rules' votes are on proposals.
    ballots = (
        _decisions(study, condition.record, where, "vote", "ballot")
        if study.has("ballot") and not leader and rule in BALLOTED
        else {}
    )
    rows: list[tuple[Value, ...]] = []
    steps = rounds["step"].astype(int)
    for place in range(len(steps)):
        at, after = steps[place], steps[place - 1] if place else -1
        offers = _between(proposals, after, at)
        votes = _between(ballots, after, at)
        g = float(rounds["norm"][place])
        before = float(rounds["norm"][place - 1]) if place else np.nan
        said = next((d for d in events if after < d["step"] < at), None)
        author = (
            ", ".join(said["authors"][:3]) if said and said["authors"] else _author(offers, g, str(rule), bool(leader))
        )
        rows.append(
            (
                int(rounds["round"][place]),
                g if np.isfinite(g) else None,
                "set at the start" if place == 0 else "unchanged" if g == before and not offers else author,
                len(offers) or None,
                (_said(said) if said else "") or _votes(votes, offers, g) or None,
                f"{int(rounds['kept'][place])} of {int(rounds['living'][place])}" if np.isfinite(g) else None,
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
        about += f" {len(some)} of {len(rows)} rounds."
    table = Table(
        ("round", "norm", "written by", "proposals", "votes", "kept by", "mean harvest", "stock"), tuple(rows[i] for i in some),
        about=about, download=tuple(rows),
    )  # fmt: skip
    x = rounds["round"].astype(float)
    points = _points(proposals, steps, x)
    lines = [Series(0, x, numeric(rounds["norm"])), Series(1, x, rounds["harvest"].astype(float))]
    panel = [
        curves(lines, "round", "fish per head", size, stepped=True, domain=(0, None), dots=points)
        for size in (WIDE, NARROW)
    ]
    title = f"Norm, proposals and harvests: {condition.label}" if study.several else "Norm, proposals and harvests"
    known = rounds["norm"][np.isfinite(numeric(rounds["norm"]))].astype(float)
    alt = (
        f"{title}. The norm began at {number(float(known[0]))} and ended at {number(float(known[-1]))}; the mean harvest began at "
        f"{number(float(rounds['harvest'][0]))} and ended at {number(float(rounds['harvest'][-1]))}."
    )
    caption = f"Replicate {seed}. The solid line is the norm in force, the dashed line the mean harvest per head, grey dots are proposals for the next round."
    keys = (Key(0, "norm in force"), Key(1, "mean harvest per head"))
    figure = Figure(title, alt, caption, (Panel(panel[0], narrow=panel[1]),), table, keys)
    return [figure, words] if words else [figure]


def _decisions(study: Study, record: int, where: str, phase: str, column: str) -> dict[str, AnyArray]:
    found: Columns = study.query(
        f"select step, agent, {column} as value from steps where {where} and phase = '{phase}' and {column} is not null order by step, agent",
        record,
    )
    return {"step": found["step"].astype(int), "agent": found["agent"], "value": numeric(found["value"])}


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


def _events(study: Study, condition: Condition, seed: int) -> list[dict[str, Any]]:
    """Decisions on norms in the journal of that society, where it has one to itself: step, norm, authors, votes, tie."""
    record = study.records[condition.record]
    found = []
    for number_, unit in enumerate(study.manifests[condition.record].get("units") or ()):
        entry = as_mapping(unit)
        same = int(as_mapping(entry.get("cell") or {}).get("index", 0)) == condition.cell
        if not same or list(entry.get("seeds") or ()) != [seed]:
            continue
        for event in record.events("norm", "norm_kept", unit=number_):
            data = as_mapping(event.data)
            authors = data.get("authors") or ([event.agent] if event.agent else [])
            norm = data.get("text", data.get("G"))
            votes = dict(zip(map(str, data.get("proposals") or ()), data.get("votes") or (), strict=False))
            found.append(
                {
                    "step": -1 if event.step is None else int(event.step),
                    "norm": norm if isinstance(norm, (str, int, float)) else None,
                    "authors": [clean(str(a), 60) for a in authors],
                    "votes": votes,
                    "tie": [clean(str(t), 60) for t in data.get("tie") or ()],
                    "kept": event.type == "norm_kept",
                }
            )
    return found


def _said(decision: dict[str, Any]) -> str:
    """Votes as ``5 of 9``, with the tie that the draw settled."""
    votes, norm = decision["votes"], decision["norm"]
    total = sum(float(v) for v in votes.values())
    if not total:
        return ""
    won = float(votes.get(str(norm), 0.0))
    tie = f", drawn from a tie of {len(decision['tie'])}" if decision["tie"] else ""
    return f"{number(won)} of {number(total)}{tie}"


def _journal(decisions: list[dict[str, Any]], steps: AnyArray, x: AnyArray) -> Table | None:
    """The decisions themselves, in words where norms are words."""
    if not any(isinstance(d["norm"], str) for d in decisions):
        return None
    rows: list[tuple[Value, ...]] = []
    for d in decisions:
        place = int(np.clip(np.searchsorted(steps, d["step"], side="right") - 1, 0, max(len(x) - 1, 0)))
        norm = "the last norm stays" if d["kept"] else clean(str(d["norm"]), 400)
        rows.append((float(x[place]) if len(x) else None, norm, ", ".join(d["authors"]) or None, _said(d) or None))
    some = thinned(len(rows), 40)
    return Table(
        ("decided in round", "norm", "written by", "votes"), tuple(rows[i] for i in some), "Norms in words",
        f"As the journal has them; {len(some)} of {len(rows)} decisions. One society, so no intervals.", download=tuple(rows),
    )  # fmt: skip
