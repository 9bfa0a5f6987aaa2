"""Team games: the best common payoff by trying everything, or a lower bound by changing one strategy at a time.

Trying everything means all pure strategies of all members but one, whose best answer then separates by signal; some best
play is pure. Where that is too much, random plays are improved member by member until nobody alone can add anything. What is
found so is reached, and so a lower bound of the best; nothing is said of how far the best is from it.

References
----------
.. [1] Radner, "Team Decision Problems", Annals of Mathematical Statistics 33, 1962.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from math import log, prod
from typing import Any

import numpy as np

from gamesim.core.arrays import AnyArray, IntArray
from gamesim.core.errors import GameTooLargeError, SolverLimitError
from gamesim.core.seeds import Seeds
from gamesim.core.solution import Limits
from gamesim.core.team_game import TeamGame

from .method import Found, Method

TRIED = 5 * 10**8  # plans times states times actions of the last member, up to which everything is tried
CHUNK = 10**6  # numbers held at once
SWEEPS = 200  # of all members, in one restart
RESTARTS = 200


def is_team(game: Any, concept: str = "team") -> str:
    return "" if isinstance(game, TeamGame) else f"a {type(game).__name__} is no team game"


class _Answers:
    """What actions earn at signals, for many plays at once."""

    def __init__(self, game: TeamGame) -> None:
        self.game = game
        self._states = np.arange(len(game.chances))
        self._order = [np.argsort(own, kind="stable") for own in game.seen.T]
        self._first = [np.unique(own[o], return_index=True) for own, o in zip(game.seen.T, self._order, strict=True)]
        self._tables = [np.moveaxis(game.table, 1 + i, -1) for i in range(game.n)]

    def earned(self, player: int, others: Sequence[IntArray]) -> AnyArray:
        """Shape (R, S_i, k_i) in units of ``1 / scale``; ``others`` in order of members, each (R, S_j)."""
        game, rest = self.game, [j for j in range(self.game.n) if j != player]
        place = [plan[:, game.seen[:, j]] for j, plan in zip(rest, others, strict=True)]
        rows = self._tables[player][(self._states, *place)] if place else self._tables[player][None]
        present, first = self._first[player]
        sums = np.add.reduceat(rows[:, self._order[player]], first, axis=1)
        found = np.zeros((len(sums), game.sights[player], sums.shape[-1]), dtype=sums.dtype)
        found[:, present] = sums
        return found


def cost(game: TeamGame) -> float:
    """How many numbers trying everything looks at; at most infinite."""
    size = len(game.chances) * max(game.shape)
    plans = [s * log(k) for s, k in zip(game.sights, game.shape, strict=True)]
    rest = sum(plans) - max(plans)
    return float(np.exp(rest)) * size if rest < 300 else float("inf")


def _enumerate(game: TeamGame, *, concept: str, limits: Limits) -> Found:
    if cost(game) > TRIED:
        raise GameTooLargeError(
            f"trying everything would look at {cost(game):.3g} numbers.",
            hint=f"Up to {TRIED:.0e} are looked at; person_by_person gives a lower bound.",
        )
    counts = [game.strategy_count(i) for i in range(game.n)]
    last = max(range(game.n), key=lambda i: (counts[i], -i))
    rest = [j for j in range(game.n) if j != last]
    total = prod(counts[j] for j in rest)
    answers, deadline = _Answers(game), time.perf_counter() + limits.seconds
    step = max(1, CHUNK // (len(game.chances) * game.shape[last]))
    best, play = None, None
    for start in range(0, total, step):
        if time.perf_counter() > deadline:
            raise SolverLimitError(f"{start:,} of {total:,} plans were tried in {limits.seconds:g} s.")
        numbers = np.unravel_index(np.arange(start, min(start + step, total)), [counts[j] for j in rest] or [1])
        plans = [
            np.stack(np.unravel_index(number, (game.shape[j],) * game.sights[j]), axis=1)
            for j, number in zip(rest, numbers, strict=False)
        ]
        earned = answers.earned(last, plans)
        values = earned.max(axis=2).sum(axis=1)
        at = int(values.argmax())
        if best is None or values[at] > best:
            best = values[at]
            play = [plan[at] for plan in plans]
            play.insert(last, earned[at].argmax(axis=1))
    return Found(
        [tuple(play or ())],
        covers="optimum",
        complete=True,
        selection="first of the best in the order of strategies",
        notes=[f"Every strategy of {' and '.join(game.players[j] for j in rest) or 'nobody'} was tried ({total:,}); the best answer of {game.players[last]} separates by signal."],
    )  # fmt: skip


def _improve(
    game: TeamGame, *, concept: str, limits: Limits, restarts: int = RESTARTS, seed: int = 0, starts: Sequence[Any] = ()
) -> Found:
    answers, rng = _Answers(game), Seeds(seed).stream("person_by_person")
    begin, deadline = [game.as_play(start) for start in starts], time.perf_counter() + limits.seconds
    size = max(1, CHUNK // (len(game.chances) * max(game.shape)))
    best, play, tried, stopped = None, None, 0, None
    wanted = len(begin) + max(0, restarts)
    while tried < max(1, wanted):
        if tried and time.perf_counter() > deadline:
            stopped = "seconds"
            break
        rows = min(size, max(1, wanted) - tried)
        plans = [rng.integers(k, size=(rows, s)) for k, s in zip(game.shape, game.sights, strict=True)]
        for row, start in enumerate(begin[tried : tried + rows]):
            for plan, own in zip(plans, start, strict=True):
                plan[row] = own
        values = _climb(game, answers, plans, rng, deadline)
        tried += rows
        at = int(values.argmax())
        found = [plan[at] for plan in plans]
        reached = _settle(answers, found)
        if best is None or reached > best:
            best, play = reached, found
    return Found(
        [tuple(play or ())],
        covers="lower bound",
        complete=False,
        selection=f"best of {tried:,} plays improved member by member",
        notes=["A lower bound: this play reaches it, and a better one is not ruled out."],
        stopped=stopped,
    )


def _climb(game: TeamGame, answers: _Answers, plans: list[IntArray], rng: Any, deadline: float) -> AnyArray:
    """Best answers in turn, ties drawn, until a whole sweep brings no row anything; changes ``plans``, gives their values."""
    values: AnyArray | None = None
    for _ in range(SWEEPS):
        before = values
        for i in range(game.n):
            earned = answers.earned(i, [plan for j, plan in enumerate(plans) if j != i])
            # Ties are drawn: walking along a plateau is how the search leaves it.
            plans[i] = (earned + 0.5 * rng.random(earned.shape)).astype(np.float64).argmax(axis=2)
            values = np.take_along_axis(earned, plans[i][..., None], axis=2)[..., 0].sum(axis=1)
        assert values is not None
        if (before is not None and not (values > before).any()) or time.perf_counter() > deadline:
            break
    assert values is not None
    return values


def _settle(answers: _Answers, play: list[IntArray]) -> Any:
    """Strict improvements only, exact, until nobody alone can add anything; gives the value in units of ``1 / scale``."""
    while True:
        moved, value = False, None
        for i, own in enumerate(play):
            earned = answers.earned(i, [plan[None] for j, plan in enumerate(play) if j != i])[0]
            now, best = earned[np.arange(len(own)), own], earned.max(axis=1)
            better = best > now
            if better.any():
                play[i] = np.where(better, earned.argmax(axis=1), own)
                moved = True
            value = np.maximum(best, now).sum()
        if not moved:
            return value


team_enumeration = Method(
    "team_enumeration",
    frozenset({"team"}),
    "The best common payoff of a small team game: every strategy of all members but one is tried, exact.",
    is_team,
    _enumerate,
    suits="small team games",
    covers="optimum",
    complete="yes",
)
person_by_person = Method(
    "person_by_person",
    frozenset({"team"}),
    "A lower bound of a team's best payoff: random plays improved one member at a time.",
    is_team,
    _improve,
    suits="team games",
    covers="lower bound",
    complete="no",
)
