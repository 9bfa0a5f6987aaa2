"""The page as a file: complete in itself, the same twice, small, readable without eyes and without JavaScript."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from gamesim_analysis.report import build

from gamesim.core.errors import RecordError, UnknownKindError
from gamesim.core.registry import names
from gamesim.run.record import Record

VOID = {"meta", "br", "img", "input", "hr", "link"}


class Page(HTMLParser):
    """Elements in order, and that they close in the order in which they opened."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.stack: list[str] = []
        self.text: list[str] = []
        self.feed(text)
        assert not self.stack, f"left open: {self.stack}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def html(commons_pair: Record, tmp_path_factory: pytest.TempPathFactory) -> str:
    return build(commons_pair, tmp_path_factory.mktemp("page") / "report.html").read_text("utf-8")


def test_two_builds_are_equal_and_stand_where_asked(commons_pair: Record, tmp_path: Path) -> None:
    one = build(commons_pair, tmp_path / "deep" / "one.html")
    two = build(commons_pair, tmp_path / "two.html")
    assert one == tmp_path / "deep" / "one.html"
    assert one.read_bytes() == two.read_bytes()
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_without_a_place_it_lies_in_the_run(make_record: Any, play: Any) -> None:
    record = make_record("run", play.scenario(), [({}, *play.society(episodes=3, rounds=4))])
    assert build(record) == record.path / "report.html"


def test_every_section_was_made(html: str) -> None:
    assert "could not be made" not in html
    assert {"summary", "setup", "over-time", "survival", "punishment", "who", "effects", "norms", "theory", "findings",
            "failures", "method"} <= set(re.findall(r'<section id="([^"]+)"', html))  # fmt: skip


def test_nothing_points_outside(html: str) -> None:
    page = Page(html)
    outside = html.replace("http://www.w3.org/2000/svg", "")
    assert "http:" not in outside
    assert "https:" not in outside
    assert "//" not in re.sub(r"/\*.*?\*/|// .*", "", re.search(r"<style>(.*?)</style>", html, re.S)[1])  # type: ignore[index]
    assert not {"link", "iframe", "object", "embed", "img", "form", "base", "video", "audio"} & {
        t for t, _ in page.elements
    }
    for tag, attributes in page.elements:
        assert "src" not in attributes
        assert not any(name.startswith("on") for name in attributes), tag
        if "href" in attributes:
            assert str(attributes["href"]).startswith(("#", "data:text/csv;"))
    assert "@import" not in html
    assert not re.search(r"url\((?!#)", html)


def test_its_one_script_is_the_one_the_policy_names(html: str) -> None:
    script = re.findall(r"<script>(.*?)</script>", html, re.S)
    assert len(script) == html.count("<script") == 1
    sha = base64.b64encode(hashlib.sha256(script[0].encode()).digest()).decode()
    policy = next(str(m["content"]) for m in Page(html).of("meta") if m.get("http-equiv") == "Content-Security-Policy")
    assert f"script-src 'sha256-{sha}'" in policy
    for part in ("default-src 'none'", "base-uri 'none'", "form-action 'none'", "img-src data:"):
        assert part in policy


def test_small(html: str) -> None:
    assert len(html.encode()) < 400_000


@pytest.mark.slow
def test_64_cells_stay_under_a_megabyte(make_record: Any, play: Any) -> None:
    rate, fine = "environment.growth.rate", "environment.institutions.sanctions.fine"
    cells = [
        ({rate: r / 10, fine: float(f)}, *play.society(episodes=3, rounds=30, rate=r / 10, fine=float(f), seed=f))
        for r in range(1, 9)
        for f in range(8)
    ]
    page = build(make_record("many", play.scenario(), cells))
    assert page.stat().st_size <= 1_000_000
    assert "64 conditions" in page.read_text("utf-8")


def test_headings_descend_by_one_and_begin_with_one_h1(html: str) -> None:
    levels = [int(tag[1]) for tag, _ in Page(html).elements if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_every_drawing_is_said_in_words_and_has_its_numbers(html: str) -> None:
    figures = re.findall(r"<figure.*?</figure>", html, re.S)
    assert len(figures) >= 8
    for figure in figures:
        page = Page(figure)
        images = [a for _, a in page.elements if a.get("role") == "img"]
        assert len(images) == 1
        assert len(str(images[0]["aria-label"])) > 30
        assert page.of("table")
        assert page.of("figcaption")
    assert all(svg.get("aria-hidden") == "true" for svg in Page(html).of("svg"))


def test_tables_say_what_their_cells_are_about(html: str) -> None:
    for table in re.findall(r"<table.*?</table>", html, re.S):
        page = Page(table)
        head, rows = re.search(r"<thead>(.*?)</thead>", table, re.S), re.findall(r"<tr>(.*?)</tr>", table, re.S)
        assert head is not None
        assert all(th.get("scope") in ("col", "row") for th in page.of("th"))
        assert all('scope="row"' in row for row in rows[1:])
        widths = {len(re.findall(r"<t[hd]", row)) for row in rows}
        assert len(widths) == 1


def test_ids_are_unique_and_every_reference_is_there(html: str) -> None:
    page = Page(html)
    ids = [str(a["id"]) for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    for _, attributes in page.elements:
        for key in ("aria-labelledby", "href"):
            value = str(attributes.get(key, ""))
            if key == "aria-labelledby" and value:
                assert value in ids
            if value.startswith("#"):
                assert value[1:] in ids
    for found in re.findall(r"url\(#([^)]+)\)", html):
        assert found in ids
    assert next(a for t, a in page.elements if t == "html")["lang"] == "en"
    assert [a.get("aria-label") for a in page.of("nav")] == ["Contents"]


def test_downloads_are_tables(html: str) -> None:
    links = [a for a in Page(html).of("a") if "download" in a]
    assert len(links) >= 10
    for link in links:
        text = unquote(str(link["href"]).split(",", 1)[1])
        lines = text.rstrip("\n").split("\n")
        assert len(lines) >= 2, link["download"]


@pytest.mark.parametrize("name", names("report_sections"))
def test_each_section_stands_alone(name: str, commons_pair: Record, tmp_path: Path) -> None:
    text = build(commons_pair, tmp_path / "one.html", sections=[name]).read_text("utf-8")
    assert "could not be made" not in text
    assert text.count("<section") <= 1
    Page(text)


def test_sections_come_in_the_order_asked_for(commons_pair: Record, tmp_path: Path) -> None:
    text = build(commons_pair, tmp_path / "x.html", sections=["method", "summary"]).read_text("utf-8")
    assert re.findall(r'<section id="([^"]+)"', text) == ["method", "summary"]


def test_an_unknown_section_is_named_with_the_nearest(commons_pair: Record, tmp_path: Path) -> None:
    with pytest.raises(UnknownKindError, match="Did you mean 'survival'"):
        build(commons_pair, tmp_path / "x.html", sections=["survivel"])
    with pytest.raises(RecordError, match="no run"):
        build([], tmp_path / "x.html")


def test_a_place_that_cannot_be_written_is_said(commons_single: Record, tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    (tmp_path / "file" / "inside").write_text("x")
    with pytest.raises(RecordError, match="cannot be written"):
        build(commons_single, tmp_path / "file", sections=["method"])
