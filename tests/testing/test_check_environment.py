"""``check_environment`` passes what is right and names what is wrong: one fault at a time is put into a sound environment."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

from gamesim.core.errors import PluginError
from gamesim.envs.base import BatchedEnvironment, Environment, Event
from gamesim.envs.repeated.actions import Choice
from gamesim.envs.repeated.batched import BatchedMatrix
from gamesim.envs.repeated.config import Matrix
from gamesim.envs.repeated.environment import MatrixEnvironment
from gamesim.testing import check_environment


class Faulty(Matrix):
    """A matrix game with a fault."""

    single: ClassVar[type[MatrixEnvironment]] = MatrixEnvironment
    rows: ClassVar[type[BatchedMatrix] | None] = None

    def build(self) -> Environment:
        return self.single(self)

    def batched(self, rows: int) -> BatchedEnvironment | None:
        return self.rows(self, rows) if self.rows else None


def refused(
    single: type[MatrixEnvironment] = MatrixEnvironment, rows: type[BatchedMatrix] | None = None, **keys: Any
) -> str:
    class Case(Faulty):
        """A fault."""

    Case.single, Case.rows = single, rows
    with pytest.raises(PluginError) as caught:
        check_environment(Case(horizon=4, **keys))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_sound_environment_passes() -> None:
    check_environment(Faulty(horizon=4))
    check_environment({"kind": "matrix", "horizon": 150, "noise": 0.3, "stage": "shapley"})


def test_unseeded_randomness() -> None:
    class Unseeded(MatrixEnvironment):
        rng = np.random.default_rng()

        def step(self, actions: Any) -> Any:
            observations, rewards, *rest = super().step(actions)
            return observations, {agent: r + self.rng.random() for agent, r in rewards.items()}, *rest

    assert "two plays with equal seeds differ: step 0 (choose): rewards" in refused(Unseeded)


def test_memory_that_survives_reset() -> None:
    class Remembers(MatrixEnvironment):
        count = 0.0

        def step(self, actions: Any) -> Any:
            observations, rewards, *rest = super().step(actions)
            self.count += 1
            return observations, {agent: r + self.count for agent, r in rewards.items()}, *rest

    assert "reset after use plays otherwise: step 0" in refused(Remembers)


def test_a_difference_in_the_last_step_alone() -> None:
    """PettingZoo's own seed test looks at one step; this fault shows at the end of the episode."""

    class Late(MatrixEnvironment):
        rng = np.random.default_rng()

        def outcome(self) -> Any:
            return {**super().outcome(), "late": float(self.rng.random())}

    assert "outcome['late']" in refused(Late)


def test_an_observation_that_is_changed_later() -> None:
    class Reuses(MatrixEnvironment):
        def __init__(self, config: Any) -> None:
            super().__init__(config)
            self.buffer = np.zeros(())

        def _observations(self, batch: Any) -> Any:
            seen = super()._observations(batch)
            self.buffer[...] = self._row.round
            for observation in seen.values():
                observation["payoff"] = self.buffer
            return seen

    assert "was changed by the step" in refused(Reuses)


def test_an_observation_that_is_the_environments_own_state() -> None:
    class Leaks(MatrixEnvironment):
        def _observations(self, batch: Any) -> Any:
            seen = super()._observations(batch)
            for i, observation in enumerate(seen.values()):
                observation["last"] = self._row._state["last"][0]
                observation["payoff"] = self._row._state["payoff"][0, i]
            return seen

        def step(self, actions: Any) -> Any:
            before = self._row._state["last"].sum()
            observations, rewards, *rest = super().step(actions)
            return observations, {agent: r + float(before) for agent, r in rewards.items()}, *rest

    assert "overwrites its observation changes the play" in refused(Leaks)


def test_illegal_actions_that_are_clipped() -> None:
    class Clips(MatrixEnvironment):
        def check_actions(self, actions: Any) -> None:
            pass

        def step(self, actions: Any) -> Any:
            kept = {agent: actions.get(agent, 0) for agent in self.agents}
            return super().step({agent: a if Choice(("c", "d")).legal(a) else 0 for agent, a in kept.items()})

    assert "was accepted in phase 'choose'" in refused(Clips)


def test_an_illegal_action_that_raises_something_else() -> None:
    class Crashes(MatrixEnvironment):
        def check_actions(self, actions: Any) -> None:
            for agent in self.agents:
                if not self.action_spec(agent).legal(actions[agent]):
                    raise ValueError("no")

    assert "raised KeyError in phase 'choose', not IllegalActionError" in refused(Crashes)


def test_a_refused_action_that_leaves_traces() -> None:
    class Counts(MatrixEnvironment):
        tries = 0.0

        def reset(self, seed: int | None = None, options: Any = None) -> Any:
            self.tries = 0.0
            return super().reset(seed, options)

        def step(self, actions: Any) -> Any:
            self.tries += 1
            observations, rewards, *rest = super().step(actions)
            return observations, {agent: r + self.tries for agent, r in rewards.items()}, *rest

    assert "a refused action changes the play" in refused(Counts)


def test_a_spec_that_samples_what_it_refuses() -> None:
    class Samples(MatrixEnvironment):
        def action_spec(self, agent: str) -> Any:
            class Wrong(Choice):
                def sample(self, rng: Any) -> int:
                    return 7

            return Wrong(("c", "d"))

    assert "sample gave 7" in refused(Samples)


def test_agents_that_live_on() -> None:
    class Undead(MatrixEnvironment):
        def step(self, actions: Any) -> Any:
            result = list(super().step(actions))
            result[2] = {agent: agent == "player_1" for agent in result[2]}
            return tuple(result)

    assert "live agents are" in refused(Undead)


def test_missing_rewards_infinite_rewards_and_endless_play() -> None:
    class Forgets(MatrixEnvironment):
        def step(self, actions: Any) -> Any:
            result = list(super().step(actions))
            del result[1]["player_1"]
            return tuple(result)

    class Infinite(MatrixEnvironment):
        def step(self, actions: Any) -> Any:
            result = list(super().step(actions))
            result[1]["player_1"] = float("nan")
            return tuple(result)

    assert "gave no reward for player_1" in refused(Forgets)
    assert "the reward of player_1 in phase 'choose' is nan" in refused(Infinite)
    with pytest.raises(PluginError, match="had not ended after 5 steps"):
        check_environment(Faulty(horizon=6), max_steps=5)


def test_events_and_facts_of_the_wrong_form() -> None:
    class Events(MatrixEnvironment):
        def events(self) -> Any:
            return [Event("odd", None, {"it": object()})]

    class Facts(MatrixEnvironment):
        def facts(self) -> Any:
            return {"payoff": np.zeros(5)}

    class Keys(MatrixEnvironment):
        def facts(self) -> Any:
            return {"row": np.zeros(2)}

    assert "holds what JSON cannot" in refused(Events)
    assert "fact 'payoff' has shape (5,)" in refused(Facts)
    assert "fact 'row' has the name of a column of every step table" in refused(Keys)


def test_an_observation_outside_its_space() -> None:
    class Outside(MatrixEnvironment):
        def _observations(self, batch: Any) -> Any:
            seen = super()._observations(batch)
            for observation in seen.values():
                observation["round"] = np.array(-3)
            return seen

    assert "'round' is -3" in refused(Outside)


def test_a_batched_face_that_differs() -> None:
    class Rounded(BatchedMatrix):
        def step(self, actions: Any) -> Any:
            batch = super().step(actions)
            if self.rows > 1 and self.round == 3:
                batch.reward[2, 0] = np.nextafter(batch.reward[2, 0], 10.0)
            return batch

    message = refused(rows=Rounded)
    assert "batched row 2 (seed 100), step 1: reward differs" in message


def test_a_batched_face_whose_noise_is_shared() -> None:
    class Shared(BatchedMatrix):
        def reset(self, seeds: Any, options: Any = None) -> Any:
            return super().reset(np.full(len(seeds), seeds[0]), options)

    assert "batched row 1 (seed 1)" in refused(rows=Shared, noise=0.5)


def test_a_row_taken_out_that_goes_on_otherwise() -> None:
    class Fresh(BatchedMatrix):
        def row(self, b: int) -> Environment:
            single = MatrixEnvironment(self.config)
            single.reset(seed=12345)
            return single

    assert "taken out at step" in refused(rows=Fresh, noise=0.5)


def test_a_missing_docstring() -> None:
    class NoDoc(Matrix):
        pass

    NoDoc.__doc__ = None
    with pytest.raises(PluginError, match="no docstring"):
        check_environment(NoDoc(horizon=2))
