"""Regret matching+ in turns: approximate equilibria of zero-sum matrices too large for a linear program.

Each player's regrets R never fall below zero and its play is proportional to them; PRM+ expects the last regrets r once
more and plays max(R + r, 0). The column player answers the row player's *new* strategy, and its own regret is measured at
the strategy it held before. Any other order leaves a gap that does not close.

References
----------
.. [1] Farina, Kroer and Sandholm, "Faster Game Solving via Predictive Blackwell Approachability", AAAI 2021.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from gamesim.core.arrays import FloatArray
from gamesim.core.errors import ParameterError
from gamesim.core.solution import Limits

from .method import Found, Method, back, table_of
from .zero_sum_lp import constant_sum_game

VARIANTS = ("rm+", "prm+")
TOLERANCE = 1e-5  # regret over payoff range at which a run without a budget ends


@dataclass(frozen=True)
class Averages:
    """Average strategies, the gap between what they guarantee (NashConv), and the iterations behind them."""

    row: FloatArray
    column: FloatArray
    nash_conv: float
    iterations: int


def alternate(
    matrix: Any,
    iterations: int | None = None,
    *,
    variant: str = "prm+",
    tolerance: float = 0.0,
    seconds: float = float("inf"),
) -> Averages:
    """Iterate until the budget is spent or NashConv is at most ``tolerance``.

    Parameters
    ----------
    matrix : (k_1, k_2), what the row player gets and the column player loses.
    iterations, seconds : budgets; an iteration updates both players, from uniform play.
    tolerance : in units of payoff; looked at after 64, 128, 256, ... iterations.

    Examples
    --------
    >>> found = alternate([[0, -1, 1], [1, 0, -1], [-1, 1, 0.5]], 1000)
    >>> found.nash_conv < 1e-6
    True
    """
    if variant not in VARIANTS:
        raise ParameterError(f"no variant '{variant}' of regret matching.", hint=f"Variants: {', '.join(VARIANTS)}.")
    if iterations is not None and not iterations > 0:
        raise ParameterError(f"iterations is {iterations}.", hint="Budgets are positive.")
    if iterations is None and not tolerance > 0 and seconds == float("inf"):
        raise ParameterError("regret matching needs iterations, seconds or a tolerance.")
    a = np.asarray(matrix, dtype=np.float64)
    turned = np.ascontiguousarray(-a.T)
    predictive = variant == "prm+"
    row, column = (np.full(k, 1.0 / k) for k in a.shape)
    row_regrets, column_regrets = np.zeros(len(row)), np.zeros(len(column))
    row_sum, column_sum = np.zeros(len(row)), np.zeros(len(column))
    begin, done, look = time.monotonic(), 0, 64
    while iterations is None or done < iterations:
        done += 1
        weight = float(done * done if predictive else done)
        row = _next(row, a @ column, row_regrets, predictive)
        column = _next(column, turned @ row, column_regrets, predictive)
        row_sum += weight * row
        column_sum += weight * column
        if done == look or (done % 64 == 0 and time.monotonic() - begin > seconds):
            over = time.monotonic() - begin > seconds
            look = max(2 * done, look)
            if over or (tolerance and _gap(a, row_sum, column_sum) <= tolerance):
                break
    return Averages(row_sum / row_sum.sum(), column_sum / column_sum.sum(), _gap(a, row_sum, column_sum), done)


def _next(strategy: FloatArray, payoffs: FloatArray, regrets: FloatArray, predictive: bool) -> FloatArray:
    """The next strategy; ``regrets`` are brought up to date in place."""
    gains = payoffs - strategy @ payoffs
    regrets += gains
    np.maximum(regrets, 0.0, out=regrets)
    aim = np.maximum(regrets + gains, 0.0) if predictive else regrets
    total = aim.sum()
    return np.asarray(aim / total if total > 0 else np.full(len(aim), 1.0 / len(aim)))


def _gap(a: FloatArray, row_sum: FloatArray, column_sum: FloatArray) -> float:
    return float((a @ column_sum).max() / column_sum.sum() - (row_sum @ a).min() / row_sum.sum())


def _run(
    game: Any,
    *,
    concept: str,
    limits: Limits,
    iterations: int | None = None,
    variant: str = "prm+",
    tolerance: float = TOLERANCE,
) -> Found:
    table = table_of(game, limits)
    goal = 0.0 if iterations is not None else tolerance * table.payoff_range
    found = alternate(table.payoffs[0], iterations, variant=variant, tolerance=goal, seconds=limits.seconds)
    over = found.iterations != iterations and found.nash_conv > goal
    return Found(
        back(game, [(found.row, found.column)]),
        covers="one",
        complete=None,
        selection="the average of play that learns, from uniform",
        notes=[f"{found.iterations:,} iterations of {variant}."],
        stopped="seconds" if over else None,
    )


regret_matching = Method(
    "regret_matching",
    frozenset({"nash", "value"}),
    "PRM+ in turns (or variant='rm+'): an approximate equilibrium of a large two-player constant-sum table.",
    constant_sum_game,
    _run,
    suits="large constant-sum tables of two players",
    covers="one, approximate",
    complete="no",
)
