"""Nash mirror prox: the regularised equilibrium of a preference game or a zero-sum matrix, at a linear rate.

Play maximises q'P pi - beta KL(q, reference). Each step asks for preferences twice, at pi and at a half step:
half ~ (reference^beta pi^(1/eta) exp(P pi))^(1/(beta + 1/eta)), and the same again with P half. For eta <= 2 the divergence
KL(pi*, pi) shrinks by 1/(1 + beta eta) a step or more. With a uniform reference pi* is the logit quantal response
equilibrium of rationality 1/beta. With eta/(1 + beta eta) as its step, EGPO makes the same iterates.

References
----------
.. [1] "Nash Learning from Human Feedback via Mirror Prox", arXiv 2505.19731.
.. [2] Zhou et al., "Extragradient Preference Optimization (EGPO)", COLM 2025.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from gamesim.core.arrays import FloatArray
from gamesim.core.errors import ParameterError
from gamesim.core.extensive_form import ExtensiveFormGame
from gamesim.core.preference_game import PreferenceGame
from gamesim.core.solution import Limits, Solution

from .method import Found, Method, is_formal
from .zero_sum_lp import constant_sum_game

ETA = 2.0  # the largest step for which the rate is proved
QUERIES = 1_000_000
SETTLED = 1e-14  # change of a log-probability, relative to their size, at which iteration ends

Plays = tuple[FloatArray, ...]  # log-probabilities of each player


def iterates(payoffs: Callable[[Plays], Plays], references: Plays, *, beta: float, eta: float = ETA) -> Iterator[Plays]:
    """The log-probabilities after each step, from the references on; two queries of ``payoffs`` a step.

    Parameters
    ----------
    payoffs : probabilities of all players -> what each player's actions earn, between 0 and 1.
    references : log-probabilities.

    Raises
    ------
    ParameterError
        If beta or eta is out of range.
    """
    if not beta > 0:
        raise ParameterError(f"beta is {beta}.", hint="beta is above zero.")
    if not 0 < eta <= ETA:
        raise ParameterError(f"eta is {eta}.", hint="The rate is proved for 0 < eta <= 2; from 4 on play can cycle.")
    logs = references
    while True:
        half = logs
        for _ in range(2):  # the half step answers the last play, the step answers the half step
            earned = payoffs(tuple(np.exp(own) for own in half))
            half = tuple(
                _log_softmax((beta * ref + own / eta + gain) / (beta + 1 / eta))
                for ref, own, gain in zip(references, logs, earned, strict=True)
            )
        logs = half
        yield logs


def _log_softmax(logits: FloatArray) -> FloatArray:
    above = logits - logits.max()
    return np.asarray(above - np.log(np.exp(above).sum()))


def _run(
    game: Any,
    *,
    concept: str,
    limits: Limits,
    beta: float | None = None,
    eta: float = ETA,
    queries: int = QUERIES,
    rationality: float | None = None,
) -> Found:
    of_concept: dict[str, Any] = {}
    if concept == "qre":
        if rationality is None or not rationality > 0:
            raise ParameterError("a quantal response needs a rationality above 0.", hint="It is 1/beta, in 1/payoff.")
        beta, of_concept = 1.0 / rationality, {"rationality": rationality}
    elif rationality is not None:
        raise ParameterError("rationality belongs to concept 'qre'.", hint="Regularised play has beta.")
    if isinstance(game, PreferenceGame):
        beta = game.beta if beta is None else float(beta)
        p = game.preferences
        reference = game.reference if concept == "regularised" else None
        steps = iterates(lambda x: (p @ x[0],), (np.log(uniform_of(game.k) if reference is None else reference),), beta=beta, eta=eta)  # fmt: skip
    else:
        if beta is None:
            raise ParameterError(
                "regularised play of a table needs beta.", hint="Such as beta=0.1, in units of payoff."
            )
        table = game.to_normal_form()
        low, scale = float(table.payoffs[0].min()), float(np.ptp(table.payoffs[0])) or 1.0
        a = (table.payoffs[0] - low) / scale
        steps = iterates(
            lambda x: (a @ x[1], (1.0 - x[0] @ a)),
            tuple(np.log(uniform_of(k)) for k in table.shape),
            beta=float(beta) / scale,
            eta=eta,
        )
    if concept == "regularised":
        of_concept = {"beta": beta}
    deadline = time.monotonic() + limits.seconds
    logs: Plays = ()
    used, stopped, change = 0, None, np.inf
    for found in steps:
        used += 2
        change = max((float(np.abs(new - old).max()) for new, old in zip(found, logs, strict=False)), default=np.inf)
        logs = found
        if change <= SETTLED * max(1.0, max(float(np.abs(own).max()) for own in logs)):
            break
        if used + 2 > queries:
            stopped = "iterations" if queries == QUERIES else None
            break
        if used % 128 == 0 and time.monotonic() > deadline:
            stopped = "seconds"
            break
    play = tuple(np.exp(own) for own in logs)
    play = tuple(own / own.sum() for own in play)
    return Found(
        [play * 2 if len(play) == 1 else play],
        covers="unique",
        complete=stopped is None,
        selection="the only one",
        notes=[f"{used:,} queries of {'preferences' if len(play) == 1 else 'payoffs'}; each step shrinks the distance by 1/(1 + beta eta) at least."],
        stopped=stopped,
        of_concept=of_concept,
    )  # fmt: skip


def uniform_of(k: int) -> FloatArray:
    return np.full(k, 1.0 / k)


def nash_mirror_prox(game: Any, *, beta: float | None = None, eta: float = ETA, queries: int = QUERIES) -> Solution:
    """The regularised equilibrium of a ``PreferenceGame`` (by default with its own beta) or a zero-sum table."""
    return nash_mp(game, concept="regularised", beta=beta, eta=eta, queries=queries)


def _check(game: Any, concept: str) -> str:
    if isinstance(game, ExtensiveFormGame):
        return "it works on tables"
    return is_formal(game) or ("" if isinstance(game, PreferenceGame) else constant_sum_game(game, concept))


nash_mp = Method(
    "nash_mp",
    frozenset({"regularised", "qre"}),
    "Nash mirror prox: the one regularised (or logit) equilibrium of a preference game or a zero-sum table.",
    _check,
    _run,
    suits="preference games; two players, constant-sum tables",
    covers="unique",
    complete="yes",
)
