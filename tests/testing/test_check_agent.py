"""``check_policy`` passes what is right and names what is wrong, and ``versus`` reads as it plays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gamesim.core.errors import PluginError, UnknownKindError
from gamesim.core.policy import Decision
from gamesim.testing import check_agent, check_policy, versus

GAME = {"kind": "matrix", "horizon": 6}


class Copycat:
    """Plays what the other played last; a sound policy of one seat."""

    def initial_state(self, rng: Any) -> Any:
        return 0

    def act(self, observation: Any, state: Any, rng: Any) -> tuple[Any, Any]:
        other = int(observation["last"][1 - int(observation["index"])])
        return max(other, 0), state + 1


class Vector:
    """Plays its number of the step modulo two; a sound vector policy."""

    columns = 1

    def initial_state(self, rows: int, seats: int, u: Any) -> Any:
        return np.zeros((rows, seats))

    def act(self, observation: Any, state: Any, u: Any) -> tuple[Any, Any]:
        return np.where(u[..., 0] < 0.5, state % 2, 0.0), state + 1


def refused(policy: Any, **options: Any) -> str:
    with pytest.raises(PluginError) as caught:
        check_policy(policy, GAME, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_sound_policies_pass() -> None:
    check_policy(Copycat, GAME)
    check_policy(Vector, GAME)

    class Waits(Copycat):
        async def act_async(self, observation: Any, state: Any, rng: Any, at: Any) -> tuple[Decision, Any]:
            action, after = self.act(observation, state, rng)
            return Decision(action), after

    check_policy(Waits, GAME)


def test_memory_outside_the_state() -> None:
    class Counts(Copycat):
        count = 0

        def act(self, observation: Any, state: Any, rng: Any) -> tuple[Any, Any]:
            self.count += 1
            return self.count % 2, state

    assert "kept outside its state" in refused(Counts)


def test_draws_that_are_not_handed_in() -> None:
    class Draws(Copycat):
        def act(self, observation: Any, state: Any, rng: Any) -> tuple[Any, Any]:
            return int(np.random.default_rng().integers(2)), state

    assert "kept outside its state" in refused(Draws)


def test_an_observation_or_state_that_is_changed() -> None:
    class Overwrites(Copycat):
        def act(self, observation: Any, state: Any, rng: Any) -> tuple[Any, Any]:
            observation["last"][...] = 0
            return 0, state

    class InPlace(Vector):
        def act(self, observation: Any, state: Any, u: Any) -> tuple[Any, Any]:
            state += 1
            return np.zeros(state.shape), state

    assert "changed the observation" in refused(Overwrites)
    assert "changed the state" in refused(InPlace)


def test_an_illegal_action() -> None:
    class Illegal(Copycat):
        def act(self, observation: Any, state: Any, rng: Any) -> tuple[Any, Any]:
            return 2, state

    assert "player_0 played 2 in phase 'choose'; legal: 0 (C), 1 (D)" in refused(Illegal)


def test_an_unanswered_question() -> None:
    class Silent(Copycat):
        async def act_async(self, observation: Any, state: Any, rng: Any, at: Any) -> tuple[Decision, Any]:
            return Decision(None, outcome="empty"), state

    assert "gave no action (empty)" in refused(Silent)


def test_rows_that_know_of_each_other() -> None:
    class Neighbours(Vector):
        def act(self, observation: Any, state: Any, u: Any) -> tuple[Any, Any]:
            same = np.asarray(observation["last"]).sum() + (np.asarray(u) > 0.5).sum()
            return np.full(state.shape, float(same % 2)), state

    assert "decides otherwise" in refused(Neighbours)


def test_seats_that_know_of_each_other() -> None:
    class FirstSeat(Vector):
        def act(self, observation: Any, state: Any, u: Any) -> tuple[Any, Any]:
            place = np.arange(state.shape[1])[::-1]
            return np.broadcast_to(place > 0, state.shape).astype(float), state

    assert "every second seat decides otherwise" in refused(FirstSeat)


def test_actions_of_the_wrong_type() -> None:
    class Whole(Vector):
        def act(self, observation: Any, state: Any, u: Any) -> tuple[Any, Any]:
            return np.zeros(state.shape, dtype=int), state

    assert "not float64" in refused(Whole)


def test_check_agent_needs_a_game_and_a_known_kind() -> None:
    with pytest.raises(PluginError, match="no environment it can play in"):
        check_agent("matrix.grim", [])
    with pytest.raises(UnknownKindError, match=r"Did you mean 'matrix\.grim'"):
        check_agent("matrix.grimm", [GAME])


@pytest.mark.parametrize(
    ("one", "other", "expect"),
    [
        ("matrix.tit_for_tat", "matrix.alternator", "CC CD DC CD DC"),
        ("matrix.tit_for_tat", "matrix.defector", "CD DD DD"),
        ("matrix.grim", "matrix.alternator", "CC CD DC DD DC DD"),
        ("matrix.cooperator", "matrix.defector", "CD CD CD"),
        ("matrix.tit_for_tat", "matrix.tit_for_tat", "CC CC CC"),
        ("matrix.tit_for_tat", {"kind": "matrix.random", "weights": [0, 1]}, "CD DD DD"),
        ("matrix.alternator", "matrix.grim", "CC DC CD DD"),
        (Copycat(), "matrix.alternator", "CC CD DC"),
        ("matrix.random", "matrix.cooperator", "?C ?C ?C"),
    ],
)
def test_rules_behave_as_their_names_say(one: Any, other: Any, expect: str) -> None:
    versus(one, other, expect=expect)


def test_three_players_and_three_actions() -> None:
    game = {"payoffs": np.zeros((3, 2, 2, 2)).tolist()}
    versus("matrix.tit_for_tat", "matrix.alternator", "matrix.cooperator", environment=game, expect="000 010 100 010")
    shapley = {"stage": "shapley"}
    versus("matrix.tit_for_tat", "matrix.defector", environment=shapley, expect="02 22")


def test_a_difference_is_shown_under_what_was_played() -> None:
    with pytest.raises(AssertionError) as caught:
        versus("matrix.tit_for_tat", "matrix.defector", expect="CD CD DD")
    assert str(caught.value).splitlines()[1:] == ["expected CD CD DD", "played   CD DD DD", "            ^^"]


def test_a_random_rule_keeps_its_probabilities() -> None:
    text = versus({"kind": "matrix.random", "weights": [1, 3]}, "matrix.random", rounds=4000)
    rounds = text.split()
    assert abs(sum(r[0] == "D" for r in rounds) / 4000 - 0.75) < 0.03
    assert abs(sum(r[1] == "D" for r in rounds) / 4000 - 0.5) < 0.03
