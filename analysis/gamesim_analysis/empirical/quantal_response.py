"""How rational play of a formal game looks: the lambda of a logit choice rule fitted to counts of actions.

In a tree choices are counted by information set, and payoffs are those of the agent form: conditional on play having come
there, everybody's play elsewhere held fixed.

A player who sees payoffs u chooses action a with probability proportional to exp(lambda u(a)). What u is depends on what
the player is taken to expect of the others:

- ``known``: a mixture that is given (background rules);
- ``empirical``: what the others were seen to do;
- ``equilibrium``: that they choose by the same lambda; the fit runs along the principal branch of logit equilibria.

The estimator alone misleads, so the answer carries guards: a likelihood that does not depend on lambda gives no number, play
that is always a best reply gives a lower bound only, and play worse than random gives 0 and says so. Intervals resample
whole societies, never decisions. In repeated play choices depend on history: the fit then describes the stage game only.

References
----------
.. [1] McKelvey, Palfrey, "Quantal response equilibria for normal form games", Games and Economic Behavior 10, 1995.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from numpy.random import Generator

from gamesim.core.arrays import AnyArray, FloatArray
from gamesim.core.errors import MetricError
from gamesim.core.extensive_form import ExtensiveFormGame
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.preference_game import PreferenceGame
from gamesim.core.seeds import Seeds
from gamesim.core.solution import Limits
from gamesim.core.symmetric import SymmetricGame
from gamesim_analysis.stats.results import choose, level

from .choice_fit import Choices, Fitted, resampled
from .choice_fit import fit as fit_choices
from .counts import Counts, Game, as_counts, average_payoffs_against, name_of, owner_of, payoffs_against, sizes_of
from .logit_path import best_along, estimates, path_of
from .society_regret import SocietyRegret, society_regret

__all__ = ["RationalityFit", "SocietyRegret", "fit_logit", "fit_logit_qre", "fit_pooled", "society_regret"]

Belief = Literal["known", "empirical", "equilibrium"]
Method = Literal["own", "gambit"]
BELIEFS = ("known", "empirical", "equilibrium")
METHODS = ("own", "gambit")


@dataclass(frozen=True)
class RationalityFit:
    """A fitted lambda, or why there is none.

    Attributes
    ----------
    value : lambda in 1/payoff, at least 0; None where there is no estimate.
    low, high : 95 % percentile interval over resampled societies; None without ``clusters``. ``high`` may be infinite.
    normalised : lambda times the payoff range, unit-free; ``normalised_low``, ``normalised_high`` as low and high.
    identified : False where the likelihood is the same at every lambda.
    below_random : choices were worse than random ones; ``value`` is 0 and ``unconstrained`` what it would be below 0.
    lower_bound : one-sided 95 % bound, in 1/payoff, where all play was a best reply and the likelihood grows for ever.
    log_likelihood : at the estimate; at its limit for a lower bound.
    standard_error : of ``value``, in 1/payoff, if decisions were independent; None for equilibrium beliefs.
    n : decisions used.
    left_out : decisions in a tree whose payoffs hang on play that nobody was seen at; they are no part of the fit.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    normalised: float | None = None
    identified: bool = True
    below_random: bool = False
    lower_bound: float | None = None
    log_likelihood: float | None = None
    method: str = ""
    unconstrained: float | None = None
    standard_error: float | None = None
    normalised_low: float | None = None
    normalised_high: float | None = None
    normalised_lower_bound: float | None = None
    n: int = 0
    left_out: int = 0
    belief: Belief = "empirical"
    reason: str | None = None
    label: str = ""

    def __str__(self) -> str:
        if self.normalised is None:
            bound = self.normalised_lower_bound
            return f"at least {bound:.3g}" if bound is not None else f"not identified: {self.reason}"
        text = f"{self.normalised:.3g}"
        if self.normalised_low is not None and self.normalised_high is not None:
            text += f" [{self.normalised_low:.3g}, {self.normalised_high:.3g}]"
        return f"{text} (below random)" if self.below_random else text


def fit_logit(
    counts: Any,
    game: Game | PreferenceGame,
    *,
    belief: Belief = "empirical",
    known: Sequence[Any] | None = None,
    clusters: Sequence[Any] | None = None,
    players: Sequence[int] | None = None,
    method: Method = "own",
    rng: Generator | None = None,
    resamples: int = 2000,
    confidence: float = 0.95,
    repeated: bool = False,
) -> RationalityFit:
    """Fit one lambda to counts of actions.

    Parameters
    ----------
    counts : n vectors of valid, non-imputed choices; for a symmetric game also one vector for all players; for a tree one
        vector an information set, in the order of ``game.sets``.
    known : with ``belief="known"``, n mixtures that players expect; a player's own may be None.
    clusters : counts of each society, which add up to ``counts``; intervals resample them.
    players : whose choices are explained, all by default; the choices of the others still form expectations.
    method : for equilibrium beliefs, our own continuation or ``gambit`` (extra ``gambit``, in a process of its own).
    rng : draws resamples; by default stream ``("bootstrap",)`` of seed 0.
    repeated : the game was played repeatedly; labels the fit ``stage-game description``.

    Returns
    -------
    RationalityFit

    Raises
    ------
    MetricError
        If counts do not fit the game, or nothing was counted.
    MissingExtraError
        For ``method="gambit"`` without Gambit.

    Examples
    --------
    A donation game of benefit 3 and cost 1, in which both players give in a quarter of 100 rounds:

    >>> from gamesim.core.normal_form import NormalFormGame
    >>> game = NormalFormGame.bimatrix([[2, -1], [3, 0]], [[2, 3], [-1, 0]])
    >>> fit = fit_logit([[25, 75], [25, 75]], game, belief="empirical")
    >>> round(fit.value, 6), round(fit.normalised, 6), round(fit.log_likelihood, 6)
    (1.098612, 4.394449, -112.467029)
    """
    fit = fit_pooled(
        [(counts, game)],
        belief=belief,
        known=[known] if known is not None else None,
        clusters=[[society] for society in clusters] if clusters is not None else None,
        players=[players] if players is not None else None,
        method=method,
        rng=rng,
        resamples=resamples,
        confidence=confidence,
    )
    return replace(fit, label="stage-game description" if repeated else "")


fit_logit_qre = fit_logit  # the name that other parts of the literature's software give it


def fit_pooled(
    samples: Sequence[tuple[Any, Game | PreferenceGame]],
    *,
    belief: Belief = "empirical",
    known: Sequence[Sequence[Any] | None] | None = None,
    clusters: Sequence[Sequence[Any]] | None = None,
    players: Sequence[Sequence[int] | None] | None = None,
    method: Method = "own",
    rng: Generator | None = None,
    resamples: int = 2000,
    confidence: float = 0.95,
) -> RationalityFit:
    """One unit-free lambda for several games together; arguments as in ``fit_logit``, one entry a game.

    Parameters
    ----------
    samples : (counts, game) of each game.
    clusters : for each society a list with its counts in every game (None where it did not play one).

    Returns
    -------
    ``normalised`` is the pooled estimate. ``value`` and bounds in 1/payoff are given where all games have one payoff range.
    """
    choose(belief, BELIEFS, "belief")
    choose(method, METHODS, "method")
    if method == "gambit" and (belief != "equilibrium" or len(samples) != 1):
        raise MetricError("gambit fits one game under equilibrium beliefs.", path="method")
    if not samples:
        raise MetricError("there is no game to fit.", path="samples")
    cases = []
    for index, (counts, given) in enumerate(samples):
        game = given.to_normal_form() if isinstance(given, PreferenceGame) else given
        expected = known[index] if known is not None else None
        if belief == "known" and expected is None:
            raise MetricError("known beliefs need the mixtures that players expect.", path="known")
        cases.append(_Case(as_counts(counts, game), game, expected, players[index] if players is not None else None))
    if sum(case.n for case in cases) == 0:
        raise MetricError("nobody's choices were counted.", path="counts")
    societies = _societies(clusters, cases) if clusters is not None else None
    draws = None
    if societies is not None and len(societies) > 1:
        rng = rng if rng is not None else Seeds(0).stream("bootstrap")
        draws = rng.multinomial(len(societies), np.full(len(societies), 1 / len(societies)), size=resamples)
    left_out = 0
    if belief == "equilibrium":
        found, spread = _along_the_branch(cases, societies, draws, method)
    else:
        found, spread, left_out = _against_mixtures(cases, belief, societies, draws)
    if spread is not None:
        tail = (1 - level(confidence)) / 2
        # "higher" and "lower" keep an infinite estimate infinite instead of interpolating it into NaN.
        low = float(np.quantile(spread, tail, method="lower"))
        high = float(np.quantile(spread, 1 - tail, method="higher"))
        found = replace(found, low=low, high=high)
    fit = _in_payoffs(found, cases, belief, "gambit" if method == "gambit" else _METHOD_NAMES[belief])
    return replace(fit, n=fit.n - left_out, left_out=left_out)


_METHOD_NAMES = {
    "known": "logit likelihood, known mixtures",
    "empirical": "logit likelihood, empirical mixtures",
    "equilibrium": "logit likelihood along the principal branch",
}


class _Case:
    """One game of a fit."""

    def __init__(self, counts: Counts, game: Game, known: Sequence[Any] | None, players: Sequence[int] | None) -> None:
        self.counts, self.game = counts, game
        places = range(len(counts.by_player))
        for player in players or ():
            if not 0 <= player < game.n:
                raise MetricError(f"no player {player}.", path="players", hint=f"Players: 0 to {game.n - 1}.")
        # Players who are not told apart are all explained together.
        self.places = tuple(p for p in places if players is None or counts.alike or owner_of(game, p) in players)
        self.known = None if known is None else self._expected(known)

    @property
    def n(self) -> int:
        return round(sum(float(self.counts.by_player[i].sum()) for i in self.places))

    def of(self, counts: Any) -> Counts:
        """Counts of one society in this game; nothing where it did not play."""
        if counts is None:
            return Counts(tuple(np.zeros_like(vector) for vector in self.counts.by_player), self.counts.alike)
        found = as_counts(counts, self.game)
        if len(found.by_player) != len(self.counts.by_player):
            raise MetricError("counts of a society tell players apart otherwise than the total.", path="clusters")
        return found

    def _expected(self, known: Sequence[Any]) -> list[FloatArray | None]:
        from gamesim.core.profiles import distribution

        given = list(known)
        if self.counts.alike and all(part is not None and np.ndim(part) == 0 for part in given):
            given = [given]
        if len(given) != len(self.counts.by_player):
            raise MetricError(f"{len(given)} mixtures for {len(self.counts.by_player)} who decide.", path="known")
        found: list[FloatArray | None] = []
        for player, (part, size) in enumerate(zip(given, sizes_of(self.game), strict=False)):
            if part is None:
                found.append(None)
                continue
            vector = np.asarray(part)
            if vector.shape != (size,):
                raise MetricError(f"a mixture of shape {vector.shape} for {size} actions.", path=f"known.{player}")
            found.append(
                np.asarray(distribution(vector, f"the mixture of {name_of(self.game, player)}"), dtype=np.float64)
            )
        return found

    def weights(self, counts: Counts) -> list[FloatArray]:
        """Counts of the players to explain, others as zeros."""
        return [v if i in self.places else np.zeros_like(v) for i, v in enumerate(counts.by_player)]


def _societies(clusters: Sequence[Sequence[Any]], cases: Sequence[_Case]) -> list[list[Counts]]:
    """Counts by society and game, which must add up to the totals."""
    found = [[case.of(counts) for case, counts in zip(cases, society, strict=True)] for society in clusters]
    if not found:
        raise MetricError("there is no society to resample.", path="clusters")
    for number, case in enumerate(cases):
        for player, total in enumerate(case.counts.by_player):
            added = np.sum([society[number].by_player[player] for society in found], axis=0)
            if not np.allclose(added, total, rtol=0, atol=1e-9 * (1 + total.sum())):
                raise MetricError(
                    f"the societies' counts of player {player} do not add up to the total.", path="clusters"
                )
    return found


def _against_mixtures(
    cases: Sequence[_Case], belief: Belief, societies: Sequence[Sequence[Counts]] | None, draws: AnyArray | None
) -> tuple[Fitted, FloatArray | None, int]:
    counts: list[FloatArray] = []
    payoffs: list[FloatArray] = []
    problems: list[tuple[int, int]] = []
    left_out = 0.0
    for number, case in enumerate(cases):
        mixtures = case.known if belief == "known" else case.counts.frequencies()
        assert mixtures is not None
        earned = payoffs_against(case.game, mixtures)
        for place in case.places:
            chosen, values = case.counts.by_player[place], earned[place]
            if chosen.sum() == 0:
                continue
            if values is None:
                if not isinstance(case.game, ExtensiveFormGame):
                    raise MetricError(
                        f"what player {place} expects of the others is not known.",
                        path="counts",
                        hint="Nobody was counted there.",
                    )
                left_out += float(chosen.sum())
                continue
            counts.append(chosen)
            payoffs.append(values / case.game.payoff_range)
            problems.append((number, place))
    if not problems:
        raise MetricError(
            "no choice can be weighed: what each leads to hangs on play that nobody was seen at.", path="counts"
        )
    found = fit_choices(Choices(counts, payoffs))
    if societies is None or draws is None or not found.identified:
        return found, None, round(left_out)
    most = max(len(vector) for vector in counts)
    n = np.zeros((len(draws), len(problems), most))
    u = np.full((len(draws) if belief == "empirical" else 1, len(problems), most), -np.inf)
    expected: dict[int, list[FloatArray]] = {}
    for column, (number, place) in enumerate(problems):
        size = len(counts[column])
        drawn = [
            draws @ np.array([society[number].by_player[i] for society in societies])
            for i in range(len(cases[number].counts.by_player))
        ]
        n[:, column, :size] = drawn[place]
        u[:, column, :size] = payoffs[column]
        if belief == "empirical":
            if number not in expected:
                expected[number] = _expected_of(cases[number], drawn)
            again = expected[number][place] / cases[number].game.payoff_range
            # Where a resample leaves payoffs open, nobody came to the set in it, or they are the whole sample's.
            u[:, column, :size] = np.where(np.isnan(again), payoffs[column], again)
    return found, resampled(n, u), round(left_out)


def _expected_of(case: _Case, drawn: Sequence[FloatArray]) -> list[FloatArray]:
    """Payoffs (B, k) against the resampled frequencies; where a resample shows nothing of a player, against the whole sample's."""
    mixtures = []
    for i, counts in enumerate(drawn):
        size = counts.sum(axis=1, keepdims=True)
        whole = case.counts.by_player[i]
        unseen = np.nan if isinstance(case.game, ExtensiveFormGame) else 1 / len(whole)
        fallback = whole / whole.sum() if whole.sum() > 0 else np.full(len(whole), unseen)
        mixtures.append(np.where(size > 0, counts / np.where(size > 0, size, 1.0), fallback))
    return average_payoffs_against(case.game, mixtures)


def _along_the_branch(
    cases: Sequence[_Case], societies: Sequence[Sequence[Counts]] | None, draws: AnyArray | None, method: Method
) -> tuple[Fitted, FloatArray | None]:
    games = [case.game for case in cases]
    weights = np.concatenate([_on_blocks(case, case.counts) for case in cases])
    path = path_of(games)
    found = best_along(path, lambda: path_of(games, -1), weights)
    if method == "gambit":
        found = _by_gambit(cases[0], found)
    if societies is None or draws is None or not found.identified:
        return found, None
    each = np.array(
        [np.concatenate([_on_blocks(c, held) for c, held in zip(cases, s, strict=True)]) for s in societies]
    )
    return found, estimates(path, draws @ each)


def _on_blocks(case: _Case, counts: Counts) -> FloatArray:
    """Counts in the order of the branch's unknowns: by player, or summed in a symmetric game, where all play alike."""
    weights = case.weights(counts)
    return np.asarray(np.sum(weights, axis=0) if isinstance(case.game, SymmetricGame) else np.concatenate(weights))


def _by_gambit(case: _Case, own: Fitted) -> Fitted:
    """Gambit's estimate in place of ours, under the guards of ours."""
    from gamesim_analysis.equilibrium import gambit

    gambit.require()
    if own.estimate is None or own.below_random:
        return own  # the guards hold whoever estimates
    game, scale = case.game, case.game.payoff_range
    weights = case.weights(case.counts)
    if case.counts.alike:
        weights = [weights[0] / game.n] * game.n
    scaled: Game
    if isinstance(game, ExtensiveFormGame):
        wide = Fraction(scale)
        scaled = replace(game, payoffs=tuple(tuple(u / wide for u in payoffs) for payoffs in game.payoffs))
    else:
        scaled = NormalFormGame(game.to_normal_form().payoffs / scale)
    estimate, log_likelihood = gambit.logit_estimate(scaled, weights, Limits(seconds=120))
    return replace(own, estimate=estimate, log_likelihood=log_likelihood)


def _in_payoffs(found: Fitted, cases: Sequence[_Case], belief: Belief, method: str) -> RationalityFit:
    """Unit-free numbers in units of payoff as well, where the games share one range."""
    ranges = {case.game.payoff_range for case in cases}
    scale = ranges.pop() if len(ranges) == 1 else None

    def of(value: float | None) -> float | None:
        return None if value is None or scale is None else value / scale

    return RationalityFit(
        value=of(found.estimate),
        low=of(found.low),
        high=of(found.high),
        normalised=found.estimate,
        identified=found.identified,
        below_random=found.below_random,
        lower_bound=of(found.lower_bound),
        log_likelihood=found.log_likelihood,
        method=method,
        unconstrained=of(found.unconstrained),
        standard_error=of(found.standard_error),
        normalised_low=found.low,
        normalised_high=found.high,
        normalised_lower_bound=found.lower_bound,
        n=sum(case.n for case in cases),
        belief=belief,
        reason=found.reason,
    )
