"""The group decision: proposals, ballots, leaders, and what becomes of them."""

from __future__ import annotations

import numpy as np

from gamesim.core.arrays import FloatArray, IntArray

from .draws import Draws
from .growth import sustainable_harvest
from .state import Institutions, SocietyState
from .voting import VoteResult, approval, borda, distinct, elect, mean_norm, median_norm, nearest, plurality


def norm(state: SocietyState, proposals: FloatArray, institutions: Institutions, draws: Draws) -> None:
    """Everybody proposes; a rule without ballots decides at once. What one proposed is one's belief from now on."""
    rules, roster = state.rules, state.roster
    active = roster.active
    state.proposals = proposals if roster.everyone else np.where(active, proposals, np.nan)
    if not institutions.config.institutions.text and proposals is not state.belief:
        state.belief = np.where(np.isnan(state.proposals), state.belief, state.proposals)
    state.vote = None
    state.ballots = state.nobody
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
    rules, roster = state.rules, state.roster
    agents = state.alive.shape[1]
    state.ballots = ballots if roster.everyone else np.where(roster.active, ballots, agents)
    ties = draws.at("ties", state.round - 1, state.drawing)[0, :, 0]
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
    roster = state.roster
    missing = np.isnan(decided)
    state.kept = missing if roster.everyone else missing & ~state.done
    if institutions.config.institutions.text:
        state.choice = np.where(missing, state.choice, decided)
        return
    state.norm = np.where(missing, state.norm, decided) if missing.any() else decided
    rules = state.rules
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


def disposed_ballot(state: SocietyState, institutions: Institutions) -> IntArray:
    """The proposal nearest to one's own belief; at an election the candidate with the nearest one, the first of equals."""
    picked = nearest(state.choices, state.belief)
    if not state.rules.election:
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
