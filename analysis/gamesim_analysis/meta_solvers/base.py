"""What meta-solvers share: the table of means, and a certified answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gamesim.core.arrays import FloatArray
from gamesim.core.certify import certify
from gamesim.core.empirical import EmpiricalGame
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.profiles import Joint
from gamesim.core.solving import MetaStrategy


def means(game: EmpiricalGame) -> NormalFormGame:
    """The table of mean payoffs in normal form.

    Raises
    ------
    SolverError
        If a profile was never played.
    """
    return game.to_game().to_normal_form()


def answer(
    game: EmpiricalGame, marginals: Sequence[FloatArray], joint: Joint | None = None, *, concept: str = "nash",
    details: Mapping[str, Any] | None = None, **of_concept: Any,
) -> MetaStrategy:  # fmt: skip
    """A meta-strategy with its certificate, checked in the table it was made from."""
    mixed = tuple(np.maximum(np.asarray(m, dtype=np.float64), 0.0) for m in marginals)
    mixed = tuple(m / m.sum() for m in mixed)
    play: Any = mixed if joint is None else joint
    subject = game if joint is None else means(game)
    return MetaStrategy(mixed, joint, certify(subject, play, concept=concept, **of_concept), dict(details or {}))


def marginals_of(joint: Joint) -> tuple[FloatArray, ...]:
    """Each player's own distribution under correlated play."""
    p = joint.probabilities.astype(np.float64)
    return tuple(p.sum(axis=tuple(j for j in range(p.ndim) if j != i)) for i in range(p.ndim))
