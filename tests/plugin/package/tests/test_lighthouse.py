from pathlib import Path

from gamesim.run.runner import run
from gamesim.scenario.resolve import load_scenario
from gamesim.testing import check_agent, check_environment, check_metric


def test_environment():
    check_environment({"kind": "lighthouse", "nights": 8})


def test_agent():
    check_agent("lighthouse.keeper", ["lighthouse"])


def test_metric(tmp_path):
    scenario = load_scenario(Path(__file__).parents[1] / "scenarios" / "lighthouse.yaml")
    check_metric("lit_share", run(scenario, store=tmp_path))
