"""Whom each agent meets in a round, drawn from one uniform each."""

from __future__ import annotations

import numpy as np

from gamesim.core.arrays import AnyArray, FloatArray, IntArray

from .draws import Draws
from .networks import Network
from .state import SocietyState


def partners(network: Network, name: str, state: SocietyState, draws: Draws) -> tuple[IntArray, FloatArray, IntArray]:
    """Partners from the round's uniforms of a stream, what is left of the uniforms, itself uniform, and how many seats away
    the partners sit; (columns, B, N) each."""
    if network.complete and state.roster.everyone and state.alive.shape[1] > 1:
        met, rest, away = draws.ready(name, state.round - 1, None, _all_others)
        return met, rest, away
    met, rest = network.partner(draws.at(name, state.round - 1, state.drawing), state.roster)
    return met, rest, met - np.arange(state.alive.shape[1])


def _all_others(u: FloatArray) -> tuple[AnyArray, ...]:
    """``Complete.partner`` when everybody takes part, for many rounds at once."""
    agents = u.shape[-1]
    place = u * (agents - 1)
    met = place.astype(np.int64)
    place -= met
    met += met >= np.arange(agents)
    return met, place, met - np.arange(agents)
