"""What of the payoffs must agree: all of them, their shape, their order, or nothing.

>>> from gamesim.core.extensive_form import TreeBuilder
>>> build = TreeBuilder(("A",))
>>> build.move(0, 1, ("a", "b", "c"))
>>> for value in (10, 4, 6):
...     build.leaf((value,))
>>> leaf_keys(build.build(), "affine"), leaf_keys(build.build(), "ordinal")
([(Fraction(1, 1),), (Fraction(0, 1),), (Fraction(1, 3),)], [(2,), (0,), (1,)])
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Literal

from ..errors import UnsupportedGameError, did_you_mean
from ..extensive_form import ExtensiveFormGame

PayoffMode = Literal["exact", "affine", "ordinal", "constraints"]
MODES: tuple[PayoffMode, ...] = ("exact", "affine", "ordinal", "constraints")

Keys = list[tuple[Any, ...]]


def payoff_mode(name: str) -> PayoffMode:
    """The mode of that name; an error names the nearest."""
    for mode in MODES:
        if mode == name:
            return mode
    raise UnsupportedGameError(f"no payoff mode '{name}'.", hint=did_you_mean(name, MODES) or f"{', '.join(MODES)}.")


def leaf_keys(game: ExtensiveFormGame, mode: PayoffMode) -> Keys:
    """For each entry of ``game.payoffs`` what a leaf must share with its counterpart, one value a player.

    Parameters
    ----------
    mode : ``exact`` compares payoffs; ``affine`` after each player's were brought to minimum 0 and maximum 1 (a constant
        becomes 0); ``ordinal`` compares ranks among the player's payoffs; ``constraints`` compares nothing.
    """
    if mode == "exact":
        return list(game.payoffs)
    if mode == "constraints":
        return [(None,) * game.n for _ in game.payoffs]
    columns: list[list[Any]] = []
    for i in range(game.n):
        own = [payoffs[i] for payoffs in game.payoffs]
        if mode == "ordinal":
            rank = {value: k for k, value in enumerate(sorted(set(own)))}
            columns.append([rank[value] for value in own])
        else:
            low, width = min(own), max(own) - min(own)
            columns.append([(value - low) / width if width else Fraction(0) for value in own])
    return list(zip(*columns, strict=True))
