"""Game files: what is read, what is written, and what is refused with its place."""

from __future__ import annotations

import os
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gamesim.core.efg_format import read_efg, write_efg
from gamesim.core.errors import GameFileError
from gamesim.core.game_files import FileLimits
from gamesim.core.nfg_format import exact_payoffs, read_nfg, write_nfg
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.registry import entry, names
from gamesim.testing.trees import random_tree

EFG = 'EFG 2 R "t" { "A" "B" }\n'
NFG = 'NFG 1 R "t" { "A" "B" }\n'
LEAF = 't "" 1 "" { 1, 2 }\n'
CHAIN = 'p "" 1 1 "" { "x" "y" } 0\n'

REFUSED = {
    "empty": ("", "1:1"),
    "other": ("hello\n", "1:1"),
    "version": ('EFG 3 R "t" { "A" }\n', "1:5"),
    "no players": ('EFG 2 R "t" { }\n' + 't "" 0\n', "1:15"),
    "unknown player": (EFG + 'p "" 7 1 "" { "x" "y" } 0\n', "2:6"),
    "player zero": (EFG + 'p "" 0 1 "" { "x" "y" } 0\n', "2:6"),
    "chance sums to 5/6": (EFG + 'c "" 1 "" { "x" 1/2 "y" 1/3 } 0\n' + LEAF * 2, "2:29"),
    "negative chance": (EFG + 'c "" 1 "" { "x" -1/2 "y" 3/2 } 0\n' + LEAF * 2, "2:17"),
    "missing terminal": (EFG + CHAIN + LEAF, "3:19"),
    "one node too many": (EFG + LEAF + LEAF, "3:1"),
    "payoff missing": (EFG + 't "" 1 "" { 1 }\n', "2:15"),
    "payoff too many": (EFG + 't "" 1 "" { 1 2 3 }\n', "2:17"),
    "payoff no number": (EFG + 't "" 1 "" { 1 x }\n', "2:15"),
    "nan": (EFG + 't "" 1 "" { 1 nan }\n', "2:15"),
    "inf": (EFG + 't "" 1 "" { 1 inf }\n', "2:15"),
    "huge exponent": (EFG + 't "" 1 "" { 1e999999999 0 }\n', "2:13"),
    "exponent 401": (EFG + 't "" 1 "" { 1e401 0 }\n', "2:13"),
    "by zero": (EFG + 't "" 1 "" { 1/0 0 }\n', "2:13"),
    "long rational": (EFG + 't "" 1 "" { ' + "1" * 50_000 + "/" + "3" * 50_000 + " 0 }\n", "2:13"),
    "1,001 digits": (EFG + 't "" 1 "" { ' + "1" * 1001 + " 0 }\n", "2:13"),
    "set with other actions": (EFG + CHAIN + 'p "" 1 1 "" { "x" "y" "z" } 0\n' + LEAF * 4, "3:1"),
    "set without actions": (EFG + 'p "" 1 1 0\n' + LEAF * 2, "2:1"),
    "outcome without payoffs": (EFG + 't "" 5\n', "2:6"),
    "outcome redefined": (EFG + CHAIN + LEAF + 't "" 1 "" { 1 3 }\n', "4:17"),
    "nested 200,000": (EFG + CHAIN * 200_000, "10002:1"),
    "control character": (EFG + 't "a\x07b" 0\n', "2:3"),
    "open string": (EFG + 't "abc 0\n', "2:3"),
    "label of 300": (EFG + f't "{"a" * 300}" 0\n', "2:3"),
    "brace missing": (EFG + 'p "" 1 1 "" { "x" "y"\n', "2:22"),
    "unknown node": (EFG + 'q "" 1\n', "2:1"),
    "33 players": ('EFG 2 R "t" { ' + " ".join(f'"{i}"' for i in range(33)) + " }\n", "1:165"),
    "bool": (EFG + "p p p\n", "2:3"),
}
REFUSED_NFG = {
    "header 50^20": (
        'NFG 1 R "t" { ' + " ".join(f'"{i}"' for i in range(20)) + " } { " + "50 " * 20 + "}\n1 2",
        "1:169",
    ),
    "payoff missing": (NFG + "{ 2 2 }\n1 2 3 4 5 6 7", "3:13"),
    "payoff too many": (NFG + "{ 2 2 }\n1 2 3 4 5 6 7 8 9", "3:17"),
    "counts of three players": (NFG + "{ 2 2 2 }\n1 2", "2:7"),
    "a count of zero": (NFG + "{ 0 2 }\n", "2:3"),
    "an outcome that is not there": (NFG + '{ { "a" } { "b" } } ""\n{ { "o" 1 2 } }\n2\n', "4:1"),
    "no number": (NFG + "{ 1 1 }\nfour 5\n", "3:1"),
    "a tree": (EFG + LEAF, "1:1"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_hostile_trees_are_refused_with_their_place(case: str, tmp_path: Path) -> None:
    refused(read_efg, REFUSED[case], tmp_path / "g.efg")


@pytest.mark.parametrize("case", REFUSED_NFG)
def test_hostile_tables_are_refused_with_their_place(case: str, tmp_path: Path) -> None:
    refused(read_nfg, REFUSED_NFG[case], tmp_path / "g.nfg")


@pytest.fixture(autouse=True)
def no_child(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading starts no process."""
    monkeypatch.setattr(
        "gamesim.run.workers.WorkerProcess.__init__", lambda *a, **k: pytest.fail("a child was started")
    )


def refused(read, case, path: Path) -> None:
    text, place = case
    path.write_text(text)
    start = time.process_time()
    with pytest.raises(GameFileError) as caught:
        read(path)
    assert time.process_time() - start <= 2
    assert caught.value.where == (f"{path}:{place}" if text.strip() else f"{path}:1:1")
    assert caught.value.hint or not text
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600
    assert caught.value.exit_code == 2


def test_files_that_are_no_text(tmp_path: Path) -> None:
    for data, message in (
        (b"\x00\x01\x02EFG", "binary"),
        (b"EFG 2 R \xff\xfe", "UTF-8"),
        ("EFG 2".encode("utf-16"), "UTF-16"),
        (b"   \n", "empty"),
    ):
        path = tmp_path / "g.efg"
        path.write_bytes(data)
        with pytest.raises(GameFileError, match=message):
            read_efg(path)
    with pytest.raises(GameFileError, match="directory"):
        read_efg(tmp_path)
    with pytest.raises(GameFileError, match="no such file"):
        read_efg(tmp_path / "none.efg")
    os.mkfifo(tmp_path / "pipe.efg")
    with pytest.raises(GameFileError, match="regular"):
        read_efg(tmp_path / "pipe.efg")
    with (tmp_path / "large.efg").open("wb") as stream:
        stream.truncate(10 << 30)
    start = time.process_time()
    with pytest.raises(GameFileError, match="10,737,418,240 bytes; the limit is 8,388,608"):
        read_efg(tmp_path / "large.efg")
    assert time.process_time() - start < 0.5


LARGE = """
import resource, sys
from gamesim.core.efg_format import read_efg
from gamesim.core.errors import GameFileError
from gamesim.core.nfg_format import read_nfg
M = 8 * 2**20 - 300
tree, table = 'EFG 2 R "t" { "A" "B" }\\n', 'NFG 1 R "t" { "A" "B" }\\n'
texts = {
    "an open string": (read_efg, tree + '"' + "a" * M),
    "backslashes": (read_efg, tree + '"' + chr(92) * M),
    "quotes": (read_efg, tree + '"' * M),
    "braces": (read_efg, tree + "{" * M),
    "nodes": (read_efg, tree + "t " * (M // 2)),
    "a chain": (read_efg, tree + 'p "" 1 1 "" { "x" "y" } 0\\n' * 200_000),
    "actions": (read_efg, tree + 'p "" 1 1 "" { ' + '"a" ' * (M // 4)),
    "blanks": (read_efg, tree + " " * M),
    "payoffs": (read_nfg, table + "{ 1000 1000 }\\n" + "12 " * (M // 3)),
    "a late mistake": (read_nfg, table + "{ 700 800 }\\n" + "".join(f"{k} " for k in range(1_119_999)) + "x"),
    "strategies": (read_nfg, table + "{ { " + '"a" ' * (M // 4) + "} }"),
}
read, text = texts[sys.argv[1]]
used = resource.getrusage(resource.RUSAGE_SELF).ru_utime
try:
    read(text)
except GameFileError as error:
    print(error)
else:
    sys.exit("it was read")
used = resource.getrusage(resource.RUSAGE_SELF).ru_utime - used
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))  # ru_maxrss would count whoever started this
print("LARGEST", int(peak.split()[1]) // 1024, used)
"""


@pytest.mark.parametrize("case", ["an open string", "payoffs", "a late mistake"])
def test_files_of_eight_megabytes_of_rubbish_cost_little(case: str) -> None:
    import subprocess
    import sys

    done = subprocess.run([sys.executable, "-c", LARGE, case], capture_output=True, text=True, check=True)
    place, _, told = done.stdout.partition("LARGEST ")
    assert place.startswith("text:")
    assert int(told.split()[0]) <= 512


def test_limits_can_be_raised() -> None:
    wide = EFG + 'p "" 1 1 "" { ' + " ".join(f'"{k}"' for k in range(1200)) + " } 0\n" + LEAF * 1200
    with pytest.raises(GameFileError, match="more than 1,000"):
        read_efg(wide)
    assert read_efg(wide, limits=FileLimits(actions=2000)).size == 1201
    with pytest.raises(GameFileError, match="more than 3 nodes"):
        read_efg(EFG + CHAIN + LEAF + CHAIN.replace("1 1", "2 1") + LEAF * 2, limits=FileLimits(nodes=3))


def test_what_is_strange_but_legal_is_read() -> None:
    text = (
        '\ufeffEFG 2 D "t" { "A" "B" }\r\n"a \\"quoted\\" comment"\r\n'
        'c "" 1 "" { "x" 0 "y" 1.0 } 0\r\n'
        'p "" 1 1 "s" { "same" "same" } 3 "bonus" { 1, 1 }\r\n'
        't "" 1 "" { 1e18 1e-18 }\r\nt "" 0\r\np "" 1 1 0\r\nt "" 1\r\nt "n" 2 "" { .5 -1/3 }'
    )
    game = read_efg(text)
    assert game.sets[0].actions == ("same", "same (2)")
    assert game.notes
    assert game.payoffs[0] == (Fraction(10**18 + 1), 1 + Fraction(1, 10**18))
    assert game.payoffs[1] == (1, 1)
    assert game.payoffs[2] == (Fraction(10**18), Fraction(1, 10**18))
    assert game.payoffs[3] == (Fraction(1, 2), Fraction(-1, 3))
    assert game.chances[0].probabilities == (0, 1)
    assert game.sets_of[1] == ()


def test_the_first_players_strategy_varies_fastest() -> None:
    game = read_nfg(NFG + "{ 2 3 }\n11 0  21 1  12 2  22 3  13 4  23 5")
    assert game.payoffs[0].tolist() == [[11, 12, 13], [21, 22, 23]]
    assert game.payoffs[1].tolist() == [[0, 2, 4], [1, 3, 5]]
    named = read_nfg(NFG + '{ { "u" "d" } { "l" } } "why"\n{ { "o" 1, 2 } { "q" 3, 4 } }\n2 0')
    assert named.actions == (("u", "d"), ("l",))
    assert named.payoffs.tolist() == [[[3.0], [0.0]], [[4.0], [0.0]]]


LABELS = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Zl", "Zp")), max_size=8).filter(str.isprintable)


@settings(max_examples=100, deadline=None)
@given(st.lists(LABELS.filter(bool), min_size=2, max_size=2, unique=True), LABELS, LABELS, LABELS)
def test_any_label_survives_its_file(players: list[str], title: str, node: str, action: str) -> None:
    """Quotes and backslashes included; a label of spaces too."""
    from gamesim.core.extensive_form import TreeBuilder

    build = TreeBuilder(players, name=title)
    build.move(0, 1, (action or "a", (action or "a") + "!"), label=title, name=node)
    build.leaf((1, 2))
    build.leaf((3, 4))
    game = build.build()
    again = read_efg(write_efg(game))
    assert again == game
    assert (again.name, again.labels) == (game.name, game.labels)
    table = NormalFormGame([[[1, 2]], [[3, 4]]], (("a",), (action or "b", (action or "b") + "!")), players, name=title)
    assert read_nfg(write_nfg(table)) == table


def test_labels_may_hold_joiners_and_hard_spaces() -> None:
    farmer = "\N{WOMAN}\N{ZERO WIDTH JOINER}\N{EAR OF RICE} dit\N{NO-BREAK SPACE}non"
    tree = EFG + f'p "" 1 1 "" {{ "{farmer}" "b" }} 0\n' + LEAF + 't "" 2 "" { 1 0 }\n'
    assert read_efg(tree).sets[0].actions == (farmer, "b")


def test_sets_of_one_player_are_written_with_names_that_differ() -> None:
    """Gambit 17 reads no others."""
    text = EFG + 'p "" 1 1 "s" { "l" "r" } 0\np "" 1 2 "s" { "l" "r" } 0\n' + LEAF + LEAF + LEAF
    again = read_efg(write_efg(read_efg(text)))
    assert [information.label for information in again.sets] == ["s", "s #2"]


def test_what_is_too_large_for_floats_is_told() -> None:
    from gamesim.core.certify import certify
    from gamesim.core.errors import UnsupportedGameError

    with pytest.raises(GameFileError, match="too large for a table") as caught:
        read_nfg(NFG + "{ 1 2 }\n1 2 3 1e400")
    assert caught.value.where == "text:3:7"
    tree = read_efg(EFG + CHAIN + LEAF + 't "" 2 "" { 1e400 0 }\n')
    with pytest.raises(UnsupportedGameError, match="too large to compute with"):
        certify(tree, [[1, 0]])


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 3), st.booleans())
def test_trees_survive_their_file(seed: int, players: int, forget: bool) -> None:
    game = random_tree(seed, players, 3, forget)
    text = write_efg(game)
    assert read_efg(text) == game
    assert write_efg(read_efg(text)) == text


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 3), min_size=1, max_size=3), st.integers(0, 10**6))
def test_tables_survive_their_file(shape: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    floats = NormalFormGame(rng.normal(size=(len(shape), *shape)))
    exact = NormalFormGame(exact_payoffs(floats), floats.actions, floats.players)
    again = read_nfg(write_nfg(floats))
    assert again == exact
    assert (again.payoffs == floats.payoffs).all()


NO_FILE = ("leduc", "ostrom_gardner_walker", "levine_hats", "position_auction")  # too large, or neither table nor tree


@pytest.mark.parametrize("name", [name for name in names("games") if name not in NO_FILE])
def test_named_games_survive_their_file(name: str) -> None:
    game = entry("games", name)(**({"players": 3} if name == "public_good" else {}))
    if not hasattr(game, "to_normal_form"):
        pytest.skip("neither a tree nor a table")
    if hasattr(game, "subgame_roots"):
        assert read_efg(write_efg(game)) == game
    else:
        table = game.to_normal_form()
        assert (read_nfg(write_nfg(table)).payoffs == table.payoffs).all()


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet='EFGNRDcpt"{}[] 0123456789/.,-e\n\\xyé', max_size=200), st.booleans())
def test_no_text_breaks_the_readers(text: str, tree: bool) -> None:
    try:
        (read_efg if tree else read_nfg)(("EFG 2 R" if tree else "NFG 1 R") + text + "\n")
    except GameFileError as error:
        assert error.where  # noqa: PT017
