"""Whether redraws of a training table spread as far as other training tables do.

python benchmarks/psro_redraws.py [EPISODES] [SEEDS]

The crossing's symmetric equilibrium at aversion 0 and .2: standard deviation of how often *fair* is played, over root seeds,
over redraws of means and variances, and over redraws of the means alone (root mean square over eight tables). Minutes.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from gamesim_agents.psro.cells import merged, redrawn_table

from gamesim.core.empirical import Cell, EmpiricalGame
from gamesim.core.registry import entry
from gamesim.core.solution import Limits
from gamesim.run.reuse import forget
from gamesim.run.runner import run
from gamesim.scenario.resolve import load_scenario


def table(seed: int, shared: bool, episodes: int) -> tuple[EmpiricalGame, dict[tuple[int, ...], Cell]]:
    scenario = {
        "kind": "psro",
        "environment": {"kind": "conflict_point", "variant": "crossing"},
        "policies": {"kind": "gap_acceptance", "thresholds": [-1, 0, 1, 9]},
        "samples": {"initial": episodes, "batch": 1000, "symmetric": True, "common_random_numbers": shared},
        "meta_solver": "uniform",
        "bootstrap": 0,
        "seed": seed,
    }
    forget()
    with tempfile.TemporaryDirectory() as store:
        record = run(load_scenario(json.dumps(scenario)), store=Path(store))
        found = {unit.key: record.journal(unit).events[-1].data["data"] for unit in record.units}
        solved = next(unit for unit in record.units if unit.task["do"] == "solve")
    squares = {tuple(at): merged(found[key]["squares"] for key in keys) for at, keys in solved.task["cells"]}
    return EmpiricalGame.from_dict(found[solved.key]["table"]), squares


def fair(game: EmpiricalGame, aversion: float, near: float | None = None) -> float:
    start = None if near is None else [np.array([0.0, near, 1 - near, 0.0])] * 2
    found = entry("meta_solvers", "rae")(
        game, limits=Limits(), rng=np.random.default_rng(0), aversion=aversion, variance="strategic+env", tremble=0.0,
        profile="symmetric", near=start,
    )  # fmt: skip
    return float(found.marginals[0][1])


def main() -> None:
    episodes = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
    seeds = int(sys.argv[2]) if len(sys.argv) > 2 else 24
    for shared in (False, True):
        tables = [table(seed, shared, episodes) for seed in range(seeds)]
        for aversion in (0.0, 0.2):
            across = np.std([fair(game, aversion) for game, _ in tables], ddof=1)
            variances: dict[bool, list[float]] = {True: [], False: []}
            for game, squares in tables[:8]:
                q = fair(game, aversion)
                for whole, found in variances.items():
                    redraws = [
                        redrawn_table(game, squares if whole else {}, np.random.default_rng(d)) for d in range(30)
                    ]
                    found.append(float(np.var([fair(other, aversion, q) for other in redraws], ddof=1)))
            within, alone = (float(np.sqrt(np.mean(variances[whole]))) for whole in (True, False))
            print(f"common random numbers {shared}, aversion {aversion}: over {seeds} seeds {across:.4f}, redraws {within:.4f}, of means alone {alone:.4f}")  # fmt: skip


if __name__ == "__main__":
    main()
