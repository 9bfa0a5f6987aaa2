"""Play episodes of one seating: batched where the environment and every policy are, else one by one. Equal seeds, equal episodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gamesim.core.arrays import AnyArray, FloatArray, IntArray
from gamesim.core.policy import AgentSpec, VectorPolicy
from gamesim.core.seeds import Seeds
from gamesim.envs.base import BatchedEnvironment, EnvironmentConfig, SeatView

from .aside import turned
from .contracts import Rollout
from .episode import Episode
from .seating import Seated, seat_profiles, seated
from .steps import StepLog
from .uniforms import PolicyUniforms


def rollout(
    environment: EnvironmentConfig,
    seats: Sequence[AgentSpec],
    seeds: Sequence[int] | IntArray,
    *,
    steps: bool = False,
    max_steps: int | None = None,
) -> Rollout:
    """Play one episode a seed.

    Parameters
    ----------
    environment : what is played.
    seats : the agent of each seat, in the environment's seat order.
    seeds : shape (B,)
        Episode seeds, each what ``reset(seed=)`` gets.
    steps : also return the step table.
    max_steps : stop after that many steps, for smoke tests; an episode so cut has the outcome it has then.

    Raises
    ------
    IllegalActionError
        When a policy plays what it may not.
    """
    episodes = np.asarray(seeds, dtype=np.int64)
    groups = seated(environment, seats)
    if all(isinstance(group.policy, VectorPolicy) for group in groups):
        batched = environment.batched(len(episodes))
        if batched is not None:
            return _batched(batched, environment.seats(), groups, episodes, steps, max_steps)
    return turned(lambda: _singly(environment, groups, episodes, steps, max_steps))


def _batched(
    environment: BatchedEnvironment,
    names: Sequence[str],
    groups: Sequence[Seated],
    seeds: IntArray,
    steps: bool,
    max_steps: int | None,
) -> Rollout:
    rows, agents = len(seeds), len(names)
    uniforms = PolicyUniforms(seeds, agents)
    seatings = [_index(group.seats) for group in groups]
    states = [
        group.policy.initial_state(rows, len(group.seats), uniforms.initial(group.policy.columns)[:, seating])
        for group, seating in zip(groups, seatings, strict=True)
    ]
    batch = environment.reset(seeds, {"seats": seat_profiles(groups, agents)})
    log = StepLog(names) if steps else None
    returns = np.zeros((rows, agents))
    actions = np.full((rows, agents), np.nan)
    step = 0
    while batch.needs_action.any() and (max_steps is None or step < max_steps):
        before = batch
        for number, (group, seating) in enumerate(zip(groups, seatings, strict=True)):
            chosen, states[number] = group.policy.act(
                SeatView(batch.observation, seating),
                states[number],
                uniforms.at(step, group.policy.columns)[:, seating],
            )
            actions[:, seating] = chosen
        batch = environment.step(actions.copy())  # an environment may keep what it is given
        returns += batch.reward
        if log is not None:
            log.add(
                before.phase,
                ~before.done[:, None] & before.living,
                np.where(before.needs_action, actions, np.nan),
                batch.reward,
                batch.living,
                batch.facts,
            )
        step += 1
    outcome = {key: np.array(value) for key, value in batch.outcome.items()}
    return Rollout(seeds, returns, outcome, log.columns() if log is not None else None)


def _index(seats: Sequence[int]) -> slice | IntArray:
    """Neighbouring seats as a slice, so that observations are views."""
    if list(seats) == list(range(seats[0], seats[-1] + 1)):
        return slice(seats[0], seats[-1] + 1)
    return np.asarray(seats)


async def _singly(
    config: EnvironmentConfig, groups: Sequence[Seated], seeds: IntArray, steps: bool, max_steps: int | None
) -> Rollout:
    returns: list[FloatArray] = []
    outcomes: list[dict[str, Any]] = []
    tables: list[dict[str, AnyArray]] = []
    for number, seed in enumerate(seeds):
        episode = Episode(config.build(), groups, Seeds(int(seed)), steps=steps)
        await episode.run(max_steps)
        returns.append(episode.returns)
        outcomes.append(dict(episode.outcome()))
        if episode.log is not None:
            table = episode.log.columns()
            table["row"] = np.full(len(table["row"]), number)
            tables.append(table)
    keys = list(dict.fromkeys(key for outcome in outcomes for key in outcome))
    outcome = {key: _column([row.get(key) for row in outcomes]) for key in keys}
    return Rollout(seeds, np.array(returns), outcome, concatenated(tables) if steps else None)


def _column(values: Sequence[Any]) -> AnyArray:
    if any(isinstance(value, str) for value in values):
        return np.array(values, dtype=object)
    if all(isinstance(value, (bool, np.bool_)) for value in values):
        return np.array(values, dtype=bool)
    return np.array([np.nan if value is None else float(value) for value in values])


def concatenated(tables: Sequence[dict[str, AnyArray]]) -> dict[str, AnyArray]:
    """Step tables one under the other; a column that one of them lacks is NaN there."""
    keys = list(dict.fromkeys(key for table in tables for key in table))
    return {
        key: np.concatenate([table[key] if key in table else np.full(len(table["row"]), np.nan) for table in tables])
        for key in keys
    }
