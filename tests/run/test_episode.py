"""The step loop: who is asked, in which order, and what becomes of an answer that failed."""

import asyncio
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from gamesim.core.errors import IllegalActionError, ModelError
from gamesim.core.policy import AgentSpec, Decision
from gamesim.core.seeds import Seeds
from gamesim.envs.base import Environment, Event
from gamesim.run.episode import Episode
from gamesim.run.seating import Seated


class Digit:
    """Any whole number from 0 to 9."""

    def legal(self, action: Any) -> bool:
        return float(action) in range(10)

    def sample(self, rng: np.random.Generator) -> int:
        return int(rng.integers(10))

    def text(self) -> str:
        return "a whole number from 0 to 9"

    def json_schema(self) -> Mapping[str, Any]:
        return {"type": "integer", "minimum": 0, "maximum": 9}

    def parse(self, value: Any) -> int:
        return int(value)


class Turns(Environment):
    """Three agents take turns for six steps; a mover earns what it says."""

    def __init__(self) -> None:
        self.possible_agents = ["a", "b", "c"]
        self.agents: list[str] = []

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        self.agents, self.t, self.phase, self.heard, self._events = list(self.possible_agents), 0, "say", [], []
        return self._observe(), {agent: {} for agent in self.agents}

    def _observe(self) -> dict[str, Any]:
        return {agent: {"t": self.t, "me": i} for i, agent in enumerate(self.possible_agents)}

    def movers(self) -> tuple[str, ...]:
        return (self.possible_agents[self.t % 3],) if self.agents else ()

    def action_spec(self, agent: str) -> Digit:
        return Digit()

    def abstain(self, agent: str) -> int:
        return 0

    def hear(self, texts: Mapping[str, Mapping[str, str]]) -> None:
        self.heard.append((self.t, dict(texts)))

    def events(self) -> list[Event]:
        drained, self._events = self._events, []
        return drained

    def outcome(self) -> Mapping[str, Any]:
        return {"steps": self.t}

    def step(self, actions: Mapping[str, Any]) -> Any:
        self.check_actions(actions)
        (mover,) = actions
        self._events.append(Event("said", mover, {"digit": float(actions[mover])}))
        self.t += 1
        over = self.t == 6
        rewards = {agent: float(actions.get(agent, 0)) for agent in self.agents}
        result = self._observe(), rewards, dict.fromkeys(self.agents, False), dict.fromkeys(self.agents, over), {}
        if over:
            self.agents = []
        return result


class Plain:
    def initial_state(self, rng: np.random.Generator) -> int:
        return 0

    def act(self, observation: Any, state: int, rng: np.random.Generator) -> tuple[int, int]:
        return observation["t"], state + 1


class Vector:
    columns = 1

    def initial_state(self, rows: int, seats: int, u: Any) -> None:
        assert u.shape == (rows, seats, 1)

    def act(self, observation: Any, state: None, u: Any) -> tuple[Any, None]:
        return np.floor(u[..., 0] * 10), None


class Slow:
    """Answers after a while, with a text; at step ``fails_at`` not at all."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.fails_at = fails_at

    def initial_state(self, rng: np.random.Generator) -> int:
        return 0

    async def act_async(self, observation: Any, state: int, rng: Any, at: Any) -> tuple[Decision, int]:
        await asyncio.sleep(0)
        if at.step == self.fails_at:
            return Decision(None, outcome="malformed"), state
        return Decision(7, text={"message": f"step {at.step}"}), state + 1


def play(*policies: Any, on_invalid: str = "abort_run") -> tuple[Episode, list[Any]]:
    groups = [Seated(AgentSpec(str(i)), policy, {}, (i,)) for i, policy in enumerate(policies)]
    episode = Episode(Turns(), groups, Seeds(5), on_invalid=on_invalid, steps=True)
    steps = []
    while (step := asyncio.run(episode.advance())) is not None:
        steps.append(step)
    return episode, steps


def test_plain_vector_and_slow_policies_share_one_society() -> None:
    episode, steps = play(Plain(), Vector(), Slow())
    assert [list(step.actions) for step in steps] == [["a"], ["b"], ["c"]] * 2
    assert [steps[i].actions["a"] for i in (0, 3)] == [0, 3]
    assert steps[2].actions["c"] == 7
    assert steps[2].decisions["c"].text == {"message": "step 2"}
    assert episode.environment.heard == [(2, {"c": {"message": "step 2"}}), (5, {"c": {"message": "step 5"}})]
    assert [event.agent for step in steps for event in step.events] == ["a", "b", "c"] * 2
    assert episode.returns[2] == 14
    assert episode.outcome() == {"steps": 6}


def test_an_agents_draws_depend_on_its_seat_the_step_and_the_episode_alone() -> None:
    _, alone = play(Plain(), Vector(), Plain())
    _, among = play(Vector(), Vector(), Slow())
    assert [alone[i].actions["b"] for i in (1, 4)] == [among[i].actions["b"] for i in (1, 4)]


def test_a_failed_answer_becomes_what_the_scenario_says_and_nothing_else() -> None:
    with pytest.raises(ModelError, match="c gave no valid action \\(malformed\\)"):
        play(Plain(), Plain(), Slow(fails_at=2))
    _, repeated = play(Plain(), Plain(), Slow(fails_at=5), on_invalid="repeat_last")
    assert repeated[5].actions["c"] == 7
    assert repeated[5].decisions["c"].action is None
    _, nothing_to_repeat = play(Plain(), Plain(), Slow(fails_at=2), on_invalid="repeat_last")
    assert nothing_to_repeat[2].actions["c"] == 0
    _, abstained = play(Plain(), Plain(), Slow(fails_at=5), on_invalid="abstain")
    assert abstained[5].actions["c"] == 0


def test_an_illegal_action_names_the_agent_and_what_is_legal() -> None:
    class Eleven(Plain):
        def act(self, observation: Any, state: int, rng: Any) -> tuple[int, int]:
            return 11, state

    with pytest.raises(IllegalActionError, match=r"a: a played 11 in phase 'say'. Legal: a whole number from 0 to 9."):
        play(Eleven(), Plain(), Plain())


def test_the_step_table_has_a_row_for_each_step_and_live_agent() -> None:
    episode, _ = play(Plain(), Plain(), Plain())
    assert episode.log is not None
    table = episode.log.columns()
    assert len(table["step"]) == 18
    assert np.isnan(table["action"][1])
    assert table["action"][0] == 0
    assert table["reward"].sum() == 15
