"""How a society begins, and what happens before a round: arrivals, replacements, shocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gamesim.core.arrays import FloatArray
from gamesim.core.errors import ScenarioError

from .config import Commons
from .draws import Draws
from .networks import Roster
from .state import TRAITS, Institutions, SocietyState
from .voting import median_norm

GENERAL: Mapping[str, tuple[float, float]] = {"effort": (0.0, 1.0), "punish": (0.0, 1.0), "belief": (2.0, 8.0)}
Profiles = Sequence[Mapping[str, Any] | None] | None


def ranges(config: Commons, profiles: Profiles) -> dict[str, FloatArray]:
    """Initial ranges of the traits, (N, 2) each, from the seats' profiles."""
    found = {trait: np.tile(np.array(GENERAL[trait]), (config.players, 1)) for trait in TRAITS}
    for seat, profile in enumerate(profiles or ()):
        for trait, given in ((profile or {}).get("init") or {}).items():
            if trait not in found:
                raise ScenarioError(
                    f"no trait '{trait}'.", path=f"seats.{seat}.init", hint=f"Traits: {', '.join(TRAITS)}."
                )
            low, high = given if isinstance(given, (list, tuple)) else (given, given)
            if not (0.0 <= low <= high) or (trait != "belief" and high > 1.0):
                bound = "0 <= low <= high" + ("" if trait == "belief" else " <= 1")
                raise ScenarioError(f"[{low}, {high}] breaks {bound}.", path=f"seats.{seat}.init.{trait}")
            found[trait][seat] = low, high
    return found


def found_society(institutions: Institutions, draws: Draws, profiles: Profiles = None) -> SocietyState:
    """The state before round 1.

    Parameters
    ----------
    profiles : one mapping a seat, ``{"init": {"effort": [lo, hi], "belief": ..., "punish": ...}}``; absent ones have the
        general ranges U(0,1), U(2,8), U(0,1).
    """
    config = institutions.config
    rows, agents = len(draws.roots), config.players
    u = draws.once("society", "init", columns=3)
    traits = {
        trait: low + (high - low) * u[..., column]
        for column, trait in enumerate(TRAITS)
        for low, high in [ranges(config, profiles)[trait].T]
    }
    shape = (rows, agents)
    unknown, zero, none = np.full(shape, np.nan), np.zeros(shape), np.full(shape, agents)
    no, row = np.zeros(shape, dtype=bool), np.zeros(rows)
    count, never = np.zeros(shape, dtype=np.int64), np.full(rows, np.nan)
    alive = np.broadcast_to(np.arange(agents) < institutions.timeline.at(1).arrivals, shape)
    second = None if config.second_stock is None else np.full(rows, config.second_stock.start)
    leader = config.institutions.leader
    state = SocietyState(
        rules=institutions.timeline.at(1),
        round=1,
        steps=0,
        phase="harvest",
        stock=np.full(rows, config.growth.start),
        second=second,
        norm=never,
        choice=never,
        alive=alive,
        done=np.zeros(rows, dtype=bool),
        truncated=np.zeros(rows, dtype=bool),
        roster=Roster.of(alive),
        effort=traits["effort"],
        punish=traits["punish"],
        belief=traits["belief"],
        played=unknown,
        played_second=None if second is None else unknown,
        harvest=unknown,
        payoff=unknown,
        average=zero,
        wealth=np.full(shape, config.upkeep.initial_wealth),
        inspected=none,
        violation=no,
        target=none,
        struck=none,
        imposed=count,
        received=count,
        past=count,
        quota=None if leader is None or leader.quotas is None else unknown,
        leader=np.full(rows, -1 if leader is None or leader.appointed is None else leader.appointed),
        proposals=unknown,
        choices=unknown,
        ballots=none,
        model=none,
        copied=no,
        replaced=no,
        died=no,
        history=(),
        nobody=none,
        nothing=count,
        innocent=no,
        stock_before=np.full(rows, config.growth.start),
        rest=np.full(rows, config.growth.start),
        rest_second=second,
        taken=row,
        taken_second=None if second is None else row,
        effort_round=row,
        fines_round=row,
        norm_before=never,
        vote=None,
        kept=np.zeros(rows, dtype=bool),
        total_harvest=row,
        welfare=row,
        fines=row,
        effort_sum=row,
        acts=row,
        T_stock=never,
        T_first_death=never,
        T_all_dead=never,
        T_s=never,
        collapsed=np.zeros(rows, dtype=bool),
        rounds=row,
    )
    decided = config.institutions.leader or config.institutions.voting
    if decided is not None and not config.institutions.text:
        if decided.initial == "median":
            state.norm = median_norm(state.belief, alive)
        elif decided.initial != "none":
            state.norm = np.full(rows, float(decided.initial))
    state.norm_before = state.norm
    begin_round(state, institutions, draws, profiles)
    return state


def begin_round(
    state: SocietyState,
    institutions: Institutions,
    draws: Draws,
    profiles: Profiles,
) -> None:
    """Who arrives, who is replaced, what shakes the stock, before anybody acts."""
    config = institutions.config
    rules = state.rules = institutions.timeline.at(state.round)
    if rules.quiet and state.replaced is state.innocent:
        return
    live = ~state.done
    if rules.shock is not None:
        state.stock = np.where(live, min(rules.shock, rules.law.capacity), state.stock)
    elif rules.law.capacity < config.growth.capacity:
        state.stock = np.where(live, np.minimum(state.stock, rules.law.capacity), state.stock)
    before = institutions.timeline.at(state.round - 1).arrivals if state.round > 1 else rules.arrivals
    state.replaced = state.innocent
    if rules.arrivals > before:
        seats = np.arange(state.alive.shape[1])
        joining = live[:, None] & (seats >= before) & (seats < rules.arrivals)
        state.alive = state.alive | joining
        state.roster = Roster.of(state.alive & live[:, None])
        state.replaced = joining
    if rules.turnover == 0.0:
        return
    u = draws.at("turnover", state.round - 1, state.drawing)
    gone = state.roster.active & (u[0] < rules.turnover) & ~state.replaced
    if not gone.any():
        return
    bounds = ranges(config, profiles)
    for column, trait in enumerate(TRAITS, start=1):
        low, high = bounds[trait].T
        setattr(state, trait, np.where(gone, low + (high - low) * u[column], getattr(state, trait)))
    state.wealth = np.where(gone, config.upkeep.initial_wealth, state.wealth)
    state.average = np.where(gone, 0.0, state.average)
    state.past = np.where(gone, 0, state.past)
    state.replaced = state.replaced | gone
