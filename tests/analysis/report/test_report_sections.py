"""What is said of runs of different kinds: other games, failures, nothing at all, several runs, strangers' sections."""

from __future__ import annotations

import re
from html import unescape
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from gamesim_analysis.report import Section, Text, build
from gamesim_analysis.report.study import Study

from gamesim.core import registry
from gamesim.run.record import Record


def words(path: Path) -> str:
    text = re.sub(r"<style>.*?</style>|<script>.*?</script>|<svg.*?</svg>", "", path.read_text("utf-8"), flags=re.S)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", text)).split())


def sections(path: Path) -> list[str]:
    return re.findall(r'<section id="([^"]+)"', path.read_text("utf-8"))


def test_another_game(make_record: Any, play: Any, tmp_path: Path) -> None:
    record = make_record(
        "pd", {"name": "pd", "environment": {"kind": "repeated"}, "replicates": 10}, [({}, *play.matrix())]
    )
    page = build(record, tmp_path / "r.html")
    assert sections(page) == ["summary", "setup", "actions", "returns", "cross-table", "failures", "method"]
    text = words(page)
    assert "Share of each action among the moves" in text
    assert "Return by member of the population" in text
    assert "the seats earned" in text
    assert "fish" not in text


def test_actions_that_are_numbers_are_averaged(make_record: Any, play: Any, tmp_path: Path) -> None:
    steps, outcomes = play.matrix(actions=[str(x / 7) for x in range(40)])
    record = make_record("n", {"name": "n", "environment": {"kind": "k"}}, [({}, steps, outcomes)])
    assert "Mean action of those who moved" in words(build(record, tmp_path / "r.html"))


def test_actions_that_are_sentences_are_counted(make_record: Any, play: Any, tmp_path: Path) -> None:
    steps, outcomes = play.matrix(actions=[f"word {x}" for x in range(40)])
    record = make_record("n", {"name": "n", "environment": {"kind": "k"}}, [({}, steps, outcomes)])
    assert "Commonest actions" in words(build(record, tmp_path / "r.html"))


def test_failed_units_are_the_first_thing_said(make_record: Any, play: Any, tmp_path: Path) -> None:
    key = "environment.institutions.sanctions.fine"
    cells = [({key: 10.0}, *play.society(episodes=5)), ({key: 0.0}, None, [{"seed": s} for s in range(5)])]
    record = make_record("f", play.scenario(), cells, failed=[1], status="partial")
    page = build(record, tmp_path / "r.html")
    text = words(page)
    assert "could not be made" not in text
    assert "1 unit of 2 did not complete" in text.rsplit("What was run", 1)[0]
    assert "SolverError: it <b>stopped</b>." in text
    assert "(5 episodes) did not complete" in text


def test_what_missing_episodes_could_change(make_record: Any, play: Any, tmp_path: Path) -> None:
    steps, outcomes = play.society(episodes=6)
    record = make_record("f", play.scenario(), [({}, steps, outcomes), ({}, None, [{"seed": 6}])], failed=[1])
    for unit in record.manifest.units:  # both units are of one cell
        unit.cell = {"index": 0, "values": {}}
    text = words(build(record, tmp_path / "r.html", sections=["failures"]))
    assert "What the missing episodes could change" in text


def test_a_run_of_which_nothing_is_left(make_record: Any, play: Any, tmp_path: Path) -> None:
    record = make_record("e", play.scenario(), [({}, None, [{"seed": 0}])], failed=[0], status="failed")
    text = words(build(record, tmp_path / "r.html"))
    assert "No episode of this run was finished" in text
    assert "could not be made" not in text


def test_a_record_without_steps(make_record: Any, play: Any, tmp_path: Path) -> None:
    _, outcomes = play.society(episodes=5)
    page = build(make_record("o", play.scenario(), [({}, None, outcomes)]), tmp_path / "r.html")
    assert {"summary", "survival", "method"} <= set(sections(page))
    assert "could not be made" not in words(page)


def test_one_episode_has_no_interval(make_record: Any, play: Any, tmp_path: Path) -> None:
    page = build(make_record("one", play.scenario(), [({}, *play.society(episodes=1))]), tmp_path / "r.html")
    text = words(page)
    assert "could not be made" not in text
    assert "nan" not in text.lower().split()


def test_several_runs_beside_one_another(commons_pair: Record, commons_single: Record, tmp_path: Path) -> None:
    page = build([commons_single, commons_pair], tmp_path / "r.html")
    text = words(page)
    assert "comparison of 2 runs" in text
    assert "could not be made" not in text
    assert "3 conditions" in text


def test_conditions_of_several_runs_are_named_by_what_differs(make_record: Any, play: Any) -> None:
    records = []
    for fine in (10.0, 0.0):
        scenario = play.scenario()
        scenario["environment"]["institutions"] = {"sanctions": {"fine": fine}}
        records.append(make_record(f"r{fine:g}", scenario, [({}, *play.society(fine=fine, episodes=3, rounds=4))]))
    study = Study(records)
    assert [c.label for c in study.conditions] == ["fine 10", "fine 0"]
    assert study.pairs("stock_final", 0, 1) is not None


def test_switched_off_mechanisms_are_called_so(make_record: Any, play: Any, tmp_path: Path) -> None:
    key = "environment.institutions.sanctions"
    cells = [({key: {"kind": "peer", "fine": 10}}, *play.society()), ({key: None}, *play.society(fine=0.0))]
    text = words(build(make_record("s", play.scenario(), cells), tmp_path / "r.html"))
    assert "With sanctions the stock" in text
    assert "without sanctions" in text


def test_the_caveats_stand_by_presets_only(make_record: Any, play: Any, tmp_path: Path) -> None:
    made = play.society(episodes=3, rounds=4)
    text = words(build(make_record("a", play.scenario(), [({}, *made)]), tmp_path / "a.html"))
    assert "not the authors' values" in text
    assert "say “stock”, never “survival”" in text
    assert "F5" not in text
    own = play.scenario(provenance=None)
    text = words(build(make_record("b", own, [({}, *made)]), tmp_path / "b.html"))
    assert "F1" not in text


def test_nobody_fined_is_said(make_record: Any, play: Any, tmp_path: Path) -> None:
    text = words(build(make_record("n", play.scenario(), [({}, *play.society(fine=0.0))]), tmp_path / "r.html"))
    assert "Nobody was ever fined" in text
    assert "they cannot explain anything" in text


def stranger(record: Any) -> Section | None:
    return Section("mine", "My section", (Text(f"{len(record.outcomes())} rows of {record.manifest.name}"),))


def broken(record: Any) -> Section | None:
    raise RuntimeError("<b>oh</b>")


@pytest.fixture
def plugged(monkeypatch: pytest.MonkeyPatch) -> None:
    known = dict(registry.entries("report_sections"))
    for name in ("stranger", "broken"):
        known[name] = EntryPoint(name, f"{__name__}:{name}", "gamesim.report_sections")
    monkeypatch.setattr(
        registry, "load", lambda point: globals()[point.name] if point.name in ("stranger", "broken") else point.load()
    )
    import gamesim_analysis.report.page as page

    monkeypatch.setattr(page, "entries", lambda group: known)
    monkeypatch.setattr(page, "load", registry.load)


@pytest.mark.usefixtures("plugged")
def test_a_strangers_section(commons_single: Record, commons_pair: Record, tmp_path: Path) -> None:
    page = build(commons_single, tmp_path / "r.html", sections=["stranger", "broken", "method"])
    assert sections(page) == ["mine", "broken", "method"]
    text = words(page)
    assert "12 rows of commons/tried" in text
    assert "RuntimeError: <b>oh</b>" in text
    page = build([commons_single, commons_pair], tmp_path / "two.html", sections=["stranger"])
    assert sections(page) == ["mine", "mine-2"]
    assert "24 rows" in words(page)
