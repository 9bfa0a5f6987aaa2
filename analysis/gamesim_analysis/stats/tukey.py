"""Tukey's honest significant differences, and the compact letters that show them: who shares a letter does not differ."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from gamesim.core.arrays import FloatArray
from gamesim.core.errors import MetricError

from .results import level, sample, spread

# Enough for the 81 letters that 12 groups can need at worst (Moon and Moser: 3^(n/3) maximal cliques).
ALPHABET = (
    string.ascii_lowercase + string.ascii_uppercase + "αβγδεζηθικλμνξοπρστυφχψω" + "абвгдежзийклмнопрстуфхцчшщъыьэюя"
)


@dataclass(frozen=True)
class TukeyTable:
    """All pairwise comparisons; ``p``, ``low`` and ``high`` have shape (k, k) and are None together, with a reason.

    ``difference[i, j]`` is mean i minus mean j. ``letters[i]`` belongs to ``names[i]``; "a" holds the highest mean.
    """

    names: tuple[str, ...]
    means: tuple[float, ...]
    difference: FloatArray
    p: FloatArray | None
    low: FloatArray | None
    high: FloatArray | None
    letters: tuple[str, ...] | None
    alpha: float
    reason: str | None = None


def tukey_hsd(groups: Mapping[str, ArrayLike], alpha: float = 0.05) -> TukeyTable:
    """Tukey-Kramer comparisons of all pairs (``scipy.stats.tukey_hsd``) with compact letters.

    Examples
    --------
    >>> t = tukey_hsd({"x": [24.5, 23.5, 26.4, 27.1, 29.9], "y": [28.4, 34.2, 29.5, 32.2, 30.1], "z": [26.1, 28.3, 24.3, 26.2, 27.8]})
    >>> t.letters, round(float(t.p[0, 1]), 4)
    (('b', 'a', 'b'), 0.0144)
    """
    level(1 - alpha)
    if len(groups) < 2:
        raise MetricError(f"comparisons need at least 2 groups, not {len(groups)}.")
    samples = [sample(values, f"group '{key}'") for key, values in groups.items()]
    names, means = tuple(map(str, groups)), tuple(float(x.mean()) for x in samples)
    difference = np.subtract.outer(means, means)
    lone = [name for name, x in zip(names, samples, strict=True) if x.size < 2]
    if lone:
        why = f"group '{lone[0]}' holds one observation"
        return TukeyTable(names, means, difference, None, None, None, None, alpha, why)
    if not any(spread(x) for x in samples):
        why = "no variation within any group"
        return TukeyTable(names, means, difference, None, None, None, None, alpha, why)
    found = stats.tukey_hsd(*samples)
    bounds = found.confidence_interval(confidence_level=1 - alpha)
    p = np.asarray(found.pvalue, dtype=np.float64)
    letters = tuple(compact_letters(p, alpha, means=means))
    return TukeyTable(names, means, difference, p, bounds.low, bounds.high, letters, alpha)


def compact_letters(p_values: ArrayLike, alpha: float = 0.05, *, means: Sequence[float] | None = None) -> list[str]:
    """One string of letters a group, such that two groups share a letter iff their p >= alpha.

    Parameters
    ----------
    p_values : shape (k, k), symmetric; the diagonal is not read
    means : given, the letters run from the highest mean down, whatever the order of the groups

    Notes
    -----
    Insert and absorb: begin with one letter for all; each significant pair splits every letter that holds both; a letter
    whose groups all share another one is dropped. What remains are the maximal sets without a significant pair.

    References
    ----------
    .. [1] Piepho, "An algorithm for a letter-based representation of all-pairwise comparisons", JCGS 13, 2004.

    Examples
    --------
    >>> compact_letters([[1, 0.2, 0.01], [0.2, 1, 0.3], [0.01, 0.3, 1]])
    ['a', 'ab', 'b']
    """
    p = np.array(p_values, dtype=np.float64)
    k = len(p) if p.ndim else 0
    if p.shape != (k, k) or k == 0:
        raise MetricError(f"p_values must have shape (k, k); it is {p.shape}.")
    np.fill_diagonal(p, 1.0)
    if not ((p >= 0) & (p <= 1)).all():
        raise MetricError("p_values hold numbers outside 0..1.")
    if not np.allclose(p, p.T, rtol=0, atol=1e-12):
        raise MetricError("p_values must be symmetric.")
    if means is not None and len(means) != k:
        raise MetricError(f"{len(means)} means for {k} groups.")
    rank = np.empty(k, dtype=int)  # a stable sort, so that ties keep the order of input
    rank[np.argsort(-np.asarray(means if means is not None else np.zeros(k), dtype=np.float64), kind="stable")] = range(
        k
    )
    sets = [frozenset(range(k))]
    for i in range(k):
        for j in range(i + 1, k):
            if min(p[i, j], p[j, i]) < alpha:
                sets = _split(sets, i, j)
    sets.sort(key=lambda members: sorted(int(rank[m]) for m in members))
    if len(sets) > len(ALPHABET):
        raise MetricError(
            f"{len(sets)} letters would be needed and the display has {len(ALPHABET)}; compare fewer groups."
        )
    return ["".join(ALPHABET[c] for c, members in enumerate(sets) if i in members) for i in range(k)]


def _split(sets: list[frozenset[int]], i: int, j: int) -> list[frozenset[int]]:
    """Every set that holds both i and j becomes two, each without one; sets inside another are absorbed."""
    kept = [s for s in sets if not (i in s and j in s)]
    halves = [s - {x} for s in sets if i in s and j in s for x in (i, j)]
    # Only halves can be absorbed: an untouched set was maximal before, and halves are subsets of other old sets.
    for half in sorted(set(halves), key=len, reverse=True):
        if not any(half <= other for other in kept):
            kept.append(half)
    return kept
