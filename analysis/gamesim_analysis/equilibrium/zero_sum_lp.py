"""Two-player constant-sum tables by one linear program; exact where the vertex can be rationalised."""

from __future__ import annotations

from typing import Any

from gamesim.core.errors import NotZeroSumError
from gamesim.core.extensive_form import ExtensiveFormGame
from gamesim.core.nfg_format import exact_payoffs
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.solution import Limits
from gamesim.core.zero_sum import zero_sum

from .method import Found, Method, back, table_of, two_players
from .rationalise import rational


def constant_sum_game(game: Any, concept: str) -> str:
    """Why a game is not constant-sum for two players; empty if it is."""
    reason = two_players(game)
    if reason:
        return reason
    table = game if isinstance(game, ExtensiveFormGame) else game.to_normal_form()
    return "" if table.is_constant_sum else f"the game is not constant-sum: {first_difference(table)}"


def first_difference(game: Any) -> str:
    """Where payoffs add to something else than at the start."""
    if isinstance(game, ExtensiveFormGame):
        total = sum(game.payoffs[0])
        other = next(payoffs for payoffs in game.payoffs if sum(payoffs) != total)
        return f"payoffs add to {total} at the first leaf and to {sum(other)} at another"
    sums = game.payoffs.sum(axis=0)
    far = abs(sums - sums.flat[0]) > 1e-12 * game.payoff_range
    cell = tuple(int(k) for k in zip(*far.nonzero(), strict=True).__next__())
    labels = ", ".join(own[k] for own, k in zip(game.actions, cell, strict=True))
    return f"payoffs add to {sums.flat[0]:g} in the first cell and to {sums[cell]:g} at {labels}"


def require_constant_sum(game: Any) -> None:
    """
    Raises
    ------
    NotZeroSumError
        With the first cell that differs.
    """
    if not game.is_constant_sum:
        raise NotZeroSumError(f"the game is not constant-sum: {first_difference(game)}.")


def _run(game: Any, *, concept: str, limits: Limits) -> Found:
    table = table_of(game, limits)
    if not isinstance(game, ExtensiveFormGame):
        game = table
    _, row, column = zero_sum(table.payoffs[0])
    play = rational(table, (row, column))
    return Found(
        back(game, [play]),
        covers="one",
        complete=None,
        selection="a vertex of the optimal strategies, as the linear program found it",
    )


def decimal(game: NormalFormGame) -> NormalFormGame:
    """A float game read as the decimals it prints as, exactly."""
    return game if game.exact is not None else NormalFormGame(exact_payoffs(game), game.actions, game.players, name=game.name)  # fmt: skip


zero_sum_lp = Method(
    "zero_sum_lp",
    frozenset({"nash", "value"}),
    "A two-player constant-sum table by linear programming: its value and optimal strategies.",
    constant_sum_game,
    _run,
    suits="two players, constant-sum tables",
    covers="one",
    complete="no",
)
