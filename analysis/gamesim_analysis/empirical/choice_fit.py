"""Maximum likelihood of the logit choice rule where the payoffs of actions are given; the likelihood is then concave.

A choice problem is a vector of counts and one of payoffs; several problems share one lambda. Payoffs come divided by the
game's payoff range, so lambda is unit-free here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import logsumexp
from scipy.stats import chi2

from gamesim.core.arrays import FloatArray

BOUND = (
    float(chi2.ppf(0.90, 1)) / 2
)  # 1.3528: a drop of the log-likelihood that bounds lambda from below at 95 %, one-sided
FLAT = 1e-6  # a log-likelihood that varies less than this over rationalities 0 to 100 says nothing
WIDE = 100.0
_HUGE = 1e6


@dataclass(frozen=True)
class Fitted:
    """A fit in unit-free terms; see RationalityFit for the fields."""

    estimate: float | None
    log_likelihood: float
    identified: bool = True
    below_random: bool = False
    lower_bound: float | None = None
    unconstrained: float | None = None
    standard_error: float | None = None
    reason: str | None = None
    low: float | None = None
    high: float | None = None


class Choices:
    """Choice problems side by side.

    Parameters
    ----------
    counts, payoffs : one pair of vectors of equal length a problem.
    """

    def __init__(self, counts: Sequence[FloatArray], payoffs: Sequence[FloatArray]) -> None:
        used = [(n, u) for n, u in zip(counts, payoffs, strict=True) if n.sum() > 0]
        self.counts = [n for n, _ in used]
        self.payoffs = [u - u.max() for _, u in used]

    def log_likelihood(self, rationality: float) -> float:
        return float(
            sum(
                rationality * (n @ u) - n.sum() * logsumexp(rationality * u)
                for n, u in zip(self.counts, self.payoffs, strict=True)
            )
        )

    def limit(self) -> float:
        """The log-likelihood as rationality grows for ever, where all choices are best replies."""
        best = [int((u >= -1e-12).sum()) for u in self.payoffs]
        return -float(sum(n.sum() * np.log(m) for n, m in zip(self.counts, best, strict=True)))

    def score(self, rationality: float) -> float:
        """Slope of the log-likelihood; it falls as rationality grows."""
        total = 0.0
        for n, u in zip(self.counts, self.payoffs, strict=True):
            total += n @ u - n.sum() * (_chances(rationality, u) @ u)
        return float(total)

    def information(self, rationality: float) -> float:
        """Minus the curvature of the log-likelihood: decisions times the variance of payoffs under the rule."""
        total = 0.0
        for n, u in zip(self.counts, self.payoffs, strict=True):
            p = _chances(rationality, u)
            total += n.sum() * (p @ u**2 - (p @ u) ** 2)
        return float(total)

    def all_best(self) -> bool:
        return sum(float(n @ -u) for n, u in zip(self.counts, self.payoffs, strict=True)) <= 1e-12 * self.total

    def all_worst(self) -> bool:
        gaps = (float(n @ (u - u.min())) for n, u in zip(self.counts, self.payoffs, strict=True))
        return sum(gaps) <= 1e-12 * self.total

    @property
    def total(self) -> float:
        return float(sum(n.sum() for n in self.counts))


def _chances(rationality: float, payoffs: FloatArray) -> FloatArray:
    exponents = rationality * payoffs
    return np.asarray(np.exp(exponents - logsumexp(exponents)))


def fit(choices: Choices) -> Fitted:
    """The best unit-free lambda >= 0, with its guards."""
    at_zero, first = choices.log_likelihood(0.0), choices.score(0.0)
    best, worst = choices.all_best(), choices.all_worst()
    if best and worst:  # only payoffs that are all equal are best and worst at once
        return Fitted(None, at_zero, identified=False, reason="the likelihood is the same at every lambda")
    if best:
        limit = choices.limit()

        def short(rationality: float) -> float:
            return limit - choices.log_likelihood(rationality) - BOUND

        bound = _root(short, 0.0, _beyond(lambda x: short(x) < 0)) if short(0.0) > 0 else 0.0
        return Fitted(None, limit, lower_bound=bound, reason="all choices were best replies")
    top = 0.0 if first <= 0 else _root(choices.score, 0.0, _beyond(lambda x: choices.score(x) < 0))
    heights = [choices.log_likelihood(x) for x in (0.0, min(top, WIDE), WIDE)]
    if max(heights) - min(heights) < FLAT:
        return Fitted(None, at_zero, identified=False, reason="the likelihood is the same at every lambda")
    if first < 0:
        free = -np.inf
        if not worst:
            free = _root(choices.score, -_beyond(lambda x: choices.score(-x) > 0), 0.0)
        return Fitted(0.0, at_zero, below_random=True, unconstrained=float(free), standard_error=_error(choices, 0.0))
    return Fitted(top, choices.log_likelihood(top), unconstrained=top, standard_error=_error(choices, top))


def _error(choices: Choices, rationality: float) -> float | None:
    information = choices.information(rationality)
    return float(information**-0.5) if information > 0 else None


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    return float(brentq(function, low, high, xtol=1e-13, rtol=1e-14, maxiter=500))


def _beyond(holds: Callable[[float], bool]) -> float:
    """A rationality from which on something holds."""
    x = 1.0
    while not holds(x) and x < 1e12:
        x *= 2.0
    return x


def resampled(counts: FloatArray, payoffs: FloatArray) -> FloatArray:
    """The constrained estimates of many samples at once: shape (B,); infinite where all choices were best replies.

    Parameters
    ----------
    counts : shape (B, P, K), of P problems with up to K actions; 0 beyond a problem's own.
    payoffs : broadcasts to the same shape; -inf beyond a problem's own actions.
    """
    shape = np.broadcast_shapes(counts.shape, payoffs.shape)
    n, u = np.broadcast_to(counts, shape), np.broadcast_to(payoffs, shape)
    there = np.isfinite(u)
    top = np.where(there, u, -np.inf).max(axis=-1, keepdims=True)
    u = np.where(there, u - top, 0.0)
    mask = np.where(there, 0.0, -np.inf)
    size = n.sum(axis=-1)
    got = (n * u).sum(axis=(-2, -1))

    def slopes(x: FloatArray) -> tuple[FloatArray, FloatArray]:
        weights = np.exp(x[:, None, None] * u + mask)
        weights /= weights.sum(axis=-1, keepdims=True)
        mean = (weights * u).sum(axis=-1)
        spread = (weights * u**2).sum(axis=-1) - mean**2
        return got - (size * mean).sum(axis=-1), (size * spread).sum(axis=-1)

    low, high = np.zeros(shape[0]), np.ones(shape[0])
    below = slopes(low)[0] <= 0
    endless = ~below & (got >= -1e-12 * size.sum(axis=-1))
    open_ = ~(below | endless)
    while True:
        rising = open_ & (slopes(high)[0] > 0) & (high < _HUGE)
        if not rising.any():
            break
        low, high = np.where(rising, high, low), np.where(rising, 2 * high, high)
    x = (low + high) / 2
    for _ in range(60):
        slope, curve = slopes(x)
        low, high = np.where(slope > 0, x, low), np.where(slope > 0, high, x)
        with np.errstate(divide="ignore", invalid="ignore"):
            step = x + slope / curve
        inside = (step > low) & (step < high)
        after = np.where(inside, step, (low + high) / 2)
        moved = np.abs(after - x)
        x = after
        if (moved[open_] <= 1e-10 * (1 + x[open_])).all():
            break
    return np.where(below, 0.0, np.where(endless, np.inf, x))
