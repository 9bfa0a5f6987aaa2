"""Equilibria under an attitude to risk as meta-strategies; a tremble acts on members of the pools."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.random import Generator

from gamesim.core.empirical import EmpiricalGame
from gamesim.core.errors import RiskError, clean, did_you_mean
from gamesim.core.risk_game import each, risk_table
from gamesim.core.risk_response import Regulariser
from gamesim.core.solution import Limits
from gamesim.core.solving import MetaStrategy
from gamesim_analysis.equilibrium.risk_averse import AIMS, risk_play, warnings_of

from .base import answer

PROFILES = ("any", "symmetric")


def _solved(
    concept: str, game: EmpiricalGame, limits: Limits, profile: str, start: Any, near: Any, given: dict[str, Any]
) -> MetaStrategy:
    parameters = {key: value for key, value in given.items() if value is not None}
    eased: tuple[str, ...] = ()
    if "tremble" in parameters:
        parameters["tremble"], eased = _bearable(parameters["tremble"], game)
    _check_profile(profile)
    aims = AIMS[concept](**parameters)
    point = risk_play(
        game, aims.risk, tremble=aims.tremble, regulariser=aims.regulariser, start=start, symmetric=profile == "symmetric",
        seconds=limits.seconds, near=near,
    )  # fmt: skip
    table = risk_table(game, aims.risk, aims.tremble, aims.regulariser)
    details = {
        "converged": point.converged,
        "branch": point.branch,
        "warnings": (*eased, *warnings_of(table, point.profile)),
    }
    return answer(game, point.profile, concept=concept, details=details, **parameters)


def _bearable(tremble: Any, game: EmpiricalGame) -> tuple[list[float], tuple[str, ...]]:
    """Each player's tremble, and what is to be told: pools grow, and a tremble that few policies bear is too large for many."""
    asked = each(tremble, game.n, "tremble")
    for much in asked:
        if isinstance(much, bool) or not isinstance(much, (int, float)) or not 0 <= much < 1:
            raise RiskError(f"tremble {clean(str(much), 40)} is no number in [0, 1).")
    taken = [float(much) if much < 1 / k else 0.5 / k for much, k in zip(asked, game.shape, strict=True)]
    told = tuple(
        f"a tremble of {much:g} is too large for {k} policies; {less:g} was taken."
        for much, less, k in zip(asked, taken, game.shape, strict=True)
        if less != much
    )
    return taken, tuple(dict.fromkeys(told))


def _check_profile(profile: Any) -> None:
    if profile not in PROFILES:
        name = clean(str(profile), 40)
        raise RiskError(f"no profile '{name}'.", hint=did_you_mean(name, PROFILES) or "Profiles: any, symmetric.")


def rae(
    game: EmpiricalGame, *, limits: Limits, rng: Generator, aversion: Any = None, aversion_relative: Any = None,
    variance: str = "strategic", tremble: float = 0.01, profile: str = "any", start: Any = None, near: Any = None,
) -> MetaStrategy:  # fmt: skip
    """Risk-averse equilibrium: mean less ``aversion`` times variance."""
    given = {"aversion": aversion, "aversion_relative": aversion_relative, "variance": variance, "tremble": tremble}
    return _solved("rae", game, limits, profile, start, near, given)


def rqe(
    game: EmpiricalGame, *, limits: Limits, rng: Generator, tau: Any = None, eps: Any = None, divergence: str = "kl",
    regulariser: str = "log_barrier", profile: str = "any", start: Any = None, near: Any = None,
) -> MetaStrategy:  # fmt: skip
    """Risk-averse quantal response equilibrium."""
    given = {"tau": tau, "eps": eps, "divergence": divergence, "regulariser": regulariser}
    return _solved("rqe", game, limits, profile, start, near, given)


def cvar(
    game: EmpiricalGame, *, limits: Limits, rng: Generator, alpha: Any = None, tremble: float = 0.01, profile: str = "any",
    start: Any = None, near: Any = None,
) -> MetaStrategy:  # fmt: skip
    """Equilibrium of players who value the mean of their worst share ``alpha``."""
    return _solved("cvar", game, limits, profile, start, near, {"alpha": alpha, "tremble": tremble})


def qre(
    game: EmpiricalGame, *, limits: Limits, rng: Generator, rationality: float = 1.0, profile: str = "any", start: Any = None,
    near: Any = None,
) -> MetaStrategy:  # fmt: skip
    """Logit quantal response equilibrium on the branch that the start finds."""
    if isinstance(rationality, bool) or not isinstance(rationality, (int, float)) or not 0 <= rationality < math.inf:
        raise RiskError(f"rationality {clean(str(rationality), 40)} is not a finite number >= 0.")
    _check_profile(profile)
    point = risk_play(
        game, regulariser=Regulariser("entropy", 1.0 / rationality), start=start, symmetric=profile == "symmetric",
        seconds=limits.seconds, near=near,
    ) if rationality > 0 else None  # fmt: skip
    shares = [np.full(k, 1.0 / k) for k in game.shape] if point is None else point.profile
    details = {
        "converged": point is None or point.converged,
        "rationality": rationality,
        "gap": 0.0 if point is None else point.gap,
    }
    return answer(game, shares, details=details)
