"""Tournaments: what was played stands beside what the chain says, whoever sits there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gamesim_analysis.equilibrium.memory_one import memory_one
from gamesim_analysis.metrics.round_robin import round_robin, tournament

from gamesim.core.errors import MetricError
from gamesim.envs.repeated.stage_games import prisoners_dilemma
from gamesim.run.runner import run
from gamesim.scenario.resolve import load_scenario


def played(tmp_path: Path, population: list[dict[str, Any]], replicates: int = 200, **more: Any) -> Any:
    environment = {"kind": "matrix", "horizon": 30, "noise": 0.05, **more.pop("environment", {})}
    data = {
        "name": "t",
        "environment": environment,
        "population": population,
        "replicates": replicates,
        "seed": 3,
        **more,
    }
    return run(load_scenario(json.dumps(data)), store=tmp_path)


def test_simulated_means_lie_about_the_exact_ones(tmp_path: Path) -> None:
    rules = ["matrix.tit_for_tat", "matrix.grim", "matrix.alternator", "matrix.defector"]
    record = played(
        tmp_path,
        [{"agent": "matrix.tit_for_tat", "seat": "player_0"}, {"agent": "matrix.memory_one", "strategy": "extort_2", "seat": "player_1"}],
        sweep={"axes": {"population.0.agent": rules}},
    )  # fmt: skip
    found = round_robin(record)
    assert found["first"] == [rule.removeprefix("matrix.") for rule in rules]
    assert set(found["second"]) == {"extort_2"}
    assert max(found["errors_apart"]) < 4
    exact = memory_one("grim", "extort_2", prisoners_dilemma(), turns=30, noise=0.05).payoffs
    assert (found["exact_first"][1], found["exact_second"][1]) == pytest.approx(tuple(exact))
    ranks = tournament(record)
    assert ranks["played"] == sorted(ranks["played"], reverse=True)
    assert ranks["opponents"][ranks["strategy"].index("extort_2")] == 4


def test_tables_two_rounds_deep_and_weights_and_labels(tmp_path: Path) -> None:
    record = played(
        tmp_path,
        [
            {
                "agent": "matrix.memory_one",
                "first": 0.2,
                "after": [0.9, 0.1, 0.6, 0.3] * 4,
                "label": "deep",
                "count": 1,
            },
            {"agent": "matrix.random", "weights": [1, 3], "count": 1},
        ],
        environment={"stage": {"game": "chicken"}},
    )
    found = round_robin(record)
    assert (found["first"], found["second"]) == (["deep"], ["random"])
    assert found["errors_apart"][0] < 4
    with pytest.raises(MetricError, match="no tournament"):
        tournament(record)


def test_certain_play_leaves_no_distance(tmp_path: Path) -> None:
    record = played(
        tmp_path,
        [{"agent": "matrix.memory_one", "strategy": "tit_for_two_tats", "count": 2}],
        3,
        environment={"noise": 0},
    )
    found = round_robin(record)
    assert (found["played_first"], found["errors_apart"]) == ([3.0], [0.0])


def test_what_is_no_automaton_is_said(tmp_path: Path) -> None:
    record = played(
        tmp_path, [{"agent": "learner", "rule": "exp3_ix", "count": 1}, {"agent": "matrix.defector", "count": 1}], 4
    )
    found = round_robin(record)
    assert np.isnan(found["exact_first"][0])
    assert "no automaton" in found["null_reason"][0]
    other = played(tmp_path, [{"agent": "matrix.random", "count": 2}], 4, environment={"stage": "shapley"})
    with pytest.raises(MetricError, match="two players and two actions"):
        round_robin(other)
