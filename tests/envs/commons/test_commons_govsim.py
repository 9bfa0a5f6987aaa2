"""GovSim's month by month figures, and those of its inverse."""

import numpy as np
import pytest

from gamesim.core.errors import IllegalActionError
from gamesim.envs.commons.config import Commons
from gamesim.envs.commons.govsim import threshold_per_agent
from gamesim.envs.commons.growth import GrowthLaw

ALONE = {"sanctions": None, "revision": None, "voting": None}


def govsim(**changes):
    growth = {"law": "doubling_cap", "capacity": 100, "minimum": 0.05, "tested": "after_harvest"}
    return Commons.model_validate(
        {
            "players": 5,
            "horizon": 12,
            "growth": growth | changes.pop("growth", {}),
            "harvest": {"catch": "request", "rationing": changes.pop("rationing", "lottery")},
            "upkeep": {"consumption": 0, "initial_wealth": 0, "starvation": "none"},
            "collapse": "stock",
            "institutions": ALONE,
            **changes,
        }
    )


def play(config, policy, seeds=(0,)):
    """``policy`` maps an observation to requests (B, N); returns the last batch and the gains."""
    society = config.batched(len(seeds))
    batch = society.reset(np.asarray(seeds))
    gains = np.zeros((len(seeds), config.players))
    while batch.needs_action.any():
        batch = society.step(np.broadcast_to(policy(batch.observation), gains.shape))
        gains += batch.reward
    return batch, gains


def equality(gains):
    n = gains.shape[1]
    gaps = np.abs(gains[:, :, None] - gains[:, None, :]).sum(axis=(1, 2))
    return 100 * (1 - gaps / (2 * n * gains.sum(axis=1)))


def test_all_greedy_last_one_month():
    batch, gains = play(govsim(), lambda seen: np.full((1, 5), 100.0), range(2000))
    assert (batch.outcome["rounds"] == 1).all()
    assert (batch.outcome["T_s"] == 1).all()
    assert (batch.outcome["status"] == "collapsed").all()
    assert gains.sum(axis=1) == pytest.approx(np.full(2000, 100.0), abs=0)
    assert gains.mean() == 20.0
    scores = equality(gains)
    assert scores.mean() == pytest.approx(89.9, abs=0.5)
    assert scores.std() == pytest.approx(3.8, abs=0.5)


def test_threshold_policy_lasts_the_year():
    batch, gains = play(govsim(), lambda seen: np.floor(np.floor(seen["stock"] / 2) / 5))
    assert batch.outcome["rounds"][0] == 12
    assert batch.outcome["censored"][0]
    assert batch.outcome["status"][0] == "survived"
    assert gains.tolist() == [[120.0] * 5]


@pytest.mark.parametrize(("request_", "months", "gain"), [(11.0, 4, 39.0), (12.0, 3, 32.0)])
def test_a_little_too_much_with_proportional_rationing(request_, months, gain):
    batch, gains = play(govsim(rationing="proportional"), lambda seen: np.full((1, 5), request_))
    assert batch.outcome["rounds"][0] == months
    assert gains[0] == pytest.approx(np.full(5, gain), abs=1e-12)


def test_just_five_left_is_no_collapse_and_less_is():
    at_five, _ = play(govsim(horizon=1), lambda seen: np.array([[95.0, 0, 0, 0, 0]]))
    below, _ = play(govsim(horizon=1), lambda seen: np.array([[96.0, 0, 0, 0, 0]]))
    assert at_five.outcome["status"][0] == "survived"
    assert at_five.outcome["stock_final"][0] == 10
    assert below.outcome["status"][0] == "collapsed"
    assert below.outcome["stock_final"][0] == 4  # what is gone does not double


def test_thresholds_by_heads():
    law = GrowthLaw("doubling_cap", capacity=100.0)
    stock = np.array([100.0, 60.0])
    assert threshold_per_agent(stock, law, 5, integer=True).tolist() == [10, 6]
    assert threshold_per_agent(stock, law, 4, integer=True).tolist() == [12, 7]


@pytest.mark.parametrize(("legacy", "after"), [(False, 10.0), (True, 12.0)])
def test_newcomer_counts_in_the_threshold(legacy, after):
    config = govsim(
        horizon=15,
        perturbations=[{"kind": "newcomer", "at": 3}],
        information={"mode": "explicit", "explicit": ["threshold"], "legacy_threshold": legacy},
    )
    society = config.batched(1)
    batch = society.reset([0])
    seen = []
    while batch.needs_action.any() and len(seen) < 4:
        seen.append((batch.needs_action[0].sum(), batch.observation["threshold"][0, 0]))
        batch = society.step(np.zeros((1, 5)))
    assert seen == [(4, 12.0), (4, 12.0), (5, after), (5, after)]


def test_newcomer_joins_the_parallel_face():
    config = govsim(horizon=4, perturbations=[{"kind": "newcomer", "at": 3}])
    environment = config.build()
    environment.reset(seed=1)
    assert environment.agents == [f"player_{i}" for i in range(4)]
    environment.step(dict.fromkeys(environment.agents, 1.0))
    observations, *_ = environment.step(dict.fromkeys(environment.agents, 1.0))
    assert "player_4" in environment.agents
    assert "player_4" in observations
    assert [event.type for event in environment.events()] == ["newcomer"]
    environment.step(dict.fromkeys(environment.agents, 1.0))
    assert environment.facts()["harvest"].tolist() == [1.0] * 5


@pytest.mark.parametrize(
    ("removed", "months", "total"), [(0.0, 1, 0.0), (1.0, 12, 60.0), (10.0, 12, 600.0), (20.0, 12, 650.0)]
)
def test_inverse(removed, months, total):
    config = govsim(growth={"law": "inverse"})
    batch, gains = play(config, lambda seen: np.full((1, 5), removed))
    assert batch.outcome["rounds"][0] == months
    assert batch.outcome["status"][0] == ("survived" if months == 12 else "collapsed")
    assert batch.outcome["total_harvest"][0] == pytest.approx(total, abs=1e-9)
    assert gains.sum() == pytest.approx(-total, abs=1e-9)  # time spent


@pytest.mark.parametrize("action", [-1.0, 101.0, 2.5, np.nan])
def test_requests_are_never_clipped(action):
    society = govsim().batched(1)
    society.reset([0])
    with pytest.raises(IllegalActionError, match=r"player_3.*harvest.*whole number from 0 to 100"):
        society.step(np.array([[1, 1, 1, action, 1]]))
