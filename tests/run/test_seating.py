"""Who sits where: what an author of a scenario would notice."""

import pytest

from gamesim.core.errors import ScenarioError
from gamesim.core.policy import AgentSpec, Member
from gamesim.core.seeds import Seeds
from gamesim.run.seating import seat_members

A, B = AgentSpec("a"), AgentSpec("b")
SEATS = tuple(f"agent_{i}" for i in range(6))


def test_listed_members_sit_in_the_order_of_the_file() -> None:
    assert seat_members((Member(A, 4), Member(B, 2)), SEATS, Seeds(0)) == (0, 0, 0, 0, 1, 1)


def test_named_seats_are_kept_free_of_others() -> None:
    assert seat_members((Member(A, 5), Member(B, seat="agent_2")), SEATS, Seeds(0)) == (0, 0, 1, 0, 0, 0)


def test_one_member_without_count_takes_what_is_left() -> None:
    assert seat_members((Member(A, 2), Member(B)), SEATS, Seeds(0)) == (0, 0, 1, 1, 1, 1)


def test_shuffled_seats_depend_on_the_seed_and_keep_the_counts() -> None:
    population = (Member(A, 3), Member(B, 3))
    found = {seat_members(population, SEATS, Seeds(root), seating="shuffled") for root in range(20)}
    assert len(found) > 5
    assert all(sorted(members) == [0, 0, 0, 1, 1, 1] for members in found)


def test_probabilities_are_drawn_seat_by_seat_from_the_episode() -> None:
    population = (Member(A, probability=0.25), Member(B, probability=0.75))
    drawn = [seat_members(population, SEATS, Seeds(0), episode=episode) for episode in range(2000)]
    assert sum(members.count(1) for members in drawn) / 12000 == pytest.approx(0.75, abs=0.02)
    wider = seat_members(population, (*SEATS, "agent_6"), Seeds(0), episode=3)
    assert wider[:6] == drawn[3]


@pytest.mark.parametrize(
    ("population", "message"),
    [
        ((Member(A, 4),), "fills 4 of 6 seats"),
        ((Member(A, 7),), "fills 7 of 6 seats"),
        ((Member(A), Member(B)), "more than one member"),
        ((Member(A, 5), Member(B, seat="agent_9")), "does not exist"),
        ((Member(A, 5), Member(B, seat="agent_1"), Member(B, seat="agent_1")), "taken twice"),
        ((Member(A, probability=0.5), Member(B, probability=0.4)), "sum to 0.9"),
    ],
)
def test_what_does_not_fit_is_said(population: tuple[Member, ...], message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        seat_members(population, SEATS, Seeds(0), episode=1)
