"""The logit choice rule, and how far play is from a logit (quantal response) equilibrium.

Of payoffs u an action is chosen with probability proportional to exp(lambda u). Play is a logit equilibrium of rationality
lambda if it is what the rule answers to it: by strategy in a table, by information set in a tree (the agent form).

References
----------
.. [1] McKelvey, Palfrey, "Quantal response equilibria for normal form games", Games and Economic Behavior 10, 1995.
.. [2] McKelvey, Palfrey, "Quantal response equilibria for extensive form games", Experimental Economics 1, 1998.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .agent_form import action_values
from .arrays import FloatArray
from .behaviour import as_behaviour
from .errors import ParameterError, SolverError
from .extensive_form import ExtensiveFormGame
from .normal_form import NormalFormGame
from .preference_game import PreferenceGame
from .profiles import as_profile
from .solution import Gap
from .symmetric import SymmetricGame


def logit_choice(payoffs: Any, rationality: float) -> FloatArray:
    """Probabilities proportional to exp(rationality x payoff) along the last axis.

    Examples
    --------
    >>> logit_choice([1.0, 0.0], float(np.log(3))).round(12).tolist()
    [0.75, 0.25]
    """
    exponents = rationality * np.asarray(payoffs, dtype=np.float64)
    weights = np.exp(exponents - exponents.max(axis=-1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


def logit_gap(game: Any, play: Any, *, rationality: float) -> Gap:
    """How far play is from a logit equilibrium; reached as ``certify(game, play, concept="qre", rationality=...)``.

    Parameters
    ----------
    rationality : lambda, in 1/payoff.

    Returns
    -------
    ``logit_residual``: the largest distance of a probability from what the rule answers, unit-free.
    ``details["unreached"]`` counts sets of a tree that play never comes to, where there is nothing to check.

    Examples
    --------
    >>> from gamesim.core.certify import certify
    >>> from gamesim.core.normal_form import NormalFormGame
    >>> game = NormalFormGame.bimatrix([[2, -1], [3, 0]], [[2, 3], [-1, 0]])
    >>> certificate = certify(game, [[.25, .75]] * 2, concept="qre", rationality=float(np.log(3)))
    >>> certificate.grade, certificate.regrets         # whoever errs could gain
    ('float', (0.25, 0.25))
    """
    if isinstance(rationality, bool) or not isinstance(rationality, (int, float)) or not math.isfinite(rationality):
        raise ParameterError(f"rationality {rationality!r} is no finite number.")
    if isinstance(game, ExtensiveFormGame):
        vectors = [np.asarray(v, dtype=np.float64) for v in as_behaviour(game, play).probabilities]
        earned = action_values(game, vectors)
        largest = float(max(abs(u) for payoffs in game.payoffs for u in payoffs))
        terms = len(game.payoffs) + 4 * game.depth
    elif isinstance(game, (NormalFormGame, SymmetricGame, PreferenceGame)):
        table = game.to_normal_form() if isinstance(game, PreferenceGame) else game
        vectors, earned = _of_table(table, play)
        largest = float(np.abs(table.payoffs).max())
        terms = sum(table.shape) + 8 * table.n
    else:
        raise SolverError(f"no logit equilibria of games of type {type(game).__name__}.")
    gap, unreached = 0.0, 0
    for mine, payoffs in zip(vectors, earned, strict=True):
        if np.isnan(payoffs).any():
            unreached += 1
        else:
            gap = max(gap, float(np.abs(mine - logit_choice(payoffs, rationality)).max()))
    unit = 2.0**-53 * (8 + abs(rationality) * 2 * terms * largest)
    details = {"rationality": float(rationality), **({"unreached": unreached} if unreached else {})}
    return Gap(gap, "logit_residual", scale=1.0, rounding=min(1.0, unit), details=details)


def _of_table(game: Any, play: Any) -> tuple[list[FloatArray], list[FloatArray]]:
    if isinstance(game, SymmetricGame):
        alike = np.ndim(play[0]) == 0 and not all(isinstance(a, (int, np.integer)) for a in play)
        profile = as_profile(game.shape, [np.asarray(play)] * game.n if alike else play)
        floats = [np.asarray(v, dtype=np.float64) for v in profile]
        earned = [game.action_payoffs_against([*floats[:i], *floats[i + 1 :]]) for i in range(game.n)]
    else:
        floats = [np.asarray(v, dtype=np.float64) for v in as_profile(game.shape, play)]
        earned = [game.action_payoffs(i, floats) for i in range(game.n)]
    return floats, [np.asarray(values, dtype=np.float64) for values in earned]
