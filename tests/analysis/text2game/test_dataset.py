"""The shipped described games: what the index says is so, texts differ from one another, twins say the same."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import combinations
from pathlib import Path

import pytest
from gamesim_analysis.equilibrium import solve
from gamesim_analysis.text2game.dataset import TAGS, Dataset, load_dataset

from gamesim.core.equivalence import compare
from gamesim.core.errors import DatasetError, EnglishError
from gamesim.envs.efg.reading import read_game

DEV, OWN = load_dataset("dev"), load_dataset("own")
GAMES = [(data, name) for data in (DEV, OWN) for name, entry in data.items() if entry.expected == "game"]
IDS = [name for _, name in GAMES]


def payoffs(rows: object) -> set[tuple[Fraction, ...]]:
    return {tuple(Fraction(value) for value in row) for row in rows}  # type: ignore[attr-defined]


@pytest.mark.parametrize(("data", "name"), GAMES, ids=IDS)
def test_what_the_index_says_of_the_equilibria(data: Dataset, name: str) -> None:
    entry = data[name]
    game = entry.game()
    assert game.players == entry.players
    assert entry.known
    solution = solve(game, "pure")
    assert {tuple(e.payoffs) for e in solution.equilibria} == payoffs(entry.known["pure_payoffs"])
    assert all(e.certificate.gap == 0 for e in solution.equilibria)
    if "value_to_first" in entry.known:
        (found,) = solve(game, "value").equilibria
        assert found.payoffs[0] == Fraction(entry.known["value_to_first"])
    if "spe_payoffs" in entry.known:
        found = solve(game, "spe")
        assert {tuple(e.payoffs) for e in found.equilibria} == payoffs(entry.known["spe_payoffs"])
    small = game.n == 2 and sum(game.strategy_count(i) for i in range(2)) <= 14
    if "extreme_payoffs" in entry.known and small:
        found = solve(game, "nash", every=True)
        assert found.complete
        assert {tuple(e.payoffs) for e in found.equilibria} == payoffs(entry.known["extreme_payoffs"])


@pytest.mark.parametrize(("data", "name"), GAMES, ids=IDS)
def test_the_twin_in_controlled_english_is_the_game(data: Dataset, name: str) -> None:
    entry = data[name]
    assert entry.english is not None
    twin = read_game(entry.english)
    verdict = compare(entry.game(), twin.game)
    assert verdict.passed, verdict.difference
    assert set(entry.expected_assumptions) <= {a.kind for a in twin.assumptions}
    with pytest.raises(EnglishError, match="--model") as refused:
        read_game(entry.text, format="english")
    assert refused.value.line == 1
    assert refused.value.nearest


def test_coverage() -> None:
    tags = {tag for entry in OWN.values() for tag in entry.tags}
    wanted = [
        "1p",
        "3p",
        "4p",
        "imperfect-recall",
        "absent-minded",
        "chance-after-moves",
        "repeated",
        "signalling",
        "auction",
        "voting",
        "bargaining",
        "ordinal",
        "constraints",
        "parameters",
        "ambiguous",
        "no-game",
    ]
    assert set(wanted) <= tags <= TAGS
    assert len([e for e in OWN.values() if e.expected == "game"]) >= 20
    assert sum(bool({"ordinal", "constraints"} & set(e.tags)) for e in OWN.values()) >= 3
    assert sum("parameters" in e.tags for e in OWN.values()) >= 2
    assert any(e.expected_assumptions and "ambiguous" in e.tags for e in OWN.values())
    assert [name for name, e in OWN.items() if e.expected == "no_game"] == ["plum_jam"]
    assert OWN["plum_jam"].reference is None
    with pytest.raises(EnglishError):
        read_game(OWN["plum_jam"].text, format="english")


def test_no_two_games_are_one() -> None:
    games = {name: data[name].game() for data, name in GAMES}
    assert len(games) == len(GAMES)
    for a, b in combinations(games, 2):
        assert not compare(games[a], games[b]).passed, (a, b)


def test_constraints_hold_on_their_references() -> None:
    entry = OWN["fence_mending"]
    verdict = compare(entry.game(), entry.game(), payoffs="constraints", constraints=entry.constraints)
    assert verdict.level == "EXACT"


def write(folder: Path, *rows: dict[str, object]) -> Path:
    (folder / "a.txt").write_text("A text.\n")
    (folder / "index.json").write_text(json.dumps({"games": rows}))
    return folder


def test_what_is_wrong_with_an_index(tmp_path: Path) -> None:
    good = {"name": "a", "text": "a.txt", "expected": "no_game"}
    assert list(load_dataset(write(tmp_path, good))) == ["a"]
    for rows, told in (
        (({**good, "tags": ["votting"]},), "a: unknown tag 'votting'. Did you mean 'voting'"),
        ((good, good), "a: the name stands twice"),
        (({"name": "b", "text": "a.txt"},), "b: no 'efg'"),
        (({"name": "b", "text": "b.txt", "expected": "no_game"},), "b: the file b.txt of 'text' is missing"),
        (({"name": "b", "text": "../a.txt", "expected": "no_game"},), "leads out of the folder"),
        (({**good, "payoff_mode": "ordnal"},), "Did you mean 'ordinal'"),
    ):
        with pytest.raises(DatasetError, match=told):
            load_dataset(write(tmp_path, *rows))
    for text in ("[]", "{", '{"games": [1]}'):
        (tmp_path / "index.json").write_text(text)
        with pytest.raises(DatasetError):
            load_dataset(tmp_path)
    with pytest.raises(DatasetError, match="Did you mean 'dev'"):
        load_dataset("devv")
