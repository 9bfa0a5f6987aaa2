"""gamesim solve of players who mind risk: attitudes as flags, all equilibria, branches with their turning points, exit codes."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
from gamesim_analysis.equilibrium import write_nfg
from gamesim_analysis.equilibrium.document import solution_schema
from gamesim_analysis.equilibrium.risk_2x2 import thresholds
from gamesim_analysis.equilibrium.sources import catalog
from jsonschema import Draft202012Validator

from gamesim.cli import main as command_line
from gamesim.cli.shapes import output_schema

BESIDE = ("command", "exit", "warnings", "files")
CRASH = ("chicken", "--param", "swerve=0", "--param", "yielded=-1", "--param", "forced=1", "--param", "crash=-10")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = command_line.run(["solve", *arguments])
    told = capsys.readouterr()
    return code, told.out, told.err


def solution(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    _, out, _ = run(capsys, *arguments, "--json")
    found = json.loads(out)
    Draft202012Validator(output_schema("solve")).validate(found)
    Draft202012Validator(solution_schema()).validate({k: v for k, v in found.items() if k not in BESIDE})
    return dict(found["solutions"][0])


def chances(found: dict[str, Any], action: str) -> list[float]:
    """Of the first player to play an action, in every equilibrium listed."""
    return [next(iter(e["profile"].values()))[action] for e in found["equilibria"]]


def test_stag_ends_above_its_aversion(capsys: pytest.CaptureFixture[str]) -> None:
    """Statement 1 on the command line: from the stag it stays at 3.05, and hunts hare at 3.07."""
    for game, stag in (("stag_hunt", "C"), ("symmetric_2x2", "S")):
        at = [solution(capsys, game, "--concept", "rae", "--aversion", a, "--tremble", "0.01", "--start", stag) for a in ("3.05", "3.07")]  # fmt: skip
        assert [chances(found, stag)[0] for found in at] == pytest.approx([0.99, 0.01])
        assert all(found["converged"] and found["max_gap"] < 1e-9 for found in at)


@pytest.mark.parametrize(
    ("aversion", "inner"), [(0, 0.75), (0.1, 0.840235), (0.5, 0.945352), (1, 0.970720), (2, 0.984866)]
)
def test_all_lists_the_three_symmetric_ones(capsys: pytest.CaptureFixture[str], aversion: float, inner: float) -> None:
    """Statement 2."""
    found = solution(capsys, "stag_hunt", "--concept", "rae", "--aversion", str(aversion), "--tremble", "0", "--all")
    assert sorted(chances(found, "C")) == pytest.approx([0.0, inner, 1.0], abs=1e-6)
    for equilibrium in found["equilibria"]:
        first, second = equilibrium["profile"].values()
        assert first["C"] == pytest.approx(second["C"], abs=1e-9)


def test_every_logit_equilibrium(capsys: pytest.CaptureFixture[str]) -> None:
    """Statement 15: three solutions at rationality 5; one at 0."""
    found = solution(capsys, "stag_hunt", "--lambda", "5", "--all")
    assert sorted(chances(found, "C")) == pytest.approx([3.1e-7, 0.828889, 0.992183], abs=1e-6)
    assert chances(solution(capsys, "stag_hunt", "--lambda", "0", "--all"), "C") == [0.5]


def test_more_players_and_actions_list_what_is_met(capsys: pytest.CaptureFixture[str]) -> None:
    """Of three bakers any two open; with a tremble each of these is met."""
    found = solution(capsys, "three_bakers", "--aversion", "0.1", "--all")
    assert len(found["equilibria"]) >= 3
    assert found["complete"] is None


@pytest.mark.parametrize("payoffs", [(4, 3, 0, 3), (10, 2, 1, 3), (9, 8, 0, 7)])
def test_a_branch_turns_where_the_closed_form_says(
    capsys: pytest.CaptureFixture[str], payoffs: tuple[float, ...]
) -> None:
    limit = thresholds(*payoffs, tremble=0.01).first
    letters = [part for pair in zip("abcd", payoffs, strict=True) for part in ("--param", f"{pair[0]}={pair[1]}")]
    asked = ("symmetric_2x2", *letters, "--aversion", str(2 * limit), "--start", "S", "--trace", "aversion")
    branch = solution(capsys, *asked)["branch"]
    assert branch["turning"] == pytest.approx([limit], rel=1e-7)
    _, out, _ = run(capsys, *asked)
    assert f"The branch turns back at aversion {limit:.6g}." in out
    assert "turns back" in out


def test_a_branch_of_those_who_err(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "stag_hunt", "--lambda", "5", "--trace", "lambda")
    assert code == 0
    assert "The branch does not turn back. It ends at lambda 5." in out
    _, out, _ = run(capsys, "museum_or_fair", "--lambda", "1", "--trace", "rationality")  # a tree, by information set
    assert "#1: Museum" in out


def test_pictures_of_a_branch(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The picture and the page hold the whole curve, the turning point, and the command that draws them again."""
    folder = tmp_path / "page"
    asked = ("stag_hunt", "--aversion", "4", "--start", "C", "--trace", "aversion")
    assert run(capsys, *asked, "--svg", str(tmp_path / "b.svg"), "--out", str(folder))[0] == 0
    picture = (tmp_path / "b.svg").read_text("utf-8")
    paths = [e.attrib["d"] for e in ElementTree.fromstring(picture).iter() if e.attrib.get("class") == "branch"]
    assert len(paths) == 4
    assert all(set(path) <= set("MLZ0123456789.,-") for path in paths)  # whole, and nothing but numbers
    assert "turns at 3.061" in picture
    page = (folder / "report.html").read_text("utf-8")
    assert "If players mind risk more" in page
    assert "--param aversion=4.0 --start C --trace aversion" in page
    assert "gains equally" not in page  # they do not: they tremble
    assert (folder / "branch.svg").read_text("utf-8") == picture


def test_seven_times_fewer_crashes(capsys: pytest.CaptureFixture[str]) -> None:
    """Statement 4 with the game's own parameters on the command line."""
    found = solution(capsys, *CRASH, "--aversion", "0.620625", "--tremble", "0", "--param", "profile=symmetric")
    assert chances(found, "D") == pytest.approx([1 / (10 * 7**0.5)], abs=1e-6)


def test_not_converged_is_exit_3_with_its_certificate(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, *CRASH, "--aversion", ".62", "--tremble", "0", "--param", "profile=symmetric", "--param", "tolerance=1e-40")  # fmt: skip
    assert code == 3
    assert "NOT converged" in out
    assert "the largest gap is" in out
    assert "player_0 0.96" in out  # the closest point is shown


def test_forms_of_a_game(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The same answer from a table in any form; a tree is solved as the table of its plans."""
    (tmp_path / "h.nfg").write_text(write_nfg(catalog("stag_hunt")), "utf-8")
    (tmp_path / "h.csv").write_text(',C,D\nC,"4,4","0,3"\nD,"3,0","3,3"\n', "utf-8")
    answers = [
        chances(solution(capsys, source, "--aversion", "1", "--start", "C"), "C")
        for source in ("stag_hunt", str(tmp_path / "h.nfg"), str(tmp_path / "h.csv"))
    ]
    assert answers[0] == answers[1] == answers[2]
    _, out, said = run(capsys, "ferry_fare", "--concept", "rae", "--aversion", "1")
    assert "3x8 strategies" in out
    assert "table of their plans" in said


@pytest.mark.parametrize(
    ("asked", "code", "said"),
    [
        (["--aversion=-1"], 2, "aversion -1 is not a finite number >= 0."),
        (["--aversion=1,-2"], 2, "player 1: aversion -2 is not a finite number >= 0."),
        (["--aversion=1,2,3"], 2, "3 values of risk for 2 players."),
        (["--aversion=x"], 2, "'x' is no number."),
        (["--aversion=1", "--param", "aversion_relative=1"], 2, "exactly one of aversion and aversion_relative"),
        (["--aversion=1", "--tremble", ".6"], 2, "player_0: tremble 0.6 is not in [0, 1/2)."),
        (["--aversion=1", "--param", "variance=total"], 2, "Use strategic or strategic+env."),
        (["--aversion=1", "--param", "variance=strategic+env"], 2, "Use an empirical game, or variance: strategic."),
        (["--concept", "rqe", "--param", "tau=0", "--param", "eps=1"], 2, "tau 0 is not a finite number > 0."),
        (["--concept", "cvar", "--param", "alpha=1.5"], 2, "alpha 1.5 is not in (0, 1]."),
        (["--concept", "rae", "--param", "aversionn=1"], 2, "Did you mean 'aversion'?"),
        (["--aversion=1", "--start", "E"], 2, "no action 'E'. Actions: C, D."),
        (["--aversion=1", "--start", "C;D;C"], 2, "3 strategies for 2 players."),
        (["--aversion=1", "--start", "0.5,0.6"], 2, "sum to 1"),
        (["--aversion=1", "--start", "C", "--all"], 2, "--all starts everywhere."),
        (["--aversion=1", "--trace", "averson"], 2, "Did you mean 'aversion'?"),
        (["--aversion=1,2", "--trace", "aversion"], 2, "one number for all"),
        (["--concept", "cvar", "--param", "alpha=.2", "--trace", "aversion"], 2, "one of concept rae, not cvar"),
    ],
)  # fmt: skip
def test_mistakes_are_told(capsys: pytest.CaptureFixture[str], asked: list[str], code: int, said: str) -> None:
    got, out, err = run(capsys, "stag_hunt", *asked)
    assert (got, out) == (code, "")
    assert said in err
    assert len(err.strip().splitlines()) == 1


def test_attitudes_of_each_player(capsys: pytest.CaptureFixture[str]) -> None:
    """One number a player, relative ones, and the same word for both."""
    apart = solution(capsys, *CRASH, "--aversion", "0,5", "--tremble", "0.001", "--all")
    inner = [e["profile"] for e in apart["equilibria"] if 0.01 < e["profile"]["player_1"]["D"] < 0.99]
    assert any(p["player_0"]["D"] != pytest.approx(p["player_1"]["D"], abs=1e-3) for p in inner)
    one = solution(capsys, "stag_hunt", "--param", "aversion_relative=4", "--start", "C")
    other = solution(capsys, "stag_hunt", "--aversion", "1", "--start", "C")
    assert chances(one, "C") == pytest.approx(chances(other, "C"))


def test_a_ranking_says_its_note_once(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    _, out, _ = run(capsys, "stag_hunt", "--concept", "alpharank", "--out", str(tmp_path))
    assert out.count("1 population of 50") == 1
    assert (tmp_path / "report.html").read_text("utf-8").count("1 population of 50") == 1
