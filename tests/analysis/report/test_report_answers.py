"""The report of a run in which language models played says how they answered, and warns where nobody should rank them."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

from gamesim_analysis.report import build

from gamesim.run.runner import run
from gamesim.scenario.resolve import load_scenario

GAME = """
name: tests/answers
environment: {kind: matrix, horizon: 6}
population: [{agent: llm, model: good, seat: player_0}, {agent: llm, model: poor, seat: player_1}]
models: {good: {backend: "rule:tit_for_tat"}, poor: {backend: scripted, by: agent, cycle: true, answers: ["", "{}", {choice: C}]}}
language: {on_invalid: "action:D", reason: null, repair: 0}
replicates: 2
"""


def words(path: Path) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", path.read_text())).split())


def test_answers_stand_in_the_report(tmp_path: Path) -> None:
    record = run(load_scenario(GAME), store=tmp_path)
    text = words(build(record))
    assert "Answers of language models" in text
    assert re.search(r"poor/\S+ is not ranked: [\d.]+% invalid", text)
    assert "Steps that a rule filled in" in text
    assert "may be moved by imputation" in text
    assert re.search(r"good/tit_for_tat 12 12", text)
    again = tmp_path / "again.html"
    assert words(build(record, out=again)) == text


def test_a_run_of_rules_has_no_such_section(tmp_path: Path) -> None:
    record = run(load_scenario("games/reciprocity", overrides=["replicates=2"]), store=tmp_path)
    assert "Answers of language models" not in words(build(record))
    assert "answers" not in re.findall(r'section id="([a-z-]+)"', build(record).read_text())
