"""gamesim check, show and schema on games."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from gamesim_analysis.text2game.dataset import load_dataset
from jsonschema import Draft202012Validator

from gamesim.cli import main as command_line
from gamesim.cli.shapes import output_schema
from gamesim.core.efg_format import write_efg
from gamesim.envs.efg import catalog
from gamesim.envs.efg.document import document_of
from gamesim.testing.game_variants import with_forced_move

DEV = load_dataset("dev")
Capture = pytest.CaptureFixture[str]


def run(capsys: Capture, *arguments: str) -> tuple[int, str, str]:
    code = command_line.run(list(arguments))
    told = capsys.readouterr()
    return code, told.out, told.err


def as_json(capsys: Capture, command: str, *arguments: str) -> tuple[int, dict]:
    code, out, _ = run(capsys, command, *arguments, "--json")
    found = json.loads(out)
    Draft202012Validator(output_schema(command)).validate(found)
    return code, found


def test_check_and_compare_every_format(capsys: Capture, tmp_path: Path) -> None:
    loan = catalog.seed_loan()
    (tmp_path / "loan.efg").write_text(write_efg(loan))
    (tmp_path / "loan.yaml").write_text(document_of(loan).to_yaml())
    (tmp_path / "loan.json").write_text(document_of(loan).to_json())
    twin = str(DEV["seed_loan"].english)
    for source in (*(str(tmp_path / f"loan.{end}") for end in ("efg", "yaml", "json")), twin, "catalog:seed_loan"):
        code, out, _ = run(capsys, "check", source, "--equals", str(tmp_path / "loan.efg"))
        assert (code, "EXACT: the same game, written alike." in out) == (0, True), out
    _, out, _ = run(capsys, "check", twin)
    assert "ok   2 players, 7 nodes, 4 leaves, 2 information sets, perfect information" in out
    assert "assumed, information: Grower sees what chance draws (Good rain, Drought)" in out
    code, found = as_json(capsys, "check", str(tmp_path / "loan.efg"), "--equals", "catalog:jam_shelf")
    assert code == 1
    verdict = found["files"][0]["equals"]
    assert (verdict["level"], verdict["passed"], verdict["difference"]) == ("LOADS", False, "11 nodes against 7.")


def test_levels_modes_and_players(capsys: Capture, tmp_path: Path) -> None:
    loan = catalog.seed_loan()
    forced = tmp_path / "forced.efg"
    forced.write_text(write_efg(with_forced_move(loan, 1, 0)))
    code, out, _ = run(capsys, "check", str(forced), "--equals", "catalog:seed_loan")
    assert code == 1
    assert "RSF: the same reduced strategic form" in out
    assert "note: forced moves dropped" in out
    kuhn = tmp_path / "kuhn.efg"
    kuhn.write_text(write_efg(catalog.forklift_aisle()).replace("Mara", "x").replace("Oskar", "y"))
    code, out, _ = run(capsys, "check", str(kuhn), "--equals", "catalog:forklift_aisle", "--players", "Mara=y", "--players", "Oskar=x")  # fmt: skip
    assert (code, "ISO-I" in out and "Mara is y, Oskar is x" in out) == (0, True), out
    code, _, err = run(capsys, "check", str(kuhn), "--equals", "catalog:forklift_aisle", "--players", "Mara=z")
    assert (code, "'z' is no player of the file" in err) == (2, True)
    code, _, err = run(capsys, "check", str(kuhn), "--equals", "catalog:forklift_aisle", "--payoffs", "ordnal")
    assert "Did you mean 'ordinal'" in err
    assert code == 2
    own = load_dataset("own")
    data = {**document_of(own["fence_mending"].game()).plain(), "payoff_mode": "constraints", "constraints": list(own["fence_mending"].constraints)}  # fmt: skip
    (tmp_path / "fence.json").write_text(json.dumps(data))
    (tmp_path / "other.efg").write_text(own["fence_mending"].reference.read_text().replace("5", "9").replace("{ 3, 3 }", "{ 8, 8 }"))  # type: ignore[union-attr] # fmt: skip
    assert run(capsys, "check", str(tmp_path / "other.efg"), "--equals", str(tmp_path / "fence.json"))[0] == 0
    assert run(capsys, "check", str(tmp_path / "other.efg"), "--equals", str(tmp_path / "fence.json"), "--payoffs", "exact")[0] == 1  # fmt: skip


def test_everything_wrong_is_told(capsys: Capture, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(
        "format: gamesim-game-1\ntitle: x\nplayers: [A]\nroot:\n  type: chance\n  outcomes:\n"
        "    - {label: u, prob: 1/2, node: {type: terminal, payoffs: {B: 1}}}\n"
        "    - {label: v, prob: 1/3, node: {type: move, player: a, infoset: s, actions: {l: {type: terminal, payoffs: {A: 2*z}}}}}\n"
    )
    code, out, _ = run(capsys, "check", str(bad))
    assert code == 2
    for part in ("root > u: E04", "root: E06: probabilities sum to 5/6", "root > v: E03", "root > v > l: E13"):
        assert f"{bad}: {part}" in out
    code, found = as_json(capsys, "check", str(bad))
    assert code == found["exit"] == 2
    assert [p["code"] for p in found["files"][0]["problems"] if p["severity"] == "error"] == [
        "E06",
        "E04",
        "E13",
        "E03",
    ]
    code, _, err = run(capsys, "solve", str(bad))
    assert (code, err.count("GameDocumentError")) == (2, 4)
    prose = tmp_path / "prose.txt"
    prose.write_text(DEV["jam_shelf"].text)
    for command in ("check", "solve", "show"):
        code, _, err = run(capsys, command, str(prose))
        assert (code, f"{prose}:1: " in err, "--model" in err) == (2, True, True), err
    for name, content in (("empty.efg", ""), ("long.txt", "Title: x.\n" * 3000), ("binary.json", "\0\0{")):
        (tmp_path / name).write_text(content)
        assert run(capsys, "check", str(tmp_path / name))[0] == 2


def test_warnings_and_strict(capsys: Capture, tmp_path: Path) -> None:
    data = {
        **document_of(catalog.seed_loan()).plain(),
        "description": "Rain with probability 3/4; 4, 1, 7, 6, 11 and 13 coins.",
    }
    path = tmp_path / "w.json"
    path.write_text(json.dumps(data))
    code, _, err = run(capsys, "check", str(path))
    assert (code, "W04: '13' of the text is nowhere in the game" in err) == (0, True)
    assert run(capsys, "check", str(path), "--strict")[0] == 2


def test_show(capsys: Capture, tmp_path: Path) -> None:
    twin = str(DEV["museum_or_fair"].english)
    code, out, _ = run(capsys, "show", twin)
    assert code == 0
    assert "    Museum: Hugo at Hugo after Greta Go out, one of 2 nodes not told apart" in out
    svg = tmp_path / "g.svg"
    code, out, err = run(capsys, "show", twin, "--words", "--svg", str(svg))
    assert (code, "wrote" in err) == (0, True)
    assert "Greta and Hugo" in out
    assert ElementTree.parse(svg).getroot().tag.endswith("svg")
    assert run(capsys, "show", "catalog:kuhn", "--dot")[1].startswith("digraph")
    assert run(capsys, "show", "catalog:kuhn", "--mermaid")[1].startswith("flowchart")
    _, found = as_json(capsys, "show", "catalog:kuhn")
    assert (found["nodes"], len(found["outline"])) == (55, 55)
    code, _, err = run(capsys, "show", "commons/demo", "--words")
    assert (code, "are of games" in err) == (2, True)


def test_solve_a_described_game(capsys: Capture) -> None:
    code, out, _ = run(capsys, "solve", str(DEV["seed_loan"].english))
    assert code == 0
    assert out.index("Assumed: Grower sees what chance draws") < out.index("(4, 1)")


def test_schema_game(capsys: Capture) -> None:
    code, out, _ = run(capsys, "schema", "game")
    assert code == 0
    assert json.loads(out)["$id"] == "gamesim-game-1"


def test_show_in_ascii(capsys: Capture, tmp_path: Path) -> None:
    code, said, _ = run(capsys, "show", "catalog:seed_loan", "--ascii")
    assert code == 0
    assert said.splitlines() == [
        "Lender",
        "|-- Keep seed: (4, 1)",
        "`-- Lend seed: chance",
        "    |-- Good rain (3/4): Grower",
        "    |   |-- Repay: (7, 6)",
        "    |   `-- Abscond: (0, 11)",
        "    `-- Drought (1/4): (0, 0)",
    ]
    assert "| D                   | 5, 1 | 0, 0 |" in run(capsys, "show", "catalog:chicken", "--ascii")[1]
    assert "First [J after check bet]" in run(capsys, "show", "catalog:kuhn", "--ascii")[1]
    path = tmp_path / "letters.efg"
    head = 'EFG 2 R "t" { "Zo\u00eb" "Zoe" }\n""\np "" 1 1 "" { "gr\u00f6\u00dfer" "\u03b1" "\u03b2\u2013x" } 0\n'
    path.write_text(head + 't "" 1 "" { 1 2 }\nt "" 2 "" { 1/2 0 }\nt "" 3 "" { 0 0 }\n', encoding="utf-8")
    code, found = as_json(capsys, "show", str(path), "--ascii")
    assert found["ascii"].isascii()
    assert found["renamed"] == {
        "Zo\u00eb": "Zoe",
        "gr\u00f6\u00dfer": "groser",
        "\u03b1": "alpha",
        "\u03b2\u2013x": "beta-x",
    }
    assert run(capsys, "show", "games/reciprocity", "--ascii")[0] == 2
    assert "27 rows more" not in run(capsys, "show", "catalog:three_bakers", "--ascii")[1]
