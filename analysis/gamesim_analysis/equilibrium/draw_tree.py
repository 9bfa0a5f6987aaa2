"""A game tree as a picture: layers from the root down, leaves beside one another, parents above the middle of theirs.

Who moves is said twice, by colour and by initial; chance is a square. Nodes that a player cannot tell apart are joined by
a dashed line. With a solution the moves that are played are bold and carry their probability.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from gamesim.core.behaviour import BehaviourProfile
from gamesim.core.extensive_form import CHANCE, TERMINAL, ExtensiveFormGame
from gamesim.envs.efg.describe_game import number, places

from .svg_text import FILE, Drawing, Palette, cut, element, escape, path, px, width

LEAVES_APART = 40.0
LEVEL = 92.0
RADIUS = 11.0
MOST = 400  # nodes drawn; subtrees beyond are folded
LETTERS = 14  # of a label in the picture; its title has it whole
LEGEND = 34.0


def draw_tree(
    game: ExtensiveFormGame, play: BehaviourProfile | None = None, *, palette: Palette = FILE, most: int = MOST
) -> str:
    """A tree as SVG text.

    Parameters
    ----------
    play : what to draw bold.
    most : nodes drawn one by one; the rest is folded into triangles with a count, the nodes nearest the root stay.
    """
    shown, folded = visible(game, most)
    apart = _apart(game, shown, play)
    x, y = _layout(game, shown, folded, apart)
    margin = max(26.0, apart / 2)
    bottom = max(y[node] + _below(game, node, folded) for node in shown)
    wide = max(max(x[node] for node in shown) + margin, _legend_width(game))
    left = min(0.0, min(x[node] for node in shown) - margin)
    picture = Drawing(wide - left, bottom + 14, f"{game.name or 'Game tree'}: {game.size:,} nodes", palette)
    x = {node: at - left for node, at in x.items()}
    _legend(picture, game)
    _sets(picture, game, x, y, shown, folded)
    for node in shown:
        if node:
            _edge(picture, game, node, x, y, play)
    where = places(game)
    for node in shown:
        _node(picture, game, node, x[node], y[node], folded, play, where)
    return picture.done()


def visible(game: ExtensiveFormGame, most: int) -> tuple[list[int], dict[int, int]]:
    """Nodes to draw, in pre-order, and for each folded one how many nodes its subtree holds; level by level from the root."""
    opened: set[int] = set()
    count, level = 1, [0]
    while level:
        below: list[int] = []
        for node in level:
            children = game.children[node]
            if children and count + len(children) <= max(most, 1):
                opened.add(node)
                count += len(children)
                below += children
        level = below
    shown = [node for node in range(game.size) if node == 0 or game.above[node] in opened]
    folded = {node: game.end[node] - node for node in shown if game.children[node] and node not in opened}
    return shown, folded


def _label(game: ExtensiveFormGame, node: int) -> str:
    """The move that leads to a node."""
    above = game.above[node]
    at = game.at[above]
    drawn = game.kinds[above] == CHANCE
    action = (game.chances[at].actions if drawn else game.sets[at].actions)[game.taken[node]]
    return cut(action, LETTERS)


def _odds(game: ExtensiveFormGame, node: int, play: BehaviourProfile | None) -> str:
    """The probability beside a move: chance always, a player's where it is played."""
    above = game.above[node]
    at, taken = game.at[above], game.taken[node]
    if game.kinds[above] == CHANCE:
        return number(game.chances[at].probabilities[taken])
    if play is None or not _played(game, node, play):
        return ""
    return number(play[at][taken])


def _played(game: ExtensiveFormGame, node: int, play: BehaviourProfile | None) -> bool:
    above = game.above[node]
    if play is None or game.kinds[above] == CHANCE:
        return False
    vector = play[game.at[above]]
    return bool(vector[game.taken[node]] > (0 if vector.dtype == object else 1e-9))


def _apart(game: ExtensiveFormGame, shown: Sequence[int], play: BehaviourProfile | None) -> float:
    """How far leaves stand apart: 40 pixels, more where labels would meet."""
    leaves = [node for node in shown if game.kinds[node] == TERMINAL]
    payoffs = max((width(number(value), 10.5) for node in leaves for value in game.payoffs[game.at[node]]), default=0)
    moves = 0.0
    for node in shown[1:]:
        if game.kinds[node] == TERMINAL:
            text = max(_label(game, node), _odds(game, node, play), key=len)
            moves = max(moves, width(text, 10) / 0.78)
    return max(LEAVES_APART, payoffs + 8, moves + 4)


def _layout(
    game: ExtensiveFormGame, shown: Sequence[int], folded: dict[int, int], apart: float
) -> tuple[dict[int, float], dict[int, float]]:
    depth = {0: 0}
    for node in shown[1:]:
        depth[node] = depth[game.above[node]] + 1
    x: dict[int, float] = {}
    column = 0
    inner = [node for node in shown if game.children[node] and node not in folded]
    for node in shown:
        if not game.children[node] or node in folded:
            x[node] = apart / 2 + column * apart
            column += 1
    for node in reversed(inner):
        below = game.children[node]
        x[node] = (x[below[0]] + x[below[-1]]) / 2
    return x, {node: LEGEND + 18 + depth[node] * LEVEL for node in shown}


def _below(game: ExtensiveFormGame, node: int, folded: dict[int, int]) -> float:
    if node in folded:
        return 46.0
    return 8.0 + 13 * game.n if game.kinds[node] == TERMINAL else RADIUS


def _legend_width(game: ExtensiveFormGame) -> float:
    names = [cut(name, 24) for name in game.players]
    return 20 + sum(34 + width(name) for name in names) + (90 if game.chances else 0) + 130


def _legend(picture: Drawing, game: ExtensiveFormGame) -> None:
    at = 16.0
    for i, name in enumerate(game.players):
        shown = cut(name, 24)
        colour = picture.palette.player(i)
        picture.add("circle", None, class_="key", cx=px(at), cy="16", r="7", fill=colour)
        picture.text(at + 13, 20, shown, anchor="start", fill=colour)
        at += 34 + width(shown)
    if game.chances:
        picture.add(
            "rect", None, class_="key", x=px(at - 6), y="10", width="12", height="12", fill=picture.palette.soft
        )
        picture.text(at + 13, 20, "chance", anchor="start", fill=picture.palette.soft)
        at += 90
    if any(len(nodes) > 1 for nodes in game.members):
        picture.line(at - 8, 16, at + 16, 16, class_="key", stroke=picture.palette.ink, stroke_width="1.4", stroke_dasharray="5 4")  # fmt: skip
        picture.text(at + 22, 20, "cannot tell apart", anchor="start", fill=picture.palette.soft)


def _sets(
    picture: Drawing, game: ExtensiveFormGame, x: dict[int, float], y: dict[int, float], shown: Sequence[int], folded: dict[int, int]
) -> None:  # fmt: skip
    """A dashed line through the nodes of every information set with two members or more that are drawn."""
    there = set(shown)
    used: dict[float, int] = {}
    for h, nodes in enumerate(game.members):
        drawn = [node for node in nodes if node in there]
        if len(drawn) < 2:
            continue
        level = min(y[node] for node in drawn)
        lift = 8 + 7 * (used.setdefault(level, 0) % 4)
        used[level] += 1
        steps = [f"M{px(x[drawn[0]])},{px(y[drawn[0]])}"]
        for one, other in pairwise(drawn):
            if abs(y[one] - y[other]) < 1:
                middle = (x[one] + x[other]) / 2
                steps.append(f"Q{px(middle)},{px(y[one] - 2 * lift)} {px(x[other])},{px(y[other])}")
            else:
                steps.append(f"L{px(x[other])},{px(y[other])}")
        colour = picture.palette.player(game.sets[h].player)
        title = f"<title>{escape(f'{game.players[game.sets[h].player]} cannot tell these {len(nodes)} nodes apart')}</title>"  # fmt: skip
        picture.add("path", title, class_="information-set", d="".join(steps), fill="none", stroke=colour, stroke_width="1.4", stroke_dasharray="5 4")  # fmt: skip


def _edge(
    picture: Drawing, game: ExtensiveFormGame, node: int, x: dict[int, float], y: dict[int, float], play: Any
) -> None:
    above = game.above[node]
    played = _played(game, node, play)
    who = game.kinds[above]
    colour = picture.palette.soft if who == CHANCE or not played else picture.palette.player(who)
    picture.line(
        x[above], y[above], x[node], y[node],
        class_="edge played" if played else "edge", stroke=colour, stroke_width="3.2" if played else "1.1",
    )  # fmt: skip
    across = x[above] + 0.78 * (x[node] - x[above])
    down = y[above] + 0.62 * (y[node] - y[above])
    odds = _odds(game, node, play)
    _halo(picture, across, down, _label(game, node), 10, bold=played)
    if odds:
        _halo(picture, across, down + 12, odds, 9.5, bold=played, soft=True)


def _halo(picture: Drawing, x: float, y: float, said: str, size: float, *, bold: bool, soft: bool = False) -> None:
    """Text on a patch of paper, so that lines do not run through it."""
    wide = width(said, size)
    paper = picture.palette.paper if picture.palette.paper != "none" else "var(--paper)"
    picture.add("rect", None, class_="patch", x=px(x - wide / 2), y=px(y - size + 1), width=px(wide), height=px(size + 1), fill=paper, fill_opacity="0.85")  # fmt: skip
    picture.text(x, y, said, size=size, fill=picture.palette.soft if soft else picture.palette.ink, font_weight="bold" if bold else None)  # fmt: skip


def _node(
    picture: Drawing,
    game: ExtensiveFormGame,
    node: int,
    x: float,
    y: float,
    folded: dict[int, int],
    play: Any,
    where: Sequence[str],
) -> None:
    who, at = game.kinds[node], game.at[node]
    ink = picture.palette.ink
    if node in folded:
        corners = [(x, y - 9), (x + 17, y + 21), (x - 17, y + 21)]
        shape = element("path", None, d=path(corners, True), fill=picture.palette.card, stroke=picture.palette.soft)
        said = element("text", f"{folded[node]:,}", x=px(x), y=px(y + 34), font_size="10", text_anchor="middle", fill=ink)  # fmt: skip
        title = f"{folded[node]:,} nodes folded here"
    elif who == TERMINAL:
        shape = element("circle", None, cx=px(x), cy=px(y), r="2.5", fill=ink)
        said = "".join(
            element("text", escape(number(value)), class_="payoff", x=px(x), y=px(y + 15 + 13 * i), font_size="10.5", text_anchor="middle", fill=picture.palette.player(i))
            for i, value in enumerate(game.payoffs[at])
        )  # fmt: skip
        title = "; ".join(f"{name} {value}" for name, value in zip(game.players, game.payoffs[at], strict=True))
    elif who == CHANCE:
        shape = element("rect", None, x=px(x - 7), y=px(y - 7), width="14", height="14", fill=picture.palette.soft)
        said = ""
        title = f"chance: {game.chances[at].label or 'a draw'}"
    else:
        shape = element("circle", None, cx=px(x), cy=px(y), r=px(RADIUS), fill=picture.palette.player(who))
        said = element("text", escape(_initial(game, who)), x=px(x), y=px(y + 4), font_size="10.5", font_weight="bold", text_anchor="middle", fill="var(--paper)" if picture.palette.paper == "none" else "#ffffff")  # fmt: skip
        title = f"{game.players[who]}, {where[at]}"
        if play is not None:
            mix = ", ".join(f"{a} {number(p)}" for a, p in zip(game.sets[at].actions, play[at], strict=True) if p)
            title += f": plays {mix}"
    picture.parts.append(element("g", f"<title>{escape(title)}</title>{shape}{said}", class_="node"))


def _initial(game: ExtensiveFormGame, who: int) -> str:
    """The first letter of a name, or its number where two begin alike."""
    letters = [name[:1].upper() for name in game.players]
    return letters[who] if letters.count(letters[who]) == 1 and letters[who].strip() else str(who + 1)
