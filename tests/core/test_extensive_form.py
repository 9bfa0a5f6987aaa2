"""Trees: what is derived from the node table, certificates by definition, and the sequence form."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gamesim.core.behaviour import BehaviourProfile, node_values, uniform_behaviour
from gamesim.core.certify import certify
from gamesim.core.errors import GameFileError, GameTooLargeError, SolverError, UnsupportedGameError
from gamesim.core.extensive_form import TERMINAL, ExtensiveFormGame, TreeBuilder
from gamesim.core.reduced_form import behaviour_of, mixed_of, strategies
from gamesim.core.sequence_form import sequence_form
from gamesim.envs.efg.catalog import centipede, ferry_fare, selten_horse
from gamesim.envs.efg.poker import kuhn, leduc, liars_dice
from gamesim.testing.trees import random_play, random_tree


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 3))
def test_certificate_of_a_tree_by_definition(seed: int, players: int) -> None:
    game = random_tree(seed, players)
    play = random_play(game, seed + 1)
    certificate = certify(game, play)
    value = node_values(game, play)[0]
    for i in range(players):
        own = game.sets_of[i]
        best = value[i]
        for choice in product(*(range(len(game.sets[h].actions)) for h in own)):
            vectors = list(play.probabilities)
            for h, a in zip(own, choice, strict=True):
                vectors[h] = np.array([Fraction(int(k == a)) for k in range(len(game.sets[h].actions))], dtype=object)
            best = max(best, node_values(game, BehaviourProfile(tuple(vectors)))[0][i])
        assert certificate.regrets[i] == best - value[i]
    assert certificate.arithmetic == "exact"
    floats = certify(game, [np.asarray(v, dtype=np.float64) for v in play.probabilities])
    assert np.allclose(np.array(floats.regrets), np.array(certificate.regrets, dtype=float), atol=1e-12)
    assert abs(float(floats.gap) - float(certificate.gap)) <= floats.rounding + 1e-15


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 3))
def test_table_and_tree_agree(seed: int, players: int) -> None:
    game = random_tree(seed, players)
    play = random_play(game, seed + 1)
    table = game.to_normal_form()
    assert table.shape == tuple(game.strategy_count(i) for i in range(players))
    mixed = mixed_of(game, play)
    assert tuple(table.expected(mixed)) == game.expected(play)
    assert tuple(certify(table, mixed).regrets) == certify(game, play).regrets
    again = behaviour_of(game, mixed)
    assert game.expected(again) == game.expected(play)
    assert all((again[h] == play[h]).all() for h in range(len(game.sets)) if h not in again.filled)
    form = sequence_form(game)
    plans = form.plans(play)
    assert np.allclose(form.value(plans), np.array(game.expected(play), dtype=float), atol=1e-12)
    assert np.allclose(form.regrets(plans), np.array(certify(game, play).regrets, dtype=float), atol=1e-12)
    for plex, plan in zip(form.plexes, plans, strict=True):
        right = np.zeros(1 + len(plex.sets))
        right[0] = 1
        assert np.allclose(plex.constraints() @ plan, right, atol=1e-12)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**6), st.booleans())
def test_subgame_roots_by_definition(seed: int, forget: bool) -> None:
    game = random_tree(seed, 2, 4, forget)
    inside = [set(range(node, game.end[node])) for node in range(game.size)]
    wanted = [
        node
        for node in range(game.size)
        if game.kinds[node] != TERMINAL
        and all(set(members) <= inside[node] or not set(members) & inside[node] for members in game.members)
    ]
    assert list(game.subgame_roots) == wanted


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10**6))
def test_subgame_regrets_by_cutting_subgames_out(seed: int) -> None:
    game = random_tree(seed, 2, 4)
    play = random_play(game, seed + 1)
    if not game.sets:
        return
    worst = Fraction(0)
    for root in game.subgame_roots:
        build = TreeBuilder(game.players)
        order: list[int] = []
        for node in range(root, game.end[root]):
            who, at = game.kinds[node], game.at[node]
            if who == TERMINAL:
                build.leaf(game.payoffs[at])
            elif who < 0:
                build.chance(game.chances[at].actions, game.chances[at].probabilities)
            else:
                order += [at] if at not in order else []
                build.move(who, at, game.sets[at].actions)
        worst = max(worst, certify(build.build(), [play[h] for h in order]).gap)
    assert certify(game, play, concept="spe").gap == worst


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.fractions(-5, 5, max_denominator=7), st.fractions("1/7", 5, max_denominator=7))
def test_regrets_of_trees_under_affine_maps(seed: int, shift: Fraction, scale: Fraction) -> None:
    from dataclasses import replace

    game = random_tree(seed)
    play = random_play(game, seed + 1)
    moved = replace(game, payoffs=tuple((scale * a + shift, b - shift) for a, b in game.payoffs))
    before, after = certify(game, play).regrets, certify(moved, play).regrets
    assert after == (scale * before[0], before[1])


def test_known_sizes_and_values_of_card_games() -> None:
    for game, nodes, sequences, conv in (
        (kuhn(), 55, 13, Fraction(11, 12)),
        (liars_dice(), 1147, 190, Fraction(10, 9)),
        (leduc(), 9457, 1093, Fraction(1709, 360)),
        (leduc(suits=False), 9457, 337, Fraction(1709, 360)),
    ):
        assert (game.size, game.sequence_count(0), game.sequence_count(1)) == (nodes, sequences, sequences)
        assert game.perfect_recall
        assert game.is_constant_sum
        uniform = uniform_behaviour(game)
        assert certify(game, uniform).nash_conv == conv
        form = sequence_form(game)
        assert form.nash_conv(form.plans(uniform)) == pytest.approx(float(conv), abs=1e-12)
    assert len(leduc().payoffs) == 5520
    assert len(leduc().sets_of[0]) == 468


def forgetful() -> ExtensiveFormGame:
    """The absent-minded driver: one set, met twice on the way out."""
    build = TreeBuilder(("Driver",))
    build.move(0, "exit", ("go on", "leave"))
    build.move(0, "exit", ("go on", "leave"))
    for pays in (1, 4, 0):
        build.leaf([pays])
    return build.build()


def test_players_who_forget_are_refused_by_name_or_checked_by_pure_plans() -> None:
    game = forgetful()
    assert game.absent_minded_sets == (0,)
    assert not game.perfect_recall
    certificate = certify(game, [[Fraction(2, 3), Fraction(1, 3)]])
    assert certificate.guarantee == "heuristic"
    assert certificate.gap == 0  # pure plans earn 1 and 0, mixing earns 4/3
    with pytest.raises(UnsupportedGameError, match="Driver cannot tell apart at #1 whether it played nothing or go on"):
        sequence_form(game)
    assert game.to_normal_form().payoffs.tolist() == [[1.0, 0.0]]
    with pytest.raises(SolverError, match="forgets"):
        certify(game, [0], concept="spe")


def test_payoffs_on_the_way_move_to_the_leaves() -> None:
    build = TreeBuilder(("A", "B"))
    build.move(0, 1, ("l", "r"), payoffs=(1, 10))
    build.leaf((2, 20))
    build.move(1, 1, ("x",), payoffs=("1/2", "0.25"))
    build.leaf((0, 0))
    assert build.build().payoffs == ((3, 30), (Fraction(3, 2), Fraction(41, 4)))


def test_builder_says_what_cannot_stand() -> None:
    build = TreeBuilder(("A", "B"))
    with pytest.raises(GameFileError, match=r"player 3 does not exist; the game has 2 players \(A, B\)"):
        build.move(2, 1, ("l",))
    with pytest.raises(GameFileError, match="sum to 5/6"):
        build.chance(("x", "y"), ("1/2", "1/3"))
    build.move(0, 1, ("l", "r"))
    with pytest.raises(GameFileError, match="3 payoffs for 2 players"):
        build.leaf((1, 2, 3))
    with pytest.raises(GameFileError, match="2 actions at one node and 3 at another"):
        build.move(0, 1, ("l", "r", "m"))
    with pytest.raises(GameFileError, match="2 branches lead nowhere"):
        build.build()
    with pytest.raises(GameFileError, match="one name"):
        TreeBuilder(("A", "A"))


def test_strategies_are_counted_before_they_are_listed() -> None:
    game = leduc()
    assert game.strategy_count(0) > 10**40
    with pytest.raises(GameTooLargeError, match="reduced strategies"):
        strategies(game, 0)
    with pytest.raises(GameTooLargeError, match="more than 10,000,000 payoffs"):
        game.to_normal_form()
    assert ferry_fare().strategy_count(1) == 8


def test_deep_trees_do_not_recurse() -> None:
    game = centipede(5000)
    assert game.depth == 5000
    take = [0] * 5000
    assert certify(game, take, concept="spe").gap == 0
    assert certify(game, take[:-1] + [1], concept="spe").gap == 2
    assert certify(game, take[:-1] + [1]).gap == 0  # nobody gets there


def test_play_that_does_not_fit_is_refused_with_its_set() -> None:
    game = selten_horse()
    with pytest.raises(SolverError, match="2 information sets was given for the game's 3"):
        certify(game, [0, 0])
    with pytest.raises(SolverError, match="play of Two at #1: there is no action 2"):
        certify(game, [0, 2, 0])
    with pytest.raises(SolverError, match="sums to"):
        certify(game, [[0.5, 0.4], 0, 0])
