"""Pictures: A36 of the text2game spec and statement 42 of experience.md, folding, escaping, tables, triangles, branches."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from gamesim_analysis.equilibrium.draw import dot, draw, draw_branch, draw_simplex, mermaid
from gamesim_analysis.equilibrium.draw_branch import apart
from gamesim_analysis.equilibrium.draw_simplex import best_reply_region
from gamesim_analysis.equilibrium.draw_tree import visible
from gamesim_analysis.equilibrium.router import solve
from gamesim_analysis.equilibrium.sources import catalog
from gamesim_analysis.equilibrium.svg_text import PAGE, width

from gamesim.core.errors import UnsupportedGameError
from gamesim.core.extensive_form import TreeBuilder
from gamesim.core.normal_form import NormalFormGame

SVG = "{http://www.w3.org/2000/svg}"
NASTY = '<b>&"'


def classes(text: str) -> dict[str, list[ElementTree.Element]]:
    found: dict[str, list[ElementTree.Element]] = {}
    for one in ElementTree.fromstring(text).iter():
        for name in one.get("class", "").split():
            found.setdefault(name, []).append(one)
    return found


def test_kuhn_is_drawn_whole() -> None:
    game = catalog("kuhn")
    text = draw(game)
    found = classes(text)
    assert (len(found["node"]), len(found["edge"]), len(found["information-set"])) == (55, 54, 12)
    assert text == draw(game)
    assert "played" not in found
    solved = classes(draw(game, solve(game)))
    assert len(solved["edge"]) == 54
    assert 12 < len(solved["played"]) < 54
    payoffs = [(float(one.get("x", 0)), float(one.get("y", 0)), one.text or "") for one in found["payoff"]]
    assert len(payoffs) == 60
    for one, other in itertools.combinations(payoffs, 2):
        apart = abs(one[0] - other[0]) >= (width(one[2], 10.5) + width(other[2], 10.5)) / 2 or abs(one[1] - other[1]) >= 11  # fmt: skip
        assert apart, (one, other)
    leaves = sorted({x for x, *_ in payoffs})
    assert min(b - a for a, b in itertools.pairwise(leaves)) >= 40


def test_nothing_from_a_label_becomes_markup() -> None:
    build = TreeBuilder((NASTY, "B"), name=NASTY)
    build.chance((NASTY, "y"), ("1/3", "2/3"))
    for _ in range(2):
        build.move(0, "h", (NASTY, "\x1b[31m"), label=NASTY)
        build.leaf((1, 0))
        build.leaf((0, 1))
    game = build.build()
    table = game.to_normal_form()
    for text in (draw(game), draw(game, [[1, 0]]), draw(table), draw(table, (0, 0))):
        ElementTree.fromstring(text)
        assert "<b>" not in text
        assert "&lt;b&gt;&amp;&quot;" in text
        assert "\x1b" not in text
        assert not re.search(r"<(script|style|a|image|foreignObject)\b|href|url\(|font-face", text)
    assert "<b>" not in mermaid(game)
    assert '\\"' in dot(game)


def test_a_large_tree_is_folded() -> None:
    game = catalog("leduc")
    shown, folded = visible(game, 400)
    assert len(shown) <= 400
    assert len(shown) + sum(folded.values()) - len(folded) == game.size
    found = classes(draw(game))
    assert len(found["node"]) == len(shown)
    assert f"{max(folded.values()):,} nodes folded here" in draw(game)


def test_a_single_leaf_and_a_player_alone() -> None:
    build = TreeBuilder(("A",))
    build.leaf((1,))
    ElementTree.fromstring(draw(build.build()))
    ElementTree.fromstring(draw(NormalFormGame(np.array([[1, 2, 3]]))))
    with pytest.raises(UnsupportedGameError, match="cannot be drawn"):
        draw(object())


def test_matching_pennies_has_four_arrows_and_its_mixture() -> None:
    game = catalog("matching_pennies")
    text = draw(game, solve(game, every=True))
    found = classes(text)
    assert len(found["arrow"]) == 4
    assert len(found["best-reply"]) == 4
    assert "equilibrium" not in found  # no cell is one
    assert text.count("heads (1/2)") == 2
    assert len(classes(draw(catalog("prisoners_dilemma")))["equilibrium"]) == 1
    assert len(classes(draw(catalog("prisoners_dilemma")))["arrow"]) == 4


def test_tables_of_three_players_are_slices() -> None:
    game = catalog("three_bakers").to_normal_form()
    found = classes(draw(game))
    assert len(found["cell"]) == int(np.prod(game.shape))
    assert len(found["equilibrium"]) == len(game.pure_equilibria())
    wide = NormalFormGame(np.zeros((2, 40, 3)))
    assert "12 of 40 rows and 3 of 3 columns are drawn." in draw(wide)
    assert "2 of 2,500 slices are drawn." in draw(NormalFormGame(np.zeros((4, 12, 12, 50, 50))))


def test_regions_of_best_replies_cover_the_triangle() -> None:
    rng = np.random.default_rng(3)
    for _ in range(50):
        payoffs = rng.normal(size=(4, 3))

        def area(corners: list[tuple[float, float, float]]) -> float:
            xy = [(c[0], c[1]) for c in corners]
            return abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in zip(xy, xy[1:] + xy[:1], strict=True))) / 2

        regions = [best_reply_region(payoffs, a) for a in range(4)]
        assert sum(area(r) for r in regions) == pytest.approx(0.5, abs=1e-12)
        for a, region in enumerate(regions):
            for corner in region:
                assert payoffs[a] @ corner >= (payoffs @ corner).max() - 1e-9


def test_a_triangle_for_three_actions() -> None:
    game = catalog("biased_rps")
    plays = [e.play for e in solve(game, every=True).equilibria]
    found = classes(draw_simplex(game, plays))
    assert len(found["region"]) == 6
    assert len(found["equilibrium"]) == 2
    with pytest.raises(UnsupportedGameError, match="three actions"):
        draw_simplex(catalog("chicken"))


def test_a_branch_has_a_curve_for_each_action() -> None:
    lambdas = np.array([0.0, 0.1, 1.0, 10.0])
    share = np.array([[0.5, 0.5], [0.6, 0.4], [0.8, 0.2], [1.0, 0.0]])
    text = draw_branch(lambdas, (share, share), ("A", "B"), (("x", "y"), ("u", NASTY)), marks=(1.0,))
    found = classes(text)
    assert len(found["branch"]) == 4
    assert len(found["mark"]) == 2
    crowded = draw_branch(
        lambdas, (np.full((4, 5), 0.2),), ("A",), (tuple("vwxyz"),)
    )  # five curves that end at one height
    assert len(classes(crowded)["branch"]) == 5
    assert apart([5.0, 5.0, 5.0], 12.0) == [5.0, 17.0, 29.0]


def test_trees_as_dot_and_mermaid() -> None:
    game = catalog("kuhn")
    play = solve(game).equilibria[0].play
    graph = dot(game, play)
    assert len(re.findall(r"n\d+ -> n\d+ \[label", graph)) == 54
    assert graph.count("style=dashed") == 12
    assert graph == dot(game, play)
    chart = mermaid(game, play)
    assert chart.startswith("flowchart TD\n")
    assert len(re.findall(r"(-->|==>)\|", chart)) == 54
    assert chart.count("-.-") == 12
    assert mermaid(catalog("chicken")).count("-->") == 4
    assert dot(catalog("chicken")).count("->") == 4


def test_colours_of_a_page_are_names() -> None:
    text = draw(catalog("ferry_fare"), palette=PAGE)
    assert "var(--c1)" in text
    assert "#" not in text
    assert "<title>Traveller, after Offer 1</title>" in text
