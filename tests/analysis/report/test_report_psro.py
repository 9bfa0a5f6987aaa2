"""The report of a psro run: curves over iterations and processor time, who is mixed, the table, the branch, what safety costs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gamesim_analysis.metrics import evaluate
from gamesim_analysis.metrics.aversion import branches
from gamesim_analysis.metrics.frontier import scores
from gamesim_analysis.metrics.psro import done, iteration_time

from gamesim.core.errors import MetricError
from gamesim.core.normal_form import NormalFormGame
from gamesim.run.record import Record
from tests import psro_runs
from tests.psro_runs import RAE, page, played, words

LEDUC: dict[str, Any] = {
    "kind": "psro", "name": "leduc", "game": "leduc", "meta_solver": "nash", "stop": {"iterations": 22, "tolerance": 1e-9, "checkpoint": 8},
}  # fmt: skip
STAG: dict[str, Any] = {
    "kind": "psro", "name": "stag", "game": "stag_hunt", "start": "first", "meta_solver": {"kind": "rae", "tremble": 0},
    "risk": {"kind": "mean_variance", "aversion": 1.0}, "stop": {"iterations": 6, "tolerance": 1e-6},
}  # fmt: skip
CROSSING = psro_runs.CROSSING | {
    "frontier": {
        "grid": [0.1, 2], "evaluate": 400, "populations": ["self", "noisy", "careful"],
        "held_out": {"careful": {"agent": "driving.gap_acceptance", "threshold": 2}},
        "concepts": [{**RAE, "variance": "strategic+env"}, {**RAE, "variance": "strategic"}],
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def leduc(tmp_path_factory: pytest.TempPathFactory) -> Record:
    return played(tmp_path_factory.mktemp("leduc"), LEDUC)


@pytest.fixture(scope="module")
def crossing(tmp_path_factory: pytest.TempPathFactory) -> Record:
    return played(tmp_path_factory.mktemp("crossing"), CROSSING)


def test_processor_time_grows_and_is_in_no_table(leduc: Record) -> None:
    """Times come from the log: beside the record's tables, which stay byte for byte the same."""
    found = iteration_time(leduc)
    assert np.asarray(found["iteration"]).tolist() == list(range(22))
    assert (np.diff(found["cpu_seconds"]) > 0).all()
    evaluate(leduc)
    assert not list(leduc.path.glob("tables/iteration_time*"))
    log = leduc.path / "log.jsonl"
    kept = log.read_text("utf-8")
    digest = leduc.digest()
    try:
        log.write_text("", "utf-8")
        with pytest.raises(MetricError, match="does not say"):
            iteration_time(leduc)
        assert "Processor time is not drawn" in words(page(leduc))
        assert leduc.digest() == digest
    finally:
        log.write_text(kept, "utf-8")


def test_workers_tell_their_times_too(tmp_path: Path) -> None:
    record = played(tmp_path, {**LEDUC, "stop": {"iterations": 4, "checkpoint": 2}}, workers=2)
    assert (np.diff(iteration_time(record)["cpu_seconds"]) > 0).all()


def test_exploitability_twice_with_what_was_published(leduc: Record) -> None:
    text = page(leduc)
    said = words(text)
    assert "Exploitability over iterations" in said
    assert "Exploitability over processor time" in said
    assert "published, 20 iterations" in text  # a line over processor time
    assert "indylab/tabular_xdo" in said
    assert "Not converged: the iterations allowed were over." in said
    assert "The meta-strategy over iterations" in said
    assert text == page(leduc)
    assert len(text) < 1 << 20


def test_another_leduc_has_no_published_curve(tmp_path: Path) -> None:
    other = {**LEDUC, "game": {"game": "leduc", "params": {"suits": False}}, "stop": {"iterations": 4}}
    assert "tabular_xdo" not in words(page(played(tmp_path, other)))


def test_the_branch_of_stag_turns_and_that_of_hare_does_not(tmp_path: Path) -> None:
    """Without a tremble every strict equilibrium lasts; the one that mixes is a branch of its own."""
    record = played(tmp_path, STAG)
    table = branches(record)
    starts = set(table["start"])
    assert {"from C, C", "from uniform"} <= starts
    assert max(float(gap) for gap in table["gap"]) < 1e-9
    assert np.nanmax(table["aversion"]) == pytest.approx(2.0)
    said = words(page(record))
    assert "If everybody minded risk more" in said
    assert "From C, C there is no turning point up to aversion 2." in said
    assert "raeconv under their attitude to risk" in said


def test_a_turning_point_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    from gamesim_analysis.metrics import aversion
    from gamesim_analysis.report.sections import aversion as section

    hunt = NormalFormGame.bimatrix([[4, 0], [3, 3]], [[4, 3], [0, 3]], actions=(("S", "H"),) * 2)
    rows = aversion._followed(aversion.Task(0, "rae", hunt, "strategic", 0.01, True, 4.0))
    turns = {(row["start"], round(row["aversion"], 4)) for row in rows if row["turns"]}
    assert turns == {("from S, S", 3.0609)}
    text, figure = section._one({name: [row[name] for row in rows] for name in rows[0]}, "rae")
    assert "From S, S the branch turns back at aversion 3.061." in text.text  # type: ignore[union-attr]
    assert "3.061" in str(figure.panels[-1].spec)  # type: ignore[union-attr]


def test_cells_can_be_pointed_at(crossing: Record) -> None:
    """Mean, spread, half width, episodes and crash rate of a cell stand in what pointing at it shows."""
    titles = re.findall(r"<title>(player 0, go: mean .*?)</title>", page(crossing))
    assert len(titles) == 5
    assert re.fullmatch(
        r"player 0, go: mean \S+, SD \S+, half width \S+; player 1, go: mean \S+, SD \S+, half width \S+; 400 episodes, crash rate 0\.\d+\.",
        titles[0],
    )


def test_numbers_of_the_page_are_those_of_the_tables(crossing: Record) -> None:
    """Crash rates with Wilson's, arrival with its interval, the worst of two held-out populations with its own."""
    (unit,) = done(crossing, "score")
    rows = scores(unit.data)
    said = words(page(crossing))
    base = rows[0]
    assert f"crash {1000 * base['crash']:.1f}" in said or f"crash {1000 * base['crash']:.2f}" in said
    assert all(row["arrival_low"] <= row["arrival"] <= row["arrival_high"] for row in rows)
    risk = evaluate(crossing)[0]["risk"]
    held = [row for row in rows if row["population"] in ("noisy", "careful") and row["concept"] == "nash"]
    worst = min(held, key=lambda row: row["mean"])
    assert risk["worst_held_out"][0] == pytest.approx(worst["mean"])
    assert risk["worst_held_out_low"][0] == pytest.approx(worst["mean_low"])
    assert "Held-out populations" in said
    assert "mean against careful" in said
    assert f"{worst['mean']:.3f}" in said


def test_warnings_are_each_said_once(crossing: Record) -> None:
    said = words(page(crossing))
    assert said.count("Frozen, safe because little happens:") == 1
    assert said.count("Wrong variance for") == 1
    assert said.count("Below resolution, fewer than 10 crashes") == 1
    assert "Every solution was reached from uniform play" in said
    assert "Where the spread comes from" in said
