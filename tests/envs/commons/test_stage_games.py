"""The appropriation game and the public good: their closed forms, exactly, and as formal games."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gamesim.core.certify import certify
from gamesim.core.errors import SolverLimitError
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.registry import entry
from gamesim.core.symmetric import SymmetricGame
from gamesim.envs.commons.stage_games import (
    after_fines,
    appropriation,
    appropriation_reply,
    contribution,
    exact,
    expected_fines_on,
    ostrom_gardner_walker,
    public_good,
)


def tokens(*values: int | Fraction) -> np.ndarray:
    return np.array([Fraction(v) for v in values], dtype=object)


def rent(total: Fraction | int) -> Fraction:
    """What the commons earns beyond the outside: the sum of payoffs less 5 a token."""
    each = Fraction(total, 8)
    paid = appropriation(tokens(*[each] * 8), endowment=25)
    return Fraction(sum(paid)) - 8 * 5 * 25


def test_appropriation_reply_equilibrium_and_optimum() -> None:
    assert all(appropriation_reply(others) == 36 - Fraction(others, 2) for others in range(0, 73))
    assert appropriation_reply(56) == 8  # seven others at 8 each: X = 64
    rents = {total: rent(total) for total in range(0, 201)}
    assert max(rents, key=rents.__getitem__) == 36
    assert rents[64] == 128
    assert rents[36] == 324
    assert rents[72] == 0
    assert rents[128 // 2] / rents[36] == Fraction(32, 81)


@pytest.mark.parametrize(
    ("endowment", "nash", "best", "all_in"), [(10, 66, Fraction(181, 2), 30), (25, 141, Fraction(331, 2), -675)]
)
def test_appropriation_payoffs_are_exact(endowment: int, nash: int, best: Fraction, all_in: int) -> None:
    for each, payoff in ((8, nash), (Fraction(9, 2), best), (endowment, all_in)):
        assert set(appropriation(tokens(*[each] * 8), endowment=endowment)) == {payoff}


def test_one_token_more_or_less_than_the_equilibrium_costs_a_quarter() -> None:
    payoffs = [appropriation(tokens(x, *[8] * 7), endowment=10)[0] for x in (7, 8, 9)]
    assert payoffs == [Fraction(263, 4), 66, Fraction(263, 4)]


@pytest.mark.parametrize("endowment", [10, 25])
def test_eight_each_is_the_only_symmetric_equilibrium_on_whole_tokens(endowment: int) -> None:
    def is_equilibrium(x: int) -> bool:
        deviations = [appropriation(tokens(y, *[x] * 7), endowment=endowment)[0] for y in range(endowment + 1)]
        return deviations[x] == max(deviations)

    assert [x for x in range(endowment + 1) if is_equilibrium(x)] == [8]


def test_the_symmetric_form_certifies_the_equilibrium_and_refutes_the_optimum() -> None:
    game = ostrom_gardner_walker()
    assert isinstance(game, SymmetricGame)
    assert game.n == 8
    assert game.actions == tuple(str(x) for x in range(11))

    assert float(certify(game, [float(a == 8) for a in range(11)]).gap) <= 1e-12
    assert float(certify(game, [4] * 4 + [5] * 4).gap) > 0  # 36 tokens in all
    half = ostrom_gardner_walker(points=[0, "4.5", 8, 10])
    assert certify(half, [Fraction(0), Fraction(0), Fraction(1), Fraction(0)]).gap == 0
    assert certify(half, [Fraction(0), Fraction(1), Fraction(0), Fraction(0)]).gap > 0


def test_a_coarse_grid_gives_the_table_itself() -> None:
    game = ostrom_gardner_walker(players=3, points=[0, "4.5", 8, 18])
    assert isinstance(game, NormalFormGame)
    assert game.exact is not None
    own, others = Fraction(8), Fraction(9, 2) + 18
    assert game.exact[0, 2, 1, 3] == 5 * (10 - own) + own * (23 - Fraction(1, 4) * (own + others))
    assert game.is_symmetric


def test_a_table_too_large_says_what_to_do() -> None:
    with pytest.raises(SolverLimitError, match="points"):
        ostrom_gardner_walker(endowment=25)
    assert ostrom_gardner_walker(endowment=25, points=6).actions == ("0", "5", "10", "15", "20", "25")


def test_builders_are_registered() -> None:
    assert entry("games", "ostrom_gardner_walker") is ostrom_gardner_walker
    assert entry("games", "public_good") is public_good


def test_public_good_payoffs() -> None:
    assert contribution(tokens(0, 0, 0, 0)).tolist() == [20] * 4
    assert contribution(tokens(20, 20, 20, 20)).tolist() == [32] * 4
    assert contribution(tokens(0, 20, 20, 20)).tolist() == [44, 24, 24, 24]


@given(mpcr=st.fractions(min_value=Fraction(1, 10), max_value=2), players=st.integers(2, 4))
def test_contributing_is_dominated_exactly_when_a_token_returns_less_than_itself(mpcr: Fraction, players: int) -> None:
    game = public_good(players, 4, mpcr, form="normal")
    assert isinstance(game, NormalFormGame)
    assert game.exact is not None
    nothing, something = game.exact[0, 0], game.exact[0, 1:]
    dominated = bool((nothing[None] > something).all())
    assert dominated == (mpcr < 1)


@pytest.mark.parametrize("fine", [0, 1, 2, 3, 4, 6, 12])
@pytest.mark.parametrize("fines", [0, 1, 2, "3.9", 4, 6, 12])
def test_fines_deter_free_riding_exactly_from_twelve(fine: int, fines: int | str) -> None:
    game = public_good(fine=fine, expected_fines=fines, points=[0, 1, 7, 19, 20], form="symmetric")
    assert isinstance(game, SymmetricGame)
    deterred = certify(game, [Fraction(0)] * 4 + [Fraction(1)]).gap == 0
    assert deterred == (fine * exact(fines) >= 12)


@pytest.mark.parametrize(("fines", "stable"), [(4, True), ("3.99", False)])
def test_the_border_of_deterrence_on_all_whole_tokens(fines: int | str, stable: bool) -> None:
    game = public_good(expected_fines=fines)
    assert isinstance(game, SymmetricGame)
    earned = game.action_payoffs_against([np.array([0] * 20 + [1])] * 3)
    assert (earned.argmax() == 20 or earned[20] == earned.max()) == stable


def test_fees_are_paid_by_the_others_in_equal_parts() -> None:
    taken = expected_fines_on(tokens(0, 20, 20, 20), norm=20, fines=3, fee=1, fine=3)
    assert taken.tolist() == [9, 1, 1, 1]
    game = public_good(points=[0, 20], expected_fines=3, form="normal")
    assert isinstance(game, NormalFormGame)
    assert game.exact is not None
    assert game.exact[:, 0, 1, 1, 1].tolist() == (contribution(tokens(0, 20, 20, 20)) - taken).tolist()


def test_fines_cost_the_giver_a_fee_and_the_target_a_fine() -> None:
    fines = np.zeros((4, 4))
    fines[1, 0], fines[2, 0], fines[0, 3] = 2, 1, 5
    paid = after_fines(np.array([44.0, 24.0, 24.0, 24.0]), fines, fee=1, fine=3)
    assert paid.tolist() == [44 - 5 - 9, 22, 23, 24 - 15]
