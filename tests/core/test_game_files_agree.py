"""Our readers against Gambit's on generated files, most of them broken: both take a file, or neither does."""

from __future__ import annotations

import json
import re
from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from gamesim.core.efg_format import read_efg, write_efg
from gamesim.core.errors import GameFileError
from gamesim.core.nfg_format import read_nfg, write_nfg
from gamesim.core.normal_form import NormalFormGame
from gamesim.run.isolate import isolated
from gamesim.run.limits import ProcessLimits
from gamesim.testing.trees import random_play, random_tree

pytest.importorskip("pygambit")

# Gambit reads more than we do: what follows a whole tree, players of one name or none, 1.5 for an outcome, "." for 0.
STRICTER = re.compile(
    r"something follows|two players have|without players|whole number|'[-.]+' where a \w+, a number|has \d+ digits"
)
GAMBIT = """
import io, json, pygambit
def read(payload):
    for form, text in json.loads(payload):
        try:
            getattr(pygambit, f"read_{form}")(io.StringIO(text))
        except Exception as error:
            yield json.dumps([False, str(error)]).encode()
        else:
            yield json.dumps([True, ""]).encode()
"""
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{},]|[^\s{}",]+', re.DOTALL)
SPICE = ['"x"', '""', "{", "}", ",", "0", "1", "2", "7", "-1", "1/2", "1/3", ".5", "1e2", "1/0", "x", "c", "p", "t", "R", "NFG", "nan", "1.5.", "9" * 30]  # fmt: skip


def broken(text: str, rng: np.random.Generator) -> str:
    """A file with up to two tokens dropped, doubled, exchanged or replaced."""
    tokens = TOKEN.findall(text)
    for _ in range(int(rng.integers(0, 3))):
        k, other = (int(x) for x in rng.integers(0, len(tokens), size=2))
        match int(rng.integers(0, 5)):
            case 0:
                del tokens[k]
            case 1:
                tokens.insert(k, tokens[k])
            case 2:
                tokens[k], tokens[other] = tokens[other], tokens[k]
            case 3:
                tokens[k] = SPICE[int(rng.integers(0, len(SPICE)))]
            case 4:
                tokens = tokens[: max(k, 1)]
    return " ".join(tokens) + "\n"


def generated(count: int, seed: int) -> list[tuple[str, str]]:
    rng = np.random.default_rng(seed)
    files = []
    for k in range(count):
        tree = random_tree(int(rng.integers(10**6)), 2, 2)
        if k % 2:
            files.append(("efg", broken(write_efg(tree), rng)))
            continue
        table = NormalFormGame(rng.integers(-9, 9, size=(2, *rng.integers(1, 3, size=2))))
        text = write_nfg(table, safe_labels=k % 4 == 0)
        if k % 3 == 0:  # the form with outcomes
            head, _, _ = text.partition('""\n')
            text = (
                head
                + '"" { { "o" 1, 2 } { "q" 3 4 } } '
                + " ".join(str(int(x)) for x in rng.integers(0, 3, table.payoffs[0].size))
            )
        files.append(("nfg", broken(text, rng)))
    return files


def theirs(files: list[tuple[str, str]], tmp_path: Path) -> list[list]:
    (tmp_path / "gambit_reader.py").write_text(GAMBIT)
    limits = ProcessLimits(wall=300, cpu=300)
    answers: list[list] = []
    while len(answers) < len(files):  # whatever kills it counts as a refusal, and the rest is asked again
        try:
            rest = json.dumps(files[len(answers) :]).encode()
            for part in isolated("gambit_reader:read", rest, limits=limits, path=[str(tmp_path)]):
                answers.append(json.loads(part))
        except Exception as error:
            answers.append([False, str(error)])
    return answers


def ours(form: str, text: str) -> tuple[bool, str]:
    try:
        (read_efg if form == "efg" else read_nfg)(text)
    except GameFileError as error:
        assert re.match(r"text:\d+:\d+: ", str(error)), text  # noqa: PT017
        return False, str(error)
    return True, ""


@pytest.mark.parametrize("count", [1000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_a_file_is_taken_where_gambit_takes_it(count: int, tmp_path: Path) -> None:
    files = generated(count, count)
    seen: Counter = Counter()
    for (form, text), (taken, told) in zip(files, theirs(files, tmp_path), strict=True):
        mine, why = ours(form, text)
        seen[mine] += 1
        assert mine == taken or (taken and STRICTER.search(why)), (form, text, why, told)
    assert min(seen[True], seen[False]) > count / 5


def test_gambit_agrees_on_the_payoffs_of_what_we_write() -> None:
    """The same random play is worth the same to both, payoffs of inner nodes included."""
    import io

    import pygambit

    for seed in range(40):
        tree = random_tree(seed, 2, 3)
        if not tree.sets:
            continue
        play = random_play(tree, seed)
        game = pygambit.read_efg(io.StringIO(write_efg(tree, safe_labels=True)))
        vectors = [[[float(p) for p in play[h]] for h in own] for own in tree.sets_of]
        profile = game.mixed_behavior_profile(data=vectors)
        worth = payoffs_by_gambit(profile, game)
        assert worth == pytest.approx([float(u) for u in tree.expected(play)], abs=1e-12)
        table = tree.to_normal_form()
        other = pygambit.read_nfg(io.StringIO(write_nfg(table, safe_labels=True)))
        rng = np.random.default_rng(seed)
        mixed = [rng.dirichlet(np.ones(k)).tolist() for k in table.shape]
        assert payoffs_by_gambit(other.mixed_strategy_profile(data=mixed), other) == pytest.approx(
            table.expected([np.array(v) for v in mixed]).tolist(), abs=1e-12
        )


def payoffs_by_gambit(profile, game) -> list[float]:
    asked = getattr(profile, "payoffs", None)
    if asked is not None:
        return [float(asked[player]) for player in game.players]
    return [float(profile.payoff(player)) for player in game.players]


def test_payoffs_on_inner_nodes_are_gambits() -> None:
    import io

    import pygambit

    text = (
        'EFG 2 R "t" { "A" "B" }\np "" 1 1 "" { "x" "y" } 1 "" { 1/3 -2 }\nt "" 2 "" { 1 1 }\n'
        'p "" 2 1 "" { "l" "r" } 3 "" { 10 0 }\nt "" 0\nt "" 2\n'
    )
    tree = read_efg(text)
    third = Fraction(1, 3)
    assert tree.payoffs == ((1 + third, -1), (10 + third, -2), (11 + third, -1))
    game = pygambit.read_efg(io.StringIO(text))
    profile = game.mixed_behavior_profile(data=[[[0.25, 0.75]], [[0.5, 0.5]]])
    wanted = 0.25 * np.array([4 / 3, -1]) + 0.375 * np.array([31 / 3, -2]) + 0.375 * np.array([34 / 3, -1])
    assert payoffs_by_gambit(profile, game) == pytest.approx(wanted.tolist(), abs=1e-12)


def test_what_gambit_writes_is_read() -> None:
    """Its catalog of named games, as it lies in the installed package, and our games written by it."""
    import io
    from pathlib import Path

    import pygambit
    from gamesim_analysis.equilibrium.sources import catalog

    files = sorted((Path(pygambit.__file__).parent / "catalog_data").rglob("*.[en]fg"))
    assert files
    for path in files:
        game = (read_efg if path.suffix == ".efg" else read_nfg)(path)
        assert game.n >= 1
    for name in ("kuhn", "ferry_fare", "selten_horse", "chicken"):
        game = catalog(name)
        if hasattr(game, "sets"):
            written = pygambit.read_efg(io.StringIO(write_efg(game))).to_efg()
            assert read_efg(written + "\n") == game
        else:
            written = pygambit.read_nfg(io.StringIO(write_nfg(game))).to_nfg()
            assert read_nfg(written + "\n") == game
