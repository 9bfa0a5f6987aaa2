"""What holds in every society, whatever is played; and when rounds, deaths and shocks take effect."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gamesim.core.seeds import Seeds
from gamesim.envs.commons.config import Commons

ALONE = {"sanctions": None, "revision": None, "voting": None}


def sizes(low, high):
    """Numbers that a scenario may hold: none so small that it is refused."""
    return st.floats(low, high).map(lambda x: round(x, 9))


@st.composite
def societies(draw):
    catch = draw(st.sampled_from(["effort", "shuffled", "request"]))
    law = draw(st.sampled_from(["logistic", "doubling_cap", "inverse", "chemostat", "allee", "none"]))
    kind = draw(st.sampled_from(["peer", "antisocial", "counter", "graduated", "pool", None]))
    growth = {
        "law": law,
        "rate": draw(sizes(0.05, 1.0)),
        "capacity": 100,
        "noise_sd": draw(st.sampled_from([0, 0.4])),
    }
    growth |= {"allee": 30} if law == "allee" else {}
    return {
        "players": draw(st.integers(2, 6)),
        "horizon": 8,
        "growth": growth,
        "harvest": {
            "catch": catch,
            "productivity": draw(st.sampled_from([0.02, 0.3])),
            "rationing": draw(st.sampled_from(["proportional", "lottery", "sequential"])),
        },
        "upkeep": {
            "consumption": draw(sizes(0, 4)),
            "initial_wealth": draw(sizes(0, 20)),
            "starvation": draw(st.sampled_from(["remove", "none"])),
        },
        "collapse": draw(st.sampled_from(["stock", "first_death", "all_dead"])),
        "institutions": {
            "sanctions": kind and {"kind": kind, "fine": draw(sizes(0, 5)), "cost": draw(sizes(0, 2)),
                                   "counting": draw(st.booleans()), "misread": draw(st.sampled_from([0, 0.2]))},
            "voting": draw(st.sampled_from(["median", "mean", "plurality", "borda", "approval", None])),
            "revision": draw(st.sampled_from(["fermi", "best_of", "proportional", "conformist", None])),
            "network": {"meet": draw(st.sampled_from(["complete", "lattice"]))},
        },
    }  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(form=societies(), seed=st.integers(0, 2**32))
def test_invariants(form, seed):
    config = Commons.model_validate(form)
    society = config.batched(2)
    batch = society.reset([seed, seed + 1])
    rng, capacity, players = Seeds(seed).stream("players"), 100.0, config.players
    wealth = society.state.wealth
    while batch.needs_action.any():
        state, phase = society.state, batch.phase
        acting = batch.needs_action
        actions = np.full((2, players), np.nan)
        for row, seat in np.argwhere(acting):
            actions[row, seat] = society.row_spec(int(row), int(seat)).sample(rng)
        dead = ~state.alive
        batch = society.step(actions)
        after = society.state
        assert ((after.stock >= 0) & (after.stock <= capacity + 1e-9)).all()
        if phase == "harvest":
            assert (after.taken <= state.stock + 1e-9).all()
            assert (after.harvest >= 0).all()
            assert (after.harvest[dead] == 0).all()
            assert (after.played[dead] == 0).all()
        if after.payoff is not state.payoff:
            # inspected, fined, met: only those who were alive
            for index in (after.inspected, after.target, after.struck):
                chosen = index < players
                assert state.alive[np.nonzero(chosen)[0], index[chosen]].all()
                assert not chosen[dead].any()
            sanctions = society.config.institutions.sanctions
            if sanctions is not None and not sanctions.counting and sanctions.kind != "counter":
                assert np.isin(after.received, (0, 1)).all()
            assert (after.payoff[dead] == 0).all()
            paid = np.where(state.roster.active, after.payoff, 0.0)
            assert np.array_equal(after.wealth, wealth + paid)
            assert np.array_equal(batch.reward, paid)
            if sanctions is not None and sanctions.kind in ("peer", "antisocial", "counter"):
                sign = -1 if config.growth.law == "inverse" else 1
                gross = sign * after.harvest - config.upkeep.consumption
                due = gross - sanctions.fine * after.received - sanctions.cost * after.imposed
                assert paid[state.roster.active] == pytest.approx(due[state.roster.active], abs=1e-9)
            wealth = after.wealth
            if config.upkeep.starvation == "remove":
                assert (after.wealth[after.alive] >= 0).all()
        if phase == "norm":
            assert np.isnan(after.proposals[dead]).all()
        if phase == "vote":
            assert (after.ballots[dead] == players).all()
        assert not batch.needs_action[~after.alive].any()
        assert ((after.effort >= 0) & (after.effort <= 1)).all()
        assert ((after.punish >= 0) & (after.punish <= 1)).all()
        assert (after.belief >= 0).all()


def test_partners_are_uniform_over_the_alive():
    """Half of the agents die in round 1; the rest inspect and meet each other evenly, and nobody else."""
    config = Commons.model_validate(
        {
            "players": 8,
            "horizon": 60,
            "collapse": "stock",
            "harvest": {"productivity": 0.01},
            "upkeep": {"consumption": 1, "initial_wealth": 0},
            "institutions": {"sanctions": {"fine": 0}, "voting": None},
        }
    )
    society = config.batched(300)
    rich = {"init": {"effort": [1, 1]}}
    poor = {"init": {"effort": [0, 0]}}
    batch = society.reset(np.arange(300), {"seats": [rich, poor] * 4})
    inspected, met = np.zeros((8, 9)), np.zeros((8, 9))
    for _ in range(60):
        batch = society.step(np.tile([1.0, 0.0] * 4, (300, 1)))
        if batch.observation["round"][0, 0] > 1:
            for seat in range(0, 8, 2):
                inspected[seat] += np.bincount(society.state.inspected[:, seat], minlength=9)
        batch = society.step(np.full((300, 8), 8.0))
        assert np.array_equal(society.state.alive, np.tile([True, False] * 4, (300, 1)))
        for seat in range(0, 8, 2):
            met[seat] += np.bincount(society.state.model[:, seat], minlength=9)
    for counts in (inspected, met):
        assert counts[:, 1::2].sum() == 0
        for seat in range(0, 8, 2):
            others = [i for i in range(0, 8, 2) if i != seat]
            assert counts[seat, seat] == counts[seat, 8] == 0
            share = counts[seat, others] / counts[seat].sum()
            assert share == pytest.approx(np.full(3, 1 / 3), abs=0.02)


def fates(horizon, *, efforts=1.0, **changes):
    config = Commons.model_validate({"horizon": horizon, "institutions": ALONE} | changes)
    society = config.batched(1)
    batch = society.reset([0])
    while batch.needs_action.any():
        batch = society.step(np.full((1, config.players), efforts))
    return {key: batch.outcome[key][0] for key in batch.outcome}, batch


def test_censoring():
    quiet, batch = fates(30, efforts=0.0, upkeep={"consumption": 0})
    assert (quiet["T_s"], quiet["censored"], quiet["status"]) == (30, True, "survived")
    assert batch.truncated.all()
    assert not batch.terminated.any()
    starving, batch = fates(30, efforts=0.0, upkeep={"consumption": 1, "initial_wealth": 29})
    assert (starving["T_s"], starving["censored"], starving["status"]) == (30, False, "collapsed")
    assert batch.terminated.all()
    assert not batch.truncated.any()
    assert starving["T_first_death"] == starving["T_all_dead"] == 30
    assert np.isnan(starving["T_stock"])


def test_both_times_are_always_recorded():
    slow, _ = fates(40, efforts=0.0, upkeep={"consumption": 1, "initial_wealth": 4}, collapse="stock")
    assert slow["T_first_death"] == slow["T_all_dead"] == 5
    assert (slow["T_s"], slow["censored"], slow["status"]) == (40, True, "collapsed")  # nobody is left
    assert slow["stock_final"] == 300
    hungry, _ = fates(
        40, upkeep={"consumption": 1, "initial_wealth": 8}, collapse="all_dead", harvest={"productivity": 0.1}
    )
    assert hungry["T_stock"] == 1
    assert hungry["T_s"] == 1


def test_a_stock_left_alone_grows_on():
    left, _ = fates(
        60,
        efforts=1.0,
        collapse="stock",
        growth={"rate": 0.3, "minimum": 0},
        upkeep={"consumption": 20, "initial_wealth": 25},
        harvest={"productivity": 0.05},
    )
    assert left["alive_final"] == 0
    assert left["rounds"] < 30
    assert left["stock_final"] == pytest.approx(300, abs=1)


def test_sanctions_end_after_the_named_round():
    runs = []
    for disable_at in (None, 15):
        config = Commons.model_validate(
            {
                "horizon": 40,
                "collapse": "stock",
                "upkeep": {"consumption": 0, "initial_wealth": 1e6},
                "institutions": {"sanctions": {"fine": 5, "disable_at": disable_at}},
            }
        )
        society = config.batched(20)
        society.reset(np.arange(20))
        runs.append(society.run())
    always, ended = runs
    for name in ("stock", "harvest", "effort", "norm", "fines"):
        assert np.array_equal(getattr(always, name)[:, :15], getattr(ended, name)[:, :15])
    assert always.fines[:, 15:].sum() > 0
    assert ended.fines[:, :15].sum() > 0
    assert ended.fines[:, 15:].sum() == 0


def test_phases_follow_the_schedule():
    config = Commons.model_validate(
        {
            "horizon": 6,
            "upkeep": {"starvation": "none"},
            "institutions": {"sanctions": {"at": [2, 3]}, "voting": {"rule": "plurality", "at": [[3, 4], [6, None]]}},
        }
    )
    environment = config.build()
    environment.reset(seed=0)
    seen: list[list[str]] = [[] for _ in range(7)]
    while environment.agents:
        seen[environment._society.state.round].append(environment.phase)
        environment.step({agent: environment.abstain(agent) for agent in environment.movers()})
    assert [" ".join(phases) for phases in seen[1:]] == [
        "harvest",
        "harvest sanction",
        "harvest sanction norm vote",
        "harvest norm vote",
        "harvest",
        "harvest norm vote",
    ]


def test_shocks_strike_in_their_round():
    config = Commons.model_validate(
        {
            "horizon": 8,
            "growth": {"rate": 0.5, "initial": 150},
            "institutions": ALONE,
            "upkeep": {"starvation": "none"},
            "perturbations": [
                {"kind": "growth", "at": 3, "stock": 40},
                {"kind": "growth", "at": 5, "rate": 0.1, "capacity": 100},
            ],
        }
    )
    environment = config.build()
    environment.reset(seed=0)
    stocks, events = [], []
    while environment.agents:
        stocks.append(float(environment._society.state.stock[0]))
        environment.step(dict.fromkeys(environment.agents, 0.0))
        events += [(event.data["round"], event.type) for event in environment.events()]
    grow = lambda s, r, k: s + r * s * (1 - s / k)  # noqa: E731
    assert stocks[2] == 40
    assert stocks[3] == pytest.approx(grow(40, 0.5, 300))
    fifth = grow(stocks[3], 0.5, 300)
    assert stocks[4] == pytest.approx(min(fifth, 100))
    assert stocks[5] == pytest.approx(grow(stocks[4], 0.1, 100))
    assert events == [(3, "shock"), (5, "shock")]


def test_turnover_brings_new_dispositions():
    config = Commons.model_validate(
        {
            "horizon": 30,
            "institutions": ALONE,
            "upkeep": {"starvation": "none", "initial_wealth": 7, "consumption": 0},
            "perturbations": [{"kind": "turnover", "probability": 0.2, "at": [11, None]}],
        }
    )
    society = config.batched(50)
    narrow = {"init": {"effort": [0.2, 0.3]}}
    society.reset(np.arange(50), {"seats": [narrow] * 10})
    first = society.state.effort
    replaced = 0
    while society.state.round < 30:
        society.step(society.state.effort)
        fresh = society.state.replaced
        if society.state.round <= 10:
            assert np.array_equal(society.state.effort, first)
        replaced += fresh.sum()
        assert (society.state.wealth[fresh] == 7).all()
    assert ((society.state.effort >= 0.2) & (society.state.effort <= 0.3)).all()
    assert replaced / (50 * 10 * 20) == pytest.approx(0.2, abs=0.01)


def test_two_stocks_share_one_effort():
    config = Commons.model_validate(
        {
            "players": 2,
            "horizon": 5,
            "growth": {"rate": 0.5},
            "harvest": {"productivity": 0.1},
            "second_stock": {"rate": 0.2, "capacity": 100, "productivity": 0.2},
            "upkeep": {"starvation": "none", "consumption": 0},
            "institutions": ALONE,
        }
    )
    environment = config.build()
    observations, _ = environment.reset(seed=0)
    assert observations["player_0"]["stock_2"] == 100
    _, rewards, *_ = environment.step(
        {"player_0": {"effort": 0.25, "effort_2": 0.75}, "player_1": np.array([0.0, 0.5])}
    )
    assert rewards["player_0"] == pytest.approx(0.25 * 0.1 * 300 + 0.75 * 0.2 * 100)
    assert rewards["player_1"] == pytest.approx(0.5 * 0.2 * 100)
    stock, second = (environment._society.state.stock[0], environment._society.state.second[0])
    _, rewards, *_ = environment.step({"player_0": 1.0, "player_1": 0.0})  # a total follows the catches
    share = 0.1 * stock / (0.1 * stock + 0.2 * second)
    assert rewards["player_0"] == pytest.approx(share * 0.1 * stock + (1 - share) * 0.2 * second)
    with pytest.raises(Exception, match="sum to at most 1"):
        environment.step({"player_0": {"effort": 0.5, "effort_2": 0.6}, "player_1": 0.0})


def test_misread_only_after_its_round():
    config = Commons.model_validate(
        {
            "horizon": 4,
            "growth": {"minimum": 0},
            "upkeep": {"starvation": "none"},
            "collapse": "stock",
            "institutions": {"sanctions": {"fine": 0}, "voting": None, "revision": None},
            "perturbations": [{"kind": "misread", "at": 3, "probability": 1.0}],
        }
    )
    society = config.batched(10)
    believer = {"init": {"belief": [5, 5]}}
    society.reset(np.arange(10), {"seats": [believer] * 10})
    for round_ in (1, 2, 3, 4):
        batch = society.step(np.zeros((10, 10)))
        assert batch.observation["violation"].all() == (round_ >= 3)
        society.step(np.full((10, 10), 10.0))
