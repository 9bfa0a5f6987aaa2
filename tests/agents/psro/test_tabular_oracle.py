"""The oracle that learns tables: what is known exactly it finds, what it cannot hold it refuses, and its answers are data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gamesim_agents.psro.oracles.screening import Mixture
from gamesim_agents.psro.oracles.tabular import Tabular, places
from gamesim_agents.psro.table import Table
from gamesim_agents.psro.table_policy import TablePolicy, packed, unpacked
from pydantic import ValidationError

from gamesim.core.errors import ScenarioError
from gamesim.core.policy import AgentSpec
from gamesim.core.risk import CVaR, Entropic, MeanVariance, Neutral
from gamesim.core.solving import Answer
from gamesim.envs.driving.config import ConflictPoint
from gamesim.envs.efg.config import ExtensiveForm
from gamesim.envs.markov.stag_hunt.config import StagHunt
from gamesim.envs.repeated.config import Matrix
from gamesim.run.record import Record
from gamesim.run.runner import run
from gamesim.scenario.resolve import load_scenario

HUNT = Matrix(payoffs=[[[4, 0], [3, 3]], [[4, 3], [0, 3]]], horizon=1)
STAG, HARE = AgentSpec("matrix.cooperator"), AgentSpec("matrix.defector")
EVEN = ((STAG, HARE), np.array([0.5, 0.5]))
LIKELY_STAG = (EVEN, ((STAG, HARE), np.array([0.99, 0.01])))


def answered(subject: Any, pools: Any, risk: Any, seed: int = 0, player: int = 0, **keys: Any) -> Answer:
    oracle = Tabular.model_validate({"batches": 20, "episodes": 128, **keys}).build()
    return oracle(subject, player, pools, risk=risk, rng=np.random.default_rng(seed))


def chances_of_first_move(spec: AgentSpec, actions: int = 2) -> dict[int, float]:
    """Of each action where nothing has been played yet; such a situation has the number 0."""
    size = int(np.prod([v**c for v, c in zip(spec.params["values"], spec.params["count"], strict=True)]))
    found: dict[int, float] = {}
    for text, weight in zip(spec.params["tables"], spec.params["weights"], strict=True):
        action = int(unpacked(text, size, actions)[0])
        found[action] = found.get(action, 0.0) + weight
    return found


# ---- what is known exactly ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("player", [0, 1])
def test_the_best_answer_of_a_matrix(seed: int, player: int) -> None:
    """Payoffs drawn at random; the opponent mixes; the answer is the row, or column, of largest expected payoff.

    Of the pool one plays the first action, the other the last.
    """
    rng = np.random.default_rng(seed)
    table = rng.uniform(size=(2, 2, 3) if player else (2, 3, 2))  # the learner has three actions, the pool two
    game = Matrix(payoffs=table.tolist(), horizon=1)
    share = rng.dirichlet([1, 1])
    pools: list[Any] = [EVEN, EVEN]
    pools[1 - player] = ((STAG, HARE), share)
    found = answered(game, tuple(pools), Neutral(), seed, player)
    means = table[0] @ share if player == 0 else share @ table[1]
    assert chances_of_first_move(found.agent, 3) == {int(means.argmax()): 1.0}
    assert found.gain == pytest.approx(means.max() - means[[0, 2]].max(), abs=0.05)
    assert found.exact is False


def test_who_remembers_defects_in_the_last_round() -> None:
    """Prisoner's dilemma against grim and tit for tat: all rounds but the last are worth keeping the peace for."""
    game = Matrix(payoffs=[[[3, 0], [5, 1]], [[3, 5], [0, 1]]], horizon=4)
    pools = (((STAG,), np.ones(1)), ((AgentSpec("matrix.grim"), AgentSpec("matrix.tit_for_tat")), np.array([0.5, 0.5])))
    found = answered(game, pools, Neutral(), keys=["last", "round"])
    assert found.gain == pytest.approx(5 - 3)
    assert found.interval == pytest.approx((2, 2))


def test_the_best_answer_of_a_tree() -> None:
    """Kuhn poker against even play: the exact best response gains .375 over even play."""
    kuhn, even = ExtensiveForm(game="kuhn"), ((AgentSpec("efg.uniform"),), np.ones(1))
    found = answered(kuhn, (even, even), Neutral(), batches=60, episodes=256, evaluate=6000)
    assert found.interval is not None
    assert found.interval[0] <= 0.375 <= found.interval[1]
    assert found.gain == pytest.approx(0.375, abs=0.08)


@pytest.mark.parametrize("seed", range(5))
def test_who_minds_risk_mixes_as_the_closed_form_says(seed: int) -> None:
    """One-step stag hunt against .99: (.96 / 1.2672) stag at aversion 4, all of it at 0; CVaR switches at alpha .04."""
    averse = answered(HUNT, LIKELY_STAG, MeanVariance(4.0), seed).agent
    assert chances_of_first_move(averse)[0] == pytest.approx(0.96 / 1.2672, abs=1e-6)
    assert chances_of_first_move(answered(HUNT, LIKELY_STAG, MeanVariance(0.0), seed).agent) == {0: 1.0}
    assert chances_of_first_move(answered(HUNT, LIKELY_STAG, CVaR(0.039), seed).agent) == {1: 1.0}
    assert chances_of_first_move(answered(HUNT, LIKELY_STAG, CVaR(0.041), seed).agent) == {0: 1.0}


def test_the_mixture_of_tables_is_where_the_objective_is_largest() -> None:
    mixed = chances_of_first_move(answered(HUNT, LIKELY_STAG, Entropic(1.0)).agent)
    s = np.array([0.99, 0.01])
    grid = np.linspace(0, 1, 10_001)
    worth = [Entropic(1.0).value(np.array([3 + p, 3 - 3 * p]), s) for p in grid]
    assert mixed[0] == pytest.approx(grid[int(np.argmax(worth))], abs=1e-4)


def test_variance_inside_cells_counts_where_it_is_asked_for() -> None:
    """The first action comes out as 2 or 0 with even chances (mean 1, variance 1), the second as .9 or a little less."""
    noisy = Matrix(payoffs=[[[2, 0], [0.9, 0.8]], [[0, 0], [0, 0]]], horizon=1, noise=0.4)
    pools = (EVEN, ((STAG,), np.ones(1)))
    assert chances_of_first_move(answered(noisy, pools, Neutral()).agent) == {0: 1.0}
    careful = MeanVariance(1.0, "strategic+env")
    assert chances_of_first_move(answered(noisy, pools, careful).agent) == {1: 1.0}
    assert chances_of_first_move(answered(noisy, pools, MeanVariance(1.0)).agent) == {0: 1.0}


# ---- answers are data --------------------------------------------------------------------------------------------------


def test_equal_seeds_give_equal_tables_and_a_table_plays_anywhere() -> None:
    first, second = (answered(HUNT, LIKELY_STAG, MeanVariance(4.0), 7) for _ in range(2))
    assert first.agent.id == second.agent.id
    again = AgentSpec.from_dict(json.loads(json.dumps(first.agent.as_dict())))
    policy = TablePolicy.of(Table.model_validate(dict(again.params)))
    u = np.linspace(0, 1, 10_000, endpoint=False)[:, None, None]
    state = policy.initial_state(10_000, 1, u)
    actions, after = policy.act({"last": np.full((10_000, 1, 2), -1)}, state, u)
    assert (1 - actions).mean() == pytest.approx(0.96 / 1.2672, abs=1e-3)
    assert after is state  # who plays which table is drawn once for an episode
    unheard_of, _ = policy.act({"last": np.full((10_000, 1, 2), 5)}, state, u)
    assert unheard_of.mean() == pytest.approx(0.5, abs=1e-3)
    with pytest.raises(ScenarioError, match="'last'"):
        policy.act({"place": np.zeros((1, 1))}, state, u)


def test_a_situation_without_an_entry_is_answered_by_what_may_be_played() -> None:
    policy = TablePolicy.of(Table(keys=(), low=(), values=(), count=(), actions=3, tables=(packed([255]),), weights=(1.0,)))  # fmt: skip
    u = np.linspace(0, 1, 99, endpoint=False)[:, None, None]
    mask = np.tile([0, 1, 1], (99, 1, 1))
    actions, _ = policy.act({"action_mask": mask}, policy.initial_state(99, 1, u), u)
    assert set(actions.ravel()) == {1.0, 2.0}


def test_tables_that_do_not_fit_are_refused() -> None:
    keys: dict[str, Any] = {"keys": ["last"], "low": [-1], "values": [3], "count": [2], "actions": 2, "weights": [1.0]}
    assert Table(**keys, tables=[packed([1] * 9)]).actions == 2
    for bad, said in (
        ({"tables": [packed([1] * 8)]}, "9 bytes"),
        ({"tables": [packed([1] * 900_000)]}, "9 bytes"),
        ({"tables": [packed([2] * 9)]}, "below 2"),
        ({"tables": ["no table"]}, "base64"),
        ({"tables": [packed([1] * 9)], "weights": [0.5]}, "weights"),
        ({"tables": [packed([1] * 9)], "low": []}, "one number for each key"),
        ({"tables": [packed([1] * 9)], "values": [99999]}, "at most 1,000,000"),
    ):
        with pytest.raises(ValidationError, match=said):
            Table(**{**keys, **bad})


# ---- where it plays ----------------------------------------------------------------------------------------------------


def test_what_cannot_be_held_is_refused_with_what_to_use_instead() -> None:
    assert Tabular().misfit(HUNT) is None
    assert places(HUNT, None).size == 3**2
    assert Tabular(keys=("last", "round")).misfit(Matrix(horizon=20)) is None
    assert "candidates" in str(Tabular().misfit(ConflictPoint()))
    assert "Name fewer parts under keys, of other (25), own (25), plants (625), stag (25)" in str(Tabular().misfit(StagHunt()))  # fmt: skip
    assert Tabular(keys=("own", "stag", "plants")).misfit(StagHunt()) is None
    assert "'payoff' is none of the parts" in str(Tabular(keys=("payoff",)).misfit(HUNT))
    data = {
        "kind": "psro", "name": "tables", "environment": {"kind": "conflict_point"}, "oracle": "tabular",
        "policies": {"kind": "gap_acceptance"},
    }  # fmt: skip
    with pytest.raises(ScenarioError, match="oracle 'tabular' does not answer in 'conflict_point'"):
        load_scenario(json.dumps(data))


def test_a_pool_grows_by_tables_until_nobody_gains(tmp_path: Path) -> None:
    """Chicken from two who always go: each learns to yield, then to mix; the pools hold the equilibrium at the end."""
    data = {
        "kind": "psro", "name": "tables", "environment": {"kind": "matrix", "payoffs": [[[0, -1], [1, -10]], [[0, 1], [-1, -10]]], "horizon": 1},
        "policies": [{"agent": "matrix.defector"}], "meta_solver": "nash", "oracle": {"kind": "tabular", "batches": 10, "episodes": 64},
        "samples": {"initial": 20, "batch": 20}, "stop": {"iterations": 6, "tolerance": 1e-6},
    }  # fmt: skip
    record = run(load_scenario(json.dumps(data)), store=tmp_path)
    answers = [dict(event.data) for event in record.events("answer")]
    assert max(answer["gain"] for answer in answers[-2:]) <= 1e-6
    assert len(pools_of(record)[0]) == 2
    assert record.digest() == run(load_scenario(json.dumps(data)), store=tmp_path / "again").digest()


def pools_of(record: Record) -> list[Any]:
    found = [dict(record.journal(unit).events[-1].data.get("data") or {}) for unit in record.units]
    return [data["pools"] for data in found if "pools" in data][-1]


@pytest.mark.slow
def test_hunters_and_foragers_are_beaten_by_who_looks_where_the_other_is() -> None:
    """A scripted rule does the same whoever the other is; a table that sees where the other walks learns to tell them."""
    pool = (AgentSpec("stag_hunt.hunt"), AgentSpec("stag_hunt.forage"))
    even = (pool, np.array([0.5, 0.5]))
    keys = {"keys": ["own", "other", "stag"], "batches": 100, "episodes": 1024}
    found = answered(StagHunt(), (even, even), Neutral(), **keys)
    assert found.interval is not None
    assert found.interval[0] > 4
    fresh = Mixture(StagHunt(), 0, (even, even), Neutral(), np.random.default_rng(99), episodes=1000)
    hunter, forager = (games.mean() for games in fresh.returns(found.agent))
    assert hunter > 24  # as well as who waits beside the stag for hunters, 27.5
    assert forager > -6  # and without what that costs among foragers, -15.4
