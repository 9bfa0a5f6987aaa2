"""The gap of regularised play: what could be gained where straying from a reference costs beta times the divergence.

A player at strategy s who earns g by its actions maximises s.g - beta KL(s, reference). The best it could do is
beta log sum(reference exp(g / beta)), so another strategy gains beta KL(s, s*) with s* = softmax(log reference + g / beta).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .arrays import FloatArray
from .errors import ParameterError, UnsupportedGameError
from .normal_form import NormalFormGame
from .preference_game import PreferenceGame
from .profiles import as_profile
from .solution import Gap
from .symmetric import SymmetricGame


def regularised_gap(game: Any, play: Any, *, beta: Any = None, reference: Any = None) -> Gap:
    """Nash convergence of the game in which straying from a reference costs beta times the divergence.

    Parameters
    ----------
    game : a ``PreferenceGame``, ``NormalFormGame`` or ``SymmetricGame``.
    beta : > 0, in units of payoff, a number or one for each player; of a ``PreferenceGame`` by default its own.
    reference : a distribution for all players, or one for each, all entries above zero; of a ``PreferenceGame`` by default
        its own, else uniform.

    Examples
    --------
    >>> game = PreferenceGame([[0.5, 0.8], [0.2, 0.5]], beta=0.1)
    >>> best = 1 / (1 + np.exp(-(0.8 - 0.5) / 0.1))
    >>> regularised_gap(game, [best, 1 - best]).value < 1e-15
    True
    """
    if isinstance(game, PreferenceGame):
        beta, reference = game.beta if beta is None else beta, game.reference if reference is None else reference
        play, game = game.profile(play), game.to_normal_form()
    if beta is None:
        raise ParameterError("the regularised gap needs beta.", hint="Such as beta=0.1, in units of payoff.")
    if isinstance(game, SymmetricGame):
        game = game.to_normal_form()
    if not isinstance(game, NormalFormGame):
        raise UnsupportedGameError(f"the regularised gap is not defined in games of type {type(game).__name__}.", hint="A tree has a to_normal_form().")  # fmt: skip
    profile = as_profile(game.shape, play)
    betas, references = _betas(beta, game.n), _references(reference, game.shape)
    gains, rounding = [], 0.0
    for i, (strategy, ref, b) in enumerate(zip(profile, references, betas, strict=True)):
        earned = np.asarray(game.action_payoffs(i, profile), dtype=np.float64)
        logits = np.log(ref) + earned / b
        gains.append(b * divergence(np.asarray(strategy, dtype=np.float64), logits))
        rounding += 4 * (len(ref) + 4) * 2.0**-53 * b * float(np.abs(logits).max() + np.log(len(ref) + 1))
    details = {"beta": betas[0] if len(set(betas)) == 1 else tuple(betas), "regularised_regrets": tuple(gains)}
    return Gap(sum(gains), "regularised_gap", game.payoff_range, rounding, details)


def divergence(strategy: FloatArray, logits: FloatArray) -> float:
    """KL(strategy, softmax(logits)) >= 0, without forming the softmax."""
    top = float(logits.max())
    log_sum = top + float(np.log(np.exp(logits - top).sum()))
    used = strategy > 0
    return max(float(strategy[used] @ (np.log(strategy[used]) - logits[used])) + log_sum * float(strategy.sum()), 0.0)


def _betas(beta: Any, n: int) -> list[float]:
    try:
        betas = np.broadcast_to(np.asarray(beta, dtype=np.float64), (n,))
    except (TypeError, ValueError):
        raise ParameterError(f"beta {beta!r} is neither a number nor one for each player.") from None
    if not (np.isfinite(betas).all() and (betas > 0).all()):
        raise ParameterError(f"beta is {beta}.", hint="beta is above zero.")
    return [float(b) for b in betas]


def _references(reference: Any, shape: Sequence[int]) -> list[FloatArray]:
    if reference is None:
        return [np.full(k, 1.0 / k) for k in shape]
    given = [reference] * len(shape) if np.ndim(reference[0]) == 0 else list(reference)
    found = [np.asarray(one, dtype=np.float64) for one in given]
    for ref, k in zip(found, shape, strict=True):
        if ref.shape != (k,) or not (ref > 0).all() or not abs(ref.sum() - 1) <= 1e-9:
            raise ParameterError(f"a reference is no distribution over {k} actions with all entries above zero.")
    return found
