"""The harvest phase: everybody takes, and peers are drawn and inspected."""

from __future__ import annotations

import numpy as np

from gamesim.core.arrays import AnyArray, FloatArray, IntArray

from . import harvest as catching
from .draws import Draws
from .meeting import partners
from .sanctions import binding_cap, breaks_rule, read
from .state import Institutions, SocietyState


def harvest(
    state: SocietyState,
    action: FloatArray,
    institutions: Institutions,
    draws: Draws,
    second: FloatArray | None = None,
) -> None:
    """Everybody takes; inspections are drawn on what was taken.

    Parameters
    ----------
    action : (B, N), efforts, or units asked for; entries of who does not act are ignored.
    second : (B, N), effort on the second stock; without it ``action`` is the total effort and follows the catches.
    """
    config, roster, settings = institutions.config, state.roster, institutions.config.harvest
    if not roster.everyone:
        action = np.where(roster.active, action, 0.0)
    state.stock_before, state.norm_before = state.stock, state.norm
    state.taken_second = state.rest_second = state.played_second = None
    if settings.catch == "effort" and state.second is not None:
        caught, played = _catch_two(state, action, second, institutions)
    elif settings.catch == "effort":
        caught, played = catching.catch_effort(action, state.stock, settings.productivity), action
        if institutions.rationed:
            caught = _ration(caught, state, institutions, draws)
        state.taken = np.add.reduce(caught, axis=1)
    elif settings.catch == "shuffled":
        order = _order(state, draws)
        caught, played = catching.catch_shuffled(action, state.stock, settings.productivity, order), action
        state.taken = np.add.reduce(caught, axis=1)
    else:
        caught, played = _ration(action, state, institutions, draws), action / config.limit
        state.taken = np.add.reduce(caught, axis=1)
    state.rest = np.maximum(state.stock - state.taken, 0.0)
    state.harvest, state.played = caught, played
    if roster.everyone:
        state.effort = played
    else:
        state.effort = np.where(roster.active, played, state.effort)
    _inspect(state, institutions, draws)


def _order(state: SocietyState, draws: Draws) -> IntArray:
    order: IntArray = draws.ready("order", state.round - 1, state.drawing, _orders)[0][0]
    return order


def _orders(u: FloatArray) -> tuple[AnyArray, ...]:
    return (catching.random_order(u),)


def _catch_two(
    state: SocietyState, action: FloatArray, second: FloatArray | None, institutions: Institutions
) -> tuple[FloatArray, FloatArray]:
    config = institutions.config
    assert state.second is not None
    assert config.second_stock is not None
    alphas = config.harvest.productivity, config.second_stock.productivity or config.harvest.productivity
    first_yield, second_yield = alphas[0] * state.stock, alphas[1] * state.second
    both = first_yield + second_yield
    share = np.divide(first_yield, both, out=np.full_like(both, 0.5), where=both > 0)[:, None]
    efforts = action * share, action * (1.0 - share)
    if second is not None:  # NaN: a total that follows the catches
        given = ~np.isnan(second)
        active = state.roster.active
        efforts = (
            np.where(active, np.where(given, action, efforts[0]), 0.0),
            np.where(active, np.where(given, second, efforts[1]), 0.0),
        )
    caught = [
        catching.ration_proportional(catching.catch_effort(effort, stock, alpha), stock)
        for effort, stock, alpha in zip(efforts, (state.stock, state.second), alphas, strict=True)
    ]
    state.taken, state.taken_second = np.add.reduce(caught[0], axis=1), np.add.reduce(caught[1], axis=1)
    state.rest_second = np.maximum(state.second - state.taken_second, 0.0)
    state.played_second = efforts[1]
    return caught[0] + caught[1], efforts[0] + efforts[1]


def _ration(wanted: FloatArray, state: SocietyState, institutions: Institutions, draws: Draws) -> FloatArray:
    rule, stock = institutions.config.harvest.rationing, state.stock
    if rule == "proportional":
        return catching.ration_proportional(wanted, stock)
    if rule == "sequential":
        return catching.ration_sequential(wanted, stock, _order(state, draws))
    short = np.flatnonzero(wanted.sum(axis=1) > stock)
    if not len(short):
        return wanted
    # Clocks are named by round, so a lottery that is not needed costs nothing and shifts nobody's numbers.
    ticks = int(np.ceil(min(institutions.config.limit, institutions.config.growth.capacity)))
    caught = wanted.copy()
    width = max(1, catching.TILE // (ticks * wanted.shape[1]))
    for start in range(0, len(short), width):
        rows = short[start : start + width]
        clocks = draws.exponentials(rows, "environment", "rationing", "round", state.round, ticks=ticks)
        caught[rows] = catching.ration_lottery(wanted[rows], stock[rows], clocks)
    return caught


def _inspect(state: SocietyState, institutions: Institutions, draws: Draws) -> None:
    roster, t, agents = state.roster, state.round - 1, state.alive.shape[1]
    state.target = state.struck = state.nobody
    sanctions = state.rules.sanctions
    if sanctions is None:
        state.inspected, state.violation = state.nobody, state.innocent
        return
    cap = binding_cap(state.norm, state.belief)
    errors = draws.at("sanction", t, state.drawing)[0] if "sanction" in draws.streams else None
    if sanctions.kind == "pool":
        # The pool examines everybody by the group's rule; the examined agent is written down as its own inspector.
        examined = roster.active & (draws.at("pairing", t, state.drawing)[0] < sanctions.monitoring)
        guilty = read(breaks_rule(state.harvest, cap, state.quota), errors, sanctions.misread)
        state.inspected = np.where(examined, np.arange(agents), agents)
        state.violation = guilty & examined
        return
    (inspected,), (rest,), _ = partners(institutions.punish, "pairing", state, draws)
    if sanctions.monitoring < 1.0:
        inspected = np.where(rest < sanctions.monitoring, inspected, agents)
    quota_of = None if state.quota is None else roster.of_partner(state.quota, inspected)
    broken = breaks_rule(roster.of_partner(state.harvest, inspected), cap, quota_of)
    state.inspected = inspected
    violation = read(broken, errors, sanctions.misread)
    certain = roster.everyone and institutions.punish.complete and sanctions.monitoring == 1.0
    state.violation = violation if certain else violation & (inspected < agents)
