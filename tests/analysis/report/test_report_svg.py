"""The one door for markup lets drawings through and nothing else."""

from __future__ import annotations

import re

import numpy as np
import pytest
from gamesim_analysis.report.charts import FULL, Mark, Series, curves, dots, heat
from gamesim_analysis.report.svg import sanitised, svg

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 9 9">'


@pytest.mark.parametrize(
    "inside",
    [
        "<script>alert(1)</script>", "<foreignObject><b>x</b></foreignObject>", "<image href='http://127.0.0.1/x'/>", "<a href='javascript:x'><path d='M0,0'/></a>",
        "<style>*{}</style>", "<use href='#x'/>", "<animate attributeName='x'/>", "<rect fill='url(http://127.0.0.1/)'/>", "<rect fill='javascript:x'/>",
        "<set attributeName='onload' to='x'/>", "<iframe xmlns='http://www.w3.org/1999/xhtml'/>",
    ],
)  # fmt: skip
def test_what_is_no_drawing_is_refused(inside: str) -> None:
    with pytest.raises(ValueError, match="a drawing must not hold"):
        sanitised(f"{HEAD}{inside}</svg>", "a")


def test_attributes_that_are_no_drawing_are_dropped() -> None:
    text = sanitised(
        f"{HEAD}<path d='M0,0L1,1' fill='red' onload='x' style='x' class='c' xlink:href='x' href='y'/></svg>", "a"
    )
    assert "onload" not in text
    assert "href" not in text
    assert "style" not in text
    assert 'fill="red"' in text


def test_ids_of_two_drawings_differ() -> None:
    inside = f'{HEAD}<defs><clipPath id="clip0"><rect x="0" y="0" width="5" height="5"/></clipPath></defs><g clip-path="url(#clip0)"><path d="M0,0h3" fill="red"/></g></svg>'
    one, two = sanitised(inside, "a"), sanitised(inside, "b")
    assert 'id="a0"' in one
    assert "url(#a0)" in one
    assert 'id="b0"' in two
    assert "<rect" in one


def test_a_drawing_never_fetches() -> None:
    spec = {"data": {"url": "http://127.0.0.1:9/data.csv"}, "mark": "point", "encoding": {"x": {"field": "a"}}}
    with pytest.raises(ValueError, match=r"127\.0\.0\.1:9|denied|[Aa]llowed"):
        svg(spec, "a")


def test_text_in_a_drawing_is_text() -> None:
    text = svg(dots([Mark("<b>&\"'", 1.0, 0.5, 2.0)], "x <i>"), "a")
    assert "<b>" not in text
    assert "&lt;b&gt;&amp;" in text


def test_shorter_paths_are_the_same_paths() -> None:
    from gamesim_analysis.report.svg import _relative

    path = "M0.04,10L3.26,8.11L7,8.11L6.96,12.49ZM1,1L-0.5,0.5"
    x = y = 0.0
    points = []
    for command, a, b in re.findall(r"([Ml ]|(?=-))(-?[\d.]+),?(-?[\d.]+)", _relative(path).replace("Z", "")):
        x, y = (float(a), float(b)) if command == "M" else (x + float(a), y + float(b))
        points.append((round(x, 1), round(y, 1)))
    given = [(round(float(a), 1), round(float(b), 1)) for a, b in re.findall(r"[ML](-?[\d.]+),(-?[\d.]+)", path)]
    assert np.allclose(points, given, atol=0.11)
    assert len(_relative(path)) < len(path)


@pytest.mark.parametrize("n", [1, 2, 8])
def test_curves_hold_what_they_are_given(n: int) -> None:
    x = np.arange(30.0)
    text = svg(curves([Series(i, x, x * i, x * i - 1, x * i + 1) for i in range(n)], "round", "fish"), "a")
    for i in range(n):
        assert f"var(--c{i + 1})" in text
    assert not re.search(r"#[0-9a-f]{6}", text), "every colour is the page's"


def test_poor_data_still_draw() -> None:
    nothing = np.array([np.nan])
    assert "<svg" in svg(curves([Series(0, [1.0], nothing, nothing, nothing)], "x", "y"), "a")
    assert "<svg" in svg(curves([Series(0, [1.0], [5.0])], "x", "y"), "b")
    assert "<svg" in svg(dots([Mark("a", np.nan)], "x", FULL, zero=True), "c")
    assert "<svg" in svg(heat([[np.nan, 1.0], [2.0, 3.0]], ["a", "b"], ["c", "d"]), "d")
