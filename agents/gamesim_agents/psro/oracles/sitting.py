"""A learner in one seat: episodes against given opponents, with what she saw, did and earned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gamesim.core.arrays import AnyArray, BoolArray, FloatArray, IntArray
from gamesim.core.policy import AgentSpec
from gamesim.envs.base import SeatView
from gamesim.run.seating import seat_profiles, seated
from gamesim.run.uniforms import PolicyUniforms

# What the seat sees, (B, 1, ...), and a uniform a row; to what is kept of it, (B, ...), the action, and the action's chance.
Decide = Callable[[SeatView, FloatArray], tuple[AnyArray, AnyArray, FloatArray]]


@dataclass(frozen=True)
class Played:
    """Episodes of one joint opponent: arrays (T, B), what was seen (T, B, ...)."""

    seen: AnyArray
    action: IntArray
    chance: FloatArray
    reward: FloatArray
    acted: BoolArray


def play(subject: Any, player: int, profile: Sequence[AgentSpec | None], seeds: IntArray, decide: Decide) -> Played:
    """Episodes in which a learner sits in one seat, as ``rollout`` plays them."""
    n, rows = len(profile), len(seeds)
    places = [j for j in range(n) if j != player]
    groups = seated(subject, [spec for spec in profile if spec is not None])
    seatings = [np.array([places[i] for i in group.seats]) for group in groups]
    profiles: list[Any] = [{}] * n
    for j, found in zip(places, seat_profiles(groups, len(places)), strict=True):
        profiles[j] = found
    uniforms = PolicyUniforms(seeds, n)
    states = [
        g.policy.initial_state(rows, len(s), uniforms.initial(g.policy.columns)[:, s])
        for g, s in zip(groups, seatings, strict=True)
    ]
    environment = subject.batched(rows)
    batch = environment.reset(seeds, {"seats": profiles})
    kept: list[tuple[Any, ...]] = []
    step, me = 0, np.array([player])
    while batch.needs_action.any():
        actions = np.full((rows, n), np.nan)
        for number, (group, seating) in enumerate(zip(groups, seatings, strict=True)):
            chosen, states[number] = group.policy.act(
                SeatView(batch.observation, seating), states[number], uniforms.at(step, group.policy.columns)[:, seating]
            )  # fmt: skip
            actions[:, seating] = chosen
        seen, action, chance = decide(SeatView(batch.observation, me), uniforms.at(step, 1)[:, player, 0])
        actions[:, player] = action
        acted = batch.needs_action[:, player].copy()
        batch = environment.step(actions)
        kept.append((seen, action.astype(np.int64), chance, batch.reward[:, player].copy(), acted))
        step += 1
    seen_, action_, chance_, reward, acted_ = (np.array(part) for part in zip(*kept, strict=True))
    return Played(seen_, action_, chance_, reward, acted_)
