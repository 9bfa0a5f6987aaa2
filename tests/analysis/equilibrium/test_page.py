"""The page of a solved game: complete in itself, escaped, with what was found, how it is known and how to have it again."""

from __future__ import annotations

import re

import pytest
from gamesim_analysis.equilibrium.cross_check import cross_check
from gamesim_analysis.equilibrium.document import solution_schema
from gamesim_analysis.equilibrium.page import solution_page
from gamesim_analysis.equilibrium.router import solve
from gamesim_analysis.equilibrium.sources import catalog
from jsonschema import Draft202012Validator

from gamesim.core.normal_form import NormalFormGame

NASTY = '<img src=x onerror="alert(1)">'


def page(game: object, *answers: object, **more: object) -> str:
    return solution_page(game, answers, name="g", command="gamesim solve g --out DIR", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["ferry_fare", "kuhn", "biased_rps", "three_bakers", "selten_horse"])
def test_it_asks_nobody_for_anything(name: str) -> None:
    game = catalog(name)
    text = page(game, solve(game) if name in ("kuhn", "biased_rps") else solve(game, "pure"))
    assert "Content-Security-Policy" in text
    assert not re.search(r'(?:src|href)="(?!#|data:)', text)
    assert "<script" not in text
    assert "gamesim solve g --out DIR" in text
    assert text.count("<svg") >= 1
    assert "Certificate:" in text
    assert text == page(game, solve(game) if name in ("kuhn", "biased_rps") else solve(game, "pure"))


def test_names_stay_names() -> None:
    game = NormalFormGame.bimatrix([[1, 0], [0, 1]], [[1, 0], [0, 1]], players=(NASTY, "B"), actions=((NASTY, "y"), ("u", "v")), name=NASTY)  # fmt: skip
    text = page(
        game, solve(game, every=True), cross_check=cross_check(game, methods=("vertex_enumeration", "enumpure"))
    )
    assert "<img" not in text
    assert "&lt;img" in text
    assert "No method contradicts another." in text


def test_the_tree_and_the_branch_are_there() -> None:
    text = page(catalog("kuhn"), solve(catalog("kuhn")))
    assert text.count("cannot tell these 2 nodes apart") == 12
    text = page(catalog("prisoners_dilemma"), solve(catalog("prisoners_dilemma")))
    assert "Quantal responses" in text
    assert "lambda (1 / payoff), logarithmic" in text
    assert "price of anarchy" in text


def test_a_referee_and_an_empty_list() -> None:
    chicken = catalog("chicken")
    assert "A referee draws one of these" in page(chicken, solve(chicken, "correlated"))
    pennies = catalog("matching_pennies")
    assert "None is listed." in page(pennies, solve(pennies, "pure"))


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(solution_schema())
