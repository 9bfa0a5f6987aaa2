"""A branch of equilibria as curves: how often each action is played, over the logarithm of lambda, or over an aversion."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from gamesim.core.arrays import FloatArray

from .continuation import Branch
from .svg_text import FILE, Drawing, Palette, cut, escape, path, width

WIDE, HIGH = 420.0, 190.0
LEFT, TOP, GAP = 46.0, 40.0, 66.0
DASHES = (None, "7 3", "2 3", "9 3 2 3", "12 4", "4 4")
CURVES = 6  # actions of a player that are drawn; those played most at the end of the branch


@dataclass(frozen=True)
class Scale:
    """Where values of the parameter stand between ``low`` and ``high``, of the values or of their logarithms."""

    low: float
    high: float
    ticks: tuple[float, ...]
    logarithmic: bool
    title: str

    def x(self, value: float) -> float:
        at = math.log10(value) if self.logarithmic else value
        return LEFT + WIDE * (at - self.low) / (self.high - self.low)

    def holds(self, values: FloatArray) -> Any:
        """Which values have a place."""
        if not self.logarithmic:
            return np.isfinite(values)
        with np.errstate(divide="ignore", invalid="ignore"):
            at = np.log10(values)
        return (values > 0) & np.isfinite(at) & (at >= self.low) & (at <= self.high)


def logarithmic(values: FloatArray, title: str) -> Scale:
    """Powers of ten around the positive ones of the values."""
    some = values[(values > 0) & np.isfinite(values)]
    low, high = (math.floor(np.log10(some.min())), math.ceil(np.log10(some.max()))) if len(some) else (-1, 1)
    low, high = max(low, -3), max(high, max(low, -3) + 1)
    return Scale(low, high, tuple(10.0**power for power in range(low, high + 1)), True, title)


def linear(values: FloatArray, title: str) -> Scale:
    """From 0 to the largest value, with about five round ticks."""
    high = float(np.max(values[np.isfinite(values)], initial=0.0)) or 1.0
    power = 10.0 ** math.floor(math.log10(high / 4))
    step = next(k * power for k in (1, 2, 5, 10) if high / (k * power) <= 5)
    return Scale(0.0, high, tuple(step * k for k in range(int(high / step + 1e-9) + 1)), False, title)


def draw_branch(
    values: FloatArray,
    shares: Sequence[FloatArray],
    players: Sequence[str],
    actions: Sequence[Sequence[str]],
    *,
    name: str = "",
    marks: Sequence[float] = (),
    palette: Palette = FILE,
    scale: Scale | None = None,
    what: str = "quantal responses by lambda",
) -> str:
    """Curves of a branch as SVG text.

    Parameters
    ----------
    values : shape (m,), of the parameter, in 1/payoff; by default on a logarithmic scale, where 0 has no place.
    shares : for each player shape (m, k_i).
    marks : values at which a vertical line is drawn, with the number beside it.
    """
    scale = scale or logarithmic(values, "lambda (1 / payoff), logarithmic")
    inside = np.flatnonzero(scale.holds(values))
    panel = HIGH + GAP
    side = max((width(cut(a, 20)) for own in actions for a in own), default=40.0) + 30
    picture = Drawing(LEFT + WIDE + side, TOP + panel * len(players), f"{name or 'Game'}: {what}", palette)
    for i, player in enumerate(players):
        top = TOP + i * panel
        picture.text(LEFT, top - 14, f"{cut(player, 40)}: how often each action is played", anchor="start", size=12, font_weight="bold")  # fmt: skip
        _axes(picture, top, scale, marks)
        most = np.max(shares[i], axis=0)
        order = sorted(range(len(actions[i])), key=lambda a: (-shares[i][-1, a], -most[a], a))[:CURVES]
        drawn = sorted(order)
        ends = [_curve(picture, top, values[inside], shares[i][inside, a], scale, k, actions[i][a]) for k, a in enumerate(drawn)]  # fmt: skip
        for k, y in enumerate(apart(ends, 12.0)):
            picture.text(LEFT + WIDE + 8, y + 4, cut(actions[i][drawn[k]], 20), size=10.5, anchor="start", fill=palette.player(k))  # fmt: skip
    picture.text(LEFT + WIDE / 2, TOP + panel * len(players) - 22, scale.title, fill=palette.soft)
    return picture.done()


def branch_picture(players: Sequence[str], actions: Sequence[Sequence[str]], branch: Branch, *, name: str = "", palette: Palette = FILE) -> str:  # fmt: skip
    """A ``Branch`` of a table as SVG text, with its turning points marked."""
    values = np.array([point.value for point in branch.points])
    shares = [np.array([np.asarray(point.play[i], dtype=np.float64) for point in branch.points]) for i in range(len(players))]  # fmt: skip
    if branch.parameter == "rationality":
        return draw_branch(values, shares, players, actions, name=name, marks=branch.turning, palette=palette)
    scale = linear(values, f"{branch.parameter} (1 / payoff)")
    what = f"equilibria by {branch.parameter}"
    return draw_branch(values, shares, players, actions, name=name, marks=branch.turning, palette=palette, scale=scale, what=what)  # fmt: skip


def _axes(picture: Drawing, top: float, scale: Scale, marks: Sequence[float]) -> None:
    palette = picture.palette
    for share in (0.0, 0.5, 1.0):
        y = top + HIGH * (1 - share)
        picture.line(LEFT, y, LEFT + WIDE, y, class_="grid", stroke=palette.rule)
        picture.text(LEFT - 8, y + 4, f"{share:g}", size=10, anchor="end", fill=palette.soft)
    for tick in scale.ticks:
        x = scale.x(tick)
        picture.line(x, top + HIGH, x, top + HIGH + 4, class_="tick", stroke=palette.soft)
        picture.text(x, top + HIGH + 16, f"{tick:g}", size=10, fill=palette.soft)
    for mark in marks:
        if scale.holds(np.array([mark]))[0]:
            x = scale.x(mark)
            picture.line(x, top, x, top + HIGH, class_="mark", stroke=palette.ink, stroke_dasharray="3 3")
            right = x > LEFT + WIDE / 2
            picture.text(
                x + (-5 if right else 5),
                top + HIGH / 2 - 6,
                f"turns at {mark:.4g}",
                size=10,
                anchor="end" if right else "start",
            )


def apart(wanted: Sequence[float], least: float) -> list[float]:
    """Heights near those wanted, in the same order, with at least so much between any two.

    Examples
    --------
    >>> apart([10.0, 10.0, 40.0], 12.0)
    [10.0, 22.0, 40.0]
    """
    placed = list(wanted)
    order = sorted(range(len(wanted)), key=lambda k: (wanted[k], k))
    for before, k in pairwise(order):
        placed[k] = max(placed[k], placed[before] + least)
    return placed


def _curve(picture: Drawing, top: float, at: Any, share: Any, scale: Scale, k: int, name: str) -> float:
    """One curve; the height at which it ends."""
    points = [(scale.x(float(x)), top + HIGH * (1 - float(y))) for x, y in zip(at, share, strict=True)]
    if not points:
        return top + HIGH / 2
    title = f"<title>{escape(name)}</title>"
    picture.add("path", title, class_="branch", d=path(points), fill="none", stroke=picture.palette.player(k), stroke_width="2", stroke_dasharray=DASHES[k % len(DASHES)])  # fmt: skip
    return float(points[-1][1])
