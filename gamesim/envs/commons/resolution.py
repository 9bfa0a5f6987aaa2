"""What a round comes to: fines, payoffs, wealth, deaths, growth and collapse."""

from __future__ import annotations

import numpy as np

from gamesim.core.arrays import AnyArray, BoolArray, FloatArray

from .config import Commons
from .draws import Draws
from .growth import advance
from .learning import revise
from .networks import Roster
from .perturbations import RoundRules, Timeline
from .sanctions import graduated, tally
from .state import Institutions, SocietyState


def resolve(state: SocietyState, institutions: Institutions, draws: Draws) -> None:
    """Fines, payoffs, wealth, deaths, growth, collapse and imitation."""
    config, rules, roster = institutions.config, state.rules, state.roster
    payoff = -state.harvest if rules.law.law == "inverse" else state.harvest
    if config.upkeep.consumption:
        payoff = payoff - config.upkeep.consumption
    payoff = _fine(state, payoff, rules)
    if not roster.everyone:
        payoff = np.where(roster.active, payoff, 0.0)
    state.payoff = payoff
    state.wealth = state.wealth + payoff
    revision = config.institutions.revision
    weight = revision.average if revision is not None else 0.0
    state.average = weight * state.average + (1.0 - weight) * payoff if weight else payoff
    state.total_harvest = state.total_harvest + state.taken
    if state.taken_second is not None:
        state.total_harvest = state.total_harvest + state.taken_second
    gained = state.taken if payoff is state.harvest and state.taken_second is None else np.add.reduce(payoff, axis=1)
    state.welfare = state.welfare + gained
    state.effort_round = np.add.reduce(state.played, axis=1)
    state.effort_sum = state.effort_sum + state.effort_round
    state.acts = state.acts + roster.count
    state.history = (*state.history, (state.harvest, payoff))[-config.information.memory :]
    active = roster.active
    if config.upkeep.starvation == "remove":
        state.died = active & (state.wealth < 0.0)
        if state.died.any():
            active = active & ~state.died
            state.alive = state.alive & ~state.died
    done = state.done
    live = None if roster.everyone else ~state.done
    _grow(state, institutions, draws, live)
    _collapse(state, config, active, live)
    if active is not roster.active or state.done is not done:
        state.roster = Roster.of(active & ~state.done[:, None])
    if rules.revision is not None:
        revise(state, institutions, draws)


def _fine(state: SocietyState, payoff: FloatArray, rules: RoundRules) -> FloatArray:
    sanctions = rules.sanctions
    if sanctions is None:
        state.imposed = state.received = state.nothing
        state.fines_round = np.zeros(len(state.stock))
        return payoff
    if sanctions.kind == "pool":
        state.received, state.imposed = state.violation.astype(np.int64), state.nothing
        times: AnyArray = state.received
        payoff = payoff - sanctions.tax
    else:
        first = tally(state.target, sanctions.counting)
        state.imposed, state.received = first.imposed, first.received
        times = first.received
        if sanctions.kind == "graduated":
            times = graduated(first.received, state.past, sanctions.cap, sanctions.counting)
        elif sanctions.kind == "counter":
            back = tally(state.struck, sanctions.counting)
            state.imposed = first.imposed + back.imposed
            state.received = times = first.received + back.received
    if sanctions.kind == "graduated":
        state.past = state.past + state.received
    state.fines_round = np.add.reduce(state.received, axis=1)
    state.fines = state.fines + state.fines_round
    if sanctions.fine:
        payoff = payoff - sanctions.fine * times
    if sanctions.cost:
        payoff = payoff - sanctions.cost * state.imposed
    return payoff


def _grow(state: SocietyState, institutions: Institutions, draws: Draws, live: BoolArray | None) -> None:
    rules, config = state.rules, institutions.config
    t = state.round - 1
    noise = _noise("noise", config.growth.noise_sd, draws, t, live)
    grown = advance(state.stock_before, state.rest, state.taken, rules.law, noise)
    state.stock = grown if live is None else np.where(live, grown, state.stock)
    if state.second is not None:
        assert rules.second is not None
        assert config.second_stock is not None
        assert state.rest_second is not None
        assert state.taken_second is not None
        noise = _noise("noise_second", config.second_stock.noise_sd, draws, t, live)
        grown = advance(state.second, state.rest_second, state.taken_second, rules.second, noise)
        state.second = grown if live is None else np.where(live, grown, state.second)


def _noise(name: str, sd: float, draws: Draws, t: int, live: BoolArray | None) -> FloatArray | None:
    if sd == 0.0:
        return None
    noise: FloatArray = np.maximum(1.0 + sd * draws.at(name, t, live)[0, :, 0], 0.0)
    return noise


def _collapse(state: SocietyState, config: Commons, active: BoolArray, live: BoolArray | None) -> None:
    """Who has collapsed by which measure, and whose play is over."""
    growth, t = config.growth, float(state.round)
    total, left = state.stock, state.rest
    least = growth.minimum * growth.capacity
    if state.second is not None and config.second_stock is not None and state.rest_second is not None:
        total, left = total + state.second, left + state.rest_second
        least += config.second_stock.minimum * config.second_stock.capacity
    if growth.law == "inverse":
        gone = left > growth.maximum * growth.capacity
    elif growth.after_harvest:
        gone = left < least
    else:
        gone = total <= least
    if live is not None:
        gone = gone & live
    if gone.any():
        state.T_stock = np.where(gone & np.isnan(state.T_stock), t, state.T_stock)
        if growth.after_harvest:  # a stock judged after the harvest does not grow once it is gone
            state.stock = np.where(gone, state.rest, state.stock)
            if state.second is not None and state.rest_second is not None:
                state.second = np.where(gone, state.rest_second, state.second)
    over = gone
    if config.upkeep.starvation == "remove" and state.died.any():
        playing = np.logical_not(state.done)
        dead = state.died.any(axis=1) & playing
        empty = playing & ~active.any(axis=1)
        state.T_first_death = np.where(dead & np.isnan(state.T_first_death), t, state.T_first_death)
        state.T_all_dead = np.where(empty, t, state.T_all_dead)
        if config.collapse == "first_death":
            over = over | dead
        elif config.collapse == "all_dead":
            over = over | empty
        else:
            _leave_alone(state, config, empty & ~over)
            state.rounds = np.where(empty & ~over, t, state.rounds)
            state.done = state.done | (empty & ~over)
    if over.any():
        state.T_s = np.where(over, t, state.T_s)
        state.collapsed = state.collapsed | over
        state.rounds = np.where(over, t, state.rounds)
        state.done = state.done | over


def _leave_alone(state: SocietyState, config: Commons, empty: BoolArray) -> None:
    """Where nobody is left but the stock is what counts, it grows on alone to the horizon, without noise."""
    if not empty.any():
        return
    timeline, zero = Timeline(config), np.zeros_like(state.stock)
    stock, second = state.stock, state.second
    for later in range(state.round + 1, config.horizon + 1):
        rules = timeline.at(later)
        if rules.shock is not None:
            stock = np.full_like(stock, rules.shock)
        stock = advance(stock, stock, zero, rules.law)
        if second is not None and rules.second is not None:
            second = advance(second, second, zero, rules.second)
    state.stock = np.where(empty, stock, state.stock)
    state.second = second if second is None or state.second is None else np.where(empty, second, state.second)
    state.T_s = np.where(empty, float(config.horizon), state.T_s)
