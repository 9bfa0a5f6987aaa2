"""Levine's hats, solved: the best a team can do with small stacks, and what known strategies reach.

Rules, closed forms and what may be claimed of them: ``gamesim.envs.team.levine_hats``.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, cast

from numpy.random import Generator

from gamesim.core.solution import Certificate, Limits
from gamesim.core.team_game import TeamGame, TeamPlay
from gamesim.envs.commons.stage_games import Number
from gamesim.envs.team.levine_hats import block_game, block_reset_value, levine_hats

from .team import TRIED, cost, person_by_person, team_enumeration


@dataclass(frozen=True, eq=False)
class HatsValue:
    """What a team reaches.

    Attributes
    ----------
    value : chance to win; its certificate says that no member alone can raise it.
    covers : ``optimum``: every strategy was tried; ``lower bound``: it was found by search, and better is not ruled out.
    play : a position for each signal, one array a member.
    """

    value: Fraction
    covers: Literal["optimum", "lower bound"]
    play: TeamPlay
    certificate: Certificate


def hats_value(
    players: int,
    hats: int,
    *,
    black: Number = "1/2",
    restarts: int = 200,
    rng: Generator | None = None,
    seconds: float = 60.0,
) -> HatsValue:
    """V of that many players and hats: exact where every strategy can be tried (two players with up to three hats), else reached.

    Parameters
    ----------
    restarts, rng, seconds : of the search, where there is one; without ``rng`` it is the same every time.

    Examples
    --------
    >>> found = hats_value(2, 2)
    >>> str(found.value), found.covers
    ('5/16', 'optimum')
    """
    return _value(levine_hats(players, hats, black), restarts, rng, seconds)


def block_wins(
    block: int, *, black: Number = "1/2", restarts: int = 200, rng: Generator | None = None, seconds: float = 60.0
) -> HatsValue:
    """The best tables of a block that both players keep, exact for up to three hats; ``block_reset_value`` takes its value.

    Examples
    --------
    >>> found = block_wins(3)
    >>> found.covers, str(block_reset_value(3, found.value))
    ('optimum', '7/20')
    """
    return _value(block_game(block, black), restarts, rng, seconds)


def _value(game: TeamGame, restarts: int, rng: Generator | None, seconds: float) -> HatsValue:
    limits = Limits(seconds=seconds)
    if cost(game) <= TRIED:
        found = team_enumeration(game, concept="team", limits=limits)
    else:
        seed = 0 if rng is None else int(rng.integers(2**32))
        found = person_by_person(game, concept="team", limits=limits, restarts=restarts, seed=seed)
    best = found.equilibria[0]
    covers = cast(Literal["optimum", "lower bound"], found.covers)
    return HatsValue(best.payoffs[0], covers, best.play, best.certificate)


__all__ = ["HatsValue", "block_reset_value", "block_wins", "hats_value"]
