"""A stranger's section that answers with nonsense says so on the page and spoils no other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from gamesim_analysis.report import build, page
from gamesim_analysis.report.blocks import Section

from gamesim.run.runner import run
from gamesim.scenario.resolve import load_scenario


def number(study: Any) -> Any:
    return 3


def no_blocks(study: Any) -> Any:
    return Section("odd", "Odd", (3,), 10)  # type: ignore[arg-type]


def raises(study: Any) -> Any:
    raise RuntimeError("<script>boom")


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (number, "a section is a Section or None, not int."),
        (no_blocks, "a section is made of blocks, not int."),
        (raises, "RuntimeError: &lt;script&gt;boom"),
    ],
)
def test_it_is_said(function: Any, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "environment: {kind: matrix, horizon: 3}\npopulation: [{agent: matrix.random}]\n"
    record = run(load_scenario(text), store=tmp_path)
    points = {**page.entries("report_sections"), "stranger": "stranger"}
    real = page.load
    monkeypatch.setattr(page, "entries", lambda group: points)
    monkeypatch.setattr(page, "load", lambda point: function if isinstance(point, str) else real(point))
    html = build(record, tmp_path / "report.html").read_text()
    assert "This section could not be made." in html
    assert told in html
    assert html.count("could not be made") == 1
