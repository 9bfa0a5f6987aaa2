"""Mixtures over three actions as points of a triangle, with the regions in which each reply to them is best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gamesim.core.arrays import FloatArray
from gamesim.core.errors import UnsupportedGameError
from gamesim.core.normal_form import NormalFormGame
from gamesim.envs.efg.describe_game import number

from .svg_text import FILE, Drawing, Palette, cut, escape, path, px, width

SIDE = 260.0
HEIGHT = SIDE * 3**0.5 / 2
LEFT, TOP = 70.0, 46.0
Corner = tuple[float, float, float]


def draw_simplex(game: NormalFormGame, plays: Sequence[Any] = (), *, palette: Palette = FILE) -> str:
    """Triangles of a two-player game: one for each player with three actions.

    Parameters
    ----------
    plays : mixed profiles; their mixtures become points.

    Raises
    ------
    UnsupportedGameError
        If no player has three actions, or there are not two players.
    """
    if game.n != 2 or 3 not in game.shape:
        raise UnsupportedGameError("a triangle needs two players, one of them with three actions.")
    mixers = [i for i in range(2) if game.shape[i] == 3]
    step = SIDE + 2 * LEFT
    picture = Drawing(step * len(mixers), TOP + HEIGHT + 46 + 17 * max(game.shape[1 - i] for i in mixers), f"{game.name or 'Game'}: mixtures and best replies", palette)  # fmt: skip
    for place, i in enumerate(mixers):
        _triangle(picture, game, i, place * step + LEFT, plays)
    return picture.done()


def best_reply_region(payoffs: FloatArray, action: int) -> list[Corner]:
    """The mixtures of the other player against which an action is best, as corners of a polygon in barycentric coordinates.

    Parameters
    ----------
    payoffs : shape (k, 3), own actions by the other's.
    """
    region: list[Corner] = [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)]
    for other in range(len(payoffs)):
        if other == action:
            continue
        edge = payoffs[action] - payoffs[other]
        kept: list[Corner] = []
        for k, corner in enumerate(region):
            before = region[k - 1]
            here, there = float(np.dot(edge, corner)), float(np.dot(edge, before))
            if (here < 0 < there) or (there < 0 < here):
                t = there / (there - here)
                kept.append(tuple(float(b + t * (c - b)) for b, c in zip(before, corner, strict=True)))  # type: ignore[arg-type]
            if here >= 0:
                kept.append(corner)
        region = kept
        if not region:
            break
    return region


def _triangle(picture: Drawing, game: NormalFormGame, mixer: int, left: float, plays: Sequence[Any]) -> None:
    palette, other = picture.palette, 1 - mixer
    corners = ((left, TOP + HEIGHT), (left + SIDE, TOP + HEIGHT), (left + SIDE / 2, TOP))

    def at(mixture: Any) -> tuple[float, float]:
        weights = [float(p) for p in mixture]
        return (
            sum(w * x for w, (x, _) in zip(weights, corners, strict=True)),
            sum(w * y for w, (_, y) in zip(weights, corners, strict=True)),
        )

    payoffs = np.moveaxis(game.payoffs[other], other, 0).reshape(game.shape[other], 3)
    picture.text(left + SIDE / 2, 18, f"Mixtures of {cut(game.players[mixer], 30)}", size=12, font_weight="bold")
    for a in range(game.shape[other]):
        region = best_reply_region(payoffs, a)
        if len(region) > 2:
            name = game.actions[other][a]
            title = f"<title>{escape(f'{name} is best for {game.players[other]}')}</title>"
            picture.add("path", title, class_="region", d=path([at(corner) for corner in region], True), fill=palette.player(a), fill_opacity="0.22", stroke=palette.player(a))  # fmt: skip
        y = TOP + HEIGHT + 40 + 17 * a
        picture.add("rect", None, class_="key", x=px(left), y=px(y - 9), width="10", height="10", fill=palette.player(a), fill_opacity="0.5")  # fmt: skip
        picture.text(left + 16, y, f"{cut(game.actions[other][a], 24)} is best for {cut(game.players[other], 20)}", size=10.5, anchor="start", fill=palette.soft)  # fmt: skip
    picture.add("path", None, d=path(corners, True), fill="none", stroke=palette.ink, stroke_width="1.2")
    for k, (x, y) in enumerate(corners):
        name = cut(game.actions[mixer][k], 18)
        picture.text(x, y - 8 if k == 2 else y + 16, name, fill=palette.ink)
    seen = set()
    for number_of, play in enumerate(plays, 1):
        mixture = play[mixer]
        key = tuple(round(float(p), 6) for p in mixture)
        if key in seen:
            continue
        seen.add(key)
        x, y = at(mixture)
        said = ", ".join(f"{a} {number(p)}" for a, p in zip(game.actions[mixer], mixture, strict=True))
        picture.add("circle", f"<title>{escape(f'equilibrium {number_of}: {said}')}</title>", class_="equilibrium", cx=px(x), cy=px(y), r="5", fill=palette.ink)  # fmt: skip
        side = -1 if x > left + SIDE * 0.6 else 1
        text = f"{number_of}: " + ", ".join(number(p) for p in mixture)
        picture.text(x + side * 9, y - 8, text, size=10, anchor="end" if side < 0 else "start")
        picture.wide = max(picture.wide, x + side * 9 + (width(text, 10) if side > 0 else 0) + 8)
