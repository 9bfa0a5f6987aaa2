"""Two static games of the commons: appropriation (Ostrom, Gardner, Walker) and the linear public good with fines.

Appropriation. Each of n players holds an endowment E and puts x_i of it into the commons, which yields
F(X) = a X - b X**2 in all, shared in proportion; the rest earns w a token outside:

    u_i = w (E - x_i) + x_i (a - b X),           X = sum of x

With v = (a - w) / b: best reply v/2 - X_{-i}/2, symmetric equilibrium v/(n+1) each, optimum X = v/2, rent gone at X = v.
Defaults n=8, w=5, a=23, b=1/4 give v = 72.

Public good. Each of n players keeps y - x_i and everybody gets m times the sum: u_i = y - x_i + m X. In a second
stage k fines on others cost ``fee`` each and take ``fine`` each from the fined.

The functions are plain arithmetic, so they are exact on Fractions (object arrays) and fast on floats. Builders return
the formal games, exact where their numbers are; a game with too many profiles for a table comes in symmetric form.

References
----------
.. [1] Ostrom, Gardner and Walker, "Rules, Games, and Common-Pool Resources", 1994; Ostrom's Nobel lecture (2009).
.. [2] Fehr and Gächter, "Cooperation and Punishment in Public Goods Experiments", AER 90 (2000).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from gamesim.core.arrays import AnyArray
from gamesim.core.errors import ScenarioError, SolverLimitError, clean
from gamesim.core.normal_form import CELLS, NormalFormGame, cells
from gamesim.core.symmetric import SymmetricGame, opponent_counts

Number = int | float | str | Fraction
Form = Literal["auto", "normal", "symmetric"]

MOST_ACTIONS = 1_000
MOST_PLAYERS = 10_000
SMALL = 20_000  # entries up to which "auto" gives the whole table rather than the form by counts


def appropriation(
    tokens: AnyArray, *, endowment: Any, outside: Any = 5, linear: Any = 23, quadratic: Any = Fraction(1, 4)
) -> AnyArray:
    """Payoffs of the appropriation game.

    Parameters
    ----------
    tokens : shape (..., n), each in [0, endowment].

    Returns
    -------
    Shape (..., n).

    Examples
    --------
    >>> [str(u) for u in appropriation(np.array([8] * 8, dtype=object), endowment=10)[:1]]
    ['66']
    >>> float(appropriation(np.full(8, 4.5), endowment=10.0, quadratic=0.25)[0])
    90.5
    """
    total = tokens.sum(axis=-1, keepdims=True)
    return np.asarray(outside * (endowment - tokens) + tokens * (linear - quadratic * total))


def appropriation_reply(others: Any, *, outside: Any = 5, linear: Any = 23, quadratic: Any = Fraction(1, 4)) -> Any:
    """The unconstrained best reply to what the others put in together; clip it to [0, endowment] to play it.

    Examples
    --------
    >>> str(appropriation_reply(56))
    '8'
    """
    return (linear - outside) / (2 * quadratic) - (Fraction(others, 2) if isinstance(others, int) else others / 2)


def contribution(tokens: AnyArray, *, endowment: Any = 20, mpcr: Any = Fraction(2, 5)) -> AnyArray:
    """Payoffs of the public good's first stage, shape (..., n).

    Examples
    --------
    >>> [str(u) for u in contribution(np.array([0, 20, 20, 20], dtype=object))]
    ['44', '24', '24', '24']
    """
    return np.asarray(endowment - tokens + mpcr * tokens.sum(axis=-1, keepdims=True))


def after_fines(payoffs: AnyArray, fines: AnyArray, *, fee: Any = 1, fine: Any = 3) -> AnyArray:
    """Payoffs after the second stage.

    Parameters
    ----------
    payoffs : shape (..., n).
    fines : shape (..., n, n), ``fines[..., i, j]`` given by i to j.

    Examples
    --------
    >>> after_fines(np.array([44, 24]), np.array([[0, 0], [2, 0]])).tolist()
    [38, 22]
    """
    return np.asarray(payoffs - fee * fines.sum(axis=-1) - fine * fines.sum(axis=-2))


def expected_fines_on(tokens: AnyArray, *, norm: Any, fines: Any, fee: Any = 1, fine: Any = 3) -> AnyArray:
    """What a rule "whoever gives less than the norm gets ``fines`` fines" takes from each, fees shared evenly by the others.

    Returns
    -------
    Shape (..., n), to be subtracted from the first stage's payoffs.
    """
    short = np.where(tokens < norm, 1, 0).astype(object if tokens.dtype == object else np.float64)
    players = tokens.shape[-1]
    shared = fee * fines * (short.sum(axis=-1, keepdims=True) - short)
    return np.asarray(
        fine * fines * short + (shared / (players - 1) if tokens.dtype != object else shared * Fraction(1, players - 1))
    )


def exact(value: Number) -> Fraction:
    """A number as the fraction its decimal form says: .4 is 2/5.

    Examples
    --------
    >>> exact(0.4)
    Fraction(2, 5)
    """
    if isinstance(value, Fraction):
        return value
    text = str(value)
    power = text.lower().partition("e")[2]
    # A fraction is written out in full, so 1e999999999 would fill the memory.
    if isinstance(value, bool) or len(text) > 1000 or (power and abs(int(power)) > 400):
        raise ScenarioError(f"'{clean(text, 60)}' is no number of a game.", hint="Exponents go from -400 to 400.")
    return Fraction(text)


def grid(points: int | Sequence[Number] | None, endowment: Number) -> list[Fraction]:
    """The actions: all whole tokens by default, ``points`` evenly spaced ones, or those given.

    Raises
    ------
    ScenarioError
        When they are none, more than 1,000, or negative.
    """
    top = exact(endowment)
    if top < 0:
        raise ScenarioError(f"expected a number >= 0, got {endowment}.", path="endowment")
    size = points if isinstance(points, int) else int(top) + 1 if points is None else len(points)
    if points is None and size > MOST_ACTIONS:
        raise ScenarioError(
            f"{endowment} whole tokens are more actions than a table holds.",
            path="endowment",
            hint=f"At most {MOST_ACTIONS - 1}; or give points, a coarser grid such as points: 6.",
        )
    if not (2 if isinstance(points, int) else 1) <= size <= MOST_ACTIONS:
        raise ScenarioError(
            f"{size} actions are not possible.",
            path="points",
            hint=f"Give 2 to {MOST_ACTIONS} points, or a list of tokens.",
        )
    if points is None:
        return [Fraction(k) for k in range(size)]
    if isinstance(points, int):
        return [top * k / (points - 1) for k in range(points)]
    chosen = [exact(point) for point in points]
    if min(chosen) < 0:
        raise ScenarioError(f"{float(min(chosen)):g} tokens cannot be given.", path="points")
    return chosen


def ostrom_gardner_walker(
    players: int = 8,
    endowment: Number = 10,
    outside: Number = 5,
    linear: Number = 23,
    quadratic: Number = "0.25",
    *,
    points: int | Sequence[Number] | None = None,
    form: Form = "auto",
) -> NormalFormGame | SymmetricGame:
    """The appropriation game on a grid of tokens, exact.

    Parameters
    ----------
    players, endowment, outside, linear, quadratic : n, E, w, a, b of the module's formula.
    points : the grid: whole tokens by default, a number of evenly spaced points, or the tokens themselves.
    form : ``normal``, ``symmetric``, or ``auto``, the former where it is small.

    Raises
    ------
    SolverLimitError
        When the table would have more than 10**7 entries.

    Examples
    --------
    >>> game = ostrom_gardner_walker(points=[0, 8, 10])
    >>> game.n, game.actions
    (8, ('0', '8', '10'))
    """
    terms = {"outside": exact(outside), "linear": exact(linear), "quadratic": exact(quadratic)}

    def payoff(own: Fraction, others: Fraction, _: int) -> Fraction:
        return terms["outside"] * (exact(endowment) - own) + own * (
            terms["linear"] - terms["quadratic"] * (own + others)
        )

    return _by_counts(players, grid(points, endowment), payoff, form, "Ostrom-Gardner-Walker")


def public_good(
    players: int = 4,
    endowment: Number = 20,
    mpcr: Number = "0.4",
    fee: Number = 1,
    fine: Number = 3,
    *,
    expected_fines: Number = 0,
    norm: Number | None = None,
    points: int | Sequence[Number] | None = None,
    form: Form = "auto",
) -> NormalFormGame | SymmetricGame:
    """The linear public good on a grid of contributions, exact.

    With ``expected_fines`` k > 0 the second stage is played by rule: whoever gives less than ``norm`` (by default the whole
    endowment) loses k times ``fine``, and the others pay k times ``fee`` for it, in equal parts. Giving everything is then
    an equilibrium exactly when ``fine * k >= (1 - mpcr) * endowment``.

    Parameters, errors and ``points`` as for ``ostrom_gardner_walker``.

    Examples
    --------
    >>> public_good(points=[0, 20], form="normal").pure_equilibria()
    [(0, 0, 0, 0)]
    >>> public_good(points=[0, 20], expected_fines=4, form="normal").pure_equilibria()[-1]
    (1, 1, 1, 1)
    """
    share, top, many = exact(mpcr), exact(endowment), exact(expected_fines)
    asked = top if norm is None else exact(norm)

    def payoff(own: Fraction, others: Fraction, short: int) -> Fraction:
        first = top - own + share * (own + others)
        paid = exact(fine) * many if own < asked else Fraction(0)
        return first - paid - exact(fee) * many * short / max(1, players - 1)

    return _by_counts(players, grid(points, endowment), payoff, form, "linear public good", asked)


def _by_counts(
    players: int,
    points: Sequence[Fraction],
    payoff: Callable[[Fraction, Fraction, int], Fraction],
    form: Form,
    name: str,
    norm: Fraction | None = None,
) -> NormalFormGame | SymmetricGame:
    """A symmetric game in which a player's payoff depends on the own action, the others' sum and how many of them are short."""
    size = len(points)
    if not isinstance(players, int) or isinstance(players, bool) or not 2 <= players <= MOST_PLAYERS:
        raise ScenarioError(
            f"expected a whole number >= 2 and <= {MOST_PLAYERS}, got {clean(players, 60)}.", path="players"
        )
    entries = size * math.comb(players + size - 2, size - 1)
    if entries > CELLS:
        raise SolverLimitError(
            f"{name} with {players} players and {size} actions has more than {CELLS:,} entries by counts.",
            hint="Give points, a coarser grid such as points: 6.",
        )
    counts = np.asarray(opponent_counts(players - 1, size), dtype=np.int64).reshape(-1, size)
    scale = math.lcm(*(point.denominator for point in points))
    sums = counts @ np.array([int(point * scale) for point in points], dtype=np.int64)
    short = counts @ np.array([norm is not None and point < norm for point in points], dtype=np.int64)
    seen, column = np.unique(np.stack([sums, short]), axis=1, return_inverse=True)
    table = np.empty((size, seen.shape[1]), dtype=object)
    for index, own in enumerate(points):
        for place, (total, few) in enumerate(seen.T.tolist()):
            table[index, place] = payoff(own, Fraction(total, scale), few)
    labels = tuple(str(point) for point in points)
    game = SymmetricGame(players, table[:, column.ravel()], labels, name=name)
    small = cells((size,) * players) <= SMALL
    return game.to_normal_form() if form == "normal" or (form == "auto" and small) else game
