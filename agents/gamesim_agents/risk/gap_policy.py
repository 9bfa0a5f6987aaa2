"""How a driver who accepts gaps accelerates and brakes, over many cars at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from gamesim.core.arrays import Arrays, FloatArray
from gamesim.envs.driving.rules import CLOSE, COMMON, FOLLOW, HARDEST, PULL_OUT, SOFTEST, STOP, TRUCK, ZONE

GENTLE = -3.0  # braking of the oncoming car, m/s^2


class GapPolicy:
    """See ``gap_acceptance.GapAcceptance``; the state is the threshold of the episode, (B, n)."""

    def __init__(self, variant: str, threshold: float, threshold_sd: float) -> None:
        self.variant, self.threshold, self.threshold_sd = variant, threshold, threshold_sd
        self.columns = 1 if threshold_sd > 0 else 0

    def initial_state(self, rows: int, seats: int, u: FloatArray) -> FloatArray:
        if not self.threshold_sd:
            return np.full((rows, seats), self.threshold)
        from scipy.special import ndtri

        drawn = ndtri(np.clip(u[..., 0], 1e-16, 1 - 1e-16))
        return np.asarray(self.threshold + self.threshold_sd * drawn)

    def act(self, observation: Arrays, state: FloatArray, u: FloatArray) -> tuple[FloatArray, FloatArray]:
        drive: Any = _two_way if self.variant == "two_way" else _meet
        with np.errstate(
            invalid="ignore"
        ):  # the other may be gone: its place is NaN, and every comparison with it false
            return drive(observation, state, self.variant == "merge"), state


def _meet(seen: Arrays, threshold: FloatArray, merge: bool) -> FloatArray:
    p, v, other = seen["place"], seen["speed"], seen["other_place"]
    gives_way = (seen["gap"] < threshold) & (other <= ZONE) & (p < -ZONE)
    braking = -np.minimum(v * v / (2 * np.maximum(STOP - p, 0.05)), -HARDEST)
    a = np.where(gives_way, braking, SOFTEST)
    if merge:
        room = np.maximum(other - p - CLOSE, 0.0)
        behind = (p >= COMMON) & (other > FOLLOW) & (other > p)
        a = np.where(behind, np.minimum(np.maximum((room - v) / 0.5, HARDEST), a), a)
    return np.asarray(a)


def _two_way(seen: Arrays, threshold: FloatArray, merge: bool) -> FloatArray:
    p, v, truck, out = seen["place"], seen["speed"], seen["truck"], seen["out"] > 0
    overtaker = seen["index"] == 0
    wide = (seen["gap"] > threshold) | np.isnan(seen["other_place"]) | (seen["other_place"] < p - 10.0)
    close = truck - p < 8.0
    following = np.where(close, np.where(v > TRUCK, HARDEST, 0.0), np.clip((TRUCK - v) / 0.5, HARDEST, SOFTEST))
    past = p > truck
    mine = np.where(out | past, SOFTEST, np.where(wide, PULL_OUT, following))
    theirs = np.where(out & (seen["gap"] < threshold), GENTLE, SOFTEST)
    return np.asarray(np.where(overtaker, mine, theirs))
