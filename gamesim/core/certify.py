"""Certificates: how far play of a game is from equilibrium, by checking every deviation.

Written apart from every solver and using only the game. Exact where the game and the play are exact; with a bound of the
rounding in floats; with an interval where payoffs were sampled.

    >>> game = NormalFormGame.bimatrix([[3, 0], [5, 1]], [[3, 5], [0, 1]])        # a prisoners' dilemma
    >>> certify(game, (1, 1)).grade, certify(game, (0, 0)).regrets
    ('exact', (Fraction(2, 1), Fraction(2, 1)))
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import singledispatch
from typing import Any

import numpy as np

from .arrays import AnyArray, FloatArray
from .behaviour import as_behaviour, best_replies, pure_plan_gains
from .empirical import Cell, EmpiricalGame
from .errors import ParameterError, SolverError
from .extensive_form import ExtensiveFormGame
from .mechanism import TRUTH, Mechanism, incentive_check
from .normal_form import NormalFormGame
from .preference_game import PreferenceGame
from .profiles import Joint, MixedProfile, as_profile
from .registry import entry, names
from .residuals import natural_residual, tangent_residual
from .seeds import Seeds
from .solution import Arithmetic, Certificate, Gap
from .symmetric import SymmetricGame
from .team_game import TeamGame

CONCEPTS = ("nash", "spe", "correlated", "coarse")
PROFILES, MISREPORTS = 60, 41  # of a mechanism, that a claim of truthfulness is tried on


def certify(game: Any, play: Any, *, concept: str = "nash", confidence: float = 0.95, **of_concept: Any) -> Certificate:
    """Check play of a game.

    Parameters
    ----------
    game : a ``NormalFormGame``, ``SymmetricGame``, ``PreferenceGame``, ``ExtensiveFormGame``, ``EmpiricalGame``,
        ``TeamGame`` (the gap is what one member alone could add) or ``Mechanism`` (what a misreport gained among those tried).
    concept : ``nash``, ``correlated``, ``coarse``; of a tree ``nash`` or ``spe``, whose gap is the largest regret in any
        subgame; or a concept registered under ``gamesim.concepts``, such as ``regularised``, whose gap then stands beside the Nash
        regrets.
    play : of a tree a ``BehaviourProfile``, or one vector or action index an information set. Else for ``nash`` a mixed profile (n vectors) or a pure one (n indices); in a symmetric game also one vector that
        everybody plays. For ``correlated`` and ``coarse`` a ``Joint`` or a profile. Of a team game one strategy a member; of a
        mechanism ``TRUTH``.
    confidence : of the interval of a sampled game.
    of_concept : parameters of a registered concept, such as ``beta=0.1`` of ``regularised``.

    Raises
    ------
    SolverError
        If the play does not fit the game, the concept is not defined for it, or a sampled game lacks a profile that
        the check needs.

    Examples
    --------
    >>> game = PreferenceGame([[0.5, 0.8], [0.2, 0.5]], beta=0.1)
    >>> certificate = certify(game, [0.952574126822, 0.047425873178], concept="regularised")
    >>> float(certificate.gap) < 1e-12, round(certificate.nash_conv, 6)
    (True, 0.028456)
    """
    if concept not in CONCEPTS:
        return _registered(game, play, concept, confidence, of_concept)
    if of_concept:
        raise SolverError(f"concept '{concept}' takes no parameter '{min(of_concept)}'.")
    if isinstance(play, Joint) and concept == "nash":
        raise SolverError("correlated play is no Nash profile.", hint="Ask for concept 'correlated' or 'coarse'.")
    if concept == "spe" and not isinstance(game, ExtensiveFormGame):
        raise SolverError("subgame perfection is a claim about a tree.", hint="Ask for concept 'nash'.")
    return _certify(game, play, concept, confidence)


def _registered(game: Any, play: Any, concept: str, confidence: float, parameters: dict[str, Any]) -> Certificate:
    """The gap of a registered concept, put beside the Nash regrets."""
    if concept not in names("concepts"):
        known = ", ".join((*CONCEPTS, *names("concepts")))
        raise SolverError(f"no certificate for concept '{concept}'.", hint=f"Concepts: {known}.")
    measure = entry("concepts", concept)
    try:
        inspect.signature(measure).bind(game, play, **parameters)
    except TypeError as error:
        raise SolverError(f"concept '{concept}': {error}.") from None
    gap: Gap = measure(game, play, **parameters)
    nash = _certify(game, play, "nash", confidence)
    return replace(
        nash,
        concept=concept,
        gap=gap.value,
        gap_name=gap.name,
        relative=float(gap.value) / gap.scale,
        arithmetic="float" if nash.arithmetic == "exact" and isinstance(gap.value, float) else nash.arithmetic,
        rounding=gap.rounding,
        interval=None,
        details={**nash.details, **gap.details},
    )


@singledispatch
def _certify(game: Any, play: Any, concept: str, confidence: float) -> Certificate:
    raise SolverError(f"no certificate for games of type {type(game).__name__}.")


@_certify.register
def _(game: NormalFormGame, play: Any, concept: str, confidence: float) -> Certificate:
    if concept != "nash":
        return _joint(game, play, concept)
    profile = as_profile(game.shape, play)
    earned = [game.action_payoffs(i, profile) for i in range(game.n)]
    m = sum(game.shape) + game.n
    found = _nash(earned, profile, game.payoff_range, m, float(np.abs(game.payoffs).max()))
    residuals = {"tangent_residual": tangent_residual(earned, profile), "natural_residual": natural_residual(earned, profile)}  # fmt: skip
    return replace(found, details=residuals)


@_certify.register
def _(game: PreferenceGame, play: Any, concept: str, confidence: float) -> Certificate:
    return _certify(game.to_normal_form(), play if isinstance(play, Joint) else game.profile(play), concept, confidence)


@_certify.register
def _(game: SymmetricGame, play: Any, concept: str, confidence: float) -> Certificate:
    if concept != "nash":
        return _joint(game.to_normal_form(), play, concept)
    largest, m = float(np.abs(game.payoffs).max()), game.payoffs.shape[1] + game.k + 8 * game.n
    if np.ndim(play[0]) == 0 and not (len(play) == game.n and _indices(play)):  # one strategy for everybody
        (strategy,) = as_profile((game.k,), (np.asarray(play),))
        earned = [game.action_payoffs(strategy)] * game.n
        return _nash(earned, (strategy,) * game.n, game.payoff_range, m, largest)
    profile = as_profile(game.shape, play)
    earned = [game.action_payoffs_against([*profile[:i], *profile[i + 1 :]]) for i in range(game.n)]
    return _nash(earned, profile, game.payoff_range, m, largest)


def _indices(play: Any) -> bool:
    return all(isinstance(a, (int, np.integer)) for a in play)


def _nash(earned: Sequence[AnyArray], profile: MixedProfile, scale: float, m: int, largest: float) -> Certificate:
    """Certificate from what each action earns; ``m`` bounds the number of terms behind each of those sums."""
    exact = all(table.dtype == object and mine.dtype == object for table, mine in zip(earned, profile, strict=True))
    regrets, replies = [], []
    for table, mine in zip(earned, profile, strict=True):
        values = table if exact else table.astype(np.float64)
        best = int(values.argmax())
        now = values @ (mine if exact else mine.astype(np.float64))
        regrets.append(max(values[best] - now, type(now)(0)) if exact else max(float(values[best] - now), 0.0))
        replies.append(best)
    rounding = 0.0 if exact else 2 * rounding_bound(m, largest)
    return _certificate(
        "nash", max(regrets), "epsilon", regrets, scale, replies, "exact" if exact else "float", rounding
    )


@_certify.register
def _(game: ExtensiveFormGame, play: Any, concept: str, confidence: float) -> Certificate:
    if concept not in ("nash", "spe"):
        raise SolverError(f"no certificate of concept '{concept}' for a tree.", hint="Use its to_normal_form().")
    profile = as_behaviour(game, play)
    arithmetic: Arithmetic = "exact" if profile.exact else "float"
    scale = game.payoff_range  # first: it refuses payoffs that floats cannot hold
    largest = float(max(abs(value) for payoffs in game.payoffs for value in payoffs))
    rounding = 0.0 if profile.exact else 2 * rounding_bound(len(game.payoffs) + 2 * game.depth, largest)
    if not game.perfect_recall:
        if concept == "spe":
            raise SolverError("a player forgets, so subgames are not checked.", hint="Ask for concept 'nash'.")
        gains, plans = pure_plan_gains(game, profile)
        reason = "a player forgets: only gains by pure plans were checked"
        return _certificate(
            concept, max(gains), "epsilon", gains, scale, plans, arithmetic, rounding,
            guarantee="heuristic", details={"reason": reason},
        )  # fmt: skip
    if concept == "nash":
        replies = best_replies(game, profile)
        return _certificate(
            concept, max(replies.gains[0]), "epsilon", replies.gains[0], scale, replies.plans, arithmetic, rounding
        )  # fmt: skip
    replies = best_replies(game, profile, game.subgame_roots or (0,))
    gap = max(max(gains) for gains in replies.gains.values())
    worst = {root: max(gains) for root, gains in replies.gains.items() if max(gains) > 0}
    return _certificate(
        concept, gap, "subgame_epsilon", replies.gains[0], scale, replies.plans, arithmetic, rounding,
        details={"subgames": len(replies.gains), "subgame_regrets": worst},
    )  # fmt: skip


def rounding_bound(terms: int, largest: float) -> float:
    """How far a float sum of so many products, each at most ``largest``, can be from the true one."""
    unit = terms * 2.0**-53
    return largest * unit / (1 - unit)


@_certify.register
def _(game: TeamGame, play: Any, concept: str, confidence: float) -> Certificate:
    if concept != "nash":
        raise SolverError(f"no certificate of concept '{concept}' for a team game.", hint="Ask for concept 'nash'.")
    gains, replies = game.gains(play)
    exact = all(isinstance(gain, Fraction) for gain in gains)
    rounding = 0.0 if exact else 2 * rounding_bound(game.table.size, float(np.abs(game.payoffs).max()))
    return _certificate(
        concept, max(gains), "epsilon", gains, game.payoff_range, replies, "exact" if exact else "float", rounding
    )


@_certify.register
def _(game: Mechanism, play: Any, concept: str, confidence: float) -> Certificate:
    if concept != "nash" or not (isinstance(play, str) and play == TRUTH):
        raise SolverError(
            "of a mechanism only truthful reports are certified.", hint="Ask for concept 'nash' and play 'truth'."
        )
    found = incentive_check(game, game.draw(Seeds(0).stream("certificate"), PROFILES), grid=MISREPORTS)
    reason = f"{found.reports:,} misreports were tried, at {PROFILES} type profiles"
    return _certificate(
        concept, found.gain, "epsilon", found.gains, game.scale, (), "float", 4 * rounding_bound(8 * game.n, game.scale),
        guarantee="heuristic", details={"reason": reason, "incentives": found},
    )  # fmt: skip


def _joint(game: NormalFormGame, play: Any, concept: str) -> Certificate:
    """Gap of correlated play: of recommendations (``correlated``), or of the commitment before them (``coarse``)."""
    joint = play if isinstance(play, Joint) else Joint.of(as_profile(game.shape, play))
    if joint.probabilities.shape != game.shape:
        raise SolverError(f"a joint distribution of shape {joint.probabilities.shape} in a game of {game.shape}.")
    exact = game.exact is not None and joint.probabilities.dtype == object
    table = game.exact if exact and game.exact is not None else game.payoffs
    chances = joint.probabilities if exact else joint.probabilities.astype(np.float64)
    swaps, commitments, replies = [], [], []
    for i in range(game.n):
        payoff, chance = (np.moveaxis(x, i, 0).reshape(game.shape[i], -1) for x in (table[i], chances))
        after = chance @ payoff.T  # after[a, b]: payoff of playing b whenever a is recommended
        obeyed = after.diagonal()
        swaps.append((after.max(axis=1) - obeyed).sum())
        committed = after.sum(axis=0)
        replies.append(int(committed.argmax()))
        commitments.append(committed.max() - obeyed.sum())
    gains = swaps if concept == "correlated" else commitments
    regrets = [max(gain, 0 * gain) if exact else max(float(gain), 0.0) for gain in gains]
    rounding = 0.0 if exact else 2 * rounding_bound(math.prod(game.shape) + 2, float(np.abs(game.payoffs).max()))
    name = "ce_gap" if concept == "correlated" else "cce_gap"
    details = {"cce_slack": max(commitments)}
    return _certificate(concept, max(regrets), name, regrets, game.payoff_range, replies, "exact" if exact else "float", rounding, details=details)  # fmt: skip


@_certify.register
def _(game: EmpiricalGame, play: Any, concept: str, confidence: float) -> Certificate:
    """Regret in the mean game, with an interval from the cells' covariances.

    A cell that several ordered profiles share enters once, with its summed weights, so the two sides of a symmetric or
    zero-sum cell are not counted as independent. Bounds hold for all deviations at once (Bonferroni). The point estimate
    is a maximum of noisy gains and leans upwards.
    """
    if concept != "nash":
        raise SolverError(f"no certificate of concept '{concept}' for a sampled game.", hint="Use its to_game().")
    if not 0 < confidence < 1:
        raise ParameterError(f"confidence {confidence} is not between 0 and 1.")
    profile = tuple(strategy.astype(np.float64) for strategy in as_profile(game.shape, play))
    from scipy.special import ndtri

    deviations = sum(game.shape)
    z = float(ndtri(1 - (1 - confidence) / (2 * deviations)))
    regrets, replies, lows, highs, thin = [], [], [], [], set()
    for player in range(game.n):
        gains, errors = [], []
        for action in range(game.shape[player]):
            gain, variance, unsure = _gain(game, profile, player, action)
            gains.append(gain)
            errors.append(math.sqrt(variance))
            thin.update(unsure)
        best = int(np.argmax(gains))
        regrets.append(max(gains[best], 0.0))
        replies.append(best)
        lows.append(max(0.0, max(g - z * e for g, e in zip(gains, errors, strict=True))))
        highs.append(max(0.0, max(g + z * e for g, e in zip(gains, errors, strict=True))))
    details: dict[str, Any] = {"intervals": tuple(zip(lows, (None if thin else h for h in highs), strict=True)), "confidence": confidence}  # fmt: skip
    if thin:
        details["reason"] = f"played less than twice: {game.label(min(thin))}"
    means = [float(np.abs(cell.mean).max()) for cell in game.cells.values()]
    table = np.concatenate([cell.mean for cell in game.cells.values()])
    arithmetic: Arithmetic = "float" if all(math.isinf(cell.count) for cell in game.cells.values()) else "sampled"
    rounding = 2 * rounding_bound(math.prod(game.shape) + game.n, max(means))
    return _certificate(
        "nash", max(regrets), "epsilon", regrets, float(np.ptp(table)) or 1.0, replies, arithmetic, rounding,
        interval=(max(lows), None if thin else max(highs)), details=details,
    )  # fmt: skip


def _gain(
    game: EmpiricalGame, profile: MixedProfile, player: int, action: int
) -> tuple[float, float, list[tuple[int, ...]]]:
    """Gain of one deviation, its variance, and the cells that have weight but less than two episodes."""
    weights: dict[tuple[int, ...], FloatArray] = {}
    own = profile[player].copy()
    own *= -1.0
    own[action] += 1.0
    factors = [own if j == player else profile[j] for j in range(game.n)]
    for choice in np.ndindex(*game.shape):
        weight = math.prod(float(factor[a]) for factor, a in zip(factors, choice, strict=True))
        if weight:
            key, reader = game.coefficients(player, choice)
            weights[key] = weights.get(key, 0.0) + weight * reader
    gain, variance, thin = 0.0, 0.0, []
    missing = [key for key in weights if key not in game.cells]
    if missing:
        raise SolverError(f"the regret needs profiles that were never played: {game.label(min(missing))}.")
    for key, reader in weights.items():
        cell: Cell = game.cells[key]
        gain += float(reader @ cell.mean)
        if cell.count >= 2:
            variance += max(float(reader @ cell.covariance @ reader), 0.0) / cell.count
        else:
            thin.append(key)
    return gain, variance, thin


def _certificate(
    concept: str, gap: Any, name: str, regrets: Sequence[Any], scale: float, replies: Sequence[int | tuple[int, ...]],
    arithmetic: Arithmetic, rounding: float, **more: Any,
) -> Certificate:  # fmt: skip
    return Certificate(
        concept,
        gap,
        name,
        tuple(regrets),
        sum(regrets),
        float(gap) / scale,
        tuple(replies),
        arithmetic,
        rounding,
        **more,
    )
