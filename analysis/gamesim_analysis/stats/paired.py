"""What a mechanism did: differences between runs that share every other draw, with intervals and exact tests."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike
from scipy import stats

from gamesim.core.arrays import FloatArray
from gamesim.core.errors import MetricError

from .intervals import bootstrap, mean_interval
from .multiple import holm
from .results import Interval, sample, spread


@dataclass(frozen=True)
class PairedEffect:
    """Effect of switching something on, over pairs that share their seed.

    Attributes
    ----------
    effect : mean of (on - off) with its interval
    t, t_p : paired t test; None with ``reason`` when the differences do not vary or there is one pair
    sign_p : exact two-sided sign test over the pairs that differ; None when no pair differs
    higher, lower, tied : pairs in which on > off, on < off, on = off
    standardised : mean difference over its standard deviation (Cohen's d_z), or None
    p_holm : ``t_p`` adjusted for the family it was computed in, or None
    """

    effect: Interval
    n: int
    t: float | None
    t_p: float | None
    sign_p: float | None
    higher: int
    lower: int
    tied: int
    standardised: float | None
    reason: str | None = None
    p_holm: float | None = None


def paired_effect(
    on: ArrayLike, off: ArrayLike, *, confidence: float = 0.95, rng: Generator | None = None, resamples: int = 10_000
) -> PairedEffect:
    """Compare two samples pair by pair; with ``rng`` the interval is a BCa bootstrap, without it Student's t.

    Examples
    --------
    >>> e = paired_effect([5, 7, 9, 6], [4, 5, 9, 3])
    >>> e.effect.estimate, e.higher, e.lower, e.tied, e.sign_p
    (1.5, 3, 0, 1, 0.25)
    """
    a, b = sample(on, "on"), sample(off, "off")
    if a.size != b.size:
        raise MetricError(f"on holds {a.size} numbers and off {b.size}; paired effects need the same seeds in both.")
    d = a - b
    effect = (
        mean_interval(d, confidence)
        if rng is None
        else bootstrap(d, rng, method="BCa", resamples=resamples, confidence=confidence)
    )
    higher, lower = int((d > 0).sum()), int((d < 0).sum())
    sign_p = float(stats.binomtest(higher, higher + lower).pvalue) if higher + lower else None
    t = t_p = standardised = reason = None
    if d.size == 1:
        reason = "one pair has no spread"
    elif higher + lower == 0:
        reason = "no pair differs"
    elif not spread(d, scale=float(max(np.abs(a).max(), np.abs(b).max()))):
        reason = "every pair differs by the same amount"
    else:
        found = stats.ttest_rel(a, b)
        t, t_p, standardised = float(found.statistic), float(found.pvalue), float(d.mean() / d.std(ddof=1))
    return PairedEffect(
        effect, int(d.size), t, t_p, sign_p, higher, lower, d.size - higher - lower, standardised, reason
    )


def align(
    on: Mapping[Hashable, float], off: Mapping[Hashable, float]
) -> tuple[FloatArray, FloatArray, tuple[Hashable, ...]]:
    """Two arrays in the order of their shared keys (seeds), which must be the same set on both sides."""
    extra = [key for key in on if key not in off] or [key for key in off if key not in on]
    if extra:
        side = "off" if extra[0] in on else "on"
        raise MetricError(f"seed {extra[0]} has no partner in '{side}'; paired effects need the same seeds in both.")
    keys = tuple(on)
    if not keys:
        raise MetricError("there are no pairs.")
    return np.array([on[k] for k in keys], float), np.array([off[k] for k in keys], float), keys


def mechanism_effects(
    full: ArrayLike, without: Mapping[str, ArrayLike], *, confidence: float = 0.95, rng: Generator | None = None
) -> dict[str, PairedEffect]:
    """What each mechanism added: the full society minus the same society without it, p adjusted over the family (Holm).

    Examples
    --------
    >>> table = mechanism_effects([5, 6, 7], {"voting": [5, 6, 7], "imitation": [2, 4, 3]})
    >>> table["voting"].reason, round(table["imitation"].effect.estimate, 9)
    ('no pair differs', 3.0)
    """
    effects = {name: paired_effect(full, values, confidence=confidence, rng=rng) for name, values in without.items()}
    adjusted = holm([effect.t_p for effect in effects.values()])
    return {name: replace(e, p_holm=p) for (name, e), p in zip(effects.items(), adjusted, strict=True)}
