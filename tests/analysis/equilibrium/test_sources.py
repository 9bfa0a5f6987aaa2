"""Games from files, matrices, scenarios, standard input and names; and what is said of what is none."""

from __future__ import annotations

import io
import json
from fractions import Fraction
from pathlib import Path

import pytest
from gamesim_analysis.equilibrium.sources import read_game, read_source

from gamesim.core.efg_format import write_efg
from gamesim.core.errors import GamesimError
from gamesim.core.nfg_format import write_nfg
from gamesim.core.normal_form import NormalFormGame
from gamesim.envs.efg.catalog import ferry_fare
from gamesim.envs.efg.reading import from_text
from gamesim.envs.efg.tables import read_csv
from gamesim.envs.repeated.stage_games import prisoners_dilemma

PD = NormalFormGame.bimatrix([[3, 0], [5, 1]], [[3, 5], [0, 1]])


@pytest.mark.parametrize(
    "text",
    [
        "3 3,0 5\n5 0,1 1\n",
        '"(3, 3)","(0, 5)"\n"(5, 0)","(1, 1)"\n',
        "3;3\t0;5\n5;0\t1;1\n",
        "3,0\n5,1\n\n3,5\n0,1\n",
        "\ufeff3 3,0 5\r\n5 0,1 1\r\n".removeprefix("\ufeff"),
    ],
)
def test_matrices_of_two(text: str) -> None:
    game = read_csv(text)
    assert (game.payoffs == PD.payoffs).all()
    assert game.exact is not None


def test_names_of_rows_and_columns() -> None:
    game = read_csv(",left,right\nup,1/3,-2\ndown,0.1,4\n")
    assert game.actions == (("up", "down"), ("left", "right"))
    assert game.is_zero_sum
    assert game.exact[0, 0, 0] == Fraction(1, 3)
    assert game.exact[0, 1, 0] == Fraction(1, 10)
    assert read_csv("left,right\n1,2\n3,4\n").actions[1] == ("left", "right")
    assert read_csv("up,1,2\ndown,3,4\n").actions[0] == ("up", "down")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1,x\n2,3\n", "text:1:2"),
        ("1,2\n3\n", "differ in length"),
        ("1,2\n\n3,4\n\n5,6\n", "3 matrices"),
        ("1 2,3\n4 5,6 7\n", "one number, or two"),
        ("1 2 3,4 5 6\n", "one number, or two"),
        ("1,\n2,3\n", "empty cell"),
        ("1e999999999,2\n3,4\n", "text:1:1"),
        ("", "nothing in it"),
        ("[[1, 2], [3]]", "differ in length"),
        ("[[1, NaN], [3, 4]]", "not JSON"),
        ('{"payoffs": [[1]', "text:1:"),
        ("[" * 100_000, "nested too deeply|not JSON"),
        ('{"payofs": [[1]]}', "Did you mean 'payoffs'"),
        ("{}", "neither payoffs"),
    ],
)
def test_what_is_no_game_says_where(text: str, said: str) -> None:
    with pytest.raises(GamesimError, match=said):
        from_text(text)


def test_json_is_a_matrix_a_table_or_a_mapping() -> None:
    assert (from_text("[[1, -1], [-1, 1]]").game.payoffs[1] == [[-1, 1], [1, -1]]).all()
    assert from_text('[["1/3", 0.1], [0, 1]]').game.exact[1, 0, 0] == Fraction(-1, 3)
    assert (from_text("[[[3, 0], [5, 1]], [[3, 5], [0, 1]]]").game.payoffs == PD.payoffs).all()
    cells = [[[[1, 2, 3], [4, 5, 6]]]]
    assert from_text(json.dumps(cells)).game.shape == (1, 1, 2)
    named = from_text('{"payoffs": [[[1, 2]], [[0.25, 0]]], "players": ["A", "B"], "name": "g"}').game
    assert (named.players, named.name, named.exact[1, 0, 0]) == (("A", "B"), "g", Fraction(1, 4))


def test_one_game_in_every_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pd = prisoners_dilemma()
    (tmp_path / "a.nfg").write_text(write_nfg(pd))
    (tmp_path / "a.yaml").write_text("environment: {kind: matrix, stage: prisoners_dilemma}\n")
    (tmp_path / "b.yaml").write_text("game: {kind: prisoners_dilemma, temptation: 5.5}\n")
    (tmp_path / "a.csv").write_text("3 3,0 5\n5 0,1 1\n")
    (tmp_path / "bare").write_text(write_nfg(pd))
    sources = [str(tmp_path / name) for name in ("a.nfg", "a.yaml", "a.csv", "bare")]
    for source in (*sources, "catalog:prisoners_dilemma", "prisoners_dilemma", "games/grim_against_alternation"):
        assert (read_game(source).to_normal_form().payoffs == pd.payoffs).all(), source
    assert read_game(str(tmp_path / "b.yaml")).payoffs.max() == 5.5
    assert read_source("games/grim_against_alternation").notes == (
        "This is the game of one round; the scenario plays 20.",
    )
    assert "another one is played with probability 0.02" in read_source("games/reciprocity").notes[1]
    (tmp_path / "t.efg").write_text(write_efg(ferry_fare()))
    assert read_game(str(tmp_path / "t.efg")) == ferry_fare()
    for text in (write_nfg(pd), "3 3,0 5\n5 0,1 1\n", "game: prisoners_dilemma\n", "[[[3, 0], [5, 1]], [[3, 5], [0, 1]]]"):  # fmt: skip
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        assert (read_game("-").payoffs == pd.payoffs).all()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xff\xfe")))
    with pytest.raises(GamesimError, match="not UTF-8"):
        read_game("-")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("catalog:kuhnn", "Did you mean 'kuhn'"),
        ("kuhnn", "Did you mean 'kuhn'"),
        ("games/recyprocity", "Did you mean 'games/reciprocity'"),
        ("no_such_game_at_all", "Expected FILE.efg"),
        ("x.efg", "no such file|cannot|not"),
        ("x.yaml", "no such file"),
        ("x.gbt", "Convert it with Gambit"),
        ("", "."),
    ],
)
def test_names_that_nothing_has(source: str, said: str) -> None:
    with pytest.raises(GamesimError, match=said):
        read_game(source)


def test_a_scenario_without_a_formal_game() -> None:
    with pytest.raises(GamesimError, match=r"no formal game.*several compositions"):
        read_game("commons/paper_a_harsh_mixed")
