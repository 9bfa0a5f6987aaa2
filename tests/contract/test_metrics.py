"""Every registered metric keeps the contract on a run it applies to, and each applies to at least one of these."""

from __future__ import annotations

from pathlib import Path

import pytest

from gamesim.core.errors import MetricError
from gamesim.core.registry import entry, names
from gamesim.run.record import Record
from gamesim.run.runner import run
from gamesim.scenario.resolve import load_scenario
from gamesim.testing import check_metric

RUNS = {
    "commons/paper_a_harsh_mixed": ["replicates=8"],
    "commons/paper_a_rich_mixed": ["replicates=4", "environment.perturbations=[{kind: growth, at: 10, stock: 150}]"],
    "commons/punishment_shock_10": ["replicates=8"],
    "commons/govsim_fishery": ["replicates=3"],
    "commons/inverse_trash": ["replicates=3"],
    "commons/vcm_punish": ["replicates=2"],
    "commons/fish_war": ["replicates=2"],
    "games/reciprocity": ["replicates=4"],
    "games/seed_loan": ["replicates=30"],
    "games/hats_llm": ["replicates=3", "environment.horizon=20"],
    "games/auction_learners": ["replicates=3", "environment.horizon=20"],
    "league/psro_kuhn": [],
    "driving/merge": ["samples.initial=100", "samples.batch=100", "frontier.evaluate=100", "frontier.concepts=[]"],
    "llm/village_in_words": ["models.villager={backend: rule, id: random}", "environment.horizon=2", "replicates=1"],
    "llm/paraphrase": ["models.player={backend: rule, id: random}", "language.memory=none", "replicates=2"],
}


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    store = tmp_path_factory.mktemp("runs")
    return [run(load_scenario(name, overrides=sets), store=store).path for name, sets in RUNS.items()]


@pytest.mark.parametrize("name", names("metrics"))
def test_metric(name: str, records: list[Path]) -> None:
    reasons = []
    for path in records:
        try:
            entry("metrics", name)(Record(path))
        except MetricError as error:
            reasons.append(str(error))
            continue
        check_metric(name, path)
        return
    pytest.fail(f"'{name}' applies to none of the runs here: {reasons}")
