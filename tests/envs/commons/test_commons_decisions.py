"""Votes, leaders and what they decide, against counting by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gamesim.core.errors import IllegalActionError
from gamesim.envs.commons import voting
from gamesim.envs.commons.config import Commons

CAPS = arrays(
    np.float64, (2, 7), elements=st.one_of(st.just(np.nan), st.integers(0, 5).map(float), st.floats(0, 5, width=16))
)
TIES = arrays(np.float64, (2,), elements=st.floats(0, 1, exclude_max=True))


@given(caps=CAPS)
def test_median_mean_and_distinct(caps):
    median, mean, distinct = voting.median_norm(caps), voting.mean_norm(caps), voting.distinct(caps)
    for row in range(2):
        given_ = caps[row][~np.isnan(caps[row])]
        if not len(given_):
            assert np.isnan(median[row])
            assert np.isnan(mean[row])
        else:
            assert median[row] == np.median(given_)
            assert mean[row] == pytest.approx(given_.mean(), rel=1e-12)
        unique = np.unique(given_)
        assert np.array_equal(distinct[row, : len(unique)], unique)
        assert np.isnan(distinct[row, len(unique) :]).all()


@given(peaks=st.lists(st.floats(0, 100, width=32), min_size=1, max_size=9), rival=st.floats(0, 100, width=32))
def test_median_beats_every_rival_by_pairs(peaks, rival):
    """Single-peaked wishes: for odd N the median wins every pairwise vote, for even N it never loses."""
    wishes = np.array(peaks)
    middle = voting.median_norm(wishes[None])[0]
    ordered = np.sort(wishes)
    for winner in (
        {middle, ordered[len(ordered) // 2], ordered[(len(ordered) - 1) // 2]} if len(peaks) % 2 else {middle}
    ):
        for_rival = (np.abs(wishes - rival) < np.abs(wishes - winner)).sum()
        for_winner = (np.abs(wishes - rival) > np.abs(wishes - winner)).sum()
        assert for_winner >= for_rival


@given(caps=CAPS, wanted=arrays(np.float64, (2, 7), elements=st.floats(0, 6, width=16)), ties=TIES)
def test_tallies_against_counting(caps, wanted, ties):
    choices = voting.distinct(caps)
    ballots = voting.nearest(choices, wanted)
    counts = voting.plurality(ballots, 7, ties)
    borda, approval = voting.borda(ballots, choices, ties), voting.approval(ballots, choices, 1.0, ties)
    for row in range(2):
        caps_ = choices[row][~np.isnan(choices[row])]
        number = len(caps_)
        if number == 0:
            assert (ballots[row] == 7).all()
            assert counts.winner[row] == borda.winner[row] == approval.winner[row] == -1
            continue
        assert np.array_equal(ballots[row], np.abs(caps_[None] - wanted[row][:, None]).argmin(axis=1))
        votes, points, approvals = np.zeros(number), np.zeros(number), np.zeros(number)
        for ballot in ballots[row]:
            far = np.abs(caps_ - caps_[ballot])
            votes[ballot] += 1
            for choice in range(number):
                others = np.delete(far, choice)
                points[choice] += (others > far[choice]).sum() + 0.5 * (others == far[choice]).sum()
            approvals += far <= 1.0
        for result, expected in ((counts, votes), (borda, points), (approval, approvals)):
            assert result.votes[row, :number] == pytest.approx(expected)
            assert expected[result.winner[row]] == expected.max()
            assert np.array_equal(np.flatnonzero(result.tied[row]), np.flatnonzero(expected == expected.max()))


def test_ties_are_drawn_evenly_and_repeat():
    ballots = np.tile([0, 1, 2, 2, 1, 9], (30_000, 1))
    u = np.linspace(0, 1, 30_000, endpoint=False)
    winners = voting.plurality(ballots, 3, u).winner
    assert np.bincount(winners, minlength=3).tolist() == [0, 15_000, 15_000]
    assert np.array_equal(winners, voting.plurality(ballots, 3, u).winner)


def society(institutions, rows=1, **changes):
    config = Commons.model_validate(
        {
            "players": 5,
            "horizon": 20,
            "upkeep": {"starvation": "none"},
            "collapse": "stock",
            "institutions": {"sanctions": None, "revision": None} | institutions,
        }
        | changes
    )
    made = config.batched(rows)
    made.reset(np.arange(rows))
    return made


def decide(made, proposals, ballots=None):
    made.step(np.full((made.rows, 5), 0.1))
    batch = made.step(np.tile(np.asarray(proposals, dtype=float), (made.rows, 1)))
    if ballots is not None:
        assert batch.phase == "vote"
        batch = made.step(np.tile(np.asarray(ballots, dtype=float), (made.rows, 1)))
    assert batch.phase == "harvest"
    return batch.observation["norm"][0, 0], batch


@pytest.mark.parametrize(
    ("rule", "ballots", "norm"),
    [
        ("median", None, 3.0),
        ("mean", None, 4.4),
        ("dictator(4)", None, 11.0),
        ("plurality", [0, 1, 3, 3, 5], 11.0),
        ("plurality", [0, 0, 3, 3, 0], 2.0),
        ("borda", [0, 1, 1, 2, 3], 3.0),
        ("approval", [0, 1, 1, 2, 3], 3.0),
    ],
)
def test_rules_decide(rule, ballots, norm):
    """Proposals 2, 3, 3, 3 and 11 for rules without ballots; 2, 3, 4, 11 (3 twice) for those with."""
    proposals = [2, 3, 3, 3, 11] if ballots is None else [2, 3, 4, 3, 11]
    got, _ = decide(society({"voting": rule}), proposals, ballots)
    assert got == pytest.approx(norm)


def test_what_is_on_the_ballot():
    made = society({"voting": "plurality"})
    made.step(np.full((1, 5), 0.1))
    batch = made.step(np.array([[4.0, 2, 4, 9, 2]]))
    shown = batch.observation["proposals"][0, 0]
    assert shown[:3].tolist() == [2, 4, 9]
    assert np.isnan(shown[3:]).all()
    for bad in (3.0, -1.0, 0.5, np.nan):
        with pytest.raises(IllegalActionError, match=r"player_2 .*phase 'vote'.*a proposal \(0, 1, 2\), or 5"):
            made.step(np.array([[0, 0, bad, 0, 0]]))
    made.step(np.array([[5.0, 5, 1, 5, 5]]))  # all but one abstain
    assert made.state.norm[0] == 4


def test_no_ballot_at_all_keeps_the_norm():
    made = society({"voting": {"rule": "plurality", "initial": 6}})
    norm, _ = decide(made, [1, 2, 3, 4, 5], [5] * 5)
    assert norm == 6


def test_first_norm():
    made = society({"voting": "median"}, rows=3)
    assert np.array_equal(made.state.norm, np.median(made.state.belief, axis=1))
    assert np.isnan(society({"voting": {"rule": "median", "initial": "none"}}).state.norm[0])
    assert np.isnan(society({"voting": None}).state.norm[0])


def test_leader_is_elected_and_decides_till_the_next_election():
    made = society({"voting": None, "leader": {"every": 3}})
    norm, batch = decide(made, [1, 2, 3, 4, 5], [2, 2, 4, 4, 2])
    assert norm == 3
    assert batch.observation["leader"][0, 0] == 2
    norm, _ = decide(made, [9, 9, 7, 9, 9])
    assert norm == 7
    decide(made, [9, 9, 8, 9, 9])
    norm, batch = decide(made, [9, 6, 7, 9, 9], [1, 1, 1, 4, 4])
    assert (norm, batch.observation["leader"][0, 0]) == (6, 1)


@pytest.mark.parametrize(("ballots", "leader"), [([2, 2, 2, 1, 0], 2), ([2, 1, 1, 0, 0], None), ([1, 1, 0, 2, 2], 1)])
def test_recall_needs_more_than_half(ballots, leader):
    """Player 2 leads and loses office only where more than half of the ballots are for others."""
    made = society({"voting": None, "leader": {"every": 1, "appointed": 2, "recall": True}})
    norm, _ = decide(made, [1, 2, 3, 4, 5])  # no election in the first round of an appointed leader
    assert norm == 3
    _, batch = decide(made, [1, 2, 3, 4, 5], ballots)
    chosen = batch.observation["leader"][0, 0]
    assert chosen in (0, 1) if leader is None else chosen == leader


def test_recall_counts_ballots_not_heads():
    made = society({"voting": None, "leader": {"every": 1, "appointed": 2, "recall": True}})
    decide(made, [1, 2, 3, 4, 5])
    _, batch = decide(made, [1, 2, 3, 4, 5], [0, 0, 2, 2, 5])  # two of four: half is not more than half
    assert batch.observation["leader"][0, 0] == 2
    _, batch = decide(made, [1, 2, 3, 4, 5], [0, 0, 2, 5, 5])  # two of three
    assert batch.observation["leader"][0, 0] == 0


@pytest.mark.parametrize("scheme", ["equal", "requests"])
def test_quotas_never_exceed_what_the_stock_gives(scheme):
    made = society({"voting": None, "leader": {"appointed": 0, "quotas": scheme}, "sanctions": {"fine": 1}}, rows=4)
    made.step(np.full((4, 5), 0.5))
    made.step(np.full((4, 5), 5.0))  # nobody is fined
    batch = made.step(np.tile([90.0, 10, 20, 30, 40], (4, 1)))
    quota = batch.observation["quota"]
    from gamesim.envs.commons.growth import sustainable_harvest

    most = sustainable_harvest(made.state.stock, made.state.rules.law)
    assert quota.sum(axis=1) == pytest.approx(most)
    if scheme == "equal":
        assert quota == pytest.approx(np.tile((most / 5)[:, None], 5))
    else:
        assert quota / quota[:, :1] == pytest.approx(np.tile([1, 1 / 9, 2 / 9, 1 / 3, 4 / 9], (4, 1)))
    # the quota of the judged one binds
    batch = made.step(np.full((4, 5), 1.0))
    over = made.state.harvest > quota
    inspected = batch.observation["inspected"]
    assert np.array_equal(batch.observation["violation"], np.take_along_axis(over, inspected, axis=1))


def test_text_norms_are_sentences_that_bind_nobody():
    environment = Commons.model_validate(
        {
            "players": 4,
            "horizon": 3,
            "upkeep": {"starvation": "none"},
            "institutions": {
                "sanctions": {"fine": 1},
                "revision": None,
                "voting": {"rule": "plurality", "norms": "text"},
            },
        }
    ).build()
    environment.reset(seed=0)
    agents = environment.agents
    environment.step(dict.fromkeys(agents, 0.5))
    environment.step(dict.fromkeys(agents, 4))
    environment.hear({"player_0": {"community": "Take  little."}, "player_2": {"community": "take little!"}})
    _, _, _, _, infos = environment.step({"player_0": None, "player_1": 3.0, "player_2": None, "player_3": 3.0})
    assert environment.phase == "vote"
    assert environment.proposal_texts() == ("Nobody takes more than 3 fish a round.", "Take little.")
    assert infos["player_1"]["proposals"] == list(environment.proposal_texts())
    *_, infos = environment.step({"player_0": 1, "player_1": 1, "player_2": 1, "player_3": 0})
    assert environment.norm_text == "Take little."
    assert infos["player_3"]["norm_text"] == "Take little."
    events = [event for event in environment.events() if event.type == "norm"]
    assert events[0].data["text"] == "Take little."
    assert events[0].data["authors"] == ["player_0", "player_2"]
    assert events[0].data["votes"] == [1.0, 3.0]
    observation = environment.step(dict.fromkeys(agents, 0.5))[0]
    assert np.isnan(observation["player_0"]["norm"])
