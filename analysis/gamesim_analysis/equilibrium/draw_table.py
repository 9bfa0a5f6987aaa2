"""A game in normal form as a picture: payoffs of best replies underlined, equilibria framed, and arrows to what is better."""

from __future__ import annotations

from typing import Any

import numpy as np

from gamesim.core.normal_form import NormalFormGame
from gamesim.core.profiles import MixedProfile, is_exact
from gamesim.envs.efg.describe_game import number

from .svg_text import FILE, Drawing, Palette, cut, escape, px, width

ACTIONS = 12  # of a player in one slice
SLICES = 9
CELLS = 300  # of all slices together
LETTERS = 16
HIGH = 40.0


def draw_table(game: NormalFormGame, play: MixedProfile | None = None, *, palette: Palette = FILE) -> str:
    """A table as SVG text; games of three players and more as slices, one for each choice of the others.

    A payoff that is best against what the others play there is underlined. Cells in which everybody's is are framed. In a
    2x2 game arrows lead to the better cell. ``play`` writes its probabilities beside the actions.
    """
    if game.n == 1:
        game = NormalFormGame(np.array([game.payoffs[0][:, None], np.zeros((game.shape[0], 1))]), (game.actions[0], (" ",)), (game.players[0], " "))  # fmt: skip
        play = None
    shape = game.shape
    rows, columns = min(shape[0], ACTIONS), min(shape[1], ACTIONS)
    others = list(np.ndindex(*shape[2:]))[: max(1, min(SLICES, CELLS // (rows * columns)))]
    table: Any = game.payoffs if game.exact is None else game.exact
    best = [table[i] == table[i].max(axis=i, keepdims=True) for i in range(game.n)]
    texts = {
        (r, c, rest): [number(table[i][(r, c, *rest)]) for i in range(game.n)]
        for r in range(rows)
        for c in range(columns)
        for rest in others
    }
    arrows = shape == (2, 2)
    wide = max(max(sum(width(t, 12) + 11 for t in cell) for cell in texts.values()) + 14, 62.0, *(width(_head(game, 1, c, play)) + 12 for c in range(columns)))  # fmt: skip
    wide += 26 if arrows else 0
    high = HIGH + (22 if arrows else 0)
    side = max(width(_head(game, 0, r, play)) for r in range(rows)) + 16
    side = max(side, width(cut(game.players[0], 24)) + 12)
    slice_high = 62 + rows * high
    total = side + columns * wide + 20
    notes = _notes(game, rows, columns, len(others))
    picture = Drawing(max(total, 40 + max((width(note, 10) for note in notes), default=0)), slice_high * len(others) + 16 * len(notes) + 14, f"{game.name or 'Game'} as a table", palette)  # fmt: skip
    for place, rest in enumerate(others):
        top = place * slice_high
        if rest:
            said = ", ".join(f"{game.players[i + 2]}: {game.actions[i + 2][a]}" for i, a in enumerate(rest))
            picture.text(10, top + 14, cut(said, 90), anchor="start", fill=palette.soft)
        picture.text(10, top + 46, cut(game.players[0], 24), anchor="start", fill=palette.player(0), font_weight="bold")
        picture.text(side + columns * wide / 2, top + 26, cut(game.players[1], 40), fill=palette.player(1), font_weight="bold")  # fmt: skip
        for c in range(columns):
            picture.text(side + (c + 0.5) * wide, top + 46, _head(game, 1, c, play), fill=palette.player(1))
        for r in range(rows):
            y = top + 54 + r * high
            picture.text(side - 8, y + high / 2 + 4, _head(game, 0, r, play), anchor="end", fill=palette.player(0))
            for c in range(columns):
                cell = (r, c, *rest)
                stable = all(bool(best[i][cell]) for i in range(game.n))
                _cell(picture, side + c * wide, y, wide, high, texts[r, c, rest], [bool(best[i][cell]) for i in range(game.n)], stable, game)  # fmt: skip
        if arrows:
            _arrows(picture, table, side, top + 54, wide, high)
    for line, note in enumerate(notes):
        picture.text(10, slice_high * len(others) + 12 + 16 * line, note, size=10, anchor="start", fill=palette.soft)
    return picture.done()


def _head(game: NormalFormGame, player: int, action: int, play: MixedProfile | None) -> str:
    """An action's label, with its probability where it is played."""
    name = cut(game.actions[player][action], LETTERS)
    if play is None:
        return name
    chance = play[player][action]
    return f"{name} ({number(chance)})" if chance > (0 if is_exact(play[player]) else 1e-9) else name


def _cell(
    picture: Drawing, x: float, y: float, wide: float, high: float, texts: list[str], best: list[bool], stable: bool, game: NormalFormGame
) -> None:  # fmt: skip
    palette = picture.palette
    picture.add("rect", None, class_="cell equilibrium" if stable else "cell", x=px(x), y=px(y), width=px(wide), height=px(high), fill=palette.card if stable else "none", stroke=palette.rule)  # fmt: skip
    if stable:
        picture.add("rect", None, class_="frame", x=px(x + 2.5), y=px(y + 2.5), width=px(wide - 5), height=px(high - 5), fill="none", stroke=palette.ink, stroke_width="1.6")  # fmt: skip
    total = sum(width(t, 12) for t in texts) + 11 * (len(texts) - 1)
    at = x + (wide - total) / 2
    for i, (text, good) in enumerate(zip(texts, best, strict=True)):
        long = width(text, 12)
        picture.text(at + long / 2, y + high / 2 + 4, text, size=12, fill=palette.player(i), font_weight="bold" if good else None)  # fmt: skip
        if good:
            picture.line(at, y + high / 2 + 8, at + long, y + high / 2 + 8, class_="best-reply", stroke=palette.player(i), stroke_width="1.8")  # fmt: skip
        at += long + 11


def _arrows(picture: Drawing, table: Any, left: float, top: float, wide: float, high: float) -> None:
    """From each cell to the one that a player would rather have; none where both are worth the same."""
    for c in range(2):
        if table[0][0, c] != table[0][1, c]:
            down = table[0][1, c] > table[0][0, c]
            x, middle = left + (c + 0.5) * wide, top + high
            _arrow(picture, x, middle - 13 if down else middle + 13, x, middle + 13 if down else middle - 13, 0)
    for r in range(2):
        if table[1][r, 0] != table[1][r, 1]:
            right = table[1][r, 1] > table[1][r, 0]
            y, middle = top + (r + 0.5) * high, left + wide
            _arrow(picture, middle - 13 if right else middle + 13, y, middle + 13 if right else middle - 13, y, 1)


def _arrow(picture: Drawing, x1: float, y1: float, x2: float, y2: float, player: int) -> None:
    across, down = (x2 > x1) - (x2 < x1), (y2 > y1) - (y2 < y1)
    tip = [(x2, y2), (x2 - 6 * across + 4 * down, y2 - 6 * down + 4 * across), (x2 - 6 * across - 4 * down, y2 - 6 * down - 4 * across)]  # fmt: skip
    d = f"M{px(x1)},{px(y1)}L{px(x2 - 4 * across)},{px(y2 - 4 * down)}M" + "L".join(f"{px(x)},{px(y)}" for x, y in tip) + "Z"  # fmt: skip
    colour = picture.palette.player(player)
    picture.add("path", f"<title>{escape('the better cell')}</title>", class_="arrow", d=d, fill=colour, stroke=colour, stroke_width="1.6")  # fmt: skip


def _notes(game: NormalFormGame, rows: int, columns: int, slices: int) -> list[str]:
    notes = ["Underlined: best against what the others play. Framed: best for everybody at once."]
    if rows < game.shape[0] or columns < game.shape[1]:
        notes.append(f"{rows} of {game.shape[0]:,} rows and {columns} of {game.shape[1]:,} columns are drawn.")
    whole = int(np.prod(game.shape[2:]))
    if slices < whole:
        notes.append(f"{slices} of {whole:,} slices are drawn.")
    return notes
