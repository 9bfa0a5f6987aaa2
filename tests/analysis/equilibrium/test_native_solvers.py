"""Native solvers: what is known of classic games, random games, and answers that their certificates bear out."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from gamesim_analysis.equilibrium import gambit, solve
from gamesim_analysis.equilibrium.correlated import correlated
from gamesim_analysis.equilibrium.lemke_howson import lemke_howson, path
from gamesim_analysis.equilibrium.method import Found, Method, admit
from gamesim_analysis.equilibrium.router import choose
from gamesim_analysis.equilibrium.sequence_form_lp import sequence_form_lp
from gamesim_analysis.equilibrium.sources import catalog
from gamesim_analysis.equilibrium.support_enumeration import support_enumeration
from gamesim_analysis.equilibrium.vertex_enumeration import vertex_enumeration
from gamesim_analysis.equilibrium.zero_sum_lp import zero_sum_lp
from hypothesis import given, settings
from hypothesis import strategies as st

from gamesim.core.certify import certify
from gamesim.core.errors import GameError, MissingExtraError, SolverError, UnsupportedGameError
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.profiles import Joint
from gamesim.core.registry import entry, names
from gamesim.core.solution import Limits
from gamesim.envs.efg.catalog import KNOWN
from gamesim.envs.efg.poker import kuhn, leduc, liars_dice
from gamesim.testing.trees import random_tree

LIMITS = Limits(seconds=20)


def payoffs(solution):
    return {tuple(map(str, equilibrium.payoffs)) for equilibrium in solution.equilibria}


def random_game(seed: int, largest: int = 4, players: int = 2, top: int = 9) -> NormalFormGame:
    rng = np.random.default_rng(seed)
    shape = rng.integers(2, largest + 1, size=players)
    return NormalFormGame(rng.integers(0, top + 1, size=(players, *shape)))


@pytest.mark.parametrize(
    ("name", "concept"), [(name, concept) for name, known in KNOWN.items() for concept in known.payoffs]
)
def test_the_catalog_is_solved_as_it_is_known(name: str, concept: str) -> None:
    solution = solve(catalog(name), concept, every=concept != "value", limits=LIMITS)
    assert payoffs(solution) == set(KNOWN[name].payoffs[concept])
    assert solution.exact
    assert solution.complete or concept == "value"
    assert not solution.rejected


def test_empty_threats_are_told_from_subgame_perfection() -> None:
    game = catalog("ferry_fare")
    pure = solve(game, "pure")
    assert len(pure.equilibria) == 7
    assert payoffs(pure) == {("5", "1"), ("3", "3"), ("1", "5")}
    perfect = [e for e in pure.equilibria if certify(game, e.play, concept="spe").gap == 0]
    assert {tuple(map(str, e.payoffs)) for e in perfect} == {("5", "1")}
    empty = next(e for e in pure.equilibria if e.payoffs == (3, 3))
    assert certify(game, empty.play, concept="spe").gap == 1  # refusing an offer of 1 loses 1
    assert payoffs(solve(game, "spe")) == {("5", "1")}


def test_mixed_equilibria_of_ice_seller_and_three_bakers() -> None:
    found = payoffs(solve(catalog("ice_seller"), every=True))
    assert {("3", "8/5"), ("0", "0"), ("2", "0"), ("3", "0"), ("3", "22/115")} == found


def test_kuhn_is_played_as_it_must_be() -> None:
    game = kuhn()
    (equilibrium,) = solve(game).equilibria
    assert equilibrium.payoffs == (Fraction(-1, 18), Fraction(1, 18))
    assert equilibrium.certificate.grade == "exact"
    second = {game.set_names[h]: equilibrium.play[h] for h in game.sets_of[1]}
    assert second["J after check"].tolist() == [Fraction(2, 3), Fraction(1, 3)]
    assert second["Q after bet"].tolist() == [Fraction(2, 3), Fraction(1, 3)]
    assert second["K after bet"].tolist() == [0, 1]


@pytest.mark.parametrize("suits", [True, False])
def test_leduc_has_the_published_value(suits: bool) -> None:
    (equilibrium,) = sequence_form_lp(leduc(suits)).equilibria
    assert float(equilibrium.payoffs[0]) == pytest.approx(-0.0856064241, abs=1e-9)
    assert float(equilibrium.certificate.nash_conv) <= 1e-9


def test_liars_dice_is_worth_a_ninth_exactly() -> None:
    (equilibrium,) = sequence_form_lp(liars_dice()).equilibria
    assert equilibrium.payoffs == (Fraction(1, 9), Fraction(-1, 9))
    assert equilibrium.certificate.gap == 0


def test_float_answers_become_exact_ones() -> None:
    p = np.array([[Fraction(x, 10) for x in row] for row in ((5, 9, 2), (1, 5, 7), (8, 3, 5))], dtype=object)
    (equilibrium,) = zero_sum_lp(NormalFormGame.bimatrix(p, 1 - p)).equilibria
    assert equilibrium.certificate.nash_conv == 0
    assert equilibrium.certificate.arithmetic == "exact"
    assert equilibrium.play[0].tolist() == [Fraction(2, 9), Fraction(1, 3), Fraction(4, 9)]
    floats = p.astype(float)
    assert NormalFormGame.bimatrix(floats, 1 - floats).is_constant_sum


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 2))
def test_every_extreme_equilibrium_by_definition(seed: int, kind: int) -> None:
    """Against brute force over all pairs of supports, whose equations need not have one solution."""
    game = random_game(seed, 3, top=(1, 2, 9)[kind])
    extreme = vertex_enumeration(game)
    assert extreme.complete
    assert extreme.exact
    pure = set(game.pure_equilibria())
    listed = {tuple(int(v.argmax()) for v in e.play) for e in extreme.equilibria if all(max(v) == 1 for v in e.play)}
    assert pure == listed  # a pure equilibrium is extreme
    supports = support_enumeration(game)
    if supports.complete:
        assert payoffs(supports) == payoffs(extreme)
        assert len(supports.equilibria) == len(extreme.equilibria)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.fractions(-3, 3, max_denominator=5), st.fractions("1/5", 4, max_denominator=5))
def test_affine_maps_and_new_labels_change_nothing(seed: int, shift: Fraction, scale: Fraction) -> None:
    game = random_game(seed, 3)
    assert game.exact is not None
    moved = NormalFormGame(np.array([game.exact[0] * scale + shift, game.exact[1]], dtype=object))
    before, after = ({tuple(map(tuple, e.play)) for e in vertex_enumeration(g).equilibria} for g in (game, moved))
    assert before == after
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(k) for k in game.shape]
    relabelled = NormalFormGame(game.exact[np.ix_(range(2), *orders)])
    turned = {
        tuple(
            tuple(v[list(order).index(a)] for a in range(len(order))) for v, order in zip(e.play, orders, strict=True)
        )
        for e in vertex_enumeration(relabelled).equilibria
    }
    assert turned == before


def test_lemke_howson_on_degenerate_games_from_every_label() -> None:
    rng = np.random.default_rng(5)
    for _ in range(300):
        m, n = rng.integers(2, 8, size=2)
        a, b = (rng.integers(0, 3, size=(m, n)).astype(float) for _ in range(2))
        game = NormalFormGame.bimatrix(a, b)
        for label in range(m + n):
            play = path(a, b, label, 10_000)
            assert play is not None
            assert certify(game, play).gap <= 1e-9


def test_lemke_howson_ends_at_extreme_equilibria() -> None:
    for seed in range(40):
        game = random_game(seed, 4)
        extreme = {tuple(map(tuple, e.play)) for e in vertex_enumeration(game).equilibria}
        found = lemke_howson(game, labels="all")
        assert found.complete is False
        assert found.exact
        if support_enumeration(game).complete:
            assert {tuple(map(tuple, e.play)) for e in found.equilibria} <= extreme


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_trees_and_their_tables_have_the_same_value(seed: int) -> None:
    from dataclasses import replace

    tree = random_tree(seed, 2, 4)
    zero = replace(tree, payoffs=tuple((a, -a) for a, _ in tree.payoffs))
    (one,) = sequence_form_lp(zero).equilibria
    (other,) = zero_sum_lp(zero.to_normal_form()).equilibria
    assert float(one.payoffs[0]) == pytest.approx(float(other.payoffs[0]), abs=1e-9)
    assert float(one.certificate.gap) <= 1e-9


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_backward_induction_and_decomposition_agree_and_are_subgame_perfect(seed: int) -> None:
    from gamesim.core.extensive_form import TERMINAL, TreeBuilder

    tree = random_tree(seed, 2, 4)
    build = TreeBuilder(tree.players)  # the same tree with everything seen
    for node in range(tree.size):
        if tree.kinds[node] == TERMINAL:
            build.leaf(tree.payoffs[tree.at[node]])
        elif tree.kinds[node] < 0:
            chance = tree.chances[tree.at[node]]
            build.chance(chance.actions, chance.probabilities)
        else:
            build.move(tree.kinds[node], node, tree.sets[tree.at[node]].actions)
    seen = build.build()
    found = solve(seen, "spe")
    assert found.equilibria
    assert found.exact
    for equilibrium in found.equilibria:
        assert certify(seen, equilibrium.play, concept="spe").gap == 0
    assert payoffs(entry("solvers", "subgame_decomposition")(seen, concept="spe")) == payoffs(found)
    mixed = solve(tree, "spe", limits=Limits(seconds=5))
    assert all(certify(tree, e.play, concept="spe").gap <= 1e-6 for e in mixed.equilibria)
    assert mixed.equilibria


def test_backward_induction_keeps_every_tie() -> None:
    from gamesim.core.extensive_form import TreeBuilder

    build = TreeBuilder(("A", "B"))
    build.move(0, 1, ("l", "r"))
    build.move(1, 1, ("x", "y"))
    build.leaf((3, 1))
    build.leaf((0, 1))
    build.leaf((2, 0))
    found = solve(build.build(), "spe")
    assert payoffs(found) == {("3", "1"), ("2", "0")}
    assert found.complete
    assert found.covers == "pure SPE payoffs"
    assert any("ties" in note for note in found.notes)


def test_correlated_play_of_chicken_and_of_a_game_where_coarse_is_better() -> None:
    game = NormalFormGame.bimatrix([[6, 2], [7, 0]], [[6, 7], [2, 0]])
    (best,) = solve(game, "ce").equilibria
    assert sum(best.payoffs) == Fraction(21, 2)
    assert best.play.probabilities.tolist() == [[Fraction(1, 2), Fraction(1, 4)], [Fraction(1, 4), 0]]
    (worst,) = solve(game, "correlated", objective="worst").equilibria
    assert sum(worst.payoffs) == Fraction(36, 5)
    assert worst.play.probabilities.tolist() == [[0, Fraction(2, 5)], [Fraction(2, 5), Fraction(1, 5)]]
    (fair,) = solve(game, "ce", objective="egalitarian").equilibria
    assert min(fair.payoffs) == Fraction(21, 4)
    (mine,) = solve(game, "ce", objective="player:player_0").equilibria
    assert mine.payoffs[0] == 7
    with pytest.raises(SolverError, match="Did you mean 'player_0'"):
        solve(game, "ce", objective="player:playr_0")
    other = NormalFormGame.bimatrix([[2, 2, 0], [3, 2, 0], [1, 3, 1]], [[2, 3, 1], [2, 2, 3], [0, 0, 1]])
    assert sum(solve(other, "ce").equilibria[0].payoffs) == 2
    (coarse,) = solve(other, "cce").equilibria
    assert sum(coarse.payoffs) == 5


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 3))
def test_nash_is_correlated_is_coarse(seed: int, players: int) -> None:
    game = random_game(seed, 3, players)
    for equilibrium in (solve(game, every=True) if players == 2 else solve(game, "pure")).equilibria:
        joint = Joint.of(equilibrium.play)
        assert certify(game, joint, concept="correlated").gap == 0
        assert certify(game, joint, concept="coarse").gap == 0
    for concept in ("correlated", "coarse"):
        (found,) = correlated(game, concept=concept).equilibria
        assert float(certify(game, found.play, concept="coarse").gap) <= 1e-9 * game.payoff_range


def test_a_wrong_solver_is_rejected() -> None:
    wrong = Method(
        "wrong", frozenset({"nash"}), "Uniform play.", lambda game, concept: "",
        lambda game, **_: Found([tuple(np.full(k, 1 / k) for k in game.shape)], complete=True),
    )  # fmt: skip
    solution = wrong(catalog("prisoners_dilemma"))
    assert not solution.equilibria
    assert len(solution.rejected) == 1
    assert solution.complete is False
    assert solution.rejected[0].certificate.gap > 0


def test_the_same_equilibrium_twice_is_listed_once_with_the_better_certificate() -> None:
    game = catalog("matching_pennies")
    half = Fraction(1, 2)
    exact = tuple(np.array([half, half], dtype=object) for _ in range(2))
    near = tuple(np.array([0.5 + 1e-9, 0.5 - 1e-9]) for _ in range(2))
    solution = admit(game, Found([near, exact]), concept="nash", method="m")
    assert len(solution.equilibria) == 1
    assert solution.equilibria[0].certificate.gap == 0


STRANGE = (None, 3, "x", object())


@pytest.mark.parametrize("name", names("solvers"))
def test_solvers_keep_their_contract(name: str) -> None:
    solver = entry("solvers", name)
    assert solver.name == name
    for thing in (*STRANGE, catalog("shapley"), catalog("kuhn"), catalog("three_bakers"), catalog("selten_horse")):
        for concept in ("nash", "spe", "value", "correlated", "nonsense"):
            support = solver.accepts(thing, concept)
            assert support or support.reason
    with pytest.raises(UnsupportedGameError, match=name):
        solver(object(), concept="nash", limits=LIMITS)


NATIVE = ("backward_induction", "enumpure", "zero_sum_lp", "sequence_form_lp", "lemke_howson", "vertex_enumeration")


@pytest.mark.parametrize("name", NATIVE)
def test_the_same_call_gives_the_same_answer(name: str) -> None:
    solver = entry("solvers", name)
    for game in (catalog("kuhn"), catalog("shapley"), catalog("biased_rps"), catalog("jam_shelf")):
        if name == "vertex_enumeration" and game.name == "kuhn":
            continue
        if solver.accepts(game, "nash"):
            one, two = (solver(game, concept="nash", limits=LIMITS) for _ in range(2))
            assert payoffs(one) == payoffs(two)
            assert [e.certificate.gap for e in one.equilibria] == [e.certificate.gap for e in two.equilibria]
            assert not one.rejected


def test_without_gambit_the_native_methods_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gambit, "installed", lambda: False)
    for name in ("shapley", "kuhn", "ferry_fare", "museum_or_fair", "three_bakers", "ice_seller"):
        assert solve(catalog(name), every=name != "kuhn", limits=LIMITS).equilibria
    assert solve(catalog("two_night_camp"), "spe").complete
    with pytest.raises(MissingExtraError, match=r"pip install 'gamesim\[gambit\]'"):
        solve(catalog("shapley"), method="enummixed")
    cycle = NormalFormGame(np.random.default_rng(3).integers(0, 9, size=(3, 2, 2, 2)))
    if not cycle.pure_equilibria():
        assert solve(cycle).equilibria  # mixed, of three players: the limit of the logit branch


@pytest.mark.parametrize("size", [4, 16])
def test_no_more_equilibria_than_asked_for(size: int) -> None:
    """Whichever method finds more, and though others stand behind it in the plan."""
    game = NormalFormGame(np.eye(size, dtype=int)[None].repeat(2, axis=0))
    for found in (solve(game, "all", limits=Limits(equilibria=2)), solve(game, method="lemke_howson", labels="all", limits=Limits(equilibria=2))):  # fmt: skip
        assert len(found.equilibria) == 2
        assert (found.stopped, found.complete) == ("count", False)


@pytest.mark.parametrize(
    ("method", "concept", "parameters", "told"),
    [
        ("lemke_howson", "nash", {"labels": 99}, "labels run from 0 to 3"),
        ("lemke_howson", "nash", {"labels": 0.5}, "'all', or numbers"),
        ("lemke_howson", "nash", {"pivots": "many"}, "whole number"),
        ("logit_branch", "qre", {"points": "x"}, "whole number"),
        ("logit_branch", "qre", {"rationality": "x"}, "a number"),
        ("nash_mp", "regularised", {"beta": 0.0}, "above zero"),
        ("nash_mp", "regularised", {"beta": 0.1, "eta": 3}, "0 < eta <= 2"),
    ],
)
def test_parameters_out_of_range_or_of_another_kind(
    method: str, concept: str, parameters: dict[str, object], told: str
) -> None:
    with pytest.raises(GameError, match=told) as caught:
        solve(catalog("matching_pennies"), concept, method=method, **parameters)
    assert caught.value.exit_code == 2


def test_all_is_every_nash_equilibrium_and_no_method_is_auto() -> None:
    chicken = catalog("chicken")
    every = [e.payoffs for e in solve(chicken, every=True).equilibria]
    assert [e.payoffs for e in solve(chicken, "all", method=None).equilibria] == every
    assert len(every) == 3


def test_time_is_up_and_what_was_found_remains() -> None:
    import time

    game = NormalFormGame(np.random.default_rng(0).integers(0, 99, size=(2, 11, 11)))
    start = time.monotonic()
    solution = vertex_enumeration(game, limits=Limits(seconds=0.05))
    assert time.monotonic() - start < 1.5
    assert solution.stopped == "seconds"
    assert solution.complete is False
    assert not solution.rejected


def test_what_is_wrong_for_a_game_is_refused_with_its_reason() -> None:
    with pytest.raises(UnsupportedGameError, match=r"payoffs add to 6 in the first cell and to 5 at C, D"):
        zero_sum_lp(catalog("prisoners_dilemma"))
    with pytest.raises(UnsupportedGameError, match="claim about trees"):
        solve(catalog("shapley"), "spe")
    with pytest.raises(UnsupportedGameError, match="does not see all"):
        solve(catalog("kuhn"), "spe", method="backward_induction")
    with pytest.raises(UnsupportedGameError, match="constant-sum game has a value"):
        solve(catalog("shapley"), "value")
    with pytest.raises(SolverError, match="Did you mean 'nash'"):
        solve(catalog("shapley"), "nahs")
    assert [step.method for step in choose(catalog("kuhn"))] == ["sequence_form_lp"]


def test_myersons_poker_as_gambit_ships_it() -> None:
    pygambit = pytest.importorskip("pygambit")
    if not hasattr(pygambit, "catalog"):
        pytest.skip("this version of Gambit ships no catalogue")
    from gamesim.core.efg_format import read_efg

    game = read_efg(pygambit.catalog.load("books/myerson1991/fig2_1").to_efg())
    (equilibrium,) = solve(game, "value").equilibria
    assert equilibrium.payoffs == (Fraction(1, 3), Fraction(-1, 3))
    assert equilibrium.certificate.grade == "exact"
    (red, black), (meet,) = ([equilibrium.play[h][0] for h in own] for own in game.sets_of)
    assert (red, black, meet) == (1, Fraction(1, 3), Fraction(2, 3))  # of raising on each card, and of meeting
