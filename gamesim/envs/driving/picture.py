"""Where cars stand on their roads, in metres as seen from above."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from gamesim.envs.scene import Mark, Point, Scene, Thing

from .rules import CLOSE, MERGED, ROAD, STOP, ZONE, Cars, Variant

LANE, LENGTH, WIDTH = 3.6, 4.5, 1.9  # m
FAR = 68.0  # m, from where cars are seen to come
RAMP = math.radians(20.0)
NEAR = ((-FAR, -FAR), (24.0, 24.0))


def scene(variant: Variant, names: Sequence[str], cars: Cars, time: float) -> Scene:
    """The first row of ``cars``."""
    low, high, ground = GROUNDS[variant]
    p, crashed = cars.p[0], bool(cars.crashed[0])
    places = [_place(variant, i, float(p[i]), bool(cars.out[0])) for i in range(2)]
    things = []
    if variant == "two_way":
        truck = float(cars.truck[0])
        things.append(Thing("truck", "car", truck, -LANE / 2, 0.0, 9.0, 2.5, shown=truck < high[0] + 5))
    things += [
        Thing(name, "car", x, y, turn, LENGTH, WIDTH, player=i, trail=True, shown=_inside(x, y, low, high))
        for i, (name, (x, y, turn)) in enumerate(zip(names, places, strict=True))
    ]
    middle = np.mean([place[:2] for place in places], axis=0)
    things.append(Thing("crash", "burst", float(middle[0]), float(middle[1]), 0.0, 2 * CLOSE, 2 * CLOSE, shown=crashed))
    return Scene(low, high, ground, tuple(things), time)


def _place(variant: Variant, car: int, p: float, out: bool) -> tuple[float, float, float]:
    """x, y and turn of a car at p."""
    if variant == "two_way":
        return (p, LANE / 2 if out else -LANE / 2, 0.0) if car == 0 else (p, LANE / 2, 180.0)
    if variant == "merge":
        return (p, 0.0, 0.0) if car == 0 or p >= 0 else (p * math.cos(RAMP), p * math.sin(RAMP), math.degrees(RAMP))
    return (p, 0.0, 0.0) if car == 0 else (0.0, p, 90.0)


def _inside(x: float, y: float, low: Point, high: Point) -> bool:
    return low[0] <= x <= high[0] and low[1] <= y <= high[1]


def _square(half: float) -> tuple[Point, ...]:
    return ((-half, -half), (half, -half), (half, half), (-half, half))


_far = np.array([math.cos(RAMP), math.sin(RAMP)])


def _along(distance: float, aside: float = 0.0) -> Point:
    """A point of the ramp, so far from where it ends, and so far to its left."""
    x, y = distance * _far + aside * np.array([-_far[1], _far[0]])
    return float(x), float(y)


GROUNDS: dict[Variant, tuple[Point, Point, tuple[Mark, ...]]] = {
    "crossing": (
        *NEAR,
        (
            Mark("road", ((-FAR, 0.0), (NEAR[1][0], 0.0)), LANE),
            Mark("road", ((0.0, -FAR), (0.0, NEAR[1][1])), LANE),
            Mark("area", _square(ZONE)),
            Mark("line", ((STOP, -LANE / 2), (STOP, LANE / 2))),
            Mark("line", ((-LANE / 2, STOP), (LANE / 2, STOP))),
        ),
    ),
    "merge": (
        (-FAR, -FAR * float(_far[1]) - 2.0),
        (MERGED + 10.0, 8.0),
        (
            Mark("road", (_along(-FAR), (0.0, 0.0)), LANE),
            Mark("road", ((-FAR, 0.0), (MERGED + 10.0, 0.0)), LANE),
            Mark("line", ((STOP, -LANE / 2), (STOP, LANE / 2))),
            Mark("line", (_along(STOP, -LANE / 2), _along(STOP, LANE / 2))),
            Mark("line", ((MERGED, -LANE / 2), (MERGED, LANE / 2))),
        ),
    ),
    "two_way": (
        (-12.0, -10.0),
        (215.0, 10.0),
        (
            Mark("road", ((-12.0, 0.0), (215.0, 0.0)), 2 * LANE),
            Mark("dashes", ((-12.0, 0.0), (215.0, 0.0))),
            Mark("line", ((ROAD, -LANE), (ROAD, 0.0))),
            Mark("line", ((0.0, 0.0), (0.0, LANE))),
        ),
    ),
}
