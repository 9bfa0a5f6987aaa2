"""Text that would like to be markup, code, a formula or a command appears as text."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from gamesim_analysis.report import build

from gamesim.core.errors import clean

HOSTILE = (
    "<script>document.title='PWNED'</script>", "</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>",
    "\"><svg onload=alert(1)>", "' onmouseover='alert(1)", "javascript:alert(1)", "<meta http-equiv=refresh content=0;url=http://127.0.0.1:9/>",
    "<iframe src=javascript:alert(1)>", "<base href=http://127.0.0.1:9/>", "<a href=javascript:alert(1)>x</a>", "<style>*{display:none}</style>",
    "</style><b>", "{{7*7}}", "{% raw %}", "${7*7}", "#{7*7}", "`code`", "]]>", "<!--", "-->", "&lt;b&gt;", "&#x3c;b&#x3e;", "<b>bold</b>",
    "\u202eevil\u202c", "\x1b[31mred\x1b[0m", "a\x00b", "a\nb", "=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "<math><mi xlink:href='data:,x'>",
    "<object data=x>", "<form action=http://127.0.0.1:9/><input>", "\\u003cscript\\u003e", "%3Cscript%3E", "url(http://127.0.0.1:9/x)", "</title><h1>t</h1>",
    "</textarea>", "<details open ontoggle=alert(1)>", "datum.x", "'); DROP TABLE steps; --", "x' or '1'='1",
)  # fmt: skip


def pages(text: str) -> tuple[str, list[str]]:
    """What a reader sees of the body, and the names of all elements."""
    body = re.sub(r"<style>.*?</style>|<script>.*?</script>", "", text, flags=re.S)
    return unescape(re.sub(r"<[^>]*>", "\0", body)), re.findall(r"<([a-zA-Z][^\s/>]*)", body)


ALLOWED = {
    "html", "head", "meta", "title", "body", "a", "div", "nav", "p", "ol", "ul", "li", "main", "header", "h1", "h2", "h3", "section", "span", "figure",
    "figcaption", "details", "summary", "table", "caption", "thead", "tbody", "tr", "th", "td", "pre", "code", "strong", "footer",
    "svg", "g", "path", "rect", "line", "text", "tspan", "circle", "defs", "clipPath",
}  # fmt: skip


@pytest.mark.parametrize("first", range(0, len(HOSTILE), 6))
def test_hostile_names_everywhere(first: int, make_record: Any, play: Any, tmp_path: Path) -> None:
    names = HOSTILE[first : first + 6]
    agents = [f"{name} {i}" for i, name in enumerate(names)]
    members = [f"{i} {name}" for i, name in enumerate(names)]
    steps, outcomes = play.matrix(actions=names, agents=agents, members=members, phase=names[0], episodes=12, steps=6)
    for outcome, name in zip(outcomes, names * 9, strict=False):
        outcome["status"] = name
    scenario = {
        "name": names[0], "description": names[1 % len(names)], "environment": {"kind": names[0], **dict.fromkeys(names, names[-1])},
        "population": [{"agent": {"kind": name, "params": {name: name}}, "label": name} for name in names],
        "provenance": names[-1], "seed": 1, "replicates": 3,
    }  # fmt: skip
    cells = [({f"environment.{names[0]}": value}, steps, outcomes) for value in names]
    record = make_record("run", scenario, cells)
    text = build(record, tmp_path / "r.html").read_text("utf-8")
    body, elements = pages(text)
    body = body.replace("\0", "").replace("`", "")
    assert set(elements) <= ALLOWED
    assert "could not be made" not in body
    for name in names:
        assert clean(name).replace("`", "") in body
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", text)
    assert text.count("<script>") == 1
    assert not re.search(r"<[^>]+\son[a-z]+\s*=", re.sub(r'"[^"]*"', '""', text))


def test_hostile_names_in_a_commons(make_record: Any, play: Any, tmp_path: Path) -> None:
    agents = [f"{name}{i}" for i, name in enumerate(HOSTILE[:6])]
    steps, outcomes = play.society(episodes=3, rounds=5, agents=agents, members=HOSTILE[6:8])
    record = make_record(
        "run", play.scenario(name=HOSTILE[0]), [({"environment.growth.rate": HOSTILE[2]}, steps, outcomes)]
    )
    text = build(record, tmp_path / "r.html").read_text("utf-8")
    body, elements = pages(text)
    assert set(elements) <= ALLOWED
    for name in agents:
        assert clean(name) in body
    assert "49" not in re.findall(r"<h1>(.*?)</h1>", text)[0]


def test_formulas_are_guarded_in_downloads(make_record: Any, play: Any, tmp_path: Path) -> None:
    steps, outcomes = play.matrix(members=("=cmd|x", "@SUM(A1)"), agents=("-2+3", "+x"), episodes=3, steps=3)
    record = make_record("run", {"name": "x", "environment": {"kind": "k"}}, [({}, steps, outcomes)])
    text = build(record, tmp_path / "r.html").read_text("utf-8")
    tables = [unquote(unescape(h)) for h in re.findall(r'href="(data:text/csv[^"]*)"', text)]
    assert any("'=cmd|x" in table for table in tables)
    for table in tables:
        for line in table.split(",", 1)[1].split("\n"):
            for cell in line.split(","):
                assert not cell.startswith(("=", "@", "+")), cell
                assert not cell.startswith("-") or cell[1:2].isdigit() or cell == "-"
                assert cell != "-2+3"


def test_the_scenario_file_is_shown_as_it_is(make_record: Any, play: Any, tmp_path: Path) -> None:
    record = make_record("run", play.scenario(), [({}, *play.society(episodes=2, rounds=3))])
    (record.path / "scenario.yaml").write_text("name: </code></pre><script>alert(1)</script>\n", "utf-8")
    text = build(record, tmp_path / "r.html", sections=["setup"]).read_text("utf-8")
    assert "&lt;/pre&gt;&lt;script&gt;alert(1)" in text
