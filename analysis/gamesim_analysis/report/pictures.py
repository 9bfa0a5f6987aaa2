"""Pictures that charts do not draw, as SVG text in the page's colours: who is mixed when, and cells one may point at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gamesim.core.arrays import FloatArray
from gamesim_analysis.equilibrium.svg_text import PAGE, Drawing, cut, element, escape, path, px, width

LEVELS = 8  # shades of a tint
COLUMNS, ROWS = 60, 48  # of a picture of shares


@dataclass(frozen=True)
class Cell:
    """A cell of a table of two players: a line for each, how dark it is (0 to 1), and what pointing at it says."""

    lines: Sequence[str]
    tint: float
    hover: str


def shares_over(shares: FloatArray, times: Sequence[str], names: Sequence[str], *, title: str, x: str) -> str:
    """How often each of many policies is played over time: dark is often; NaN is not there yet.

    Parameters
    ----------
    shares : shape (policies, times); more than ``ROWS`` or ``COLUMNS`` are put together, of each group the largest.
    """
    rows, columns = _groups(len(names), ROWS), _groups(len(times), COLUMNS)
    label = max((width(cut(names[own[0]], 18)) for own in rows), default=20.0) + 14
    wide = max(4.0, min(26.0, 300.0 / len(columns)))
    high = max(5.0, min(18.0, 420.0 / len(rows)))
    picture = Drawing(label + wide * len(columns) + 12, 22 + high * len(rows) + 40, title, PAGE)
    picture.text(label, 12, title, anchor="start", size=11.5, font_weight="bold")
    levels: dict[int, list[str]] = {}
    for r, own in enumerate(rows):
        for c, span in enumerate(columns):
            part = shares[np.ix_(own, span)]
            share = float(np.nanmax(part)) if np.isfinite(part).any() else np.nan
            if np.isfinite(share) and share > 5e-4:
                level = min(LEVELS, max(1, int(np.ceil(share * LEVELS))))
                at = (label + c * wide, 22 + r * high)
                box = ((at[0], at[1]), (at[0] + wide - 0.6, at[1]), (at[0] + wide - 0.6, at[1] + high - 0.6), (at[0], at[1] + high - 0.6))  # fmt: skip
                levels.setdefault(level, []).append(path(box, closed=True))
    frame = (label, 22.0, wide * len(columns), high * len(rows))
    picture.add("rect", None, x=px(frame[0]), y=px(frame[1]), width=px(frame[2]), height=px(frame[3]), fill=PAGE.card)
    for level, parts in sorted(levels.items()):
        picture.add("path", None, d="".join(parts), fill=PAGE.players[0], fill_opacity=f"{0.12 + 0.88 * level / LEVELS:.2f}")  # fmt: skip
    every = max(1, int(np.ceil(13 / high)))
    for r in range(0, len(rows), every):
        picture.text(label - 6, 22 + (r + 0.5) * high + 3.5, cut(names[rows[r][0]], 18), anchor="end", size=10, fill=PAGE.soft)  # fmt: skip
    each = max(1, int(np.ceil(30 / wide)))
    for c in range(0, len(columns), each):
        picture.text(label + (c + 0.5) * wide, 22 + high * len(rows) + 13, times[columns[c][0]], size=10, fill=PAGE.soft)  # fmt: skip
    picture.text(label + frame[2] / 2, 22 + high * len(rows) + 30, x, size=11, fill=PAGE.soft)
    return picture.done()


def _groups(n: int, most: int) -> list[list[int]]:
    size = -(-n // most)
    return [list(range(k, min(k + size, n))) for k in range(0, n, size)]


def table_of_cells(cells: Mapping[tuple[int, int], Cell], rows: Sequence[str], columns: Sequence[str], *, sides: tuple[str, str], title: str) -> str:  # fmt: skip
    """A table of two players: the first line of a cell in the first player's colour, the second in the second's."""
    left = max([width(cut(name, 22)) for name in rows] + [width(cut(sides[0], 22))]) + 16
    longest = max(
        [len(line) for cell in cells.values() for line in cell.lines] + [min(len(name), 18) for name in columns] + [8]
    )
    wide, high, top = longest * 6.3 + 14, 40.0, 42.0
    picture = Drawing(left + wide * len(columns) + 8, top + high * len(rows) + 6, title, PAGE)
    picture.text(left + wide * len(columns) / 2, 12, cut(sides[1], 60), size=11, fill=PAGE.player(1), font_weight="bold")  # fmt: skip
    picture.text(left - 8, 30, cut(sides[0], 22), anchor="end", size=11, fill=PAGE.player(0), font_weight="bold")
    for c, name in enumerate(columns):
        picture.text(left + (c + 0.5) * wide, 30, cut(name, max(4, int(wide / 6.4))), size=11, fill=PAGE.player(1))
    for r, name in enumerate(rows):
        picture.text(left - 8, top + (r + 0.5) * high + 4, cut(name, 22), anchor="end", size=11, fill=PAGE.player(0))
        for c in range(len(columns)):
            cell = cells.get((r, c))
            if cell is None:
                continue
            at, down = left + c * wide, top + r * high
            parts = [element("title", escape(cell.hover))]
            parts.append(element("rect", None, x=px(at), y=px(down), width=px(wide - 2), height=px(high - 2), fill=PAGE.card))  # fmt: skip
            if cell.tint > 0:
                parts.append(element("rect", None, x=px(at), y=px(down), width=px(wide - 2), height=px(high - 2), fill=PAGE.players[1], fill_opacity=f"{0.5 * cell.tint:.2f}"))  # fmt: skip
            for k, line in enumerate(cell.lines[:2]):
                y = down + high / 2 + (4 if len(cell.lines) == 1 else -4 + 15 * k)
                parts.append(element("text", escape(line), x=px(at + wide / 2 - 1), y=px(y), font_size="11", text_anchor="middle", fill=PAGE.ink if cell.tint else PAGE.player(k)))  # fmt: skip
            picture.add("g", "".join(parts))
    return picture.done()
