"""Levine's hats and other team games: values that are known, bounds that are reached, and what is not claimed."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from gamesim_analysis.equilibrium.hats import block_wins, hats_value
from gamesim_analysis.equilibrium.router import choose, solve
from gamesim_analysis.equilibrium.team import TRIED, cost, person_by_person, team_enumeration
from gamesim_analysis.equilibrium.told import certificate_in_words, facts, told
from hypothesis import given, settings
from hypothesis import strategies as st

from gamesim.core.errors import GameTooLargeError, ScenarioError, SolverLimitError, UnsupportedGameError
from gamesim.core.solution import Limits
from gamesim.core.team_game import TeamGame
from gamesim.envs.efg.poker import kuhn
from gamesim.envs.team.levine_hats import (
    BEST,
    BLOCKS,
    KNOWN,
    PROVED,
    block_game,
    block_reset_value,
    ceilings,
    first_black_value,
    independent_value,
    kept_blocks,
    levine_hats,
)

HALF = Fraction(1, 2)


# ---- statement 56 --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("hats", "wins"), [(1, 1), (2, 5), (3, 22)])
def test_small_stacks_exactly(hats: int, wins: int) -> None:
    found = hats_value(2, hats)
    assert found.value * 4**hats == wins == KNOWN[hats]
    assert found.covers == "optimum"
    assert found.certificate.grade == "exact"
    assert hats <= PROVED


@pytest.mark.parametrize(("hats", "wins"), [(4, 89), (5, 358), (6, 1433)])
def test_larger_stacks_are_reached_and_called_lower_bounds(hats: int, wins: int) -> None:
    found = hats_value(2, hats)
    assert found.value * 4**hats >= wins == KNOWN[hats]
    assert wins == int(Fraction(35, 100) * 4**hats)
    assert found.covers == "lower bound"
    assert found.certificate.gap == 0  # nobody alone can add anything
    assert hats > PROVED


def test_three_members() -> None:
    assert hats_value(3, 1).value * 8 == 1
    found = hats_value(3, 2)
    assert found.value * 64 >= 13
    assert found.covers == "lower bound"


# ---- statement 57 --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("block", "value"), [(2, Fraction(1, 3)), (3, Fraction(7, 20))])
def test_blocks_of_two_and_three_exactly(block: int, value: Fraction) -> None:
    found = block_wins(block)
    assert found.covers == "optimum"
    assert block_reset_value(block, found.value) == block_reset_value(block) == value
    if block == 3:
        assert BLOCKS[3] == ((0, 1, 0, 2, 2, 1),) * 2
        assert kept_blocks(3).tolist() == [[0, 0, 1], [0, 1, 0], [0, 1, 1], [1, 0, 0], [1, 0, 1], [1, 1, 0]]
        assert found.value * 36 == 15  # M, and so (15 + 6) / 60


@pytest.mark.parametrize(("block", "value"), [(4, Fraction(88, 252)), (5, Fraction(357, 1020))])
def test_larger_blocks_are_reached(block: int, value: Fraction) -> None:
    assert block_reset_value(block) >= value
    game = block_game(block)
    assert max(game.gains(BLOCKS[block])[0]) == 0
    assert choose(game, "team")[0].method == "person_by_person"


@pytest.mark.parametrize("block", [2, 3])
@pytest.mark.parametrize("black", [HALF, Fraction(1, 3), Fraction(7, 10)])
def test_the_closed_form_of_block_reset_is_the_limit_of_blocks(block: int, black: Fraction) -> None:
    """The chance to win within k blocks, by the definition, tends to the closed form: what is left is (1 - k-th power)."""
    f, g = BLOCKS[block]
    kept = {tuple(row): at for at, row in enumerate(kept_blocks(block).tolist())}
    both = one = neither = Fraction(0)
    for x, y in product(product((0, 1), repeat=block), repeat=2):
        chance = black ** sum(x + y) * (1 - black) ** (2 * block - sum(x + y))
        if x in kept and y in kept:
            both += chance * x[f[kept[y]]] * y[g[kept[x]]]
        elif y in kept:  # the first player keeps the block, the second goes on to a hat that is black with chance p
            one += chance * x[f[kept[y]]] * black
        elif x in kept:
            one += chance * y[g[kept[x]]] * black
        else:
            neither += chance
    assert (both + one) / (1 - neither) == block_reset_value(block, black=black)


def test_closed_forms_are_values_of_plays() -> None:
    assert first_black_value() == Fraction(1, 3)
    assert independent_value(2) == Fraction(1, 4)
    for hats, black in product((1, 2, 3, 4), (HALF, Fraction(1, 3))):
        game = levine_hats(2, hats, black)
        first = [max(signal.find("1"), 0) for signal in game.signals[0]]
        assert game.value((first, first)) == first_black_value(black, hats)
        alike = [[[Fraction(1, hats)] * hats] * 2**hats] * 2
        assert game.value(alike) == independent_value(2, black)
        assert abs(first_black_value(black, 60) - first_black_value(black)) < Fraction(1, 10**9)


def test_ceilings_say_what_they_are() -> None:
    found = {ceiling.name: ceiling for ceiling in ceilings(2, 5)}
    assert found[BEST].kind == "lower bound"
    assert found["best known, unbounded stacks"].value == Fraction(7, 20)
    assert found["first black, unbounded stacks"].value == Fraction(1, 3)
    assert not any("upper" in ceiling.kind for ceiling in ceilings(2, 5))
    assert [ceiling.name for ceiling in ceilings(3, 4)] == ["without looking"]
    assert BEST not in {ceiling.name for ceiling in ceilings(2, 3, 0.4)}


# ---- any team game -------------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 3))
def test_trying_everything_is_the_best_cell_of_the_table(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    states, signals, actions = int(rng.integers(1, 6)), rng.integers(1, 4, n), rng.integers(1, 4, n)
    seen = np.stack([rng.integers(s, size=states) for s in signals], axis=1)
    labels = tuple(tuple(map(str, range(s))) for s in signals)
    game = TeamGame([Fraction(1, states)] * states, seen, rng.integers(-2, 5, (states, *actions)), labels)
    solution = solve(game, "team")
    best = solution.equilibria[0]
    table = game.to_normal_form()
    assert table.exact is not None
    assert best.payoffs[0] == table.exact[0].max()
    assert solution.complete is True
    assert solution.exact
    bound = person_by_person(game, concept="team", restarts=5)
    assert bound.equilibria[0].payoffs[0] <= best.payoffs[0]
    assert bound.equilibria[0].certificate.gap == 0
    assert (bound.covers, bound.complete) == ("lower bound", False)


def test_scaling_and_naming_anew_change_nothing() -> None:
    game = levine_hats(hats=2)
    tripled = TeamGame(game.chances, game.seen, 3 * game.payoffs + 1, game.signals, game.actions)
    assert solve(tripled, "team").equilibria[0].payoffs[0] == 3 * Fraction(5, 16) + 1
    turned = TeamGame(game.chances, 3 - game.seen, game.payoffs[:, ::-1], game.signals, game.actions)
    assert solve(turned, "team").equilibria[0].payoffs[0] == Fraction(5, 16)


def test_huge_numbers_stay_exact() -> None:
    tiny = Fraction(1, 10**20)
    game = TeamGame([tiny, 1 - tiny], [[0, 0], [1, 0]], [[[10**30, 0]], [[0, 1]]], actions=(("a",), ("l", "r")))
    for method in ("team_enumeration", "person_by_person"):
        assert solve(game, "team", method=method).equilibria[0].payoffs[0] == tiny * 10**30


def test_the_same_seed_the_same_play_and_starts_are_taken() -> None:
    game = levine_hats(hats=4)
    plays = [person_by_person(game, concept="team", restarts=8, seed=3).equilibria[0].play for _ in range(2)]
    assert all(np.array_equal(a, b) for a, b in zip(*plays, strict=True))
    known = hats_value(2, 4).play
    again = person_by_person(game, concept="team", restarts=0, starts=(known,))
    assert again.equilibria[0].payoffs[0] >= Fraction(89, 256)


def test_limits_and_refusals() -> None:
    large = levine_hats(hats=5)
    assert cost(large) > TRIED
    with pytest.raises(GameTooLargeError, match="person_by_person"):
        team_enumeration(large, concept="team")
    stopped = person_by_person(large, concept="team", limits=Limits(seconds=1e-6), restarts=10**6)
    assert stopped.stopped == "seconds"
    assert stopped.equilibria
    assert "ended by its limit" in certificate_in_words(stopped)
    with pytest.raises(SolverLimitError, match="7 hats"):
        levine_hats(hats=9)
    for wrong in ({"hats": 0}, {"players": True}, {"black": 1}, {"black": "x"}, {"black": "1/0"}):
        with pytest.raises(ScenarioError):
            levine_hats(**wrong)  # type: ignore[arg-type]
    with pytest.raises(UnsupportedGameError, match="--concept team"):
        solve(large, "nash")
    with pytest.raises(UnsupportedGameError, match="team games"):
        solve(kuhn(), "team")
    assert not team_enumeration.accepts(kuhn(), "team")


def test_what_is_said() -> None:
    game = levine_hats(hats=2)
    solution = solve(game, "team")
    one = told(game, solution.equilibria[0])
    json.dumps([one, facts(game)], allow_nan=False)
    assert one["common_payoff"] == "5/16"
    assert set(one["profile"]["player_0"]) == {"00", "01", "10", "11"}
    assert "every strategy was tried" in certificate_in_words(solution)
    assert "not ruled out" in certificate_in_words(person_by_person(game, concept="team"))
