"""The step table as arrays, and what is measured on it: hand-made societies whose answers can be counted on fingers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gamesim_analysis.commons.govsim_scores import inverse_scores, scores, threshold
from gamesim_analysis.commons.measures import recovery_time, social_outcome, stock_use
from gamesim_analysis.commons.norms import compliance, norm_life, proposal_entropy, punishment_efficiency
from gamesim_analysis.commons.panel import Panel, panel
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gamesim.core.errors import MetricError

NAN = np.nan


def two_rounds() -> dict[str, Any]:
    """One society of three, two rounds of harvest, sanction and norm; player_2 dies after round 1."""
    rows = [
        # step phase      agent       round stock norm effort harvest payoff fines proposal
        (0, "harvest", "player_0", 1, 100.0, 5.0, 0.4, 4.0, NAN, NAN, NAN),
        (0, "harvest", "player_1", 1, 100.0, 5.0, 0.6, 6.0, NAN, NAN, NAN),
        (0, "harvest", "player_2", 1, 100.0, 5.0, 0.1, 1.0, NAN, NAN, NAN),
        (1, "sanction", "player_0", NAN, NAN, NAN, NAN, NAN, 2.0, 0.0, NAN),
        (1, "sanction", "player_1", NAN, NAN, NAN, NAN, NAN, -6.0, 1.0, NAN),
        (1, "sanction", "player_2", NAN, NAN, NAN, NAN, NAN, -11.0, 1.0, NAN),
        (2, "norm", "player_0", NAN, NAN, NAN, NAN, NAN, NAN, NAN, 4.0),
        (2, "norm", "player_1", NAN, NAN, NAN, NAN, NAN, NAN, NAN, 6.0),
        (3, "harvest", "player_0", 2, 90.0, 5.0, 0.5, 5.0, NAN, NAN, NAN),
        (3, "harvest", "player_1", 2, 90.0, 5.0, 0.9, 9.0, NAN, NAN, NAN),
        (4, "sanction", "player_0", NAN, NAN, NAN, NAN, NAN, 3.0, 0.0, NAN),
        (4, "sanction", "player_1", NAN, NAN, NAN, NAN, NAN, 7.0, 0.0, NAN),
    ]
    names = (
        "step",
        "phase",
        "agent",
        "round",
        "stock",
        "norm",
        "effort",
        "harvest",
        "payoff",
        "fines_paid",
        "proposal",
    )
    columns: dict[str, Any] = {name: np.array([row[i] for row in rows]) for i, name in enumerate(names)}
    columns["seed"] = np.zeros(len(rows), dtype=int)
    columns["cell"] = np.zeros(len(rows), dtype=int)
    columns["member"] = np.array(["rule"] * len(rows), dtype=object)
    return columns


def shuffled(columns: dict[str, Any]) -> dict[str, Any]:
    order = np.random.default_rng(3).permutation(len(columns["step"]))
    return {name: values[order] for name, values in columns.items()}


def test_every_row_lands_in_its_round() -> None:
    found = panel(two_rounds())
    assert found.rounds.tolist() == [2]
    assert found["payoff"][0].tolist()[1] == pytest.approx([3.0, 7.0, NAN], nan_ok=True)
    assert found["proposal"][0, 0].tolist() == pytest.approx([4.0, 6.0, NAN], nan_ok=True)
    assert found["stock"][0].tolist() == [100.0, 90.0]
    assert found.there[0].sum(axis=1).tolist() == [3, 2]
    assert found.member[0].tolist() == ["rule"] * 3


def test_the_order_of_rows_does_not_matter() -> None:
    whole, mixed = panel(two_rounds()), panel(shuffled(two_rounds()))
    for name in whole.values:
        np.testing.assert_array_equal(whole[name], mixed[name])


def test_episodes_do_not_leak_into_each_other() -> None:
    one, two = two_rounds(), two_rounds()
    two["seed"] = two["seed"] + 1
    two["harvest"] = two["harvest"] * 10
    both = panel({name: np.concatenate([one[name], two[name]]) for name in one})
    assert both.seed.tolist() == [0, 1]
    np.testing.assert_array_equal(both["harvest"][1], 10 * both["harvest"][0])
    assert both.of_cell(0).episodes == 2


def test_seats_are_in_their_order_whatever_their_names() -> None:
    columns = two_rounds()
    columns["agent"] = np.array([name.replace("_2", "_10") for name in columns["agent"]])
    assert panel(columns).agents == ("player_0", "player_1", "player_10")


def test_harvest_rows_must_say_their_round() -> None:
    columns = two_rounds()
    del columns["round"]
    with pytest.raises(MetricError, match="which round"):
        panel(columns)


def test_compliance_fines_and_word_and_deed() -> None:
    found = compliance(panel(two_rounds()))
    assert found.compliance[0] == 3 / 5  # 4 <= 5, 6 > 5, 1 <= 5; then 5 <= 5, 9 > 5
    assert found.fines[0] == 2
    assert found.fine_rate[0] == 2 / 5
    assert found.antisocial_share[0] == 0.5  # player_2 had kept the norm
    assert found.word_deed_gap[0] == (abs(5 - 4) + abs(9 - 6)) / 2
    assert found.norm_gap[0] == (1 + 1 + 4 + 0 + 4) / 5


def test_nothing_to_measure_is_null_not_zero() -> None:
    columns = two_rounds()
    columns["norm"] = np.full(len(columns["step"]), NAN)
    columns["proposal"] = np.full(len(columns["step"]), NAN)
    columns["fines_paid"] = np.zeros(len(columns["step"]))
    found, life = compliance(panel(columns)), norm_life(panel(columns))
    assert np.isnan([found.compliance[0], found.antisocial_share[0], found.word_deed_gap[0], found.norm_gap[0]]).all()
    assert np.isnan([life.lifetime[0], life.entropy[0]]).all()
    assert (found.fine_rate[0], life.norms[0]) == (0.0, 0.0)


def society(norm: list[float]) -> Panel:
    columns = {
        "seed": np.zeros(len(norm), dtype=int),
        "step": np.arange(len(norm)),
        "phase": np.array(["harvest"] * len(norm)),
        "agent": np.array(["player_0"] * len(norm)),
        "round": np.arange(1, len(norm) + 1),
        "harvest": np.ones(len(norm)),
        "norm": np.array(norm),
    }
    return panel(columns)


def test_norms_live_until_they_change_or_lapse() -> None:
    life = norm_life(society([5, 5, 5, 7, NAN, 7, 7]))
    assert life.norms[0] == 3
    assert life.lifetime[0] == 6 / 3


def test_entropy_counts_distinct_proposals() -> None:
    assert proposal_entropy(np.array([[[1.0, 1, 1, 1]]])).tolist() == [0.0]
    assert proposal_entropy(np.array([[[1.0, 2, 3, 4]]])).tolist() == [2.0]
    assert proposal_entropy(np.array([[[1.0, 2, 3, 4], [5, 5, 5, NAN]]])).tolist() == [1.0]


@given(arrays(np.float64, (2, 3, 5), elements=st.sampled_from([0.0, 1.0, 2.5, 4.0])))
def test_entropy_equals_its_definition(proposals: Any) -> None:
    expected = []
    for episode in proposals:
        bits = []
        for round_ in episode:
            _, counts = np.unique(round_, return_counts=True)
            share = counts / counts.sum()
            bits.append(-(share * np.log2(share)).sum())
        expected.append(np.mean(bits))
    np.testing.assert_allclose(proposal_entropy(proposals), expected, atol=1e-12)


def test_punishment_efficiency_is_null_where_nothing_was_spent() -> None:
    found = punishment_efficiency(np.array([10.0, 4.0]), np.array([4.0, 4.0]), np.array([3.0, 0.0]))
    assert found.tolist() == pytest.approx([2.0, NAN], nan_ok=True)


def test_eta_over_rounds_played_and_over_the_horizon() -> None:
    used = stock_use(np.array([[20.0, 10.0, NAN, NAN]]), best=10.0, horizon=4)
    assert (used.played[0], used.horizon[0]) == (1.5, 0.75)


def test_social_outcome_by_hand() -> None:
    harvest = np.array([[[2.0, 0.0], [2.0, 4.0]]])
    found = social_outcome(harvest - 1, harvest, np.array([[[0.0, 1.0], [0.0, 0.0]]]))
    assert found.utilitarian[0] == (1 - 1 + 1 + 3) / 2
    assert found.equality[0] == 1.0
    assert found.sustainability[0] == (1.5 + 2) / 2
    assert found.peace[0] == (1 + 2) / 2
    nothing = social_outcome(-np.ones((1, 2, 2)), np.zeros((1, 2, 2)), np.zeros((1, 2, 2)))
    assert np.isnan([nothing.equality[0], nothing.sustainability[0]]).all()


def test_recovery_needs_three_rounds_in_a_row() -> None:
    assert recovery_time(np.array([[100.0, 50, 95, 60, 91, 92, 93]]), shock=1)[0] == 4
    assert np.isnan(recovery_time(np.array([[100.0, 50, 95, 95, 60]]), shock=1)[0])
    assert np.isnan(recovery_time(np.array([[100.0, 50]]), shock=1)[0])


def test_govsim_scores_by_hand() -> None:
    sustained = scores(np.full((12, 5), 10.0), np.full(12, 100.0), horizon=12, survived=True)
    assert (sustained.gain, sustained.efficiency, sustained.equality, sustained.over_usage) == (120, 100, 100, 0)
    greedy = scores(np.array([[20.0] * 5]), np.array([100.0]), horizon=12, survived=False)
    assert (greedy.months, greedy.gain, round(greedy.efficiency, 2), greedy.over_usage) == (1, 20, 16.67, 100)
    eleven = np.array([[11.0] * 5] * 3 + [[6.0] * 5])
    found = scores(eleven, np.array([100.0, 90.0, 70.0, 30.0]), horizon=12, survived=False)
    assert (found.months, found.gain, found.over_usage) == (4, 39, 100)


def test_over_usage_is_per_agent_and_floored_and_counts_who_is_there() -> None:
    assert threshold(np.array([100.0, 90.0, 30.0]), 5).tolist() == [10, 9, 3]
    four_then_five = np.array([[12.0, 12, 12, 12, NAN], [11.0, 11, 11, 11, 11]])
    stock = np.array([100.0, 100.0])
    ours = scores(four_then_five, stock, horizon=2, survived=True)
    assert ours.over_usage == pytest.approx(100 * 5 / 9)
    legacy = scores(four_then_five, stock, horizon=2, survived=True, legacy=True)
    assert legacy.over_usage == pytest.approx(100 * 9 / 10)


def test_inverse_scores_by_hand() -> None:
    one_each = inverse_scores(np.ones((12, 5)), survived=True)
    assert (one_each.total_effort, one_each.excess_effort, one_each.shortfall) == (60, 0, 9)
    ten_each = inverse_scores(np.full((12, 5), 10.0), survived=True)
    assert (ten_each.total_effort, ten_each.excess_effort, ten_each.shortfall) == (600, 540, 0)
