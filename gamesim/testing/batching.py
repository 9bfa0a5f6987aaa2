"""Row b of a batched environment against the single environment of the same seed, bit for bit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gamesim.core.seeds import Seeds
from gamesim.envs.base import Batch, BatchedEnvironment, Environment, EnvironmentConfig

from .compare import difference
from .playing import Broken


def check_batched(config: EnvironmentConfig, seeds: Sequence[int], max_steps: int) -> bool:
    """Play both faces in lockstep on equal actions; False where there is no batched face."""
    batched = config.batched(len(seeds))
    if batched is None:
        return False
    seats = list(config.seats())
    singles = [config.build() for _ in seeds]
    seen = [single.reset(seed=int(seed))[0] for single, seed in zip(singles, seeds, strict=True)]
    draws = [{agent: Seeds(int(seed)).stream("agent", agent) for agent in seats} for seed in seeds]
    batch = batched.reset(np.asarray(seeds, dtype=np.int64))
    gone = np.zeros((len(seeds), len(seats)), dtype=bool)
    for b, single in enumerate(singles):
        _standing(batch, b, single, seats, seen[b], "reset")
    step = 0
    while any(single.agents for single in singles):
        if step >= max_steps:
            raise Broken(f"the batched episodes had not ended after {max_steps} steps")
        running = [b for b, single in enumerate(singles) if single.agents]
        actions: list[dict[str, Any]] = [{} for _ in seeds]
        for b in running:
            single = singles[b]
            actions[b] = {agent: single.action_spec(agent).sample(draws[b][agent]) for agent in single.movers()}
        batch = batched.step(_stacked(actions, seats))
        for b, single in enumerate(singles):
            place = f"batched row {b} (seed {seeds[b]}), step {step}"
            if b not in running:
                if batch.needs_action[b].any() or np.asarray(batch.reward[b]).any():
                    raise Broken(f"{place}: the row is over, yet it needs an action or earns a reward")
                continue
            seen[b], rewards, terminations, truncations, _ = single.step(actions[b])
            for i, agent in enumerate(seats):
                gone[b, i] |= bool(terminations.get(agent, False))
            expected = np.array([rewards.get(agent, 0.0) for agent in seats])
            _same(batch.reward[b], expected, f"{place}: reward")
            _same(batch.terminated[b], gone[b], f"{place}: terminated")
            _same(bool(batch.truncated[b]), any(truncations.values()), f"{place}: truncated")
            _keyed(batch.facts, single.facts(), b, f"{place}: fact")
            if not single.agents:
                _keyed(batch.outcome, single.outcome(), b, f"{place}: outcome")
            _standing(batch, b, single, seats, seen[b], place)
        step += 1
    if not batch.done.all() or batch.phase != "":
        raise Broken(f"all rows are over, yet the batch is in phase '{batch.phase}'")
    _half_way(batched, seeds, seats)
    return True


def _standing(
    batch: Batch, b: int, single: Environment, seats: Sequence[str], seen: Mapping[str, Any], place: str
) -> None:
    """Phase, movers and observations as they are now."""
    movers = set(single.movers()) if single.agents else set()
    _same(batch.needs_action[b], np.array([agent in movers for agent in seats]), f"{place}: needs_action")
    if not single.agents:
        return
    _same(batch.phase, single.phase, f"{place}: phase")
    for i, agent in enumerate(seats):
        if agent not in single.agents or not isinstance(seen.get(agent), Mapping):
            continue
        for key, value in seen[agent].items():
            if key in batch.observation:
                array = np.asarray(batch.observation[key])
                if array.shape[0] not in (1, len(batch.reward)) or array.shape[1] not in (1, len(seats)):
                    raise Broken(
                        f"{place}: observation '{key}' has shape {array.shape}; it leads with (B, N) or (B, 1)"
                    )
                here = array[b if array.shape[0] > 1 else 0, i if array.shape[1] > 1 else 0]
                if "visible" in seen[agent]:  # a single observation withholds, as NaN, whom its agent does not see
                    here = _withheld(here, value)
                _same(here, value, f"{place}: observation '{key}' of {agent}")


def _withheld(here: Any, single: Any) -> Any:
    array, shown = np.asarray(here), np.asarray(single)
    if array.dtype.kind != "f" or array.shape != shown.shape:
        return here
    return np.where(np.isnan(shown), np.nan, array)


def _same(here: Any, there: Any, place: str) -> None:
    found = difference(np.asarray(here) if isinstance(there, (np.ndarray, np.generic)) else here, there)
    if found:
        raise Broken(f"{place} differs from the single environment's{found}")


def _keyed(batched: Mapping[str, Any], single: Mapping[str, Any], b: int, place: str) -> None:
    """Facts and outcomes; a missing key, None and NaN all say that there is no value."""
    for key in sorted({*batched, *single}):
        here = np.asarray(batched[key])[b] if key in batched else None
        there = single.get(key)
        if _nothing(here) and _nothing(there):
            continue
        if isinstance(here, (str, np.str_)) or isinstance(there, str):
            same = str(here) == str(there)
        elif _nothing(here) or _nothing(there):
            same = False
        else:
            one, other = np.asarray(here, dtype=np.float64), np.asarray(there, dtype=np.float64)
            same = difference(one, other if other.shape == one.shape else np.broadcast_to(other, one.shape)) is None
        if not same:
            raise Broken(f"{place} '{key}' differs from the single environment's: {here} and {there}")


def _nothing(value: Any) -> bool:
    if value is None:
        return True
    array = np.asarray(value)
    return array.dtype.kind == "f" and bool(np.isnan(array).all())


def _stacked(actions: Sequence[Mapping[str, Any]], seats: Sequence[str]) -> Any:
    """One array (B, N), or one by key where actions are mappings; NaN for those who do not move."""
    some = next(action for row in actions for action in row.values())
    if isinstance(some, Mapping):
        return {key: _stacked([{a: x[key] for a, x in row.items()} for row in actions], seats) for key in some}
    array = np.full((len(actions), len(seats)), np.nan)
    for b, row in enumerate(actions):
        for agent, action in row.items():
            value = np.asarray(action, dtype=np.float64)
            if value.size != 1:
                raise Broken(f"action {action!r} of {agent} is not one number, which the batched face would need")
            array[b, seats.index(agent)] = value.flat[0]
    return array


def _half_way(batched: BatchedEnvironment, seeds: Sequence[int], seats: Sequence[str], steps: int = 4) -> None:
    """``row(b)`` of a play under way is an environment that goes on as that row does, and leaves the batch alone."""
    batch = batched.reset(np.asarray(seeds, dtype=np.int64))
    rng = Seeds(0).stream("row")
    for step in range(steps):
        if batch.done.any():
            return
        rows = [batched.row(b) for b in range(len(seeds))]
        actions = [{agent: row.action_spec(agent).sample(rng) for agent in row.movers()} for row in rows]
        after = [row.step(actions[b])[1] for b, row in enumerate(rows)]
        batch = batched.step(_stacked(actions, seats))
        for b, rewards in enumerate(after):
            expected = np.array([rewards.get(agent, 0.0) for agent in seats])
            _same(batch.reward[b], expected, f"row({b}) taken out at step {step}: reward")
