"""A society: its state, the parts of a round in order, and ``play_round``, in which everybody follows its disposition.

The parts (``harvest``, ``sanction``, ``counter``, ``norm``, ``vote``) are what the steps of both faces call; arrays lead
with rows B, then agents N. A state's arrays are never written into, only replaced, so a shallow copy is a snapshot.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gamesim.core.arrays import AnyArray, BoolArray, FloatArray, IntArray
from gamesim.core.errors import ScenarioError

from . import harvest as catching
from .config import BALLOTED, Commons, Turnover
from .draws import Draws, Stream
from .growth import advance, sustainable_harvest
from .networks import Network, Roster, build
from .perturbations import RoundRules, Timeline, can_misread
from .revision import adopt_probability, best_of, proportional_probability, towards_median
from .sanctions import binding_cap, breaks_rule, graduated, read, tally
from .voting import VoteResult, approval, borda, distinct, elect, mean_norm, median_norm, nearest, plurality

TRAITS = ("effort", "punish", "belief")
GENERAL: Mapping[str, tuple[float, float]] = {"effort": (0.0, 1.0), "punish": (0.0, 1.0), "belief": (2.0, 8.0)}
MOST_PHASES = 5  # of one round


@dataclass
class SocietyState:
    """Where B societies of N agents stand.

    Attributes
    ----------
    round : being played, from 1, the same in all rows.  steps : decisions made since the reset.  phase : what is decided next.
    stock, second, norm : (B,), fish; NaN = no norm.  choice : (B,), the adopted proposal where norms are texts.
    alive : (B, N), takes part and has not died.  done : (B,), the row's play is over.  truncated : (B,), at the horizon.
    roster : who acts, alive in a row that is not done.
    effort, punish, belief : (B, N), dispositions.
    played, played_second, harvest, payoff : (B, N), the last round's; NaN before the first.
    average, wealth : (B, N), fish.
    inspected : (B, N), N = nobody.  violation : (B, N), as read by the inspector.
    target, struck : (B, N), whom each fined, and in answer; N = nobody.
    imposed, received : (B, N), fines of the last resolved round.  past : (B, N), fines received before it.
    quota : (B, N), NaN = none.  leader : (B,), -1 = nobody.
    proposals : (B, N), NaN = none.  choices : (B, N), the distinct ones ascending.  ballots : (B, N).
    model, copied : (B, N), who was looked at last, and whether he was copied.
    replaced, died : (B, N), who was replaced before this round, who died in the last one.
    history : the last w pairs of (harvest, payoff).
    """

    round: int
    steps: int
    phase: str
    stock: FloatArray
    second: FloatArray | None
    norm: FloatArray
    choice: FloatArray
    alive: BoolArray
    done: BoolArray
    truncated: BoolArray
    roster: Roster
    effort: FloatArray
    punish: FloatArray
    belief: FloatArray
    played: FloatArray
    played_second: FloatArray | None
    harvest: FloatArray
    payoff: FloatArray
    average: FloatArray
    wealth: FloatArray
    inspected: IntArray
    violation: BoolArray
    target: IntArray
    struck: IntArray
    imposed: IntArray
    received: IntArray
    past: IntArray
    quota: FloatArray | None
    leader: IntArray
    proposals: FloatArray
    choices: FloatArray
    ballots: IntArray
    model: IntArray
    copied: BoolArray
    replaced: BoolArray
    died: BoolArray
    history: tuple[tuple[FloatArray, FloatArray], ...]
    # what the round's resolution needs of its harvest, and tables want of it
    stock_before: FloatArray
    rest: FloatArray
    rest_second: FloatArray | None
    taken: FloatArray
    taken_second: FloatArray | None
    norm_before: FloatArray
    vote: VoteResult | None
    kept: BoolArray  # (B,), a decision was due and the last norm stayed
    # sums over the episode, (B,)
    total_harvest: FloatArray
    welfare: FloatArray
    fines: FloatArray
    effort_sum: FloatArray
    acts: FloatArray
    T_stock: FloatArray
    T_first_death: FloatArray
    T_all_dead: FloatArray
    T_s: FloatArray
    collapsed: BoolArray
    rounds: FloatArray

    def copy(self) -> SocietyState:
        """A snapshot: later rounds replace arrays and leave these alone."""
        return copy.copy(self)

    def some(self, rows: IntArray) -> SocietyState:
        """The societies of some rows."""
        count = len(self.stock)
        taken = self.copy()
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray) and value.ndim and len(value) == count:
                setattr(taken, name, value[rows])
        taken.roster = Roster.of(taken.alive & ~taken.done[:, None])
        taken.history = tuple((a[rows], b[rows]) for a, b in self.history)
        if self.vote is not None:
            taken.vote = VoteResult(self.vote.winner[rows], self.vote.votes[rows], self.vote.tied[rows])
        return taken


@dataclass(frozen=True)
class Institutions:
    """The rules of a society as functions take them: the configuration, its timeline and the three networks."""

    config: Commons
    timeline: Timeline
    meet: Network
    see: Network
    punish: Network
    rationed: bool = field(default=True)

    @classmethod
    def of(cls, config: Commons, draws: Draws, timeline: Timeline | None = None) -> Institutions:
        graphs, players = config.institutions.network, config.players
        return cls(
            config,
            timeline or Timeline(config),
            build(graphs.meet, "meet", players, draws.roots),
            build(graphs.see, "see", players, draws.roots),
            build(graphs.punish, "punish", players, draws.roots),
            config.harvest.catch == "request" or config.harvest.productivity * players > 1.0,
        )


def draws_of(config: Commons, seeds: Sequence[int] | IntArray) -> Draws:
    """The streams that a configuration needs; a mechanism that is never on draws nothing."""
    rules, streams = config.institutions, {"policy": Stream(("policy", 1))}
    if rules.sanctions is not None:
        streams["pairing"] = Stream(("society", "pairing"))
        if rules.sanctions.monitoring < 1 or rules.sanctions.kind == "pool" or can_misread(config):
            streams["sanction"] = Stream(("society", "sanction"), 2)
    revision = rules.revision
    if revision is not None and revision.rule != "none":
        looks = revision.sample if revision.rule in ("best_of", "conformist") else 1
        streams["revision"] = Stream(("society", "revision"), looks + 1)
        if revision.mutation > 0:
            streams["mutation"] = Stream(("society", "mutation"), 3, normal=True)
        if revision.probability < 1:
            streams["revise"] = Stream(("society", "revise"))
        if revision.asynchronous:
            streams["reviser"] = Stream(("society", "reviser"), shared=True)
    if rules.leader is not None or (rules.voting is not None and rules.voting.rule in BALLOTED):
        streams["ties"] = Stream(("society", "ties"), shared=True)
    if any(isinstance(event, Turnover) for event in config.perturbations):
        streams["turnover"] = Stream(("society", "turnover"), 4)
    if not isinstance(config.information.visibility, str):
        streams["sight"] = Stream(("society", "sight"), config.information.visibility.sampled)
    if config.growth.noise_sd > 0:
        streams["noise"] = Stream(("environment", "growth"), normal=True, shared=True)
    if config.second_stock is not None and config.second_stock.noise_sd > 0:
        streams["noise_second"] = Stream(("environment", "growth_second"), normal=True, shared=True)
    if config.harvest.catch == "shuffled":
        streams["order"] = Stream(("environment", "order"))
    elif config.harvest.rationing == "sequential":
        streams["order"] = Stream(("environment", "rationing"))
    return Draws(seeds, config.players, streams, config.horizon * MOST_PHASES)


def ranges(config: Commons, profiles: Sequence[Mapping[str, Any] | None] | None) -> dict[str, FloatArray]:
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


def found_society(
    institutions: Institutions, draws: Draws, profiles: Sequence[Mapping[str, Any] | None] | None = None
) -> SocietyState:
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
        stock_before=np.full(rows, config.growth.start),
        rest=np.full(rows, config.growth.start),
        rest_second=second,
        taken=row,
        taken_second=None if second is None else row,
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
    _begin_round(state, institutions, draws, profiles)
    return state


def play_round(
    state: SocietyState,
    efforts: FloatArray | None,
    institutions: Institutions,
    draws: Draws,
    profiles: Sequence[Mapping[str, Any] | None] | None = None,
) -> SocietyState:
    """One whole round in which everybody follows its disposition, exactly as ``commons.paper_abm`` plays it.

    Parameters
    ----------
    efforts : (B, N), harvest actions to play instead of the dispositions, or None.
    """
    state = state.copy()
    agents, round_ = state.alive.shape[1], state.round
    while state.round == round_ and state.roster.count.any():
        if state.phase == "harvest":
            harvest(
                state, disposed_harvest(state, institutions.config) if efforts is None else efforts, institutions, draws
            )
        elif state.phase == "sanction":
            u = draws.at("policy", state.steps, ~state.done)[0]
            fines = state.violation & (u < state.punish)
            sanction(state, np.where(fines, state.inspected, agents), institutions, draws)
        elif state.phase == "counter":
            counter(state, np.full(state.alive.shape, agents), institutions, draws)
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


def disposed_ballot(state: SocietyState, institutions: Institutions) -> IntArray:
    """The proposal nearest to one's own belief; at an election the candidate with the nearest one, the first of equals."""
    picked = nearest(state.choices, state.belief)
    if not institutions.timeline.at(state.round).election:
        return picked
    return candidate_of(state.choices, state.proposals, picked)


def candidate_of(choices: FloatArray, proposals: FloatArray, picked: IntArray) -> IntArray:
    """The first agent who proposed the picked choice, (B, N); N where none was picked."""
    agents = proposals.shape[1]
    order = np.argsort(proposals, axis=1, kind="stable")
    ordered = np.take_along_axis(proposals, order, axis=1)
    new = np.ones(ordered.shape, dtype=bool)
    new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    new &= ~np.isnan(ordered)
    author = np.full(choices.shape, agents)
    place = np.cumsum(new, axis=1) - 1
    rows, columns = np.nonzero(new)
    author[rows, place[rows, columns]] = order[rows, columns]
    return np.where(picked < agents, np.take_along_axis(author, np.minimum(picked, agents - 1), axis=1), agents)


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
    config, roster, t = institutions.config, state.roster, state.round - 1
    settings, live = config.harvest, ~state.done
    if not roster.everyone:
        action = np.where(roster.active, action, 0.0)
    state.stock_before, state.norm_before = state.stock, state.norm
    state.taken_second = state.rest_second = state.played_second = None
    if settings.catch == "effort" and state.second is not None:
        caught, played = _catch_two(state, action, second, institutions)
    elif settings.catch == "effort":
        caught, played = catching.catch_effort(action, state.stock, settings.productivity), action
        if institutions.rationed:
            caught = _ration(caught, state, institutions, draws, live)
        state.taken = caught.sum(axis=1)
    elif settings.catch == "shuffled":
        order = draws.at("order", t, live)[0]
        caught, played = catching.catch_shuffled(action, state.stock, settings.productivity, order), action
        state.taken = caught.sum(axis=1)
    else:
        caught, played = _ration(action, state, institutions, draws, live), action / config.limit
        state.taken = caught.sum(axis=1)
    state.rest = np.maximum(state.stock - state.taken, 0.0)
    state.harvest, state.played = caught, played
    if roster.everyone:
        state.effort = played
    else:
        state.effort = np.where(roster.active, played, state.effort)
    _inspect(state, institutions, draws, live)


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
    state.taken, state.taken_second = caught[0].sum(axis=1), caught[1].sum(axis=1)
    state.rest_second = np.maximum(state.second - state.taken_second, 0.0)
    state.played_second = efforts[1]
    return caught[0] + caught[1], efforts[0] + efforts[1]


def _ration(
    wanted: FloatArray, state: SocietyState, institutions: Institutions, draws: Draws, live: BoolArray
) -> FloatArray:
    rule, stock = institutions.config.harvest.rationing, state.stock
    if rule == "proportional":
        return catching.ration_proportional(wanted, stock)
    if rule == "sequential":
        return catching.ration_sequential(wanted, stock, draws.at("order", state.round - 1, live)[0])
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


def _inspect(state: SocietyState, institutions: Institutions, draws: Draws, live: BoolArray) -> None:
    rules, roster, t = institutions.timeline.at(state.round), state.roster, state.round - 1
    agents = state.alive.shape[1]
    none = np.full(state.alive.shape, agents)
    state.target = state.struck = none
    sanctions = rules.sanctions
    if sanctions is None:
        state.inspected, state.violation = none, np.zeros(state.alive.shape, dtype=bool)
        return
    cap = binding_cap(state.norm, state.belief)
    looks = draws.at("sanction", t, live) if "sanction" in draws.streams else None
    errors = None if looks is None else looks[1]
    if sanctions.kind == "pool":
        # The pool examines everybody by the group's rule; the examined agent is written down as its own inspector.
        examined = roster.active if looks is None else roster.active & (looks[0] < sanctions.monitoring)
        guilty = read(breaks_rule(state.harvest, cap, state.quota), errors, sanctions.misread)
        state.inspected = np.where(examined, np.arange(agents), agents)
        state.violation = guilty & examined
        return
    inspected = institutions.punish.partner(draws.at("pairing", t, live)[0], roster)
    if looks is not None and sanctions.monitoring < 1.0:
        inspected = np.where(looks[0] < sanctions.monitoring, inspected, agents)
    quota_of = None if state.quota is None else roster.of_partner(state.quota, inspected)
    broken = breaks_rule(roster.of_partner(state.harvest, inspected), cap, quota_of)
    state.inspected = inspected
    state.violation = read(broken, errors, sanctions.misread) & (inspected < agents)


def sanction(state: SocietyState, target: IntArray, institutions: Institutions, draws: Draws) -> None:
    """Everybody fines its target (N = nobody)."""
    agents = state.alive.shape[1]
    state.target = target if state.roster.everyone else np.where(state.roster.active, target, agents)


def counter(state: SocietyState, target: IntArray, institutions: Institutions, draws: Draws) -> None:
    """Who was fined may strike back at one who fined it (N = nobody)."""
    agents = state.alive.shape[1]
    state.struck = target if state.roster.everyone else np.where(state.roster.active, target, agents)


def norm(state: SocietyState, proposals: FloatArray, institutions: Institutions, draws: Draws) -> None:
    """Everybody proposes; a rule without ballots decides at once. What one proposed is one's belief from now on."""
    rules, roster = institutions.timeline.at(state.round), state.roster
    active = roster.active
    state.proposals = proposals if roster.everyone else np.where(active, proposals, np.nan)
    if not institutions.config.institutions.text:
        state.belief = np.where(np.isnan(state.proposals), state.belief, state.proposals)
    state.vote, state.kept = None, np.zeros(len(state.norm), dtype=bool)
    state.ballots = np.full(state.alive.shape, state.alive.shape[1])
    if "vote" in rules.phases:
        state.choices = distinct(state.proposals)
        return
    rows = np.arange(len(state.norm))
    if rules.leader is not None:
        led = state.leader >= 0
        _adopt(state, np.where(led, state.proposals[rows, np.maximum(state.leader, 0)], np.nan), institutions)
    elif rules.voting is not None and rules.voting.rule == "dictator":
        _adopt(state, state.proposals[:, rules.voting.dictator or 0], institutions)
    elif rules.voting is not None and rules.voting.rule == "mean":
        _adopt(state, mean_norm(state.proposals), institutions)
    else:
        _adopt(state, median_norm(state.proposals), institutions)


def vote(state: SocietyState, ballots: IntArray, institutions: Institutions, draws: Draws) -> None:
    """Ballots decide on the proposals, or, where an election is due, on the leader, whose proposal becomes the norm."""
    rules, roster = institutions.timeline.at(state.round), state.roster
    agents = state.alive.shape[1]
    state.ballots = ballots if roster.everyone else np.where(roster.active, ballots, agents)
    ties = draws.at("ties", state.round - 1, ~state.done)[0, :, 0]
    rows = np.arange(len(state.norm))
    if rules.leader is not None:
        result = plurality(state.ballots, agents, ties)
        if rules.leader.recall:
            result = _recall(state, result, ties)
        state.vote = result
        state.leader = np.where(result.winner >= 0, result.winner, state.leader)
        led = state.leader >= 0
        _adopt(state, np.where(led, state.proposals[rows, np.maximum(state.leader, 0)], np.nan), institutions)
        return
    assert rules.voting is not None
    if rules.voting.rule == "plurality":
        result = plurality(state.ballots, agents, ties)
    elif rules.voting.rule == "borda":
        result = borda(state.ballots, state.choices, ties)
    else:
        result = approval(state.ballots, state.choices, rules.voting.width, ties)
    state.vote = result
    chosen = state.choices[rows, np.maximum(result.winner, 0)]
    _adopt(state, np.where(result.winner >= 0, chosen, np.nan), institutions)


def _recall(state: SocietyState, result: VoteResult, ties: FloatArray) -> VoteResult:
    """The incumbent stays unless more than half of the ballots are for others; then the best of the others follows."""
    rows = np.arange(len(state.norm))
    office = np.maximum(state.leader, 0)
    incumbent = (state.leader >= 0) & state.roster.active[rows, office]
    against = result.votes.sum(axis=1) - result.votes[rows, office]
    stays = incumbent & (against * 2 <= result.votes.sum(axis=1))
    others = result.votes.copy()
    others[rows, office] = np.where(incumbent, -1.0, others[rows, office])
    replaced = elect(others, ties, (result.winner >= 0) & ~stays)
    return VoteResult(np.where(stays, state.leader, replaced.winner), result.votes, replaced.tied)


def _adopt(state: SocietyState, decided: FloatArray, institutions: Institutions) -> None:
    """The decision holds from the next round on; where there is none the last norm stays."""
    missing = np.isnan(decided)
    state.kept = missing & ~state.done
    if institutions.config.institutions.text:
        state.choice = np.where(missing, state.choice, decided)
        return
    state.norm = np.where(missing, state.norm, decided) if missing.any() else decided
    rules = institutions.timeline.at(state.round)
    if rules.leader is None or rules.leader.quotas is None or state.quota is None:
        return
    most = sustainable_harvest(np.minimum(state.stock, rules.law.capacity), rules.law)
    active = state.roster.active
    count = np.maximum(state.roster.count, 1)
    if rules.leader.quotas == "equal":
        quota = np.broadcast_to(np.minimum(state.norm, most / count)[:, None], state.quota.shape)
    else:
        asked = np.where(active, np.minimum(state.proposals, state.norm[:, None]), 0.0)
        total = asked.sum(axis=1)
        scale = np.divide(most, total, out=np.ones_like(most), where=total > most)
        quota = asked * scale[:, None]
    fresh = active & ~missing[:, None]
    state.quota = np.where(fresh, quota, state.quota)


def finish_phase(
    state: SocietyState,
    institutions: Institutions,
    draws: Draws,
    profiles: Sequence[Mapping[str, Any] | None] | None = None,
) -> None:
    """After a decision: resolve the round when its last economic phase is over, then move on to what is decided next."""
    phases = institutions.timeline.at(state.round).phases
    place = phases.index(state.phase)
    after = phases[place + 1] if place + 1 < len(phases) else None
    state.steps += 1
    if state.phase in ("harvest", "sanction", "counter") and after not in ("sanction", "counter"):
        _resolve(state, institutions, draws)
    if after is not None:
        state.phase = after
        return
    state.rounds = np.where(state.done, state.rounds, state.round)
    if state.round >= institutions.config.horizon:
        state.truncated = ~state.done
        state.T_s = np.where(state.done, state.T_s, state.round)
        state.done = np.ones_like(state.done)
        state.roster = Roster.of(np.zeros_like(state.alive))
        return
    state.round += 1
    state.phase = "harvest"
    _begin_round(state, institutions, draws, profiles)


def _resolve(state: SocietyState, institutions: Institutions, draws: Draws) -> None:
    """Fines, payoffs, wealth, deaths, growth, collapse and imitation."""
    config, rules, roster = institutions.config, institutions.timeline.at(state.round), state.roster
    live = ~state.done
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
    state.welfare = state.welfare + payoff.sum(axis=1)
    state.effort_sum = state.effort_sum + state.played.sum(axis=1)
    state.acts = state.acts + roster.count
    state.history = (*state.history, (state.harvest, payoff))[-config.information.memory :]
    active = roster.active
    if config.upkeep.starvation == "remove":
        state.died = active & (state.wealth < 0.0)
        if state.died.any():
            active = active & ~state.died
            state.alive = state.alive & ~state.died
    _grow(state, institutions, draws, live)
    _collapse(state, config, active, live)
    if active is not roster.active or (state.done & live).any():
        state.roster = Roster.of(active & ~state.done[:, None])
    if rules.revision is not None:
        _revise(state, rules, institutions, draws, ~state.done)


def _fine(state: SocietyState, payoff: FloatArray, rules: RoundRules) -> FloatArray:
    sanctions = rules.sanctions
    if sanctions is None:
        state.imposed = state.received = np.zeros(state.alive.shape, dtype=np.int64)
        return payoff
    if sanctions.kind == "pool":
        state.received, state.imposed = state.violation.astype(np.int64), np.zeros(state.alive.shape, dtype=np.int64)
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
    state.fines = state.fines + state.received.sum(axis=1)
    if sanctions.fine:
        payoff = payoff - sanctions.fine * times
    if sanctions.cost:
        payoff = payoff - sanctions.cost * state.imposed
    return payoff


def _grow(state: SocietyState, institutions: Institutions, draws: Draws, live: BoolArray) -> None:
    rules, config = institutions.timeline.at(state.round), institutions.config
    t = state.round - 1
    noise = _noise("noise", config.growth.noise_sd, draws, t, live)
    grown = advance(state.stock_before, state.rest, state.taken, rules.law, noise)
    state.stock = grown if live.all() else np.where(live, grown, state.stock)
    if state.second is not None:
        assert rules.second is not None
        assert config.second_stock is not None
        assert state.rest_second is not None
        assert state.taken_second is not None
        noise = _noise("noise_second", config.second_stock.noise_sd, draws, t, live)
        grown = advance(state.second, state.rest_second, state.taken_second, rules.second, noise)
        state.second = np.where(live, grown, state.second)


def _noise(name: str, sd: float, draws: Draws, t: int, live: BoolArray) -> FloatArray | None:
    if sd == 0.0:
        return None
    noise: FloatArray = np.maximum(1.0 + sd * draws.at(name, t, live)[0, :, 0], 0.0)
    return noise


def _collapse(state: SocietyState, config: Commons, active: BoolArray, live: BoolArray) -> None:
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
    gone = gone & live
    if gone.any():
        state.T_stock = np.where(gone & np.isnan(state.T_stock), t, state.T_stock)
        if growth.after_harvest:  # a stock judged after the harvest does not grow once it is gone
            state.stock = np.where(gone, state.rest, state.stock)
            if state.second is not None and state.rest_second is not None:
                state.second = np.where(gone, state.rest_second, state.second)
    over = gone
    if config.upkeep.starvation == "remove" and state.died.any():
        dead = state.died.any(axis=1) & live
        empty = live & ~active.any(axis=1)
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


def _revise(state: SocietyState, rules: RoundRules, institutions: Institutions, draws: Draws, live: BoolArray) -> None:
    """Social learning among those who are alive, all at once."""
    revision, roster, t = rules.revision, state.roster, state.round - 1
    assert revision is not None
    agents = state.alive.shape[1]
    u = draws.at("revision", t, live)
    moving: BoolArray | None = None
    if "revise" in draws.streams:
        moving = draws.at("revise", t, live)[0] < revision.probability
    if "reviser" in draws.streams:
        place = (draws.at("reviser", t, live)[0] * roster.count[:, None]).astype(np.int64)
        chosen = np.take_along_axis(roster.members, place, axis=1)
        only = np.arange(agents) == chosen
        moving = only if moving is None else moving & only
    if revision.rule == "conformist":
        models = institutions.meet.partner(u[:-1], roster)
        copied = roster.active & (models < agents).any(axis=0)
        model = models[0]
    else:
        if revision.rule == "best_of":
            models = institutions.meet.partner(u[:-1], roster)
            scores = np.where(models < agents, roster.of_partner(state.average, models), -np.inf)
            which, score = best_of(scores)
            model = np.take_along_axis(models, which[None], axis=0)[0]
            copied = score > state.average
        else:
            model = institutions.meet.partner(u[0], roster)
            score = roster.of_partner(state.average, model)
            if revision.rule == "fermi":
                chance = adopt_probability(state.average, score, revision.selection)
            else:
                chance = proportional_probability(state.average, score, roster.active)
            copied = u[1] < chance
        copied &= model < agents
    if moving is not None:
        copied = copied & moving
    state.model, state.copied = model, copied
    noise = draws.at("mutation", t, live) if revision.mutation > 0 else None
    for column, trait in enumerate(TRAITS):
        if trait not in revision.copied:
            continue
        own: FloatArray = getattr(state, trait)
        if revision.rule == "conformist":
            sampled = np.where(models < agents, roster.of_partner(own, models), np.nan)
            new = towards_median(own, sampled, revision.weight)
        else:
            new = roster.of_partner(own, model)
        if noise is not None:
            new = new + revision.mutation * (10.0 if trait == "belief" else 1.0) * noise[column]
            np.maximum(new, 0.0, out=new)
            if trait != "belief":
                np.minimum(new, 1.0, out=new)
        setattr(state, trait, np.where(copied, new, own))


def _begin_round(
    state: SocietyState,
    institutions: Institutions,
    draws: Draws,
    profiles: Sequence[Mapping[str, Any] | None] | None,
) -> None:
    """Who arrives, who is replaced, what shakes the stock, before anybody acts."""
    config, rules = institutions.config, institutions.timeline.at(state.round)
    live = ~state.done
    if rules.shock is not None:
        state.stock = np.where(live, min(rules.shock, rules.law.capacity), state.stock)
    elif rules.law.capacity < config.growth.capacity:
        state.stock = np.where(live, np.minimum(state.stock, rules.law.capacity), state.stock)
    before = institutions.timeline.at(state.round - 1).arrivals if state.round > 1 else rules.arrivals
    if rules.arrivals > before:
        seats = np.arange(state.alive.shape[1])
        joining = live[:, None] & (seats >= before) & (seats < rules.arrivals)
        state.alive = state.alive | joining
        state.roster = Roster.of(state.alive & live[:, None])
        state.replaced = joining
    elif "turnover" in draws.streams:
        state.replaced = np.zeros(state.alive.shape, dtype=bool)
    if rules.turnover == 0.0:
        return
    u = draws.at("turnover", state.round - 1, live)
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
