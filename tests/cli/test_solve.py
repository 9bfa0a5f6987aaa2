"""gamesim solve: tables, words, JSON, exit codes, and what it must not load."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from gamesim_analysis.equilibrium import write_efg, write_nfg
from gamesim_analysis.equilibrium.document import solution_schema
from gamesim_analysis.equilibrium.sources import catalog, read_game
from jsonschema import Draft202012Validator

from gamesim.cli import main as command_line
from gamesim.cli.shapes import output_schema
from gamesim.core.errors import GameFileError, ScenarioError, UnknownKindError
from gamesim.core.registry import names

SCHEMA = solution_schema()
BESIDE = ("command", "exit", "warnings", "files", "dot", "mermaid")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = command_line.run(["solve", *arguments])
    told = capsys.readouterr()
    return code, told.out, told.err


def as_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    _, out, _ = run(capsys, *arguments, "--json")
    found = json.loads(out)
    Draft202012Validator(output_schema("solve")).validate(found)
    if "solutions" in found:
        Draft202012Validator(SCHEMA).validate({k: v for k, v in found.items() if k not in BESIDE})
    return found


def timeless(value: Any) -> Any:
    """A document without the times that its making took."""
    if isinstance(value, dict):
        return {key: timeless(item) for key, item in value.items() if key != "elapsed"}
    return [timeless(item) for item in value] if isinstance(value, list) else value


def test_a_tree_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "catalog:ferry_fare")
    assert code == 0
    assert "ferry_fare: 2 players, 10 nodes, perfect information, perfect recall, general-sum" in out
    _, out, _ = run(capsys, "catalog:ferry_fare", "--concept", "spe")
    assert "(5, 1)   Skipper Offer 1; Traveller Take, (Take), (Take)  0 exact" in out
    assert "no player can gain anything by another plan, in any subgame: exact fractions" in out
    assert "the list of SPE payoffs is complete" in out


def test_players_who_err(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "catalog:prisoners_dilemma", "--concept", "qre", "--lambda", "1")
    assert code == 0
    assert "player_0 0.2268 C + 0.7732 D" in out
    assert "of what the logit rule answers at lambda 1" in out
    branch = as_json(capsys, "catalog:museum_or_fair", "--concept", "qre")["solutions"][0]["branch"]
    assert branch["points"][0]["value"] == 0
    assert branch["points"][-1]["profile"]["Hugo"]["#1"]["Museum"] == pytest.approx(1)
    assert len(branch["crossings"]) == 1


def test_empty_threats_stand_beside_what_rests_on_them(capsys: pytest.CaptureFixture[str]) -> None:
    """Statement 12: one subgame-perfect payoff, complete; (3,3) and (1,5) are Nash; seven pure equilibria; Refuse after Offer 1."""
    for concept in ("pure", "all"):
        found = as_json(capsys, "ferry_fare", "--concept", concept)
        listed = found["solutions"][0]["equilibria"]
        perfect = [e for e in listed if e["concept"] == "subgame-perfect"]
        assert {tuple(e["payoffs"]) for e in perfect} == {("5", "1")}
        assert listed[0] == perfect[0]
        assert {tuple(e["payoffs"]) for e in listed} == {("5", "1"), ("3", "3"), ("1", "5")}
        three = [e for e in listed if e["payoffs"] == ["3", "3"]]
        assert all("rests on Refuse after Offer 1, which loses 1" in e["note"] for e in three)
        assert all(e["certificate"]["grade"] == "exact" for e in listed)
    default = as_json(capsys, "ferry_fare")["solutions"][0]  # subgame-perfect first, the others beside it
    assert [e["concept"] for e in default["equilibria"]] == ["subgame-perfect", *["Nash"] * 6]
    assert any("Every subgame-perfect payoff vector is listed" in note for note in default["notes"])
    code, out, _ = run(capsys, "ferry_fare", "--concept", "pure", "--explain")
    assert code == 0
    assert "7 pure equilibria, 3 payoff vectors." in out
    assert "rests on Refuse after Offer 1, which loses 1" in out
    assert "Empty threat: Traveller promises Refuse after Offer 1, where Take gains 1 (1 v 0)." in out
    spe = as_json(capsys, "ferry_fare", "--concept", "spe")["solutions"][0]
    assert (spe["complete"], spe["exact"], len(spe["equilibria"])) == (True, True, 1)


def test_the_catalog_has_the_payoffs_that_are_known(capsys: pytest.CaptureFixture[str]) -> None:
    """Statements 13 to 15 by name; extreme and mixed ones of more than two players need Gambit and are tested with it."""

    def payoffs(name: str, *more: str) -> set[tuple[str, ...]]:
        return {tuple(e["payoffs"]) for e in as_json(capsys, name, *more)["solutions"][0]["equilibria"]}

    assert payoffs("jam_shelf", "--concept", "spe") == {("2", "0")}
    assert payoffs("seed_loan", "--concept", "spe") == {("4", "1")}
    assert payoffs("two_night_camp", "--concept", "spe") == {("2", "2")}
    assert payoffs("museum_or_fair", "--concept", "spe") >= {("3", "3"), ("5", "1")}
    assert payoffs("three_card_raise") == {("1/18", "-1/18")}
    assert payoffs("hill_and_bridge") == {("2", "-2")}
    assert payoffs("ice_seller", "--concept", "pure") == {("3", "8/5"), ("0", "0")}
    assert payoffs("ice_seller", "--all") >= {("2", "0"), ("3", "0"), ("3", "22/115")}
    assert payoffs("forklift_aisle", "--all") == {("5", "2"), ("2", "5"), ("5/2", "5/2")}
    assert payoffs("three_bakers", "--concept", "pure") == {("1", "4", "4"), ("4", "1", "4"), ("4", "4", "1")}


def test_files_yaml_and_the_catalog_say_the_same(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    pennies = catalog("matching_pennies")
    (tmp_path / "g.nfg").write_text(write_nfg(pennies))
    (tmp_path / "g.yaml").write_text(
        "players: [player_0, player_1]\nactions: [[heads, tails], [heads, tails]]\n"
        "payoffs: [[[1, -1], [-1, 1]], [['-1/1', 1.0], [1, -1]]]\n"
    )
    (tmp_path / "named.yaml").write_text("game: matching_pennies\n")
    answers = [
        as_json(capsys, source, "--all")["solutions"][0]["equilibria"]
        for source in ("catalog:matching_pennies", *(str(tmp_path / f) for f in ("g.nfg", "g.yaml", "named.yaml")))
    ]
    assert answers[0][0]["profile"] == {f"player_{i}": {"heads": "1/2", "tails": "1/2"} for i in (0, 1)}
    assert all(answer == answers[0] for answer in answers)
    (tmp_path / "k.efg").write_text(write_efg(catalog("kuhn")))
    found = as_json(capsys, str(tmp_path / "k.efg"))
    assert found["solutions"][0]["equilibria"][0]["payoffs"] == ["-1/18", "1/18"]
    assert found["solutions"][0]["equilibria"][0]["certificate"]["grade"] == "exact"


def test_the_same_answer_twice(capsys: pytest.CaptureFixture[str]) -> None:
    one, two = (timeless(as_json(capsys, "catalog:museum_or_fair", "--concept", "spe")) for _ in range(2))
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
    assert run(capsys, "catalog:shapley", "--method", "zero_sum_lp")[0] == 2  # wrong for the game
    assert run(capsys, str(tmp_path / "x.agg"))[0] == 2
    assert run(capsys, "biased_rps", "--method", "lemke_howson", "--exact")[0] in (0, 1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("kuhn", "--concept", "nahs"), "Did you mean 'nash'"),
        (("kuhn", "--concept", "correlatd"), "Did you mean 'correlated'"),
        (("kuhn", "--method", "lemke_hobson"), "Did you mean 'lemke_howson'"),
        (("kuhnn",), "Did you mean 'kuhn'"),
        (("chicken", "--objective", "welfair"), "Did you mean 'welfare'"),
        (("chicken", "--objective", "player:nobody"), "no player 'nobody'"),
        (("chicken", "--limit-wall", "soon"), "no duration"),
        (("chicken", "--limit-wall", "0"), "between 0.1s and 1d"),
        (("chicken", "--limit-memory", "2 parsecs"), "no size"),
        (("chicken", "--where", "x"), "NAME=VALUE"),
        (("chicken", "--param", "labls=all", "--method", "lemke_howson"), "Did you mean 'labels'"),
        (("chicken", "--concept", "spe"), "subgame perfection is a claim about trees"),
        (("position_auction", "--concept", "nash"), "Ask for --concept truthful"),
        (("position_auction", "--svg", "x.svg"), "cannot be drawn"),
    ],
)
def test_what_cannot_be_asked_says_what_was_meant(
    arguments: tuple[str, ...],
    said: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, *arguments)
    assert said in err, (out, err)
    assert code == 2 or "nobody" in said
    assert err.count("\n") == 1


def test_limits_are_durations_and_sizes(capsys: pytest.CaptureFixture[str]) -> None:
    for flags in (("--limit-wall", "20s"), ("--seconds", "20"), ("--limit-wall", "0.5min", "--limit-cpu", "20s")):
        request = as_json(capsys, "chicken", *flags, "--limit-memory", "512MiB", "--stop-after", "1", "--all")[
            "request"
        ]
        assert request["limit_memory"] == 512 << 20
        assert request["limit_wall"] in ("20s", "30s")
    found = as_json(capsys, "ferry_fare", "--concept", "pure", "--stop-after", "3")["solutions"][0]
    assert (len(found["equilibria"]), found["stopped"], found["complete"]) == (3, "count", False)
    assert as_json(capsys, "chicken", "--memory", "512")["request"]["limit_memory"] == 512 << 20


def test_pictures_and_pages_are_written(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Statement 64: table, words, SVG, JSON and page of each shipped game, twice the same bytes but for times."""
    for name in (
        "ferry_fare",
        "kuhn",
        "biased_rps",
        "three_bakers",
        "levine_hats",
        "museum_or_fair",
        "matching_pennies",
    ):
        told = []
        for place in (tmp_path / name / "1", tmp_path / name / "2"):
            code, out, _ = run(capsys, name, "--out", str(place), "--explain")
            assert code == 0
            document = json.loads((place / "solution.json").read_text(encoding="utf-8"))
            Draft202012Validator(SCHEMA).validate(document)
            page = (place / "report.html").read_text(encoding="utf-8")
            assert page.startswith("<!doctype html>")
            assert f"gamesim solve {name}" in page
            files = {p.name: p.read_bytes() for p in place.iterdir() if p.name != "solution.json"}
            told.append((out, timeless(document), files))
            if name != "levine_hats":
                ElementTree.fromstring((place / "game.svg").read_text(encoding="utf-8"))
        assert told[0] == told[1], name
    run(capsys, "kuhn", "--draw", str(tmp_path / "k.svg"))
    assert (tmp_path / "k.svg").read_text().count('class="node"') == 55
    code, _, err = run(capsys, "kuhn", "--svg", "/dev/null/x.svg")
    assert code == 6
    assert "cannot be written" in err


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(names("games")) - {"ostrom_gardner_walker"}))
def test_every_shipped_game_is_told_drawn_and_written_alike_twice(
    name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    told = []
    for place in ("1", "2"):
        code, out, _ = run(capsys, name, "--explain", "--out", str(tmp_path / place))
        assert code == 0
        document = json.loads((tmp_path / place / "solution.json").read_text(encoding="utf-8"))
        Draft202012Validator(SCHEMA).validate(document)
        files = {p.name: p.read_bytes() for p in (tmp_path / place).iterdir() if p.name != "solution.json"}
        assert len(files["report.html"]) < 1_000_000
        if "game.svg" in files:
            ElementTree.fromstring(files["game.svg"])
        told.append((out, timeless(document), files))
        if name in ("leduc", "public_good", "liars_dice"):
            return  # once is enough for the largest
    assert told[0] == told[1]


def test_a_folder_of_that_name_is_not_in_the_way(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        assert run(capsys, "kuhn", "--out", "kuhn")[0] == 0
    (tmp_path / "empty").mkdir()
    code, _, err = run(capsys, "empty")
    assert code == 6
    assert "no run here" in err


def test_fractions_survive(capsys: pytest.CaptureFixture[str]) -> None:
    found = as_json(capsys, "kuhn")["solutions"][0]["equilibria"][0]
    game = catalog("kuhn")
    play = [
        [Fraction(found["profile"][game.players[s.player]][game.set_names[h]][a]) for a in s.actions]
        for h, s in enumerate(game.sets)
    ]
    assert game.expected(play) == (Fraction(-1, 18), Fraction(1, 18))
    assert [Fraction(value) for value in found["payoffs"]] == [Fraction(-1, 18), Fraction(1, 18)]


def test_graphs_are_printed_alone(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "kuhn", "--dot")
    assert out.startswith("digraph")
    assert out.endswith("}\n")
    _, out, _ = run(capsys, "kuhn", "--mermaid")
    assert out.startswith("flowchart")
    found = as_json(capsys, "ferry_fare", "--dot", "--mermaid")
    assert found["dot"].startswith("digraph")
    assert "==>" in found["mermaid"]


def test_every_method_asked(capsys: pytest.CaptureFixture[str]) -> None:
    found = as_json(capsys, "prisoners_dilemma", "--cross-check", "--seconds", "20")
    table = found["cross_check"]
    assert {"vertex_enumeration", "lemke_howson", "enumpure"} <= {row["method"] for row in table["rows"]}
    assert found["exit"] == (0 if table["agreed"] else 1)
    assert found["solutions"][0]["equilibria"][0]["payoffs"] == ["1", "1"]


def test_prices_of_anarchy_and_stability(capsys: pytest.CaptureFixture[str]) -> None:
    found = as_json(capsys, "prisoners_dilemma", "--all")["solutions"][0]["metrics"]
    assert (found["optimum"], found["price_of_anarchy"], found["price_of_stability"], found["of"]) == ("6", "3", "3", "all equilibria")  # fmt: skip
    one = as_json(capsys, "stag_hunt")["solutions"][0]["metrics"]
    assert one["of"] == "those found"
    pennies = as_json(capsys, "matching_pennies")["solutions"][0]["metrics"]
    assert pennies["price_of_anarchy"] is None
    assert pennies["reason"] == "some payoffs are negative"


def test_standard_input_and_a_scenario(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"3 3,0 5\n5 0,1 1\n")))
    found = as_json(capsys, "-")
    assert found["solutions"][0]["equilibria"][0]["payoffs"] == ["1", "1"]
    found = as_json(capsys, "games/grim_against_alternation")
    assert found["notes"] == ["This is the game of one round; the scenario plays 20."]


def test_the_plan_and_the_objective(capsys: pytest.CaptureFixture[str]) -> None:
    assert [step["method"] for step in as_json(capsys, "catalog:kuhn", "--plan")["plan"]] == ["sequence_form_lp"]
    found = as_json(capsys, "catalog:chicken", "--concept", "ce", "--objective", "egalitarian")
    assert found["solutions"][0]["equilibria"][0]["certificate"]["gap_name"] == "ce_gap"
    assert sum(1 for _ in found["solutions"][0]["equilibria"][0]["joint"]) >= 1


@pytest.mark.parametrize(
    ("asked", "concept"),
    [
        (("shapley", "--method", "alpha_rank"), "alpharank"),
        (("prisoners_dilemma", "--method", "correlated"), "correlated"),
        (("museum_or_fair", "--method", "subgame_decomposition"), "spe"),
        (("prisoners_dilemma", "--method", "enumpure"), "nash"),
        (("matching_pennies", "--beta", "0.1"), "regularised"),
    ],
)
def test_a_method_or_a_flag_says_what_is_asked(
    asked: tuple[str, ...], concept: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert as_json(capsys, *asked)["request"]["concept"] == concept


def test_every_catalog_game_solves_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    from gamesim.envs.efg.catalog import KNOWN

    for name in KNOWN:
        if name in ("liars_dice",):
            continue
        found = as_json(capsys, f"catalog:{name}", "--seconds", "20")
        assert found["solutions"][0]["equilibria"], name
        assert not found["solutions"][0]["rejected"]
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
        "import os, subprocess, sys; from gamesim.cli.main import run\n"
        "def child(*a, **k): raise AssertionError('a child was started')\n"
        "os.fork = os.posix_spawn = os.system = subprocess.Popen = child\n"
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


def test_a_preference_game_and_rankings_from_a_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "models.yaml"
    file.write_text(
        "name: models\nactions: [haiku, sonnet, opus]\nbeta: 0.1\n"
        "preferences: [[0.5, 0.9, 0.2], [0.1, 0.5, 0.7], [0.8, 0.3, 0.5]]\n"
    )
    told = as_json(capsys, str(file))
    assert told["game"]["kind"] == "preference"
    (equilibrium,) = told["solutions"][0]["equilibria"]
    assert equilibrium["profile"]["player_0"]["opus"] == pytest.approx(0.44640781, abs=1e-8)
    certificate = equilibrium["certificate"]
    assert (certificate["gap_name"], certificate["gap"] <= 1e-10) == ("regularised_gap", True)
    assert certificate["nash_conv"] == pytest.approx(0.05291, abs=1e-4)
    assert certificate["details"]["tangent_residual"] > 0
    (nash,) = as_json(capsys, str(file), "--concept", "nash")["solutions"][0]["equilibria"]
    assert nash["profile"]["player_0"] == {"haiku": "2/9", "sonnet": "1/3", "opus": "4/9"}
    (ranking,) = as_json(capsys, str(file), "--concept", "alpharank", "--param", "alpha=1")["rankings"]
    assert sum(
        ranking["scores"].values() if isinstance(ranking["scores"], dict) else ranking["scores"]
    ) == pytest.approx(1)
    code, out, _ = run(capsys, "catalog:stag_hunt", "--concept", "evolution", "--method", "moran_process", "--param", "selection=0.1")  # fmt: skip
    assert code == 0
    assert "ranks 2 strategies" in out
    file.write_text("preferences: [[0.5, 0.9], [0.2, 0.5]]\n")
    code, _, error = run(capsys, str(file))
    assert code == 2
    assert "add to 1" in error
