"""How much solutions of sampled tables owe to chance."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from gamesim_agents.psro.bootstrap import redrawn
from gamesim_agents.psro.cells import redrawn_table
from gamesim_analysis.metrics.frontier import frontier, solutions
from gamesim_analysis.metrics.psro import meta
from gamesim_analysis.report import build

from gamesim.core.empirical import Cell, EmpiricalGame
from gamesim.core.errors import ScenarioError
from gamesim.core.registry import entry
from gamesim.core.seeds import Seeds
from gamesim.core.solution import Limits
from gamesim.scenario.resolve import load_scenario
from tests.psro_runs import CROSSING, played

SMALL: dict[str, Any] = {
    **CROSSING,
    "policies": {"kind": "gap_acceptance", "thresholds": [-9, 0, 1]},
    "samples": {"initial": 300, "batch": 100, "symmetric": True},
    "frontier": {"grid": [0.1], "evaluate": 600, "populations": ["self", "uniform"]},
    "bootstrap": 40,
}
KUHN = {"kind": "psro", "game": "kuhn", "samples": {"initial": 100}, "stop": {"iterations": 4}}


def noisy_chicken(rng: np.random.Generator, episodes: int) -> EmpiricalGame:
    """(0, -1; 1, -10) seen through noise of 1 an episode; one pool for both seats."""
    game = EmpiricalGame((("yield", "go"),), roles=(0, 0))
    truth = {(0, 0): (0.0, 0.0), (0, 1): (-1.0, 1.0), (1, 1): (-10.0, -10.0)}
    for profile, mean in truth.items():
        game = game.add(profile, np.array(mean) + rng.standard_normal((episodes, 2)))
    return game


def test_redraws_spread_as_far_as_other_tables_do() -> None:
    """The standard deviation over 40 tables of 400 episodes, and that over redraws of one of them, agree within a third."""
    context: Any = SimpleNamespace(seeds=Seeds(0))
    given: dict[str, Any] = {"aversion": 0.1, "tremble": 0.0, "profile": "symmetric"}

    def go(game: EmpiricalGame) -> Any:
        return entry("meta_solvers", "rae")(game, limits=Limits(), rng=np.random.default_rng(0), **given).marginals

    tables = [noisy_chicken(np.random.default_rng(seed), 400) for seed in range(40)]
    across = np.std([go(table)[0][1] for table in tables])
    draws = redrawn(tables[0], {}, "rae", given, go(tables[0]), 80, context, "x")
    assert 2 / 3 < np.std([draw[0][1] for draw in draws if draw is not None]) / across < 3 / 2
    assert redrawn(tables[0], {}, "rae", given, go(tables[0]), 5, context, "x") == draws[:5]


def test_variances_are_redrawn_with_their_means() -> None:
    """A crash in twenty costs ten: both move as over 300 samples of 500 episodes, and together; what sums to zero still does."""

    def sample(rng: np.random.Generator) -> np.ndarray:
        gain = np.where(rng.random(500) < 0.05, -10.0, rng.uniform(size=500))
        return np.column_stack([gain, -gain])

    def moments(game: EmpiricalGame) -> tuple[float, float]:
        return float(game.mean[0, 0, 0]), float(game.variance[0, 0, 0])

    first = sample(np.random.default_rng(0))
    game = EmpiricalGame((("a",), ("b",))).add((0, 0), first)
    squares = {(0, 0): Cell.of(np.hstack([first, first**2]))}
    drawn = [redrawn_table(game, squares, np.random.default_rng(seed)) for seed in range(300)]
    again = np.array([moments(other) for other in drawn])
    truth = np.array(
        [moments(EmpiricalGame((("a",), ("b",))).add((0, 0), sample(np.random.default_rng(s)))) for s in range(300)]
    )
    assert again.std(axis=0) == pytest.approx(truth.std(axis=0), rel=0.25)
    assert np.corrcoef(again.T)[0, 1] < -0.9 > np.corrcoef(truth.T)[0, 1]
    assert max(abs(float(other.mean[:, 0, 0].sum())) for other in drawn) < 1e-9


def test_looking_near_finds_what_looking_everywhere_finds() -> None:
    table = noisy_chicken(np.random.default_rng(1), 400)
    given: dict[str, Any] = {"aversion": 0.3, "tremble": 0.0, "profile": "symmetric"}
    first = entry("meta_solvers", "rae")(table, limits=Limits(), rng=np.random.default_rng(0), **given)
    other = table.resample(np.random.default_rng(2))
    ways = [
        entry("meta_solvers", "rae")(other, limits=Limits(), rng=np.random.default_rng(0), near=near, **given)
        for near in (None, first.marginals)
    ]
    assert ways[0].marginals[0] == pytest.approx(ways[1].marginals[0], abs=1e-7)
    assert all(way.certificate.gap < 1e-7 for way in ways)


def test_a_frontier_says_what_its_training_table_does(tmp_path: Path) -> None:
    record = played(tmp_path / "a", SMALL)
    table = frontier(record)
    own = np.flatnonzero(np.asarray(table["population"]) == "self")
    assert np.asarray(table["redraws"])[own].tolist() == [40.0, 40.0]
    for name in ("mean", "crash", "arrival"):
        low, high = (np.asarray(table[f"{name}_table_{end}"])[own] for end in ("low", "high"))
        assert (low < high).all()
        assert (low - 1e-9 <= np.asarray(table[name])[own]).all()
    others = np.flatnonzero(np.asarray(table["population"]) == "uniform")
    assert np.isnan(np.asarray(table["mean_table_low"])[others]).all()
    rows = solutions(record)
    inside = (rows["low"] <= rows["probability"] + 0.05) & (rows["probability"] <= rows["high"] + 0.05)
    assert inside.all()
    assert (rows["high"] > rows["low"]).any()
    assert "Another training table" in build(record).read_text("utf-8")
    assert played(tmp_path / "b", SMALL, workers=2).digest() == record.digest()


def test_a_sampled_game_and_its_last_meta_strategy(tmp_path: Path) -> None:
    rows = meta(played(tmp_path, {**KUHN, "bootstrap": 20}))
    last = rows["iteration"] == rows["iteration"].max()
    assert np.isnan(rows["low"][~last]).all()
    assert (rows["low"][last] < rows["high"][last]).any()
    assert (rows["high"][last] >= 0).all()


@pytest.mark.parametrize(
    "changes", [{"bootstrap": 0}, {"samples": None}, {"anytime": "regret"}, {"meta_solver": "prd"}]
)
def test_none_where_none_is_asked_for_or_nothing_is_drawn(tmp_path: Path, changes: dict[str, Any]) -> None:
    record = played(tmp_path, {**KUHN, "stop": {"iterations": 2}, **changes})
    assert {unit.task["do"] for unit in record.units} == {"iterate"}
    assert np.isnan(meta(record)["low"]).all()


def test_a_handful_of_redraws_is_refused() -> None:
    with pytest.raises(ScenarioError, match="bootstrap: 5 redraws say nothing of 95 %"):
        load_scenario(json.dumps({**KUHN, "bootstrap": 5}))
