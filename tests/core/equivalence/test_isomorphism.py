"""One game or two: copies are accepted, whatever differs in one thing is rejected, and the certificate proves it."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from gamesim.core.equivalence import compare, interchange_form, isomorphism, verify
from gamesim.core.equivalence.reduced_form import reduced_forms_agree
from gamesim.core.errors import Undecided
from gamesim.core.extensive_form import ExtensiveFormGame, TreeBuilder
from gamesim.envs.efg import catalog
from gamesim.envs.efg.poker import kuhn, leduc
from gamesim.testing.game_variants import (
    chance_mutants,
    payoff_mutants,
    relabelled,
    split_set_mutants,
)

DEV = (
    "ferry_fare", "forklift_aisle", "hill_and_bridge", "ice_seller", "jam_shelf", "museum_or_fair", "seed_loan",
    "three_bakers", "three_card_raise", "two_night_camp",
)  # fmt: skip


def game(name: str) -> ExtensiveFormGame:
    found: ExtensiveFormGame = getattr(catalog, name)()
    return found


@pytest.mark.parametrize("name", DEV)
def test_copies_pass_with_a_certificate(name: str) -> None:
    g, rng = game(name), np.random.default_rng(1)
    for _ in range(20):
        h = relabelled(g, rng)
        found = isomorphism(g, h)
        assert found is not None
        assert verify(g, h, found)
        assert isomorphism(interchange_form(g), interchange_form(h, found.players)) is not None
        verdict = compare(g, h)
        assert verdict.level == "ISO"
        assert verify(g, h, verdict.maps)
        reduced = reduced_forms_agree(g, h)
        assert reduced is not None
        assert verify(g, h, reduced)


def test_every_mutant_is_told_and_why() -> None:
    rng, counts = np.random.default_rng(2), []
    for mutants in (payoff_mutants, split_set_mutants, chance_mutants):
        count = 0
        for name in DEV:
            g = game(name)
            for mutant in mutants(g):
                h = relabelled(mutant, rng)
                assert isomorphism(g, h) is None
                verdict = compare(g, h)
                assert not verdict.passed
                assert verdict.level not in ("EXACT", "ISO", "ISO-I")
                assert len(verdict.difference) > 10
                count += 1
        counts.append(count)
    assert counts == [170, 39, 3]


def test_different_games_differ() -> None:
    for k, one in enumerate(DEV):
        for other in DEV[k + 1 :]:
            assert not compare(game(one), game(other)).passed


def leaves(*payoffs: tuple[int, ...], n: int = 2) -> ExtensiveFormGame:
    build = TreeBuilder([f"P{i}" for i in range(n)])
    build.move(0, 1, [str(k) for k in range(len(payoffs))])
    for paid in payoffs:
        build.leaf(paid)
    return build.build()


def test_minus_one_is_not_minus_two() -> None:
    """hash(-1) == hash(-2) in CPython."""
    g = leaves((-1, -2), (-2, -1))
    assert isomorphism(g, leaves((-2, -1), (-1, -2))) is not None
    assert isomorphism(g, leaves((-1, -2), (-2, -2))) is None
    poker = kuhn()
    for at, paid in enumerate(poker.payoffs):
        if -1 in paid:
            changed = tuple(Fraction(-2) if value == -1 else value for value in paid)
            assert (
                isomorphism(poker, replace(poker, payoffs=(*poker.payoffs[:at], changed, *poker.payoffs[at + 1 :])))
                is None
            )
            break
    rng = np.random.default_rng(5)
    for _ in range(800):
        rows = [tuple(int(v) for v in rng.choice([-1, -2], size=2)) for _ in range(int(rng.integers(2, 6)))]
        at, i = int(rng.integers(len(rows))), int(rng.integers(2))
        other = [list(row) for row in rows]
        other[at][i] = -3 - other[at][i]
        order = rng.permutation(len(rows))
        assert isomorphism(leaves(*rows), leaves(*(tuple(other[k]) for k in order))) is None


def test_names_of_players_bind() -> None:
    """Payoffs in the other order of players than declared are another game, unless names allow the exchange."""
    g = game("ice_seller")
    turned = replace(g, payoffs=tuple(paid[::-1] for paid in g.payoffs))
    verdict = compare(g, turned)
    assert not verdict.passed
    assert "leaf" in verdict.difference
    aisle = game("forklift_aisle")
    renamed = replace(aisle, players=("Oskar", "Mara"))
    assert compare(aisle, renamed).level == "ISO-I"  # names bind: now Oskar is written first
    assert compare(aisle, replace(renamed, players=("one", "two"))).level == "ISO"  # symmetric, by exchange
    assert compare(aisle, replace(aisle, players=("MARA", "oskar"))).level == "ISO"


def test_large_and_symmetric() -> None:
    g, rng = leduc(), np.random.default_rng(3)
    h = relabelled(g, rng)
    found = isomorphism(g, h)
    assert found is not None
    assert found.refinements < 2000
    assert verify(g, h, found)
    paid = g.payoffs[1000]
    changed = replace(g, payoffs=(*g.payoffs[:1000], (paid[0] + 1, paid[1]), *g.payoffs[1001:]))
    assert isomorphism(g, relabelled(changed, rng)) is None
    assert isomorphism(g, relabelled(next(split_set_mutants(g)), rng)) is None


def test_identical_branches_cost_no_search() -> None:
    build = TreeBuilder(("A", "B"))
    build.chance([str(k) for k in range(6)], [Fraction(1, 6)] * 6)
    for k in range(6):
        build.move(0, k, ("l", "r"))
        for payoff in (1, 2):
            build.move(1, k, ("l", "r"))
            build.leaf((payoff, 0))
            build.leaf((0, payoff))
    g = build.build()
    found = isomorphism(g, relabelled(g, np.random.default_rng(4)))
    assert found is not None
    assert found.refinements < 50


def test_budget_and_names_that_do_not_match() -> None:
    g = leduc(suits=True)
    with pytest.raises(Undecided, match="refinements"):
        isomorphism(g, g, budget=1)
    verdict = compare(g, relabelled(g, np.random.default_rng(6)), budget=1)
    assert "ISO" in verdict.undecided
    five = leaves((1, 2, 3, 4, 5), (0, 0, 0, 0, 0), n=5)
    other = replace(five, players=tuple("abcde"))
    with pytest.raises(Undecided, match="Name the players alike"):
        compare(five, other)
    assert compare(five, other, players=(0, 1, 2, 3, 4)).level == "ISO"
    assert compare(five, leaves((1, 2), (0, 0))).level == "FAIL"


def test_a_wrong_certificate_is_refused() -> None:
    g = game("three_card_raise")
    h = relabelled(g, np.random.default_rng(7))
    found = isomorphism(g, h)
    assert found is not None
    assert not verify(g, h, replace(found, players=found.players[::-1]))
    assert not verify(g, h, replace(found, nodes=(found.nodes[0], *found.nodes[2:], found.nodes[1])))
    assert not verify(g, h, replace(found, actions=tuple(a[::-1] for a in found.actions)))
    assert not verify(g, next(payoff_mutants(h)), found)
