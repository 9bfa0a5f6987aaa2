"""Rule agents of the commons: every agent in every phase and kind of commons, and what each one does, readably."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from gamesim_agents.rules.commons_learning import plan
from gamesim_agents.rules.priors import ALTRUISTIC, BANK, RANGES, SELFISH

from gamesim.core.errors import ScenarioError
from gamesim.core.policy import AgentSpec
from gamesim.core.registry import entry, names
from gamesim.envs.commons.config import Commons
from gamesim.envs.commons.growth import GrowthLaw, grow
from gamesim.run.rollout import rollout
from gamesim.testing import check_agent

AGENTS = [name for name in names("agents") if name.startswith("commons.")]
FOUR = {"kind": "commons", "players": 4, "horizon": 4}
GOVSIM = {
    "kind": "commons", "players": 5, "horizon": 12, "collapse": "stock",
    "growth": {"law": "doubling_cap", "capacity": 100, "minimum": 0.05, "tested": "after_harvest"},
    "harvest": {"catch": "request", "rationing": "lottery"},
    "upkeep": {"consumption": 0, "initial_wealth": 0, "starvation": "none"},
    "institutions": {"sanctions": None, "revision": None, "voting": None},
}  # fmt: skip
TRASH = {**GOVSIM, "growth": {"law": "inverse", "capacity": 100, "addition": 50, "maximum": 0.95, "minimum": 0}}
NO_RULES = {"sanctions": None, "revision": None, "voting": None}
KINDS: dict[str, dict[str, Any]] = {
    "paper": FOUR,
    "govsim": GOVSIM,
    "govsim with rules": {**GOVSIM, "institutions": {}},
    "real requests": {**GOVSIM, "harvest": {"catch": "request", "integer": False, "rationing": "sequential", "limit": 40}},
    "trash": {**TRASH, "institutions": {}},
    "plurality, misread": {**FOUR, "institutions": {"voting": "plurality", "sanctions": {"misread": 0.5}}},
    "borda, hidden stock": {**FOUR, "institutions": {"voting": "borda"}, "information": {"stock_visible": False}},
    "approval, allee": {**FOUR, "institutions": {"voting": "approval"}, "growth": {"law": "allee", "allee": 60}},
    "dictator, grow_net": {**FOUR, "institutions": {"voting": "dictator(1)"}, "growth": {"order": "grow_net"}},
    "no norm": {**FOUR, "institutions": {"voting": None}},
    "leader with quotas": {**FOUR, "horizon": 6, "institutions": {"leader": {"every": 2, "quotas": "requests"}}},
    "counter": {**FOUR, "institutions": {"sanctions": {"kind": "counter", "monitoring": 0.7}}},
    "antisocial": {**FOUR, "institutions": {"sanctions": {"kind": "antisocial"}}},
    "pool, shuffled": {**FOUR, "institutions": {"sanctions": {"kind": "pool"}}, "harvest": {"catch": "shuffled"}},
    "networks": {**FOUR, "players": 6, "institutions": {"network": {"see": "ring(2)", "punish": "ring(2)", "meet": "ring(4)"}}},
    "antisocial in a network": {
        **FOUR, "players": 6, "institutions": {"sanctions": {"kind": "antisocial"}, "network": {"punish": "ring(2)"}},
    },
    "sampled sight": {**FOUR, "players": 6, "information": {"visibility": {"sampled": 2}}},
    "two stocks": {**FOUR, "second_stock": {"rate": 0.3}},
    "dying": {**FOUR, "players": 6, "horizon": 8, "collapse": "all_dead", "upkeep": {"initial_wealth": 0, "consumption": 4}},
    "exhaustible": {**FOUR, "growth": {"law": "none"}},
    "text norms": {**FOUR, "institutions": {"voting": {"rule": "plurality", "norms": "text"}}},
    "turnover, noise": {**FOUR, "growth": {"noise_sd": 0.3}, "perturbations": [{"kind": "turnover", "probability": 0.3}]},
    "newcomer": {**FOUR, "perturbations": [{"kind": "newcomer", "at": 3}]},
}  # fmt: skip


@pytest.mark.parametrize("agent", AGENTS)
def test_every_agent_keeps_its_promises_in_every_kind_of_commons(agent: str) -> None:
    """Legal in all phases, nothing kept outside the state, batched equal to single, to the episode's end."""
    check_agent(agent, [Commons(**keys) for keys in KINDS.values()], seeds=(3,))


def test_all_agents_of_the_specification_are_registered() -> None:
    wanted = """paper_abm sustainable greedy fixed conditional_cooperator norm_follower free_rider cheater vengeful antisocial
    counter_punisher myopic_best_reply planner q_learner newcomer_greedy random"""
    assert set(AGENTS) >= {f"commons.{name}" for name in wanted.split()}
    for name in AGENTS:
        assert entry("agents", name).__doc__


def specs(*agents: str | tuple[str, dict[str, Any]]) -> list[AgentSpec]:
    full = [(a, {}) if isinstance(a, str) else a for a in agents]
    return [AgentSpec(f"commons.{name}", params) for name, params in full]


def table(keys: dict[str, Any], agents: list[AgentSpec], phase: str, column: str, seed: int = 0) -> np.ndarray:
    """One column of the step table in one phase, shape (rounds, N)."""
    config = Commons(**keys)
    steps = rollout(config, agents, [seed], steps=True).steps
    assert steps is not None
    return np.asarray(steps[column][steps["phase"] == phase], dtype=np.float64).reshape(-1, config.players)


PAIR = {
    "kind": "commons",
    "players": 2,
    "horizon": 5,
    "growth": {"rate": 0.4, "capacity": 100},
    "harvest": {"productivity": 0.2},
}
RICH = {"initial_wealth": 1000, "consumption": 0}
QUIET = {**PAIR, "upkeep": RICH, "institutions": NO_RULES}


def harvests(keys: dict[str, Any], *agents: str | tuple[str, dict[str, Any]]) -> np.ndarray:
    return table(keys, specs(*agents), "harvest", "harvest")


def test_sustainable_takes_half_of_the_largest_yield_each_and_the_stock_settles_at_sixty() -> None:
    keys = {**QUIET, "horizon": 200}
    assert harvests(keys, "sustainable", "sustainable") == pytest.approx(np.full((200, 2), 5.0))
    stock = table(keys, specs("sustainable", "sustainable"), "harvest", "stock")
    assert stock[0, 0] == 100
    assert np.all(np.diff(stock[:, 0]) <= 1e-9)
    assert 60 <= stock[-1, 0] < 70


def test_sustainable_takes_less_where_the_stock_stands_low() -> None:
    keys = {**QUIET, "growth": {"rate": 0.4, "capacity": 100, "initial": 30}}
    stock = table(keys, specs("sustainable", "sustainable"), "harvest", "stock")
    assert stock[:, 0] == pytest.approx(np.full(5, 30.0))  # takes what grows back, no more
    assert np.all(harvests(keys, "sustainable", "sustainable") < 5)


def test_greedy_plays_full_effort_and_asks_for_everything() -> None:
    assert table(QUIET, specs("greedy", "greedy"), "harvest", "effort").tolist() == [[1, 1]] * 5
    assert table(GOVSIM, specs(*["greedy"] * 5), "harvest", "action").tolist() == [[100] * 5]
    assert table(TRASH, specs(*["greedy"] * 5), "harvest", "action").tolist() == [[0] * 5]  # a chore: let others do it


def test_fixed_effort_and_fixed_request() -> None:
    assert (
        table(QUIET, specs(("fixed", {"effort": 0.25}), ("fixed", {})), "harvest", "action").tolist()
        == [[0.25, 0.5]] * 5
    )
    asked = table(GOVSIM, specs(*[("fixed", {"request": 7})] * 5), "harvest", "action")
    assert asked.tolist() == [[7] * 5] * 12
    with pytest.raises(ScenarioError, match="101 is no legal request"):
        rollout(Commons(**GOVSIM), specs(*[("fixed", {"request": 101})] * 5), [0])
    with pytest.raises(ScenarioError, match="whole units"):
        rollout(Commons(**GOVSIM), specs(*[("fixed", {"request": 1.5})] * 5), [0])


def test_conditional_cooperator_copies_the_others_last_harvest() -> None:
    taken = harvests(QUIET, ("fixed", {"effort": 0.3}), ("conditional_cooperator", {"slope": 0.5, "start": 1.0}))
    assert taken[0].tolist() == [6.0, 20.0]
    assert taken[1:, 1] == pytest.approx(0.5 * taken[:-1, 0])


def test_norm_follower_harvests_the_norm_and_free_rider_harvests_alike_but_never_fines() -> None:
    keys = {**PAIR, "players": 3, "upkeep": RICH, "institutions": {"voting": {"initial": 4}, "revision": None}}
    agents = specs(("norm_follower", {"norm": 4}), ("free_rider", {"norm": 4}), ("greedy", {"norm": 4}))
    taken = table(keys, agents, "harvest", "harvest")
    assert taken[:, 0] == pytest.approx(np.full(len(taken), 4.0))
    assert (taken[:, 0] == taken[:, 1]).all()
    assert (taken[:, :2] <= 4.0).all()  # not by a rounding error more, or it would be fined
    imposed = table(keys, agents, "sanction", "fines_imposed")
    inspected = table(keys, agents, "sanction", "inspected")
    assert (imposed[:, 0] == (inspected[:, 0] == 2)).all()  # fines the greedy one whenever it inspects it
    assert imposed[:, 0].any()
    assert not imposed[:, 1:].any()


def test_norm_follower_without_a_norm_follows_its_own_belief() -> None:
    taken = harvests(QUIET, ("norm_follower", {"norm": 3}), ("norm_follower", {"norm": 5}))
    assert taken == pytest.approx(np.tile([3.0, 5.0], (5, 1)))


def test_cheater_takes_all_at_its_rate() -> None:
    keys = {**QUIET, "players": 10, "horizon": 60, "harvest": {"productivity": 0.001}}
    effort = table(keys, specs(*[("cheater", {"q": 0.2, "norm": 0.01})] * 10), "harvest", "effort")
    assert (effort == 1).mean() == pytest.approx(0.2, abs=0.05)
    assert effort[effort < 1].max() < 0.2


ANTISOCIAL = {"sanctions": {"kind": "antisocial"}, "revision": None, "voting": {"initial": 5}}


def test_vengeful_fines_the_largest_harvester_and_antisocial_the_most_modest_innocent() -> None:
    keys = {**PAIR, "players": 4, "upkeep": RICH, "institutions": ANTISOCIAL}
    agents = specs(
        ("vengeful", {"norm": 5}),
        ("antisocial", {"norm": 5}),
        ("fixed", {"effort": 0.02, "norm": 5}),
        ("fixed", {"norm": 5}),
    )
    target = table(keys, agents, "sanction", "action")
    assert target[:, 0].tolist() == [1] * 5  # player 1 takes most
    assert target[:, 1].tolist() == [2] * 5
    assert target[:, 2:].tolist() == [[4, 4]] * 5  # nobody


def test_vengeful_spares_the_innocent_where_only_violators_may_be_fined() -> None:
    keys = {**PAIR, "players": 3, "upkeep": RICH, "institutions": {"revision": None, "voting": {"initial": 50}}}
    agents = specs(("vengeful", {"norm": 50}), ("fixed", {"norm": 50}), ("fixed", {"norm": 50}))
    assert table(keys, agents, "sanction", "action")[:, 0].tolist() == [3] * 5
    strict = {**keys, "institutions": {"revision": None, "voting": {"initial": 1}}}
    agents = specs(("vengeful", {"norm": 1}), ("fixed", {"norm": 1, "effort": 0.2}), ("fixed", {"norm": 1}))
    assert table(strict, agents, "sanction", "action")[:, 0].tolist() == [2] * 5


def test_counter_punisher_strikes_back_at_who_fined_it() -> None:
    keys = {
        **PAIR,
        "upkeep": RICH,
        "institutions": {"sanctions": {"kind": "counter"}, "revision": None, "voting": {"initial": 1}},
    }
    agents = specs(("norm_follower", {"norm": 1}), ("counter_punisher", {"norm": 1}))
    assert table(keys, agents, "sanction", "action").tolist() == [[1, 2]] * 5
    assert table(keys, agents, "counter", "action").tolist() == [[2, 0]] * 5
    meek = specs(("norm_follower", {"norm": 1}), ("greedy", {"norm": 1}))
    assert table(keys, meek, "counter", "action").tolist() == [[2, 2]] * 5


def test_myopic_best_reply_is_greedy_until_the_expected_fine_outweighs_the_gain() -> None:
    rules = {"revision": None, "voting": {"initial": 5}, "sanctions": {"fine": 16}}
    keys = {**PAIR, "upkeep": RICH, "institutions": rules}  # gains at first 20 - 5 = 15

    def first(expected: float) -> float:
        agents = specs(("myopic_best_reply", {"expected_punish": expected, "norm": 5}), ("fixed", {"norm": 5}))
        return float(table(keys, agents, "harvest", "harvest")[0, 0])

    assert first(0.0) == 20
    assert first(15 / 16 - 0.01) == 20
    assert first(15 / 16 + 0.01) == pytest.approx(5)


def test_planner_beats_every_fixed_effort_when_alone() -> None:
    keys = {
        **QUIET, "players": 1, "horizon": 300, "harvest": {"productivity": 0.5}, "collapse": "stock",
        "growth": {"rate": 0.4, "capacity": 100, "initial": 100},
    }  # fmt: skip

    def worth(agent: str, **params: Any) -> float:
        taken = harvests(keys, (agent, params))[:, 0]
        return float(taken @ 0.95 ** np.arange(len(taken)))

    planned = worth("planner", discount=0.95)
    assert all(planned > worth("fixed", effort=effort) for effort in np.linspace(0, 1, 21))


def test_a_patient_planner_keeps_the_escapement_that_theory_says() -> None:
    """One owner: g'(escapement) = 1/discount, so y = K (1 + r - 1/b) / (2 r)."""
    law = GrowthLaw(rate=0.4, capacity=100)
    escapement = 100 * (1 + 0.4 - 1 / 0.95) / 0.8
    keys = {**QUIET, "players": 1, "horizon": 120, "harvest": {"productivity": 1.0}}
    stock = table(keys, specs(("planner", {"discount": 0.95})), "harvest", "stock")[60:, 0]
    assert stock.mean() == pytest.approx(float(grow(np.array(escapement), law)), rel=0.05)


def test_an_impatient_planner_takes_everything_and_plans_are_solved_once() -> None:
    assert table(
        {**QUIET, "players": 1, "harvest": {"productivity": 1.0}},
        specs(("planner", {"discount": 0.0})),
        "harvest",
        "effort",
    ).tolist() == [[1.0]]
    before = plan.cache_info().hits
    harvests(QUIET, "planner", "planner")
    harvests(QUIET, "planner", "planner")
    assert plan.cache_info().hits > before


def test_planners_keep_the_house_alive_with_five_removed_in_all() -> None:
    removed = table(TRASH, specs(*["planner"] * 5), "harvest", "action")
    assert removed.tolist() == [[1] * 5] * 12


def test_q_learner_learns_that_effort_pays() -> None:
    """A stock that refills at once and one agent: full effort is best, and after some tries it is what is played."""
    keys = {
        **QUIET, "players": 1, "horizon": 600,
        "growth": {"law": "chemostat", "rate": 1.0, "capacity": 100}, "harvest": {"productivity": 0.5},
    }  # fmt: skip
    learner = ("q_learner", {"bins": 1, "epsilon": 0.2, "learning_rate": 0.5})
    effort = table(keys, specs(learner), "harvest", "effort")[:, 0]
    assert effort[:20].mean() < 0.7
    assert effort[300:].mean() > 0.85  # 0.8 of the time 1, else anything


def test_newcomer_is_greedy_at_first_then_takes_its_share() -> None:
    keys = {**GOVSIM, "perturbations": [{"kind": "newcomer", "at": 3}], "horizon": 6}
    agents = specs(*["sustainable"] * 4, ("newcomer_greedy", {"greed": 0.4, "rounds": 1}))
    steps = rollout(Commons(**keys), agents, [0], steps=True).steps
    assert steps is not None
    late = steps["agent"] == "player_4"
    assert steps["round"][late].tolist() == [3, 4, 5, 6]
    assert steps["action"][late].tolist() == [40, 4, 4, 4]  # 100 - 40 - 40 = 20 left, 40 next month, 4 each
    stays = specs(*["sustainable"] * 4, ("newcomer_greedy", {"greed": 0.4}))
    steps = rollout(Commons(**keys), stays, [0], steps=True).steps
    assert steps is not None
    assert set(steps["action"][steps["agent"] == "player_4"]) == {40.0}


def test_paper_abm_plays_its_disposition_and_the_batch_knows_a_short_cut() -> None:
    config = Commons(players=6, horizon=40)
    profiles = [{"init": {k: list(v) for k, v in RANGES["selfish"].items()}}] * 6
    batch = config.batched(8)
    assert batch is not None
    batch.reset(np.arange(8), {"seats": profiles})
    quick = batch.run()  # type: ignore[attr-defined]
    played = rollout(config, specs(*[("paper_abm", {"init": "selfish"})] * 6), np.arange(8))
    np.testing.assert_array_equal(played.returns, quick.returns)
    np.testing.assert_array_equal(played.outcome["T_s"], quick.outcome["T_s"])


@pytest.mark.parametrize(
    "rules", [{"voting": "plurality"}, {"voting": "borda"}, {"leader": {"every": 3, "recall": True}}]
)
def test_paper_abm_votes_like_its_disposition(rules: dict[str, Any]) -> None:
    config = Commons(players=7, horizon=12, institutions=rules)
    batch = config.batched(4)
    assert batch is not None
    batch.reset(np.arange(4))
    quick = batch.run()  # type: ignore[attr-defined]
    played = rollout(config, specs(*["paper_abm"] * 7), np.arange(4))
    np.testing.assert_array_equal(played.returns, quick.returns)


def test_greedy_votes_for_the_highest_cap_and_others_for_the_nearest() -> None:
    keys = {
        **PAIR,
        "players": 4,
        "horizon": 1,
        "upkeep": RICH,
        "institutions": {"voting": "plurality", "revision": None, "sanctions": None},
    }
    agents = specs(
        ("fixed", {"norm": 2}), ("fixed", {"norm": 6}), ("norm_follower", {"norm": 2}), ("greedy", {"norm": 4})
    )
    assert table(keys, agents, "norm", "proposal").tolist() == [[2, 6, 2, 4]]
    assert table(keys, agents, "vote", "action").tolist() == [[0, 2, 0, 2]]  # proposals shown: 2, 4, 6


def test_at_an_election_agents_vote_for_the_candidate_nearest_to_them() -> None:
    rules = {"leader": {"every": 1}, "revision": None, "sanctions": None}
    keys = {**PAIR, "players": 4, "horizon": 1, "upkeep": RICH, "institutions": rules}
    agents = specs(
        ("fixed", {"norm": 6}), ("fixed", {"norm": 2}), ("norm_follower", {"norm": 2}), ("greedy", {"norm": 4})
    )
    assert table(keys, agents, "vote", "action").tolist() == [[0, 1, 1, 0]]


def test_random_actions_cover_what_is_legal() -> None:
    asked = table({**GOVSIM, "horizon": 300, "growth": {"law": "chemostat", "rate": 1.0, "capacity": 10, "minimum": 0},
                   "harvest": {"catch": "request"}}, specs(*["random"] * 5), "harvest", "action")  # fmt: skip
    assert set(np.unique(asked)) == set(range(11))
    target = table({**PAIR, "players": 5, "horizon": 60, "upkeep": RICH, "growth": {"rate": 3.0}, "harvest": {"productivity": 0.01},
                    "institutions": ANTISOCIAL}, specs(*["random"] * 5), "sanction", "action")  # fmt: skip
    for seat in range(5):
        assert set(np.unique(target[:, seat])) == {0, 1, 2, 3, 4, 5} - {seat}


def test_the_bank_of_sentences_tiles_the_types_of_table_3() -> None:
    assert len(ALTRUISTIC) == len(SELFISH) == 8
    assert len({prior.sentence for prior in BANK}) == 16
    for kind, bank in (("altruistic", ALTRUISTIC), ("selfish", SELFISH)):
        for trait in ("effort", "belief", "punish"):
            edges = [getattr(prior, trait) for prior in bank]
            assert edges[0][0] == RANGES[kind][trait][0]
            assert edges[-1][1] == RANGES[kind][trait][1]
            assert all(a[1] == b[0] for a, b in pairwise(edges))


def test_one_sentence_narrows_the_disposition_to_its_range() -> None:
    config = entry("agents", "commons.paper_abm")
    assert config(init="selfish", sentence=8).seat_profile() == {"init": SELFISH[7].init()}
    assert config(init="selfish", punish_init="text").seat_profile()["init"]["punish"] == [0.0, 0.1]
    assert config(init={"effort": [0.1, 0.2]}).seat_profile()["init"]["effort"] == [0.1, 0.2]
    for wrong in (
        {"sentence": 1},
        {"init": {"effort": [0.5, 0.2]}},
        {"init": "kind"},
        {"init": "selfish", "sentence": 9},
    ):
        with pytest.raises(ValueError):
            config(**wrong)
