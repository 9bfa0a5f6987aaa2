"""Two cars and the place where their ways meet, as plain functions on arrays.

Each car has a coordinate p in metres, 0 at the conflict point, and a speed v. Each step of ``dt`` a car picks an acceleration;
``v = clip(v + a dt, low, high)``, ``p = p + v dt``. A crash costs both cars and ends the episode; who arrives earns
``1 - arrival time / horizon`` and leaves; time-out earns 0. Before it sets out, each car draws one bias of perception (in
seconds) that shifts how it judges every gap of the episode.

- ``crossing``: the ways cross; both inside the zone at once is a crash; past the zone is arrival.
- ``merge``: the ways become one lane at p = 0; past it, closer than 5 m is a crash; p > 50 is arrival.
- ``two_way``: car 0 is stuck behind a truck and may pull out into the lane in which car 1 comes. Closer than 5 m while passing
  is a crash. Car 1 drives towards smaller p. Car 0 arrives at 150 m, car 1 when it has passed the start of car 0.

Parameters, policies and numbers are gamesim's own; they are those of no published simulator.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from gamesim.core.arrays import BoolArray, FloatArray

Variant = Literal["crossing", "merge", "two_way"]

SOFTEST, HARDEST = 2.5, -6.0  # acceleration, braking in m/s^2
FASTEST = 16.0  # m/s
PULL_OUT = 3.0  # an action of the overtaking car: leave the lane and accelerate
ZONE, STOP = 4.0, -4.5  # half width of the conflict zone, stop line, in m
CLOSE = 5.0  # m between cars in one lane, or nose to nose
COMMON, FOLLOW = -12.0, -4.0  # a merging car past COMMON looks at one ahead past FOLLOW
MERGED = 50.0
TRUCK, BEHIND, AHEAD = 8.0, 20.0, 10.0  # speed of the truck, start behind it, m past it at which passing ends
ROAD = 150.0
ONCOMING = (3.0, 14.0)


@dataclass(frozen=True)
class Cars:
    """Where B episodes of two cars stand; arrays (B, 2) by car unless said otherwise, a car's column in one piece.

    Attributes
    ----------
    p, v, bias : place, speed, bias of perception in seconds.
    crashed, arrived, out : (B,) crashed; arrived; whether the overtaker has pulled out, (B,).
    truck : (B,), place of the truck; NaN where there is none.
    arrival : time of arrival, NaN before.
    """

    p: FloatArray
    v: FloatArray
    bias: FloatArray
    crashed: BoolArray
    arrived: BoolArray
    out: BoolArray
    truck: FloatArray
    arrival: FloatArray


def starts(variant: Variant, normals: FloatArray, bias_sd: FloatArray) -> Cars:
    """Cars at their start.

    Parameters
    ----------
    normals : standard normal draws (B, 2, 3): place, speed and bias of each car.
    bias_sd : broadcasts to (B, 2), in seconds.
    """
    rows = len(normals)
    if variant == "two_way":
        p = np.array([np.zeros(rows), 170.0 + 15.0 * normals[:, 1, 0]]).T
        v = np.array([8.0 + 0.5 * normals[:, 0, 1], 12.0 + normals[:, 1, 1]]).T
        truck = np.full(rows, BEHIND)
    else:
        p = np.asfortranarray(-(45.0 + 6.0 * normals[..., 0]))
        v = np.asfortranarray(12.0 + normals[..., 1])
        truck = np.full(rows, np.nan)
    none = np.zeros(rows, dtype=bool)
    both = np.zeros((rows, 2), dtype=bool, order="F")
    bias = np.asfortranarray(normals[..., 2] * bias_sd)
    return Cars(p, v, bias, none, both, none.copy(), truck, np.full((rows, 2), np.nan, order="F"))


def speeds(variant: Variant) -> tuple[FloatArray, FloatArray]:
    """Lowest and highest speed of each car."""
    if variant == "two_way":
        return np.array([0.0, ONCOMING[0]]), np.array([FASTEST, ONCOMING[1]])
    return np.zeros(2), np.full(2, FASTEST)


def seconds_to_zone(p: FloatArray, v: FloatArray) -> FloatArray:
    """Until the car's nose is in the conflict zone, at its present speed; 0 inside and past it."""
    return np.where(p < -ZONE, (-ZONE - p) / np.maximum(v, 0.5), 0.0)


def gaps(variant: Variant, cars: Cars) -> FloatArray:
    """The gap each car believes to have, in seconds (B, 2): positive means that the other comes later.

    At a crossing or merge: the other's time to the zone less one's own. On the two-way road: the time until the cars meet
    less the time that passing needs, for both cars. The car's bias is added.
    """
    if variant == "two_way":
        need = np.maximum(cars.truck + AHEAD - cars.p[:, 0], 0.0) / 8.0 + 1.0
        meet = np.maximum(cars.p[:, 1] - cars.p[:, 0], 0.0) / (np.maximum(cars.v[:, 0], 12.0) + cars.v[:, 1])
        return np.asarray((meet - need)[:, None] + cars.bias)
    inside = seconds_to_zone(cars.p, cars.v)
    return np.asarray(inside[:, ::-1] - inside + cars.bias)


def advance(variant: Variant, cars: Cars, actions: FloatArray, time: float, dt: float) -> Cars:
    """One step of ``dt`` for all episodes; ``time`` is that at its end. Who crashed stands still; who arrived is gone."""
    low, high = speeds(variant)
    here = ~cars.arrived & ~cars.crashed[:, None]
    two_way = variant == "two_way"
    a = np.minimum(actions, SOFTEST) if two_way else actions  # pulling out accelerates
    v = np.where(here, np.minimum(np.maximum(cars.v + a * dt, low), high), cars.v)
    v[cars.crashed] = 0.0
    p = cars.p + (v * dt * np.array([1.0, -1.0]) if two_way else v * dt)
    truck, out = cars.truck, cars.out
    if two_way:
        truck = truck + TRUCK * dt
        out = (out | (here[:, 0] & (actions[:, 0] == PULL_OUT))) & ~(p[:, 0] > truck + AHEAD)
        hit = out & (np.abs(p[:, 1] - p[:, 0]) < CLOSE)
        through = np.array([p[:, 0] > ROAD, p[:, 1] < 0.0]).T
    elif variant == "merge":
        hit = (p[:, 0] > -ZONE) & (p[:, 1] > -ZONE) & (np.abs(p[:, 0] - p[:, 1]) < CLOSE)
        through = p > MERGED
    else:
        hit = (np.abs(p[:, 0]) < ZONE) & (np.abs(p[:, 1]) < ZONE)
        through = p > ZONE
    crashed, arrived, arrival = cars.crashed, cars.arrived, cars.arrival
    hit &= here[:, 0] & here[:, 1]
    if hit.any():
        crashed = crashed | hit
    now = through & here & ~crashed[:, None]
    if now.any():
        arrived, arrival = arrived | now, np.where(now, time, arrival)
    return Cars(p, v, cars.bias, crashed, arrived, out, truck, arrival)
