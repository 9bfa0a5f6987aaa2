"""Interchange, reduced forms, payoff modes and the order of the levels."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gamesim.core.equivalence import LEVELS, compare, interchange_form, isomorphism, verify
from gamesim.core.equivalence.reduced_form import reduced_forms_agree
from gamesim.core.errors import UnsupportedGameError
from gamesim.core.extensive_form import CHANCE, TERMINAL, ExtensiveFormGame, TreeBuilder
from gamesim.envs.efg import catalog
from gamesim.envs.efg.poker import kuhn
from gamesim.testing.game_variants import interchanged_at_random, relabelled, with_forced_move

DEV = (
    "ferry_fare", "forklift_aisle", "hill_and_bridge", "ice_seller", "jam_shelf", "museum_or_fair", "seed_loan",
    "three_bakers", "three_card_raise", "two_night_camp",
)  # fmt: skip


def game(name: str) -> ExtensiveFormGame:
    found: ExtensiveFormGame = getattr(catalog, name)()
    return found


def matrix(
    first: int, cells: list[list[tuple[int, int]]], players: tuple[str, str], order: tuple[int, int] = (0, 1)
) -> ExtensiveFormGame:
    """Two simultaneous movers, ``first`` of whom is written first."""
    build = TreeBuilder(players)
    sizes = (len(cells), len(cells[0]))
    build.move(first, 1, [f"{first}{k}" for k in range(sizes[first])])
    for a in range(sizes[first]):
        build.move(1 - first, 1, [f"{1 - first}{k}" for k in range(sizes[1 - first])])
        for b in range(sizes[1 - first]):
            build.leaf(cells[a][b] if first == 0 else cells[b][a])
    return build.build()


def test_the_order_of_simultaneous_moves() -> None:
    hill = game("hill_and_bridge")
    cells = [[hill.payoffs[2 * a + b] for b in range(2)] for a in range(3)]
    turned = matrix(1, cells, hill.players)
    assert isomorphism(hill, turned) is None
    verdict = compare(hill, turned)
    assert verdict.level == "ISO-I"
    assert verify(hill, turned, verdict.maps)
    aisle = game("forklift_aisle")
    cells = [[aisle.payoffs[2 * a + b] for b in range(2)] for a in range(2)]
    turned = matrix(1, cells, aisle.players)
    assert compare(aisle, turned).level == "ISO-I"
    assert compare(aisle, replace(turned, players=("x", "y"))).level == "ISO"


def kuhn_by_card() -> ExtensiveFormGame:
    """The cards dealt one after the other."""
    return _kuhn(late=False)


def kuhn_late() -> ExtensiveFormGame:
    """The second card dealt once the first player has acted."""
    return _kuhn(late=True)


def _kuhn(late: bool) -> ExtensiveFormGame:
    build = TreeBuilder(("First", "Second"))
    third, half = [Fraction(1, 3)] * 3, [Fraction(1, 2)] * 2

    def after_check(a: int, b: int) -> None:
        win = 1 if a > b else -1
        build.move(1, (b, "c"), ("check", "bet"))
        build.leaf((win, -win))
        build.move(0, (a, "cb"), ("fold", "call"))
        build.leaf((-1, 1))
        build.leaf((2 * win, -2 * win))

    def after_bet(a: int, b: int) -> None:
        win = 1 if a > b else -1
        build.move(1, (b, "b"), ("fold", "call"))
        build.leaf((1, -1))
        build.leaf((2 * win, -2 * win))

    build.chance("JQK", third)
    for a in range(3):
        others = [b for b in range(3) if b != a]
        if late:
            build.move(0, (a, ""), ("check", "bet"))
            for after in (after_check, after_bet):
                build.chance([str(b) for b in others], half)
                for b in others:
                    after(a, b)
        else:
            build.chance([str(b) for b in others], half)
            for b in others:
                build.move(0, (a, ""), ("check", "bet"))
                after_check(a, b)
                after_bet(a, b)
    return build.build()


def test_three_ways_of_writing_kuhn_poker() -> None:
    forms = [kuhn(), kuhn_by_card(), kuhn_late()]
    assert [form.size for form in forms] == [55, 58, 58]
    for g, h in permutations(forms, 2):
        assert isomorphism(g, h) is None
        verdict = compare(g, h)
        assert verdict.level == "ISO-I"
        assert verify(g, h, verdict.maps)


@pytest.mark.parametrize("name", [*DEV, "kuhn"])
def test_random_interchanges(name: str) -> None:
    g = kuhn() if name == "kuhn" else game(name)
    for seed in range(10):
        rng = np.random.default_rng(seed)
        h, _ = interchanged_at_random(g, rng, 6)
        verdict = compare(g, relabelled(h, rng))
        assert verdict.passed, (name, seed)


# ---- random small trees ------------------------------------------------------------------------------------------------


def random_tree(seed: int, *, merge: bool = True) -> ExtensiveFormGame:
    """A small tree of two players and chance whose sets hide some of what came before, with perfect recall."""
    rng = np.random.default_rng(seed)
    hidden = {
        (i, k): bool(rng.integers(2)) for i in (0, 1, -1) for k in range(6)
    }  # is the k-th move of i hidden from others
    build = TreeBuilder(("A", "B"))

    def grow(depth: int, seen: tuple[tuple[object, ...], tuple[object, ...]], clock: int) -> None:
        what = rng.random()
        if depth == 0 or (what < 0.15 and clock):
            build.leaf(tuple(int(v) for v in rng.integers(-2, 3, size=2)))
            return
        if what < 0.4:
            count = int(rng.integers(2, 4))
            weights = rng.integers(1, 4, size=count)
            odds = [Fraction(int(w), int(weights.sum())) for w in weights]
            build.chance([str(k) for k in range(count)], odds)
            for k in range(count):
                told = tuple(
                    (*own, ("c", clock, k)) if not hidden[(-1, clock % 6)] and rng.random() < 1 else own for own in seen
                )
                grow(depth - 1, told, clock + 1)  # type: ignore[arg-type]
            return
        who = int(rng.integers(2))
        key = seen[who]
        # One set has one list of actions, and other moves follow in the same way where the view is the same.
        actions = ("l", "r")
        build.move(who, key, actions)
        for a in actions:
            after = [seen[0], seen[1]]
            after[who] = (*seen[who], ("me", clock, a))
            if not hidden[(who, clock % 6)]:
                after[1 - who] = (*seen[1 - who], (who, clock, a))
            grow(depth - 1, (after[0], after[1]), clock + 1)

    grow(4, ((), ()), 0)
    return build.build()


@settings(max_examples=150)
@given(st.integers(0, 10**6))
def test_interchange_leaves_the_form(seed: int) -> None:
    g = random_tree(seed)
    if not g.perfect_recall or g.absent_minded_sets:
        return
    rng = np.random.default_rng(seed)
    h, _ = interchanged_at_random(g, rng, 8)
    assert isomorphism(interchange_form(g), interchange_form(h), players=(0, 1)) is not None
    assert compare(g, h).passed


@settings(max_examples=60)
@given(st.integers(0, 10**6))
def test_levels_are_ordered(seed: int) -> None:
    g = random_tree(seed)
    if not g.perfect_recall or g.absent_minded_sets:
        return
    rng = np.random.default_rng(seed)
    assert compare(g, g).level == "EXACT"
    assert isomorphism(g, g) is not None
    h = relabelled(g, rng)
    assert compare(g, h).level in ("EXACT", "ISO")
    other = interchanged_at_random(g, rng, 4)[0]
    for one in (g, h, other):
        assert compare(g, one).passed
        assert reduced_forms_agree(g, one) is not None
    mutant = random_tree(seed + 1)
    verdict = compare(g, mutant)
    if verdict.passed and mutant.perfect_recall:
        assert reduced_forms_agree(g, mutant) is not None


def test_equal_forms_have_equal_equilibrium_payoffs() -> None:
    from gamesim_analysis.equilibrium import solve

    g, h = game("museum_or_fair"), game("museum_or_fair")
    other = matrix(0, [[(3, 3), (3, 3)], [(5, 1), (0, 0)], [(0, 0), (1, 5)]], g.players)
    assert compare(g, other).level == "RSF"
    solutions = tuple(solve(one, "nash", every=True) for one in (g, other))
    assert compare(g, other, solutions=solutions).level == "RSF"
    changed = matrix(0, [[(3, 3), (3, 3)], [(5, 1), (0, 0)], [(0, 0), (1, 4)]], g.players)
    found = solve(changed, "nash", every=True)
    verdict = compare(g, changed, solutions=(solutions[0], found))
    assert verdict.level == ("EQPAY" if solutions[0].complete and found.complete else "LOADS")
    assert not compare(g, h).undecided


def test_a_forced_move_is_no_pass() -> None:
    for name in DEV:
        g = game(name)
        for leaf, kind in enumerate(g.kinds):
            if kind == TERMINAL:
                verdict = compare(g, with_forced_move(g, leaf, leaf % g.n))
                assert verdict.level == "RSF"
                assert "forced moves dropped" in verdict.notes
                assert verdict.difference


def chain(order: str) -> ExtensiveFormGame:
    """Players 1, 2 and 3 move once each; 1 sees what 3 did, nobody sees anything else."""
    build = TreeBuilder(("One", "Two", "Three"))

    def grow(left: str, taken: dict[str, str]) -> None:
        if not left:
            build.leaf([sum((i + 2) ** k * (taken[p] == "b") for k, p in enumerate("123")) for i in range(3)])
            return
        who = left[0]
        build.move(int(who) - 1, taken.get("3") if who == "1" else "", "ab")
        for action in "ab":
            grow(left[1:], {**taken, who: action})

    grow(order, {})
    return build.build()


def test_a_chain_that_swaps_alone_would_not_settle() -> None:
    forms = [interchange_form(chain(order)) for order in ("321", "231", "312")]
    for form in forms[1:]:
        assert isomorphism(forms[0], form) is not None
        assert form.size == forms[0].size


def test_chance_shared_by_moves_that_overlap() -> None:
    """One draw leads to K then J, one to J alone, one to nothing: J may be asked before the draw or after it."""

    def late() -> ExtensiveFormGame:
        build = TreeBuilder(("K", "J"))
        build.chance("xyz", [Fraction(1, 4), Fraction(1, 4), Fraction(1, 2)])
        build.move(0, 1, "kl")
        for k in (0, 1):
            build.move(1, 1, "mn")
            build.leaf((k, 1))
            build.leaf((k, 2))
        build.move(1, 1, "mn")
        build.leaf((5, 1))
        build.leaf((5, 2))
        build.leaf((0, 0))
        return build.build()

    def early() -> ExtensiveFormGame:
        build = TreeBuilder(("K", "J"))
        build.chance("xz", [Fraction(1, 2), Fraction(1, 2)])
        build.move(1, 1, "mn")
        for m in (1, 2):
            build.chance("xy", [Fraction(1, 2), Fraction(1, 2)])
            build.move(0, 1, "kl")
            build.leaf((0, m))
            build.leaf((1, m))
            build.leaf((5, m))
        build.leaf((0, 0))
        return build.build()

    for order in ((0, 1), (1, 0)):
        assert (
            isomorphism(interchange_form(late(), order), interchange_form(early(), order), players=(0, 1)) is not None
        )
    assert compare(late(), early()).level == "ISO-I"


# ---- payoff modes ------------------------------------------------------------------------------------------------------


def test_payoff_modes() -> None:
    g = game("ice_seller")
    scaled = replace(g, payoffs=tuple((3 * a + 7, b) for a, b in g.payoffs))
    assert isomorphism(g, scaled) is None
    assert not compare(g, scaled).passed
    assert compare(g, scaled, payoffs="affine").passed
    h = game("museum_or_fair")
    up = replace(h, payoffs=tuple((a + 1, b + 1) for a, b in h.payoffs))
    squares = replace(up, payoffs=tuple((a * a, b * b) for a, b in up.payoffs))
    assert compare(up, squares, payoffs="ordinal").passed
    assert not compare(up, squares, payoffs="affine").passed
    assert compare(g, scaled, payoffs="affine").level == "ISO"
    with pytest.raises(UnsupportedGameError, match="Did you mean 'ordinal'"):
        compare(g, g, payoffs="ordinel")  # type: ignore[arg-type]


def dilemma(t: int, r: int, p: int, s: int, first: int = 0) -> ExtensiveFormGame:
    return matrix(first, [[(r, r), (s, t)], [(t, s), (p, p)]], ("Ana", "Bo"))


def test_constraints() -> None:
    chain_of = "Ana[01/10] > Ana[00/10] > Ana[01/11] > Ana[00/11]"
    both = (chain_of, "Bo[00/11] > Bo[00/10] > Bo[01/11] > Bo[01/10]")
    g = dilemma(5, 3, 1, 0)
    for payoffs in ((5, 3, 1, 0), (9, 4, 2, 1)):
        for first in (0, 1):
            verdict = compare(g, dilemma(*payoffs, first), payoffs="constraints", constraints=both)
            assert verdict.passed, (payoffs, first)
    assert not compare(g, dilemma(5, 3, 0, 1), payoffs="constraints", constraints=both).passed
    more = (*both, "2 * Ana[00/10] > Ana[01/10] + Ana[00/11]")
    assert compare(g, dilemma(5, 3, 1, 0), payoffs="constraints", constraints=more).passed
    assert not compare(g, dilemma(9, 4, 2, 1), payoffs="constraints", constraints=more).passed
    for wrong, told in (
        ("Ana[01/12] > 0", "no outcome"),
        ("Ana[01/10]", "no comparison"),
        ("Ana[01/10] > v", "unknown name 'v'"),
    ):
        with pytest.raises(UnsupportedGameError, match=told):
            compare(g, g, payoffs="constraints", constraints=(wrong,))


def test_who_forgets_is_not_interchanged() -> None:
    build = TreeBuilder(("A",))
    build.move(0, 1, "lr")
    build.move(0, 1, "lr")
    for payoff in (0, 4, 1):
        build.leaf((payoff,))
    g = build.build()
    assert g.absent_minded_sets
    with pytest.raises(UnsupportedGameError):
        interchange_form(g)
    h = relabelled(g, np.random.default_rng(1))
    verdict = compare(g, h)
    assert verdict.level in ("EXACT", "ISO")
    assert any("forgets" in note for note in verdict.notes) or verdict.passed
    assert CHANCE not in g.kinds
    assert LEVELS[0] == "EXACT"
