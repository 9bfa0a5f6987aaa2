"""What is in force in each round: institutions switched on and off, shocks, changed fines, newcomers and turnover.

Everything here depends on the round alone, never on the state, so that all rows of a batch pass through the same phases.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .config import (
    BALLOTED,
    FineChange,
    GrowthShock,
    Misread,
    Newcomer,
    Turnover,
    Universalization,
)

if TYPE_CHECKING:
    from .config import Commons, Leader, Revision, Sanctions, Voting, Window
    from .growth import GrowthLaw


@dataclass(frozen=True)
class RoundRules:
    """The rules of one round.

    Attributes
    ----------
    law, second : growth of the stock, and of the second one.
    sanctions, revision, voting, leader : those on in this round, with the numbers that hold now; None = off.
    election : an election is due.  universalization : the sentence is told.
    arrivals : number of seats, the first ones, that take part from this round on.
    quiet : nothing happens before the round.  turnover : chance to be replaced.  shock : what the stock is set to before the round, or None.
    phases : what is decided in this round, in order.
    """

    law: GrowthLaw
    second: GrowthLaw | None
    sanctions: Sanctions | None
    revision: Revision | None
    voting: Voting | None
    leader: Leader | None
    election: bool
    universalization: bool
    arrivals: int
    turnover: float
    shock: float | None
    quiet: bool
    phases: tuple[str, ...]


class Timeline:
    """The rules of every round of a configuration."""

    def __init__(self, config: Commons) -> None:
        self._config = config
        self._rounds: dict[int, RoundRules] = {}

    def at(self, round_: int) -> RoundRules:
        """The rules of round ``round_``, counted from 1."""
        known = self._rounds.get(round_)
        if known is None:
            known = self._rounds[round_] = self._make(round_)
        return known

    def _make(self, t: int) -> RoundRules:
        config = self._config
        rules = config.institutions
        law = config.growth.law_object()
        second = config.second_stock.law_object() if config.second_stock else None
        sanctions = rules.sanctions
        if sanctions is not None and (
            not within(sanctions.at, t) or (sanctions.disable_at is not None and t > sanctions.disable_at)
        ):
            sanctions = None
        revision = rules.revision if rules.revision is not None and within(rules.revision.at, t) else None
        revision = None if revision is not None and revision.rule == "none" else revision
        voting = rules.voting if rules.voting is not None and within(rules.voting.at, t) else None
        leader = rules.leader if rules.leader is not None and within(rules.leader.at, t) else None
        arrivals, turnover, shock = config.players, 0.0, None
        universalization = config.information.universalization
        for event in config.perturbations:
            if isinstance(event, Newcomer):
                arrivals -= event.count if t < event.at else 0
            elif isinstance(event, Turnover):
                if within(event.at, t):
                    turnover = 1.0 - (1.0 - turnover) * (1.0 - event.probability)
            elif t >= event.at:
                if isinstance(event, GrowthShock):
                    law = replace(
                        law,
                        rate=law.rate if event.rate is None else event.rate,
                        capacity=law.capacity if event.capacity is None else event.capacity,
                    )
                    shock = event.stock if t == event.at and event.stock is not None else shock
                elif isinstance(event, FineChange) and sanctions is not None:
                    changed = {"fine": event.fine, "cost": event.cost}
                    sanctions = sanctions.model_copy(update={k: v for k, v in changed.items() if v is not None})
                elif isinstance(event, Misread) and sanctions is not None:
                    sanctions = sanctions.model_copy(update={"misread": event.probability})
                elif isinstance(event, Universalization):
                    universalization = event.on
        election = leader is not None and leader.every is not None and (t - 1) % leader.every == 0
        if leader is not None and leader.appointed is not None and t == 1:
            election = False
        phases = ["harvest"]
        if sanctions is not None and sanctions.kind != "pool":
            phases.append("sanction")
            if sanctions.kind == "counter":
                phases.append("counter")
        if voting is not None or leader is not None:
            phases.append("norm")
            if election or (leader is None and voting is not None and voting.rule in BALLOTED):
                phases.append("vote")
        smaller = law.capacity < config.growth.capacity
        moving = any(isinstance(event, Newcomer) for event in config.perturbations)
        quiet = shock is None and turnover == 0.0 and not smaller and not moving
        return RoundRules(
            law,
            second,
            sanctions,
            revision,
            voting,
            leader,
            election,
            universalization,
            arrivals,
            turnover,
            shock,
            quiet,
            tuple(phases),
        )


def within(schedule: tuple[Window, ...] | None, t: int) -> bool:
    """Whether round t lies in one of the windows; always, where there is no schedule."""
    return schedule is None or any(first <= t and (last is None or t <= last) for first, last in schedule)


def can_misread(config: Commons) -> bool:
    """Whether a violation can be misread in any round."""
    sanctions = config.institutions.sanctions
    return sanctions is not None and (
        sanctions.misread > 0 or any(isinstance(event, Misread) for event in config.perturbations)
    )
