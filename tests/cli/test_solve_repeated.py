"""``gamesim solve --concept folk`` and ``--concept memory_one``: repeated games from the command line."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from gamesim.cli.main import run
from gamesim.cli.shapes import output_schema

PD = "prisoners_dilemma"


def asked(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> tuple[str, str]:
    assert run(["solve", *words]) == code
    found = capsys.readouterr()
    return found.out, found.err


def as_json(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(asked(capsys, *words, "--json")[0])
    Draft202012Validator(output_schema("solve")).validate(found)
    return {**found["repeated"], "notes": found["notes"]}


def test_what_patience_makes_possible(capsys: pytest.CaptureFixture[str]) -> None:
    found = as_json(capsys, PD, "--concept", "folk", "--discount", "0.5")
    assert found["minmax_pure"] == ["1", "1"]
    assert found["critical_discount"] == "1/2"
    assert found["holds"] is True
    assert found["target"] == ["C", "C"]
    corners = {tuple(round(x, 6) for x in corner) for corner in found["vertices"]}
    assert corners == {(1, 1), (4.333333, 1), (3, 3), (1, 4.333333)}
    said, _ = asked(capsys, PD, "--concept", "folk", "--discount", "0.49")
    assert "Grim triggers hold C/C, which pays (3, 3), from a discount of 1/2 on." in said
    assert "At discount 0.49: not held" in said


def test_other_targets_and_games(capsys: pytest.CaptureFixture[str]) -> None:
    found = as_json(capsys, PD, "--concept", "folk", "--param", "target=[C,D]")
    assert found["by_player"][0] is None  # 0 is less than what she can be held to
    assert found["critical_discount"] is None
    assert "at no discount" in asked(capsys, PD, "--concept", "folk", "--param", "target=[C,D]")[0]
    pennies = as_json(capsys, "matching_pennies", "--concept", "folk")
    assert (pennies["minmax_pure"], pennies["minmax"], pennies["target"]) == (["1", "1"], [0.0, 0.0], None)
    assert as_json(capsys, "public_good", "--concept", "folk")["vertices"] is None  # of two players only
    noisy = as_json(capsys, "games/reciprocity", "--concept", "folk")
    assert noisy["critical_discount"] == "1/2"
    assert "noise of 0.02 is left out" in noisy["notes"][0]


def test_strategies_with_memory(capsys: pytest.CaptureFixture[str]) -> None:
    """Statements 36 and 37 of the solvers."""

    def earned(p: str, q: str, *more: str) -> list[float]:
        found: list[float] = as_json(
            capsys, PD, "--concept", "memory_one", "--param", f"p={p}", "--param", f"q={q}", *more
        )["payoffs"]
        return found

    extort = "[0,0.8888888888888888,0.5,0.3333333333333333,0]"
    assert earned(extort, "random") == pytest.approx([2.470588, 1.735294], abs=1e-6)
    assert earned("tit_for_tat", "defector", "--discount", "0.9") == pytest.approx([0.9, 1.4])
    assert earned("tit_for_tat", "tit_for_tat", "--param", "noise=0.01") == pytest.approx([2.25, 2.25])
    assert earned("tit_for_tat", "grim", "--param", "turns=200") == [3, 3]
    noisy = as_json(
        capsys, "games/reciprocity", "--concept", "memory_one", "--param", "p=tit_for_tat", "--param", "q=tit_for_tat"
    )
    assert noisy["payoffs"] == pytest.approx([2.25, 2.25])
    assert noisy["noise"] == 0.02


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([PD, "--concept", "fok"], "Did you mean 'folk'"),
        ([PD, "--concept", "folk", "--discount", "1"], "not between 0 and 1"),
        ([PD, "--discount", "0.5"], "--concept folk or memory_one"),
        ([PD, "--concept", "folk", "--param", "targt=[C,C]"], "Did you mean 'target'"),
        ([PD, "--concept", "folk", "--param", "target=[C,E]"], "Actions: C, D."),
        ([PD, "--concept", "folk", "--param", "target=[C]"], "one action for each of 2 players"),
        ([PD, "--concept", "folk", "--method", "lemke_howson"], "says nothing about"),
        ([PD, "--concept", "folk", "--lambda", "0"], "--lambda: says nothing about"),
        ([PD, "--concept", "folk", "--tremble", "0.1"], "--tremble: says nothing about"),
        ([PD, "--concept", "memory_one", "--start", "C"], "--start: says nothing about"),
        ([PD, "--concept", "memory_one", "--param", "p=grim"], "a strategy q is needed"),
        ([PD, "--concept", "memory_one", "--param", "p=grin", "--param", "q=grim"], "Did you mean 'grim'"),
        (
            [PD, "--concept", "memory_one", "--param", "p=grim", "--param", "q=grim", "--param", "turns=many"],
            "turns is a number",
        ),
        (["shapley", "--concept", "memory_one", "--param", "p=grim", "--param", "q=grim"], "two actions"),
        (["levine_hats", "--concept", "folk"], "no game in normal or extensive form"),
    ],
)
def test_mistakes_are_told(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["solve", *words]) in (2, 3, 4)
    assert told in capsys.readouterr().err
