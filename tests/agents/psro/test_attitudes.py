"""An oracle whose attitude to risk is not the meta-solver's is told of, before a run and in its report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from gamesim_analysis.metrics import compute
from gamesim_analysis.report import build

from gamesim.cli.playing import warnings_of
from gamesim.run.runner import run
from gamesim.scenario.resolve import load_scenario

POOL: dict[str, Any] = {
    "kind": "psro", "name": "attitudes", "environment": {"kind": "matrix", "horizon": 1},
    "policies": [{"agent": "matrix.cooperator"}],
    "oracle": {"kind": "candidates", "policies": [{"agent": "matrix.defector"}], "episodes": 20},
    "samples": {"initial": 20, "batch": 20}, "stop": {"iterations": 2},
}  # fmt: skip
AVERSE = {"kind": "mean_variance", "aversion": 1.0}


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"meta_solver": {"kind": "rae", "aversion": 1.0}}, None),  # inherited
        ({"meta_solver": "rae", "risk": AVERSE}, None),  # shared
        ({"meta_solver": {"kind": "rae", "aversion": 0.0}, "risk": "neutral"}, None),
        ({"meta_solver": "nash"}, None),
        ({"meta_solver": "nash", "risk": AVERSE, "oracle": "none"}, None),  # nobody answers
        ({"meta_solver": "nash", "risk": AVERSE}, "is mean_variance, aversion 1.0, that of the meta-solver nash is neutral"),
        ({"meta_solver": {"kind": "rae", "aversion": 0.1}, "risk": AVERSE}, "meta-solver rae is mean_variance, aversion 0.1"),
        ({"meta_solver": {"kind": "rae", "aversion": [1, 2]}, "risk": AVERSE}, "meta-solver rae is mean_variance, aversion"),
        ({"meta_solver": {"kind": "cvar", "alpha": 0.1}, "risk": {"kind": "cvar", "alpha": 0.2}}, "cvar, alpha 0.2"),
    ],
)  # fmt: skip
def test_a_difference_is_told_before_a_run(keys: dict[str, Any], said: str | None) -> None:
    found = warnings_of(load_scenario(json.dumps(POOL | keys)))
    assert len(found) == (said is not None)
    assert all(said in text for text in found if said)


@pytest.mark.parametrize(
    "data",
    [
        POOL | {"meta_solver": "uniform"},
        {"kind": "psro", "name": "formal", "game": "chicken", "meta_solver": "uniform"},
    ],
    ids=["environment", "formal game"],
)
def test_and_stands_in_the_report(tmp_path: Path, data: dict[str, Any]) -> None:
    for risk, told in ((AVERSE, True), ("neutral", False)):
        record = run(load_scenario(json.dumps(data | {"risk": risk})), store=tmp_path)
        compute(record)
        build(record)
        page = (record.path / "report.html").read_text("utf-8")
        assert ("that of the meta-solver uniform is neutral" in page) is told
