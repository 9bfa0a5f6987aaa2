"""The exact oracle by itself, for who has a formal game and a mixture of pure policies to answer.

The loop of ``exact`` asks the same questions of all players at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from gamesim.core.policy import AgentSpec
from gamesim.core.solving import Answer, Opponents

from ..exact import restored, step
from ..polytopes import polytope

PURE = "pure"  # kind of a policy that is an action at each information set; even play has no actions


def answer(
    subject: Any, player: int, opponents: Opponents, *, risk: Any, rng: Generator, context: Any = None
) -> Answer:
    """The vertex that the player's gradient at the mixture points to.

    Parameters
    ----------
    subject : a game in normal or extensive form.
    opponents : pools of ``AgentSpec("pure", {"code": [...]})``, the player's own among them.

    Examples
    --------
    >>> from gamesim.core.registry import entry
    >>> from gamesim.core.risk import Neutral
    >>> even = ((AgentSpec(PURE, {"code": None}),), np.ones(1))
    >>> found = answer(entry("games", "kuhn")(), 0, (even, even), risk=Neutral(), rng=np.random.default_rng(0))
    >>> found.exact, round(found.gain, 6)
    (True, 0.375)
    """
    codes = [[spec.params["code"] for spec in pool] for pool, _ in opponents]
    weights = [np.asarray(w, dtype=np.float64) for _, w in opponents]
    state = restored(polytope(subject), codes, 0)
    after = step(state, lambda table: weights, risk=[risk] * len(codes), tolerance=-np.inf)
    code = after.added[player] if after.added[player] is not None else None
    if code is None:  # the pool has it already
        return Answer(opponents[player][0][0], after.gains[player], exact=True)
    return Answer(AgentSpec(PURE, {"code": list(code)}), after.gains[player], exact=True)
