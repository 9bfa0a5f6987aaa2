"""The branch of quantal response equilibria as curves: how often each action is played, over the logarithm of lambda."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from gamesim.core.arrays import FloatArray

from .svg_text import FILE, Drawing, Palette, cut, escape, path, width

WIDE, HIGH = 420.0, 190.0
LEFT, TOP, GAP = 46.0, 40.0, 66.0
DASHES = (None, "7 3", "2 3", "9 3 2 3", "12 4", "4 4")
CURVES = 6  # actions of a player that are drawn; those played most at the end of the branch


def draw_branch(
    lambdas: FloatArray,
    shares: Sequence[FloatArray],
    players: Sequence[str],
    actions: Sequence[Sequence[str]],
    *,
    name: str = "",
    marks: Sequence[float] = (),
    palette: Palette = FILE,
) -> str:
    """Curves of a branch as SVG text.

    Parameters
    ----------
    lambdas : shape (m,), rationality in 1/payoff; points at 0 are left out, for their logarithm has no place.
    shares : for each player shape (m, k_i).
    marks : values of lambda at which a vertical line is drawn.
    """
    inside = np.flatnonzero((lambdas > 0) & np.isfinite(lambdas))
    at = np.log10(lambdas[inside]) if len(inside) else np.zeros(0)
    low, high = (math.floor(at.min()), math.ceil(at.max())) if len(at) else (-1, 1)
    low, high = max(low, -3), max(high, low + 1)
    panel = HIGH + GAP
    side = max((width(cut(a, 20)) for own in actions for a in own), default=40.0) + 30
    picture = Drawing(LEFT + WIDE + side, TOP + panel * len(players), f"{name or 'Game'}: quantal responses by lambda", palette)  # fmt: skip
    for i, player in enumerate(players):
        top = TOP + i * panel
        picture.text(LEFT, top - 14, f"{cut(player, 40)}: how often each action is played", anchor="start", size=12, font_weight="bold")  # fmt: skip
        _axes(picture, top, low, high, marks)
        order = sorted(range(len(actions[i])), key=lambda a: (-shares[i][-1, a], a))[:CURVES]
        drawn = sorted(order)
        ends = [
            _curve(picture, top, at, shares[i][inside, a], low, high, k, actions[i][a]) for k, a in enumerate(drawn)
        ]
        for k, y in enumerate(apart(ends, 12.0)):
            picture.text(LEFT + WIDE + 8, y + 4, cut(actions[i][drawn[k]], 20), size=10.5, anchor="start", fill=palette.player(k))  # fmt: skip
    picture.text(
        LEFT + WIDE / 2, TOP + panel * len(players) - 22, "lambda (1 / payoff), logarithmic", fill=palette.soft
    )
    return picture.done()


def _axes(picture: Drawing, top: float, low: int, high: int, marks: Sequence[float]) -> None:
    palette = picture.palette
    for share in (0.0, 0.5, 1.0):
        y = top + HIGH * (1 - share)
        picture.line(LEFT, y, LEFT + WIDE, y, class_="grid", stroke=palette.rule)
        picture.text(LEFT - 8, y + 4, f"{share:g}", size=10, anchor="end", fill=palette.soft)
    for power in range(low, high + 1):
        x = LEFT + WIDE * (power - low) / (high - low)
        picture.line(x, top + HIGH, x, top + HIGH + 4, class_="tick", stroke=palette.soft)
        picture.text(x, top + HIGH + 16, f"{10.0**power:g}", size=10, fill=palette.soft)
    for mark in marks:
        if mark > 0 and low <= math.log10(mark) <= high:
            x = LEFT + WIDE * (math.log10(mark) - low) / (high - low)
            picture.line(x, top, x, top + HIGH, class_="mark", stroke=palette.ink, stroke_dasharray="3 3")


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


def _curve(picture: Drawing, top: float, at: Any, share: Any, low: int, high: int, k: int, name: str) -> float:
    """One curve; the height at which it ends."""
    keep = (at >= low) & (at <= high)
    points = [(LEFT + WIDE * (x - low) / (high - low), top + HIGH * (1 - y)) for x, y in zip(at[keep], share[keep], strict=True)]  # fmt: skip
    if not points:
        return top + HIGH / 2
    title = f"<title>{escape(name)}</title>"
    picture.add("path", title, class_="branch", d=path(points), fill="none", stroke=picture.palette.player(k), stroke_width="2", stroke_dasharray=DASHES[k % len(DASHES)])  # fmt: skip
    return float(points[-1][1])
