"""What safety costs: ratios with intervals, what is below resolution, fresh episodes, and the table of the crossing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gamesim_analysis.metrics import evaluate
from gamesim_analysis.metrics.frontier import Rate, chosen, ratio, scores, variance_split
from gamesim_analysis.metrics.psro import done

from gamesim.core.empirical import EmpiricalGame
from gamesim.run.record import Record
from tests import psro_runs
from tests.psro_runs import RAE, page, played, words

CROSSING = psro_runs.CROSSING | {"frontier": {"grid": [0.1, 0.2, 2], "evaluate": 400, "populations": ["self", "uniform", "noisy"]}}  # fmt: skip


def play(tmp_path: Path, **changes: Any) -> Record:
    return played(tmp_path, CROSSING | changes)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Record:
    return play(tmp_path_factory.mktemp("small"))


def test_ten_crashes_make_a_ratio_and_nine_a_bound() -> None:
    n = 100_000.0
    many = Rate({0: (1.0, 100 / n, n)})
    assert ratio(many, Rate({1: (1.0, 12 / n, n)})).resolved
    few = ratio(many, Rate({1: (1.0, 9 / n, n)}))
    assert not few.resolved
    assert few.value is None
    assert str(few).startswith("below resolution, at least ")
    assert few.low is not None
    assert 1 < few.low < 100 / 9
    assert str(ratio(Rate({0: (1.0, 5 / n, n)}), few_crashes := Rate({1: (1.0, 0.0, n)}))) == "below resolution"
    assert few_crashes.wilson()[1] > 0


def test_the_ratio_of_separate_samples_is_katz() -> None:
    a, b, n = 80, 20, 10_000.0
    found = ratio(Rate({0: (1.0, a / n, n)}), Rate({1: (1.0, b / n, n)}))
    spread = 1.959964 * np.sqrt(1 / a - 1 / n + 1 / b - 1 / n)
    assert found.value == pytest.approx(a / b)
    assert found.low == pytest.approx(a / b * np.exp(-spread), rel=0.03)
    assert found.high == pytest.approx(a / b * np.exp(spread), rel=0.03)


def test_rates_of_mixtures_cover_what_is_true() -> None:
    """Wilson's interval over strata, 2,000 times: three cells of unequal weight and rate."""
    rng, weights, truth, n = np.random.default_rng(5), (0.6, 0.3, 0.1), (0.001, 0.01, 0.1), 5000
    drawn = rng.binomial(n, truth, size=(2000, 3)) / n
    inside = 0
    for row in drawn:
        low, high = Rate(
            {k: (w, float(p), float(n)) for k, (w, p) in enumerate(zip(weights, row, strict=True))}
        ).wilson()
        inside += low <= sum(w * p for w, p in zip(weights, truth, strict=True)) <= high
    assert 0.93 <= inside / 2000 <= 0.98


def test_the_variance_adds_up(small: Record) -> None:
    table = evaluate(small)[0]["risk"]
    parts = table["environment"] + table["own_mixing"] + table["strategic"]
    assert np.abs(parts - table["variance"]).max() < 1e-9
    rng = np.random.default_rng(0)
    game = EmpiricalGame((("a", "b"), ("c", "d", "e")))
    for profile in np.ndindex(2, 3):
        game = game.add(profile, rng.normal(size=(50, 2)))
    split = variance_split(game, [[0.3, 0.7], [0.2, 0.3, 0.5]], 0)
    assert split.environment + split.own + split.strategic == pytest.approx(split.total, abs=1e-12)


def test_the_tables_of_a_run(small: Record) -> None:
    found, why = evaluate(small)
    assert {"cells", "meta", "curve", "frontier", "risk", "psro", "safety"} <= set(found), why
    assert len(found["cells"]["cell"]) == 15 * 2
    assert set(found["frontier"]["population"]) == {"self", "uniform", "noisy"}
    assert (found["cells"]["count"] == 400).all()
    own = np.asarray(found["frontier"]["population"]) == "self"
    assert found["frontier"]["ratio"][own][0] == 1.0
    last = np.flatnonzero(own)[-1]
    assert found["frontier"]["frozen"][last]  # aversion 2: nobody drives


def test_scores_come_from_fresh_episodes(small: Record) -> None:
    """No stream of a scored episode is one that a solution was fitted to."""
    training = {unit.data["mean"][0] for unit in done(small, "play") if unit.task["for"] == "cell"} - {0.0}
    fresh = {unit.data["mean"][0] for unit in done(small, "play") if unit.task["for"] == "fresh"}
    assert not training & fresh
    (unit,) = done(small, "score")
    assert unit.data["in_sample"] is False
    assert unit.data["table"]["cells"] != unit.data["training"]["cells"]


def test_the_report_says_what_may_be_said(small: Record) -> None:
    text = words(page(small))
    assert "No episode of this run was finished" not in text
    assert "definition, protocol and numbers are ours" in text
    assert "7x fewer crashes in its own simulator" in text
    assert "confirmed" not in text
    assert "below resolution" in text
    assert "Frozen, safe because little happens:" in text
    assert "arrival" in text


def test_training_cells_as_scores_stand_in_red(tmp_path: Path) -> None:
    record = play(tmp_path, frontier={"grid": [0.1], "evaluate": 0, "in_sample": True, "populations": ["self"]})
    text = page(record)
    assert "Scored on the training cells (in_sample: true)" in text
    (unit,) = done(record, "score")
    assert unit.data["table"] == unit.data["training"]
    assert all(row["in_sample"] for row in scores(unit.data))


@pytest.mark.slow
def test_the_crossing_as_measured(tmp_path: Path) -> None:
    """Statement 28: crash rates of solutions on fresh episodes, at the sizes of the table in docs/risk.md."""
    both = [{**RAE, "variance": "strategic+env"}, {**RAE, "variance": "strategic", "grid": [2]}]
    frontier = {"grid": [0.1, 0.2, 2], "evaluate": 100_000, "populations": ["self"], "concepts": both}
    record = play(
        tmp_path, policies={"kind": "gap_acceptance", "thresholds": [-1, 0, 1, 9]},
        samples={"initial": 30_000, "batch": 10_000, "symmetric": True}, frontier=frontier,
    )  # fmt: skip
    (unit,) = done(record, "score")
    rows = {(row["concept"], row["value"]): row for row in scores(unit.data)}
    nash = rows["nash", 0.0]
    assert 7.0 <= 1000 * nash["crash"] <= 8.7
    assert 1.1 <= rows["rae strategic", 2.0]["ratio"] <= 1.6
    assert 3.0 <= rows["rae strategic+env", 0.1]["ratio"] <= 4.2
    point = rows["rae strategic+env", 0.2]
    assert 6.5 <= point["ratio"] <= 10
    assert abs(point["mean_change"]) <= 0.10
    assert rows["rae strategic+env", 2.0]["frozen"]
    assert chosen(list(rows.values()))["rae strategic+env"]["value"] == 0.2
    assert f"{point['ratio']:.3g}" in words(page(record))
