"""A formal game in plain English, made from the game alone: the same game gives the same bytes.

What a player knows at an information set is what all nodes of the set have in common, and nothing else: other players' and
chance's moves on every path to it, and the player's own past. Players read it, and so do those who check a translation.

    >>> from gamesim.envs.efg.catalog import ferry_fare
    >>> print(describe_game(ferry_fare()).splitlines()[0])
    ferry_fare is a game of 2 players, Skipper and Traveller: 10 nodes, 4 places where somebody moves, 6 endings.
    >>> place(ferry_fare(), 1)
    'after Offer 1'
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from gamesim.core.errors import clean
from gamesim.core.extensive_form import CHANCE, TERMINAL, ExtensiveFormGame
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.preference_game import PreferenceGame
from gamesim.core.symmetric import SymmetricGame

LABEL = 60  # letters of a label that are told
ENDINGS = 200  # endings listed one by one; a larger game says how many there are
PLACES = 400  # places described one by one
CELLS = 400  # entries of a table listed one by one

Step = tuple[int, int, str]  # who moved (CHANCE or a player), the how-manieth move of theirs, and what it was


@dataclass(frozen=True)
class Knowledge:
    """What the mover knows at an information set.

    Attributes
    ----------
    known : moves that every path to the set contains, in their order: who, and what.
    open : moves on which the paths differ: who, and what it may have been; an empty text where some paths lack the move.
    """

    known: tuple[tuple[str, str], ...]
    open: tuple[tuple[str, tuple[str, ...]], ...]


def told(label: str) -> str:
    """A label from a file, made safe to print."""
    return clean(label, LABEL)


def number(value: Any) -> str:
    """Exact numbers as they are, floats with four digits."""
    return str(value) if isinstance(value, (Fraction, int)) else f"{float(value):.4g}"


def one_of(options: Sequence[str], word: str = "or") -> str:
    """``a, b or c``."""
    return options[0] if len(options) == 1 else f"{', '.join(options[:-1])} {word} {options[-1]}"


def history(game: ExtensiveFormGame, node: int) -> tuple[Step, ...]:
    """Moves on the path from the root to a node."""
    steps: list[tuple[int, str]] = []
    while game.above[node] >= 0:
        above = game.above[node]
        at = game.at[above]
        source = game.chances[at].actions if game.kinds[above] == CHANCE else game.sets[at].actions
        steps.append((game.kinds[above], source[game.taken[node]]))
        node = above
    counts: dict[int, int] = {}
    path = []
    for who, action in reversed(steps):
        counts[who] = counts.get(who, 0) + 1
        path.append((who, counts[who], action))
    return tuple(path)


def who_is(game: ExtensiveFormGame, player: int) -> str:
    return "chance" if player == CHANCE else told(game.players[player])


def knowledge(game: ExtensiveFormGame, h: int) -> Knowledge:
    """What is known at a set: a function of the set alone, so that nobody learns at which of its nodes they are."""
    paths = [history(game, node) for node in game.members[h]]
    options: dict[tuple[int, int], dict[str, None]] = {}
    for path in paths:
        for who, count, action in path:
            options.setdefault((who, count), {})[action] = None
    for path in paths:
        present = {(who, count) for who, count, _ in path}
        for key in options:
            if key not in present:
                options[key].setdefault("")
    known, unsure = [], []
    for (who, _), actions in options.items():
        names = tuple(told(action) for action in actions)
        if len(names) == 1:
            known.append((who_is(game, who), names[0]))
        else:
            unsure.append((who_is(game, who), names))
    return Knowledge(tuple(known), tuple(unsure))


def places(game: ExtensiveFormGame) -> list[str]:
    """A name for every information set that a reader recognises: its label, else the moves known to have led there."""
    names: list[str] = [""] * len(game.sets)
    for own in game.sets_of:
        labels = [game.sets[h].label for h in own]
        seen = ["" if label and labels.count(label) == 1 else _way(game, h) for h, label in zip(own, labels, strict=True)]  # fmt: skip
        for count, (h, label, way) in enumerate(zip(own, labels, seen, strict=True), 1):
            if way and seen.count(way) > 1:
                way += f" (place {count})"
            names[h] = f"at {told(label)}, {way}" if label and way else f"at {told(label)}" if label else way
    return names


def place(game: ExtensiveFormGame, h: int) -> str:
    """The name of one information set; see ``places``."""
    return places(game)[h]


def _way(game: ExtensiveFormGame, h: int) -> str:
    if game.members[h][0] == 0:
        return "at the start"
    seen = knowledge(game, h).known
    return "after " + ", ".join(action for _, action in seen) if seen else "not knowing what was played"


def knows(game: ExtensiveFormGame, h: int) -> str:
    """One sentence: what the mover knows there and what not."""
    seen = knowledge(game, h)
    known = ", ".join(f"{who} played {action}" if who != "chance" else f"chance drew {action}" for who, action in seen.known)  # fmt: skip
    unsure = []
    for who, actions in seen.open:
        said = [action for action in actions if action]
        verb = "drew" if who == "chance" else "played"
        rest = " or did not move" if "" in actions else ""
        unsure.append(f"whether {who} {verb} {one_of(said)}{rest}")
    if not known and not unsure:
        return "nothing has happened"
    text = f"knows that {known}" if known else "knows of no move"
    return text + (f"; does not know {', nor '.join(unsure)}" if unsure else "")


def describe_game(game: Any) -> str:
    """A game in words: players, chance, every place where somebody moves, and what all endings pay.

    Parameters
    ----------
    game : an ``ExtensiveFormGame``, or one that has a table.

    Returns
    -------
    Lines of text without a last line break; nothing depends on anything but the game.

    Raises
    ------
    TypeError
        For anything else.
    """
    if isinstance(game, ExtensiveFormGame):
        return _tree(game)
    if isinstance(game, (NormalFormGame, SymmetricGame, PreferenceGame)):
        return _table(game.to_normal_form())
    raise TypeError(f"a {type(game).__name__} cannot be described as a game")


def _tree(game: ExtensiveFormGame) -> str:
    players = [told(name) for name in game.players]
    name = told(game.name) or "This"
    several = f"{len(players)} players, {one_of(players, 'and')}" if len(players) > 1 else f"1 player, {players[0]}"
    lines = [
        f"{name} is a game of {several}: {game.size:,} nodes, {len(game.sets):,} places where somebody moves,"
        f" {len(game.payoffs):,} endings."
    ]
    if _simultaneous(game):
        lines.append("Each moves once, without knowing what the other plays. What they get:")
        return "\n".join([*lines, *_rows(game.to_normal_form())])
    lines += _chance(game)
    where = places(game)
    for i, player in enumerate(players):
        own = game.sets_of[i]
        lines.append(f"{player} moves at {len(own):,} place{'' if len(own) == 1 else 's'}" + (":" if own else "."))
        for h in own[:PLACES]:
            actions = one_of([told(action) for action in game.sets[h].actions])
            lines.append(f"  - {where[h]}: {knows(game, h)}. May play {actions}.")
        if len(own) > PLACES:
            lines.append(f"  - and {len(own) - PLACES:,} more places.")
    if game.forgetful_sets:
        forgetful = sorted({game.sets[h].player for h in game.forgetful_sets})
        lines.append(f"{one_of([players[i] for i in forgetful], 'and')} may forget what they did or knew.")
    return "\n".join([*lines, *_endings(game, players)])


def _chance(game: ExtensiveFormGame) -> list[str]:
    """Each draw of chance once: after what it happens, and with which probabilities."""
    found: dict[tuple[int, int], list[tuple[Step, ...]]] = {}
    for node, kind in enumerate(game.kinds):
        if kind == CHANCE:
            path = history(game, node)
            found.setdefault((game.at[node], len(path)), []).append(path)
    lines = []
    for (at, depth), paths in list(found.items())[:PLACES]:
        drawn = game.chances[at]
        odds = ", ".join(f"{told(a)} {p}" for a, p in zip(drawn.actions, drawn.probabilities, strict=True))
        moves = ", ".join(told(action) for _, _, action in paths[0])
        when = f"After {moves}, chance" if len(paths) == 1 else f"After {depth} moves, at {len(paths):,} nodes, chance"
        lines.append(f"{when if depth else 'First of all, chance'} draws: {odds}.")
    return lines


def _endings(game: ExtensiveFormGame, players: Sequence[str]) -> list[str]:
    """What endings pay, as a list nested like the game."""
    if len(game.payoffs) > ENDINGS:
        amounts = [value for payoffs in game.payoffs for value in payoffs]
        return [f"The {len(game.payoffs):,} endings pay between {min(amounts)} and {max(amounts)}."]
    lines = [f"What they get, for {one_of(players, 'and')} in this order:"]
    for node in range(1, game.size):
        depth = len(history(game, node))
        above = game.above[node]
        at = game.at[above]
        source = game.chances[at].actions if game.kinds[above] == CHANCE else game.sets[at].actions
        step = f"{who_is(game, game.kinds[above])}: {told(source[game.taken[node]])}"
        pays = f" -> {_vector(game.payoffs[game.at[node]])}" if game.kinds[node] == TERMINAL else ""
        lines.append(f"{'  ' * depth}{step}{pays}")
    return lines if game.size > 1 else [f"Nobody moves; they get {_vector(game.payoffs[0])}."]


def _simultaneous(game: ExtensiveFormGame) -> bool:
    """Two players who each move once, neither seeing the other's move, and no chance."""
    return game.n == 2 and len(game.sets) == 2 and not game.chances and game.depth == 2 and all(len(own) == 1 for own in game.sets_of) and not game.perfect_information  # fmt: skip


def _table(game: NormalFormGame) -> str:
    players = [told(name) for name in game.players]
    size = "x".join(str(k) for k in game.shape)
    lines = [f"{told(game.name) or 'This'} is a game of {len(players)} player{'s' if len(players) > 1 else ''}, {one_of(players, 'and')}, who move once and at the same time: {size} choices."]  # fmt: skip
    for player, actions in zip(players, game.actions, strict=True):
        shown = [told(action) for action in actions[:PLACES]]
        more = f" and {len(actions) - PLACES:,} more" if len(actions) > PLACES else ""
        lines.append(f"{player} may play {one_of(shown)}{more}.")
    return "\n".join([*lines, "What they get:", *_rows(game)])


def _rows(game: NormalFormGame) -> list[str]:
    """The payoffs: two players as a table with aligned columns, more as one line for each combination."""
    import numpy as np

    table = game.payoffs if game.exact is None else game.exact
    cells = int(np.prod(game.shape))
    if cells > CELLS:
        return [f"  {cells:,} combinations, paying between {number(table.min())} and {number(table.max())}."]
    if game.n == 2:
        head = ["", *(told(a) for a in game.actions[1])]
        body = [
            [told(a), *(_vector([table[i][r][c] for i in range(2)]) for c in range(game.shape[1]))]
            for r, a in enumerate(game.actions[0])
        ]
        widths = [max(len(row[k]) for row in [head, *body]) for k in range(len(head))]
        rows = ["  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in [head, *body]]  # fmt: skip
        return [*rows, f"  Rows are {told(game.players[0])}'s, columns {told(game.players[1])}'s."]
    lines = []
    for cell in np.ndindex(*game.shape):
        names = ", ".join(told(game.actions[i][a]) for i, a in enumerate(cell))
        lines.append(f"  {names} -> {_vector([table[i][cell] for i in range(game.n)])}")
    return lines


def _vector(payoffs: Sequence[Any]) -> str:
    return "(" + ", ".join(number(value) for value in payoffs) + ")"
