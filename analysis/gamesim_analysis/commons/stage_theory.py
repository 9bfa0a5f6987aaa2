"""Exact theory of the two static games: appropriation (Ostrom, Gardner, Walker) and the linear public good with fines.

Everything is a Fraction, so that "best reply" and "deterred" are facts and not tolerances. A float is read as the decimal it
prints (.4 is 2/5). The payoffs are those of ``gamesim.envs.commons.stage_games``, which also builds the formal games.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np

from gamesim.core.errors import MetricError
from gamesim.envs.commons.stage_games import Number, appropriation, contribution, exact


@dataclass(frozen=True)
class StageOutcome:
    """A symmetric profile: tokens each and in all, payoff each, rent in all (what the commons earns above the outside option)."""

    each: Fraction
    total: Fraction
    payoff: Fraction
    rent: Fraction


@dataclass(frozen=True)
class Appropriation:
    """u_i = w (E - x_i) + x_i (a - b X), each 0 <= x_i <= E.

    Attributes
    ----------
    nash, optimum, all_in : the symmetric equilibrium (the only one on the reals), the largest joint payoff, everybody at E
    exhausted : total at which the rent is zero, (a - w)/b, whether or not the endowments reach it
    ratio : rent of ``nash`` over rent of ``optimum``; None where the commons never pays
    """

    players: int
    endowment: Fraction
    outside: Fraction
    linear: Fraction
    quadratic: Fraction
    nash: StageOutcome
    optimum: StageOutcome
    all_in: StageOutcome
    exhausted: Fraction
    ratio: Fraction | None

    def payoff(self, own: Number, others: Number) -> Fraction:
        """Payoff of putting in ``own`` when the others put in ``others`` together."""
        x, y = self._token(own), exact(others)
        return self.outside * (self.endowment - x) + x * (self.linear - self.quadratic * (x + y))

    def best_reply(self, others: Number) -> Fraction:
        """The best real number of tokens against the others' total: (v - X_-i)/2 cut to 0..E, v = (a - w)/b."""
        free = (self.exhausted - exact(others)) / 2
        return min(max(free, Fraction(0)), self.endowment)

    def whole_best_replies(self, others: Number) -> tuple[int, ...]:
        """The best whole numbers of tokens: one, or the two neighbours of a half."""
        free, top = self.best_reply(others), int(self.endowment)
        near = {min(max(k, 0), top) for k in (int(free), int(free) + 1)}
        best = max(self.payoff(k, others) for k in near)
        return tuple(sorted(k for k in near if self.payoff(k, others) == best))

    def whole_equilibria(self) -> tuple[tuple[int, ...], ...]:
        """All pure equilibria in whole tokens, up to the players' names, each from the fewest tokens to the most.

        In equilibrium with total X nobody gains by one token more or less: v - X - 1 <= x <= v - X + 1, a bound that falls
        away at 0 and at E. So every total allows a run of at most three values (and the ends), and the profiles are counted.
        """
        v, top, n = self.exhausted, int(self.endowment), self.players
        found = []
        for total in range(n * top + 1):
            allowed = tuple(
                x for x in range(top + 1)
                if (x == top or x >= v - total - 1) and (x == 0 or x <= v - total + 1)
            )  # fmt: skip
            found += list(_multisets(allowed, n, total))
        return tuple(found)

    def regret(self, tokens: tuple[Number, ...], *, whole: bool = True) -> Fraction:
        """The largest gain anybody has by deviating alone, to whole tokens or to any number."""
        x = [self._token(value) for value in tokens]
        if len(x) != self.players:
            raise MetricError(f"{len(x)} numbers of tokens for {self.players} players.")
        total, worst = sum(x, Fraction(0)), Fraction(0)
        for own in x:
            others = total - own
            best = self.whole_best_replies(others)[0] if whole else self.best_reply(others)
            worst = max(worst, self.payoff(best, others) - self.payoff(own, others))
        return worst

    def _token(self, value: Number) -> Fraction:
        x = exact(value)
        if not 0 <= x <= self.endowment:
            raise MetricError(f"{value} tokens; a player holds 0 to {self.endowment}.")
        return x


def appropriation_theory(
    players: int = 8, endowment: Number = 10, outside: Number = 5, linear: Number = 23, quadratic: Number = "0.25"
) -> Appropriation:
    """Equilibrium, optimum and rents of the appropriation game.

    References
    ----------
    .. [1] Ostrom, Gardner, Walker, "Rules, Games, and Common-Pool Resources", 1994; values recomputed.

    Examples
    --------
    >>> game = appropriation_theory()
    >>> [str(x) for x in (game.nash.each, game.optimum.each, game.nash.payoff, game.optimum.payoff, game.all_in.payoff)]
    ['8', '9/2', '66', '181/2', '30']
    >>> str(game.ratio), game.whole_best_replies(57)
    ('32/81', (7, 8))
    """
    e, w, a, b = exact(endowment), exact(outside), exact(linear), exact(quadratic)
    if players < 1 or e < 0 or b <= 0:
        raise MetricError(f"players {players}, endowment {e}, quadratic {b}: at least 1, at least 0, above 0.")
    v = (a - w) / b

    def at(each: Fraction) -> StageOutcome:
        each = min(max(each, Fraction(0)), e)
        payoff = Fraction(appropriation(_all(each, players), endowment=e, outside=w, linear=a, quadratic=b)[0])
        return StageOutcome(each, players * each, payoff, players * (payoff - w * e))

    nash, optimum = at(v / (players + 1)), at(v / (2 * players))
    ratio = nash.rent / optimum.rent if optimum.rent > 0 else None
    return Appropriation(players, e, w, a, b, nash, optimum, at(e), v, ratio)


@dataclass(frozen=True)
class PublicGood:
    """u_i = y - x_i + m X, then fines: the fined pay ``fine`` each time, the finer ``fee``.

    Attributes
    ----------
    nash : what everybody gives in the only equilibrium without fines; None where every gift is one (m = 1)
    optimum : what everybody gives at the largest joint payoff; None where all are alike (n m = 1)
    nash_payoff, optimum_payoff : each player's payoff there
    lone_rider, lone_giver : payoff of one who gives nothing among full givers, and of one who gives all among free riders
    temptation : (1 - m) y, gained by withholding everything; at or below 0 giving is (weakly) dominant
    dilemma : giving is dominated and yet best for all, 1/n < m < 1
    fines_needed : expected fines from which on withholding does not pay; None if fines cost the fined nothing
    credible : whether a selfish player might fine at all, fee <= 0
    """

    players: int
    endowment: Fraction
    mpcr: Fraction
    fee: Fraction
    fine: Fraction
    nash: Fraction | None
    optimum: Fraction | None
    nash_payoff: Fraction | None
    optimum_payoff: Fraction
    lone_rider: Fraction
    lone_giver: Fraction
    temptation: Fraction
    dilemma: bool
    fines_needed: Fraction | None
    credible: bool

    def best_reply(self) -> tuple[Fraction, Fraction]:
        """Least and greatest best gift, whatever the others give."""
        y = self.endowment
        return (y if self.mpcr > 1 else Fraction(0)), (Fraction(0) if self.mpcr < 1 else y)

    def deviation_gain(self, gift: Number, *, norm: Number | None = None, expected_fines: Number = 0) -> Fraction:
        """What one player gains by giving ``gift`` where all give ``norm`` (default everything) and less is fined."""
        x, asked = exact(gift), self.endowment if norm is None else exact(norm)
        for what, value in (("gift", x), ("norm", asked)):
            if not 0 <= value <= self.endowment:
                raise MetricError(f"{what} must lie in 0..{self.endowment}, not {value}.")
        fined = self.fine * exact(expected_fines) if x < asked else Fraction(0)
        return (1 - self.mpcr) * (asked - x) - fined

    def deterred(self, expected_fines: Number, *, norm: Number | None = None) -> bool:
        """Whether giving ``norm`` (default everything) is an equilibrium when whoever gives less expects that many fines.

        Withholding everything gains most, as the gain grows with what is withheld and the fine does not; so
        fine * expected fines >= (1 - m) norm decides, and with m > 1 nobody may gain by giving more than the norm.
        """
        asked = self.endowment if norm is None else exact(norm)
        gains = [self.deviation_gain(gift, norm=asked, expected_fines=expected_fines) for gift in (0, self.endowment)]
        return max(gains) <= 0


def public_good_theory(
    players: int = 4, endowment: Number = 20, mpcr: Number = "0.4", fee: Number = 1, fine: Number = 3
) -> PublicGood:
    """Equilibrium, optimum and deterrence in the linear public good.

    References
    ----------
    .. [1] Fehr, Gächter, "Cooperation and punishment in public goods experiments", AER 90, 2000; arithmetic recomputed.

    Examples
    --------
    >>> game = public_good_theory()
    >>> [str(x) for x in (game.nash_payoff, game.optimum_payoff, game.lone_rider, game.temptation, game.fines_needed)]
    ['20', '32', '44', '12', '4']
    >>> game.deterred(4), game.deterred("3.99")
    (True, False)
    """
    y, m, phi, f = exact(endowment), exact(mpcr), exact(fee), exact(fine)
    if players < 1 or y < 0 or m < 0:
        raise MetricError(f"players {players}, endowment {y}, mpcr {m}: at least 1, at least 0, at least 0.")
    zero = Fraction(0)

    def each(*gifts: Fraction) -> Fraction:
        return Fraction(contribution(np.array(gifts, dtype=object), endowment=y, mpcr=m)[0])

    nash = None if m == 1 else (y if m > 1 else zero)
    optimum = None if players * m == 1 else (y if players * m > 1 else zero)
    others = players - 1
    temptation = (1 - m) * y
    return PublicGood(
        players, y, m, phi, f, nash, optimum,
        None if nash is None else each(*[nash] * players),
        each(*[zero if optimum is None else optimum] * players),
        each(zero, *[y] * others), each(y, *[zero] * others),
        temptation, Fraction(1, players) < m < 1,
        max(zero, temptation / f) if f > 0 else None, phi <= 0,
    )  # fmt: skip


def _all(each: Fraction, players: int) -> np.ndarray:
    return np.array([each] * players, dtype=object)


@lru_cache(maxsize=4096)
def _multisets(values: tuple[int, ...], n: int, total: int) -> tuple[tuple[int, ...], ...]:
    """Ascending n-tuples of ``values`` (ascending) that sum to ``total``."""
    if n == 0:
        return ((),) if total == 0 else ()
    found = []
    for i, x in enumerate(values):
        if x * n > total or values[-1] * n < total:
            break
        found += [(x, *rest) for rest in _multisets(values[i:], n - 1, total - x)]
    return tuple(found)
