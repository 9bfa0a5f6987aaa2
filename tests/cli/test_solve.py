"""gamesim solve: tables, words, JSON, exit codes, and what it must not load."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from gamesim_analysis.equilibrium import write_efg, write_nfg
from gamesim_analysis.equilibrium.sources import catalog, read_game
from jsonschema import Draft202012Validator

from gamesim.cli import main as command_line
from gamesim.cli.shapes import output_schema
from gamesim.core.errors import GameFileError, ScenarioError, UnknownKindError


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = command_line.run(["solve", *arguments])
    told = capsys.readouterr()
    return code, told.out, told.err


def as_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    _, out, _ = run(capsys, *arguments, "--json")
    found = json.loads(out)
    Draft202012Validator(output_schema("solve")).validate(found)
    return found


def test_a_tree_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "catalog:ferry_fare")
    assert code == 0
    assert "ferry_fare: 2 players, 10 nodes, perfect information, perfect recall, general-sum" in out
    assert "(5, 1)   Skipper Offer 1; Traveller Take, (Take), (Take)  0 exact" in out
    assert "no player can gain anything by another plan, in any subgame: exact fractions" in out
    assert "the list of SPE payoffs is complete" in out


def test_files_yaml_and_the_catalog_say_the_same(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    pennies = catalog("matching_pennies")
    (tmp_path / "g.nfg").write_text(write_nfg(pennies))
    (tmp_path / "g.yaml").write_text(
        "players: [player_0, player_1]\nactions: [[heads, tails], [heads, tails]]\n"
        "payoffs: [[[1, -1], [-1, 1]], [['-1/1', 1.0], [1, -1]]]\n"
    )
    (tmp_path / "named.yaml").write_text("game: matching_pennies\n")
    answers = [
        as_json(capsys, source, "--all")["equilibria"]
        for source in ("catalog:matching_pennies", *(str(tmp_path / f) for f in ("g.nfg", "g.yaml", "named.yaml")))
    ]
    assert answers[0][0]["profile"] == {f"player_{i}": {"heads": "1/2", "tails": "1/2"} for i in (0, 1)}
    assert all(answer == answers[0] for answer in answers)
    (tmp_path / "k.efg").write_text(write_efg(catalog("kuhn")))
    found = as_json(capsys, str(tmp_path / "k.efg"))
    assert found["equilibria"][0]["payoffs"] == ["-1/18", "1/18"]
    assert found["equilibria"][0]["certificate"]["grade"] == "exact"


def test_the_same_answer_twice(capsys: pytest.CaptureFixture[str]) -> None:
    one, two = (as_json(capsys, "catalog:museum_or_fair", "--concept", "spe") for _ in range(2))
    for answer in (one, two):
        answer.pop("elapsed")
    assert one == two


def test_exit_codes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(capsys, "catalog:matching_pennies", "--concept", "pure")[0] == 1  # proved: there is none
    code, _, err = run(capsys, "catalog:kuhnn")
    assert code == 2
    assert "Did you mean 'kuhn'?" in err
    (tmp_path / "bad.efg").write_text('EFG 2 R "x" { "a" "b" }\np "" 7 1 "" { "x" "y" } 0\n')
    code, _, err = run(capsys, str(tmp_path / "bad.efg"))
    assert code == 2
    assert f"{tmp_path}/bad.efg:2:6: player 7 does not exist" in err
    assert run(capsys, "catalog:kuhn", "--concept", "nonsense")[0] == 4
    assert run(capsys, "catalog:shapley", "--method", "lp")[0] == 4
    assert run(capsys, str(tmp_path / "x.agg"))[0] == 2


def test_the_plan_and_the_objective(capsys: pytest.CaptureFixture[str]) -> None:
    assert [step["method"] for step in as_json(capsys, "catalog:kuhn", "--plan")["plan"]] == ["sequence_form_lp"]
    found = as_json(capsys, "catalog:chicken", "--concept", "ce", "--objective", "egalitarian")
    assert found["equilibria"][0]["certificate"]["gap_name"] == "ce_gap"
    assert sum(1 for _ in found["equilibria"][0]["joint"]) >= 1


def test_every_catalog_game_solves_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    from gamesim.envs.efg.catalog import KNOWN

    for name in KNOWN:
        if name in ("liars_dice",):
            continue
        found = as_json(capsys, f"catalog:{name}", "--seconds", "20")
        assert found["equilibria"], name
        assert not found["rejected"]
        assert "exit" in found


def test_game_yaml_says_what_is_wrong(tmp_path: Path) -> None:
    for text, error in (
        ("payoffs: [[[1, x], [0, 1]], [[1, 1], [1, 1]]]", "where a payoff, a number, was expected"),
        ("payoffs: [[[1, 2], [0]], [[1, 1], [1, 1]]]", "length|fit|number"),
        ("payofs: [[1]]", "neither payoffs"),
        ("payoffs: [[[.nan]], [[1]]]", "not finite|number"),
        ("payoffs: [[[1e999]], [[1]]]", "finite|exponent|number"),
        ("payoffs: [[[1]], [[1]]]\nplayer: [a, b]", "Did you mean 'players'"),
    ):
        path = tmp_path / "g.yaml"
        path.write_text(text)
        with pytest.raises((GameFileError, ScenarioError), match=error):
            read_game(str(path))
    (tmp_path / "g.yaml").write_text("game: shaply\n")
    with pytest.raises(UnknownKindError, match="Did you mean 'shapley'"):
        read_game(str(tmp_path / "g.yaml"))


def test_help_list_and_kuhn_load_nothing_heavy() -> None:
    code = (
        "import sys; from gamesim.cli.main import run\n"
        "for a in (['solve', '--help'], ['list', 'solvers'], ['list', 'games'], ['solve', 'catalog:kuhn']):\n"
        "    try: run(a)\n"
        "    except SystemExit: pass\n"
        "bad = {'pygambit', 'pandas', 'matplotlib', 'torch', 'ray', 'mesa', 'openai'} & set(sys.modules)\n"
        "print('BAD', bad)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert answer.stdout.rstrip().endswith("BAD set()")
    assert "-1/18" in answer.stdout
    assert "beer_quiche" in answer.stdout
    assert "sequence_form_lp" in answer.stdout
