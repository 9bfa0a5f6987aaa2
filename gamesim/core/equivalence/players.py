"""Which player of one game may be which of another."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import permutations

from ..errors import Undecided, UnsupportedGameError
from ..extensive_form import ExtensiveFormGame

MOST = 4  # players whose every matching is tried where names do not say

Matching = tuple[int, ...]  # the i-th player of the first game is this one of the second


def matchings(g: ExtensiveFormGame, h: ExtensiveFormGame, players: Sequence[int] | None = None) -> tuple[Matching, ...]:
    """Matchings to try: the one by names if both games have the same names (case does not matter), else all.

    Raises
    ------
    Undecided
        For more than four players whose names differ.
    """
    if g.n != h.n:
        return ()
    if players is not None:
        given = tuple(int(p) for p in players)
        if sorted(given) != list(range(g.n)):
            raise UnsupportedGameError(f"{given} is no matching of {g.n} players.")
        return (given,)
    mine, its = ([_folded(name) for name in game.players] for game in (g, h))
    if len(set(mine)) == g.n and sorted(mine) == sorted(its):
        return (tuple(its.index(name) for name in mine),)
    if g.n > MOST:
        raise Undecided(
            f"{g.n} players whose names differ can be matched in too many ways.",
            hint="Name the players alike, or pass players (--players).",
        )
    return tuple(permutations(range(g.n)))


def _folded(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())
