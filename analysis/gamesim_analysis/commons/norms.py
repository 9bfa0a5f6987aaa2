"""What norms were, who made them, who kept them, and what it cost to enforce them; functions of a panel and of events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gamesim.core.arrays import FloatArray

from .panel import Panel


@dataclass(frozen=True)
class Compliance:
    """How the norm was kept, each of shape (E,); NaN where undefined.

    Attributes
    ----------
    compliance : share of agent-rounds under a norm with h_i <= G; NaN without a norm.
    fine_rate : fines an agent-round.
    fines : fines in all.
    antisocial_share : share of the fines that hit an agent who had kept the norm; NaN without fines.
    word_deed_gap : mean of \\|h_i - g_i\\|, fish: what was taken against the cap the agent itself proposed at the end of the
        round before; NaN where no cap was stated.
    norm_gap : mean of \\|h_i - G\\|, fish, against the group's cap.
    """

    compliance: FloatArray
    fine_rate: FloatArray
    fines: FloatArray
    antisocial_share: FloatArray
    word_deed_gap: FloatArray
    norm_gap: FloatArray


def compliance(panel: Panel) -> Compliance:
    """Compliance, fines and the gap between word and deed for each episode."""
    harvest, norm, paid = panel["harvest"], panel["norm"][:, :, None], panel["fines_paid"]
    there = np.isfinite(harvest)
    under = there & np.isfinite(norm)
    kept = under & (np.nan_to_num(harvest) <= np.nan_to_num(norm))
    fined = np.nan_to_num(paid)
    fines = fined.sum(axis=(1, 2))
    stated = np.full_like(harvest, np.nan)
    stated[:, 1:] = panel["proposal"][:, :-1]
    return Compliance(
        compliance=_ratio(kept.sum(axis=(1, 2)), under.sum(axis=(1, 2))),
        fine_rate=_ratio(fines, there.sum(axis=(1, 2))),
        fines=fines,
        antisocial_share=_ratio(
            np.where(kept, fined, 0.0).sum(axis=(1, 2)), np.where(under, fined, 0.0).sum(axis=(1, 2))
        ),
        word_deed_gap=_mean(np.abs(harvest - stated)),
        norm_gap=_mean(np.abs(harvest - norm)),
    )


@dataclass(frozen=True)
class NormLife:
    """How norms lived, each of shape (E,).

    Attributes
    ----------
    lifetime : mean rounds a norm stood unchanged; NaN if there never was one.
    norms : how many there were.
    entropy : mean over rounds of the Shannon entropy, in bits, of the distinct proposals; 0 = all propose the same. NaN
        where nobody proposed.
    """

    lifetime: FloatArray
    norms: FloatArray
    entropy: FloatArray


def norm_life(panel: Panel, *, tolerance: float = 1e-9) -> NormLife:
    """Lifetimes of the group's norm and diversity of what was proposed."""
    norm = panel["norm"]
    stands = np.isfinite(norm)
    new = stands.copy()
    new[:, 1:] &= ~(stands[:, :-1] & (np.abs(np.nan_to_num(norm[:, 1:]) - np.nan_to_num(norm[:, :-1])) <= tolerance))
    norms = new.sum(axis=1).astype(np.float64)
    return NormLife(_ratio(stands.sum(axis=1), norms), norms, proposal_entropy(panel["proposal"]))


def proposal_entropy(proposals: FloatArray) -> FloatArray:
    """Mean over rounds of the entropy in bits of the proposals of shape (E, T, N); shape (E,).

    Examples
    --------
    >>> proposal_entropy(np.array([[[4.0, 4.0, 5.0, 5.0], [4.0, 4.0, 4.0, np.nan]]]))
    array([0.5])
    """
    episodes, rounds, agents = proposals.shape
    ordered = np.sort(proposals, axis=2).reshape(-1, agents)  # NaN last
    said = np.isfinite(ordered)
    starts = said.copy()
    starts[:, 1:] &= ~(np.diff(np.nan_to_num(ordered), axis=1) <= 1e-9)
    group = np.maximum(np.cumsum(starts, axis=1) - 1, 0) + agents * np.arange(len(ordered))[:, None]
    size = np.bincount(group.ravel(), weights=said.ravel().astype(np.float64), minlength=ordered.size).reshape(
        ordered.shape
    )
    count = said.sum(axis=1)
    logs = (size * np.log2(np.maximum(size, 1))).sum(axis=1)
    entropy = np.where(count > 0, np.log2(np.maximum(count, 1)) - logs / np.maximum(count, 1), np.nan)
    return _mean(entropy.reshape(episodes, rounds))


def punishment_efficiency(welfare_with: FloatArray, welfare_without: FloatArray, spent: FloatArray) -> FloatArray:
    """What a unit spent on punishment brought: (welfare with - without) / (fines + costs), from paired runs.

    Parameters
    ----------
    welfare_with, welfare_without : shape (B,), same seeds in both.
    spent : shape (B,), fines times their size plus costs, in the run with punishment, fish.

    Returns
    -------
    Shape (B,); NaN where nothing was spent.
    """
    return np.where(spent > 0, (welfare_with - welfare_without) / np.where(spent > 0, spent, 1.0), np.nan)


def authorship(events: Iterable[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Who made each norm: one row for each ``norm`` event, in order.

    Parameters
    ----------
    events : mappings with ``type``, ``unit``, ``seed``, ``step`` and the event's data.

    Returns
    -------
    Columns unit, seed, step, norm (a cap or a text), author, votes, tie; None where the rule has no author or no ballot.
    """
    table: dict[str, list[Any]] = {key: [] for key in ("unit", "seed", "step", "norm", "author", "votes", "tie")}
    for event in events:
        if event.get("type") not in ("norm", "norm_kept"):
            continue
        norm = event.get("text", event.get("G", event.get("norm")))
        for key in ("unit", "seed", "step", "author"):
            table[key].append(event.get(key))
        table["norm"].append(norm)
        votes = event.get("votes")
        table["votes"].append(None if votes is None else str(votes))
        table["tie"].append(bool(event["tie"]) if event.get("tie") is not None else None)
    return table


def authors_of(panel: Panel) -> dict[str, Any]:
    """Who proposed each adopted norm: one row for each round that ended with a norm other than the one before.

    Returns
    -------
    Columns cell, seed, round (whose decision it was), norm, author (the first agent that proposed it; null where nobody did,
    as under a median of two), proposers (how many proposed just this), proposals, ballots (cast; null where none are).
    """
    norm, proposal = panel["norm_next"], panel["proposal"]
    before = np.concatenate([panel["norm"][:, :1], norm[:, :-1]], axis=1)
    changed = np.isfinite(norm) & ~(np.abs(np.nan_to_num(norm) - np.nan_to_num(before)) <= 1e-9)
    episode, at = np.nonzero(changed)
    proposed = proposal[episode, at]
    same = np.abs(np.nan_to_num(proposed, nan=np.inf) - norm[episode, at][:, None]) <= 1e-9
    ballots = np.isfinite(panel["ballot"][episode, at]).sum(axis=1)
    names = np.array([*panel.agents, None], dtype=object)
    return {
        "cell": panel.cell[episode],
        "seed": panel.seed[episode],
        "round": at + 1,
        "norm": norm[episode, at],
        "author": names[np.where(same.any(axis=1), same.argmax(axis=1), len(panel.agents))],
        "proposers": same.sum(axis=1),
        "proposals": np.isfinite(proposed).sum(axis=1),
        "ballots": np.where(ballots > 0, ballots, np.nan),
    }


def _ratio(part: Any, whole: Any) -> FloatArray:
    whole = np.asarray(whole, dtype=np.float64)
    return np.where(whole > 0, np.asarray(part, dtype=np.float64) / np.where(whole > 0, whole, 1.0), np.nan)


def _mean(values: FloatArray) -> FloatArray:
    """Mean over all axes but the first, of what is finite."""
    axes = tuple(range(1, values.ndim))
    finite = np.isfinite(values)
    return _ratio(np.where(finite, values, 0.0).sum(axis=axes), finite.sum(axis=axes))
