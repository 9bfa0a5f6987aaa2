"""Equilibria in words: A35 of the text2game spec, threats, beliefs, dominance, indifference, referees; and snapshots.

``python tests/analysis/equilibrium/test_words.py`` writes the snapshots again; read their diff.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from gamesim_analysis.equilibrium.router import solve
from gamesim_analysis.equilibrium.sources import catalog
from gamesim_analysis.equilibrium.threats import is_subgame_perfect, threats
from gamesim_analysis.equilibrium.words import dominated, explain, explain_ranking, note_of
from hypothesis import given, settings
from hypothesis import strategies as st

from gamesim.core.behaviour import as_behaviour
from gamesim.core.certify import certify
from gamesim.core.extensive_form import TreeBuilder
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.solution import Ranking
from gamesim.envs.efg.describe_game import describe_game
from gamesim.testing.trees import random_tree

TOLD = Path(__file__).parent / "told"
DEVELOPMENT = (
    "ferry_fare", "forklift_aisle", "hill_and_bridge", "ice_seller", "jam_shelf", "museum_or_fair", "seed_loan",
    "three_bakers", "three_card_raise", "two_night_camp",
)  # fmt: skip
TABLES = ("chicken", "shapley", "biased_rps", "prisoners_dilemma")


def snapshot(name: str) -> str:
    """The game and its equilibria in words, by methods that need nothing but this package."""
    game = catalog(name)
    found = []
    if name in DEVELOPMENT:
        methods = {True: "backward_induction", False: "subgame_decomposition"}
        if name in ("forklift_aisle", "three_bakers", "ice_seller"):
            found = solve(game, "pure").equilibria
        elif game.is_constant_sum:
            found = solve(game, "nash", method="sequence_form_lp").equilibria
        else:
            found = solve(game, "spe", method=methods[game.perfect_information]).equilibria
    else:
        found = (*solve(game, every=True).equilibria, *solve(game, "correlated").equilibria)
    return "\n\n".join([describe_game(game), *(explain(game, e) for e in found)]) + "\n"


@pytest.mark.parametrize("name", [*DEVELOPMENT, *TABLES])
def test_what_is_told_of_a_game(name: str) -> None:
    assert snapshot(name) == (TOLD / f"{name}.txt").read_text(encoding="utf-8")
    assert snapshot(name) == snapshot(name)


def test_an_empty_threat_is_named_and_priced() -> None:
    game = catalog("ferry_fare")
    found = [e for e in solve(game, "pure").equilibria if e.payoffs == (3, 3)]
    for equilibrium in found:
        text = explain(game, equilibrium)
        assert "Empty threat: Traveller promises Refuse after Offer 1, where Take gains 1 (1 v 0)." in text
        assert note_of(game, equilibrium) == "rests on Refuse after Offer 1, which loses 1"
        assert not is_subgame_perfect(game, equilibrium.play)
    perfect = solve(game, "spe").equilibria[0]
    assert threats(game, perfect.play) == ()
    assert is_subgame_perfect(game, perfect.play)
    assert "Empty threat" not in explain(game, perfect)


def test_values_at_a_place_that_is_not_reached() -> None:
    game = catalog("seed_loan")
    text = explain(game, solve(game, "spe").equilibria[0])
    assert "Repay 6 v Abscond 11" in text
    assert "Off the path: not reached, so no belief follows." in text


def test_no_belief_where_play_never_comes() -> None:
    for name in (*DEVELOPMENT, "kuhn", "beer_quiche", "selten_horse"):
        game = catalog(name)
        for equilibrium in solve(game, "pure").equilibria or solve(game).equilibria:
            for line in explain(game, equilibrium).splitlines():
                assert not ("Off the path" in line and "Believes" in line)


def test_beliefs_are_conditional_on_being_reached() -> None:
    game = catalog("one_card_poker")
    text = explain(game, solve(game).equilibria[0])
    assert "Believes: 3/4 on red, 1/4 on black." in text  # 1/2 of red, and a third of 1/2 of black
    assert "Two mixes at raised so that One gains equally from raise and fold at black." in text
    assert "One mixes at black so that Two gains equally from meet and pass at raised." in text


def test_who_keeps_whom_indifferent() -> None:
    game = catalog("kuhn")
    text = explain(game, solve(game).equilibria[0])
    assert "Second mixes at J after check so that First gains equally from fold and call at Q after check bet." in text
    assert "Dominated: call at J after check bet of First; fold pays more whatever is played afterwards." in text
    assert "Second mixes at Q after bet" not in text  # it is never reached


def test_a_threat_that_needs_two_moves() -> None:
    """No single change helps after "in"; both together do, and the threat is still found."""
    build = TreeBuilder(("A", "B"), name="twice")
    build.move(0, "start", ("out", "in"))
    build.leaf((2, 0))
    build.move(1, "first", ("stop", "on"))
    build.leaf((0, 1))
    build.move(1, "second", ("bad", "good"))
    build.leaf((0, 0))
    build.leaf((3, 3))
    game = build.build()
    play = [[1, 0], [1, 0], [1, 0]]
    assert certify(game, play).gap == 0
    assert certify(game, play, concept="spe").gap == 3
    named = threats(game, play)
    assert [(t.at, t.gain) for t in named] == [(2, 3)]
    named = threats(game, [[1, 0], [1, 0], [0, 1]])
    assert [(t.at, t.promised, t.better, t.gain) for t in named] == [(1, 0, 1, 2)]


def test_a_move_that_is_worse_whatever_the_belief() -> None:
    """Beside the path no belief follows; a move that another beats at both nodes is empty all the same."""
    build = TreeBuilder(("A", "B"))
    build.move(0, "start", ("out", "left", "right"))
    build.leaf((1, 5))
    for _ in ("left", "right"):
        build.move(1, "in", ("fight", "share"))
        build.leaf((-1, 0))
        build.leaf((2, 2))
    game = build.build()
    (threat,) = threats(game, [[1, 0, 0], [1, 0]])
    assert (threat.why, threat.gain, threat.needed, threat.values) == ("any belief", 2, True, None)
    assert is_subgame_perfect(game, [[1, 0, 0], [1, 0]])  # it is, and still nobody would fight
    assert "whatever the belief" in explain(game, [[1, 0, 0], [1, 0]])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_every_equilibrium_that_is_not_subgame_perfect_has_a_threat(seed: int) -> None:
    game = random_tree(seed)
    if not game.perfect_recall or max(game.strategy_count(i) for i in range(game.n)) > 60:
        return
    for equilibrium in solve(game, "pure").equilibria[:20]:
        found = threats(game, equilibrium.play)
        assert all(threat.gain > 0 for threat in found)
        if not is_subgame_perfect(game, equilibrium.play):
            assert found
        explain(game, equilibrium)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_dominated_moves_are_played_in_no_subgame_perfect_equilibrium(seed: int) -> None:
    game = random_tree(seed)
    if not game.perfect_information:
        return
    for equilibrium in solve(game, "spe").equilibria:
        for h, a, _ in dominated(game):
            assert equilibrium.play[h][a] == 0


def test_play_that_is_no_equilibrium_says_by_how_much() -> None:
    game = catalog("prisoners_dilemma")
    text = explain(game, (0, 0))
    assert "D is best; play falls short by 2." in text
    assert "Dominated: C of player_0; D pays at least 1 more whatever the others play." in text
    floats = NormalFormGame(np.array([[[0.1, 0.3], [0.2, 0.0]], [[0.1, 0.2], [0.3, 0.0]]]))
    assert 'player_0 plays 0.75 "0" + 0.25 "1".' in explain(floats, solve(floats, every=True).equilibria[1])


def test_joint_play_is_a_referee() -> None:
    chicken = NormalFormGame.bimatrix([[6, 2], [7, 0]], [[6, 7], [2, 0]], actions=(("swerve", "dare"),) * 2, players=("Ann", "Bob"))  # fmt: skip
    text = explain(chicken, solve(chicken, "correlated").equilibria[0])
    assert "A referee draws one of these with these chances, in the order Ann, Bob: 1/2 swerve / swerve, 1/4 swerve / dare, 1/4 dare / swerve." in text  # fmt: skip
    assert "Told dare (chance 1/4)" in text
    assert text.endswith("Nobody gains by disobeying.")
    coarse = explain(chicken, solve(chicken, "coarse").equilibria[0])
    assert "Each promises to obey before the draw." in coarse


def test_three_players_and_weak_dominance() -> None:
    game = NormalFormGame(np.array([[[[1, 1], [1, 1]], [[1, 0], [1, 1]]]] * 3).reshape(3, 2, 2, 2))
    text = explain(game, (0, 0, 0))
    assert "Weakly dominated" in text


def test_a_ranking_claims_no_equilibrium() -> None:
    text = explain_ranking(Ranking(("a", "b"), np.array([0.25, 0.75]), "alpharank", unique=False))
    assert text.splitlines()[1:3] == ["1. b 0.75", "2. a 0.25"]
    assert "claims no equilibrium" in text
    assert "not unique" in text


def test_a_player_who_forgets_is_told_of() -> None:
    build = TreeBuilder(("A",))
    build.move(0, "first", ("x", "y"))
    build.move(0, "later", ("u", "v"))
    build.leaf((1,))
    build.leaf((0,))
    build.move(0, "later", ("u", "v"))
    build.leaf((0,))
    build.leaf((2,))
    game = build.build()
    text = explain(game, as_behaviour(game, [[0, 1], [0, 1]]))
    assert "A player forgets" in text
    assert "A expects 2." in text


def test_a_large_game_says_how_much_is_left_out() -> None:
    game = catalog("kuhn")
    text = explain(game, solve(game).equilibria[0], sets=2)
    assert "... and 10 more places." in text
    assert "14 endings" not in text
    assert Fraction(-1, 18) == solve(game).equilibria[0].payoffs[0]


if __name__ == "__main__":
    TOLD.mkdir(exist_ok=True)
    for each in (*DEVELOPMENT, *TABLES):
        (TOLD / f"{each}.txt").write_text(snapshot(each), encoding="utf-8")
