"""``league/psro_crossing``: reckless drivers learn to yield, and the loop ends because nobody gains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from gamesim.core.empirical import EmpiricalGame
from gamesim.core.registry import entry
from gamesim.run.runner import run
from gamesim.scenario.resolve import load_scenario


def test_a_pool_grows_from_one_reckless_driver_until_nobody_gains(tmp_path: Path) -> None:
    scenario = load_scenario("league/psro_crossing")
    config: Any = scenario.experiment
    record = run(scenario, store=tmp_path)
    found: dict[str, list[dict[str, Any]]] = {"solve": [], "answer": []}
    for unit in record.units:
        if unit.task["do"] in found:
            found[unit.task["do"]].append(dict(record.journal(unit).events[-1].data["data"]))
    tables, answers = found["solve"], found["answer"]
    assert record.manifest.status == "complete"
    assert len(tables) < config.stop.iterations  # it was not cut off
    assert answers[-1]["interval"][1] <= config.stop.tolerance
    pool = [policy["label"] for policy in tables[-1]["pools"][0]]
    assert pool[:3] == ["go", "yield", "polite"]  # what joined is called as its candidate is

    crashes = []
    for solved in tables:
        game, x = EmpiricalGame.from_dict(solved["table"]), np.array(solved["marginals"][0])
        rate = {profile: cell.events["crash"] / cell.count for profile, cell in game.cells.items()}
        crashes.append(sum(x[a] * x[b] * rate[game.sort((a, b))[0]] for a in range(len(x)) for b in range(len(x))))
    assert crashes[0] > 0.5
    assert crashes[-1] < 0.01


def test_candidates_of_one_name_are_refused() -> None:
    twice = [{"agent": "matrix.defector"}] * 2
    with pytest.raises(ValidationError, match="two policies are"):
        entry("oracles", "candidates").model_validate({"policies": twice})
