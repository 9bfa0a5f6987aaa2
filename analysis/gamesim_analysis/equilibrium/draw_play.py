"""What was chosen at each information set, as bars: what was seen above, what an equilibrium plays below it.

A set that nobody was seen at has no upper bar and says so; nothing is drawn in its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gamesim.core.behaviour import BehaviourProfile
from gamesim.core.extensive_form import ExtensiveFormGame
from gamesim.envs.efg.describe_game import number, places

from .svg_text import FILE, Drawing, Palette, cut, px, width

BAR, SIDE = 260.0, 150.0  # pixels of probability 1, and of the actions' names
HEAD, ROW = 30.0, 27.0
LETTERS = 22
MOST = 40  # sets in one drawing


def draw_play(
    game: ExtensiveFormGame,
    counts: Sequence[Any],
    play: BehaviourProfile | None = None,
    *,
    sets: Sequence[int] | None = None,
    palette: Palette = FILE,
) -> str:
    """Frequencies beside an equilibrium's probabilities, set by set, as SVG text.

    Parameters
    ----------
    counts : one vector an information set, in the order of ``game.sets``.
    play : the equilibrium; without one only frequencies are drawn.
    sets : which sets, by default the first ``MOST``.

    Examples
    --------
    >>> from gamesim.envs.efg.catalog import seed_loan
    >>> draw_play(seed_loan(), [[30, 10], [0, 0]]).count('class="seen"')
    2
    """
    shown = list(range(min(len(game.sets), MOST))) if sets is None else list(sets)
    where = places(game)
    heads = {h: _head(game, h, where[h], counts[h]) for h in shown}
    high = 34 + sum(HEAD + ROW * len(game.sets[h].actions) for h in shown) + 8
    wide = max(SIDE + BAR + 76, *(width(text) + 20 for text in heads.values())) if heads else SIDE + BAR + 76
    picture = Drawing(wide, high, f"{game.name or 'Game tree'}: what was chosen, set by set", palette)
    _legend(picture, play is not None)
    y = 34.0
    for h in shown:
        colour = palette.player(game.sets[h].player)
        picture.text(6, y + 16, heads[h], anchor="start", fill=colour, font_weight="bold")
        y += HEAD
        total = float(sum(counts[h]))
        for a, action in enumerate(game.sets[h].actions):
            picture.text(SIDE - 8, y + 13, cut(action, LETTERS), anchor="end")
            picture.line(SIDE, y, SIDE, y + ROW - 5, stroke=palette.soft, stroke_width="1")
            if total:
                share = float(counts[h][a]) / total
                _bar(picture, y + 1, 11, share, class_="seen", fill=colour)
                picture.text(SIDE + BAR * share + 5, y + 10, f"{share:.2f}", size=10, anchor="start")
            if play is not None:
                odds = float(play[h][a])
                _bar(
                    picture, y + 13, 6, odds, class_="equilibrium", fill="none", stroke=palette.ink, stroke_width="1.2"
                )
                picture.text(SIDE + BAR * odds + 5, y + 21, _odds(play[h][a]), size=9, anchor="start", fill=palette.soft)  # fmt: skip
            y += ROW
    return picture.done()


def _head(game: ExtensiveFormGame, h: int, place: str, counts: Any) -> str:
    total = int(sum(counts))
    seen = f"{total:,} choice{'' if total == 1 else 's'}" if total else "no data"
    return f"{cut(game.players[game.sets[h].player], 24)}, {cut(place, 60)}: {seen}"


def _odds(value: Any) -> str:
    text = number(value)
    return text if len(text) <= 7 else f"{float(value):.3g}"


def _bar(picture: Drawing, y: float, thick: float, share: float, **more: Any) -> None:
    picture.add("rect", None, x=px(SIDE), y=px(y), width=px(BAR * share), height=px(thick), **more)


def _legend(picture: Drawing, both: bool) -> None:
    soft, ink = picture.palette.soft, picture.palette.ink
    picture.add("rect", None, class_="key", x="6", y="8", width="24", height="11", fill=soft)
    picture.text(36, 18, "seen", anchor="start", fill=soft)
    if both:
        picture.add("rect", None, class_="key", x="86", y="10", width="24", height="6", fill="none", stroke=ink)
        picture.text(116, 18, "nearest equilibrium found", anchor="start", fill=soft)
