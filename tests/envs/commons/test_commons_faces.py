"""One society, three ways to play it: row of a batch, PettingZoo environment, fused run. Equal seeds, equal bits."""

import tracemalloc

import numpy as np
import pytest

from gamesim.core.policy import AgentSpec
from gamesim.envs.commons.config import Commons
from gamesim.run.rollout import rollout
from gamesim.testing import check_environment

ALONE = {"sanctions": None, "revision": None, "voting": None}
GOVSIM = {
    "players": 5,
    "horizon": 12,
    "growth": {"law": "doubling_cap", "capacity": 100, "minimum": 0.05, "tested": "after_harvest"},
    "harvest": {"catch": "request", "rationing": "lottery"},
    "upkeep": {"consumption": 0, "initial_wealth": 0, "starvation": "none"},
    "collapse": "stock",
    "institutions": ALONE,
}
SMALL = {"players": 6, "horizon": 7, "upkeep": {"initial_wealth": 25}}


def with_(**institutions):
    return SMALL | {"institutions": institutions}


SOCIETIES = {
    "paper": SMALL,
    "harvest_only": with_(**ALONE),
    "stock_rule_and_deaths": SMALL | {"collapse": "stock", "upkeep": {"initial_wealth": 4}},
    "all_dead_rule": SMALL | {"collapse": "all_dead", "upkeep": {"initial_wealth": 4}},
    "govsim": GOVSIM,
    "inverse": GOVSIM | {"growth": {"law": "inverse", "capacity": 100}},
    "sequential": GOVSIM | {"harvest": {"catch": "request", "rationing": "sequential", "integer": False}},
    "shuffled": SMALL | {"harvest": {"catch": "shuffled"}},
    "plurality": with_(voting="plurality"),
    "borda": with_(voting="borda"),
    "approval": with_(voting="approval"),
    "text": with_(voting={"rule": "plurality", "norms": "text"}),
    "election": with_(voting=None, leader={"every": 2, "quotas": "requests"}),
    "recall": with_(voting=None, leader={"every": 1, "appointed": 3, "recall": True, "quotas": "equal"}),
    "counter": with_(sanctions={"kind": "counter", "cost": 1, "misread": 0.1}),
    "graduated": with_(sanctions={"kind": "graduated", "fine": 2, "counting": True}),
    "antisocial": with_(sanctions={"kind": "antisocial", "fine": 1}),
    "pool": with_(sanctions={"kind": "pool", "fine": 1, "tax": 0.2, "monitoring": 0.5}),
    "best_of": with_(revision={"rule": "best_of"}),
    "proportional": with_(revision={"rule": "proportional", "probability": 0.5}),
    "conformist": with_(revision={"rule": "conformist"}),
    "asynchronous": with_(revision={"rule": "fermi", "asynchronous": True, "mutation": 0}),
    "networks": with_(network={"meet": "watts_strogatz(2,0.3)", "see": "ring(2)", "punish": "barabasi_albert(2)"}),
    "lattice": with_(network={"meet": "lattice", "punish": "lattice"}),
    "sampled": SMALL | {"information": {"visibility": {"sampled": 3}, "stock_visible": False}},
    "explicit": SMALL | {"information": {"mode": "explicit"}},
    "schedule": with_(sanctions={"at": [[2, 3], [5, None]]}, voting={"rule": "plurality", "at": [3, 4]}),
    "noise": SMALL | {"growth": {"noise_sd": 0.3}},
    "allee": SMALL | {"growth": {"law": "allee", "allee": 60}},
    "chemostat": SMALL | {"growth": {"law": "chemostat", "rate": 0.4}},
    "two_stocks": SMALL | {"second_stock": {"rate": 0.3, "capacity": 100, "noise_sd": 0.1}},
    "shocks": SMALL
    | {
        "perturbations": [
            {"kind": "growth", "at": 3, "rate": 0.1, "capacity": 150, "stock": 120},
            {"kind": "fine", "at": 4, "fine": 20, "cost": 1},
            {"kind": "misread", "at": 2, "probability": 0.3},
            {"kind": "turnover", "probability": 0.3},
        ]
    },
}


@pytest.mark.parametrize("name", SOCIETIES)
def test_contract(name):
    """Both faces bit for bit to the end, determinism, refusals, spaces, PettingZoo's own tests on the legal view."""
    check_environment(Commons.model_validate(SOCIETIES[name]), seeds=(0,), rows=3)


def test_newcomers_play_alike_on_both_faces():
    config = Commons.model_validate(GOVSIM | {"perturbations": [{"kind": "newcomer", "at": 3, "count": 2}]})
    society = config.batched(3)
    batch = society.reset(np.arange(3))
    singles = [config.build() for _ in range(3)]
    for seed, single in enumerate(singles):
        single.reset(seed=seed)
    while batch.needs_action.any():
        efforts = np.full((3, 5), 9.0)
        batch = society.step(efforts)
        for row, single in enumerate(singles):
            if single.agents:
                _, rewards, *_ = single.step(dict.fromkeys(single.agents, 9.0))
                assert rewards == {f"player_{i}": batch.reward[row, i] for i in range(len(rewards))}
    assert batch.outcome["rounds"].tolist() == [single.outcome()["rounds"] for single in singles]


PAPER = {"horizon": 60, "growth": {"rate": 0.6}}
FUSED = {
    name: SOCIETIES[name]
    for name in SOCIETIES
    if name not in ("text",)  # its rules have no numbers to propose
}


@pytest.mark.parametrize("name", FUSED)
def test_fused_run_is_the_rollout_of_dispositions(name):
    config = Commons.model_validate(FUSED[name] | {"horizon": 50})
    played = rollout(config, [AgentSpec("commons.paper_abm")] * config.players, np.arange(6))
    society = config.batched(6)
    society.reset(np.arange(6))
    fused = society.run()
    assert np.array_equal(fused.returns, played.returns)
    for key, values in played.outcome.items():
        assert [str(v) for v in values] == [str(v) for v in fused.outcome[key]], key


def test_sixty_four_rows_equal_sixty_four_single_plays():
    config = Commons.model_validate(PAPER)
    agents = [AgentSpec("commons.paper_abm")] * 10
    batch = rollout(config, agents, np.arange(64), steps=True)
    society = config.batched(64)
    society.reset(np.arange(64))
    society.run()
    assert batch.steps is not None
    for seed in range(64):
        alone = rollout(config, agents, np.array([seed]), steps=True)
        assert np.array_equal(alone.returns[0], batch.returns[seed])
        mine = np.asarray(batch.steps["row"]) == seed
        assert alone.steps is not None
        for key, column in alone.steps.items():
            if key == "row":
                continue
            other = np.asarray(batch.steps[key])[mine]
            same = np.array_equal(column, other, equal_nan=np.asarray(column).dtype.kind == "f")
            assert same, (seed, key)


def test_pettingzoo_face_of_the_whole_paper_society():
    """The dispositions played through dicts of observations, to the end, against the fused run."""
    config = Commons.model_validate(PAPER)
    for seed in range(8):
        society = config.batched(1)
        society.reset([seed])
        fused = society.run()
        environment = config.build()
        observations, _ = environment.reset(seed=seed)
        from gamesim.core.seeds import Seeds

        returns, step = dict.fromkeys(environment.possible_agents, 0.0), 0
        while environment.agents:
            block = Seeds(seed).block("policy", 1, "chunk", step // 128, shape=(10, 128, 1))
            actions = {}
            for agent in environment.agents:
                seen = observations[agent]
                if environment.phase == "harvest":
                    actions[agent] = float(seen["effort"])
                elif environment.phase == "sanction":
                    u = block[int(seen["index"]), step % 128, 0]
                    fines = seen["violation"] and u < seen["punish"]
                    actions[agent] = int(seen["inspected"]) if fines else 10
                else:
                    actions[agent] = {"cap": np.array([seen["belief"]])}
            observations, rewards, *_ = environment.step(actions)
            step += 1
            for agent, reward in rewards.items():
                returns[agent] += reward
        assert list(returns.values()) == fused.returns[0].tolist()
        assert environment.outcome()["T_s"] == fused.outcome["T_s"][0]


STILL = with_(revision=None, sanctions=None) | {"upkeep": {"starvation": "none"}, "collapse": "stock"}


def test_an_eleventh_agent_changes_nobody_else():
    """With meeting and imitation off, trajectories stay; with them on, at least every draw does."""
    for players in (10, 11):
        config = Commons.model_validate(
            STILL | {"players": players, "horizon": 20, "harvest": {"productivity": 1e-9}, "growth": {"law": "none"}}
        )
        society = config.batched(5)
        society.reset(np.arange(5))
        traits = society.state.effort, society.state.punish, society.state.belief
        if players == 10:
            ten = traits
        else:
            for mine, other in zip(ten, traits, strict=True):
                assert np.array_equal(mine, other[:, :10])
    made = [Commons.model_validate({"players": n}).batched(3) for n in (10, 11)]
    for society in made:
        society.reset(np.arange(3))
    assert set(made[0].draws.streams) == set(made[1].draws.streams)
    for name in made[0].draws.streams:
        for number in (0, 1, 49, 127):
            ten_, eleven = (society.draws.at(name, number) for society in made)
            assert np.array_equal(ten_, eleven[..., :10]), name


def test_an_eleventh_agent_leaves_trajectories_when_nobody_meets():
    histories = []
    for players in (10, 11):
        config = Commons.model_validate(
            {
                "players": players,
                "horizon": 15,
                "growth": {"law": "chemostat", "rate": 1.0},  # full again every round: no coupling through the stock
                "harvest": {"productivity": 0.01},
                "institutions": ALONE,
            }
        )
        society = config.batched(4)
        society.reset(np.arange(4))
        society.run()
        histories.append((society.state.wealth[:, :10], society.state.effort[:, :10]))
    for one, other in zip(*histories, strict=True):
        assert np.array_equal(one, other)


def test_a_longer_horizon_leaves_earlier_rounds():
    runs = []
    for horizon in (40, 300):
        config = Commons.model_validate(
            {"horizon": horizon, "collapse": "all_dead", "upkeep": {"initial_wealth": 1e4, "consumption": 0}}
        )
        society = config.batched(4)
        society.reset(np.arange(4))
        runs.append(society.run())
    short, long = runs
    assert long.stock.shape[1] > 128  # into the second chunk
    for name in ("stock", "norm", "harvest", "effort", "fines", "alive"):
        assert np.array_equal(getattr(short, name), getattr(long, name)[:, :40])


def test_a_mechanism_switched_off_shares_all_other_draws():
    on, off = (
        Commons.model_validate(PAPER | {"institutions": {"sanctions": sanctions}}).batched(2)
        for sanctions in ({"fine": 10}, None)
    )
    on.reset([3, 4])
    off.reset([3, 4])
    for name in off.draws.streams:
        assert np.array_equal(on.draws.at(name, 7), off.draws.at(name, 7)), name


def test_reset_without_seed_goes_on_and_repeats():
    environments = [Commons.model_validate(SMALL).build() for _ in range(2)]
    efforts = []
    for environment in environments:
        first, _ = environment.reset(seed=5)
        second, _ = environment.reset()
        efforts.append((first["player_0"]["effort"].item(), second["player_0"]["effort"].item()))
    assert efforts[0] == efforts[1]
    assert efforts[0][0] != efforts[0][1]


def test_state_is_not_touched_by_a_refused_step():
    society = Commons.model_validate(SMALL).batched(2)
    society.reset([0, 1])
    before = society.state
    with pytest.raises(Exception, match="row 1"):
        society.step(np.array([[0.5] * 6, [0.5] * 5 + [1.5]]))
    assert society.state is before


def test_memory_is_linear_in_the_number_of_agents():
    """All mechanisms on; even an array of one bit a pair of agents would not fit."""
    players = 30_000
    config = Commons.model_validate(
        {
            "players": players,
            "horizon": 1,
            "harvest": {"productivity": 1e-7},
            "upkeep": {"starvation": "none"},
            "institutions": {"network": {"meet": "ring(4)", "punish": "ring(4)"}, "voting": "approval"},
            "information": {"visibility": {"sampled": 2}},
        }
    )
    tracemalloc.start()
    society = config.batched(1)
    batch = society.reset([0])
    fused = society.run()
    assert batch.observation["visible"].shape == (1, players, 2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert fused.outcome["status"][0] == "survived"
    assert peak < players**2 / 2
