"""What the page says equals what the record holds."""

from __future__ import annotations

import csv
import io
import math
import re
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
from gamesim_analysis.report import build, mean_interval, share_interval
from gamesim_analysis.report.agents import lives
from gamesim_analysis.report.numbers import number
from gamesim_analysis.report.reading import csv_text
from gamesim_analysis.report.sections.commons_rounds import rounds
from gamesim_analysis.report.sections.effects import difference
from gamesim_analysis.report.sections.setup import yaml
from gamesim_analysis.report.study import Study
from gamesim_analysis.stats.intervals import mean_interval as student
from gamesim_analysis.stats.intervals import wilson
from hypothesis import given
from hypothesis import strategies as st

from gamesim.run.record import Record


def downloads(path: Path) -> dict[str, list[dict[str, str]]]:
    text = path.read_text("utf-8")
    found = {}
    for name, href in re.findall(r'download="([^"]+)\.csv" href="([^"]+)"', text):
        found[name] = list(csv.DictReader(io.StringIO(unquote(unescape(href)).split(",", 1)[1])))
    return found


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40))
def test_intervals_of_means_are_those_of_the_statistics_part(values: list[float]) -> None:
    mine, theirs = mean_interval(values), student(values)
    assert mine.n == len(values)
    assert mine.value == pytest.approx(theirs.estimate, abs=1e-9)
    assert (theirs.low is None) == math.isnan(mine.low)
    if theirs.low is not None and theirs.high is not None:
        assert (mine.low, mine.high) == pytest.approx((theirs.low, theirs.high), rel=1e-7, abs=1e-7)


@given(st.integers(0, 60), st.integers(0, 60))
def test_intervals_of_shares_too(hits: int, more: int) -> None:
    mine, theirs = share_interval(hits, hits + more), wilson(hits, hits + more)
    if theirs.estimate is None:
        assert not mine.known
    else:
        assert (mine.value, mine.low, mine.high) == pytest.approx((theirs.estimate, theirs.low, theirs.high), abs=1e-9)


def test_key_figures_are_the_outcomes(commons_pair: Record, tmp_path: Path) -> None:
    page = build(commons_pair, tmp_path / "r.html", sections=["summary"])
    rows = {row["figure"]: row for row in downloads(page)["summary-4"]}
    outcomes = commons_pair.outcomes().fetch()
    for name, meaning in (("stock_final", "stock at the end"), ("total_harvest", "total harvest"), ("fines", "fines")):
        for cell, label in ((0, "fine 10 (n = 12)"), (1, "fine 0 (n = 12)")):
            expected = student(outcomes[name][outcomes["cell"] == cell])
            assert float(rows[meaning][label]) == pytest.approx(expected.estimate, rel=1e-5, abs=1e-9)
            if expected.low is not None:
                assert float(rows[meaning][f"{label}_low"]) == pytest.approx(expected.low, rel=1e-4, abs=1e-4)
    on, off = (outcomes["stock_final"][outcomes["cell"] == c] for c in (0, 1))
    assert float(rows["stock at the end"]["difference on shared draws"]) == pytest.approx((on - off).mean(), rel=1e-5)
    text = page.read_text("utf-8")
    assert f"With fine 10 the stock" in text  # noqa: F541
    assert str(mean_interval(on)) in text
    assert str(mean_interval(on - off)) in text


def test_averages_over_time_are_those_of_the_step_table(commons_pair: Record) -> None:
    columns = rounds(Study([commons_pair]))
    steps = commons_pair.steps().fetch()
    harvests = steps["phase"] == "harvest"
    for condition, now in ((0, 1), (0, 7), (1, 20)):
        mine = harvests & (steps["cell"] == condition) & (steps["round"] == now)
        row = np.flatnonzero((columns["condition"] == condition) & (columns["round"] == now))
        by_society = [steps["stock"][mine & (steps["seed"] == s)][0] for s in np.unique(steps["seed"][mine])]
        catch = [steps["harvest"][mine & (steps["seed"] == s)].sum() for s in np.unique(steps["seed"][mine])]
        assert columns["stock"][row] == pytest.approx(np.mean(by_society))
        assert columns["stock_sd"][row] == pytest.approx(np.std(by_society, ddof=1), abs=1e-9)
        assert columns["stock_n"][row] == len(by_society)
        assert columns["catch"][row] == pytest.approx(np.mean(catch))
    # Fines stand in the sanction rows and belong to the round of the harvest before them.
    fined = (steps["phase"] == "sanction") & (steps["cell"] == 0)
    first = steps["step"] == steps["step"][fined].min()
    assert columns["fines"][(columns["condition"] == 0) & (columns["round"] == 1)] == pytest.approx(
        np.nansum(steps["fines_imposed"][fined & first]) / len(np.unique(steps["seed"]))
    )


def test_sums_of_lives_are_those_of_the_step_table(commons_pair: Record) -> None:
    found = lives(Study([commons_pair]))
    assert found is not None
    steps = commons_pair.steps().fetch()
    for place in (0, 17, len(found.seed) - 1):
        mine = (steps["cell"] == found.condition[place]) & (steps["seed"] == found.seed[place])
        mine &= steps["agent"] == found.agents[found.agent[place]]
        harvest = mine & (steps["phase"] == "harvest")
        assert found["harvest"][place] == pytest.approx(steps["harvest"][harvest].sum())
        assert found["lived"][place] == harvest.sum()
        assert found["reward"][place] == pytest.approx(steps["reward"][mine].sum())
        wealth = steps["wealth"][mine][np.isfinite(steps["wealth"][mine])]
        assert found["wealth"][place] == pytest.approx(wealth[-1])
        assert found["complied"][place] == np.sum(steps["harvest"][harvest] <= steps["norm"][harvest] + 1e-9)
        assert set(steps["member"][mine]) == {found.members[found.member[place]]}


def test_paired_differences_use_shared_draws(commons_pair: Record) -> None:
    study = Study([commons_pair])
    e = difference(study, "stock_final", [(1, 0)])
    outcomes = commons_pair.outcomes().fetch()
    gap = outcomes["stock_final"][outcomes["cell"] == 1] - outcomes["stock_final"][outcomes["cell"] == 0]
    assert e.value == pytest.approx(gap.mean())
    assert e.n == 12


def test_runs_on_other_draws_are_not_paired(make_record: Any, play: Any, tmp_path: Path) -> None:
    steps, outcomes = play.society(episodes=4, rounds=4)
    other = [{**o, "episode": o["episode"] + 9000} for o in outcomes]
    pair = [
        make_record(n, play.scenario(seed=i), [({}, steps, o)])
        for i, (n, o) in enumerate((("a", outcomes), ("b", other)))
    ]
    text = build(pair, tmp_path / "r.html", sections=["effects", "summary"]).read_text("utf-8")
    assert "No two conditions share their random draws" in text
    assert "On the same random draws" not in text


def test_numbers_read_as_people_write_them() -> None:
    assert [number(x) for x in (0.0, -0.0, 1234567.0, -3.25, 1e-5, float("nan"), float("inf"), True, 7)] == [
        "0", "0", "1,234,567", "−3.25", "0.0000", "–", "∞", "yes", "7",
    ]  # fmt: skip


def test_downloads_read_back() -> None:
    text = csv_text(("a", 'b"'), (("x,y", 1.25), ('q"r', None), ("line\nend", -3.0)))
    assert list(csv.reader(io.StringIO(text))) == [["a", 'b"'], ["x,y", "1.25"], ['q"r', ""], ["line\nend", "-3"]]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(-1e6, 1e6) | st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc_- :#'1", max_size=5), inner, max_size=3),
        max_leaves=12,
    )
)  # fmt: skip
def test_the_scenario_as_played_reads_back(data: Any) -> None:
    from ruamel.yaml import YAML

    assert YAML(typ="safe", pure=True).load(yaml({"key": data})) == {"key": data}
