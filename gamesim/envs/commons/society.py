"""A society in motion: the parts of a round in order, and ``play_round``, in which everybody follows its disposition.

The parts are what the steps of both faces call. A state's arrays are never written into, only replaced, so that a shallow
copy is a snapshot.
"""

from __future__ import annotations

import numpy as np

from gamesim.core.arrays import FloatArray, IntArray

from .beginning import Profiles, begin_round
from .config import Commons
from .deciding import disposed_ballot, norm, vote
from .draws import Draws
from .harvesting import harvest
from .networks import Roster
from .resolution import resolve
from .state import Institutions, SocietyState


def play_round(
    state: SocietyState,
    efforts: FloatArray | None,
    institutions: Institutions,
    draws: Draws,
    profiles: Profiles = None,
) -> SocietyState:
    """One whole round in which everybody follows its disposition, exactly as ``commons.paper_abm`` plays it.

    Parameters
    ----------
    efforts : (B, N), harvest actions to play instead of the dispositions, or None.
    """
    state = state.copy()
    agents, round_ = state.alive.shape[1], state.round
    while state.round == round_ and (state.roster.everyone or state.roster.count.any()):
        if state.phase == "harvest":
            harvest(
                state, disposed_harvest(state, institutions.config) if efforts is None else efforts, institutions, draws
            )
        elif state.phase == "sanction":
            u = draws.at("policy", state.steps, state.drawing)[0]
            fines = state.violation & (u < state.punish)
            sanction(state, np.where(fines, state.inspected, agents))
        elif state.phase == "counter":
            counter(state, state.nobody)
        elif state.phase == "norm":
            norm(state, state.belief, institutions, draws)
        else:
            vote(state, disposed_ballot(state, institutions), institutions, draws)
        finish_phase(state, institutions, draws, profiles)
    return state


def disposed_harvest(state: SocietyState, config: Commons) -> FloatArray:
    """What the disposition to harvest means as an action: the effort, or that share of the largest request."""
    if config.harvest.catch != "request":
        return state.effort
    wanted: FloatArray = state.effort * config.limit
    return np.floor(wanted + 0.5) if config.harvest.integer else wanted


def sanction(state: SocietyState, target: IntArray) -> None:
    """Everybody fines its target (N = nobody)."""
    agents = state.alive.shape[1]
    state.target = target if state.roster.everyone else np.where(state.roster.active, target, agents)


def counter(state: SocietyState, target: IntArray) -> None:
    """Who was fined may strike back at one who fined it (N = nobody)."""
    agents = state.alive.shape[1]
    state.struck = target if state.roster.everyone else np.where(state.roster.active, target, agents)


def finish_phase(
    state: SocietyState,
    institutions: Institutions,
    draws: Draws,
    profiles: Profiles = None,
) -> None:
    """After a decision: resolve the round when its last economic phase is over, then move on to what is decided next."""
    phases = state.rules.phases
    place = phases.index(state.phase)
    after = phases[place + 1] if place + 1 < len(phases) else None
    state.steps += 1
    if state.phase in ("harvest", "sanction", "counter") and after not in ("sanction", "counter"):
        resolve(state, institutions, draws)
    if after is not None:
        state.phase = after
        return
    if state.round >= institutions.config.horizon:
        state.truncated = ~state.done
        state.rounds = np.where(state.done, state.rounds, state.round)
        state.T_s = np.where(state.done, state.T_s, state.round)
        state.done = np.ones_like(state.done)
        state.roster = Roster.of(np.zeros_like(state.alive))
        return
    state.round += 1
    state.phase = "harvest"
    begin_round(state, institutions, draws, profiles)
