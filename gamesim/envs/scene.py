"""What an environment looks like at one moment, as data: a still ground and things that stand or move on it.

An environment that has a picture returns a ``Scene`` from ``scene()``. Whoever draws it needs to know neither rules nor
units: y counts upwards, turns count from the right against the clock, and things keep their names over time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Point = tuple[float, float]


@dataclass(frozen=True)
class Mark:
    """Part of the ground: a ``road`` or ``line`` or ``dashes`` along points, or the ``area`` they enclose.

    Attributes
    ----------
    width : of a road, in the scene's units.
    """

    kind: Literal["road", "line", "dashes", "area"]
    points: tuple[Point, ...]
    width: float = 0.0


@dataclass(frozen=True)
class Thing:
    """Something that may move.

    Attributes
    ----------
    x, y, turn : its middle, in the scene's units, and where it looks, in degrees.
    length, width : its size.
    player : seat whose colour it has; None for what nobody plays.
    shown : whether it is there now.
    trail : whether its way is worth marking.
    letter : what is written on it.
    """

    name: str
    shape: Literal["car", "disc", "plant", "burst"]
    x: float
    y: float
    turn: float = 0.0
    length: float = 1.0
    width: float = 1.0
    player: int | None = None
    shown: bool = True
    trail: bool = False
    letter: str = ""


@dataclass(frozen=True)
class Scene:
    """One moment.

    Attributes
    ----------
    low, high : corners of what is seen, in the scene's units.
    ground : the same in every scene of an episode.
    things : by name the same in every scene of an episode; later ones are painted over earlier ones.
    time : where it stands in a film, in seconds.
    leap : a thing that went farther than this since the scene before did not go, but came back elsewhere.
    """

    low: Point
    high: Point
    ground: tuple[Mark, ...]
    things: tuple[Thing, ...]
    time: float
    leap: float = float("inf")
