"""What patience makes possible: minmax payoffs, the individually rational payoffs, and when a trigger holds play in place.

Nobody can be held below her minmax payoff; every feasible payoff above it is an equilibrium payoff of the repeated game if
players are patient enough. A grim trigger (play the target until somebody leaves it, then a stage equilibrium that is bad
for her, for ever) is one way, and it works from a discount on that is computed here.

    >>> from gamesim.envs.repeated.stage_games import prisoners_dilemma
    >>> found = folk_theorem(prisoners_dilemma(), target=(0, 0))
    >>> found.minmax_pure, found.critical_discount
    ((Fraction(1, 1), Fraction(1, 1)), Fraction(1, 2))

References
----------
.. [1] Friedman, "A non-cooperative equilibrium for supergames", Review of Economic Studies 38, 1971.
.. [2] Fudenberg, Maskin, "The folk theorem in repeated games with discounting or with incomplete information",
   Econometrica 54, 1986.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np

from gamesim.core.arrays import AnyArray, FloatArray
from gamesim.core.errors import ParameterError, SolverError
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.profiles import as_profile
from gamesim.core.zero_sum import zero_sum


@dataclass(frozen=True, eq=False)
class FolkTheorem:
    """What repeated play of a stage game can bring.

    Attributes
    ----------
    minmax_pure, minmax : what each player can surely be held to, by pure and by mixed play of the others. With more than two
        players the others are let correlate, which holds her to less or as much.
    vertices : shape (V, 2), of two players: the corners of the feasible payoffs at or above ``minmax``, counterclockwise.
    target : the pure profile that a trigger is to hold, and ``target_payoffs``; None where no pure profile gives everybody more
        than some stage equilibrium.
    critical_discount : the smallest discount from which grim triggers hold it; 0 if it is a stage equilibrium, None if no
        patience is enough.
    by_player : the same for each player.
    punishments : for each player, what she earns for ever after she left it.
    """

    minmax_pure: tuple[Any, ...]
    minmax: tuple[float, ...]
    vertices: FloatArray | None
    target: tuple[int, ...] | None
    target_payoffs: tuple[Any, ...]
    critical_discount: Any | None
    by_player: tuple[Any | None, ...]
    punishments: tuple[Any, ...]

    def holds(self, discount: float) -> bool:
        """Whether grim triggers hold the target at this discount."""
        return self.critical_discount is not None and discount >= self.critical_discount


def folk_theorem(
    stage: Any, *, target: Sequence[int] | None = None, punishments: Sequence[Any] | None = None
) -> FolkTheorem:
    """Minmax payoffs, individually rational payoffs and the critical discount of grim triggers.

    Parameters
    ----------
    stage : a game in normal form, or one that has a table.
    target : pure profile to hold; by default the one of largest total payoff among those that give everybody more than her
        punishment.
    punishments : stage equilibria to fall back to, one a player who may leave; by default for each the worst for her among
        the pure ones, or among all that are found where there is no pure one.

    Raises
    ------
    ParameterError
        If a target or punishment does not fit, or a punishment is no stage equilibrium.
    SolverError
        If no stage equilibrium is found to fall back to.
    """
    game: NormalFormGame = stage.to_normal_form()
    table: AnyArray = game.payoffs if game.exact is None else game.exact
    after = _punishments(game, punishments)
    chosen = _target(game, table, after) if target is None else _checked(game, target)
    paid: tuple[Any, ...] = tuple(table[(i, *chosen)] for i in range(game.n)) if chosen is not None else ()
    each: tuple[Any | None, ...] = ()
    if chosen is not None:
        each = tuple(_critical(table, i, chosen, after[i]) for i in range(game.n))
    known = [value for value in each if value is not None]
    whole = max(known, key=float) if chosen is not None and len(known) == game.n else None
    minmax = tuple(_minmax(game, i) for i in range(game.n))
    return FolkTheorem(
        tuple(_minmax_pure(table, i) for i in range(game.n)),
        minmax,
        _individually_rational(game, minmax) if game.n == 2 else None,
        chosen,
        paid,
        whole,
        each,
        tuple(after),
    )


def _minmax_pure(table: AnyArray, player: int) -> Any:
    """The least that the others can hold a player to by pure play, she answering."""
    return table[player].max(axis=player).min()


def _minmax(game: NormalFormGame, player: int) -> float:
    """The same with the others mixing, and with more than one of them correlating: a zero-sum game against all of them."""
    own = np.moveaxis(game.payoffs[player], player, 0).reshape(game.shape[player], -1)
    return float(zero_sum(own)[0])


def feasible(stage: Any, payoffs: Sequence[float]) -> bool:
    """Whether some lottery over pure profiles gives the players these payoffs.

    Examples
    --------
    >>> from gamesim.envs.repeated.stage_games import prisoners_dilemma
    >>> feasible(prisoners_dilemma(), (3.5, 2)), feasible(prisoners_dilemma(), (4, 4))
    (True, False)
    """
    from scipy.optimize import linprog

    game = stage.to_normal_form()
    if len(payoffs) != game.n:
        raise ParameterError(f"{len(payoffs)} payoffs for {game.n} players.")
    cells = prod(game.shape)
    equations = np.vstack([game.payoffs.reshape(game.n, cells), np.ones(cells)])
    answer = linprog(np.zeros(cells), A_eq=equations, b_eq=[*payoffs, 1.0], bounds=(0, None), method="highs")
    return bool(answer.status == 0)


def _individually_rational(game: NormalFormGame, minmax: Sequence[float]) -> FloatArray:
    """Corners of the convex hull of the payoff pairs, cut where somebody gets less than her minmax."""
    corners = _hull(np.unique(game.payoffs.reshape(2, -1).T, axis=0))
    for player in range(2):
        corners = _cut(corners, player, minmax[player])
    return corners


def _hull(points: FloatArray) -> FloatArray:
    """Convex hull of points in lexicographic order, counterclockwise (Andrew's chain); one or two points stand for themselves."""

    def chain(order: FloatArray) -> list[FloatArray]:
        kept: list[FloatArray] = []
        for point in order:
            while len(kept) > 1 and _turn(kept[-2], kept[-1], point) <= 0:
                kept.pop()
            kept.append(point)
        return kept[:-1]

    if len(points) < 3:
        return points
    return np.array([*chain(points), *chain(points[::-1])])


def _turn(a: FloatArray, b: FloatArray, c: FloatArray) -> float:
    return float((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))


def _cut(corners: FloatArray, axis: int, least: float) -> FloatArray:
    """The part of a convex polygon on which a coordinate is at least so much."""
    kept: list[FloatArray] = []
    for here, following in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        inside, ahead = here[axis] >= least - 1e-12, following[axis] >= least - 1e-12
        if inside:
            kept.append(here)
        if inside != ahead:
            share = (least - here[axis]) / (following[axis] - here[axis])
            kept.append(here + share * (following - here))
    if not kept:
        return np.zeros((0, 2))
    found = [kept[0]]
    for corner in kept[1:]:
        if np.abs(corner - found[-1]).max() > 1e-12 and np.abs(corner - found[0]).max() > 1e-12:
            found.append(corner)
    return np.array(found)


# ---- grim triggers ---------------------------------------------------------------------------------------------------


def _punishments(game: NormalFormGame, given: Sequence[Any] | None) -> list[Any]:
    """What each player earns after she left the target."""
    if given is not None:
        if len(given) != game.n:
            raise ParameterError(f"{len(given)} punishments for {game.n} players.")
        return [_earned(game, profile, i) for i, profile in enumerate(given)]
    plays: list[Any] = list(game.pure_equilibria())
    if not plays:
        from .router import solve

        plays = [equilibrium.play for equilibrium in solve(game, every=True).equilibria]
    if not plays:
        raise SolverError("no stage equilibrium was found to fall back to.", hint="Give punishments.")
    paid = [tuple(game.expected(play)) for play in plays]
    return [min((values[i] for values in paid), key=float) for i in range(game.n)]


def _earned(game: NormalFormGame, profile: Any, player: int) -> Any:
    from gamesim.core.certify import certify

    play = as_profile(game.shape, profile)
    certificate = certify(game, play)
    if certificate.grade == "rejected":
        raise ParameterError(
            f"the punishment of {game.players[player]} is no stage equilibrium: somebody gains {float(certificate.gap):.6g}."
        )
    return game.expected(play)[player]


def _checked(game: NormalFormGame, target: Sequence[int]) -> tuple[int, ...]:
    found = tuple(int(a) for a in target)
    if len(found) != game.n or any(not 0 <= a < k for a, k in zip(found, game.shape, strict=False)):
        raise ParameterError(f"{found} is no pure profile of a game of {'x'.join(map(str, game.shape))}.")
    return found


def _target(game: NormalFormGame, table: AnyArray, after: Sequence[Any]) -> tuple[int, ...] | None:
    better = np.ones(game.shape, dtype=bool)
    for i, value in enumerate(after):
        better &= np.asarray(table[i] > value, dtype=bool)
    if not better.any():
        return None
    worth = np.where(better, game.payoffs.sum(axis=0), -np.inf)
    return tuple(int(a) for a in np.unravel_index(int(worth.argmax()), game.shape))


def _critical(table: AnyArray, player: int, target: tuple[int, ...], after: Any) -> Any | None:
    """(best deviation - target) / (best deviation - punishment): from there on leaving once does not pay."""
    place = tuple(slice(None) if i == player else a for i, a in enumerate(target))
    best, now = max(table[player][place]), table[(player, *target)]
    if best <= now:
        return Fraction(0) if isinstance(now, Fraction) else 0.0
    return (best - now) / (best - after) if after < now else None
