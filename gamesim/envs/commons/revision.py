"""Social learning: who takes over whose ways. Arrays are (B, N); partner N means that there is nobody to learn from."""

from __future__ import annotations

import numpy as np

from gamesim.core.arrays import BoolArray, FloatArray, IntArray

STEEPEST = 50.0  # the Fermi exponent is held within +-50


def adopt_probability(mean_payoffs: FloatArray, models: FloatArray, selection: float) -> FloatArray:
    """Fermi rule: 1 / (1 + exp(-delta (Pbar_k - Pbar_i))).

    Parameters
    ----------
    mean_payoffs, models : any shape, own payoff average and the model's, fish a round.
    selection : delta, per fish.

    Examples
    --------
    >>> adopt_probability(np.array([1.0]), np.array([1.0]), 0.2)
    array([0.5])
    """
    exponent: FloatArray = models - mean_payoffs
    exponent *= -selection
    np.minimum(exponent, STEEPEST, out=exponent)  # below -50 the result is 1 to the last bit anyhow
    np.exp(exponent, out=exponent)
    exponent += 1.0
    np.divide(1.0, exponent, out=exponent)
    return exponent


def proportional_probability(mean_payoffs: FloatArray, models: FloatArray, active: BoolArray) -> FloatArray:
    """Proportional imitation: max(0, Pbar_k - Pbar_i) over the range of payoff averages among the alive of the row."""
    highest = np.where(active, mean_payoffs, -np.inf).max(axis=1)
    lowest = np.where(active, mean_payoffs, np.inf).min(axis=1)
    spread = (highest - lowest)[:, None]
    usable = np.isfinite(spread) & (spread > 0)
    better = np.maximum(models - mean_payoffs, 0.0)
    return np.asarray(np.divide(better, spread, out=np.zeros_like(better), where=np.broadcast_to(usable, better.shape)))


def best_of(scores: FloatArray) -> tuple[IntArray, FloatArray]:
    """The best of k sampled models.

    Parameters
    ----------
    scores : (k, B, N), their payoff averages; -inf for nobody.

    Returns
    -------
    Which of the k (the first of equals), and its score; both (B, N).
    """
    which = scores.argmax(axis=0)
    score: FloatArray = np.take_along_axis(scores, which[None], axis=0)[0]
    return which, score


def towards_median(own: FloatArray, sampled: FloatArray, weight: float) -> FloatArray:
    """Move a trait (B, N) towards the median of the k sampled ones (k, B, N), NaN for nobody, by ``weight``."""
    ordered = np.sort(sampled, axis=0)
    count = (~np.isnan(ordered)).sum(axis=0)
    low = np.take_along_axis(ordered, (np.maximum(count - 1, 0) // 2)[None], axis=0)[0]
    high = np.take_along_axis(ordered, np.minimum(np.maximum(count, 1) // 2, len(ordered) - 1)[None], axis=0)[0]
    middle = 0.5 * (low + np.where(count == 1, low, high))
    return np.where(count > 0, own + weight * (middle - own), own)
