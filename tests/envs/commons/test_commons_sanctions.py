"""Who is fined, how often, and what it costs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gamesim.core.errors import IllegalActionError
from gamesim.envs.commons import sanctions
from gamesim.envs.commons.config import Commons

ALONE = {"revision": None, "voting": None}


def one_violator(players, rows, rounds, **sanction):
    """Player 0 takes 0.3 where everybody believes in at most 0.1; the others take nothing."""
    config = Commons.model_validate(
        {
            "players": players,
            "horizon": rounds,
            "growth": {"law": "logistic", "rate": 0.9, "minimum": 0},
            "harvest": {"productivity": 0.001},
            "upkeep": {"consumption": 0, "starvation": "none"},
            "collapse": "stock",
            "institutions": ALONE | {"sanctions": {"fine": 1, "cost": 0} | sanction},
        }
    )
    society = config.batched(rows)
    believer = {"init": {"effort": [0, 0], "belief": [0.1, 0.1], "punish": [1, 1]}}
    society.reset(np.arange(rows), {"seats": [believer] * players})
    return society


def play(society, *, first=1.0):
    """Everybody fines whom it finds guilty; yields the received fines of each round, (B, N)."""
    players = society.config.players
    efforts = np.zeros((society.rows, players))
    efforts[:, 0] = first
    batch = society.step(efforts)
    while True:
        seen = batch.observation
        target = np.where(seen["violation"], seen["inspected"], players).astype(float)
        batch = society.step(target)
        yield batch
        if batch.done.all():
            return
        batch = society.step(efforts)


def test_chance_to_be_fined_at_least_once():
    society = one_violator(8, 2000, 100, monitoring=0.3)
    fined = np.array([batch.facts["fines_paid"][:, 0] for batch in play(society)])
    assert fined.size == 200_000
    assert set(np.unique(fined)) == {0.0, 1.0}
    exact = 1 - (1 - 0.3 / 7) ** 7
    assert exact == pytest.approx(0.264069, abs=1e-6)
    assert fined.mean() == pytest.approx(exact, abs=0.003)


def test_expected_number_of_fines_is_monitoring_times_punishing():
    society = one_violator(8, 1000, 100, monitoring=0.3, counting=True)
    fines = np.array([batch.facts["fines_paid"][:, 0] for batch in play(society)])
    assert fines.mean() == pytest.approx(0.3, abs=0.006)
    assert fines.max() > 1


def test_indicators_with_ten_agents():
    society = one_violator(10, 1000, 100)
    paid, imposed = [], []
    for batch in play(society):
        paid.append(batch.facts["fines_paid"])
        imposed.append(batch.facts["fines_imposed"])
    paid, imposed = np.array(paid), np.array(imposed)
    assert np.isin(paid, (0, 1)).all()
    assert np.isin(imposed, (0, 1)).all()
    assert paid[..., 1:].sum() == 0
    assert paid[..., 0].mean() == pytest.approx(1 - (1 - 1 / 9) ** 9, abs=0.005)


def test_what_a_fine_costs():
    society = one_violator(5, 200, 3, fine=2.5, cost=0.75, counting=True)
    for batch in play(society):
        facts = batch.facts
        due = -2.5 * facts["fines_paid"] - 0.75 * facts["fines_imposed"]
        harvest = np.zeros_like(due)
        harvest[:, 0] = society.state.harvest[:, 0]
        assert np.array_equal(batch.reward, harvest + due)


@given(past=st.integers(0, 6), new=st.integers(0, 5), cap=st.integers(1, 4))
def test_graduated_fines_one_by_one(past, new, cap):
    expected = sum(min(past + k + 1, cap) for k in range(new))
    got = sanctions.graduated(np.array([[new]]), np.array([[past]]), cap, True)
    assert got[0, 0] == expected


def test_graduated_fines_grow_to_their_cap():
    society = one_violator(3, 1, 6, kind="graduated", cap=3, fine=1)
    society.reset([4], {"seats": [{"init": {"effort": [0, 0], "belief": [0.1, 0.1]}}] * 3})
    paid = []
    for batch in play(society):
        if batch.facts["fines_paid"][0, 0]:
            paid.append(round(society.state.harvest[0, 0] - batch.reward[0, 0], 9))
    assert paid == [min(k + 1, 3) for k in range(len(paid))]
    assert len(paid) >= 4


def test_pool_taxes_all_and_fines_every_violator():
    society = one_violator(6, 300, 2, kind="pool", tax=0.2, fine=3, monitoring=1.0)
    batch = society.step(np.tile([1.0, 1.0, 0, 0, 0, 0], (300, 1)))
    assert batch.phase == "harvest"  # nobody is asked
    assert np.array_equal(batch.facts["fines_paid"], np.tile([1.0, 1, 0, 0, 0, 0], (300, 1)))
    assert batch.reward[0] == pytest.approx([0.3 - 0.2 - 3] * 2 + [-0.2] * 4, abs=1e-9)


def test_half_the_pool_is_looked_at():
    society = one_violator(4, 4000, 1, kind="pool", monitoring=0.5)
    batch = society.step(np.ones((4000, 4)))
    assert batch.facts["fines_paid"].mean() == pytest.approx(0.5, abs=0.02)


def test_misreading_goes_both_ways():
    society = one_violator(4, 4000, 1, misread=0.2)
    efforts = np.zeros((4000, 4))
    efforts[:, 0] = 1
    batch = society.step(efforts)
    seen = batch.observation
    guilty = seen["inspected"] == 0
    assert seen["violation"][guilty].mean() == pytest.approx(0.8, abs=0.03)
    assert seen["violation"][~guilty].mean() == pytest.approx(0.2, abs=0.02)
    # who was misread may be fined, and only he
    target = np.where(seen["violation"], seen["inspected"], 4).astype(float)
    society.step(target)


@pytest.mark.parametrize(
    ("kind", "target", "legal"),
    [("peer", 0, True), ("peer", 2, False), ("antisocial", 2, True), ("antisocial", 1, False), ("graduated", 3, False)],
)
def test_who_may_be_fined(kind, target, legal):
    society = one_violator(4, 1, 2, kind=kind)
    society.step(np.array([[1.0, 0, 0, 0]]))
    actions = np.array([[4.0, target, 4, 4]])  # player_1 fines
    if legal:
        society.step(actions)
    else:
        with pytest.raises(
            IllegalActionError, match=r"player_1 played .* in phase 'sanction'.*Legal: .*or 4 for nobody"
        ):
            society.step(actions)


@pytest.mark.parametrize("bad", [-1.0, 5.0, 0.5, np.nan])
def test_targets_are_seats_or_nobody(bad):
    society = one_violator(4, 1, 2, kind="antisocial")
    society.step(np.array([[1.0, 0, 0, 0]]))
    with pytest.raises(IllegalActionError, match="sanction"):
        society.step(np.array([[4.0, bad, 4, 4]]))


def test_counter_punishment_strikes_back_at_the_punisher_alone():
    society = one_violator(3, 1, 2, kind="counter", fine=2, cost=1)
    society.step(np.array([[1.0, 0, 0]]))
    batch = society.step(np.array([[3.0, 0, 3]]))  # player_1 fines player_0
    assert batch.phase == "counter"
    assert batch.observation["fined_by"].tolist() == [[1, 3, 3]]
    with pytest.raises(IllegalActionError, match="counter"):
        society.step(np.array([[2.0, 3, 3]]))  # player_2 did nothing
    batch = society.step(np.array([[1.0, 3, 3]]))
    assert batch.reward[0] == pytest.approx([0.3 - 2 - 1, -1 - 2, 0], abs=1e-9)


def test_only_neighbours_are_inspected_and_fined():
    config = Commons.model_validate(
        {
            "players": 6,
            "horizon": 5,
            "upkeep": {"starvation": "none"},
            "collapse": "stock",
            "institutions": ALONE | {"sanctions": {"kind": "antisocial"}, "network": {"punish": "ring(2)"}},
        }
    )
    society = config.batched(200)
    society.reset(np.arange(200))
    batch = society.step(np.full((200, 6), 0.5))
    inspected = batch.observation["inspected"]
    assert np.isin((inspected - np.arange(6)) % 6, (1, 5)).all()
    with pytest.raises(IllegalActionError, match="player_0"):
        society.step(np.tile([3.0, 6, 6, 6, 6, 6], (200, 1)))
