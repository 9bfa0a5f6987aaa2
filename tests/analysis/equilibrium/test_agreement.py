"""Methods against each other: own and Gambit's, on random, degenerate and constant-sum games and on small trees."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from gamesim_analysis.equilibrium import gambit, solve
from gamesim_analysis.equilibrium.cross_check import cross_check
from gamesim_analysis.equilibrium.lemke_howson import path
from gamesim_analysis.equilibrium.router import choose
from gamesim_analysis.equilibrium.sources import catalog

from gamesim.core.certify import certify
from gamesim.core.errors import MissingExtraError, UnsupportedGameError
from gamesim.core.extensive_form import ExtensiveFormGame
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.registry import entry
from gamesim.core.solution import Limits
from gamesim.testing.trees import random_tree

LIMITS = Limits(seconds=20)
needs_gambit = pytest.mark.skipif(not gambit.installed(), reason="Gambit is not installed")
NATIVE = ("vertex_enumeration", "support_enumeration", "lemke_howson", "enumpure", "zero_sum_lp")
FAILING = "fail their certificate"  # what Gambit's heuristic methods may do, and are rejected for


def bimatrix(seed: int, largest: int = 6) -> NormalFormGame:
    """Whole payoffs; one game in four has so few of them that it is degenerate."""
    rng = np.random.default_rng(seed)
    shape = rng.integers(2, largest + 1, size=2)
    return NormalFormGame(rng.integers(0, 3 if seed % 4 == 0 else 100, size=(2, *shape)))


def agree(game, methods) -> None:
    table = cross_check(game, limits=LIMITS, methods=methods)
    for row in table.rows:
        assert row.verdict != "differ" or (row.method in gambit.COVERS and FAILING in row.reason), (
            row.method,
            row.reason,
        )
        assert row.verdict != "no answer" or row.method in gambit.COVERS, (row.method, row.reason)
    unique = next((row.solution for row in table.rows if row.method == "vertex_enumeration"), None)
    if unique is not None and len(unique.equilibria) == 1 and isinstance(game, NormalFormGame):
        wanted = unique.equilibria[0].play
        for row in table.rows:
            for found in row.solution.equilibria if row.solution else ():
                if found.certificate.grade != "approximate":
                    assert all(
                        float(np.abs(np.asarray(a - b, dtype=float)).max()) <= 1e-6
                        for a, b in zip(found.play, wanted, strict=True)
                    ), row.method


@pytest.mark.parametrize("first", range(0, 100, 25))
def test_native_methods_agree_on_a_hundred_games(first: int) -> None:
    for seed in range(first, first + 25):
        agree(bimatrix(seed, 5), NATIVE)


@needs_gambit
@pytest.mark.slow
def test_native_and_gambits_methods_agree_on_random_games() -> None:
    for seed in range(0, 200, 3):
        agree(
            bimatrix(seed), (*NATIVE, "enummixed", "lcp") if seed % 5 else (*NATIVE, "enummixed", "lcp", "ipa", "logit")
        )


@needs_gambit
@pytest.mark.slow
def test_native_and_gambits_methods_agree_on_small_trees() -> None:
    seeds = (seed for seed in range(1000) if random_tree(seed, 2, 2).sets)
    for _, seed in zip(range(50), seeds, strict=False):
        tree = random_tree(seed, 2, 2)
        agree(tree, ("enumpure", "lemke_howson", "vertex_enumeration", "backward_induction", "lcp", "enummixed"))
        zero = replace(tree, payoffs=tuple((a, -a) for a, _ in tree.payoffs))
        table = cross_check(zero, "value", LIMITS, methods=("sequence_form_lp", "zero_sum_lp", "lp"))
        assert {row.verdict for row in table.rows} == {"agree"}


def test_degenerate_games_from_every_label() -> None:
    """Payoffs 0 to 2, so that ties are everywhere; lexicographic pivots never cycle."""
    rng = np.random.default_rng(27)
    for _ in range(150):
        m, n = rng.integers(2, 8, size=2)
        every_label(rng.integers(0, 3, size=(2, m, n)).astype(float))


@pytest.mark.slow
def test_two_thousand_degenerate_games_from_every_label() -> None:
    rng = np.random.default_rng(2000)
    for _ in range(2000):
        m, n = rng.integers(2, 8, size=2)
        every_label(rng.integers(0, 3, size=(2, m, n)).astype(float))


def every_label(payoffs) -> None:
    game = NormalFormGame(payoffs)
    for label in range(sum(game.shape)):
        play = path(*payoffs, label, 10_000)
        assert play is not None
        assert certify(game, play).gap <= 1e-9


def test_support_enumeration_finds_all_of_nondegenerate_games_and_knows_when_it_does_not() -> None:
    told = 0
    for seed in range(160):
        rng = np.random.default_rng(seed)
        game = NormalFormGame(rng.integers(0, 1000, size=(2, *rng.integers(2, 6, size=2))))
        supports, extreme = (solve(game, method=name) for name in ("support_enumeration", "vertex_enumeration"))
        if supports.complete:
            told += 1
            assert sorted(map(played, supports.equilibria)) == sorted(map(played, extreme.equilibria))
    assert told >= 100
    assert solve(catalog("jam_shelf"), method="support_enumeration").complete is False


@needs_gambit
@pytest.mark.slow
def test_support_enumeration_equals_gambits_extreme_equilibria() -> None:
    checked, seed = 0, 0
    while checked < 40:
        rng = np.random.default_rng(seed)
        seed += 1
        game = NormalFormGame(rng.integers(0, 1000, size=(2, *rng.integers(2, 6, size=2))))
        supports = solve(game, method="support_enumeration")
        if supports.complete:
            checked += 1
            assert sorted(map(played, supports.equilibria)) == sorted(
                map(played, solve(game, method="enummixed").equilibria)
            )


def played(equilibrium):
    return tuple(tuple(v) for v in equilibrium.play)


# ---- which method for which game -----------------------------------------------------------------------------------------


def methods(game, concept="nash", every=False):
    return [step.method for step in choose(game, concept, every)]


def test_the_router_row_by_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gambit, "installed", lambda: True)
    rng = np.random.default_rng(0)

    def table(*shape: int) -> NormalFormGame:
        return NormalFormGame(rng.integers(0, 100, size=(len(shape), *shape)))

    assert methods(catalog("ferry_fare"), "spe") == ["backward_induction"]
    assert methods(catalog("two_night_camp"), "spe") == ["subgame_decomposition"]
    assert methods(forgetful()) == ["enumpure"]
    assert methods(forgetful(), every=True) == ["enumpure"]
    assert methods(catalog("kuhn")) == ["sequence_form_lp"]
    assert methods(catalog("biased_rps")) == methods(catalog("biased_rps"), "value") == ["zero_sum_lp"]
    assert methods(table(3, 3)) == methods(table(30, 30)) == ["lemke_howson"]
    assert methods(table(3, 3), every=True) == methods(table(10, 10), every=True) == ["vertex_enumeration"]
    assert methods(table(12, 12), every=True) == ["enummixed"]
    assert methods(table(30, 30), every=True) == ["enumpure", "lemke_howson", "support_enumeration"]
    assert methods(table(2, 2, 2)) == ["enumpure", "enumpoly", "gnm", "logit", "simpdiv"]
    assert methods(table(5, 5, 5)) == ["enumpure", "gnm", "logit", "simpdiv"]
    assert methods(table(3, 3), "pure") == ["enumpure"]
    assert methods(table(3, 3), "correlated") == methods(table(3, 3), "coarse") == ["correlated"]
    assert methods(NormalFormGame(np.ones((3, 2, 2, 2), dtype=int))) == ["enumpure"]
    monkeypatch.setattr(gambit, "installed", lambda: False)
    assert methods(table(12, 12), every=True) == ["enumpure", "lemke_howson", "support_enumeration"]
    assert methods(table(2, 2, 2))[0] == "enumpure"


def forgetful() -> ExtensiveFormGame:
    return next(tree for tree in (random_tree(s, 2, 3, True) for s in range(100)) if not tree.perfect_recall)


def test_a_game_in_which_nothing_matters_lists_its_pure_profiles() -> None:
    solution = solve(NormalFormGame(np.full((2, 2, 3), 7)), every=True)
    assert len(solution.equilibria) == 6
    assert solution.covers == "pure"


def test_seen_games_are_answered_subgame_perfect_first_and_empty_threats_beside() -> None:
    game = catalog("ferry_fare")
    solution = solve(game)
    payoffs = [tuple(map(int, e.payoffs)) for e in solution.equilibria]
    assert payoffs[0] == (5, 1)
    assert certify(game, solution.equilibria[0].play, concept="spe").gap == 0
    assert set(payoffs) == {(5, 1), (3, 3), (1, 5)}
    assert len(payoffs) == 7
    perfect = {
        p for p, e in zip(payoffs, solution.equilibria, strict=True) if certify(game, e.play, concept="spe").gap == 0
    }
    assert perfect == {(5, 1)}


REFUSED = [
    ("zero_sum_lp", "prisoners_dilemma", "payoffs add to 6 in the first cell and to 5"),
    ("lp", "prisoners_dilemma", "payoffs add to 6 in the first cell and to 5"),
    ("sequence_form_lp", "shapley", "it works on trees"),
    ("sequence_form_lp", "ferry_fare", "the game is not constant-sum"),
    ("lemke_howson", "three_bakers", "the game has 3 players, not two"),
    ("enummixed", "three_bakers", "the game has 3 players, not two"),
    ("lcp", "three_bakers", "the game has 3 players, not two"),
    ("vertex_enumeration", "selten_horse", "the game has 3 players, not two"),
    ("backward_induction", "kuhn", "does not see all"),
    ("backward_induction", "shapley", "trees"),
]


@pytest.mark.parametrize(("method", "game", "reason"), REFUSED)
def test_a_method_is_refused_where_it_is_wrong_and_says_why(method: str, game: str, reason: str) -> None:
    with pytest.raises(UnsupportedGameError, match=reason):
        solve(catalog(game), method=method)


def test_who_forgets_is_named_with_the_set() -> None:
    game = forgetful()
    zero = replace(game, payoffs=tuple((a, -a) for a, _ in game.payoffs))
    with pytest.raises(UnsupportedGameError, match=r"P\d forgets at"):
        solve(zero, method="sequence_form_lp")


def test_without_gambit_everything_native_answers_and_the_rest_names_the_line_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import importlib.util
    import sys

    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == gambit.PACKAGE else real(name, *a)
    )
    monkeypatch.setitem(sys.modules, gambit.PACKAGE, None)  # an import would fail as well
    assert not gambit.installed()
    for name in ("shapley", "kuhn", "ferry_fare", "museum_or_fair", "three_bakers", "ice_seller", "chicken"):
        game = catalog(name)
        for every in (False, True):
            if name != "kuhn" or not every:
                assert solve(game, every=every, limits=LIMITS).equilibria
        assert solve(game, "pure", limits=LIMITS).complete
    assert solve(catalog("two_night_camp"), "spe").complete
    assert solve(catalog("liars_dice"), "value").equilibria[0].payoffs[0].denominator == 9
    assert solve(catalog("chicken"), "correlated").equilibria
    for method in gambit.COVERS:
        game = catalog("biased_rps")
        with pytest.raises(MissingExtraError, match=r"pip install 'gamesim\[gambit\]'"):
            solve(game, method=method)
        assert entry("solvers", method).accepts(game, "nash")
    table = cross_check(catalog("chicken"), limits=LIMITS, methods=(*NATIVE, "enummixed"))
    assert next(row for row in table.rows if row.method == "enummixed").verdict == "no answer"
    assert table.agreed
