"""Repeated position auctions: payoffs are the rule's, values are private, learners find the truth where it is best."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from gamesim.core.errors import IllegalActionError, ScenarioError
from gamesim.core.policy import AgentSpec
from gamesim.core.registry import build
from gamesim.envs.mechanism.config import Auction
from gamesim.run.record import Record
from gamesim.run.rollout import rollout
from gamesim.run.runner import run
from gamesim.scenario.resolve import load_scenario


def spec(kind: str, **params: Any) -> AgentSpec:
    return AgentSpec(f"auction.{kind}", params)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10**6),
    st.integers(1, 4),
    st.integers(1, 3),
    st.sampled_from(["mnl", "cascade"]),
    st.sampled_from(["vcg", "first_price", "myerson"]),
)
def test_payoffs_are_value_times_clicks_less_payments(
    seed: int, players: int, slots: int, clicks: str, payment: str
) -> None:
    config = Auction(players=players, slots=slots, clicks=clicks, payment=payment, horizon=4, redraw="round")  # type: ignore[arg-type]
    environment, rng = config.build(), np.random.default_rng(seed)
    seen, _ = environment.reset(seed=seed)
    welfare = truthful = 0.0
    while environment.agents:
        values = np.array([[float(seen[agent]["value"]) for agent in environment.agents]])
        bids = rng.uniform(0, config.largest_bid, (1, players))
        sale = config.rule().sale(bids)
        seen, rewards, *_ = environment.step(dict(zip(environment.agents, bids[0], strict=True)))
        assert list(rewards.values()) == (values * sale.click - sale.paid)[0].tolist()
        assert seen["player_0"]["board_slot"].tolist() == sale.slot[0].tolist()
        assert seen["player_0"]["board_bid"].tolist() == bids[0].tolist()
        welfare += float((values * sale.click).sum())
        truthful += float(config.rule("vcg").best(values)[1][0])
    outcome = environment.outcome()
    assert outcome["social_welfare"] == pytest.approx(welfare / 4, abs=1e-12)
    assert outcome["truthful_welfare"] == pytest.approx(truthful / 4, abs=1e-12)
    if outcome["efficiency"] is not None:
        assert 0 <= float(outcome["efficiency"]) <= 1 + 1e-12  # no rule has more welfare than truthful VCG


def test_drawn_readers_bring_the_expected_on_average() -> None:
    config = {"players": 3, "clicks": "cascade", "values": [0.9, 0.6, 0.3], "appeal": 0.7, "horizon": 500}
    expected, drawn = (
        rollout(Auction(**config, reader=reader), [spec("truthful")] * 3, range(40))  # type: ignore[arg-type]
        for reader in ("expected", "drawn")
    )
    for key in ("revenue", "social_welfare"):
        error = drawn.outcome[key].std(ddof=1) / 40**0.5
        assert drawn.outcome[key].mean() == pytest.approx(expected.outcome[key].mean(), abs=4 * error)
    steps = rollout(Auction(**config, reader="drawn"), [spec("truthful")] * 3, [1], steps=True).steps  # type: ignore[arg-type]
    assert steps is not None
    click = steps["click"].reshape(-1, 3)
    assert set(click.ravel()) == {0.0, 1.0}
    assert click.sum(axis=1).max() == 1
    assert (steps["paid"][steps["click"] == 0] == 0).all()
    assert (steps["payoff"] >= 0).all()  # who is truthful never pays more than its value for a click


def test_values_are_those_given_or_drawn_as_often_as_said() -> None:
    fixed = rollout(Auction(values=[3, 2, 1], horizon=3), [spec("truthful")] * 3, [1, 2], steps=True).steps
    episode, each = (rollout(Auction(redraw=r, low=0.5, high=2, horizon=150), [spec("truthful")] * 3, [1], steps=True).steps for r in ("episode", "round"))  # type: ignore[arg-type]  # fmt: skip
    for steps in (fixed, episode, each):
        assert steps is not None
    assert fixed is not None
    assert episode is not None
    assert each is not None
    assert fixed["value"].reshape(-1, 3).tolist() == [[3, 2, 1]] * 6
    assert len(set(episode["value"])) == 3
    assert len(set(each["value"])) == 450
    assert 0.5 <= each["value"].min() <= each["value"].max() <= 2


def test_truth_meets_its_yardstick_exactly() -> None:
    for clicks in ("mnl", "cascade"):
        played = rollout(Auction(clicks=clicks, redraw="round", horizon=20), [spec("truthful")] * 3, range(5))  # type: ignore[arg-type]
        assert np.array_equal(played.outcome["revenue"], played.outcome["truthful_revenue"])
        assert np.array_equal(played.outcome["social_welfare"], played.outcome["truthful_welfare"])
        assert (played.outcome["bid_to_value"] == 1).all()


def test_best_replies_stay_true_under_vcg_and_shade_under_first_prices() -> None:
    vcg, first = (rollout(Auction(payment=p, horizon=30), [spec("best_reply")] * 3, range(10)) for p in ("vcg", "first_price"))  # type: ignore[arg-type]  # fmt: skip
    assert (vcg.outcome["efficiency"] > 0.999).all()
    assert (vcg.outcome["bid_to_value"] == 1).all()  # of several best shares the nearest to the truth
    assert (first.outcome["bid_to_value"] < 0.9).all()


def test_learners_come_nearer_to_the_truth_under_vcg_than_under_first_prices() -> None:
    late = {}
    for payment in ("vcg", "first_price"):
        config = Auction(payment=payment, values=[1.0, 0.7, 0.4], horizon=2000)  # type: ignore[arg-type]
        steps = rollout(config, [spec("learner")] * 3, range(10), steps=True).steps
        assert steps is not None
        share = (steps["action"] / steps["value"]).reshape(10, 2000, 3)[:, -200:]
        late[payment] = float(share[..., 0].mean())
    assert late["vcg"] > 0.75 > late["first_price"] + 0.1


def test_a_learner_regrets_little() -> None:
    """Against any bids of the others: the best fixed share does better by at most sqrt(T ln K / 2), utilities in [0, 1]."""
    horizon, points = 1500, 11
    config = Auction(values=[1.0, 0.8, 0.6], payment="first_price", horizon=horizon)
    seats = [spec("learner"), spec("random"), spec("best_reply")]
    steps = rollout(config, seats, range(8), steps=True).steps
    assert steps is not None
    bids, payoff = (steps[key].reshape(8, horizon, 3) for key in ("action", "payoff"))
    earned = np.empty((points, 8))
    for k, share in enumerate(np.linspace(0, 1, points)):
        tried = bids.reshape(-1, 3).copy()
        tried[:, 0] = share * 1.0
        sale = config.rule().sale(tried)
        earned[k] = (sale.click[:, 0] - sale.paid[:, 0]).reshape(8, horizon).sum(axis=1)
    regret = earned.max(axis=0) - payoff[..., 0].sum(axis=1)
    assert (regret <= np.sqrt(horizon * np.log(points) / 2) + 4 * np.sqrt(horizon) / 2).all()
    assert regret.mean() <= np.sqrt(horizon * np.log(points) / 2)


def test_bandit_learners_hear_only_what_they_earned() -> None:
    config = Auction(values=[1.0, 0.7, 0.4], redraw="round", horizon=800)
    for rule in ("exp3_ix", "regret_matching"):
        played = rollout(config, [spec("learner", rule=rule)] * 3, range(8))
        assert played.outcome["efficiency"].mean() > 0.85
    with pytest.raises(ScenarioError, match="hedge"):
        build("agents", {"kind": "auction.learner", "rule": "hege"})


def test_illegal_bids_are_named() -> None:
    environment = Auction(players=2, slots=1).build()
    environment.reset(seed=0)
    with pytest.raises(IllegalActionError, match="from 0 to 1"):
        environment.step({"player_0": 1.5, "player_1": 0.0})
    with pytest.raises(ScenarioError, match="position_auction"):
        build("agents", "auction.learner").build(build("environments", "commons"))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"values": [1]}, "1 were given for 3"), ({"values": [1, -1, 0]}, "negative"), ({"weights": [[1, 1]]}, "for 3 players"),
        ({"weights": [[1], [1], [1]]}, "2 numbers"), ({"ads": 3}, "do not fit"), ({"appeal": 0}, "above 0"),
        ({"appeal": 2, "clicks": "cascade"}, "at most 1"), ({"low": 1}, "low < high"), ({"players": 12, "slots": 8}, "ways"),
    ],
)  # fmt: skip
def test_what_is_no_auction(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Auction(**wrong)


def test_warnings() -> None:
    assert "uniform" in Auction(payment="myerson", values=[1, 2, 3], high=3).warnings()[0]
    assert "cap" in Auction(cap=0.5).warnings()[0]
    assert Auction().warnings() == []


def test_the_shipped_scenario_and_its_report(tmp_path: Path) -> None:
    from gamesim_analysis.metrics import compute
    from gamesim_analysis.report.page import build as report

    record = run(
        load_scenario("games/auction_learners", overrides=["environment.horizon=50", "replicates=4"]), store=tmp_path
    )
    assert "auction" in compute(record)
    rows = Record(record.path).table("auction").rows()
    assert len(rows) == 8
    assert all(row["efficiency"] <= 1 + 1e-12 for row in rows)
    page = report(Record(record.path)).read_text("utf-8")
    for words in ("beside truthful VCG", "revenue, truthful VCG", "efficiency", "truth is no equilibrium"):
        assert words in page


def test_models_bid(tmp_path: Path) -> None:
    short = ["environment.horizon=4", "replicates=1", "sweep=null"]
    rules, model = (
        run(load_scenario("games/auction_learners", overrides=[*short, *more]), store=tmp_path)
        for more in (
            ["population=[{agent: auction.shade, count: 3}]"],
            ["models.m=rule:auction.shade", "population=[{agent: llm, model: m, count: 3}]"],
        )
    )
    outcomes = [Record(record.path).outcomes() for record in (rules, model)]
    assert outcomes[0]["revenue"].tolist() == outcomes[1]["revenue"].tolist()
