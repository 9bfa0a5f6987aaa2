"""Exact theory of the appropriation game and the public good, checked by definition and against the formal games."""

from __future__ import annotations

import itertools
from fractions import Fraction as F

import pytest
from gamesim_analysis.commons.stage_theory import appropriation_theory, public_good_theory
from hypothesis import given, settings
from hypothesis import strategies as st

from gamesim.core.errors import MetricError
from gamesim.envs.commons.stage_games import ostrom_gardner_walker, public_good


@pytest.mark.parametrize("endowment, payoffs", [(10, (66, F(181, 2), 30)), (25, (141, F(331, 2), -675))])
def test_appropriation_values(endowment, payoffs):
    game = appropriation_theory(endowment=endowment)
    assert (game.nash.each, game.nash.total) == (8, 64)
    assert (game.optimum.each, game.optimum.total) == (F(9, 2), 36)
    assert game.exhausted == 72
    assert (game.nash.rent, game.optimum.rent, game.ratio) == (128, 324, F(32, 81))
    assert (game.nash.payoff, game.optimum.payoff, game.all_in.payoff) == payoffs
    for others in range(0, 73):
        assert game.best_reply(others) == min(endowment, 36 - F(others, 2))
    symmetric = [x for x in range(endowment + 1) if game.regret((x,) * 8) == 0]
    assert symmetric == [8]
    assert game.regret((F(9, 2),) * 8) > 0
    assert game.regret((8,) * 8, whole=False) == 0


def test_payoffs_beside_the_equilibrium():
    game = appropriation_theory(endowment=10)
    assert [game.payoff(x, 56) for x in (7, 8, 9)] == [F(263, 4), 66, F(263, 4)]


def test_whole_token_equilibria_beside_the_symmetric_one():
    """On whole tokens 7, 7, 7, 7, 9, 9, 9, 9 is one too; the symmetric one is unique among the symmetric."""
    found = appropriation_theory(endowment=10).whole_equilibria()
    assert (8,) * 8 in found
    assert (7, 7, 7, 7, 9, 9, 9, 9) in found
    assert [p for p in found if len(set(p)) == 1] == [(8,) * 8]


@settings(max_examples=60)
@given(
    st.integers(1, 4),
    st.integers(0, 5),
    st.integers(0, 12),
    st.integers(1, 30),
    st.sampled_from(["0.25", "0.5", "1", "2"]),
)
def test_whole_equilibria_equal_enumeration(n, endowment, outside, linear, quadratic):
    game = appropriation_theory(n, endowment, outside, linear, quadratic)
    by_definition = tuple(
        p for p in itertools.combinations_with_replacement(range(endowment + 1), n)
        if all(
            game.payoff(x, sum(p) - p[i]) <= game.payoff(p[i], sum(p) - p[i])
            for i in range(n) for x in range(endowment + 1)
        )
    )  # fmt: skip
    assert sorted(game.whole_equilibria()) == sorted(by_definition)
    assert all(game.regret(p) == 0 for p in by_definition)


@given(st.integers(1, 10), st.integers(0, 30), st.integers(0, 10), st.integers(1, 40), st.fractions("1/8", 2))
def test_real_equilibrium_and_optimum_by_definition(n, endowment, outside, linear, quadratic):
    game = appropriation_theory(n, endowment, outside, linear, str(quadratic.limit_denominator(8)))
    nash = game.nash.each
    assert game.best_reply((n - 1) * nash) == nash
    joint = [n * game.payoff(F(k * endowment, 40), F((n - 1) * k * endowment, 40)) for k in range(41)]
    assert max(joint) <= n * game.optimum.payoff


def test_theory_and_the_formal_game_agree():
    game = ostrom_gardner_walker(players=3, endowment=4, linear=12, outside=2, quadratic="0.5", form="normal")
    theory = appropriation_theory(3, 4, 2, 12, "0.5")
    profiles = {tuple(sorted(p)) for p in game.pure_equilibria()}
    assert profiles == set(theory.whole_equilibria())


def test_public_good_values():
    game = public_good_theory()
    assert (game.nash, game.nash_payoff) == (0, 20)
    assert (game.optimum, game.optimum_payoff) == (20, 32)
    assert (game.lone_rider, game.lone_giver) == (44, 8)
    assert game.dilemma
    assert game.temptation == 12
    assert game.fines_needed == 4


@given(st.integers(1, 8), st.integers(0, 40), st.fractions(0, 3))
def test_giving_is_dominated_iff_the_return_is_below_one(n, endowment, mpcr):
    mpcr = mpcr.limit_denominator(20)
    game = public_good_theory(n, endowment, str(mpcr))
    low, high = game.best_reply()
    assert (high == 0) == (mpcr < 1 or endowment == 0)
    assert (low == endowment) == (mpcr > 1 or endowment == 0)
    assert game.dilemma == (F(1, n) < mpcr < 1)


@given(st.integers(1, 40), st.integers(0, 20), st.integers(0, 12), st.integers(0, 20))
def test_full_giving_is_deterred_iff_fines_outweigh_the_temptation(fine_tenths, kept, quarter_fines, norm):
    fine, fines = F(fine_tenths, 10), F(quarter_fines, 4)
    game = public_good_theory(fine=str(fine))
    assert game.deterred(fines) == (fine * fines >= 12)
    every = [game.deviation_gain(F(x, 2), expected_fines=fines) for x in range(41)]
    assert game.deterred(fines) == (max(every) <= 0)
    partial = [game.deviation_gain(F(x, 2), norm=norm, expected_fines=fines) for x in range(41)]
    assert game.deterred(fines, norm=norm) == (max(partial) <= 0)
    assert game.deterred(game.fines_needed)


@pytest.mark.parametrize("fines", [0, 3, 4, 5])
def test_deterrence_and_the_formal_game_agree(fines):
    game = public_good(points=[0, 10, 20], expected_fines=fines, form="normal")
    full = (2, 2, 2, 2) in game.pure_equilibria()
    assert full == public_good_theory().deterred(fines)


def test_odd_public_goods():
    assert public_good_theory(mpcr=1).nash is None
    assert public_good_theory(mpcr="0.25").optimum is None
    assert public_good_theory(fine=0).fines_needed is None
    assert public_good_theory(mpcr=2).fines_needed == 0
    assert not public_good_theory().credible
    assert public_good_theory(players=1).optimum == 0


def test_bad_tokens():
    with pytest.raises(MetricError, match="11 tokens; a player holds 0 to 10"):
        appropriation_theory().payoff(11, 0)
    with pytest.raises(MetricError, match="7 numbers of tokens for 8 players"):
        appropriation_theory().regret((8,) * 7)
    with pytest.raises(MetricError, match=r"gift must lie in 0\.\.20"):
        public_good_theory().deviation_gain(21)
    with pytest.raises(MetricError, match="quadratic 0"):
        appropriation_theory(quadratic=0)
