"""A game in plain English: what is known is a function of the information set, and nothing else is said."""

from __future__ import annotations

import pytest

from gamesim.core.extensive_form import TreeBuilder
from gamesim.core.registry import entry
from gamesim.envs.efg.catalog import KNOWN, ferry_fare
from gamesim.envs.efg.describe_game import describe_game, knowledge, places
from gamesim.envs.efg.poker import kuhn, leduc
from gamesim.envs.repeated.stage_games import prisoners_dilemma


@pytest.mark.parametrize("name", sorted(set(KNOWN) - {"liars_dice"}))
def test_every_game_is_described_alike_twice(name: str) -> None:
    game = entry("games", name)()
    text = describe_game(game)
    assert text == describe_game(entry("games", name)())
    for player in game.players:
        assert player in text


def test_what_all_nodes_of_a_set_have_in_common_is_known() -> None:
    game = kuhn()
    for h, information in enumerate(game.sets):
        known = knowledge(game, h)
        assert all(who != "chance" for who, _ in known.known), information.label
        assert [who for who, _ in known.open] == ["chance"]
        assert len(known.open[0][1]) == 2
    assert knowledge(ferry_fare(), 2).known == (("Skipper", "Offer 3"),)


def test_no_planted_label_of_one_node_is_known() -> None:
    build = TreeBuilder(("A", "B"))
    build.chance(("SENTINEL", "other"), ("1/2", "1/2"))
    for _ in range(2):
        build.move(0, "h", ("up", "down"))
        build.leaf((1, 0))
        build.move(1, "k", ("l", "r"))
        build.leaf((0, 0))
        build.leaf((2, 1))
    game = build.build()
    for h in range(2):
        assert "SENTINEL" not in str(knowledge(game, h).known)
    assert knowledge(game, 1).known == (("A", "down"),)


def test_places_have_names_of_their_own() -> None:
    for game in (kuhn(), ferry_fare(), leduc(False)):
        names = places(game)
        for own in game.sets_of:
            assert len({names[h] for h in own}) == len(own)


def test_simultaneous_moves_are_a_table() -> None:
    tree = entry("games", "forklift_aisle")()
    assert "Each moves once, without knowing what the other plays" in describe_game(tree)
    assert "(3, 3)  (0, 5)" in describe_game(prisoners_dilemma())
    assert "5,520 endings pay between -13 and 13." in describe_game(leduc())


def test_what_is_no_game_is_refused() -> None:
    with pytest.raises(TypeError, match="cannot be described"):
        describe_game("chess")
