"""Team games: values and gains by definition, exact; certificates refuse what does not fit."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gamesim.core.certify import certify
from gamesim.core.errors import GameFileError, GameTooLargeError, SolverError
from gamesim.core.team_game import TeamGame


def random_team(seed: int, n: int) -> TeamGame:
    rng = np.random.default_rng(seed)
    states, signals, actions = int(rng.integers(1, 7)), rng.integers(1, 4, n), rng.integers(1, 4, n)
    weights = [Fraction(int(w)) for w in rng.integers(1, 9, states)]
    seen = np.stack([rng.integers(s, size=states) for s in signals], axis=1)
    labels = tuple(tuple(map(str, range(s))) for s in signals)
    payoffs = rng.integers(-3, 6, (states, *actions))
    return TeamGame([w / sum(weights) for w in weights], seen, payoffs, labels)


def brute_value(game: TeamGame, play: Any) -> Fraction:
    """By the definition, state by state and cell by cell."""
    total = Fraction(0)
    for w, chance in enumerate(game.chances):
        for cell in product(*map(range, game.shape)):
            odds = Fraction(1)
            for i, a in enumerate(cell):
                row = play[i][game.seen[w, i]]
                odds *= Fraction(int(row == a)) if np.ndim(row) == 0 else Fraction(row[a])
            total += chance * odds * int(game.payoffs[(w, *cell)])
    return total


def mixed(rng: np.random.Generator, game: TeamGame, i: int) -> list[list[Fraction]]:
    rows = rng.integers(1, 5, (game.sights[i], game.shape[i]))
    return [[Fraction(int(x), int(row.sum())) for x in row] for row in rows]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 3), st.booleans())
def test_values_and_gains_are_those_of_the_definition(seed: int, n: int, pure: bool) -> None:
    game, rng = random_team(seed, n), np.random.default_rng(seed + 1)
    plays = [rng.integers(k, size=s) if pure else mixed(rng, game, i) for i, (k, s) in enumerate(zip(game.shape, game.sights, strict=True))]  # fmt: skip
    assert game.value(plays) == brute_value(game, plays)
    gains, replies = game.gains(plays)
    for i in range(n):
        others = [brute_value(game, [*plays[:i], list(plan), *plays[i + 1 :]]) for plan in product(range(game.shape[i]), repeat=game.sights[i])]  # fmt: skip
        assert gains[i] == max(others) - brute_value(game, plays)
        assert brute_value(game, [*plays[:i], replies[i], *plays[i + 1 :]]) == max(others)
    floats = [np.array(p, dtype=np.float64) if not pure else p for p in plays]
    assert float(game.value(floats)) == pytest.approx(float(brute_value(game, plays)), abs=1e-12)
    certificate = certify(game, plays)
    assert certificate.arithmetic == "exact"
    assert certificate.regrets == gains


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(-3, 3), st.integers(1, 4))
def test_affine_payoffs_scale_gains(seed: int, shift: int, factor: int) -> None:
    game = random_team(seed, 2)
    other = TeamGame(game.chances, game.seen, factor * game.payoffs + shift, game.signals)
    play = [np.zeros(s, dtype=int) for s in game.sights]
    assert other.value(play) == factor * game.value(play) + shift
    assert other.gains(play)[0] == tuple(factor * gain for gain in game.gains(play)[0])
    assert other.gains(play)[1] == game.gains(play)[1]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_the_table_over_strategies_has_the_same_values(seed: int) -> None:
    game = random_team(seed, 2)
    table = game.to_normal_form()
    for cell in product(*map(range, table.shape)):
        plays = [np.unravel_index(c, (k,) * s) for c, k, s in zip(cell, game.shape, game.sights, strict=True)]
        assert table.exact is not None
        assert table.exact[(0, *cell)] == table.exact[(1, *cell)] == game.value(plays)


def test_what_is_no_team_game() -> None:
    half, seen, payoffs = [Fraction(1, 2)] * 2, [[0, 0], [1, 0]], np.ones((2, 2, 2), dtype=int)
    TeamGame(half, seen, payoffs)
    for chances, signals, table in (
        ([Fraction(1, 2)], seen, payoffs), ([1, 0], seen, payoffs), ([Fraction(1, 2), Fraction(1, 3)], seen, payoffs),
        (half, [[0], [1]], payoffs), (half, [[0, -1], [1, 0]], payoffs), (half, seen, np.full((2, 2, 2), np.nan)),
        (half, seen, np.ones((2, 2))), (half, seen, np.ones((0, 2, 2))),
    ):  # fmt: skip
        with pytest.raises(GameFileError):
            TeamGame(chances, signals, table)
    with pytest.raises(GameFileError, match="labels"):
        TeamGame(half, seen, payoffs, actions=(("a",), ("a", "b")))
    with pytest.raises(GameFileError, match="names"):
        TeamGame(half, seen, payoffs, players=("a", "a"))


def test_play_that_does_not_fit_is_named() -> None:
    game = TeamGame([Fraction(1, 2)] * 2, [[0, 0], [1, 0]], np.ones((2, 2, 2), dtype=int), players=("ann", "bob"))
    for play, what in (
        (([0, 0],), "1 strategies"), (([0, 0, 0], [0]), "ann has shape"), (([0, 2], [0]), "ann names an action"),
        (([0, 0], [[0.5, 0.4]]), "bob at signal 0 sums to"),
    ):  # fmt: skip
        with pytest.raises(SolverError, match=what):
            certify(game, play)
    with pytest.raises(SolverError, match="team game"):
        certify(game, ([0, 0], [0]), concept="correlated")
    big = TeamGame([Fraction(1, 64)] * 64, np.array([[i, i] for i in range(64)]), np.ones((64, 4, 4), dtype=int))
    with pytest.raises(GameTooLargeError):
        big.to_normal_form()
