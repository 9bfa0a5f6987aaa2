"""What agents see, and what the step table keeps: arrays that are made when somebody reads them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gamesim.core.arrays import AnyArray, FloatArray, IntArray, Lazy

from .draws import Draws
from .govsim import threshold_per_agent
from .state import Institutions, SocietyState

PHASES = {"harvest": 0, "sanction": 1, "norm": 2, "vote": 3, "counter": 4}
OWN = frozenset(  # what differs between agents; the rest is public, (B, 1, ...) in a batch
    [
        "index",
        "alive",
        "effort",
        "belief",
        "punish",
        "harvest",
        "payoff",
        "payoff_mean",
        "wealth",
        "inspected",
        "violation",
        "fines",
        "quota",
        "history_harvest",
        "history_payoff",
        "fined_by",
        "visible",
    ]
)


def observation(state: SocietyState, institutions: Institutions, draws: Draws) -> Lazy:
    """Public arrays (B, 1, ...), own ones (B, N, ...); the data sheet in ``environment`` lists them."""
    config, (rows, agents) = institutions.config, state.alive.shape
    rules = institutions.timeline.at(state.round)
    sanctions, information = rules.sanctions, config.information
    column = (rows, 1)
    fining = state.phase in ("sanction", "counter") and sanctions is not None

    def board(values: AnyArray) -> AnyArray:
        return values[:, None, :]

    def of_sanctions(value: float | None) -> FloatArray:
        return np.full(column, value if fining and value is not None else np.nan)

    makers: dict[str, Callable[[], AnyArray]] = {
        "phase": lambda: np.full(column, PHASES.get(state.phase, 0)),
        "round": lambda: np.full(column, state.round),
        "norm": lambda: state.norm[:, None],
        "consumption": lambda: np.full(column, config.upkeep.consumption),
        "fine": lambda: of_sanctions(sanctions.fine if sanctions else None),
        "cost": lambda: of_sanctions(sanctions.cost if sanctions else None),
        "board_alive": lambda: board(state.alive),
        "board_effort": lambda: board(state.played),
        "board_harvest": lambda: board(state.harvest),
        "board_wealth": lambda: board(state.wealth),
        "index": lambda: np.broadcast_to(np.arange(agents), (rows, agents)),
        "alive": lambda: state.alive,
        "effort": lambda: state.effort,
        "belief": lambda: state.belief,
        "punish": lambda: state.punish,
        "harvest": lambda: state.harvest,
        "payoff": lambda: state.payoff,
        "payoff_mean": lambda: state.average,
        "wealth": lambda: state.wealth,
        "inspected": lambda: state.inspected,
        "violation": lambda: state.violation,
        "fines": lambda: state.received,
        "quota": lambda: np.full((rows, agents), np.nan) if state.quota is None else state.quota,
        "history_harvest": lambda: _history(state, 0, information.memory),
        "history_payoff": lambda: _history(state, 1, information.memory),
    }
    if information.stock_visible:
        makers["stock"] = lambda: state.stock[:, None]
        if state.second is not None:
            second = state.second
            makers["stock_2"] = lambda: second[:, None]
    voting, leader = config.institutions.voting, config.institutions.leader
    if leader is not None or (voting is not None and voting.rule in ("plurality", "borda", "approval")):
        seen = state.choices if state.phase == "vote" else np.full((rows, agents), np.nan)
        makers["proposals"] = lambda: board(seen)
    if leader is not None:
        proposed = state.proposals if state.phase == "vote" else np.full((rows, agents), np.nan)
        makers["board_proposal"] = lambda: board(proposed)
        makers["leader"] = lambda: np.where(state.leader < 0, agents, state.leader)[:, None]
        makers["election"] = lambda: np.full(column, rules.election)
    if config.institutions.sanctions is not None and config.institutions.sanctions.kind == "counter":
        makers["fined_by"] = lambda: _fined_by(state.target)
    if information.threshold:
        makers["threshold"] = lambda: threshold_per_agent(
            state.stock,
            rules.law,
            config.beginners if information.legacy_threshold else state.alive.sum(axis=1),
            integer=config.harvest.catch == "request" and config.harvest.integer,
        )[:, None]
    if not isinstance(information.visibility, str) or config.institutions.network.see.kind != "complete":
        makers["visible"] = lambda: visible(state, institutions, draws)
    return Lazy(makers)


def _history(state: SocietyState, which: int, memory: int) -> FloatArray:
    """Last outcomes, the latest last, NaN where the play is younger; (B, N, w)."""
    filled = np.full((*state.alive.shape, memory), np.nan)
    for place, pair in enumerate(reversed(state.history)):
        filled[..., memory - 1 - place] = pair[which]
    return filled


def _fined_by(target: IntArray) -> IntArray:
    """The first agent that has just fined each one, N = nobody; (B, N)."""
    rows, agents = target.shape
    fined_by = np.full((rows, agents + 1), agents)
    row, author = np.nonzero(target < agents)
    np.minimum.at(fined_by, (row, target[row, author]), author)
    return fined_by[:, :agents]


def visible(state: SocietyState, institutions: Institutions, draws: Draws) -> IntArray:
    """Whom each agent sees in this round, (B, N, k), -1 where there are fewer: its neighbours, or k drawn from the alive."""
    rows, agents = state.alive.shape
    table = institutions.see.neighbours()
    if table is not None:
        return np.broadcast_to(table, (rows, *table.shape[1:]))
    u = draws.at("sight", state.round - 1, ~state.done)
    roster = state.roster
    others = (roster.count - 1)[:, None]
    picked = np.empty((rows, agents, 0), dtype=np.int64)  # ranks among the others, ascending
    for column in range(len(u)):
        pool = others - column
        rank = (u[column] * np.maximum(pool, 0)).astype(np.int64)
        for place in range(column):
            rank += rank >= picked[..., place]
        rank = np.where(pool > 0, rank, agents + column)
        picked = np.sort(np.concatenate([picked, rank[..., None]], axis=2), axis=2)
    missing = picked >= agents
    picked = picked + (picked >= roster.rank[..., None])
    members = np.broadcast_to(roster.members[:, None, :], (rows, agents, agents))
    seats = np.take_along_axis(members, np.minimum(picked, agents - 1), axis=2)
    return np.where(missing | ~roster.active[..., None], -1, seats)


def facts(before: SocietyState, after: SocietyState, institutions: Institutions) -> Lazy:
    """What a step fixed, for the step table; NaN where it does not apply."""
    phases = institutions.timeline.at(before.round).phases
    phase = before.phase
    place = phases.index(phase)
    resolves = phase in ("harvest", "sanction", "counter") and phases[place + 1 : place + 2] != ("sanction",)
    resolves = resolves and phases[place + 1 : place + 2] != ("counter",)
    agents = before.alive.shape[1]
    makers: dict[str, Callable[[], AnyArray]] = {"round": lambda: np.full(len(before.stock), float(before.round))}
    if phase == "harvest":
        makers["stock"] = lambda: after.stock_before
        makers["norm"] = lambda: before.norm
        makers["effort"] = lambda: after.played
        makers["harvest"] = lambda: after.harvest
        makers["belief"] = lambda: before.belief
        makers["punish"] = lambda: before.punish
        if before.second is not None:
            makers["stock_2"] = lambda: before.second if before.second is not None else before.stock
            makers["effort_2"] = lambda: after.played if after.played_second is None else after.played_second
    if phase == "harvest" and before.quota is not None:
        makers["quota"] = lambda: after.stock if before.quota is None else before.quota
    if resolves:
        rules = institutions.timeline.at(before.round)
        makers["payoff"] = lambda: after.payoff
        makers["wealth"] = lambda: after.wealth
        if rules.sanctions is not None:
            makers["fines_paid"] = lambda: after.received.astype(np.float64)
            makers["fines_imposed"] = lambda: after.imposed.astype(np.float64)
            makers["inspected"] = lambda: np.where(after.inspected < agents, after.inspected, np.nan)
            makers["violation"] = lambda: np.where(after.inspected < agents, after.violation, np.nan)
        if rules.revision is not None:
            makers["copied_from"] = lambda: np.where(after.copied, after.model, np.nan)
        makers["stock_after"] = lambda: after.stock
    elif phase == "norm":
        makers["proposal"] = lambda: after.proposals
    elif phase == "vote":
        makers["ballot"] = lambda: np.where(after.ballots < agents, after.ballots, np.nan)
    if phase in ("norm", "vote") and place + 1 == len(phases):
        makers["norm_next"] = lambda: after.norm
    return Lazy(makers)


def outcome(state: SocietyState, institutions: Institutions) -> Lazy:
    """Summary of every row, (B,), final where the row is done."""
    horizon = institutions.config.horizon
    total = state.stock if state.second is None else state.stock + state.second
    makers: dict[str, Callable[[], AnyArray]] = {
        "rounds": lambda: np.where(state.done, state.rounds, state.round - 1.0),
        "stock_final": lambda: total,
        "T_stock": lambda: state.T_stock,
        "T_first_death": lambda: state.T_first_death,
        "T_all_dead": lambda: state.T_all_dead,
        "T_s": lambda: np.where(np.isnan(state.T_s), float(horizon), state.T_s),
        "censored": lambda: ~state.collapsed,
        "status": lambda: np.where(state.collapsed | ~state.alive.any(axis=1), "collapsed", "survived"),
        "alive_final": lambda: state.alive.sum(axis=1).astype(np.float64),
        "total_harvest": lambda: state.total_harvest,
        "welfare": lambda: state.welfare,
        "fines": lambda: state.fines,
        "agent_rounds": lambda: state.acts,
        "mean_effort": lambda: np.divide(
            state.effort_sum, state.acts, out=np.full(len(state.acts), np.nan), where=state.acts > 0
        ),
    }
    return Lazy(makers)
