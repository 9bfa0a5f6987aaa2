"""A film as one SVG that moves by itself: no script, no font, no link; where nothing moves it shows the end, and the ways there.

Motion is linear between key times; moments that lie on the straight line between others are left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from gamesim.core.arrays import FloatArray
from gamesim.core.errors import clean
from gamesim.envs.scene import Mark, Scene, Thing
from gamesim.run.film import Film

from ..equilibrium.svg_text import FILE, Drawing, Palette, cut, element, escape, path, px, width

WIDEST, HIGHEST = 720.0, 400.0  # px of the picture itself
EDGE, HEAD, FOOT = 12.0, 26.0, 34.0
HOLD = 1.5  # seconds that the last moment stays
EXACT = 0.25  # px that a place may be off
LETTERS = 46
TICKS = (1, 2, 5, 10, 20, 50, 100)


def draw_film(film: Film, *, palette: Palette = FILE) -> str:
    """The scenes of a film as SVG text.

    Raises
    ------
    ValueError
        If the film has no scenes.
    """
    if not film.scenes:
        raise ValueError("a film of frames is no drawing; see frames.gif")
    first, last = film.scenes[0], film.scenes[-1]
    wide, high = (b - a for a, b in zip(first.low, first.high, strict=True))
    scale = min(WIDEST / wide, HIGHEST / high)
    seats = [(name, cut(label if label == name else f"{name}: {label}", LETTERS)) for name, label in film.seats]
    legend = [width(text) + 30 for _, text in seats]
    across = max(wide * scale, sum(legend), 320.0)
    picture = Drawing(across + 2 * EDGE, high * scale + 2 * EDGE + HEAD + FOOT, told(film), palette)
    x = EDGE
    for i, (_, text) in enumerate(seats):
        picture.add("rect", x=px(x), y=px(EDGE), width="12", height="12", fill=palette.player(i))
        picture.text(x + 18, EDGE + 10, text, anchor="start")
        x += legend[i]
    stage = _Stage(film.scenes, scale, palette)
    inner = [*(stage.mark(mark) for mark in first.ground), *stage.trails()]
    inner += [stage.thing(k) for k in range(len(first.things))]
    at = f"translate({px(EDGE + (across - wide * scale) / 2)},{px(EDGE + HEAD)})"
    picture.add("g", "\n".join(inner), transform=at)
    _clock(picture, stage, EDGE + HEAD + high * scale + 14, across, last.time, _ending(film))
    return picture.done()


def told(film: Film) -> str:
    """What is to be seen, in a sentence."""
    who = ", ".join(name if label == name else f"{name} ({label})" for name, label in film.seats)
    return f"{film.kind}: {who}; {_ending(film)}"


def _ending(film: Film) -> str:
    happened = [name for name, value in film.outcome.items() if value in (1, True) and name in ("crash", "timeout")]
    seconds = film.scenes[-1].time if film.scenes else film.outcome.get("duration")
    end = (", ".join(happened) or "over") + ("" if seconds is None else f" after {float(seconds):.1f} s")
    return f"{end}; returns {', '.join(f'{value:.3g}' for value in film.returns)}"


class _Stage:
    """Scenes in pixels."""

    def __init__(self, scenes: Sequence[Scene], scale: float, palette: Palette) -> None:
        self.scenes, self.scale, self.palette = scenes, scale, palette
        self.low, self.high = scenes[0].low, scenes[0].high
        self.times = np.array([scene.time for scene in scenes])
        self.total = float(self.times[-1]) + HOLD

    def at(self, x: float, y: float) -> tuple[float, float]:
        return (x - self.low[0]) * self.scale, (self.high[1] - y) * self.scale

    def mark(self, mark: Mark) -> str:
        points = [self.at(*point) for point in mark.points]
        if mark.kind == "area":
            return element("path", None, d=path(points, closed=True), fill=self.palette.player(7), fill_opacity="0.12", stroke="none")  # fmt: skip
        if mark.kind == "road":
            return element("path", None, d=path(points), fill="none", stroke=self.palette.rule, stroke_width=px(mark.width * self.scale))  # fmt: skip
        dashes = "6,6" if mark.kind == "dashes" else None
        return element("path", None, d=path(points), fill="none", stroke=self.palette.soft, stroke_opacity="0.6", stroke_width="1", stroke_dasharray=dashes)  # fmt: skip

    def trails(self) -> list[str]:
        """A dot for every second of the way."""
        seconds = [int(np.abs(self.times - second).argmin()) for second in range(1, int(self.times[-1]) + 1)]
        found = []
        for k, thing in enumerate(self.scenes[0].things):
            if not thing.trail:
                continue
            for moment in [self.scenes[s].things[k] for s in seconds]:
                if moment.shown:
                    x, y = self.at(moment.x, moment.y)
                    found.append(element("circle", None, cx=px(x), cy=px(y), r="1.6", fill=self._colour(thing), fill_opacity="0.55"))  # fmt: skip
        return found

    def thing(self, k: int) -> str:
        """One thing, moving."""
        moments = [scene.things[k] for scene in self.scenes]
        thing, end = moments[0], moments[-1]
        places = np.array([self.at(moment.x, moment.y) for moment in moments])
        leaps = np.hypot(*np.diff(places, axis=0).T) > self.scenes[0].leap * self.scale
        turns = np.array([[-moment.turn] for moment in moments])
        inner = self._turned(thing, end, turns)
        moved = self._animated("transform", places, leaps, kind="translate")
        seen = np.array([[float(moment.shown)] for moment in moments])
        shown = self._animated("opacity", seen, seen[1:, 0] != seen[:-1, 0])
        x, y = places[-1]
        hidden = None if end.shown else "0"
        return element("g", moved + shown + inner, transform=f"translate({px(x)},{px(y)})", opacity=hidden)

    def _turned(self, thing: Thing, end: Thing, turns: FloatArray) -> str:
        shape = self._shape(thing)
        if not turns.any():
            return shape
        moved = self._animated("transform", turns, np.zeros(len(turns) - 1, dtype=bool), kind="rotate")
        return element("g", moved + shape, transform=f"rotate({px(-end.turn)})")

    def _animated(self, attribute: str, values: FloatArray, leaps: FloatArray, kind: str | None = None) -> str:
        """How an attribute changes; nothing if it does not. A leap happens at once."""
        if (values == values[0]).all():
            return ""
        times, kept = list[float](), list[str]()
        cuts = [0, *(int(k) + 1 for k in np.flatnonzero(leaps)), len(values)]
        for start, stop in pairwise(cuts):
            corners = [start + k for k in _corners(self.times[start:stop], values[start:stop], EXACT)]
            if start:  # what was before stays until now
                times.append(float(self.times[start]))
                kept.append(kept[-1])
            times += [float(self.times[k]) for k in corners]
            kept += [",".join(px(v) for v in values[k]) for k in corners]
        times, kept = [*times, self.total], [*kept, kept[-1]]
        name, type_ = ("animateTransform", f' type="{kind}"') if kind else ("animate", "")
        keys = ";".join(f"{t / self.total:.4f}".rstrip("0").rstrip(".") or "0" for t in times)
        return (  # numbers alone, and more of them than `element` lets through
            f'<{name} attributeName="{attribute}"{type_} values="{";".join(kept)}" keyTimes="{keys}" dur="{self.total:.2f}s" repeatCount="indefinite"/>'
        )

    def _colour(self, thing: Thing) -> str:
        return self.palette.soft if thing.player is None else self.palette.player(thing.player)

    def _shape(self, thing: Thing) -> str:
        a, b = thing.length * self.scale / 2, thing.width * self.scale / 2
        colour = self._colour(thing)
        if thing.shape == "burst":
            star = [(r * math.cos(k * math.pi / 8), r * math.sin(k * math.pi / 8)) for k in range(16) for r in [a if k % 2 == 0 else 0.55 * a]]  # fmt: skip
            return element("path", None, d=path(star, closed=True), fill=self.palette.player(7), fill_opacity="0.3", stroke=self.palette.player(7), stroke_width="1.2")  # fmt: skip
        if thing.shape == "car":
            c = min(a, b) * 0.55
            body = path([(-a, -b + c), (-a + c, -b), (a - c, -b), (a, -b + c), (a, b - c), (a - c, b), (-a + c, b), (-a, b - c)], closed=True)  # fmt: skip
            glass = path([(0.25 * a, -0.75 * b), (0.55 * a, -0.6 * b), (0.55 * a, 0.6 * b), (0.25 * a, 0.75 * b)], closed=True)  # fmt: skip
            return element("path", None, d=body, fill=colour) + element("path", None, d=glass, fill="#ffffff", fill_opacity="0.75")  # fmt: skip
        if thing.shape == "plant":
            leaf = [(0.0, -b), (a, 0.0), (0.0, b), (-a, 0.0)]
            return element("path", None, d=path(leaf, closed=True), fill=self.palette.player(2), fill_opacity="0.7")
        disc = element("circle", None, cx="0", cy="0", r=px(a), fill=colour, fill_opacity="0.9")
        if not thing.letter:
            return disc
        size = min(13.0, 1.3 * a)
        return disc + element("text", escape(thing.letter), x="0", y=px(0.36 * size), font_size=px(size), text_anchor="middle", fill="#ffffff", font_weight="bold")  # fmt: skip


def _corners(times: FloatArray, values: FloatArray, off: float) -> list[int]:
    """Indices between which straight lines are nowhere farther than ``off`` from the values."""
    keep = {0, len(times) - 1}
    waiting = [(0, len(times) - 1)]
    while waiting:
        a, b = waiting.pop()
        if b - a < 2:
            continue
        share = ((times[a + 1 : b] - times[a]) / (times[b] - times[a]))[:, None]
        away = np.abs(values[a + 1 : b] - (values[a] + share * (values[b] - values[a]))).max(axis=1)
        if away.max() > off:
            middle = a + 1 + int(away.argmax())
            keep.add(middle)
            waiting += [(a, middle), (middle, b)]
    return sorted(keep)


def _clock(picture: Drawing, stage: _Stage, y: float, across: float, end: float, said: str) -> None:
    """The time as a line that grows, with ticks, and how it ends."""
    palette = picture.palette
    picture.add("rect", x=px(EDGE), y=px(y), width=px(across), height="2", fill=palette.rule)
    grown = stage._animated("width", np.array([[across * t / end] for t in stage.times]), np.zeros(len(stage.times) - 1, dtype=bool)) if end else ""  # fmt: skip
    picture.add("rect", grown, x=px(EDGE), y=px(y), width=px(across), height="2", fill=palette.soft)
    step = next((tick for tick in TICKS if end / tick <= 12), TICKS[-1])
    for second in range(0, int(end) + 1, step):
        x = EDGE + across * second / end if end else EDGE
        picture.add("circle", None, cx=px(x), cy=px(y + 1), r="2.2", fill=palette.soft)
    picture.text(EDGE, y + 20, f"0 to {end:.1f} s, a mark every {step} s", anchor="start", fill=palette.soft)
    picture.text(EDGE + across, y + 20, clean(said, 90), anchor="end")
