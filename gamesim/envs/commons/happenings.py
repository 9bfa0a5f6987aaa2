"""What happened in one step of one society, as events for the journal: read off the states before and after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gamesim.core.arrays import BoolArray
from gamesim.envs.base import Event

if TYPE_CHECKING:
    from .state import Institutions, SocietyState
    from .texts import Texts


def _where(mask: BoolArray) -> list[int]:
    """Seats of row 0 where a mask holds."""
    return [int(seat) for seat in np.flatnonzero(mask[0])]


def happenings(
    before: SocietyState, after: SocietyState, institutions: Institutions, seats: Sequence[str], texts: Texts
) -> list[Event]:
    """Events of the step that led from ``before`` to ``after``, row 0."""
    phase, agents = before.phase, len(seats)
    found: list[Event] = []
    rules = institutions.timeline.at(before.round)
    resolved = after.payoff is not before.payoff
    if resolved and rules.sanctions is not None:
        found += _fines(before, after, institutions, seats)
    if resolved:
        found += [Event("death", seats[i], {"round": before.round}) for i in _where(after.died)]
    if phase == "vote":
        for seat in _where(before.roster.active):
            ballot = int(after.ballots[0, seat])
            found.append(Event("vote", seats[seat], {"choice": ballot if ballot < agents else None}))
    if phase in ("norm", "vote") and (phase == "vote" or "vote" not in rules.phases):
        found += _decision(before, after, institutions, seats, texts)
    if after.round > before.round:
        coming = institutions.timeline.at(after.round)
        if after.replaced is not before.replaced:
            found += [Event("newcomer", seats[i], {"round": after.round}) for i in _where(after.replaced)]
        if coming.shock is not None or coming.law != rules.law:
            data: dict[str, Any] = {"round": after.round, "rate": coming.law.rate, "capacity": coming.law.capacity}
            found.append(Event("shock", None, data | {"stock": float(after.stock[0])}))
    return found


def _fines(before: SocietyState, after: SocietyState, institutions: Institutions, seats: Sequence[str]) -> list[Event]:
    sanctions = institutions.timeline.at(before.round).sanctions
    assert sanctions is not None
    agents = len(seats)
    if sanctions.kind == "pool":
        return [
            Event("sanction", None, {"target": seats[i], "fine": sanctions.fine}) for i in _where(after.received > 0)
        ]
    found = []
    for stage, targets in (("sanction", after.target), ("counter", after.struck)):
        for seat in _where(targets < agents):
            target = int(targets[0, seat])
            times = min(int(before.past[0, target]) + 1, sanctions.cap) if sanctions.kind == "graduated" else 1
            data: dict[str, Any] = {"target": seats[target], "fine": sanctions.fine * times}
            found.append(Event("sanction", seats[seat], data | ({"counter": True} if stage == "counter" else {})))
    return found


def _decision(
    before: SocietyState, after: SocietyState, institutions: Institutions, seats: Sequence[str], texts: Texts
) -> list[Event]:
    rules, found = institutions.timeline.at(before.round), []
    text = institutions.config.institutions.text
    vote = after.vote
    if before.phase == "vote" and rules.election:
        found.append(
            Event("leader", seats[int(after.leader[0])] if after.leader[0] >= 0 else None, _votes(vote, seats))
        )
    if after.kept[0]:
        return [*found, Event("norm_kept", None, {"round": before.round})]
    decided = float(after.choice[0] if text else after.norm[0])
    authors = [seats[i] for i in _where(after.proposals == decided)]
    data: dict[str, Any] = {"text": texts.sentence(decided)} if text else {"G": decided}
    if before.phase == "vote" and not rules.election and vote is not None:
        shown = after.choices[0][~np.isnan(after.choices[0])]
        names = [texts.sentence(float(c)) if text else float(c) for c in shown]
        tied = [name for name, is_tied in zip(names, vote.tied[0], strict=False) if is_tied]
        data |= {"proposals": names, "votes": [float(v) for v in vote.votes[0][: len(names)]]}
        data |= {"tie": tied} if len(tied) > 1 else {}
    found.append(Event("norm", authors[0] if authors else None, data | {"authors": authors}))
    return found


def _votes(vote: Any, seats: Sequence[str]) -> dict[str, Any]:
    if vote is None:
        return {}
    votes = {seat: int(count) for seat, count in zip(seats, vote.votes[0], strict=False) if count > 0}
    tied = [seat for seat, is_tied in zip(seats, vote.tied[0], strict=False) if is_tied]
    return {"votes": votes} | ({"tie": tied} if len(tied) > 1 else {})
