"""From proposals to a norm. Rows lead: proposals (B, N) with NaN for who makes none; ballots (B, N) with N for none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gamesim.core.arrays import BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class VoteResult:
    """Attributes
    ----------
    winner : (B,), index of the choice, -1 where nobody voted.
    votes : (B, M), score of each choice.
    tied : (B, M), the choices with the highest score; more than one of them means that a draw decided.
    """

    winner: IntArray
    votes: FloatArray
    tied: BoolArray


def median_norm(proposals: FloatArray, alive: BoolArray | None = None) -> FloatArray:
    """Median of what the alive propose, the mean of the middle two for an even number; NaN where there is no proposal.

    Examples
    --------
    >>> median_norm(np.array([[5.0, 1.0, 9.0, 100.0]]), np.array([[True, True, True, False]]))
    array([5.])
    """
    if alive is not None:
        proposals = np.where(alive, proposals, np.nan)
    ordered = np.sort(proposals, axis=1)  # NaN last
    if not np.isnan(ordered[:, -1]).any():
        count = ordered.shape[1]
        both: FloatArray = 0.5 * (ordered[:, (count - 1) // 2] + ordered[:, count // 2])
        return both
    counts = ordered.shape[1] - np.isnan(ordered).sum(axis=1)
    rows = np.arange(len(ordered))
    low, high = ordered[rows, np.maximum(counts - 1, 0) // 2], ordered[rows, np.maximum(counts, 1) // 2]
    # With one proposal both middles are the first; with none, ordered[0] is NaN already.
    middle: FloatArray = 0.5 * (low + np.where(counts == 1, low, high))
    return middle


def mean_norm(proposals: FloatArray) -> FloatArray:
    """Mean of the proposals; NaN where there is none."""
    given = ~np.isnan(proposals)
    counts = given.sum(axis=1)
    total = np.where(given, proposals, 0.0).sum(axis=1)
    return np.where(counts > 0, total / np.maximum(counts, 1), np.nan)


def distinct(proposals: FloatArray) -> FloatArray:
    """The different proposals of each row in ascending order, then NaN, shape (B, N).

    Examples
    --------
    >>> distinct(np.array([[4.0, 2.0, 4.0, np.nan]]))
    array([[ 2.,  4., nan, nan]])
    """
    ordered = np.sort(proposals, axis=1)
    ordered[:, 1:][ordered[:, 1:] == ordered[:, :-1]] = np.nan
    return np.sort(ordered, axis=1)


def nearest(choices: FloatArray, wanted: FloatArray) -> IntArray:
    """Index of the ascending choice (B, M) nearest to what each agent wants (B, N); the lower one on ties.

    Rows without a choice, and agents who want NaN, get N (no ballot).
    """
    agents = wanted.shape[1]
    number = (~np.isnan(choices)).sum(axis=1)[:, None]
    above = _searchsorted(choices, wanted)  # first choice >= wanted
    high = np.clip(above, 0, np.maximum(number - 1, 0))
    low = np.clip(above - 1, 0, None)
    pick = np.take_along_axis
    closer = np.abs(pick(choices, high, axis=1) - wanted) < np.abs(pick(choices, low, axis=1) - wanted)
    return np.where((number > 0) & ~np.isnan(wanted), np.where(closer, high, low), agents)


def _searchsorted(ordered: FloatArray, values: FloatArray, side: str = "left") -> IntArray:
    """searchsorted in every row at once, (B, M) and (B, N) -> (B, N): ranks in one sort of both, no loop over rows."""
    count = ordered.shape[1]
    first, second = (values, ordered) if side == "left" else (ordered, values)
    both = np.concatenate([first, second], axis=1)
    order = np.argsort(both, axis=1, kind="stable")  # equal ones stay in order: left counts strictly smaller choices
    is_choice = (order >= values.shape[1]) if side == "left" else (order < count)
    passed = np.cumsum(is_choice, axis=1)
    place = np.empty_like(passed)
    np.put_along_axis(place, order, passed, axis=1)
    return place[:, : values.shape[1]] if side == "left" else place[:, count:]


def plurality(ballots: IntArray, n_choices: int, ties: FloatArray) -> VoteResult:
    """Most ballots win.

    Parameters
    ----------
    ballots : (B, N), 0..n_choices-1; anything from n_choices up is no ballot.
    n_choices : M.
    ties : (B,), uniforms that decide ties.
    """
    rows = len(ballots)
    slots = np.minimum(ballots, n_choices) + np.arange(rows)[:, None] * (n_choices + 1)
    votes = np.bincount(slots.ravel(), minlength=rows * (n_choices + 1)).reshape(rows, -1)[:, :n_choices]
    return elect(votes.astype(np.float64), ties, np.asarray((ballots < n_choices).any(axis=1)))


def borda(ballots: IntArray, choices: FloatArray, ties: FloatArray) -> VoteResult:
    """Borda count when a ballot names a peak and ranks the other caps by their distance from it.

    A choice scores, from every ballot, the number of choices that lie farther from the peak, and half a point for each
    that lies equally far.

    Parameters
    ----------
    ballots : (B, N), index of the peak.  choices : (B, M), ascending, then NaN.
    """
    valid, peak, number = _peaks(ballots, choices)
    votes = np.full(choices.shape, -np.inf)
    ordered = np.where(np.isnan(choices), np.inf, choices)
    place = np.where(valid, ballots, 0)
    for choice in range(choices.shape[1]):
        there = ~np.isnan(choices[:, choice])
        mirror = 2.0 * peak - np.where(there, choices[:, choice], 0.0)[:, None]  # as far away, on the other side
        below, upto = _searchsorted(ordered, mirror), _searchsorted(ordered, mirror, "right")
        farther = np.where(choice >= place, number - 1 - choice + below, choice + number - upto)
        level = np.where(choice == place, 0, upto - below)
        score = np.where(valid, farther + 0.5 * level, 0.0).sum(axis=1)
        votes[:, choice] = np.where(there, score, -np.inf)
    return elect(votes, ties, np.asarray(valid.any(axis=1)))


def approval(ballots: IntArray, choices: FloatArray, width: float, ties: FloatArray) -> VoteResult:
    """Approval voting when a ballot approves of every cap within ``width`` of the one it names."""
    valid, peak, _ = _peaks(ballots, choices)
    rows, count = choices.shape
    ordered = np.where(np.isnan(choices), np.inf, choices)
    first = np.where(valid, _searchsorted(ordered, peak - width), count)
    last = np.where(valid, _searchsorted(ordered, peak + width, "right"), count)
    lift = np.arange(rows)[:, None] * (count + 1)
    size = rows * (count + 1)
    step = np.bincount((first + lift).ravel(), minlength=size) - np.bincount((last + lift).ravel(), minlength=size)
    votes = np.cumsum(step.reshape(rows, count + 1), axis=1)[:, :count].astype(np.float64)
    return elect(np.where(np.isnan(choices), -np.inf, votes), ties, np.asarray(valid.any(axis=1)))


def _peaks(ballots: IntArray, choices: FloatArray) -> tuple[BoolArray, FloatArray, IntArray]:
    number = (~np.isnan(choices)).sum(axis=1)[:, None]
    valid = ballots < number
    peak = np.take_along_axis(choices, np.where(valid, ballots, 0), axis=1)
    return valid, np.where(valid, peak, 0.0), number


def elect(votes: FloatArray, ties: FloatArray, voted: BoolArray) -> VoteResult:
    """The choice with the highest score; among several the floor(u k)-th of the k tied ones, in order."""
    tied = (votes == votes.max(axis=1, keepdims=True)) & voted[:, None]
    count = tied.sum(axis=1)
    wanted = (ties * count).astype(np.int64)
    winner = (np.cumsum(tied, axis=1) == (wanted + 1)[:, None]).argmax(axis=1)
    return VoteResult(np.where(voted, winner, -1), votes, tied)
