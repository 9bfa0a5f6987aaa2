"""A table as a tree: the players move one after another and nobody sees a move before all are made."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from .extensive_form import ExtensiveFormGame, TreeBuilder
from .nfg_format import exact_payoffs
from .normal_form import NormalFormGame


def as_tree(game: Any) -> ExtensiveFormGame:
    """The tree of a game; a tree is its own.

    Examples
    --------
    >>> as_tree(NormalFormGame.bimatrix([[1, -1], [-1, 1]])).size
    7
    """
    if isinstance(game, ExtensiveFormGame):
        return game
    if not isinstance(game, NormalFormGame):
        game = game.to_normal_form()
    table = exact_payoffs(game)
    build = TreeBuilder(game.players, name=game.name)
    index: list[int] = []  # actions taken on the path
    pending: list[tuple[int, ...]] = [()]
    while pending:
        index = list(pending.pop())
        if len(index) == game.n:
            build.leaf([Fraction(table[(i, *index)]) for i in range(game.n)])
            continue
        build.move(len(index), 0, game.actions[len(index)])
        pending += [(*index, a) for a in reversed(range(len(game.actions[len(index)])))]
    return build.build()
