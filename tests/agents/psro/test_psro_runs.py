"""PSRO as an experiment: what a run of kind psro finds, and that stopping it, or more workers, change no byte."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gamesim.core.errors import NotSymmetricError, ScenarioError
from gamesim.run.record import Record
from gamesim.run.replay import replay
from gamesim.run.reuse import forget
from gamesim.run.runner import resume, run
from gamesim.scenario.resolve import load_scenario
from tests.psro_runs import CROSSING, played

KUHN = {"kind": "psro", "name": "kuhn", "game": "kuhn", "stop": {"iterations": 12, "tolerance": 1e-9, "checkpoint": 2}}
SMALL: dict[str, Any] = {
    **CROSSING,
    "policies": {"kind": "gap_acceptance", "thresholds": [-9, 0, 1]},
    "samples": {"initial": 60, "max": 240, "batch": 30, "half_width": 0.3, "symmetric": True},
    "bootstrap": 20,
    "frontier": {"grid": [0.1, 0.5], "evaluate": 60, "populations": ["self", "noisy"]},
}


@pytest.fixture(autouse=True)
def _lends_nothing() -> None:
    forget()


def scenario(data: dict[str, Any], **more: Any):
    return load_scenario(json.dumps(data | more))


def iterations(record: Record) -> list[dict[str, Any]]:
    return [dict(event.data) for event in record.events("iteration")]


def test_kuhn_is_solved(tmp_path: Path) -> None:
    record = played(tmp_path / "a", KUHN)
    last = iterations(record)[-1]
    assert record.manifest.status == "complete"
    assert len(iterations(record)) <= 10
    assert last["nash_conv"] < 1e-9
    assert last["payoffs"][0] == pytest.approx(-1 / 18, abs=1e-9)
    end = record.journal(record.units[-1]).events[-1].data["data"]
    assert end["converged"] is True
    assert end["stopped"] == "tolerance"


@pytest.mark.parametrize("data", [KUHN, SMALL], ids=["kuhn", "crossing"])
def test_workers_and_replays_give_the_same_bytes(tmp_path: Path, data: dict[str, Any]) -> None:
    here = played(tmp_path / "a", data)
    there = played(tmp_path / "b", data, workers=2)
    assert here.digest() == there.digest()
    report = replay(here.path, verify=True)
    assert report.verified == len(here.units) > 3


@pytest.mark.parametrize("data", [KUHN, SMALL], ids=["kuhn", "crossing"])
def test_a_run_killed_between_units_ends_with_the_same_bytes(tmp_path: Path, data: dict[str, Any]) -> None:
    """SIGKILL after a unit or more was sealed; nothing that was finished is played again."""
    whole = played(tmp_path / "whole", data)
    store = tmp_path / "killed"
    code = (
        "import json, sys; from gamesim.run.runner import run; from gamesim.scenario.resolve import load_scenario\n"
        "run(load_scenario(sys.argv[1]), store=sys.argv[2])"
    )
    child = subprocess.Popen([sys.executable, "-c", code, json.dumps(data), str(store)])
    while child.poll() is None and not list(store.glob("*/events/*.jsonl")):
        time.sleep(0.01)
    if child.poll() is None:
        os.kill(child.pid, signal.SIGKILL)
    child.wait()
    (path,) = [one.parent for one in store.glob("*/manifest.json")]
    sealed = {one.stem for one in path.glob("events/*.jsonl")}
    assert sealed
    told: list[Any] = []
    record = resume(path, on_event=told.append)
    again = {event["unit"] for event in told if event["event"] == "unit_started"}
    assert not again & sealed
    assert record.digest() == whole.digest()


def test_finished_cells_are_not_played_again_by_another_run_of_the_store(tmp_path: Path) -> None:
    first = played(tmp_path / "store", SMALL)
    forget()
    other = {**SMALL, "meta_solver": {**SMALL["meta_solver"], "aversion": 0.3}}  # type: ignore[dict-item]
    second = run(scenario(other), store=tmp_path / "store")
    keys = {unit.key for unit in first.units if unit.task["do"] == "play"}
    shared = [unit for unit in second.units if unit.key in keys]
    assert len(shared) >= 9
    assert second.path != first.path
    fresh = played(tmp_path / "elsewhere", other)
    assert fresh.digest() == second.digest()


def test_a_sweep_shares_its_cells(tmp_path: Path) -> None:
    data = {**SMALL, "sweep": {"axes": {"meta_solver.aversion": [0.1, 0.3]}}}
    record = played(tmp_path / "sweep", data)
    solved = [unit for unit in record.units if unit.task["do"] == "score"]
    assert sorted(unit.cell["index"] for unit in solved) == [0, 1]
    keys = [unit.key for unit in record.units]
    assert len(keys) == len(set(keys))


def test_the_attitude_to_risk_stands_in_one_place(tmp_path: Path) -> None:
    """PSRO from stag: its players stay at lam 3.05 only where tremble leaves them; without risk stag is an equilibrium."""
    data = {"kind": "psro", "name": "stag", "game": {"game": "stag_hunt"}, "start": "first", "meta_solver": "rae"}
    data |= {"risk": {"kind": "mean_variance", "aversion": 2.0}, "stop": {"iterations": 12, "tolerance": 1e-6}}
    record = played(tmp_path / "stag", data)
    assert record.manifest.status == "complete"
    assert all(row["raeconv"] >= 0 for row in iterations(record))
    config = scenario(data).experiment
    assert config.meta[1]["aversion"] == 2.0  # type: ignore[union-attr]
    assert config.attitude["kind"] == "mean_variance"  # type: ignore[union-attr]


@pytest.mark.slow
@pytest.mark.parametrize("episodes,limit", [(100, 0.10), (1000, 0.05)])
def test_kuhn_from_sampled_cells(tmp_path: Path, episodes: int, limit: float) -> None:
    """Statement 20: NashConv after ten iterations, median of 15 seeds."""
    found = []
    for seed in range(15):
        data = {**KUHN, "seed": seed, "samples": {"initial": episodes}, "stop": {"iterations": 11, "tolerance": 0.0}}
        found.append(iterations(played(tmp_path / f"s{seed}", data))[-1]["nash_conv"])
    assert float(np.median(found)) <= limit


def test_sampled_kuhn_in_short(tmp_path: Path) -> None:
    data = {**KUHN, "samples": {"initial": 1000}, "stop": {"iterations": 6, "checkpoint": 3}}
    rows = iterations(played(tmp_path / "a", data))
    assert rows[-1]["nash_conv"] < rows[0]["nash_conv"]
    cold = played(tmp_path / "b", {**data, "stop": {"iterations": 6, "checkpoint": 6}})
    assert iterations(cold) == rows  # where blocks end does not show


@pytest.mark.slow
def test_three_players_mind_risk(tmp_path: Path) -> None:
    """Statement 23: a table of three players under rae returns within limits, with its gap."""
    import gamesim_agents.psro.formal as formal
    from gamesim_agents.psro.exact import restored, step
    from gamesim_agents.psro.polytopes import polytope

    from gamesim.core.empirical import EmpiricalGame
    from gamesim.core.normal_form import NormalFormGame
    from gamesim.core.registry import entry
    from gamesim.core.risk import MeanVariance

    game = NormalFormGame(np.random.default_rng(3).uniform(size=(3, 5, 5, 5)))
    state = restored(polytope(game), [[(0,)]] * 3, 0)

    def meta(table):
        found = entry("meta_solvers", "rae")(
            EmpiricalGame.exact(NormalFormGame(table)), limits=formal.PATIENT, rng=np.random.default_rng(0), aversion=0.5, tremble=0.0
        )  # fmt: skip
        return found.marginals

    for _ in range(15):
        state = step(state, meta, risk=[MeanVariance(0.5)] * 3)
        if not any(state.added):
            break
    assert not any(state.added)
    assert np.isfinite(state.gaps).all()


LEARNING = {
    **{key: value for key, value in SMALL.items() if key != "frontier"},
    "policies": [{"agent": "driving.gap_acceptance", "threshold": -9}],
    "samples": {"initial": 400, "batch": 200, "symmetric": True},
    "oracle": {
        "kind": "candidates",
        "policies": [{"agent": "driving.gap_acceptance", "threshold": t} for t in (-1, 0, 1, 2, 9)],
        "episodes": 400,
    },
    "stop": {"iterations": 6, "tolerance": 0.01},
}


def test_a_pool_grows_by_what_an_oracle_answers(tmp_path: Path) -> None:
    """From one driver who never gives way: others who do join, in one pool for both seats, and the meta-strategy leaves the first."""
    record = played(tmp_path / "a", LEARNING)
    solved = [record.journal(u).events[-1].data["data"] for u in record.units if u.task["do"] == "solve"]
    sizes = [len(one["pools"][0]) for one in solved]
    assert sizes[0] == 1
    assert sizes == sorted(sizes)
    assert sizes[-1] >= 3
    assert solved[-1]["marginals"][0][0] < 0.1  # go
    answers = [u for u in record.units if u.task["do"] == "answer"]
    assert all(unit.task["player"] == 0 for unit in answers)
    assert played(tmp_path / "b", LEARNING, workers=2).digest() == record.digest()
    report = replay(record.path, verify=True, unit=answers[-1].key)
    assert report.verified == 1


@pytest.mark.parametrize("meta_solver", ["mgce", "mgcce"])
@pytest.mark.parametrize("players", [2, 3])
def test_correlated_play_is_answered_until_nobody_gains(players: int, meta_solver: str) -> None:
    """At the end the joint distribution is a (coarse) correlated equilibrium of the whole game, not only of the pools."""
    from gamesim_agents.psro.correlated import COARSE, step_correlated
    from gamesim_agents.psro.exact import restored
    from gamesim_agents.psro.polytopes import polytope

    from gamesim.core.certify import certify
    from gamesim.core.empirical import EmpiricalGame
    from gamesim.core.normal_form import NormalFormGame
    from gamesim.core.profiles import Joint
    from gamesim.core.registry import entry
    from gamesim.core.solution import Limits

    game = NormalFormGame(np.random.default_rng(4).uniform(size=(players, *([4] * players))))
    state = restored(polytope(game), [[(0,)]] * players, 0)
    for _ in range(16):
        shape = state.table.shape[1:]
        found = entry("meta_solvers", meta_solver)(
            EmpiricalGame.exact(NormalFormGame(state.table)), limits=Limits(), rng=np.random.default_rng(0)
        )
        joint = np.asarray(found.joint.probabilities)
        codes = state.codes
        state = step_correlated(state, joint, coarse=COARSE[meta_solver], tolerance=1e-9)
        if not any(code is not None for code in state.added):
            break
    assert not any(code is not None for code in state.added)
    whole = np.zeros(game.shape)
    for profile in np.ndindex(*shape):
        whole[tuple(codes[i][a][0] for i, a in enumerate(profile))] += joint[profile]  # type: ignore[index]
    concept = "coarse" if COARSE[meta_solver] else "correlated"
    assert certify(game, Joint(whole), concept=concept).gap < 1e-7


def test_a_run_under_correlated_play(tmp_path: Path) -> None:
    data = {"kind": "psro", "name": "ce", "game": "shapley", "start": "first", "meta_solver": "mgce"}
    rows = iterations(played(tmp_path / "ce", {**data, "stop": {"iterations": 12, "tolerance": 1e-7}}))
    assert rows[-1]["raeconv"] < 1e-6


def test_the_likeliest_are_kept() -> None:
    """Statement 24."""
    from gamesim_agents.psro.pools import top_k
    from gamesim_agents.psro.solving import likeliest

    assert top_k(np.array([0.1, 0.7, 0.2]), 1).tolist() == [1]
    assert likeliest(np.array([0.1, 0.6, 0.3]), 2) == pytest.approx([0, 2 / 3, 1 / 3])


# ---- refusals ----------------------------------------------------------------------------------------------------------


def test_kuhn_is_not_symmetric(tmp_path: Path) -> None:
    with pytest.raises(NotSymmetricError, match=r"cells \(0, 0\) and \(0, 0\) differ"):
        run(scenario(KUHN, samples={"initial": 100, "symmetric": True}), store=tmp_path)


def test_overtaking_is_not_symmetric(tmp_path: Path) -> None:
    data = {**SMALL, "environment": {"kind": "conflict_point", "variant": "two_way"}}
    with pytest.raises(NotSymmetricError, match=r"cells \(go, .+\) and .* differ: '.+' earns"):
        run(scenario(data, samples={"initial": 400, "batch": 200, "symmetric": True}), store=tmp_path)


@pytest.mark.parametrize(
    "changes,words",
    [
        ({"game": "kuhnn"}, "no game 'kuhnn'. Did you mean 'kuhn'"),
        ({"game": {"game": "leduc", "params": {"suit": False}}}, "Did you mean 'suits'"),
        ({"meta_solver": "nsh"}, "Did you mean 'nash'"),
        ({"meta_solver": {"kind": "rae", "aversion": -1}}, "aversion -1 is not a finite number >= 0"),
        ({"meta_solver": {"kind": "rae"}}, "exactly one of aversion and aversion_relative"),
        ({"meta_solver": {"kind": "rae", "aversion": 1, "aversion_relative": 1}}, "exactly one of"),
        ({"meta_solver": {"kind": "rae", "aversion": 1, "variance": "total"}}, "strategic"),
        ({"meta_solver": {"kind": "cvar", "alpha": 0}}, "alpha 0 is not in (0, 1]"),
        ({"meta_solver": {"kind": "nash", "aversion": 1}}, "takes no 'aversion'"),
        ({"risk": {"kind": "entropic", "tau": 0}}, "risk.tau"),
        ({"oracle": "exat"}, "Did you mean 'exact'"),
        ({"oracle": {"kind": "exact", "depth": 2}}, "takes no 'depth'"),
        ({"oracle": {"knd": "exact", "depth": 2}}, "oracle.knd: unknown key. Did you mean 'kind'?"),
        ({"oracle": {"depth": 2}}, "oracle.kind: is missing."),
        ({"oracle": "none"}, "a formal game is answered by exact"),
        ({"policies": {"kind": "gap_acceptance"}}, "one of the two"),
        ({"population": [{"agent": "matrix.grim", "count": 2}]}, "psro has no population"),
        ({"stop": {"iteration": 3}}, "Did you mean 'iterations'"),
        ({"samples": {"initial": 100, "half_width": 0.1}}, "every cell has the initial episodes"),
        ({"frontier": {"grid": [0.1]}}, "frontier"),
    ],
)  # fmt: skip
def test_a_formal_game_says_what_is_wrong(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        scenario({**KUHN, **changes})
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "changes,words",
    [
        ({"environment": None}, "environment: is missing; policies need one to play in."),
        ({"policies": [{"agent": "matrix.grim"}], "frontier": None}, "does not play in 'conflict_point'"),
        ({"policies": [{"agent": "driving.gap_acceptanc"}]}, "Did you mean 'driving.gap_acceptance'"),
        ({"policies": [{"agent": "driving.gap_acceptance", "treshold": 1}]}, "Did you mean 'threshold'"),
        ({"policies": [{"agnet": "driving.gap_acceptance"}]}, "policies.0.agnet: unknown key. Did you mean 'agent'?"),
        ({"policies": [{"agent": "driving.gap_acceptance"}] * 2}, "are called"),
        ({"oracle": "exact"}, "exact answers formal games"),
        ({"samples": {"initial": 100, "max": 50}}, "max: 50 is below initial"),
        ({"frontier": {"grid": [0.1], "evaluate": 0}}, "in_sample: true"),
        ({"frontier": {"populations": ["self", "nosy"]}}, "no population 'nosy'"),
        ({"frontier": {"concepts": [{"kind": "nash"}]}}, "nothing of 'nash' varies"),
        ({"samples": {"symmetric": False}}, "Add samples.symmetric: true"),
    ],
)  # fmt: skip
def test_an_environment_says_what_is_wrong(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        scenario({**SMALL, **changes})
    assert words in str(caught.value)


def test_a_misspelt_key_hides_its_echo_alone() -> None:
    text = "kind: psro\nname: it\ngam: kuhn\n"
    with pytest.raises(ScenarioError) as caught:
        load_scenario(text)
    assert str(caught.value) == "<text>:3:1: gam: unknown key. Did you mean 'game'?"
    assert not caught.value.others
    with pytest.raises(ScenarioError) as caught:
        load_scenario(text, overrides=["stop.iterations=-1"])
    assert len(caught.value.others) == 1
    assert "--set stop.iterations=-1: expected a whole number" in str(caught.value)


def test_checking_loads_nothing_heavy() -> None:
    code = """
import sys
from gamesim.scenario.resolve import load_scenario
load_scenario("driving/crossing"); load_scenario("league/psro_kuhn")
heavy = {"pettingzoo", "gymnasium", "duckdb", "pandas", "torch", "ray", "mesa", "pygambit", "openai", "matplotlib", "highway_env"}
print(sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "[]"
